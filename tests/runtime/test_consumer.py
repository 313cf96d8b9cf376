"""Whose word counts for a commit: Faust's own bookkeeping, as it is, beside ours (docs/adr/0003-own-commit-offsets.md).

The tests named `test_faust_…` hold the defects that `streams.runtime.consumer` is there for. When one fails after an
upgrade, that defect is mended, and the record and our class may shrink.
"""

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncIterator
from typing import Any

import faust
import pytest
from aiokafka import ConsumerRecord
from faust.events import Event
from faust.types import TP
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from streams.runtime.consumer import App, Consumer

TOPIC = "news.release.raw.v1"
HERE = TP(TOPIC, 0)
ELSEWHERE = TP(TOPIC, 1)

GENERATION = 2
"""Of the group, now."""

C_EXTENSION = importlib.util.find_spec("faust._cython.streams") is not None

ITERATORS = [
    "_py_aiter",
    pytest.param(
        "_c_aiter",
        marks=pytest.mark.skipif(not C_EXTENSION, reason="Faust's C extension is not built"),
    ),
]


def make(kind: type[faust.App]) -> Any:
    """An app that never connects."""
    app: Any = kind(
        "test", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False, topic_disable_leader=True
    )
    app.consumer_generation_id = GENERATION
    app.topics._acking_topics.add(TOPIC)
    app.flow_control.resume()
    return app


def message(app: Any, offset: int, tp: TP = HERE, generation: int = GENERATION) -> Any:
    """As Faust makes it of what aiokafka fetched."""
    record: Any = ConsumerRecord(tp.topic, tp.partition, offset, 0, 0, b"k", b"v", None, 1, 1, ())
    made = app.consumer._to_message(tp, record)
    made.generation_id = generation
    return made


@pytest.fixture
async def theirs() -> Any:
    return make(faust.App)


@pytest.fixture
async def ours() -> Any:
    return make(App)


# --- Gaps -----------------------------------------------------------------------------------------------------------


async def test_faust_commits_past_a_single_event_in_flight(theirs: Any) -> None:
    theirs.consumer._committed_offset[HERE] = 5
    for offset in (6, 7):  # 5 is still at work
        theirs.consumer.ack(message(theirs, offset))
    assert theirs.consumer._new_offset(HERE) == 8


async def test_faust_commits_past_any_events_in_flight_while_nothing_is_committed(theirs: Any) -> None:
    for offset in (41, 42):  # 0 to 40 are still at work
        theirs.consumer.ack(message(theirs, offset))
    assert theirs.consumer._new_offset(HERE) == 43


async def test_faust_holds_back_for_two_events_in_flight(theirs: Any) -> None:
    """The check is there, and off by one."""
    theirs.consumer._committed_offset[HERE] = 5
    theirs.consumer.ack(message(theirs, 7))
    assert theirs.consumer._new_offset(HERE) is None


async def test_ours_commits_nothing_that_was_only_acked(ours: Any) -> None:
    for offset in (5, 6, 7):
        ours.consumer.ack(message(ours, offset))
    assert offsets(ours.consumer) == {}


async def test_ours_commits_one_past_the_last_settled(ours: Any) -> None:
    for offset in (5, 6, 9):  # 7 and 8 were compacted away
        ours.consumer.settle(message(ours, offset))
    ours.consumer.settle(message(ours, 3, ELSEWHERE))
    assert offsets(ours.consumer) == {HERE: 10, ELSEWHERE: 4}


async def test_ours_never_goes_back(ours: Any) -> None:
    """An event from before a rebalance may be settled after its redelivery."""
    for offset in (5, 6, 5):
        ours.consumer.settle(message(ours, offset))
    assert offsets(ours.consumer) == {HERE: 7}


async def test_ours_commits_nothing_twice(ours: Any) -> None:
    ours.consumer.settle(message(ours, 5))
    ours.consumer._committed_offset[HERE] = 6
    assert offsets(ours.consumer) == {}


async def test_ours_commits_the_topics_that_are_asked_for(ours: Any) -> None:
    ours.consumer.settle(message(ours, 5))
    ours.consumer.settle(message(ours, 5, ELSEWHERE))
    pending = ours.consumer._filter_tps_with_pending_acks
    assert [list(pending(which)) for which in ({HERE}, {TOPIC}, {"other"})] == [[HERE], [HERE, ELSEWHERE], []]


