"""The guarded loop: nothing is acked before its outcome is on the broker, whatever happens around it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import structlog
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from streams.errors import Exit, Fatal, Reason, Unavailable
from streams.runtime import events, settings
from streams.runtime.agents import Loop
from streams.runtime.consumer import Consumer
from streams.runtime.events import Done, Incoming, Message, Outcome, Rejected
from streams.runtime.findings import Findings
from streams.runtime.gatekeeper import Gatekeeper
from streams.runtime.hops import Hop
from streams.runtime.metrics import Metrics
from streams.runtime.outbox import always
from streams.runtime.settings import DeadLetter, Window

HOP = Hop(("tag_entities",), "cleaned", "enriched", "dead", "group", last=True)

SEND_SECONDS = 0.1
"""`dead_letter.send_seconds`: as short as a loaded machine bears."""

SOON_SECONDS = 5.0
"""For what must happen: only a failing test waits so long."""

FINDINGS = Findings("en", "somebody", 0.9, 0.5, (("body", 3),), (("PLACE", 2),))
BAD = b"bad"
"""The value of a release that becomes a dead letter."""

BUGGY = b"buggy"
"""The value of a release that a stage breaks on."""


@dataclass
class Kafka:
    """All that is around the loop, and what it saw, in order."""

    history: list[tuple[str, Any]] = field(default_factory=list)
    deliver_first: Callable[[Sequence[Message]], Awaitable[None]] | None = None
    """Called before messages count as delivered: waits, or raises."""
    work: Callable[[Sequence[Incoming]], Awaitable[None]] | None = None
    """Called before a window's outcomes are there: waits, or raises."""
    queue: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    windows: list[list[bytes | None]] = field(default_factory=list)
    sent: Counter[int] = field(default_factory=Counter)
    """Events by partition."""

    # --- as Faust's stream ---

    def noack(self) -> "Kafka":
        return self

    async def events(self) -> AsyncIterator[Any]:
        while True:
            yield await self.queue.get()

    async def ack(self, event: Any) -> None:
        self.history.append(("ack", event.message.place))

    # --- as our consumer ---

    def settle(self, message: Any) -> None:
        self.history.append(("settle", message.place))

    # --- as the pool ---

    processes: int = 1

    async def process(self, hop: str, window: Sequence[Incoming]) -> list[Outcome]:
        assert hop == HOP.name
        self.windows.append([incoming.key for incoming in window])
        if self.work is not None:
            await self.work(window)
        return [outcome(incoming) for incoming in window]

    async def ready(self) -> Mapping[str, str]:
        return {}

    def close(self) -> None: ...

    # --- as the outbox ---

    async def deliver(self, messages: Sequence[Message], may: Callable[[], bool] = always) -> Sequence[int]:
        if self.deliver_first is not None:
            await self.deliver_first(messages)
        self.history.extend((message.topic, message.key) for message in messages)
        return [0] * len(messages)

    # --- for the test ---

    def send(self, *keys: str, value: bytes | None = b"good", partition: int = 0) -> None:
        for key in keys:
            self.queue.put_nowait(Event(_Message(partition, self.sent[partition], key.encode(), value)))
            self.sent[partition] += 1

    def seen(self, kind: str) -> list[Any]:
        return [what for name, what in self.history if name == kind]


@dataclass
class _Message:
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Any = None
    timestamp: float | None = 1_700_000_000.0
    topic: str = HOP.source

    @property
    def place(self) -> tuple[int, int]:
        return self.partition, self.offset


@dataclass
class Event:
    message: _Message


def outcome(incoming: Incoming) -> Outcome:
    if incoming.value == BUGGY:
        return Rejected(Reason.BUG, "secret traceback", "tag_entities")
    if incoming.value is not None and incoming.value.startswith(BAD):
        return Rejected(Reason.INVALID, "is bad", "tag_entities")
    return Done(
        (Message(HOP.target, incoming.key, incoming.value, (("ce_id", incoming.key),)),),
        "en",
        (0.001,),
        kill=incoming.value is None,
        findings=None if incoming.value is None else FINDINGS,
    )


def loop(kafka: Kafka, metrics: Metrics | None = None, *, share: float = 1.0, minimum: int = 50, **window: Any) -> Loop:
    bounds: dict[str, Any] = {"releases": 4, "bytes": 1_048_576, "in_flight": 2, "linger_seconds": 0.0}
    dead_letter = DeadLetter(limit_share=share, limit_window=10, limit_minimum=minimum, send_seconds=SEND_SECONDS)
    metrics = metrics or Metrics(CollectorRegistry())
    return Loop(HOP, kafka, kafka, Window(**bounds | window), dead_letter, metrics)


