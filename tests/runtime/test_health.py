"""The listener, over a real socket."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from streams.errors import Exit, Fatal
from streams.runtime import health
from streams.runtime.metrics import Metrics
from streams.runtime.settings import Http

LOCAL = Http(bind="127.0.0.1", port=0)


@asynccontextmanager
async def listening(
    live: Mapping[str, str] | None = None,
    ready: Mapping[str, str] | None = None,
    registry: CollectorRegistry | None = None,
    settings: Http = LOCAL,
) -> AsyncIterator[str]:
    async with health.listener(
        settings, registry or CollectorRegistry(), lambda: live or {}, lambda: ready or {}
    ) as url:
        yield url


async def get(url: str) -> tuple[int, str, str]:
    """Status, content type and body."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def test_metrics_are_what_prometheus_reads() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.received.labels("tag_entities").inc(3)
    async with listening(registry=metrics.registry) as url:
        status, content_type, body = await get(f"{url}/metrics")
    assert (status, content_type.partition(";")[0]) == (200, "text/plain")
    samples = {
        (sample.name, sample.labels.get("hop")): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert samples["news_received_total", "tag_entities"] == 3


@pytest.mark.parametrize("path", ["livez", "readyz"])
@pytest.mark.parametrize(
    ("checks", "status", "body"),
    [
        ({}, 200, '{"ok": true, "checks": {}}'),
        ({"pool": "", "a": ""}, 200, '{"ok": true, "checks": {"pool": "ok", "a": "ok"}}'),
        ({"pool": "is loading", "a": ""}, 503, '{"ok": false, "checks": {"pool": "is loading", "a": "ok"}}'),
    ],
)
async def test_a_probe_says_what_is_wrong(path: str, checks: dict[str, str], status: int, body: str) -> None:
    async with listening(**{path.removesuffix("z"): checks}) as url:  # type: ignore[arg-type]
        assert await get(f"{url}/{path}") == (status, "application/json; charset=utf-8", body)


async def test_being_alive_and_being_ready_are_two_questions() -> None:
    async with listening(live={"a": ""}, ready={"a": "has not joined"}) as url:
        assert [(await get(f"{url}/{path}"))[0] for path in ("livez", "readyz")] == [200, 503]


async def test_a_probe_asks_anew_each_time() -> None:
    checks = {"pool": "is loading"}
    async with listening(ready=checks) as url:
        before = (await get(f"{url}/readyz"))[0]
        checks["pool"] = ""
        assert (before, (await get(f"{url}/readyz"))[0]) == (503, 200)


async def test_there_is_nothing_else() -> None:
    async with listening() as url:
        assert (await get(f"{url}/"))[0] == 404


async def test_a_taken_port_is_a_fault_of_the_configuration_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Fatal, match=rf"cannot listen on 127\.0\.0\.1:{port} .*http\.port") as caught:
            async with listening(settings=Http(bind="127.0.0.1", port=port)):
                pass
    assert caught.value.exit_code == Exit.CONFIG


async def test_an_address_that_is_not_ours_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(Fatal) as caught:
        async with listening(settings=Http(bind="192.0.2.1", port=0)):  # TEST-NET-1: nobody's
            pass
    assert caught.value.exit_code == Exit.CONFIG


async def test_the_port_is_free_again_afterwards() -> None:
    async with listening() as url:
        port = int(url.rpartition(":")[2])
    async with listening(settings=Http(bind="127.0.0.1", port=port)) as again:
        assert again == url


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_an_ipv6_address_makes_a_url_that_can_be_opened() -> None:
    async with listening(settings=Http(bind="::1", port=0)) as url:
        assert url.startswith("http://[::1]:")
        assert (await get(f"{url}/livez"))[0] == 200
