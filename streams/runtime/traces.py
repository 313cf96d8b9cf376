"""W3C trace context: which trace an event belongs to, and our place in it. Spans are `streams.runtime.spans`."""

import os
import re
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
"""https://www.w3.org/TR/trace-context/#traceparent-header: of a later version, what this one knows is read."""

SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """Our place in a trace: whose child we are and what our children call us."""

    trace_id: int
    span_id: int
    parent_id: int
    """0 where the trace begins with us."""
    sampled: bool

    @property
    def traceparent(self) -> bytes:
        """The header that makes others our children."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}".encode()


def continue_trace(traceparent: str, sample_share: float) -> Trace:
    """Become a child of a trace, sampled as it is; without a valid one, begin a trace, sampled by `sample_share`."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match:
        return Trace(int(match[1], 16), new_id(8), int(match[2], 16), bool(int(match[3], 16) & SAMPLED))
    trace_id = new_id(16)
    # As OpenTelemetry's TraceIdRatioBased: every service decides alike, by the lower half of the id.
    return Trace(trace_id, new_id(8), 0, trace_id % (1 << 64) < sample_share * (1 << 64))


def trace_id_of(traceparent: str) -> str:
    """The trace's id, for a log line; empty where the header is missing or not valid."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return match[1] if match else ""


def new_id(size: int) -> int:
    """Make a random id of so many bytes; 0 is none."""
    return int.from_bytes(os.urandom(size)) or 1
