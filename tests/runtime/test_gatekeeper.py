"""The gatekeeper beside a broker that stops at a given step: what is where, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from streams.errors import Exit, Fatal, Reason, Unavailable
from streams.runtime import events, settings
from streams.runtime.events import Done, Incoming, Message, Outcome, Rejected
from streams.runtime.gate import Passage
from streams.runtime.gatekeeper import Gatekeeper
from streams.runtime.hops import Hop
from streams.runtime.metrics import Metrics
from streams.runtime.outbox import always

HOP = Hop(("tag_entities",), "cleaned", "enriched", "dead", "group", last=True, gate=("state", "held"))
EVERYWHERE = ("enriched", "en", "de")
SOON_SECONDS = 0.2
PATIENCE_SECONDS = 10.0
"""For what must happen: only a failing test waits so long."""


@dataclass
class Broker:
    """Takes deliveries, and can refuse them."""

    deliveries: list[list[Message]] = field(default_factory=list)
    refuse: Callable[[Sequence[Message]], bool] = lambda _: False
    away: bool = False

    async def deliver(self, messages: Sequence[Message], may: Callable[[], bool] = always) -> Sequence[int]:
        await asyncio.sleep(0)
        while self.away and messages:
            if not may():
                raise Unavailable("away")
            await asyncio.sleep(0.01)
        if self.refuse(messages):
            raise Fatal(Exit.UNAVAILABLE, "not authorised")
        if messages:
            self.deliveries.append(list(messages))
        return range(len(messages))

    def topics(self) -> list[list[str]]:
        """The topics of each delivery."""
        return [[message.topic for message in delivery] for delivery in self.deliveries]


@dataclass
class House:
    """A gatekeeper that has read all there is: its topics are empty."""

    gate: Gatekeeper
    broker: Broker
    owned: set[int] | None = field(default_factory=lambda: {0})
    in_session: bool = True
    offset: int = 0

    async def judge(self, *releases: tuple[bytes, Passage]) -> list[Outcome | None]:
        """Have releases judged and delivered, as the loop does it."""
        incoming = [self._incoming(key, passage) for key, passage in releases]
        outcomes = [_done(event, passage) for event, (_, passage) in zip(incoming, releases, strict=True)]
        judged: list[Outcome | None] = []
        for run in self.gate.runs(outcomes):
            async with self.gate.turn():
                found = await self.gate.judge(incoming[run], outcomes[run])
                for part in ("ahead", "messages"):
                    messages = [m for o in found if isinstance(o, Done) for m in getattr(o, part)]
                    self.gate.delivered(messages, await self.broker.deliver(messages))
                judged += found
        return judged

    def _incoming(self, key: bytes, passage: Passage) -> Incoming:
        self.offset += 1
        return Incoming("cleaned", 0, self.offset, 0, key, None if passage.tombstone else b"{}", ())


def _done(event: Incoming, passage: Passage) -> Done:
    value = None if passage.tombstone else b"{}"
    headers = (("ce_type", b"newsmill.release.enriched.v1"),)
    topics = ("enriched",) if passage.status == "canceled" else ("enriched", "en")
    return Done(tuple(Message(topic, event.key, value, headers) for topic in topics), "en", (), passage=passage)


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> AsyncIterator[House]:
    """A gatekeeper at work."""
    broker = Broker()
    loaded = settings.load(None, {"gate": changes})
    gate = Gatekeeper(
        HOP, EVERYWHERE, broker, loaded.broker, loaded.gate, Metrics(CollectorRegistry()),
        lambda topic, main: replace(main, topic=topic),
    )  # fmt: skip

    async def nothing_to_read(_: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(gate, "_catch_up", nothing_to_read)
    house = House(gate, broker)
    task = asyncio.create_task(gate.run(lambda: house.owned, lambda: house.in_session))
    try:
        yield house
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():
            await asyncio.sleep(0.01)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=SOON_SECONDS)


def state(message: Message) -> Any:
    return orjson.loads(message.value or b"null")


async def test_what_is_decided_is_on_the_broker_before_anything_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable")), (b"b", Passage(1, "usable")))
    assert house.broker.topics() == [["state", "state"], ["en", "enriched", "en", "enriched"]]
    assert {message.partition for message in house.broker.deliveries[0]} == {0}


async def test_of_two_versions_that_come_together_the_first_is_out_before_the_second_is_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable")), (b"a", Passage(2, "usable")))
    assert house.broker.topics() == [["state"], ["en", "enriched"], ["state"], ["en", "enriched"]]
    second = house.broker.deliveries[3][0]
    assert events.header(second.headers, "ce_corrects") == "1"


async def test_a_version_that_was_out_is_taken_back_when_it_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable")))
        await house.judge((b"a", Passage(2, "withheld", mark="w")))
    _, _, ahead, kills = house.broker.deliveries
    assert [message.topic for message in ahead] == ["held", "state"]
    assert [(kill.topic, kill.key, kill.value) for kill in kills] == [("en", b"a", None), ("enriched", b"a", None)]
    assert events.header(kills[0].headers, "ce_type") == "newsmill.release.enriched.v1.kill"


async def test_what_was_held_is_sent_then_remembered_then_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        (judged,) = await house.judge((b"a", Passage(1, "usable", soon())))
        assert isinstance(judged, Done)
        assert judged.held
        assert house.broker.topics() == [["held", "state"]]
        await until(lambda: len(house.broker.deliveries) == 4)
    assert house.broker.topics()[1:] == [["en", "enriched"], ["state"], ["held"]]
    assert state(house.broker.deliveries[2][0])["status"] == "usable"
    assert house.broker.deliveries[3][0].value is None
    assert not [name for name, _ in house.broker.deliveries[1][0].headers if name.startswith("newsmill.held")]


async def test_what_cannot_be_sent_stays_held_and_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable", soon())))
        house.broker.refuse = lambda messages: any(message.topic == "enriched" for message in messages)
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(house.gate.run(lambda: house.owned, lambda: house.in_session), PATIENCE_SECONDS)
        assert caught.group_contains(Fatal)
        assert house.broker.topics() == [["held", "state"]], "neither remembered as out nor let go"


async def test_an_hour_that_comes_in_a_rebalance_is_kept_after_it_and_nobody_waits_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable", soon())))
        house.owned = None
        house.gate.suspend()
        waiting = asyncio.create_task(house.judge((b"b", Passage(1, "usable"))))
        await asyncio.sleep(2 * SOON_SECONDS)
        assert not waiting.done()
        assert house.broker.topics() == [["held", "state"]]
        house.owned = {0}
        async with asyncio.timeout(PATIENCE_SECONDS):
            await waiting
        await until(lambda: ["held"] in house.broker.topics())
    assert ["en", "enriched"] in house.broker.topics()


async def test_an_event_of_a_partition_that_has_gone_is_left_to_its_new_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable", soon())))
        house.owned = {1}
        house.gate.suspend()
        assert await house.judge((b"b", Passage(1, "usable"))) == [None]
        await asyncio.sleep(2 * SOON_SECONDS)
    assert house.broker.topics() == [["held", "state"]]


async def test_after_a_stand_still_nothing_goes_out_before_what_others_wrote_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[set[int]] = []

    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable", soon())))
        house.in_session = False  # frozen: the group has not heard of us, and may have given our partitions away
        waiting = asyncio.create_task(house.judge((b"b", Passage(1, "usable"))))
        await asyncio.sleep(2 * SOON_SECONDS)
        assert not waiting.done()
        assert house.broker.topics() == [["held", "state"]]

        async def killed_elsewhere(partitions: set[int]) -> None:
            read.append(set(partitions))
            house.gate._take_in(TopicPartition("held", 0), _Record(b"a", None))

        monkeypatch.setattr(house.gate, "_catch_up", killed_elsewhere)
        house.in_session = True
        async with asyncio.timeout(PATIENCE_SECONDS):
            await waiting
        await asyncio.sleep(SOON_SECONDS)
    assert read == [{0}]
    keys = {m.key for delivery in house.broker.deliveries for m in delivery if m.topic in EVERYWHERE}
    assert keys == {b"b"}


async def test_cut_off_in_mid_delivery_it_sends_no_more_of_what_was_killed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable", soon())))
        house.broker.away = True
        await asyncio.sleep(2 * SOON_SECONDS)  # its hour comes, and its delivery is tried and tried again

        async def killed_elsewhere(_: set[int]) -> None:
            house.gate._take_in(TopicPartition("held", 0), _Record(b"a", None))

        monkeypatch.setattr(house.gate, "_catch_up", killed_elsewhere)
        house.in_session = False
        await asyncio.sleep(SOON_SECONDS)
        house.broker.away = False
        house.in_session = True
        await asyncio.sleep(2 * SOON_SECONDS)
    assert house.broker.topics() == [["held", "state"]]


@dataclass
class _Record:
    """A record of one of the gate's topics."""

    key: bytes
    value: bytes | None


