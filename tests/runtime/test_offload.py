"""The pool: budgets, crashes and order, with real processes."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson
import psutil
import pytest
from prometheus_client import CollectorRegistry

from streams.errors import Fatal, Reason
from streams.runtime import routes
from streams.runtime.events import Done, Incoming, Outcome, Rejected
from streams.runtime.hops import Hop
from streams.runtime.metrics import Metrics
from streams.runtime.offload import Inline, Pool
from streams.runtime.work import Task
from streams.stage import config_directory
from tests.support import hostile

STAGES = ("detect_language", "strip_boilerplate", "tag_entities")
HOP = Hop(STAGES, "raw", "enriched", "dead", "group", last=True)
RELEASE_SECONDS = 1.0


def task(data: Path | None = None) -> Task:
    return hostile.HostileTask(
        hop=HOP,
        routes=routes.load(config_directory(), "news.release"),
        data=data or config_directory(),
        options={},
        config="test",
        release_bytes=100_000,
        event_bytes=1_000_000,
    )


def incoming(number: int, text: str = "The plant in Busan opens on Monday, the company said.") -> Incoming:
    value = orjson.dumps({"id": f"r{number}", "text": text})
    return Incoming("raw", 0, number, 1_700_000_000_000, f"r{number}".encode(), value, ())


def reasons(outcomes: Sequence[Outcome]) -> list[Reason | None]:
    return [o.reason if isinstance(o, Rejected) else None for o in outcomes]


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    made = Pool([task()], 2, RELEASE_SECONDS, 4, Metrics(CollectorRegistry()))
    await made.ready()
    yield made
    made.close()


async def test_outcomes_come_in_the_order_of_the_window(pool: Pool) -> None:
    outcomes = await pool.process(HOP.name, [incoming(n) for n in range(20)])
    assert [o.messages[0].key for o in outcomes if isinstance(o, Done)] == [f"r{n}".encode() for n in range(20)]


async def test_a_hanging_release_is_rejected_alone_and_in_time(pool: Pool) -> None:
    window = [incoming(0), incoming(1, hostile.HANG), incoming(2)]
    began = time.monotonic()
    outcomes = await pool.process(HOP.name, window)
    assert reasons(outcomes) == [None, Reason.TIMEOUT, None]
    assert time.monotonic() - began < 10 * RELEASE_SECONDS  # the budget, a new process and a loaded machine


async def test_a_release_that_kills_its_process_is_rejected_alone(pool: Pool) -> None:
    window = [incoming(0), incoming(1, hostile.CRASH), incoming(2), incoming(3, hostile.CRASH)]
    assert reasons(await pool.process(HOP.name, window)) == [None, Reason.CRASHED, None, Reason.CRASHED]


async def test_a_process_that_died_for_another_reason_costs_no_release(pool: Pool, tmp_path: Path) -> None:
    window = [incoming(0), incoming(1, f"{hostile.CRASH_ONCE}{tmp_path / 'flag'} and text"), incoming(2)]
    assert reasons(await pool.process(HOP.name, window)) == [None, None, None]


async def test_a_bug_is_a_verdict_with_its_traceback(pool: Pool) -> None:
    (outcome,) = await pool.process(HOP.name, [incoming(0, hostile.BUG)])
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.stage, outcome.exception) == (Reason.BUG, "tag_entities", "builtins.KeyError")
    assert "a stage's bug" in outcome.detail


async def test_windows_beside_a_hanging_one_go_on(pool: Pool) -> None:
    hanging = asyncio.create_task(pool.process(HOP.name, [incoming(0, hostile.HANG)]))
    others = await asyncio.gather(*(pool.process(HOP.name, [incoming(n)]) for n in range(1, 9)))
    assert all(reasons(o) == [None] for o in others)
    assert reasons(await hanging) == [Reason.TIMEOUT]


async def test_stages_that_cannot_be_loaded_stop_the_worker_with_the_cause(tmp_path: Path) -> None:
    broken = Pool([task(tmp_path)], 1, RELEASE_SECONDS, 1, Metrics(CollectorRegistry()))
    try:
        with pytest.raises(Fatal, match=r"cannot be loaded"):
            await broken.ready()
    finally:
        broken.close()


async def test_no_process_outlives_a_closed_pool() -> None:
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    made = Pool([task()], 2, RELEASE_SECONDS, 2, Metrics(CollectorRegistry()))
    await made.process(HOP.name, [incoming(0)])
    working = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    made.close()
    _, alive = psutil.wait_procs(working, timeout=5)
    # The fork server and the resource tracker serve the whole process and end with it.
    assert [
        p for p in alive if "forkserver" not in " ".join(p.cmdline()) and "tracker" not in " ".join(p.cmdline())
    ] == []


async def test_working_inline_gives_the_same_outcomes(pool: Pool) -> None:
    window = [incoming(n) for n in range(3)]
    inline, pooled = await Inline([task()]).process(HOP.name, window), await pool.process(HOP.name, window)

    def values(outcomes: Sequence[Outcome]) -> list[bytes | None]:
        return [o.messages[0].value for o in outcomes if isinstance(o, Done)]

    assert values(inline) == values(pooled)
