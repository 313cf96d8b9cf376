"""The main job on a broker: raw releases in, enriched events out, and what becomes of everything else."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from aiokafka.record.util import calc_crc32c
from jsonschema import Draft202012Validator

from streams import codec
from streams.errors import Exit
from streams.runtime import events
from streams.stage import config_directory
from tests.support import hostile
from tests.support.house import FUSED, House, Release

HouseMaker = Callable[..., House]

CONTENT_TYPES = {".json": b"application/json", ".txt": b"text/plain; charset=utf-8", ".html": b"text/html"}

LAST_SCRAPE_SECONDS = 5.0

TWENTY_MB = 20 * 1024 * 1024


def samples() -> list[tuple[str, Release]]:
    """(language, release) for every shipped sample; the language is the file name's."""
    found = []
    for path in sorted((config_directory() / "samples").iterdir()):
        if path.suffix in CONTENT_TYPES:
            value = path.read_bytes()
            known = orjson.loads(value) if path.suffix == ".json" else {}
            key = known.get("id") or known.get("uri") or path.stem
            found.append(
                (_language(path.stem), Release(key.encode(), value, (("content-type", CONTENT_TYPES[path.suffix]),)))
            )
    return found


def _language(stem: str) -> str:
    return "-".join(part for part in stem.split("-")[:2] if part in ("Hans", "Hant") or part == stem.split("-")[0])


@pytest.mark.parametrize("hops", [None, FUSED], ids=["three hops", "fused"])
async def test_every_sample_comes_out_enriched_and_in_its_language(new_house: HouseMaker, hops: Any) -> None:
    house = new_house(**({"hops": hops} if hops else {}))
    await house.create_topics()
    house.start()
    sent = samples()
    assert {language for language, _ in sent} >= set(house_languages(house)), "the samples must cover the fifteen"
    await house.send(*(release for _, release in sent))

    outcomes = await house.outcomes(len(sent))
    assert not outcomes.dead
    validator = Draft202012Validator(codec.schemas()["newsmill.release.enriched.v1"])
    for language, release in sent:
        (event,) = outcomes.enriched[release.key]
        assert event.value is not None
        value = orjson.loads(event.value)
        validator.validate(value)
        assert value["language"] == language, release.key
        assert value["body"]
        assert events.header(event.headers, "ce_type") == "newsmill.release.enriched.v1"
        assert set(value["enrichment"]["models"]) == {"detect_language", "strip_boilerplate", "tag_entities"}
    copies = await house.read(
        *(f"{house.settings.topics.prefix}.enriched.{name}.v1" for name in house_languages(house)), count=len(sent)
    )
    assert {c.key: c.topic.split(".")[-2] for c in copies} == {r.key: language for language, r in sent}
    for hop in range(len(house.plan)):
        await house.wait_committed(hop)


NEWS = """<newsItem guid="urn:{n}" version="1" standard="NewsML-G2" standardversion="2.34"><contentMeta>
<headline>Item {n}</headline></contentMeta><contentSet><inlineData contenttype="text/plain">The plant in Busan opens on
Monday, the company said in item {n}.</inlineData></contentSet></newsItem>"""


async def test_releases_that_come_in_one_event_each_have_an_outcome_of_their_own(new_house: HouseMaker) -> None:
    house = new_house(hops=FUSED, dead_letter={"limit_share": 1.0})
    await house.create_topics()
    worker = house.start()
    items = [NEWS.format(n=n) for n in range(20)]
    items[7:7] = ['<packageItem guid="urn:package"/>']
    message = (
        '<newsMessage xmlns="http://iptc.org/std/nar/2006-10-01/"><itemSet>'
        + "".join(items)
        + "</itemSet></newsMessage>"
    )
    kind = (("content-type", b"application/vnd.iptc.g2.newsmessage+xml"),)
    await house.send(Release(b"message", message.encode(), kind), Release.of("after"))

    outcomes = await house.outcomes(len(items) + 1)
    assert set(outcomes.enriched) == {b"after", *(f"urn:{n}".encode() for n in range(20))}
    assert {key: outcomes.reason(key) for key in outcomes.dead} == {b"urn:package": "unsupported_format"}
    assert {orjson.loads(e.value or b"")["title"] for (e,) in outcomes.enriched.values()} >= {"Item 0", "Item 19"}
    await house.wait_committed()
    assert worker.metric("news_taken_apart_total") == 1


