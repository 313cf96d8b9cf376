"""The worker's listener: `/metrics` for Prometheus, `/livez` and `/readyz` for whoever restarts and routes."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from streams.errors import Exit, Fatal
from streams.runtime.settings import Http

Checks = Callable[[], Mapping[str, str]]
"""Names to what is wrong with them; nothing wrong, empty text."""


@asynccontextmanager
async def listener(settings: Http, registry: CollectorRegistry, live: Checks, ready: Checks) -> AsyncIterator[str]:
    """Serve until the block ends; yields the base URL. Raises `Fatal` when the address cannot be had."""

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def probe(checks: Checks) -> Callable[[web.Request], object]:
        async def answer(_request: web.Request) -> web.Response:
            found = checks()
            bad = {name: problem for name, problem in found.items() if problem}
            return web.json_response(
                {"ok": not bad, "checks": {name: problem or "ok" for name, problem in found.items()}},
                status=503 if bad else 200,
            )

        return answer

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/livez", probe(live))  # type: ignore[arg-type]
    app.router.add_get("/readyz", probe(ready))  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, settings.bind, settings.port)
    try:
        await site.start()
    except OSError as exc:
        await runner.cleanup()
        raise Fatal(
            Exit.CONFIG,
            f"cannot listen on {settings.bind}:{settings.port} ({exc.strerror}): set http.bind and http.port",
        ) from exc
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        await runner.cleanup()
