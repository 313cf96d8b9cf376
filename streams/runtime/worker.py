"""A worker: its hops' apps and loops, the pool, the listener and the watchdog, started and stopped in order."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from streams import __version__
from streams.errors import Exit, Fatal, Unavailable
from streams.runtime import app as faust_app
from streams.runtime import health, registry, topics, watchdog
from streams.runtime.agents import Loop, Reporter
from streams.runtime.consumer import App
from streams.runtime.gatekeeper import Gatekeeper
from streams.runtime.hops import Hop
from streams.runtime.metrics import Metrics
from streams.runtime.offload import Inline, Offload, Pool
from streams.runtime.outbox import Outbox
from streams.runtime.routes import Routes
from streams.runtime.settings import Settings
from streams.runtime.work import config_word, task_of

if TYPE_CHECKING:
    from streams.runtime.spans import Spans

log = structlog.get_logger()

CRASH_CHECK_SECONDS = 0.5
"""How often we look whether Faust has given up."""


@dataclass(frozen=True, slots=True)
class _Running:
    hop: Hop
    app: App
    loop: Loop
    outbox: Outbox
    gate: Gatekeeper | None


async def run(
    settings: Settings,
    hops: Sequence[Hop],
    routes: Routes,
    *,
    stop: asyncio.Event | None = None,
    on_ready: Callable[[str], None] | None = None,
    leave: Callable[[int], None] | None = None,
) -> None:
    """Run the hops until `stop` is set or a signal comes. Raises `Fatal` when the worker cannot go on.

    `on_ready` is called with the listener's URL once the pool is loaded and every hop has joined its group. `leave`
    ends the process when a stop takes longer than `stop.deadline_seconds`; without it a stop waits for Faust.
    """
    await _check_topics(settings, hops, routes)
    await _register_schemas(settings, routes)
    metrics = Metrics(CollectorRegistry(), settings.metrics)
    ProcessCollector(registry=metrics.registry)
    metrics.info.info(
        {
            "version": __version__,
            "config": config_word(settings),
            "group": settings.group.id,
            "hops": ",".join(hop.name for hop in hops),
        }
    )
    stop = stop or asyncio.Event()
    async with AsyncExitStack() as stack:
        reporter = stack.enter_context(_spans(settings)) if settings.tracing.endpoint else None
        offload = _offload(settings, hops, routes, metrics)
        stack.callback(offload.close)
        running = [_make(settings, hop, routes, offload, metrics, reporter) for hop in hops]
        state = _State(running)
        url = await stack.enter_async_context(health.listener(settings.http, metrics.registry, state.live, state.ready))
        _on_signals(stop, leave)
        tasks = [asyncio.create_task(r.loop.run(), name=f"loop {r.hop.name}") for r in running] + [
            asyncio.create_task(_supervise(r, settings, metrics), name=f"supervise {r.hop.name}") for r in running
        ]
        tasks += [
            asyncio.create_task(
                r.gate.run(partial(faust_app.owned, r.app), partial(faust_app.in_session, r.app)),
                name=f"gate {r.hop.name}",
            )
            for r in running
            if r.gate is not None
        ]
        tasks.append(asyncio.create_task(_until(stop), name="stop"))
        tasks.append(asyncio.create_task(_announce(offload, state, url, metrics, on_ready), name="announce"))
        code = Exit.FAILED
        try:
            await _first_end(tasks)
            code = Exit.OK
        except Fatal as exc:
            code = exc.exit_code
            metrics.stopping.labels(code.name.lower()).set(1)
            raise
        finally:
            deadline = _deadline(settings, code, leave)
            await _stop(running, tasks, settings)
            if deadline is not None:
                deadline.cancel()
            if code is Exit.DEAD_LETTER_LIMIT:
                await _be_seen(settings, stop)


class _State:
    """What the health endpoints answer."""

    def __init__(self, running: Sequence[_Running]) -> None:
        self._running = running
        self.pool_ready = False

    def live(self) -> Mapping[str, str]:
        """Alive is answering at all; being stuck ends the process through the watchdog."""
        return {r.hop.name: "Faust has crashed" if r.app.crashed else "" for r in self._running}

    def ready(self) -> Mapping[str, str]:
        joined = {
            r.hop.name: "" if faust_app.joined(r.app) else "has not joined its consumer group" for r in self._running
        }
        return {"pool": "" if self.pool_ready else "is loading the stages", **joined}


async def _check_topics(settings: Settings, hops: Sequence[Hop], routes: Routes) -> None:
    names = topics.needed(hops, routes)
    wanted = [topic for topic in topics.table(settings, routes) if topic.name in names]
    if differences := await topics.verify(settings, wanted):
        raise Fatal(Exit.UNAVAILABLE, "\n".join(str(difference) for difference in differences))


async def _register_schemas(settings: Settings, routes: Routes) -> None:
    if not settings.schema_registry.url:
        return
    try:
        subjects = await registry.register(settings.schema_registry, topics.table(settings, routes))
    except Unavailable as exc:  # the news does not wait for a directory
        log.warning("schemas are not registered; newsmill register-schemas does it later", error=exc.detail)
        return
    if refused := [subject for subject in subjects if subject.state == "incompatible"]:
        problems = "\n".join(f"{subject.name}: {subject.problem}" for subject in refused)
        raise Fatal(Exit.CONFIG, f"the schema registry holds schemas that ours are not compatible with:\n{problems}")


def _offload(settings: Settings, hops: Sequence[Hop], routes: Routes, metrics: Metrics) -> Offload:
    tasks = [task_of(hop, settings, routes) for hop in hops]
    if settings.pool.processes == 0:
        return Inline(tasks)
    slots = settings.window.in_flight * len(hops) + 1
    return Pool(tasks, settings.pool.processes, settings.pool.release_seconds, slots, metrics)


def _spans(settings: Settings) -> "Spans":
    from streams.runtime.spans import Spans

    return Spans(settings.tracing)


def _make(
    settings: Settings, hop: Hop, routes: Routes, offload: Offload, metrics: Metrics, reporter: Reporter | None
) -> _Running:
    metrics.expect(hop)
    metrics.dead_letter_limit_share.labels(hop.name).set(settings.dead_letter.limit_share)
    outbox = Outbox(hop.name, settings.broker, settings.retry, topics.dead_letter_bytes(settings), metrics)
    gate = _gate(settings, hop, routes, outbox, metrics) if hop.last else None
    loop = Loop(hop, offload, outbox, settings.window, settings.dead_letter, metrics, reporter, gate)
    return _Running(hop, faust_app.create_app(settings, hop, loop, metrics, gate), loop, outbox, gate)


def _gate(settings: Settings, hop: Hop, routes: Routes, outbox: Outbox, metrics: Metrics) -> Gatekeeper:
    everywhere = (hop.target, *routes.topics())
    return Gatekeeper(hop, everywhere, outbox, settings.broker, settings.gate, metrics, routes.convert)


async def _announce(
    offload: Offload, state: _State, url: str, metrics: Metrics, on_ready: Callable[[str], None] | None
) -> None:
    """Wait until all is ready and say so once; then wait for ever, because an end would end the worker."""
    for stage, version in (await offload.ready()).items():
        metrics.models.labels(stage, version).set(1)
    state.pool_ready = True
    while any(state.ready().values()):
        await asyncio.sleep(0.05)
    log.info("ready", url=url)
    if on_ready is not None:
        on_ready(url)
    await asyncio.Event().wait()


async def _supervise(running: _Running, settings: Settings, metrics: Metrics) -> None:
    """Start the hop's app, watch it and its progress. Raises `Fatal` when it crashed or is stuck."""
    app, hop, loop = running.app, running.hop, running.loop
    await app.start()
    watch = asyncio.create_task(
        watchdog.watch(hop, settings.broker, settings.watchdog, lambda: faust_app.assignment(app), loop.oldest, metrics)
    )
    try:
        while not app.crashed and not watch.done():
            metrics.joined.labels(hop.name).set(faust_app.joined(app))
            asleep = time.perf_counter()
            await asyncio.sleep(CRASH_CHECK_SECONDS)
            metrics.loop_late_seconds.labels(hop.name).set(time.perf_counter() - asleep - CRASH_CHECK_SECONDS)
        if watch.done():
            watch.result()
        raise Fatal(Exit.FAILED, f"Faust gave up on {hop.name}: {app.crash_reason!r}. Start the worker again")
    finally:
        watch.cancel()


