"""`newsmill replay` on Apache Kafka: beside a worker, and cut off in the middle."""

import asyncio
from collections import Counter

import orjson

from streams.errors import Exit
from streams.runtime import events
from tests.integration.conftest import HouseMaker
from tests.integration.test_commands import interrupt, run, started
from tests.support.brokers import Record, read
from tests.support.house import FUSED, House, Release

RELEASES = 200


def rerun(record: Record) -> str:
    """The run that the event belongs to; empty for news."""
    return events.header(record.headers, "newsmill.replay")


async def test_a_replay_makes_the_last_word_of_each_release_again(kafka_house: HouseMaker) -> None:
    house = kafka_house(hops=FUSED, topics={"partitions": 1}, pool={"processes": 0})
    await house.create_topics()
    worker = house.start()
    await house.send(
        Release.of("urn:a", version=1),
        Release.of("urn:a", version=2),
        Release.of("urn:b"),
        Release.of("urn:killed"),
        Release(b"urn:killed", None),
    )
    await house.outcomes(3)

    dry = await run(house, "replay", "--all", "--dry-run", "--json")
    expected = {"chosen": 2, "superseded": 2, "killed": 1}
    assert dry.code == Exit.OK, dry.err
    assert {key: dry.json[key] for key in (*expected, "run", "sent")} == expected | {"run": None, "sent": 0}
    assert len(await read(house.bootstrap, house.raw)) == 5

    same = await run(house, "replay", "--since", "1h", "--json")
    assert same.code == Exit.OK, same.err
    assert {key: same.json[key] for key in (*expected, "sent", "topic")} == expected | {"sent": 2, "topic": house.raw}
    await house.wait_committed()
    made = await read(house.bootstrap, house.enriched)
    news = {r.key: r for r in made if not rerun(r)}
    again = {r.key: r for r in made if rerun(r)}
    assert (set(again), {rerun(r) for r in again.values()}) == ({b"urn:a", b"urn:b"}, {same.json["run"]})
    for key, record in again.items():
        assert events.header(record.headers, "ce_id") == events.header(news[key].headers, "ce_id"), "nothing new in it"
        assert record.value == news[key].value, "also when it was received"
    worker.stop()

    await the_same_beside_the_pipeline_with_other_stages(house)


async def the_same_beside_the_pipeline_with_other_stages(house: House) -> None:
    await house.send(Release.of("urn:blank", text=" "), Release.of("urn:later", embargoed_until="2999-01-01T00:00:00Z"))
    house.overrides["stages.detect_language"] = {"regions": ["zh-Hant-HK"]}
    ended = await run(
        house, "replay", "--id", "urn:a", "--id", "urn:blank", "--id", "urn:later", "--into", "v2", "--create"
    )
    assert ended.code == Exit.FAILED
    assert "✗ urn:blank  empty: neither title nor text" in ended.err
    assert "sent 1, 1 empty, 1 embargoed" in ended.out
    (record,) = await read(house.bootstrap, f"{house.settings.topics.prefix}.enriched.v2")
    news = await read(house.bootstrap, house.enriched)
    before = next(record for record in news if b'"id":"urn:a","version":2' in (record.value or b""))
    assert rerun(record) in ended.out
    assert events.header(record.headers, "ce_id") != events.header(before.headers, "ce_id")
    now, then = orjson.loads(record.value or b""), orjson.loads(before.value or b"")
    assert now["enrichment"]["config"] != then["enrichment"]["config"]
    assert (now["version"], now["received_at"]) == (2, then["received_at"])


async def test_a_replay_that_is_cut_off_goes_on_and_loses_nothing(kafka_house: HouseMaker) -> None:
    house = kafka_house(topics={"partitions": 1})
    await house.create_topics()
    keys = [f"urn:{n}".encode() for n in range(RELEASES)]
    await house.send(*(Release.of(key.decode()) for key in keys))
    options = ("--rate", "60", "--yes")

    async with started(house, "replay", "--all", *options) as process:
        await read(house.bootstrap, house.raw, count=RELEASES + 10)
        ended = await interrupt(process)
    assert (ended.code, "Traceback" in ended.err) == (130, False), ended.err
    name = ended.err.split("newsmill replay --resume ")[1].split()[0]

    async with started(house, "replay", "--resume", name, *options) as process:
        await read(house.bootstrap, house.raw, count=RELEASES + 60)
        process.kill()
        await process.wait()

    # One release is overtaken while nobody is at work, and one is killed while the last attempt is.
    raw = await read(house.bootstrap, house.raw)
    late, dead = [key for key in keys if key not in {record.key for record in raw if rerun(record)}][-2:]
    await house.send(Release.of(late.decode(), version=2))
    async with started(house, "replay", "--resume", name, "--rate", "30", "--json") as process:
        await read(house.bootstrap, house.raw, count=len(raw) + 1 + 20)
        await house.send(Release(dead, None))
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == Exit.OK, err
    summary = orjson.loads(out)
    told = {key: summary[key] for key in ("chosen", "done", "superseded", "overtaken")}
    assert told == {"chosen": RELEASES - 1, "done": RELEASES - 1, "superseded": 1, "overtaken": 1}

    counts = Counter(record.key for record in await read(house.bootstrap, house.raw) if rerun(record))
    assert set(counts) == set(keys) - {late, dead}
    assert sum(counts.values()) - len(counts) <= 2 * 6, "at each cut no more than the window that was under way"