def house_languages(house: House) -> list[str]:
    """The languages that have a topic."""
    return [
        t.name.split(".")[-2] for t in house.table() if ".enriched." in t.name and not t.name.endswith("enriched.v1")
    ]


JSON = (
    ("content-type", b"application/json"),
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
)

POISON = {
    "broken-json": (Release(b"broken-json", b'{"id": "broken-json", "text": ', JSON), "undecodable"),
    "empty": (Release(b"empty", b"", JSON), "undecodable"),
    "blank": (Release(b"blank", b'{"id": "blank", "text": "  "}', JSON), "empty"),
    "not-an-object": (Release(b"not-an-object", b"[1, 2]", JSON), "invalid"),
    "wrong-type": (Release(b"wrong-type", b'{"id": "wrong-type", "version": "two", "text": "x"}', JSON), "invalid"),
    "unknown-status": (Release(b"unknown-status", b'{"id": "u", "pub_status": "dead", "text": "x"}', JSON), "invalid"),
    "deep": (Release(b"deep", b"[" * 100_000, JSON), "undecodable"),
    "surrogate": (Release(b"surrogate", b'{"id": "s", "text": "\\ud800"}', JSON), "undecodable"),
    "pdf": (Release(b"pdf", b"%PDF-1.7", (("content-type", b"application/pdf"),)), "unsupported_format"),
    "wrong-charset": (Release(b"wrong-charset", bytes(range(128, 256)) * 20, JSON), "undecodable"),
    "20-megabytes": (Release(b"20-megabytes", b"x" * TWENTY_MB, (("content-type", b"text/plain"),)), "too_large"),
    "kill-without-key": (Release(None, None), "invalid"),
    "withheld": (Release.of("withheld", pub_status="withheld"), "withheld"),
    "embargoed": (Release.of("embargoed", embargoed_until="2999-01-01T00:00:00Z"), "embargoed"),
}  # fmt: skip


async def test_poison_between_good_releases_becomes_dead_letters_byte_for_byte(new_house: HouseMaker) -> None:
    house = new_house(hops=FUSED, dead_letter={"limit_share": 1.0}, gate={"hold": False})
    await house.create_topics()
    house.start()
    good = [Release.of(f"good-{n}") for n in range(len(POISON) + 1)]
    null_key = Release(None, b'{"text": "A release without a key or an id still goes through, by its content."}', JSON)
    mixed = [good[0], null_key]
    for (poison, _reason), release in zip(POISON.values(), good[1:], strict=True):
        mixed += [poison, release]
    await house.send(*mixed)

    outcomes = await house.outcomes(len(mixed), seconds=90)
    # A record without key and value cannot be sent again by our client: its dead letter has an empty key.
    expected = {p.key or b"": (p, reason) for p, reason in POISON.values()}
    assert {key: outcomes.reason(key) for key in outcomes.dead} == {
        key: reason for key, (_, reason) in expected.items()
    }
    assert {r.key for r in good} <= set(outcomes.enriched)
    assert any(key and key.startswith(b"urn:newsmill:sha256:") for key in outcomes.enriched)
    for key, (poison, _) in expected.items():
        (letter,) = outcomes.dead[key]
        assert letter.value == poison.value
        assert tuple(letter.headers)[: len(poison.headers)] == poison.headers
        assert events.header(letter.headers, "__connect.errors.topic") == house.raw
        assert events.header(letter.headers, f"{events.DLQ}detail")
    await house.wait_committed()