@asynccontextmanager
async def running(kafka: Kafka, made: Loop) -> AsyncIterator["asyncio.Task[None]"]:
    tasks = [
        asyncio.create_task(made.run()),
        asyncio.create_task(made.consume(kafka, cast(Consumer, kafka))),
    ]
    try:
        yield tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


async def settle_down() -> None:
    """Let everything happen that can happen without us."""
    for _ in range(200):
        await asyncio.sleep(0)


async def stopped(task: "asyncio.Task[None]") -> Fatal:
    """Wait for the loop to stop the worker."""
    async with asyncio.timeout(SOON_SECONDS):
        with pytest.raises(ExceptionGroup) as caught:
            await task
    (error,) = caught.value.exceptions
    assert isinstance(error, Fatal)
    return error


# --- Acks -----------------------------------------------------------------------------------------------------------


async def test_an_event_is_acked_only_once_its_outcome_is_delivered() -> None:
    gate = asyncio.Event()
    kafka = Kafka(deliver_first=lambda _: cast(Awaitable[None], gate.wait()))
    async with running(kafka, loop(kafka)):
        kafka.send("a", "b")
        await settle_down()
        assert (kafka.windows, kafka.history) == ([[b"a", b"b"]], [])
        gate.set()
        await until(lambda: len(kafka.seen("ack")) == 2)
    assert kafka.history == [
        ("enriched", b"a"),
        ("enriched", b"b"),
        ("settle", (0, 0)),
        ("ack", (0, 0)),
        ("settle", (0, 1)),
        ("ack", (0, 1)),
    ]


async def test_a_window_that_is_finished_early_waits_for_the_one_before() -> None:
    first = asyncio.Event()

    async def work(window: Sequence[Incoming]) -> None:
        if window[0].offset == 0:
            await first.wait()

    kafka = Kafka(work=work)
    async with running(kafka, loop(kafka, releases=2)):
        kafka.send("a", "b", "c", "d")
        await until(lambda: len(kafka.windows) == 2)
        await settle_down()
        assert kafka.history == []
        first.set()
        await until(lambda: len(kafka.seen("ack")) == 4)
    assert kafka.seen("enriched") == [b"a", b"b", b"c", b"d"]
    assert kafka.seen("settle") == [(0, n) for n in range(4)]


async def test_a_delivery_that_is_hopeless_stops_the_loop_with_nothing_acked() -> None:
    async def refuse(_: Sequence[Message]) -> None:
        raise Fatal(Exit.UNAVAILABLE, "not authorised")

    kafka = Kafka(deliver_first=refuse)
    async with running(kafka, loop(kafka)) as task:
        kafka.send("a")
        assert (await stopped(task)).exit_code == Exit.UNAVAILABLE
    assert kafka.history == []


async def test_a_pool_that_is_broken_stops_the_loop_with_nothing_acked() -> None:
    async def broken(_: Sequence[Incoming]) -> None:
        raise Fatal(Exit.FAILED, "the stages cannot be loaded")

    kafka = Kafka(work=broken)
    async with running(kafka, loop(kafka)) as task:
        kafka.send("a")
        assert (await stopped(task)).exit_code == Exit.FAILED
    assert kafka.history == []


async def test_a_stream_that_breaks_stops_the_worker_because_an_event_may_be_missing() -> None:
    kafka = Kafka()
    async with running(kafka, loop(kafka)) as task:
        kafka.queue.put_nowait("not an event")
        kafka.send("behind")
        assert "AttributeError" in str(await stopped(task))
    assert kafka.history == []


async def test_an_agent_that_faust_cancels_stops_the_worker_rather_than_start_again_behind_an_event() -> None:
    kafka = Kafka()
    made = loop(kafka)
    run = asyncio.create_task(made.run())
    agent = asyncio.create_task(made.consume(kafka, cast(Consumer, kafka)))
    await settle_down()
    agent.cancel()
    assert (await stopped(run)).exit_code == Exit.FAILED


async def test_an_agent_that_is_cancelled_after_draining_is_an_ordinary_stop() -> None:
    kafka = Kafka()
    made = loop(kafka)
    run = asyncio.create_task(made.run())
    agent = asyncio.create_task(made.consume(kafka, cast(Consumer, kafka)))
    assert await made.drain(1)
    agent.cancel()
    await settle_down()
    assert not run.done()
    run.cancel()


