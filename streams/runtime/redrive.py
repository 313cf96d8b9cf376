"""Dead letters read, chosen, and made again into the events they were."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from streams.errors import Reason
from streams.runtime.events import ATTEMPT, CONNECT, DLQ, Headers, Message, header
from streams.runtime.reading import Record

REDRIVEN_FROM = "newsmill.redriven-from"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What a dead letter says of itself; its payload stays on the topic, for it may be large."""

    partition: int
    offset: int
    time: datetime
    key: bytes | None
    size: int | None
    """Of the payload in bytes; None for a kill."""
    headers: Headers

    @property
    def place(self) -> str:
        """Where it stands on the dead-letter topic: the name that it is called by."""
        return f"{self.partition}:{self.offset}"

    @property
    def id(self) -> str:
        """The key: the release's id, where the sender gave one."""
        return (self.key or b"").decode("utf-8", "replace")

    @property
    def reason(self) -> str:
        """One of `Reason`; empty when something else than Newsmill wrote it."""
        return self.told("reason")

    @property
    def stage(self) -> str:
        """The stage that could not go on."""
        return self.told("stage")

    @property
    def topic(self) -> str:
        """Where the event came from, and goes back to."""
        return self.told("topic")

    @property
    def attempts(self) -> int:
        """How often it has been redriven before it ended here."""
        word = header(self.headers, ATTEMPT)
        return int(word) if word.isascii() and word.isdecimal() else 0

    @property
    def redriven_from(self) -> str:
        """The place of the dead letter that this one was before it was redriven; empty when it never was."""
        return header(self.headers, REDRIVEN_FROM)

    def told(self, name: str) -> str:
        """One of the headers `newsmill.dlq.*`."""
        return header(self.headers, DLQ + name)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which dead letters are meant; what is empty asks for nothing."""

    reasons: Collection[Reason] = ()
    stages: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    id: str = ""
    places: Collection[str] = ()

    def match(self, letter: DeadLetter) -> bool:
        """Whether it is all that is asked for."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.stages or letter.stage in self.stages)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
            and (not self.id or letter.id == self.id)
            and (not self.places or letter.place in self.places)
        )


def read(record: Record) -> DeadLetter:
    """Take a dead letter from its record."""
    return DeadLetter(
        partition=record.partition,
        offset=record.offset,
        time=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        key=record.key,
        size=None if record.value is None else len(record.value),
        headers=tuple(record.headers),
    )


def dead_again(letters: Iterable[DeadLetter]) -> Mapping[str, str]:
    """Which were redriven in vain: their place, and where each stands now."""
    return {letter.redriven_from: letter.place for letter in letters if letter.redriven_from}


def why_not(letter: DeadLetter, sources: Collection[str], most_attempts: int, again: Mapping[str, str]) -> str:
    """Why a dead letter must not be redriven; empty when it may be.

    `sources` are the topics that somebody reads. One that was redriven in vain goes by its newer dead letter: to send
    both would double the release with every round.
    """
    if not letter.topic:
        return "does not say where it came from"
    if letter.topic not in sources:
        return f"came from {letter.topic}, which no hop of this configuration reads"
    if letter.attempts >= most_attempts:
        return f"redriven {letter.attempts} times already (--max-attempts)"
    if letter.place in again:
        return f"redriven in vain: now it is {again[letter.place]}"
    return ""


def remade(letter: DeadLetter, value: bytes | None) -> Message:
    """The event as it was, counted up, and with where it comes from."""
    # Not the original's timestamp: a topic whose retention it has outlived would drop it at once.
    counted = {
        ATTEMPT: str(letter.attempts + 1).encode(),
        REDRIVEN_FROM: letter.place.encode(),
    }
    original = (pair for pair in letter.headers if pair[0] not in counted and not pair[0].startswith((DLQ, CONNECT)))
    return Message(letter.topic, letter.key, value, (*original, *counted.items()))
