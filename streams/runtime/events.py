"""Events on the wire: messages in and out, CloudEvents and dead-letter headers."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from streams import __version__
from streams.errors import Reason
from streams.records import RawRelease

Headers = tuple[tuple[str, bytes | None], ...]
"""In the order they came; a value may be null on the wire."""

CARRIED = frozenset({"traceparent", "tracestate", "newsmill.attempt", "newsmill.redriven-from"})
"""Headers of an event that travel on with what is made of it; the others describe that one event."""

ATTEMPT = "newsmill.attempt"
DLQ = "newsmill.dlq."
CONNECT = "__connect.errors."


@dataclass(frozen=True, slots=True)
class Message:
    """Something to put on a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers

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


@dataclass(frozen=True, slots=True)
class Rejected:
    """The release can never pass as it is."""

    reason: Reason
    detail: str
    stage: str
    exception: str = ""
    """Qualified name of what was raised."""


Outcome = Done | Rejected


def header(headers: Iterable[tuple[str, bytes | None]], name: str) -> str:
    """A header's text, the last one if there are several; empty if there is none."""
    found = ""
    for key, value in headers:
        if key.lower() == name:
            found = (value or b"").decode("utf-8", "replace")
    return found


def cloud_event(release: RawRelease, stages: str, incoming: Headers, now: datetime) -> Headers:
    """CloudEvents 1.0 Kafka binary headers.

    `ce_id` is deterministic over what the event is (release, version, status, content, stage, stamp), so a consumer
    can drop a duplicate; `ce_time` is when this one was made. The content counts, because a producer that mends a text
    without counting up the version must not have the mended one dropped.
    """
    content = hashlib.sha256(_bytes(f"{release.title}\0{release.text}")).digest()
    stamp = orjson.dumps(release.enrichment, option=orjson.OPT_SORT_KEYS)
    identity = b"\0".join(
        (
            _bytes(release.id),
            str(release.version).encode(),
            release.pub_status.encode(),
            content,
            stages.encode(),
            stamp,
        )
    )
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", hashlib.sha256(identity).hexdigest()[:32].encode()),
        ("ce_source", f"/newsmill/{stages}".encode()),
        ("ce_type", release.schema.encode()),
        ("ce_subject", _bytes(release.id)),
        ("ce_time", now.astimezone(UTC).isoformat(timespec="milliseconds").encode()),
        ("content-type", b"application/json"),
        *carried(incoming),
    )


def kill_event(key: bytes, schema: str, stages: str, incoming: Headers, now: datetime) -> Headers:
    """CloudEvents headers of a tombstone: the release named by the key is dead."""
    identity = hashlib.sha256(b"\0".join((key, b"kill", stages.encode())))
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", identity.hexdigest()[:32].encode()),
        ("ce_source", f"/newsmill/{stages}".encode()),
        ("ce_type", f"{schema}.kill".encode()),
        ("ce_subject", key),
        ("ce_time", now.astimezone(UTC).isoformat(timespec="milliseconds").encode()),
        *carried(incoming),
    )


def carried(incoming: Headers) -> Headers:
    """The incoming headers that travel on."""
    return tuple(pair for pair in incoming if pair[0] in CARRIED)


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
