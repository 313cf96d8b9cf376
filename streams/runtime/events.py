"""Events on the wire: messages in and out, CloudEvents and dead-letter headers."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from streams import __version__, codec
from streams.errors import Reason
from streams.records import RawRelease
from streams.runtime.findings import Findings
from streams.runtime.gate import Passage
from streams.runtime.traces import Trace

Headers = tuple[tuple[str, bytes | None], ...]
"""In the order they came; a value may be null on the wire."""

CARRIED = frozenset({"traceparent", "tracestate", "newsmill.attempt", "newsmill.redriven-from", "newsmill.replay"})
"""Headers of an event that travel on with what is made of it; the others describe that one event."""

SOURCE = "/newsmill/"
"""Begins the `ce_source` of our events; the hop follows."""

CORRECTS = "ce_corrects"
"""CloudEvents extension attribute: the version whose place this event takes."""

ATTEMPT = "newsmill.attempt"
TAKEN_FROM = "newsmill.taken-from"
"""Of a release that came with others in one event: `topic:partition:offset` of that event, and its place in it."""
REPLAY = "newsmill.replay"
"""Of an event that is a re-run and no news: the run's name."""
RECEIVED = "newsmill.received-ms"
"""Of a raw event that is sent again: the timestamp of the first one, milliseconds since 1970."""
LAST_MS = 253_402_300_799_000
"""The end of the year 9999: a producer may write any number as a timestamp, and dates end here."""

DLQ = "newsmill.dlq."
CONNECT = "__connect.errors."


_MILLISECONDS = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Message:
    """Something to put on a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None
    """None: the key decides, as everywhere in Kafka."""

    @property
    def size(self) -> int:
        """Bytes on the broker, near enough for limits."""
        return (
            len(self.value or b"")
            + len(self.key or b"")
            + sum(len(name) + len(value or b"") for name, value in self.headers)
        )


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event as it was read, with where it stood."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Done:
    """The release went through: this is what to send."""

    messages: tuple[Message, ...]
    language: str
    stage_seconds: tuple[float, ...]
    """Per stage of the hop, in order; empty for a kill."""
    trace: Trace | None = None
    """Our place in the event's trace, where it is traced."""
    began_ns: int = 0
    """Unix time at which work on it began; 0 where nobody works on kills or the process died with it."""
    parse_seconds: float = 0.0
    apart: bool = False
    """The event held several releases: the messages are these, each to be taken in as an event of its own."""
    passage: Passage | None = None
    """What the gate must know of it; None where there is no gate after the hop."""
    held: bool = False
    """The gate keeps it back."""
    ahead: tuple[Message, ...] = ()
    """The gate's own records, to be on the broker before the messages."""
    kill: bool = False
    """A null value, or `pub_status: canceled`."""
    findings: Findings | None = None
    """What is counted of it after the last hop; None for a null value and in other hops."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The release can never pass as it is."""

    reason: Reason
    detail: str
    stage: str
    exception: str = ""
    """Qualified name of what was raised."""
    trace: Trace | None = None
    began_ns: int = 0
    stage_seconds: tuple[float, ...] = ()
    """Of the stages that it had passed."""
    parse_seconds: float = 0.0
    """0 where it was not read."""


Outcome = Done | Rejected


def header(headers: Iterable[tuple[str, bytes | None]], name: str) -> str:
    """A header's text, the last one if there are several; empty if there is none."""
    found = ""
    for key, value in headers:
        if key.lower() == name:
            found = (value or b"").decode("utf-8", "replace")
    return found


def received_at(headers: Iterable[tuple[str, bytes | None]], timestamp_ms: int) -> datetime:
    """When a raw event came in: what a replay says of the first time goes before the event's own timestamp."""
    said = header(headers, RECEIVED)
    ms = int(said) if _MILLISECONDS.fullmatch(said) else timestamp_ms
    return datetime.fromtimestamp(min(max(ms, 0), LAST_MS) / 1000, UTC)


def cloud_event(release: RawRelease, stages: str, incoming: Headers, now: datetime) -> Headers:
    """CloudEvents 1.0 Kafka binary headers.

    `ce_id` is deterministic over what the event is made from (the release as it came in, the stages, their stamp), so a
    consumer can drop a duplicate; `ce_time` is when this one was made. All of the release counts, because a producer
    that mends a text or an embargo without counting up the version must not have the mended one dropped.
    """
    # Not what the stages found: the last digits of a confidence may depend on the machine. Nor when it was received:
    # the same release sent twice is one. The markup says no more than the text that was read from the same page.
    came_in = codec.recast(release, RawRelease, received_at=None, markup=(), decisions=())
    identity = f"{stages}\0".encode() + orjson.dumps(came_in, option=orjson.OPT_SORT_KEYS)
    word = release.schema
    return (
        *_attributes(identity, stages, word, release.id.encode(), now),
        ("ce_dataschema", f"{codec.SCHEMA_ID}{word}".encode()),
        ("content-type", b"application/json"),
        *carried(incoming),
    )