async def _be_seen(settings: Settings, stop: asyncio.Event) -> None:
    """Let Prometheus see why we end: started again, a worker may end again before the next scrape."""
    with suppress(TimeoutError):
        async with asyncio.timeout(settings.metrics.last_scrape_seconds):
            await stop.wait()


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def _first_end(tasks: Sequence["asyncio.Task[object]"]) -> None:
    """Wait until one of the tasks ends, and raise what it raised, unwrapped."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        error = task.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None:
            raise error


async def _stop(running: Sequence[_Running], tasks: Sequence["asyncio.Task[object]"], settings: Settings) -> None:
    """Finish what is in flight, commit, leave the groups; each step with its own limit."""
    working = {task.get_name() for task in tasks if not task.done()}
    drained = await asyncio.gather(
        *(r.loop.drain(settings.stop.drain_seconds) for r in running if f"loop {r.hop.name}" in working)
    )
    if not all(drained):
        log.warning("stopped with releases in flight: they are unacked and will be done again")
    remaining = settings.stop.deadline_seconds - settings.stop.drain_seconds
    stopped = await asyncio.gather(*(faust_app.stop(r.app, remaining * 0.8) for r in running))
    if not all(stopped):
        log.warning("Faust did not stop in time: leaving without it, the group notices after broker.session_seconds")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(r.outbox.close() for r in running))


def _on_signals(stop: asyncio.Event, leave: Callable[[int], None] | None) -> None:
    """The first SIGTERM or SIGINT stops in order, the second at once."""
    if threading.current_thread() is not threading.main_thread():
        return

    def caught(number: int) -> None:
        if stop.is_set() and leave is not None:
            leave(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, caught, number)


def _deadline(settings: Settings, code: Exit, leave: Callable[[int], None] | None) -> threading.Timer | None:
    """A thread of its own ends the process even where the loop or Faust's threads hang."""
    if leave is None:
        return None
    timer = threading.Timer(settings.stop.deadline_seconds, leave, (int(code),))
    timer.daemon = True
    timer.start()
    return timer


def leave_now(code: int) -> None:
    """End the process without waiting for anybody's threads; children end with us."""
    os._exit(code)
