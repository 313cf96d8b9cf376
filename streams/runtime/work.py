"""What a pool process does: bytes of events in, outcomes out. Never raises on account of a release."""

import gc
import hashlib
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams import codec, pipeline
from streams.errors import Reason, Unprocessable
from streams.formats import read
from streams.formats.xml import Part
from streams.records import EnrichedRelease, IdentifiedRelease, RawRelease
from streams.runtime import events
from streams.runtime.events import Done, Incoming, Message, Outcome, Rejected
from streams.runtime.findings import find
from streams.runtime.gate import Passage
from streams.runtime.hops import Hop
from streams.runtime.routes import Routes
from streams.runtime.settings import Settings
from streams.runtime.traces import continue_trace

MAX_TRACEBACK = 4_000
"""Characters of a bug's traceback in a dead letter: the last frames say it."""

MARK_DIGITS = 16
"""Enough to tell the last events of one release apart; remembered by the hundred thousand."""

GARBAGE_THRESHOLD = 10_000
"""Objects made since the last look: a megabyte or two. Python's own is 700."""

ENTRANCE = "parse"
"""The word for what comes before the first stage, where a dead letter names its stage."""


@dataclass(frozen=True, slots=True)
class Task:
    """All that a process must know to do a hop's work. Crosses to the process once, by pickle."""

    hop: Hop
    routes: Routes
    data: Path
    options: dict[str, dict[str, Any]]
    config: str
    release_bytes: int
    event_bytes: int
    trace_share: float | None = None
    """Of the releases that come without a trace, so many begin one. None: not traced, what came travels on."""
    bare: bool = False
    """The value is the record that the first stage reads, what it lacks is empty: no format, no check of a release."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A hop made ready in this process."""

    task: Task
    line: pipeline.Line

    def process(self, incoming: Incoming, now: datetime) -> Outcome:
        """Take one event through the hop's stages."""
        stage = ENTRANCE
        began_ns = time.time_ns()
        trace = None
        seconds: list[float] = []
        parse_seconds = 0.0
        if self.task.trace_share is not None:
            trace = continue_trace(events.header(incoming.headers, "traceparent"), self.task.trace_share)
            incoming = replace(incoming, headers=events.with_trace(incoming.headers, trace))
        try:
            if incoming.value is None:
                return replace(self._kill(incoming, now), trace=trace, began_ns=began_ns)
            began = time.perf_counter()
            record = self._read(incoming, incoming.value)
            parse_seconds = time.perf_counter() - began
            if not isinstance(record, RawRelease):
                parts = self._apart(record, incoming)
                return Done(parts, "", (), trace, began_ns, parse_seconds, apart=True)
            for each, kit in self.line.stages:
                stage = each.name
                began = time.perf_counter()
                record = each.apply(record, kit)
                seconds.append(time.perf_counter() - began)
            record = pipeline.stamp(record, self.line)
            messages = self._messages(record, incoming, now)
            return Done(
                messages,
                _language(record),
                tuple(seconds),
                trace,
                began_ns,
                parse_seconds,
                passage=_passage(record, messages[0]) if self.task.hop.last else None,
                kill=record.pub_status == "canceled",
                findings=find(record) if self.task.hop.last else None,
            )
        except Unprocessable as exc:
            return Rejected(
                exc.reason,
                exc.detail,
                stage,
                trace=trace,
                began_ns=began_ns,
                stage_seconds=tuple(seconds),
                parse_seconds=parse_seconds,
            )
        except Exception as exc:  # the edge: whatever a stage raises is a verdict on this release alone
            kind = f"{type(exc).__module__}.{type(exc).__qualname__}"
            detail = traceback.format_exc()[-MAX_TRACEBACK:]
            return Rejected(Reason.BUG, detail, stage, kind, trace, began_ns, tuple(seconds), parse_seconds)

    def _read(self, incoming: Incoming, value: bytes) -> RawRelease | tuple[Part, ...]:
        if len(value) > self.task.release_bytes and self.line.reads is RawRelease:
            raise Unprocessable(
                Reason.TOO_LARGE, f"{len(value)} bytes, limits.release_bytes is {self.task.release_bytes}"
            )
        if self.task.bare:
            fields = codec.loads(value)
            known = {k: v for k, v in fields.items() if v is not None} if isinstance(fields, dict) else fields
            return codec.convert(self.line.reads, known)
        if self.line.reads is not RawRelease:
            return codec.decode(self.line.reads, value)
        return read(
            value,
            content_type=events.header(incoming.headers, "content-type") or None,
            key=(incoming.key or b"").decode("utf-8", "backslashreplace"),  # no two keys become one id
            received_at=events.received_at(incoming.headers, incoming.timestamp_ms),
            headers={name.lower(): (value or b"").decode("utf-8", "replace") for name, value in incoming.headers},
            limit_bytes=self.task.release_bytes,
        )

    def _apart(self, parts: Sequence[Part], incoming: Incoming) -> tuple[Message, ...]:
        """Send the releases of one event back to where it came from, each with its own key, budget and verdict."""
        return tuple(
            Message(self.task.hop.source, _key(part.id), part.data, events.part_headers(incoming, part.id, number))
            for number, part in enumerate(parts, start=1)
        )

    def _messages(self, record: RawRelease, incoming: Incoming, now: datetime) -> tuple[Message, ...]:
        hop = self.task.hop
        key = _key(record.id)
        value = codec.encode(record)
        main = Message(hop.target, key, value, events.cloud_event(record, hop.name, incoming.headers, now))
        routed = self.task.routes.match(record) if hop.last and isinstance(record, IdentifiedRelease) else ()
        messages = (main, *(self.task.routes.convert(topic, main) for topic in routed))
        for message in messages:
            if message.size > self.task.event_bytes:
                detail = f"{message.size} bytes made of it, {message.topic} takes {self.task.event_bytes}"
                raise Unprocessable(Reason.TOO_LARGE, detail)
        return messages

    def _kill(self, incoming: Incoming, now: datetime) -> Done:
        if not incoming.key:
            raise Unprocessable(Reason.INVALID, "a kill (null value) without a key names no release")
        hop = self.task.hop
        headers = events.kill_event(incoming, self.line.writes().schema, hop.name, now)
        killed = EnrichedRelease(pub_status="canceled")
        topics = (hop.target, *(self.task.routes.match(killed) if hop.last else ()))
        messages = tuple(Message(topic, incoming.key, None, headers) for topic in topics)
        passage = Passage(0, "canceled", tombstone=True, mark=events.header(headers, "ce_id")) if hop.last else None
        return Done(messages, "", (), passage=passage, kill=True)


