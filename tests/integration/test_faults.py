"""Nothing lost: workers killed, brokers stopped, members coming and going, on Apache Kafka."""

import asyncio
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.errors import Exit
from tests.support import hostile
from tests.support.house import FUSED, Outcomes, Release, house
from tests.support.kafka import KafkaCluster

pytestmark = pytest.mark.kafka

KILLS = int(os.environ.get("NEWSMILL_TEST_KILLS", "20"))

PER_ROUND = 60
"""Releases per kill: about a second of work at `hostile.SLOW`, so that the kill comes in mid-window."""

OUTAGE_SECONDS = 30.0


def release(number: int) -> Release:
    """Mostly slow releases, some broken: every kind of outcome must survive."""
    if number % 17 == 5:
        return Release(f"r{number}".encode(), b'{"broken": ', (("content-type", b"application/json"),))
    return Release.of(f"r{number}", f"{hostile.SLOW if number % 2 else ''} The plant in Busan opens on Monday.")


def all_there(outcomes: Outcomes, count: int) -> None:
    """Every release is enriched or a dead letter, whichever it should be, and none is both."""
    missing = {f"r{n}".encode() for n in range(count)} - outcomes.keys
    assert not missing, f"{len(missing)} of {count} lost, for instance {sorted(missing)[:5]}"
    assert set(outcomes.dead) == {f"r{n}".encode() for n in range(count) if n % 17 == 5}
    assert not set(outcomes.dead) & set(outcomes.enriched)


def report(request: pytest.FixtureRequest, outcomes: Outcomes, count: int, **more: Any) -> None:
    """Keep the figures that the test saw: they go into docs/delivery.md by hand."""
    seen = {
        "inputs": count,
        "enriched": len(outcomes.enriched),
        "dead_letters": len(outcomes.dead),
        "duplicates": outcomes.duplicates(),
        **more,
    }
    print(f"\n{request.node.name}: {json.dumps(seen)}")


@pytest.mark.timeout(420)
async def test_a_worker_killed_in_mid_window_again_and_again_loses_nothing(
    kafka: KafkaCluster, unique_prefix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    dice = random.Random(20261124)
    with house(
        kafka.bootstrap, tmp_path, unique_prefix, hops=FUSED, group={"id": unique_prefix, "instance": "one"}
    ) as home:
        await home.create_topics()
        sent = 0
        for _ in range(KILLS):
            await home.send(*(release(n) for n in range(sent, sent + PER_ROUND)))
            sent += PER_ROUND
            worker = home.start()
            deadline = time.monotonic() + 30
            while worker.metric("news_sent_total") < 1 and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(dice.uniform(0, 0.4))
            worker.kill()
        home.start()
        outcomes = await home.outcomes(sent, seconds=120)
        all_there(outcomes, sent)
        await home.wait_committed()
        report(request, outcomes, sent, kills=KILLS)


@pytest.mark.timeout(300)
async def test_a_broker_that_goes_away_and_comes_back_costs_nothing(
    own_kafka: Callable[..., KafkaCluster], unique_prefix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One is stopped, one frozen with its connections open; at once, because the test mostly waits."""
    ends = ("stopped", "frozen")
    clusters = [own_kafka(1) for _ in ends]
    folders = [tmp_path / end for end in ends]
    for folder in folders:
        folder.mkdir()
    found = await asyncio.gather(*(outage(*each, unique_prefix) for each in zip(ends, clusters, folders, strict=True)))
    for end, outcomes in zip(ends, found, strict=True):
        all_there(outcomes, 400)
        report(request, outcomes, 400, broker=end)


async def outage(end: str, cluster: KafkaCluster, folder: Path, prefix: str) -> Outcomes:
    """Take the broker away in mid-work for `OUTAGE_SECONDS`; the worker must live through it."""
    with house(cluster.bootstrap, folder, prefix, hops=FUSED) as home:
        await home.create_topics()
        worker = home.start()
        await home.send(*(release(n) for n in range(400)))
        while worker.metric("news_sent_total") < 20:
            await asyncio.sleep(0.01)
        (cluster.stop_node if end == "stopped" else cluster.pause_node)(1)
        await asyncio.sleep(OUTAGE_SECONDS)
        (cluster.start_node if end == "stopped" else cluster.resume_node)(1)
        assert worker.process.poll() is None, worker.output()
        outcomes = await home.outcomes(400, seconds=120)
        await home.wait_committed(seconds=60)
        assert worker.process.poll() is None, worker.output()
        return outcomes


@pytest.mark.timeout(300)
async def test_losing_the_leader_of_three_brokers_costs_nothing(
    own_kafka: Callable[..., KafkaCluster], unique_prefix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    cluster = own_kafka(3)
    topics = {"prefix": unique_prefix, "partitions": 3, "replication": 3, "min_insync_replicas": 2}
    with house(cluster.bootstrap, tmp_path, unique_prefix, hops=FUSED, topics=topics) as home:
        await home.create_topics()
        worker = home.start()
        await home.send(*(release(n) for n in range(300)))
        while worker.metric("news_sent_total") < 20:
            time.sleep(0.01)
        cluster.kill_node(1)
        await asyncio.sleep(5)
        await home.send(*(release(n) for n in range(300, 400)))
        cluster.start_node(1)
        outcomes = await home.outcomes(400, seconds=120)
        all_there(outcomes, 400)
        await home.wait_committed(seconds=60)
        report(request, outcomes, 400)


@pytest.mark.timeout(300)
async def test_workers_that_come_and_go_share_the_work_and_lose_nothing(
    kafka: KafkaCluster, unique_prefix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with house(kafka.bootstrap, tmp_path, unique_prefix, hops=FUSED) as home:
        await home.create_topics()
        first = home.start()
        await home.send(*(release(n) for n in range(300)))
        second = home.start()
        await home.send(*(release(n) for n in range(300, 600)))
        while second.metric("news_sent_total") < 5:
            time.sleep(0.05)
        code, _ = first.stop()
        assert code == Exit.OK
        third = home.start()
        await home.send(*(release(n) for n in range(600, 900)))
        second.kill()  # without a word: its partitions move when its session ends
        outcomes = await home.outcomes(900, seconds=120)
        all_there(outcomes, 900)
        await home.wait_committed(seconds=60)
        assert third.metric("news_sent_total") > 0
        report(request, outcomes, 900)


@pytest.mark.timeout(120)
async def test_a_worker_that_cannot_deliver_ends_as_stuck(
    kafka: KafkaCluster, unique_prefix: str, tmp_path: Path
) -> None:
    from tests.integration.test_pipeline import delete_topic

    with house(
        kafka.bootstrap, tmp_path, unique_prefix, hops=FUSED, watchdog={"stuck_seconds": 8.0, "probe_seconds": 0.5}
    ) as home:
        await home.create_topics()
        worker = home.start()
        await home.send(release(1))
        await home.outcomes(1)
        await delete_topic(home, home.enriched)
        await home.send(release(2), release(3))
        assert worker.wait(60) == Exit.STUCK
        assert "watchdog.stuck_seconds" in worker.output()
        committed, end = await home.committed()
        assert committed < end
