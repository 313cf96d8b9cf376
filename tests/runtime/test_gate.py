"""The gate as a model: whatever comes, no consumer sees a lower version after a higher one, nor a killed one again."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streams.errors import Reason
from streams.records import PubStatus
from streams.runtime.gate import MOST_MARKS, Hold, Memory, Pass, Passage, Refuse, Send, Verdict, judge, release

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MAIN, GERMAN, FRENCH = "main", "de", "fr"
EVERYWHERE = frozenset({MAIN, GERMAN, FRENCH})
MATCHED = frozenset({MAIN, GERMAN})

OUT_1 = Memory(1, "usable", 1, MATCHED)
OUT_2 = Memory(2, "usable", 2, MATCHED, corrects=1)


def verdict(memory: Memory | None, passage: Passage, *, holding: bool = True) -> Verdict:
    return judge(memory, passage, MATCHED, EVERYWHERE, NOW, holding=holding)


def killed(version: int, sent: int, *marks: str) -> Memory:
    return Memory(version, "killed", sent, MATCHED, marks=marks)


def withheld(version: int, sent: int = 0, topics: frozenset[str] = frozenset(), *marks: str) -> Memory:
    return Memory(version, "withheld", sent, topics, marks=marks)


@pytest.mark.parametrize(
    ("memory", "passage", "expected"),
    [
        (None, Passage(1, "usable"), Send(OUT_1, MATCHED)),
        (OUT_1, Passage(1, "usable"), Send(OUT_1, MATCHED)),  # done again after a crash: the same ce_id
        (OUT_1, Passage(2, "usable"), Send(OUT_2, MATCHED, corrects=1)),
        (OUT_2, Passage(2, "usable"), Send(OUT_2, MATCHED, corrects=1)),  # done again, it says the same
        (None, Passage(1, "usable", NOW), Send(OUT_1, MATCHED)),
        (None, Passage(1, "usable", LATER), Hold(Memory(1, "embargoed"), LATER)),
        (OUT_1, Passage(2, "usable", LATER), Hold(Memory(2, "embargoed", 1, MATCHED), LATER)),
        (None, Passage(1, "withheld", mark="w"), Hold(withheld(1, 0, frozenset(), "w"), None)),
        (OUT_1, Passage(2, "withheld", mark="w"), Hold(withheld(2, 1, MATCHED, "w"), None, MATCHED)),  # taken back
        (withheld(1), Passage(1, "usable"), Send(OUT_1, MATCHED)),
        (withheld(2, 1, MATCHED), Passage(2, "usable"), Send(OUT_2, MATCHED, corrects=1)),
        (Memory(1, "usable", 1, MATCHED, marks=("w", "u")), Passage(1, "withheld", mark="w"), Pass()),
        (withheld(1, 0, frozenset(), "e", "w"), Passage(1, "usable", NOW, mark="e"), Pass()),  # its hour has come since
        # The first never went out: no correction.
        (Memory(1, "embargoed"), Passage(2, "usable"), Send(Memory(2, "usable", 2, MATCHED), MATCHED)),
        (OUT_1, Passage(1, "canceled", mark="k"), Send(killed(1, 1, "k"), MATCHED)),
        (OUT_1, Passage(0, "canceled", tombstone=True, mark="k"), Send(killed(1, 1, "k"), MATCHED)),
        (killed(1, 1, "k"), Passage(1, "canceled", mark="k"), Send(killed(1, 1, "k"), MATCHED)),
        (killed(1, 1), Passage(2, "usable"), Send(OUT_2, MATCHED, corrects=1)),
        # A cancellation without a version is meant for what is out, whichever that is.
        (Memory(3, "usable", 3, MATCHED), Passage(1, "canceled", mark="k"), Send(killed(3, 3, "k"), MATCHED)),
        # It did its work before version 2 came, and comes again after a crash.
        (Memory(2, "usable", 2, MATCHED, marks=("k", "u")), Passage(1, "canceled", mark="k"), Pass()),
        (Memory(2, "usable", 2, MATCHED, marks=("k", "u")), Passage(0, "canceled", tombstone=True, mark="k"), Pass()),
    ],
)
def test_what_becomes_of_a_release(memory: Memory | None, passage: Passage, expected: Send | Hold | Pass) -> None:
    assert verdict(memory, passage) == expected


@pytest.mark.parametrize(
    ("memory", "passage", "words"),
    [
        (OUT_2, Passage(1, "usable"), "version 1 comes after version 2"),
        (Memory(3, "usable", 3), Passage(2, "canceled", mark="k"), "version 2 comes after version 3"),
        (OUT_2, Passage(1, "withheld", mark="w"), "version 1 comes after version 2"),
        (Memory(2, "embargoed", 1), Passage(1, "usable"), "version 1 comes after version 2"),
        (killed(1, 1), Passage(1, "usable"), "version 1 was killed"),
        (killed(1, 1), Passage(1, "usable", LATER), "version 1 was killed"),
        (withheld(1, 1, MATCHED), Passage(1, "usable"), "version 1 was withheld"),
        (OUT_1, Passage(1, "usable", LATER), "version 1 is out already"),
    ],
)
def test_what_must_not_go_out_any_more_is_superseded(memory: Memory, passage: Passage, words: str) -> None:
    found = verdict(memory, passage)
    assert isinstance(found, Refuse)
    assert (found.reason, words in found.detail) == (Reason.SUPERSEDED, True)


def test_a_kill_of_what_nothing_is_remembered_of_goes_everywhere_and_holds_for_what_has_no_version() -> None:
    for kill in (Passage(0, "canceled", tombstone=True, mark="k"), Passage(3, "canceled", mark="k")):
        found = verdict(None, kill)
        assert isinstance(found, Send)
        assert found.topics == EVERYWHERE
        assert isinstance(verdict(found.memory, Passage(1, "usable")), Refuse)


def test_of_the_marks_the_last_ones_are_remembered() -> None:
    memory: Memory | None = None
    for number in range(MOST_MARKS + 2):
        found = verdict(memory, Passage(0, "canceled", tombstone=True, mark=f"k{number}"))
        assert isinstance(found, Send)
        memory = found.memory
    assert memory is not None
    assert memory.marks == tuple(f"k{number}" for number in range(2, MOST_MARKS + 2))


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
    assert release(None, 1, MATCHED) == Send(OUT_1, MATCHED), "forgotten long ago, it still goes out"
    for memory in (OUT_1, OUT_2, Memory(2, "embargoed"), Memory(1, "killed"), Memory(1, "withheld")):
        assert release(memory, 1, MATCHED) is None


@dataclass(frozen=True)
class Came:
    """An event on the hop's topic."""

    passage: Passage
    topics: frozenset[str]


