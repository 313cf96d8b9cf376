"""The gate on a broker: versions, kills, embargoes and corrections, while workers come, go and are killed."""

import asyncio
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from streams.runtime import events
from tests.support.house import FUSED, ConsumerRecord, House, Release

SECONDS = float(os.environ.get("NEWSMILL_TEST_GATE_SECONDS", "10"))
"""How long workers are killed in; `make soak` takes longer."""

HouseMaker = Callable[..., House]

TEXT = {
    "en": "The company said on Monday that its plant in Busan would open in March, two months ahead of plan.",
    "de": "Das Unternehmen teilte am Montag mit, dass sein Werk in Busan zwei Monate früher als geplant öffnet.",
}


def version_of(record: ConsumerRecord) -> int:
    """An enriched event's version; 0 for a tombstone."""
    return 0 if record.value is None else int(orjson.loads(record.value)["version"])


def topic(house: House, language: str) -> str:
    return f"{house.settings.topics.prefix}.enriched.{language}.v1"


async def test_an_embargo_is_held_through_a_restart_and_ends_on_time(kafka_house: HouseMaker) -> None:
    house = kafka_house(hops=FUSED, gate={"held_bytes": 0})  # every body is fetched from the broker
    await house.create_topics()
    first = await asyncio.to_thread(house.start)
    hour = datetime.now(UTC) + timedelta(seconds=14)
    await house.send(
        Release.of("held", TEXT["en"], embargoed_until=hour.isoformat()),
        Release.of("replaced", TEXT["en"], embargoed_until=hour.isoformat()),
        Release.of("killed", TEXT["en"], embargoed_until=hour.isoformat()),
        Release.of("withheld", TEXT["en"], pub_status="withheld"),
        Release.of("free", TEXT["en"]),
    )
    await house.outcomes(1)
    await house.send(Release.of("replaced", TEXT["de"], version=2), Release(b"killed", None))
    await house.outcomes(3)
    await house.wait_committed()
    first.kill()
    second = await asyncio.to_thread(house.start)
    back = datetime.now(UTC)
    outcomes = await house.outcomes(4, seconds=40, extra=1.0)

    assert not outcomes.dead
    assert {key: [version_of(r) for r in records] for key, records in outcomes.enriched.items()} == {
        b"free": [1],
        b"replaced": [2],
        b"killed": [0],
        b"held": [1],
    }
    (held,) = outcomes.enriched[b"held"]
    assert held.timestamp / 1000 >= hour.timestamp(), "before its hour"
    late = held.timestamp / 1000 - max(hour, back).timestamp()  # a loaded machine may not be back by then
    assert late < 1, f"{late:.3f} s after its hour, or after the worker was back"
    assert events.header(held.headers, "newsmill.held.until") == ""
    assert second.metric("news_held") == 1, "what is withheld stays"
    copies = await house.read(topic(house, "en"), count=2)
    assert {r.key for r in copies} == {b"free", b"held"}
    # What comes in its place lets what was withheld go.
    await house.send(Release.of("withheld", TEXT["en"]))
    assert (await house.outcomes(5)).enriched[b"withheld"]
    await asyncio.sleep(0.3)
    assert second.metric("news_held") == 0


async def test_a_correction_and_a_kill_reach_every_topic_of_the_release_and_no_lower_version_comes_after(
    kafka_house: HouseMaker,
) -> None:
    house = kafka_house(hops=FUSED)
    await house.create_topics()
    worker = await asyncio.to_thread(house.start)
    await house.send(Release.of("moved", TEXT["en"]), Release.of("other", TEXT["en"]))
    await house.outcomes(2)
    # Its language is another one now, and whoever got the first version must hear of it.
    await house.send(Release.of("moved", TEXT["de"], version=3), Release.of("moved", TEXT["en"], version=2))
    dead = (await house.read(house.dead, count=1))[0]
    await house.send(Release(b"moved", None), Release.of("moved", TEXT["de"], version=3))
    await house.read(house.dead, count=1, extra=1.0)

    assert events.header(dead.headers, "newsmill.dlq.reason") == "superseded"
    seen: dict[str, list[int]] = defaultdict(list)
    for record in await house.read(house.enriched, topic(house, "en"), topic(house, "de"), count=5, extra=0.5):
        if record.key == b"moved":
            seen[record.topic].append(version_of(record))
            corrects = events.header(record.headers, "ce_corrects")
            assert corrects == ("1" if version_of(record) == 3 else "")
    assert seen == {house.enriched: [1, 3, 0], topic(house, "en"): [1, 3, 0], topic(house, "de"): [3, 0]}
    others = await house.read(topic(house, "ko"), topic(house, "fr"), count=1, seconds=1)
    assert not others, "a kill goes where the release went"
    assert worker.metric("news_dead_letters_total", reason="superseded") == 2


