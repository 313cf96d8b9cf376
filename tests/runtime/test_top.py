"""`newsmill top`: what happened between two looks, and the command beside a listener of ours."""

import asyncio
import json
import math
import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console

from streams.runtime import health, settings
from streams.runtime.commands.top import picture
from streams.runtime.embedded import free_port
from streams.runtime.hops import plan
from streams.runtime.metrics import Metrics
from streams.runtime.overview import Figures, compare, quantile, read_look

HOP, STAGE = "tag_entities", "tag_entities"


def worker(received: int = 0, *, dead: int = 0, version: str = "1.2.3") -> Metrics:
    metrics = Metrics(CollectorRegistry())
    metrics.expect(plan(settings.load())[-1])
    metrics.info.info({"version": version})
    work(metrics, received, dead=dead)
    return metrics


def work(metrics: Metrics, received: int, *, dead: int = 0, age: float = 0.02) -> None:
    metrics.received.labels(HOP).inc(received)
    metrics.sent.labels(HOP).inc(received - dead)
    metrics.dead_letters.labels(HOP, STAGE, "timeout").inc(dead)
    metrics.releases.labels("de", "other").inc(received - dead)
    for _ in range(received):
        metrics.age_seconds.labels(HOP).observe(age)
        metrics.stage_seconds.labels(STAGE).observe(0.004)


def page(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def between(*workers: Metrics, received: int = 100, dead: int = 0, seconds: float = 10.0) -> Figures:
    before = read_look(50.0, map(page, workers), {})
    for each in workers:
        work(each, received, dead=dead)
    return compare(before, read_look(50.0 + seconds, map(page, workers), {"http://gone": "refused"}))


def test_rates_latencies_and_languages_are_those_between_two_looks() -> None:
    figures = between(worker(1000, dead=7), dead=10)
    (hop,) = figures.hops
    assert (hop.name, hop.received, hop.sent, hop.dead_letters) == (HOP, 10.0, 9.0, 1.0)
    assert 0.01 <= hop.p50 <= 0.025
    rate, each = figures.stages[STAGE]
    assert rate == 10.0
    assert each == pytest.approx(0.004)
    assert figures.languages == {"de": 9.0}
    assert figures.dead_letters == {HOP: {"timeout": 17.0}}
    assert (figures.versions, figures.away) == (("1.2.3",), {"http://gone": "refused"})


def test_workers_are_added_up_and_their_versions_named() -> None:
    figures = between(worker(5), worker(7, version="1.3.0"))
    assert figures.hops[0].received == 20.0
    assert figures.versions == ("1.2.3", "1.3.0")


def test_a_worker_that_was_started_again_counts_from_its_start() -> None:
    before = read_look(0, [page(worker(1000))], {})
    assert compare(before, read_look(10, [page(worker(50))], {})).hops[0].received == 5.0


def test_lag_and_what_is_in_flight_are_those_of_now() -> None:
    metrics = worker()
    for partition, lag in (("0", 3), ("1", 4)):
        metrics.lag_records.labels(HOP, partition).set(lag)
    metrics.in_flight.labels(HOP).set(2)
    metrics.held.set(5)
    figures = between(metrics)
    assert (figures.hops[0].lag, figures.hops[0].in_flight, figures.held) == (7, 2, 5)


def test_where_nothing_happened_there_is_no_latency() -> None:
    (hop,) = between(worker(10), received=0).hops
    assert math.isnan(hop.p99)
    assert hop.received == 0


@pytest.mark.parametrize(
    ("share", "buckets", "expected"),
    [
        (0.5, {1.0: 10, 2.0: 20, math.inf: 20}, 1.0),
        (0.75, {1.0: 10, 2.0: 20, math.inf: 20}, 1.5),
        (0.5, {1.0: 0, 2.0: 10, math.inf: 10}, 1.5),
        (0.99, {1.0: 1, 2.0: 2, math.inf: 100}, 2.0),
    ],
)
def test_a_quantile_is_estimated_as_prometheus_does(share: float, buckets: dict[float, float], expected: float) -> None:
    assert quantile(share, buckets) == pytest.approx(expected)


def test_without_observations_a_quantile_is_not_a_number() -> None:
    assert math.isnan(quantile(0.5, {}))
    assert math.isnan(quantile(0.5, {1.0: 0, math.inf: 0}))


def test_the_picture_says_what_is_wrong_in_words() -> None:
    metrics = worker()
    metrics.stuck_seconds.labels(HOP).set(42)
    console = Console(width=120)
    with console.capture() as captured:
        console.print(picture(between(metrics, dead=10), 2))
    drawn = captured.get()
    for words in ("1 of 2 workers", "no commit for 42 s", "timeout 10", "newsmill dead-letters list", "http://gone"):
        assert words in drawn


async def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "streams.runtime.cli", "top", *arguments]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "120"}
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env=environment, timeout=60, check=False
    )


async def test_the_command_reads_a_worker_over_http() -> None:
    metrics = worker(100)
    http = settings.load().http.model_copy(update={"port": free_port()})
    async with health.listener(http, metrics.registry, dict, dict) as url:
        ran = await run("--once", "--interval", "0.3", "--json", f"{url}/metrics", "127.0.0.1:9")
        drawn = await run("--once", "--interval", "0.3", url)
    found = json.loads(ran.stdout)
    assert ran.returncode == 0, ran.stderr
    assert found["hops"][0]["name"] == HOP
    assert found["hops"][0]["p99"] is None
    assert found["away"].keys() == {"http://127.0.0.1:9"}
    assert drawn.returncode == 0, drawn.stderr
    assert "1 of 1 worker " in drawn.stdout
    assert HOP in drawn.stdout


async def test_where_no_worker_answers_it_says_so_and_where_it_looked() -> None:
    ran = await run("--once", "127.0.0.1:9")
    assert ran.returncode == 69
    assert "no worker answers" in ran.stderr
    assert "http://127.0.0.1:9" in ran.stderr