@dataclass
class Known:
    """What is remembered and held of the release: by the worker, and on the broker."""

    memory: Memory | None = None
    held: tuple[int, datetime | None, frozenset[str]] | None = None


class Life(RuleBasedStateMachine):
    """One release in a worker that dies anywhere, beside what the topics' consumers have seen.

    The worker takes the steps that `gatekeeper` takes, in its order: what is remembered and held is on the broker, then
    what goes out, then the ack; what was held goes out, then it is remembered, then let go.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.came: list[Came] = []
        self.next = 0
        self.worker, self.broker = Known(), Known()
        self.seen: dict[str, list[tuple[int, bool]]] = {topic: [] for topic in EVERYWHERE}

    def _send(self, topics: frozenset[str], version: int, *, kill: bool) -> None:
        for topic in topics:
            self.seen[topic].append((version, kill))

    def _step(self, dies: str = "") -> None:
        """Take the next event; die before anything, when the gate's own records are there, or before the ack."""
        came = self.came[self.next]
        passage, known = came.passage, self.worker
        memory, held = known.memory, known.held
        if held is not None and held[1] is not None and held[1] <= self.now:
            sent = release(memory, held[0], held[2])
            memory = sent.memory if sent else memory
        kill = passage.tombstone or passage.status == "canceled"
        matched = frozenset({MAIN}) if kill else came.topics
        found = judge(memory, passage, matched, EVERYWHERE, self.now, holding=True)
        if dies == "first":
            return self._die()
        match found:
            case Send():
                known.memory = self.broker.memory = found.memory
                if dies == "ahead":
                    return self._die()
                assert kill or passage.until is None or passage.until <= self.now, "embargoed"
                self._send(found.topics, found.memory.version if kill else passage.version, kill=kill)
                if dies == "sent":
                    return self._die()
                known.held = self.broker.held = None
            case Hold():
                known.memory = self.broker.memory = found.memory
                known.held = self.broker.held = (passage.version, found.until, came.topics)
                if dies == "ahead":
                    return self._die()
                self._send(found.withdraw, found.memory.sent, kill=True)
            case Refuse():
                assert memory is not None
                assert passage.version <= memory.version
            case Pass():
                assert memory is not None
                assert passage.mark in memory.marks[:-1]
        if dies:
            return self._die()
        self.next += 1
        return None

    def _die(self) -> None:
        self.worker = replace(self.broker)

    def _catch_up(self) -> None:
        while self.next < len(self.came):
            self._step()

    @rule(
        version=st.integers(1, 3),
        status=st.sampled_from(["usable", "usable", "usable", "withheld", "canceled", "tombstone"]),
        hours=st.sampled_from([None, None, -1, 1, 2]),
        topics=st.sampled_from([MATCHED, frozenset({MAIN, FRENCH}), frozenset({MAIN})]),
        dies=st.sampled_from(["", "", "first", "ahead", "sent"]),
    )
    def comes(self, version: int, status: str, hours: int | None, topics: frozenset[str], dies: str) -> None:
        until = None if hours is None else self.now + timedelta(hours=hours)
        mark = str(len(self.came))
        if status == "tombstone":
            passage = Passage(0, "canceled", tombstone=True, mark=mark)
        else:
            passage = Passage(version, cast(PubStatus, status), until, mark=mark)
        self.came.append(Came(passage, topics))
        if dies:
            self._step(dies)
        self._catch_up()

    @rule(again=st.integers(1, 6))
    def restarts_before_its_commit(self, again: int) -> None:
        self._die()
        self.next = max(0, self.next - again)
        before = self.worker.memory
        self._catch_up()
        after = self.worker.memory
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert (after.version, after.status == "killed") == (before.version, before.status == "killed")
            assert (after.status == "withheld") == (before.status == "withheld")

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self._is_due())
    @rule(dies=st.sampled_from(["", "", "sent", "remembered"]))
    def hour_comes(self, dies: str) -> None:
        assert self.worker.held is not None
        version, _, topics = self.worker.held
        sent = release(self.worker.memory, version, topics)
        if sent is not None:
            self._send(sent.topics, version, kill=False)
            if dies == "sent":
                return self._die()
            self.worker.memory = self.broker.memory = sent.memory
        if dies:
            return self._die()
        self.worker.held = self.broker.held = None
        return None

    def _is_due(self) -> bool:
        held = self.worker.held
        return held is not None and held[1] is not None and held[1] <= self.now

    @invariant()
    def no_lower_version_after_a_higher_one(self) -> None:
        for events in self.seen.values():
            versions = [version for version, kill in events if not kill]
            assert versions == sorted(versions)

    @invariant()
    def what_was_killed_stays_dead(self) -> None:
        memory = self.worker.memory
        if memory is not None and memory.status in ("killed", "withheld"):
            assert all(events[-1][1] for events in self.seen.values() if events)

    @invariant()
    def what_is_remembered_as_out_was_seen_last(self) -> None:
        memory = self.worker.memory
        if memory is not None and memory.status == "usable":
            assert self.seen[MAIN][-1] == (memory.version, False)
            for topic in memory.topics:
                assert self.seen[topic][-1] == (memory.version, False)

    @invariant()
    def what_is_embargoed_is_held(self) -> None:
        memory, held = self.worker.memory, self.worker.held
        if memory is not None and memory.status == "embargoed":
            assert held is not None
            assert held[0] == memory.version


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