def task_of(hop: Hop, settings: Settings, routes: Routes) -> Task:
    """What these settings say about a hop's work."""
    return Task(
        hop=hop,
        routes=routes,
        data=settings.data,
        options=settings.stages,
        config=config_word(settings),
        release_bytes=settings.limits.release_bytes,
        event_bytes=settings.topics.event_bytes,
        trace_share=settings.tracing.sample_share if settings.tracing.endpoint else None,
    )


def config_word(settings: Settings) -> str:
    """Hash of what the stages were told, for the enrichment stamp: the same on every worker with the same settings."""
    return hashlib.sha256(repr(sorted(settings.stages.items())).encode()).hexdigest()[:12]


def prepare(task: Task) -> Worker:
    """Load what the task's stages know: seconds, once per process."""
    return Worker(task, pipeline.prepare(task.hop.stages, task.data, task.options, task.config))


def settle() -> None:
    """Let the garbage collector pass over all that is loaded, and come less often: once a process, when it is ready.

    The stages make no cycles, so that it finds nothing; on a megabyte of short lines it took a quarter of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def process_window(worker: Worker, window: Sequence[Incoming], started: Any = None) -> list[Outcome]:
    """Take a window through the hop. `started(i)` is called before release `i`, so that a watcher knows the culprit."""
    outcomes = []
    for number, incoming in enumerate(window):
        if started is not None:
            started(number)
        outcomes.append(worker.process(incoming, datetime.now(UTC)))
    return outcomes


def _passage(record: RawRelease, main: Message) -> Passage:
    # Not the `ce_id` alone: a producer that cancels twice may say the same words.
    words = f"{events.header(main.headers, 'ce_id')} {record.received_at}"
    mark = hashlib.sha256(words.encode()).hexdigest()[:MARK_DIGITS]
    return Passage(record.version, record.pub_status, record.embargoed_until, mark=mark)


def _key(identifier: str) -> bytes:
    return identifier.encode("utf-8", "replace")


def _language(record: RawRelease) -> str:
    return record.language if isinstance(record, IdentifiedRelease | EnrichedRelease) else ""