async def test_what_is_held_is_not_forgotten_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch, remember=1000) as house:
        hour = datetime.now(UTC) + timedelta(seconds=1)
        await house.judge((b"held", Passage(2, "usable", hour)))
        await house.judge((b"early", Passage(2, "usable")))
        await house.judge(*((f"r{n}".encode(), Passage(1, "usable")) for n in range(1001)))
        held, early = await house.judge((b"held", Passage(1, "usable")), (b"early", Passage(1, "usable")))
        assert isinstance(held, Rejected)
        assert held.reason == Reason.SUPERSEDED
        assert isinstance(early, Done), "its memory has an end"
        await until(lambda: ["held"] in house.broker.topics())


async def test_past_what_it_may_hold_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    hour = datetime.now(UTC) + timedelta(hours=1)
    async with running(monkeypatch, held=1) as house:
        first, second = await house.judge((b"a", Passage(1, "usable", hour)), (b"b", Passage(1, "usable", hour)))
        (again,) = await house.judge((b"a", Passage(2, "usable", hour)))
    assert isinstance(first, Done)
    assert isinstance(second, Rejected)
    assert second.reason == Reason.EMBARGOED
    assert isinstance(again, Done)


async def test_a_kill_that_comes_when_the_hour_has_come_goes_where_the_release_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have gone out just before a crash, and nobody could remember it."""
    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable", soon())))
        async with house.gate.turn():  # the clock has to wait
            await asyncio.sleep(2 * SOON_SECONDS)
            kill = Passage(0, "canceled", tombstone=True, mark="k")
            event = Incoming("cleaned", 0, 2, 0, b"a", None, ())
            (judged,) = await house.gate.judge([event], [_done(event, kill)])
        assert isinstance(judged, Done)
        assert [(m.topic, m.value) for m in judged.messages] == [("en", None), ("enriched", None), ("held", None)]
        await asyncio.sleep(SOON_SECONDS)
    assert house.broker.topics() == [["held", "state"]]


async def test_what_is_read_back_of_a_release_that_was_just_decided_on_is_older(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rebalance in the middle of a delivery: the partition stays ours and is read again."""
    async with running(monkeypatch) as house:
        await house.judge((b"a", Passage(1, "usable")))
        (out,) = house.broker.deliveries[0]
        async with house.gate.turn():
            event = Incoming("cleaned", 0, 2, 0, b"a", None, ())
            await house.gate.judge([event], [_done(event, Passage(0, "canceled", tombstone=True, mark="k"))])
            house.gate._take_in(TopicPartition("state", 0), Read(out.key, out.value))
        (again,) = await house.judge((b"a", Passage(1, "usable")))
    assert isinstance(again, Rejected), "it was killed"


@dataclass(frozen=True)
class Read:
    """A record as the gatekeeper reads it."""

    key: bytes | None
    value: bytes | None
    headers: tuple[()] = ()
    offset: int = 0
