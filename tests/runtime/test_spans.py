"""What a collector that is away costs: spans, and nothing else. Spans as a collector gets them: integration."""

import time

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from streams.errors import Reason
from streams.runtime.events import Done, Incoming, Rejected
from streams.runtime.hops import Hop
from streams.runtime.settings import Tracing
from streams.runtime.spans import Spans
from streams.runtime.traces import continue_trace

HOP = Hop(stages=("tag_entities",), source="in", target="out", dead_letters="dead", group="g", last=True)
INCOMING = Incoming("in", 0, 7, 0, b"key", b"{}", ())


def test_reporting_never_waits_for_the_collector_and_a_stop_hardly_does() -> None:
    with Spans(Tracing(endpoint="http://127.0.0.1:9/v1/traces", sample_share=1)) as spans:
        began = time.monotonic()
        for _ in range(3000):  # more than the SDK's queue holds
            spans.report(HOP, INCOMING, Done((), "en", (0.001,), continue_trace("", 1), time.time_ns(), 0.001))
            spans.report(HOP, INCOMING, Rejected(Reason.TIMEOUT, "took too long", "tag"))
        assert time.monotonic() - began < 5
        began = time.monotonic()
    assert time.monotonic() - began < 5


def test_what_is_not_sampled_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[ReadableSpan] = []
    with Spans(Tracing(endpoint="http://127.0.0.1:9/v1/traces", sample_share=0)) as spans:
        monkeypatch.setattr(spans._processor, "on_end", sent.append)
        spans.report(HOP, INCOMING, Rejected(Reason.TIMEOUT, "took too long", "tag"))
        assert not sent
        spans.report(HOP, INCOMING, Rejected(Reason.TIMEOUT, "took too long", "tag", trace=continue_trace("", 1)))
        assert [span.name for span in sent] == ["deliver", "process tag_entities"]