# --- Dead letters ---------------------------------------------------------------------------------------------------


async def test_dead_letters_go_before_the_enriched_events_of_their_window() -> None:
    kafka = Kafka()
    kafka.send("a")
    kafka.send("b", value=BAD)
    kafka.send("c")
    async with running(kafka, loop(kafka)):
        await until(lambda: len(kafka.seen("ack")) == 3)
    assert kafka.history[:3] == [("dead", b"b"), ("enriched", b"a"), ("enriched", b"c")]


async def hang(messages: Sequence[Message]) -> None:
    if messages and messages[0].topic == HOP.dead_letters:
        await asyncio.Event().wait()


async def refuse(messages: Sequence[Message]) -> None:
    if messages and messages[0].topic == HOP.dead_letters:
        raise Fatal(Exit.UNAVAILABLE, "no such topic")


@pytest.mark.parametrize("trouble", [hang, refuse])
async def test_a_dead_letter_that_cannot_be_produced_stops_the_loop_with_nothing_of_its_window_sent(
    trouble: Callable[[Sequence[Message]], Awaitable[None]],
) -> None:
    kafka = Kafka(deliver_first=trouble)
    kafka.send("a")
    kafka.send("b", value=BAD)
    async with running(kafka, loop(kafka)) as task:
        error = await stopped(task)
    assert error.exit_code == Exit.DEAD_LETTER_UNAVAILABLE
    assert "1 dead letters cannot be produced to dead" in str(error)
    assert kafka.history == []


async def test_slow_delivery_of_enriched_events_is_waited_out() -> None:
    """The limit in time is for dead letters alone: a broker that is away blocks, and loses nothing."""

    async def slow(_: Sequence[Message]) -> None:
        await asyncio.sleep(2 * SEND_SECONDS)

    kafka = Kafka(deliver_first=slow)
    kafka.send("a")
    async with running(kafka, loop(kafka)):
        await until(lambda: kafka.seen("ack") == [(0, 0)])


async def test_too_many_dead_letters_stop_the_loop_before_their_window_is_sent() -> None:
    kafka = Kafka()
    kafka.send("a")
    kafka.send("b", "c", value=BAD)
    async with running(kafka, loop(kafka, share=0.5, minimum=3)) as task:
        error = await stopped(task)
    assert error.exit_code == Exit.DEAD_LETTER_LIMIT
    assert "2 of the last 3 releases became dead letters" in str(error)
    assert "invalid" in str(error)
    assert kafka.history == []


@pytest.mark.parametrize(
    ("good", "bad", "minimum"), [(2, 2, 4), (0, 3, 4)], ids=["no more than the share", "fewer than the minimum"]
)
async def test_some_dead_letters_are_ordinary(good: int, bad: int, minimum: int) -> None:
    kafka = Kafka()
    kafka.send(*(f"g{n}" for n in range(good)))
    kafka.send(*(f"b{n}" for n in range(bad)), value=BAD)
    async with running(kafka, loop(kafka, share=0.5, minimum=minimum)):
        await until(lambda: len(kafka.seen("ack")) == good + bad)


async def test_the_limit_looks_at_the_latest_releases_only() -> None:
    """Three bad ones an hour ago must not stop the worker that has done ten thousand since, nor excuse it."""
    kafka = Kafka()
    async with running(kafka, loop(kafka, share=0.5, minimum=4, releases=1)) as task:
        kafka.send(*(f"g{n}" for n in range(100)))
        await until(lambda: len(kafka.seen("ack")) == 100)
        kafka.send(*(f"b{n}" for n in range(10)), value=BAD)
        await stopped(task)
    assert len(kafka.seen("dead")) == 5, "six of the last ten are too many, ninety good ones before them or not"


# --- Windows --------------------------------------------------------------------------------------------------------


async def test_a_window_holds_no_more_than_its_count() -> None:
    kafka = Kafka()
    kafka.send(*map(str, range(10)))
    async with running(kafka, loop(kafka, releases=4)):
        await until(lambda: len(kafka.seen("ack")) == 10)
    assert max(map(len, kafka.windows)) == 4
    assert [key for window in kafka.windows for key in window] == [str(n).encode() for n in range(10)]