async def test_releases_compressed_by_other_producers_are_read(new_house: HouseMaker) -> None:
    house = new_house(hops=FUSED)
    await house.create_topics()
    house.start()
    codecs = ("gzip", "snappy", "lz4", "zstd")
    for name in codecs:
        await house.send(Release.of(name), compression=name)
    assert set((await house.outcomes(len(codecs))).enriched) == {name.encode() for name in codecs}


async def test_a_header_name_that_is_no_utf8_stops_nobody(kafka_house: HouseMaker) -> None:
    house = kafka_house(hops=FUSED, topics={"partitions": 1})
    await house.create_topics()
    house.start()
    await send_with_header_name(house, Release.of("odd"), b"\xff\xfe\xfd")
    await house.send(Release.of("behind"))
    assert set((await house.outcomes(2)).enriched) == {b"odd", b"behind"}


async def send_with_header_name(house: House, release: Release, name: bytes) -> None:
    """Send what a client in C can send and ours refuses: three bytes of any kind as a header's name."""
    async with house.producer() as producer:
        batch = producer.create_batch()
        batch.append(key=release.key, value=release.value, timestamp=None, headers=[("abc", b"x")])
        batch.close()
        data = bytearray(batch._build() if batch._buffer is None else batch._buffer)
        at = data.index(b"abc")
        data[at : at + 3] = name
        data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")  # the batch's own checksum, over all behind it
        batch._buffer = data
        await (await producer.send_batch(batch, house.raw, partition=0))


async def test_a_misbehaving_stage_costs_only_the_release_it_misbehaves_on(new_house: HouseMaker) -> None:
    house = new_house(hops=FUSED, dead_letter={"limit_share": 1.0})
    await house.create_topics()
    worker = house.start()
    bad = {b"hang": hostile.HANG, b"crash": hostile.CRASH, b"bug": hostile.BUG}
    releases = [Release.of(f"before-{n}") for n in range(10)]
    releases += [Release.of(key.decode(), text) for key, text in bad.items()]
    releases += [Release.of(f"after-{n}") for n in range(10)]
    await house.send(*releases)
    outcomes = await house.outcomes(len(releases), seconds=60)
    assert {key: outcomes.reason(key) for key in outcomes.dead} == {
        b"hang": "timeout",
        b"crash": "crashed",
        b"bug": "bug",
    }
    assert len(outcomes.enriched) == 20
    assert "a stage's bug" in events.header(outcomes.dead[b"bug"][0].headers, f"{events.DLQ}detail")
    await house.wait_committed()
    assert worker.metric("news_received_total") == worker.metric("news_sent_total") + worker.metric(
        "news_dead_letters_total"
    )


async def test_a_kill_passes_all_stages_and_reaches_every_topic_of_the_release(new_house: HouseMaker) -> None:
    house = new_house()
    await house.create_topics()
    house.start()
    await house.send(Release.of("story"))
    await house.outcomes(1)
    await house.send(Release(b"story", None), Release.of("other", pub_status="canceled", text=""))
    languages = house_languages(house)
    names = [house.enriched, *(f"{house.settings.topics.prefix}.enriched.{name}.v1" for name in languages)]
    reached = names[0], f"{house.settings.topics.prefix}.enriched.en.v1"
    records = await house.read(*names, count=len(names) + len(reached), seconds=60)
    for name in names:
        last = {r.key: r for r in sorted(records, key=lambda r: r.offset) if r.topic == name}
        # Nothing is known of the other one: it may have gone anywhere.
        assert orjson.loads(last[b"other"].value or b"")["pub_status"] == "canceled"
        assert (b"story" in last) == (name in reached)
    for record in (r for r in records if r.key == b"story" and r.value is None):
        assert events.header(record.headers, "ce_type") == "newsmill.release.enriched.v1.kill"
    assert {r.topic for r in records if r.key == b"story" and r.value is None} == {*reached}


