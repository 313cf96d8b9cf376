"""The gate as a model: whatever comes, no consumer sees a lower version after a higher one, nor a killed one again."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streams.errors import Reason
from streams.records import PubStatus
from streams.runtime.gate import Hold, Memory, Passage, Refuse, Send, judge, release

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MAIN, GERMAN, FRENCH = "main", "de", "fr"
EVERYWHERE = frozenset({MAIN, GERMAN, FRENCH})
MATCHED = frozenset({MAIN, GERMAN})

OUT_1 = Memory(1, "usable", 1, MATCHED)
OUT_2 = Memory(2, "usable", 2, MATCHED)


def verdict(memory: Memory | None, passage: Passage, *, holding: bool = True) -> Send | Hold | Refuse:
    return judge(memory, passage, MATCHED, EVERYWHERE, NOW, holding=holding)


@pytest.mark.parametrize(
    ("memory", "passage", "expected"),
    [
        (None, Passage(1, "usable"), Send(OUT_1, MATCHED)),
        (OUT_1, Passage(1, "usable"), Send(OUT_1, MATCHED)),  # done again after a crash: the same ce_id
        (OUT_1, Passage(2, "usable"), Send(OUT_2, MATCHED, corrects=1)),
        (None, Passage(1, "usable", NOW), Send(OUT_1, MATCHED)),
        (None, Passage(1, "usable", LATER), Hold(Memory(1, "embargoed"), LATER)),
        (OUT_1, Passage(2, "usable", LATER), Hold(Memory(2, "embargoed", 1, MATCHED), LATER)),
        (None, Passage(1, "withheld"), Hold(Memory(1, "withheld"), None)),
        (Memory(1, "withheld"), Passage(1, "usable"), Send(OUT_1, MATCHED)),
        (Memory(1, "embargoed"), Passage(2, "usable"), Send(OUT_2, MATCHED)),  # the first never went out: no correction
        (OUT_1, Passage(1, "canceled"), Send(Memory(1, "killed", 1, MATCHED), MATCHED)),
        (OUT_1, Passage(0, "canceled", tombstone=True), Send(Memory(1, "killed", 1, MATCHED), MATCHED)),
        (Memory(1, "killed", 1, MATCHED), Passage(2, "usable"), Send(OUT_2, MATCHED, corrects=1)),
        (Memory(1, "killed", 1, MATCHED), Passage(1, "canceled"), Send(Memory(1, "killed", 1, MATCHED), MATCHED)),
    ],
)
def test_what_becomes_of_a_release(memory: Memory | None, passage: Passage, expected: Send | Hold) -> None:
    assert verdict(memory, passage) == expected


@pytest.mark.parametrize(
    ("memory", "passage", "words"),
    [
        (OUT_2, Passage(1, "usable"), "version 1 comes after version 2"),
        (OUT_2, Passage(1, "canceled"), "version 1 comes after version 2"),
        (OUT_2, Passage(1, "withheld"), "version 1 comes after version 2"),
        (Memory(2, "embargoed", 1), Passage(1, "usable"), "version 1 comes after version 2"),
        (Memory(1, "killed", 1, MATCHED), Passage(1, "usable"), "version 1 was killed"),
        (Memory(1, "killed", 1, MATCHED), Passage(1, "usable", LATER), "version 1 was killed"),
    ],
)
def test_what_must_not_go_out_any_more_is_superseded(memory: Memory, passage: Passage, words: str) -> None:
    found = verdict(memory, passage)
    assert isinstance(found, Refuse)
    assert (found.reason, words in found.detail) == (Reason.SUPERSEDED, True)


def test_a_kill_of_what_nothing_is_remembered_of_goes_everywhere() -> None:
    for kill in (Passage(0, "canceled", tombstone=True), Passage(3, "canceled")):
        found = verdict(None, kill)
        assert isinstance(found, Send)
        assert found.topics == EVERYWHERE


def test_a_correction_also_goes_where_the_version_before_it_went() -> None:
    found = judge(Memory(1, "usable", 1, frozenset({MAIN, FRENCH})), Passage(2, "usable"), MATCHED, EVERYWHERE, NOW,
                  holding=True)  # fmt: skip
    assert isinstance(found, Send)
    assert found.topics == EVERYWHERE


def test_without_holding_what_may_not_go_yet_is_refused_and_forgotten() -> None:
    for passage, reason in ((Passage(1, "usable", LATER), Reason.EMBARGOED), (Passage(1, "withheld"), Reason.WITHHELD)):
        found = verdict(None, passage, holding=False)
        assert isinstance(found, Refuse)
        assert found.reason == reason


def test_an_hour_that_comes_lets_out_only_what_is_still_held_for_it() -> None:
    assert release(Memory(1, "embargoed"), 1, MATCHED) == Send(OUT_1, MATCHED)
    assert release(Memory(2, "embargoed", 1, MATCHED), 2, MATCHED) == Send(OUT_2, MATCHED, corrects=1)
    for memory in (None, OUT_1, OUT_2, Memory(2, "embargoed"), Memory(1, "killed"), Memory(1, "withheld")):
        assert release(memory, 1, MATCHED) is None


class Life(RuleBasedStateMachine):
    """Versions, kills, embargoes and repetitions in any order, beside what a consumer of every topic has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: Memory | None = None
        self.now = NOW
        self.held: tuple[int, datetime | None, frozenset[str]] | None = None
        self.seen: dict[str, list[tuple[int, bool]]] = {topic: [] for topic in EVERYWHERE}
        self.killed_at: int | None = None

    def _send(self, sent: Send, version: int, *, kill: bool) -> None:
        for topic in sent.topics:
            self.seen[topic].append((version, kill))
        self.memory = sent.memory

    @rule(
        version=st.integers(1, 4),
        status=st.sampled_from(["usable", "usable", "withheld", "canceled"]),
        hours=st.sampled_from([None, None, -1, 1, 2]),
        topics=st.sampled_from([MATCHED, frozenset({MAIN, FRENCH}), frozenset({MAIN})]),
    )
    def comes(self, version: int, status: PubStatus, hours: int | None, topics: frozenset[str]) -> None:
        until = None if hours is None else self.now + timedelta(hours=hours)
        before = self.memory
        found = judge(self.memory, Passage(version, status, until), topics, EVERYWHERE, self.now, holding=True)
        match found:
            case Send():
                self._send(found, version, kill=status == "canceled")
                self.held = None
                if status == "canceled":
                    self.killed_at = version
                else:
                    assert until is None or until <= self.now
                    assert topics <= found.topics
            case Hold():
                assert status != "canceled"
                self.memory, self.held = found.memory, (version, found.until, topics)
            case Refuse():
                assert before is not None
                assert version < before.version or (version == before.version and before.status == "killed")

    @rule()
    def tombstone(self) -> None:
        reached = {topic for topic, events in self.seen.items() if not all(kill for _, kill in events)}
        found = judge(
            self.memory, Passage(0, "canceled", tombstone=True), frozenset({MAIN}), EVERYWHERE, self.now, holding=True
        )
        assert isinstance(found, Send)
        assert reached <= found.topics
        self._send(found, found.memory.version, kill=True)
        self.held, self.killed_at = None, found.memory.version

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.held is not None and self.held[1] is not None and self.held[1] <= self.now)
    @rule()
    def hour_comes(self) -> None:
        assert self.held is not None
        version, _, topics = self.held
        sent = release(self.memory, version, topics)
        assert sent is not None, "what is held and due must go out"
        self._send(sent, version, kill=False)
        self.held = None

    @invariant()
    def no_lower_version_after_a_higher_one(self) -> None:
        for events in self.seen.values():
            versions = [version for version, _ in events]
            assert versions == sorted(versions)

    @invariant()
    def what_was_killed_stays_dead(self) -> None:
        for events in self.seen.values():
            for at, (version, kill) in enumerate(events):
                if kill:
                    assert all(later_kill or later > version for later, later_kill in events[at:])

    @invariant()
    def a_kill_reached_every_topic_that_had_the_release(self) -> None:
        if self.memory is not None and self.memory.status == "killed":
            assert all(events[-1][1] for events in self.seen.values() if events)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
