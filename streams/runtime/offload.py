"""Work in other processes, with a time budget for each release and a verdict on the one that kills its process."""

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray
from typing import Any, Protocol

import pebble
import structlog

from streams.errors import Exit, Fatal, Reason
from streams.runtime import work
from streams.runtime.events import Incoming, Outcome, Rejected
from streams.runtime.metrics import Metrics

log = structlog.get_logger()

IDLE = -1.0
"""In the progress table: no release is being worked on in this slot."""

OVERTIME_CHECK_SECONDS = 0.1
"""How often budgets are checked: as fine as the shortest budget that the settings allow."""

LOADED_CHECK_SECONDS = 0.02

FALSE_STARTS = 5
"""Processes that may die before they begin a release of this window: then it is not the releases, and we stop."""

CRASHES_BEFORE_VERDICT = 2
"""A process may die for other reasons than its release (memory pressure, an operator's kill): ask twice."""


class Offload(Protocol):
    """Somewhere windows are worked on."""

    @property
    def processes(self) -> int:
        """How many windows it works on at once."""

    async def process(self, hop: str, window: Sequence[Incoming]) -> list[Outcome]:
        """The window's outcomes, in order. Raises `Fatal` if no work can be done at all."""

    async def ready(self) -> Mapping[str, str]:
        """Return once work can begin: stage to the version of what it knows. Raises `Fatal` if it never can."""

    def close(self) -> None:
        """End all processes, now."""


class Inline:
    """Work in this process: for debugging. No time budget, no crash isolation, and the loop waits."""

    processes = 1

    def __init__(self, tasks: Sequence[work.Task]) -> None:
        self._workers = {task.hop.name: work.prepare(task) for task in tasks}

    async def process(self, hop: str, window: Sequence[Incoming]) -> list[Outcome]:
        """Work on the window, giving the loop a chance between releases."""
        outcomes = []
        for incoming in window:
            outcomes.extend(work.process_window(self._workers[hop], (incoming,)))
            await asyncio.sleep(0)
        return outcomes

    async def ready(self) -> Mapping[str, str]:
        """Nothing to wait for."""
        return _versions_of(self._workers)

    def close(self) -> None:
        """Nothing to end."""


