"""Traces through all hops, as a collector receives them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from streams.runtime import events
from tests.support.house import House, Release

HouseMaker = Callable[..., House]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STAGES = ("detect_language", "strip_boilerplate", "tag_entities")


class Collector:
    """Takes spans over OTLP, as any collector does."""

    def __init__(self) -> None:
        self.spans: defaultdict[str, list[Span]] = defaultdict(list)

    async def take(self, request: web.Request) -> web.Response:
        assert request.headers["content-type"] == "application/x-protobuf"
        received = ExportTraceServiceRequest.FromString(await request.read())
        for resource in received.resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            assert names["service.name"] == "newsmill"
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans[span.trace_id.hex()].append(span)
        return web.Response()

    async def wait(self, trace_id: str, count: int, seconds: float = 20) -> dict[str, Span]:
        async with asyncio.timeout(seconds):
            while len(self.spans[trace_id]) < count:
                await asyncio.sleep(0.1)
        return {span.name: span for span in self.spans[trace_id]}


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    found = Collector()
    app = web.Application(client_max_size=16 << 20)
    app.router.add_post("/v1/traces", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield found, f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    finally:
        await runner.cleanup()


async def test_a_trace_goes_on_from_the_raw_event_to_the_enriched_one_through_every_hop(
    kafka_house: HouseMaker,
) -> None:
    async with collector() as (found, endpoint):
        house = kafka_house(tracing={"endpoint": endpoint})
        await house.create_topics()
        worker = await asyncio.to_thread(house.start)
        parent = ("traceparent", f"00-{TRACE}-{PARENT}-01".encode())
        good, bad = Release.of("good"), Release(b"bad", b"{", (("content-type", b"application/json"), parent))
        await house.send(Release(good.key, good.value, (*good.headers, parent, ("tracestate", b"wire=7"))), bad)

        outcomes = await house.outcomes(2)
        (enriched,), (dead,) = outcomes.enriched[b"good"], outcomes.dead[b"bad"]
        assert events.header(dead.headers, "traceparent") == f"00-{TRACE}-{PARENT}-01"
        assert events.header(enriched.headers, "tracestate") == "wire=7"
        hops = [f"process {stage}" for stage in STAGES]
        # Three hops of three spans each, and two of the release that ended in the first hop.
        await found.wait(TRACE, 11)
        code, _ = await asyncio.to_thread(worker.stop)
        assert code == 0

    spans = found.spans[TRACE]
    passed = {s.name: s for s in spans if s.name in hops and s.status.code == Status.STATUS_CODE_OK}
    assert passed.keys() == set(hops)
    before = PARENT
    for hop in hops:
        assert passed[hop].parent_span_id.hex() == before
        assert passed[hop].kind == Span.SPAN_KIND_CONSUMER
        before = passed[hop].span_id.hex()
        inner = {s.name: s for s in spans if s.parent_span_id == passed[hop].span_id and s.name not in hops}
        assert inner.keys() == {hop.removeprefix("process "), "deliver"}
        for span in inner.values():
            assert passed[hop].start_time_unix_nano <= span.start_time_unix_nano
            assert span.start_time_unix_nano <= span.end_time_unix_nano <= passed[hop].end_time_unix_nano
    assert events.header(enriched.headers, "traceparent") == f"00-{TRACE}-{before}-01"
    (failed,) = [s for s in spans if s.name in hops and s.status.code == Status.STATUS_CODE_ERROR]
    attributes = {a.key: a.value.string_value or a.value.int_value for a in failed.attributes}
    assert attributes["error.type"] == "undecodable"
    assert attributes["messaging.destination.name"] == house.raw
    assert attributes["messaging.kafka.message.key"] == "bad"