async def test_a_window_is_closed_by_the_release_that_reaches_its_bytes() -> None:
    kafka = Kafka()
    kafka.send("a", "b", "c", value=b"x" * 600)
    kafka.send("huge", value=b"x" * 5_000)
    async with running(kafka, loop(kafka, bytes=1_024)):
        await until(lambda: len(kafka.seen("ack")) == 4)
    assert kafka.windows == [[b"a", b"b"], [b"c", b"huge"]]


async def test_a_release_that_comes_alone_goes_alone_and_at_once() -> None:
    kafka = Kafka()
    async with running(kafka, loop(kafka, releases=32)):
        for number in range(3):
            kafka.send(str(number))
            await until(lambda sent=number + 1: len(kafka.seen("ack")) == sent)  # type: ignore[misc]
    assert kafka.windows == [[b"0"], [b"1"], [b"2"]]


async def test_releases_that_come_close_together_share_a_window() -> None:
    kafka = Kafka()
    async with running(kafka, loop(kafka, releases=32, linger_seconds=0.2)):
        kafka.send("a")
        await settle_down()
        kafka.send("b")
        await until(lambda: len(kafka.seen("ack")) == 2)
    assert kafka.windows == [[b"a", b"b"]]


async def test_what_is_in_hand_is_bounded_while_nothing_moves() -> None:
    gate = asyncio.Event()
    kafka = Kafka(work=lambda _: cast(Awaitable[None], gate.wait()))
    metrics = Metrics(CollectorRegistry())
    async with running(kafka, loop(kafka, metrics, releases=4, in_flight=2)):
        kafka.send(*map(str, range(100)))
        await settle_down()
        assert list(map(len, kafka.windows)) == [4, 4]
        # Two windows at work, one's worth pending, one event in the stream's hand.
        assert metrics.registry.get_sample_value("news_in_flight", {"hop": HOP.name}) == 12
        assert kafka.queue.qsize() == 100 - 13
        gate.set()
        await until(lambda: len(kafka.seen("ack")) == 100)


# --- Stopping -------------------------------------------------------------------------------------------------------


async def test_draining_finishes_what_is_in_hand_and_takes_nothing_more() -> None:
    gate = asyncio.Event()
    kafka = Kafka(work=lambda _: cast(Awaitable[None], gate.wait()))
    made = loop(kafka)
    async with running(kafka, made):
        kafka.send("a", "b")
        await until(lambda: kafka.windows == [[b"a", b"b"]])
        draining = asyncio.create_task(made.drain(SOON_SECONDS))
        await settle_down()
        kafka.send("late")
        gate.set()
        assert await draining
        await settle_down()
    assert (kafka.seen("ack"), kafka.windows) == ([(0, 0), (0, 1)], [[b"a", b"b"]])


async def test_draining_gives_up_when_its_time_is_over() -> None:
    kafka = Kafka(work=lambda _: cast(Awaitable[None], asyncio.Event().wait()))
    made = loop(kafka)
    async with running(kafka, made):
        kafka.send("a")
        await until(lambda: bool(kafka.windows))
        assert not await made.drain(0.01)
    assert kafka.history == []


async def test_settled_is_at_once_true_when_nothing_is_in_hand_and_lets_new_events_in() -> None:
    kafka = Kafka()
    made = loop(kafka)
    async with running(kafka, made):
        assert await made.settled(0.01)
        kafka.send("a")
        await until(lambda: kafka.seen("ack") == [(0, 0)])


# --- What goes to the pool ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, ()),
        ({"a": b"1"}, (("a", b"1"),)),
        ([("a", b"1"), ("a", b"2")], (("a", b"1"), ("a", b"2"))),
        ([("a", None)], (("a", None),)),
    ],
)
async def test_an_event_goes_to_the_pool_with_all_that_it_had(headers: Any, expected: events.Headers) -> None:
    taken: list[Incoming] = []

    async def work(window: Sequence[Incoming]) -> None:
        taken.extend(window)

    kafka = Kafka(work=work)
    async with running(kafka, loop(kafka)):
        kafka.queue.put_nowait(Event(_Message(3, 7, None, b"v", headers, timestamp=1_700_000_000.123)))
        kafka.queue.put_nowait(Event(_Message(3, 8, b"k", None, headers, timestamp=None)))
        await until(lambda: len(taken) == 2)
    assert taken == [
        Incoming("cleaned", 3, 7, 1_700_000_000_123, None, b"v", expected),
        Incoming("cleaned", 3, 8, 0, b"k", None, expected),
    ]


