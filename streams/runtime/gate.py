"""The gate before the outputs: what of a release may go out, when, and to which topics. Pure: no Kafka, no clock.

docs/contract.md has the state diagram.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from streams.errors import Reason
from streams.records import PubStatus

GATE = "gate"
"""Where a dead letter of the gate's says that it failed: the word beside the stages' names."""

Status = Literal["usable", "embargoed", "withheld", "killed"]


@dataclass(frozen=True, slots=True)
class Passage:
    """What the gate must know of a release that wants to go out."""

    version: int
    status: PubStatus
    until: datetime | None = None
    """Aware. Embargoed before."""
    tombstone: bool = False
    """A null value: kills whatever the version."""
    mark: str = ""
    """What tells the event from any other, and is the same when it comes again."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a release id."""

    version: int
    """The highest that came."""
    status: Status
    sent: int = 0
    """The highest version that went out; 0 if none did."""
    topics: frozenset[str] = frozenset()
    """Where any version went."""
    corrects: int = 0
    """What the version sent last took the place of: done again, it must say the same."""
    marks: tuple[str, ...] = ()
    """Of the last events, oldest first."""


@dataclass(frozen=True, slots=True)
class Send:
    """Let it out to these topics."""

    memory: Memory
    topics: frozenset[str]
    corrects: int = 0
    """The version that it takes the place of; 0 if it is the first or a repetition."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep it back until its hour, or, without one, until another version or a kill comes."""

    memory: Memory
    until: datetime | None
    withdraw: frozenset[str] = frozenset()
    """Where an earlier version is out that must not be seen for now: to be killed there."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """It can never go out as it is; what is remembered stays."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Pass:
    """It was dealt with before the one that came last, and comes again: nothing is left to do."""


Verdict = Send | Hold | Refuse | Pass

UNVERSIONED = 1
"""The version of what names none. A cancellation that names none is meant for whatever is out."""

MOST_MARKS = 8
"""Events of one release between two commits, half a second apart; of more, versions alone tell what has to be done."""


def judge(
    memory: Memory | None,
    passage: Passage,
    matched: frozenset[str],
    everywhere: frozenset[str],
    now: datetime,
    *,
    holding: bool,
) -> Verdict:
    """Decide what becomes of a release.

    `matched` are the topics that it goes to by itself, the main one among them; `everywhere` are all topics there are,
    for a kill of a release that nothing is remembered of. Without `holding`, what may not go out yet is refused.
    """
    if memory is not None and passage.mark in memory.marks[:-1]:
        return Pass()
    was = memory or Memory(0, "usable")
    if passage.tombstone or passage.status == "canceled":
        return _kill(memory, passage, matched if memory else everywhere)
    if passage.version < was.version:
        return _superseded(passage, f"comes after version {was.version}: the higher one holds")
    if passage.version == was.version and (was.status == "killed" or _withdrawn(was, passage)):
        return _superseded(passage, f"was {was.status}; to publish again, send a higher version")
    if passage.status == "withheld":
        if not holding:
            return Refuse(Reason.WITHHELD, "pub_status is withheld; redrive it when it may go")
        out = was.topics if was.sent and was.status != "killed" else frozenset[str]()
        withheld = replace(was, version=passage.version, status="withheld", marks=_marked(was, passage.mark))
        return Hold(withheld, None, out)
    if passage.until is not None and passage.until > now:
        if was.status == "usable" and was.sent == passage.version:  # most likely done again after it was let go early
            return _superseded(passage, "is out already; to publish something later, send a higher version")
        if not holding:
            hour = passage.until.astimezone(UTC).isoformat()
            return Refuse(Reason.EMBARGOED, f"embargoed until {hour}; redrive it then")
        embargoed = replace(was, version=passage.version, status="embargoed", marks=_marked(was, passage.mark))
        return Hold(embargoed, passage.until)
    return _out(was, passage.version, matched, passage.mark)


def release(memory: Memory | None, version: int, matched: frozenset[str]) -> Send | None:
    """Let out what was held until its hour: None where something else has come in its place by now.

    Where nothing is remembered, nothing has come: it was long ago, and many other releases came since.
    """
    was = memory or Memory(version, "embargoed")
    if was.status != "embargoed" or was.version != version:
        return None
    return _out(was, version, matched)


def _out(was: Memory, version: int, matched: frozenset[str], mark: str = "") -> Send:
    # Who got an earlier version must hear of this one, even where it would no longer be routed there.
    topics = was.topics | matched
    corrects = was.sent if was.sent < version else was.corrects
    return Send(Memory(version, "usable", version, topics, corrects, _marked(was, mark)), topics, corrects)


def _kill(memory: Memory | None, passage: Passage, matched: frozenset[str]) -> Verdict:
    was = memory or Memory(1, "usable")  # a tombstone that comes first kills what comes without a version after it
    if UNVERSIONED < passage.version < was.version:
        return _superseded(passage, f"comes after version {was.version}: the higher one holds")
    topics = was.topics | matched
    version = max(passage.version, was.version)
    return Send(Memory(version, "killed", was.sent, topics, was.corrects, _marked(was, passage.mark)), topics)


def _marked(was: Memory, mark: str) -> tuple[str, ...]:
    return (*was.marks, mark)[-MOST_MARKS:] if mark and mark not in was.marks[-1:] else was.marks


def _withdrawn(was: Memory, passage: Passage) -> bool:
    """Whether this version was out and then withheld: done again after a crash, it must not go out once more."""
    return was.status == "withheld" and was.sent == was.version and passage.status != "withheld"


def _superseded(passage: Passage, why: str) -> Refuse:
    return Refuse(Reason.SUPERSEDED, f"version {passage.version} {why}")