@given(
    st.lists(
        st.tuples(st.sampled_from(["ack", "settle"]), st.sampled_from([HERE, ELSEWHERE]), st.integers(0, 20)),
        max_size=30,
    )
)
@example_settings(max_examples=60, deadline=None)
def test_ours_commits_what_was_settled_whatever_was_acked(events: list[tuple[str, TP, int]]) -> None:
    async def play() -> tuple[dict[TP, int], dict[TP, int]]:
        app = make(App)
        expected: dict[TP, int] = {}
        for what, tp, offset in events:
            getattr(app.consumer, what)(message(app, offset, tp))
            if what == "settle":
                expected[tp] = max(expected.get(tp, 0), offset + 1)
        return offsets(app.consumer), expected

    found, expected = asyncio.run(play())
    assert found == expected


def offsets(consumer: Consumer) -> dict[TP, int]:
    """What the next commit would be."""
    return consumer._filter_committable_offsets(consumer._filter_tps_with_pending_acks())


# --- What a stream skips --------------------------------------------------------------------------------------------


async def test_faust_acks_what_its_streams_in_python_skip_although_told_not_to_ack(theirs: Any) -> None:
    """An event that was fetched before a rebalance, and whose turn comes after it, is acked and never seen."""
    assert await acked_by_skipping(theirs, "_py_aiter") == {7}
    assert theirs.consumer._new_offset(HERE) == 8


@pytest.mark.skipif(not C_EXTENSION, reason="Faust's C extension is not built")
async def test_faust_does_not_ack_what_its_streams_in_c_skip(theirs: Any) -> None:
    """So the defect shows only where Faust was installed without its C extension."""
    assert await acked_by_skipping(theirs, "_c_aiter") == set()


@pytest.mark.parametrize("iterator", ITERATORS)
async def test_ours_commits_nothing_that_a_stream_skipped(ours: Any, iterator: str) -> None:
    await acked_by_skipping(ours, iterator)
    assert offsets(ours.consumer) == {}


async def acked_by_skipping(app: Any, iterator: str) -> set[int]:
    """Put an event of an earlier generation and one of this one through a `noack` stream; returns what was acked."""
    stream = app.channel().stream().noack()
    old, new = message(app, 7, generation=GENERATION - 1), message(app, 8)
    for each in (old, new):
        each.incref()
        await stream.channel.queue.put(Event(app, each.key, each.value, {}, each))
    async with asyncio.timeout(5), contextlib.aclosing(getattr(stream, iterator)()) as events:
        assert await first(events) == b"v"  # the new one
    await app.stop()
    return {each.offset for each in (old, new) if each.acked}


async def first(events: AsyncIterator[Any]) -> Any:
    async for each in events:
        return each
    return None


# --- Rebalances -----------------------------------------------------------------------------------------------------


async def test_faust_has_forgotten_the_acks_when_its_callbacks_for_a_rebalance_could_commit_them(theirs: Any) -> None:
    theirs.consumer._committed_offset[HERE] = 5
    theirs.consumer.ack(message(theirs, 5))
    assert await committable_on_revoke(theirs) is None


async def test_ours_keeps_them_until_the_callbacks_are_done_and_forgets_them_then(ours: Any) -> None:
    ours.consumer.settle(message(ours, 5))
    ours.consumer.settle(message(ours, 2, ELSEWHERE))
    assert await committable_on_revoke(ours) == 6
    assert offsets(ours.consumer) == {ELSEWHERE: 3}, "what came back may stand at another offset by then"


async def committable_on_revoke(app: Any) -> int | None:
    """Take the partition away; returns what the application's callback could still commit."""
    seen = []

    async def callback(_: set[TP]) -> None:
        seen.append(app.consumer._new_offset(HERE))

    app.consumer._on_partitions_revoked = callback
    await app.consumer.on_partitions_revoked({HERE})
    (offset,) = seen
    return offset  # type: ignore[no-any-return]


# --- The rest of the contract with Faust ----------------------------------------------------------------------------


async def test_our_app_makes_our_consumer(ours: Any) -> None:
    assert isinstance(ours.own_consumer, Consumer)
    assert ours.own_consumer is ours.consumer


async def test_an_ack_frees_what_faust_waits_for_on_a_stop_once(ours: Any) -> None:
    event = message(ours, 5)
    ours.consumer.track_message(event)
    assert [ours.consumer.ack(event), ours.consumer.ack(event)] == [True, False]
    assert event not in ours.consumer.unacked


async def test_gaps_that_the_broker_leaves_are_not_collected(ours: Any) -> None:
    await ours.consumer._add_gap(HERE, 3, 9)
    assert not ours.consumer._gap


async def test_a_session_runs_out_when_no_heartbeat_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = make(App).consumer
    assert not consumer.in_session(6.0), "never joined"
    now = 100.0
    monkeypatch.setattr("streams.runtime.consumer.time.monotonic", lambda: now)
    consumer.hear(now)
    now = 105.9
    assert consumer.in_session(6.0)
    now = 106.1
    assert not consumer.in_session(6.0)
    consumer.hear(106.0)
    assert consumer.in_session(6.0)