class Pool:
    """Processes that each hold the stages of all hops of this worker.

    A table in shared memory says, per window in work, which release its process is at and since when. So a release
    over its budget is known by name: its process is killed, it alone is rejected, and the rest of the window is done
    again. A process that dies takes nobody with it either: the release it was at is tried once more by itself.
    """

    def __init__(
        self, tasks: Sequence[work.Task], processes: int, release_seconds: float, slots: int, metrics: Metrics
    ) -> None:
        # forkserver, not fork: children must not inherit broker sockets, the listener or Faust's signal handlers.
        context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        if os.name == "posix":
            context.set_forkserver_preload(["streams.runtime.work"])
        self._progress = RawArray("d", [IDLE, IDLE] * slots)
        self._loaded = context.Value("i", 0)
        self._free = list(range(slots))
        self.processes = processes
        self._slot_freed = asyncio.Condition()
        self._release_seconds = release_seconds
        self._metrics = metrics
        self._at_work = 0
        metrics.pool_processes.set(processes)
        self._pool = pebble.ProcessPool(
            max_workers=processes,
            context=context,
            initializer=_begin,
            initargs=(tuple(tasks), self._progress, self._loaded),
        )

    async def ready(self) -> Mapping[str, str]:
        """Wait for every process to have loaded its stages: the first releases must not wait for the last process."""
        slot = await self._take_slot()
        try:
            for _ in range(FALSE_STARTS):
                results, ended = await self._run("", (), slot)
                if results is not None:
                    break
            else:
                raise Fatal(Exit.FAILED, f"pool processes die before they begin: {ended.detail}")
            while self._loaded.value < self.processes:
                await asyncio.sleep(LOADED_CHECK_SECONDS)
        finally:
            await self._give_slot(slot)
        versions: Mapping[str, str] = await asyncio.wrap_future(self._pool.schedule(_versions))
        return versions

    async def process(self, hop: str, window: Sequence[Incoming]) -> list[Outcome]:
        """Work on a window; kill, retry and reject as described above."""
        outcomes: list[Outcome | None] = [None] * len(window)
        crashes = [0] * len(window)
        false_starts = 0
        # Suspects go alone, so that a second crash costs nobody else another round.
        batches = [list(range(len(window)))]
        slot = await self._take_slot()
        self._count(+1)
        try:
            while batches:
                batch = batches.pop()
                results, culprit = await self._run(hop, [window[i] for i in batch], slot)
                if results is not None:
                    for index, outcome in zip(batch, results, strict=True):
                        outcomes[index] = outcome
                    continue
                at = batch[culprit.position] if culprit.position is not None else None
                rest = [i for i in batch if i != at]
                if rest:
                    batches.append(rest)
                if at is None:
                    false_starts += 1
                    if false_starts >= FALSE_STARTS:
                        raise Fatal(Exit.FAILED, f"pool processes die before they begin: {culprit.detail}")
                    continue
                if culprit.overtime:
                    outcomes[at] = self._overtime(hop, window[at])
                    continue
                crashes[at] += 1
                if crashes[at] >= CRASHES_BEFORE_VERDICT:
                    outcomes[at] = Rejected(Reason.CRASHED, f"killed its process twice: {culprit.detail}", hop)
                else:
                    batches.append([at])
        finally:
            self._count(-1)
            await self._give_slot(slot)
        return [outcome for outcome in outcomes if outcome is not None]

    def _count(self, change: int) -> None:
        self._at_work += change
        self._metrics.pool_busy.set(min(self._at_work, self.processes))
        self._metrics.pool_queue.set(max(0, self._at_work - self.processes))

    def close(self) -> None:
        """Kill all processes; windows in work are lost to this worker and stay unacked."""
        self._pool.stop()
        self._pool.join(timeout=1)

    async def _run(self, hop: str, jobs: Sequence[Incoming], slot: int) -> tuple[list[Outcome] | None, "_Culprit"]:
        self._progress[2 * slot] = self._progress[2 * slot + 1] = IDLE
        try:
            future: Future[Any] = self._pool.schedule(_process, args=(hop, tuple(jobs), slot))
        except RuntimeError as exc:  # the pool is closed or broken
            raise Fatal(Exit.FAILED, f"the process pool takes no more work: {exc}") from exc
        late = await self._watch(future, slot)
        overtime = late is not None
        position = late if overtime else self._at(slot)
        try:
            result = future.result()
        except (pebble.ProcessExpired, CancelledError) as exc:
            self._metrics.pool_restarts.labels(hop, "timeout" if overtime else "crash").inc()
            detail = f"{type(exc).__name__}: {exc}"
            log.warning("pool process ended", hop=hop, overtime=overtime, detail=detail)
            return None, _Culprit(position, overtime, detail)
        if isinstance(result, str):
            raise Fatal(Exit.FAILED, f"the stages cannot be loaded:\n{result}")
        return result, _Culprit(None, False, "")

    def _at(self, slot: int) -> int | None:
        number = self._progress[2 * slot]
        return None if number == IDLE else int(number)

    async def _watch(self, future: "Future[Any]", slot: int) -> int | None:
        """Wait for the window; kill its process when a release is over its budget. Returns which one was, if any."""
        loop = asyncio.get_running_loop()
        settled = asyncio.Event()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(settled.set))
        late: int | None = None
        try:
            while not settled.is_set():
                try:
                    async with asyncio.timeout(OVERTIME_CHECK_SECONDS):
                        await settled.wait()
                except TimeoutError:
                    since = self._progress[2 * slot + 1]
                    if late is None and since != IDLE and time.monotonic() - since > self._release_seconds:
                        late = self._at(slot)  # now: by the time the process is dead it may have moved on
                        future.cancel()  # pebble kills the process that runs it
        except asyncio.CancelledError:
            future.cancel()
            raise
        return late

    def _overtime(self, hop: str, incoming: Incoming) -> Rejected:
        size = len(incoming.value or b"")
        detail = f"used up its {self._release_seconds:g} s (pool.release_seconds), {size} bytes"
        return Rejected(Reason.TIMEOUT, detail, hop)

    async def _take_slot(self) -> int:
        async with self._slot_freed:
            await self._slot_freed.wait_for(lambda: bool(self._free))
            return self._free.pop()

    async def _give_slot(self, slot: int) -> None:
        async with self._slot_freed:
            self._free.append(slot)
            self._slot_freed.notify()


@dataclass(frozen=True, slots=True)
class _Culprit:
    """Which release of a window a process ended at, if it had begun one, and why."""

    position: int | None
    overtime: bool
    detail: str


# --- In the child ---------------------------------------------------------------------------------------------------

_workers: dict[str, work.Worker] = {}
_broken = ""
_table: Any = None


def _begin(tasks: tuple[work.Task, ...], progress: Any, loaded: Any) -> None:
    """Make the process ready. What goes wrong is kept for `_process`: an initialiser's error would vanish."""
    global _workers, _broken, _table  # pebble's initialiser leaves no other way to hand things on
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _table = progress
    try:
        _workers = {task.hop.name: work.prepare(task) for task in tasks}
        work.settle()
    except Exception as exc:  # the edge of the process
        _broken = f"{type(exc).__name__}: {exc}"
    with loaded.get_lock():
        loaded.value += 1


def _process(hop: str, jobs: tuple[Incoming, ...], slot: int) -> list[Outcome] | str:
    if _broken or not jobs:
        return _broken or []
    table = _table

    def started(number: int) -> None:
        # The start first: a watcher that reads between the two must never see an old start with a new number.
        table[2 * slot + 1] = time.monotonic()
        table[2 * slot] = number

    outcomes = work.process_window(_workers[hop], jobs, started)
    table[2 * slot + 1] = IDLE
    return outcomes


def _versions() -> dict[str, str]:
    return _versions_of(_workers)


def _versions_of(workers: Mapping[str, work.Worker]) -> dict[str, str]:
    return {stage: version for each in workers.values() for stage, version in each.line.enrichment.models.items()}


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