def kill_event(incoming: Incoming, schema: str, stages: str, now: datetime) -> Headers:
    """CloudEvents headers of a tombstone: the release named by the key is dead.

    `ce_id` is that of this kill: a release that is killed, sent again and killed again must not have its second kill
    dropped as a duplicate. It follows from our event before it, else from the place on the topic where it came in.
    """
    ours = header(incoming.headers, "ce_source").startswith(SOURCE)
    place = f"{incoming.topic}:{incoming.partition}:{incoming.offset}"
    one = header(incoming.headers, "ce_id") if ours else place
    key = incoming.key or b""
    identity = b"\0".join((b"kill", stages.encode(), one.encode(), key))
    return (*_attributes(identity, stages, f"{schema}.kill", key, now), *carried(incoming.headers))


def _attributes(identity: bytes, stages: str, kind: str, subject: bytes, now: datetime) -> Headers:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", hashlib.sha256(identity).hexdigest()[:32].encode()),
        ("ce_source", f"{SOURCE}{stages}".encode()),
        ("ce_type", kind.encode()),
        ("ce_subject", subject),
        ("ce_time", now.astimezone(UTC).isoformat(timespec="milliseconds").encode()),
    )


def part_headers(incoming: Incoming, identifier: str, number: int) -> Headers:
    """Headers of a release that came with others in one event: the event's, but for what named that event.

    The parts are documents in UTF-8, unpacked; their `ce_id` follows from the event's and is as lasting.
    """
    place = f"{incoming.topic}:{incoming.partition}:{incoming.offset}:{number}"
    changed = {
        "content-encoding": None,
        "content-type": header(incoming.headers, "content-type").partition(";")[0].strip() or None,
        "newsmill.id": None,
        "newsmill.title": None,
        "ce_id": f"{given}:{number}" if (given := header(incoming.headers, "ce_id")) else None,
        "ce_subject": identifier if header(incoming.headers, "ce_subject") else None,
        TAKEN_FROM: place,
    }
    kept = tuple(pair for pair in incoming.headers if pair[0].lower() not in changed)
    return (*kept, *((name, _bytes(value)) for name, value in changed.items() if value))


def carried(incoming: Headers) -> Headers:
    """The incoming headers that travel on."""
    return tuple(pair for pair in incoming if pair[0] in CARRIED)


def with_trace(headers: Headers, trace: Trace) -> Headers:
    """Headers with our `traceparent` in the place of the one that came; `tracestate` is its maker's and stays."""
    return (*(pair for pair in headers if pair[0].lower() != "traceparent"), ("traceparent", trace.traceparent))


def dead_letter(topic: str, incoming: Incoming, rejected: Rejected, group: str, now: datetime) -> Message:
    """The original, byte for byte, with why and where: our headers and Kafka Connect's."""
    detail = rejected.detail.encode("utf-8", "replace")
    where = {
        "topic": incoming.topic.encode(),
        "partition": str(incoming.partition).encode(),
        "offset": str(incoming.offset).encode(),
    }
    ours = {
        **where,
        "reason": rejected.reason.encode(),
        "detail": detail,
        "stage": rejected.stage.encode(),
        "group": group.encode(),
        "timestamp": str(incoming.timestamp_ms).encode(),
        "time": now.astimezone(UTC).isoformat(timespec="milliseconds").encode(),
        "newsmill": __version__.encode(),
    }
    connect = {
        **where,
        "stage": rejected.stage.encode(),
        "class.name": f"newsmill.{rejected.stage}".encode(),
        "exception.class.name": (rejected.exception or "streams.errors.Unprocessable").encode(),
        "exception.message": f"{rejected.reason}: ".encode() + detail,
    }
    # The headers of an earlier failure would shadow these: a release redriven in vain says why it failed last.
    original = tuple(pair for pair in incoming.headers if not pair[0].startswith((DLQ, CONNECT)))
    headers = (
        *original,
        *((DLQ + name, value) for name, value in ours.items()),
        *((CONNECT + name, value) for name, value in connect.items()),
    )
    # aiokafka cannot send a record without key and value: this one kind of poison gets an empty key.
    key = b"" if incoming.key is None and incoming.value is None else incoming.key
    return Message(topic, key, incoming.value, headers)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