async def test_every_event_is_counted_once_by_its_outcome() -> None:
    kafka = Kafka()
    metrics = Metrics(CollectorRegistry())
    kafka.send("a", "b", "a")
    kafka.send("c", value=BAD)
    kafka.send("d", value=None)
    async with running(kafka, loop(kafka, metrics)):
        await until(lambda: len(kafka.seen("ack")) == 5)
    samples = _samples(metrics)
    expected = {
        ("news_received_total", HOP.name): 5,
        ("news_sent_total", HOP.name): 4,
        ("news_dead_letters_total", HOP.name, "tag_entities", "invalid"): 1,
        ("news_kills_total", HOP.name): 1,
        ("news_duplicates_total", HOP.name): 1,
        ("news_releases_total", "en", "other"): 3,
        ("news_entities_total", "en", "PLACE"): 6,
        ("news_in_flight", HOP.name): 0,
        ("news_age_seconds_count", HOP.name): 5,
        ("news_stage_duration_seconds_count", "tag_entities"): 4,
    }
    assert {name: samples[name] for name in expected} == expected


async def test_received_is_sent_and_dead_lettered_and_in_flight_at_every_moment() -> None:
    gate = asyncio.Semaphore(0)
    kafka = Kafka(work=lambda _: cast(Awaitable[None], gate.acquire()))
    metrics = Metrics(CollectorRegistry())
    async with running(kafka, loop(kafka, metrics, releases=3)):
        for number in range(20):
            kafka.send(str(number), value=BAD if number % 4 == 0 else b"good")
        for _ in range(30):
            gate.release()
            await asyncio.sleep(0)
            samples = _samples(metrics)
            outcomes = ("news_sent_total", "news_dead_letters_total", "news_in_flight")
            assert sum(value for name, value in samples.items() if name[0] in outcomes) == sum(
                value for name, value in samples.items() if name[0] == "news_received_total"
            )
        await until(lambda: len(kafka.seen("ack")) == 20)
    samples = _samples(metrics)
    assert samples["news_sent_total", HOP.name] == 15
    assert samples["news_dead_letters_total", HOP.name, "tag_entities", "invalid"] == 5


async def test_the_oldest_event_in_hand_is_known_per_partition() -> None:
    kafka = Kafka(work=lambda _: cast(Awaitable[None], asyncio.Event().wait()))
    made = loop(kafka, releases=1)
    async with running(kafka, made):
        for number, (partition, at) in enumerate([(0, 100.0), (1, 300.0), (0, 50.0)]):
            kafka.queue.put_nowait(Event(_Message(partition, number, b"k", b"v", timestamp=at)))
        await until(lambda: made.oldest() == {0: 50.0, 1: 300.0})


def _samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in metrics.registry.collect()
        for sample in metric.samples
    }


async def test_a_release_that_failed_on_our_account_is_logged_with_its_place_and_without_its_words() -> None:
    kafka = Kafka()
    kafka.send("bad", value=BAD)
    kafka.send("buggy", value=BUGGY, partition=3)
    with structlog.testing.capture_logs() as lines:
        async with running(kafka, loop(kafka)):
            await until(lambda: len(kafka.seen("ack")) == 2)
    (line,) = lines
    assert {name: line[name] for name in ("reason", "stage", "topic", "partition", "offset", "release", "trace")} == {
        "reason": "bug",
        "stage": "tag_entities",
        "topic": HOP.source,
        "partition": 3,
        "offset": 0,
        "release": "buggy",
        "trace": "",
    }
    assert "secret" not in str(line)


# --- Whatever happens -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """What comes in, and what goes wrong on the way."""

    releases: list[tuple[int, bool]]
    """(partition, bad) in the order of arrival."""
    window: int
    in_flight: int
    slowness: list[int]
    """Turns of the event loop that the nth window's work takes."""
    failing_delivery: int | None
    failing_work: int | None
    hangs: bool


stories = st.builds(
    Story,
    releases=st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=25),
    window=st.integers(1, 5),
    in_flight=st.integers(1, 3),
    slowness=st.lists(st.integers(0, 40), min_size=25, max_size=25),
    failing_delivery=st.none() | st.integers(0, 20),
    failing_work=st.none() | st.integers(0, 10),
    hangs=st.booleans(),
)


