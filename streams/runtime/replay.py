"""Which releases a replay does again, and the raw events that it sends for them.

Of each release only the last event counts: a version that a later one has overtaken, or that a kill has ended, must not
come back as the latest word.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from streams.runtime.events import RECEIVED, REPLAY, TAKEN_FROM, Message, header, received_at
from streams.runtime.reading import Record

Place = tuple[int, int]
"""Partition and offset on the raw topic."""

FOREVER = 2**62
"""The end of a range of offsets that has none."""

_TAKEN_FROM = re.compile(r".+:(\d{1,9}):(\d{1,18}):\d+")
_RANGE = re.compile(r"(\d{1,9}):(\d{1,18})-(\d{1,18})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run does again; what is empty asks for nothing."""

    until: datetime
    """At the latest when the run began: today's stages have seen what came after."""
    since: datetime | None = None
    ids: tuple[str, ...] = ()
    offsets: tuple[tuple[int, int, int], ...] = ()
    """Partition, first offset, end (exclusive)."""
    into: str = ""
    """The topic of the outcome; empty: the raw events go to the raw topic, and the workers do the rest."""

    def holds(self, record: Record) -> bool:
        """Whether the event is in the range."""
        time = received(record)
        return (
            (self.since is None or time >= self.since)
            and time < self.until
            and (not self.ids or (record.key or b"").decode("utf-8", "replace") in self.ids)
            and (not self.offsets or any(p == record.partition and a <= record.offset < b for p, a, b in self.offsets))
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What a topic holds of the range."""

    chosen: dict[Place, datetime] = field(default_factory=dict)
    """The events to do again, and when they came in first."""
    superseded: int = 0
    """Events in the range that a later one of the same release has overtaken."""
    killed: int = 0
    """Releases whose last word in the range is a kill."""
    ends: dict[int, int] = field(default_factory=dict)
    """Partition to where the topic ended."""


class Index:
    """Learns from every event of the topic, in order, which is the last of its release."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._last: dict[bytes | Place, tuple[Place, datetime, bool, bool]] = {}
        """By key (without one, every event is a release): place, time, in the range, dead."""
        self._superseded = 0
        self._apart: set[Place] = set()
        """Events that held several releases: each of these is on the topic by itself."""

    def add(self, record: Record) -> None:
        """Take one event in."""
        place = (record.partition, record.offset)
        if taken := _TAKEN_FROM.fullmatch(header(record.headers, TAKEN_FROM)):
            self._apart.add((int(taken[1]), int(taken[2])))
        key: bytes | Place = record.key or place
        before = self._last.get(key)
        if before is not None:
            if is_rerun(record):
                return  # a copy of what is known already
            _, _, held, dead = before
            self._superseded += held and not dead
        self._last[key] = (place, received(record), self._asked.holds(record), record.value is None)

    def found(self, ends: dict[int, int]) -> Found:
        """The sum of it, where the topic ends there."""
        last = self._last.values()
        chosen = {place: time for place, time, held, dead in last if held and not dead and place not in self._apart}
        return Found(chosen, self._superseded, sum(held and dead for _, _, held, dead in last), ends)


def new_run(now: datetime) -> str:
    """A name for a run, which says when it began."""
    return f"r{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def offset_range(word: str) -> tuple[int, int, int] | None:
    """Read PARTITION:FIRST-LAST (both included) or PARTITION:FIRST-; None for anything else."""
    match = _RANGE.fullmatch(word)
    return match and (int(match[1]), int(match[2]), int(match[3]) + 1 if match[3] else FOREVER)


def is_rerun(record: Record) -> bool:
    """Whether a replay sent it."""
    return bool(header(record.headers, REPLAY))


def received(record: Record) -> datetime:
    """When the release came in first, also where this is a replay's copy of it."""
    return received_at(record.headers, record.timestamp)


def remade(record: Record, topic: str, run: str) -> Message:
    """The raw event once more, marked as this run's."""
    # Not with the original's timestamp: a topic whose retention it has outlived would drop it at once.
    marks = {REPLAY: run.encode(), RECEIVED: str(int(received(record).timestamp() * 1000)).encode()}
    others = (pair for pair in record.headers if pair[0] not in marks)
    return Message(topic, record.key, record.value, (*others, *marks.items()))
