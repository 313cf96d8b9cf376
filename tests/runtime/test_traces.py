"""W3C trace context, by its specification."""

import pytest

from streams.runtime import events
from streams.runtime.traces import continue_trace, trace_id_of

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("flags", "sampled"), [("01", True), ("00", False), ("03", True), ("02", False)])
def test_a_trace_is_continued_and_sampled_as_it_came(flags: str, sampled: bool) -> None:
    trace = continue_trace(f"00-{TRACE}-{PARENT}-{flags}", sample_share=0.5)
    assert (f"{trace.trace_id:032x}", f"{trace.parent_id:016x}", trace.sampled) == (TRACE, PARENT, sampled)
    version, trace_id, span_id, ours = trace.traceparent.decode().split("-")
    assert (version, trace_id, ours) == ("00", TRACE, "01" if sampled else "00")
    assert span_id not in (PARENT, "0" * 16)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{TRACE}-{PARENT}",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n",
        "\ufffd" * 55,
    ],
)
def test_without_a_valid_one_a_trace_begins(header: str) -> None:
    trace = continue_trace(header, sample_share=1)
    assert trace.parent_id == 0
    assert trace.trace_id not in (0, int(TRACE, 16))
    assert trace.sampled
    assert trace_id_of(header) == ""


def test_of_a_later_version_what_this_one_knows_is_read() -> None:
    assert trace_id_of(f"cc-{TRACE}-{PARENT}-01-what-comes") == TRACE


def test_the_share_decides_which_new_traces_are_sampled() -> None:
    assert not any(continue_trace("", 0).sampled for _ in range(50))
    assert 300 < sum(continue_trace("", 0.5).sampled for _ in range(1000)) < 700


def test_our_place_stands_in_the_headers_once_and_the_rest_stays() -> None:
    trace = continue_trace(f"00-{TRACE}-{PARENT}-01", 1)
    came = (("TraceParent", b"x"), ("tracestate", b"a=1"), ("traceparent", b"y"), ("other", None))
    assert events.with_trace(came, trace) == (
        ("tracestate", b"a=1"),
        ("other", None),
        ("traceparent", trace.traceparent),
    )
