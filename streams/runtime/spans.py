"""Spans to an OpenTelemetry collector: one of each hop an event passes, in it its stages and its delivery.

Imported only where `tracing.endpoint` is set: OpenTelemetry is the extra `newsmill[tracing]`.
"""

import threading
import time
from types import TracebackType
from typing import Self

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from streams import __version__
from streams.runtime.events import Done, Incoming, Outcome, header
from streams.runtime.hops import Hop
from streams.runtime.settings import Tracing
from streams.runtime.traces import continue_trace, new_id

LAST_SECONDS = 1.0
"""A stopping worker waits so long for the collector to take the last spans: the SDK itself would wait for 30."""

_SCOPE = InstrumentationScope("newsmill", __version__)


class Spans:
    """Reports what was done, in batches and from a thread of its own: the loop never waits for the collector.

    Where the collector is away or slow, spans are dropped, never releases.
    """

    def __init__(self, settings: Tracing) -> None:
        self._share = settings.sample_share
        self._resource = Resource.create({"service.name": "newsmill", "service.version": __version__})
        self._processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.endpoint))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        last = threading.Thread(target=self._processor.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(LAST_SECONDS)

    def report(self, hop: Hop, incoming: Incoming, outcome: Outcome) -> None:
        """Report one event whose outcome is on the broker now."""
        trace = outcome.trace or continue_trace(header(incoming.headers, "traceparent"), self._share)
        if not trace.sampled:
            return
        now = time.time_ns()
        ours = _context(trace.trace_id, trace.span_id)
        attributes = _attributes(hop, incoming)
        at = now
        if isinstance(outcome, Done):
            attributes["newsmill.language"] = outcome.language
            status = Status(StatusCode.OK)
            at = outcome.began_ns + int(outcome.parse_seconds * 1e9)
            for stage, seconds in zip(hop.stages, outcome.stage_seconds, strict=False):
                end = at + int(seconds * 1e9)
                self._end(stage, ours, SpanKind.INTERNAL, (at, end))
                at = end
        else:
            # Not the detail: it may quote the release.
            status = Status(StatusCode.ERROR, f"dead letter: {outcome.reason}")
            attributes |= {"error.type": str(outcome.reason), "newsmill.stage": outcome.stage}
        self._end("deliver", ours, SpanKind.PRODUCER, (min(at, now), now))
        parent = _context(trace.trace_id, trace.parent_id, remote=True) if trace.parent_id else None
        span = ReadableSpan(
            f"process {hop.name}",
            context=ours,
            parent=parent,
            resource=self._resource,
            attributes=attributes,
            kind=SpanKind.CONSUMER,
            status=status,
            start_time=outcome.began_ns or now,
            end_time=now,
            instrumentation_scope=_SCOPE,
        )
        self._processor.on_end(span)

    def _end(self, name: str, parent: SpanContext, kind: SpanKind, took: tuple[int, int]) -> None:
        span = ReadableSpan(
            name,
            context=_context(parent.trace_id, new_id(8)),
            parent=parent,
            resource=self._resource,
            kind=kind,
            start_time=took[0],
            end_time=took[1],
            instrumentation_scope=_SCOPE,
        )
        self._processor.on_end(span)


def _attributes(hop: Hop, incoming: Incoming) -> dict[str, str | int]:
    """After OpenTelemetry's conventions for Kafka consumers."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": incoming.topic,
        "messaging.destination.partition.id": str(incoming.partition),
        "messaging.kafka.offset": incoming.offset,
        "messaging.kafka.message.key": (incoming.key or b"").decode("utf-8", "replace"),
        "messaging.consumer.group.name": hop.group,
    }


def _context(trace_id: int, span_id: int, *, remote: bool = False) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=remote, trace_flags=TraceFlags(TraceFlags.SAMPLED))