async def test_a_worker_that_was_frozen_lets_nothing_out_that_was_killed_meanwhile(kafka_house: HouseMaker) -> None:
    house = kafka_house(hops=FUSED, topics={"partitions": 4}, broker={"session_seconds": 6.0})
    await house.create_topics()
    frozen, other = await asyncio.gather(*(asyncio.to_thread(house.start) for _ in range(2)))
    hour = datetime.now(UTC) + timedelta(seconds=20)
    names = [f"held{n}" for n in range(8)]
    await house.send(*(Release.of(name, TEXT["en"], embargoed_until=hour.isoformat()) for name in names))
    await house.wait_committed()
    assert frozen.metric("news_held") > 0, "it holds nothing that it could let out"
    frozen.process.send_signal(signal.SIGSTOP)
    await house.send(*(Release(name.encode(), None) for name in names))
    await house.outcomes(len(names))
    assert datetime.now(UTC) < hour, "killed too late: this shows nothing"
    await asyncio.sleep((hour - datetime.now(UTC)).total_seconds() + 0.1)
    frozen.process.send_signal(signal.SIGCONT)
    outcomes = await house.outcomes(len(names), extra=4.0)

    assert {version_of(r) for records in outcomes.enriched.values() for r in records} == {0}
    assert frozen.process.poll() is None, frozen.output()
    assert other.metric("news_held") == frozen.metric("news_held") == 0


@pytest.mark.timeout(420)
async def test_versions_never_go_back_and_the_killed_stay_dead_while_workers_are_killed(
    kafka_house: HouseMaker,
) -> None:
    chance = random.Random(7)
    house = kafka_house(hops=FUSED, topics={"partitions": 4}, broker={"session_seconds": 6.0})
    await house.create_topics()
    await asyncio.to_thread(house.start)
    last: dict[bytes, int] = {}
    killed: set[bytes] = set()
    due: dict[bytes, datetime] = {}
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        batch = []
        for _ in range(12):
            name = f"r{chance.randrange(60)}"
            key = name.encode()
            if chance.random() < 0.08:
                batch.append(Release(key, None))
                killed.add(key)
                due.pop(key, None)
                continue
            version = chance.randint(1, 40)
            if version < last.get(key, 1) or (version == last.get(key, 1) and key in killed):
                batch.append(Release.of(name, TEXT["de"], version=version))  # too late: superseded
                continue
            last[key] = version
            killed.discard(key)
            due.pop(key, None)
            if chance.random() < 0.15:
                due[key] = datetime.now(UTC) + timedelta(seconds=chance.randint(1, 6))
                hour = due[key].isoformat()
                batch.append(Release.of(name, TEXT["en"], version=version, embargoed_until=hour))
            else:
                batch.append(Release.of(name, chance.choice([TEXT["en"], TEXT["de"]]), version=version))
        await house.send(*batch)
        if chance.random() < 0.12:
            await asyncio.to_thread(house.start, ready=False)
            chance.choice([w for w in house.workers if w.process.poll() is None]).kill()
        await asyncio.sleep(0.2)
    if all(worker.process.poll() is not None for worker in house.workers):
        await asyncio.to_thread(house.start)
    await house.wait_committed(seconds=180)
    await asyncio.sleep(7)

    for name in (house.enriched, topic(house, "en"), topic(house, "de")):
        told: set[str] = set()
        seen: dict[bytes, list[tuple[int, bool]]] = defaultdict(list)
        for record in await house.read(name, count=60, seconds=3):
            identity = events.header(record.headers, "ce_id")
            if identity not in told:  # as a consumer drops duplicates
                told.add(identity)
                seen[record.key or b""].append((version_of(record), record.value is None))
        for key, records in seen.items():
            versions = [version for version, kill in records if not kill]
            assert versions == sorted(versions), (name, key, records)
            if name == house.enriched:
                assert records[-1][1] == (key in killed), (name, key, records)
                if key not in killed:
                    assert versions[-1] == last[key], (name, key, records, due.get(key))
        if name == house.enriched:
            assert {key for key in last if key not in killed} <= seen.keys()
