"""The gate before the outputs: what of a release may go out, when, and to which topics. Pure: no Kafka, no clock.

docs/contract.md has the state diagram.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a release id."""

    version: int
    """The highest that came; 0 where a tombstone came first."""
    status: Status
    sent: int = 0
    """The highest version that went out; 0 if none did."""
    topics: frozenset[str] = frozenset()
    """Where any version went."""


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


@dataclass(frozen=True, slots=True)
class Refuse:
    """It can never go out as it is; what is remembered stays."""

    reason: Reason
    detail: str


Verdict = Send | Hold | Refuse


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
    was = memory or Memory(0, "usable")
    if passage.tombstone:
        killed = Memory(was.version, "killed", was.sent, was.topics)
        return Send(killed, was.topics | matched if memory else everywhere)
    if passage.version < was.version:
        detail = f"version {passage.version} comes after version {was.version}: the higher one holds"
        return Refuse(Reason.SUPERSEDED, detail)
    if passage.status == "canceled":
        killed = Memory(passage.version, "killed", was.sent, was.topics | matched)
        return Send(killed, was.topics | matched if memory else everywhere)
    if was.status == "killed" and passage.version == was.version:
        detail = f"version {passage.version} was killed; to publish again, send a higher version"
        return Refuse(Reason.SUPERSEDED, detail)
    if passage.status == "withheld":
        if not holding:
            return Refuse(Reason.WITHHELD, "pub_status is withheld; redrive it when it may go")
        return Hold(Memory(passage.version, "withheld", was.sent, was.topics), None)
    if passage.until is not None and passage.until > now:
        if not holding:
            hour = passage.until.astimezone(UTC).isoformat()
            return Refuse(Reason.EMBARGOED, f"embargoed until {hour}; redrive it then")
        return Hold(Memory(passage.version, "embargoed", was.sent, was.topics), passage.until)
    return _out(was, passage.version, matched)


def release(memory: Memory | None, version: int, matched: frozenset[str]) -> Send | None:
    """Let out what was held until its hour: None where something else has come in its place by now."""
    if memory is None or memory.status != "embargoed" or memory.version != version:
        return None
    return _out(memory, version, matched)


def _out(was: Memory, version: int, matched: frozenset[str]) -> Send:
    # Who got an earlier version must hear of this one, even where it would no longer be routed there.
    topics = was.topics | matched
    return Send(Memory(version, "usable", version, topics), topics, was.sent if was.sent < version else 0)
