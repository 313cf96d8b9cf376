"""A real Prometheus scrapes a real worker on Apache Kafka while things go well, and then not."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.runtime.embedded import free_port
from tests.contract.test_metrics_rules import ASKED, RECORDED
from tests.support import scene
from tests.support.house import FUSED, house
from tests.support.kafka import KafkaCluster
from tests.support.prometheus import Prometheus, filled_in, hasten, prometheus

pytestmark = pytest.mark.kafka

EXPECTED = {
    "NewsmillDown",
    "NewsmillDeadLetters",
    "NewsmillBug",
    "NewsmillNoProgress",
    "NewsmillBlind",
    "NewsmillLateFast",
}
"""Of a worker that is not there, of poison, of a stage that fails, and of a broker that says nothing for a while."""

STALL_SECONDS = 11.5
"""Longer than the objective of 10 s: what was on its way is late."""

BURST = 800
"""More than the worker can do before the broker falls silent, and a good part of a minute's releases."""

PATIENCE_SECONDS = 40.0


async def test_every_panel_and_rule_has_its_data_and_the_alerts_fire(
    own_kafka: Callable[..., KafkaCluster], tmp_path: Path, unique_prefix: str
) -> None:
    cluster = own_kafka(1)
    tables: dict[str, Any] = {
        "hops": FUSED,
        "dead_letter": {"limit_share": 1.0, "send_seconds": 60.0},
        "broker": {"request_seconds": 6.0, "session_seconds": 6.0},
        "watchdog": {"probe_seconds": 0.5},
    }
    with house(cluster.bootstrap, tmp_path, unique_prefix, **tables) as home:
        await home.create_topics()
        worker = home.start(ready=False)
        targets = (worker.url.removeprefix("http://"), f"127.0.0.1:{free_port()}")
        with prometheus(tmp_path, targets) as watcher:
            await asyncio.to_thread(worker.wait_ready)
            wire = scene.releases()
            traffic = asyncio.create_task(scene.play(home, wire, PATIENCE_SECONDS))
            await _until_all_have_data(watcher)
            traffic.cancel()
            await scene.play(home, wire, scene.TICK_SECONDS, per_tick=BURST)
            cluster.pause_node(1)
            fired = await _fired(watcher, STALL_SECONDS, EXPECTED)
            cluster.resume_node(1)
            fired |= await _fired(watcher, PATIENCE_SECONDS, EXPECTED - fired)
            broken = {rule["name"]: rule.get("lastError") for rule in watcher.rules() if rule["health"] != "ok"}
            assert worker.process.poll() is None, worker.output()
    assert EXPECTED - fired == set()
    assert broken == {}


async def _until_all_have_data(watcher: Prometheus) -> None:
    expressions = {hasten(filled_in(expression)) for expression in ASKED} | set(RECORDED)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while empty := {each for each in expressions if not await asyncio.to_thread(watcher.ask, each)}:
        assert time.monotonic() < deadline, empty
        expressions = empty
        await asyncio.sleep(0.5)


async def _fired(watcher: Prometheus, seconds: float, wanted: set[str]) -> set[str]:
    """What fires within so long; returns sooner only after the whole stall, or once all that is wanted was seen."""
    fired: set[str] = set()
    began = time.monotonic()
    while time.monotonic() < began + seconds and not (wanted <= fired and seconds > STALL_SECONDS):
        fired |= await asyncio.to_thread(watcher.firing)
        await asyncio.sleep(0.5)
    return fired