@given(stories)
@example_settings(max_examples=150, deadline=None)
def test_what_is_settled_is_a_prefix_of_its_partition_and_all_of_it_was_delivered_before(story: Story) -> None:
    history, failed = asyncio.run(_play(story))
    offsets: dict[int, int] = defaultdict(int)
    delivered: dict[int, list[int]] = defaultdict(list)
    for kind, what in history:
        if kind in (HOP.target, HOP.dead_letters):
            partition, offset, bad = what.split(b"-")
            assert (kind == HOP.dead_letters) == (bad == b"True")
            delivered[int(partition)].append(int(offset))
        else:
            partition, offset = what
            assert offset in delivered[partition]
            if kind == "settle":
                assert offset == offsets[partition], "one after the other, none left out"
                offsets[partition] += 1
    assert [what for kind, what in history if kind == "settle"] == [what for kind, what in history if kind == "ack"]
    assert all(len(set(each)) == len(each) for each in delivered.values()), "nothing is delivered twice in one life"
    if not failed:
        assert sum(offsets.values()) == len(story.releases)
    for kind in (HOP.target, HOP.dead_letters):
        for partition in offsets:
            keys = [k for name, k in history if name == kind and k.startswith(b"%d-" % partition)]
            assert [int(k.split(b"-")[1]) for k in keys] == sorted(int(k.split(b"-")[1]) for k in keys)


async def _play(story: Story) -> tuple[list[tuple[str, Any]], bool]:
    works, deliveries = iter(range(1_000)), iter(range(1_000))

    async def work(_: Sequence[Incoming]) -> None:
        number = next(works)
        for _turn in range(story.slowness[number % len(story.slowness)]):
            await asyncio.sleep(0)
        if number == story.failing_work:
            raise Fatal(Exit.FAILED, "the pool is broken")

    async def deliver_first(messages: Sequence[Message]) -> None:
        if next(deliveries) == story.failing_delivery:
            if story.hangs and messages and messages[0].topic == HOP.dead_letters:
                await asyncio.Event().wait()  # until the loop's own limit
            raise Fatal(Exit.UNAVAILABLE, "the broker is gone for good")

    kafka = Kafka(work=work, deliver_first=deliver_first)
    counts: dict[int, int] = defaultdict(int)
    for partition, bad in story.releases:
        key = f"{partition}-{counts[partition]}-{bad}".encode()
        kafka.queue.put_nowait(Event(_Message(partition, counts[partition], key, BAD if bad else b"good")))
        counts[partition] += 1
    async with running(kafka, loop(kafka, releases=story.window, in_flight=story.in_flight)) as task:
        async with asyncio.timeout(SOON_SECONDS):
            while not task.done() and len(kafka.seen("ack")) < len(story.releases):
                await asyncio.sleep(0)
        return kafka.history, task.done()


async def test_what_could_not_be_delivered_in_the_session_is_judged_again_and_acked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that was cut off in mid-delivery may have lost its partitions: its next attempt needs a new verdict."""
    attempts: list[list[str]] = []
    loaded, metrics = settings.load(None, {}), Metrics(CollectorRegistry())

    async def cut_off_at_first(messages: Sequence[Message]) -> None:
        attempts.append([message.topic for message in messages])
        if len(attempts) == 2:  # the first is of what goes ahead: nothing
            raise Unavailable("the session is over")

    kafka = Kafka(deliver_first=cut_off_at_first)
    made = loop(kafka, metrics)
    gate = Gatekeeper(
        replace(HOP, last=True, gate=("state", "held")), (HOP.target,), kafka, loaded.broker, loaded.gate, metrics,
        lambda _, main: main,
    )  # fmt: skip
    judged: list[int] = []
    judge = gate.judge

    async def counted(incoming: Sequence[Incoming], outcomes: Sequence[Outcome]) -> list[Outcome | None]:
        judged.append(len(incoming))
        return await judge(incoming, outcomes)

    async def nothing_to_read(_: object) -> None: ...

    monkeypatch.setattr(gate, "judge", counted)
    monkeypatch.setattr(gate, "_catch_up", nothing_to_read)
    made._gate = gate
    guarding = asyncio.create_task(gate.run(lambda: {0}, lambda: True))
    try:
        async with running(kafka, made):
            kafka.send("a")
            await until(lambda: bool(kafka.seen("ack")))
            await settle_down()
    finally:
        guarding.cancel()
        await asyncio.gather(guarding, return_exceptions=True)
    assert judged == [1, 1]
    assert kafka.seen(HOP.target) == [b"a"]
    assert len(kafka.seen("ack")) == 1