async def test_most_releases_failing_stops_the_worker_before_the_topic_is_drained(kafka_house: HouseMaker) -> None:
    limit = {"limit_share": 0.5, "limit_minimum": 20, "limit_window": 100}
    house = kafka_house(hops=FUSED, dead_letter=limit, metrics={"last_scrape_seconds": LAST_SCRAPE_SECONDS})
    await house.create_topics()
    worker = house.start()
    await house.send(*(Release.of(f"bad-{n}", hostile.BUG) for n in range(500)))
    shares = []
    while worker.process.poll() is None:
        if worker.metric("news_stopping", code="dead_letter_limit"):
            shares.append(worker.metric("news_dead_letter_share"))
        await asyncio.sleep(LAST_SCRAPE_SECONDS / 10)
    assert shares[-1] > limit["limit_share"], "a last scrape sees why it ends"
    assert worker.wait(1) == Exit.DEAD_LETTER_LIMIT
    assert "dead_letter.limit_share" in worker.output()
    committed, end = await house.committed()
    assert committed <= 20 + 6 * 32 < end == 500


async def test_dead_letters_that_cannot_be_produced_stop_the_worker_with_nothing_acked(kafka_house: HouseMaker) -> None:
    house = kafka_house(hops=FUSED, dead_letter={"send_seconds": 5.0}, topics={"partitions": 1})
    await house.create_topics()
    worker = house.start()
    await house.send(Release.of("good"))
    await house.outcomes(1)
    await house.wait_committed()
    await delete_topic(house, house.dead)
    await house.send(Release(b"bad", b"{", JSON), Release.of("behind"))
    assert worker.wait(60) == Exit.DEAD_LETTER_UNAVAILABLE
    assert house.dead in worker.output()
    committed, end = await house.committed()
    assert (committed, end) == (1, 3)

    await house.create_topics()
    house.start()
    outcomes = await house.outcomes(3)
    assert outcomes.reason(b"bad") == "undecodable"
    assert outcomes.keys == {b"good", b"bad", b"behind"}


async def delete_topic(house: House, name: str) -> None:
    """Delete a topic behind the worker's back."""
    from streams.runtime import kafka

    async with kafka.admin(house.settings.broker) as admin:
        await admin.delete_topics([name])


async def test_a_missing_topic_and_a_wrong_partition_count_say_which_and_what_to_run(new_house: HouseMaker) -> None:
    house = new_house(hops=FUSED)
    await house.create_topics(but=[house.dead])
    worker = house.start(ready=False)
    assert worker.wait(60) == Exit.UNAVAILABLE
    assert f"{house.dead}: does not exist. Run: newsmill topics create" in worker.output()
    house.overrides["topics"]["partitions"] = 4
    worker = house.start(ready=False)
    assert worker.wait(60) == Exit.UNAVAILABLE
    assert f"{house.raw}: has 3 partitions, topics.partitions says 4" in worker.output()


async def test_sigterm_lets_releases_in_flight_finish(new_house: HouseMaker) -> None:
    house = new_house(hops=FUSED)
    await house.create_topics()
    worker = house.start()
    await house.send(*(Release.of(f"r{n}", f"{hostile.SLOW} Good news from Busan.") for n in range(200)))
    while worker.metric("news_sent_total") < 10:
        time.sleep(0.02)
    code, seconds = worker.stop()
    assert code == Exit.OK
    assert seconds < 10
    house.start()
    outcomes = await house.outcomes(200)
    assert len(outcomes.enriched) == 200
    assert outcomes.duplicates() == 0, "what was in flight was finished and committed, so nothing is done again"


async def test_sigterm_while_joining_the_group_still_ends_in_time(new_house: HouseMaker) -> None:
    house = new_house()
    await house.create_topics()
    first = house.start()
    second = house.start(ready=False)  # the join waits for the first member's next heartbeat
    deadline = time.monotonic() + 30
    while second.get("/livez")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert second.get("/readyz")[0] == 503
    code, seconds = second.stop()
    assert code == Exit.OK
    assert seconds < 10
    code, seconds = first.stop()
    assert (code, seconds < 10) == (Exit.OK, True)
