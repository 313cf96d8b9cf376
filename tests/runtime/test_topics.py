"""The topic table: what follows from the settings, and what the broker has of it."""

from dataclasses import replace
from typing import Any

import pytest

from streams.errors import Exit, Fatal
from streams.runtime import hops, routes, settings, topics
from streams.runtime.embedded import free_port
from streams.runtime.routes import Routes
from streams.runtime.settings import Settings
from streams.runtime.topics import Topic
from streams.stage import config_directory
from tests.support.brokers import create_topic

ROUTES = Routes(listed=("news.release.enriched.en.v1", "news.release.enriched.ko.v1", "desk.asia"))
FUSED = [["detect_language", "strip_boilerplate", "tag_entities"]]


def of(**overrides: Any) -> Settings:
    return settings.load(None, overrides)


def table(**overrides: Any) -> dict[str, Topic]:
    made = topics.table(of(**overrides), ROUTES)
    assert len({topic.name for topic in made}) == len(made)
    return {topic.name: topic for topic in made}


# --- The table ------------------------------------------------------------------------------------------------------


def test_there_is_a_topic_before_and_after_every_hop_one_per_route_and_one_for_the_dead() -> None:
    assert [*table()] == [
        "news.release.raw.v1",
        "news.release.identified.v1",
        "news.release.cleaned.v1",
        "news.release.enriched.v1",
        "news.release.enriched.en.v1",
        "news.release.enriched.ko.v1",
        "desk.asia",
        "news.release.state.v1",
        "news.release.held.v1",
        "news.release.dead-letter.v1",
    ]


def test_fused_hops_need_no_topics_in_between() -> None:
    assert {"news.release.identified.v1", "news.release.cleaned.v1"} & {*table(hops=FUSED)} == set()


def test_every_topic_has_as_many_partitions_so_that_a_release_stays_beside_its_versions() -> None:
    made = table(topics={"partitions": 24, "replication": 3, "min_insync_replicas": 2})
    assert {(t.partitions, t.replication, t.config["min.insync.replicas"]) for t in made.values()} == {(24, 3, "2")}


def test_retention_is_in_milliseconds() -> None:
    found = table(topics={"retention_hours": 1.5}, gate={"remember_hours": 2})
    assert found.pop("news.release.state.v1").config["retention.ms"] == "7200000"
    assert "retention.ms" not in found.pop("news.release.held.v1").config, "an embargo may be longer than any retention"
    assert {t.config["retention.ms"] for t in found.values()} == {"5400000"}


def test_what_the_gate_keeps_is_compacted_and_takes_the_largest_event() -> None:
    found = table()
    state, held = found["news.release.state.v1"], found["news.release.held.v1"]
    assert (state.config["cleanup.policy"], held.config["cleanup.policy"]) == ("compact,delete", "compact")
    assert int(held.config["max.message.bytes"]) == of().topics.event_bytes + topics.HELD_HEADROOM_BYTES
    # Whoever owns a partition of the hop's source owns these.
    assert state.partitions == held.partitions == found["news.release.cleaned.v1"].partitions


def test_a_dead_letter_fits_wherever_its_original_did() -> None:
    sizes = {name: int(topic.config["max.message.bytes"]) for name, topic in table().items()}
    dead = sizes.pop("news.release.dead-letter.v1")
    assert dead >= max(sizes.values()) + topics.DEAD_LETTER_HEADROOM_BYTES
    assert sizes["news.release.raw.v1"] == of().topics.raw_bytes
    assert sizes["desk.asia"] == sizes["news.release.enriched.v1"] == of().topics.event_bytes


def test_every_name_is_one_that_kafka_takes() -> None:
    shipped = topics.table(of(), routes.load(config_directory(), "news.release"))
    assert all(len(topic.name) <= 249 and set(topic.name) <= set(_LEGAL) for topic in shipped)


_LEGAL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"


def test_a_worker_needs_the_topics_of_its_hops_and_the_last_one_those_of_the_routes() -> None:
    first, _, last = hops.plan(of())
    assert topics.needed([first], ROUTES) == {first.source, first.target, first.dead_letters}
    assert topics.needed([last], ROUTES) == {
        last.source,
        last.target,
        last.dead_letters,
        *ROUTES.topics(),
        "news.release.state.v1",
        "news.release.held.v1",
    }


# --- The broker -----------------------------------------------------------------------------------------------------


def on(bootstrap: str, prefix: str) -> Settings:
    return of(broker={"bootstrap": bootstrap}, topics={"prefix": prefix, "partitions": 3})


async def test_what_was_created_is_as_it_should_be(embedded: str, unique_prefix: str) -> None:
    here = on(embedded, unique_prefix)
    wanted = topics.table(here, Routes())
    created, existing = await topics.create(here, wanted)
    assert (sorted(created), existing) == (sorted(topic.name for topic in wanted), [])
    assert await topics.verify(here, wanted) == []


async def test_creating_again_changes_nothing(embedded: str, unique_prefix: str) -> None:
    here = on(embedded, unique_prefix)
    first, *rest = topics.table(here, Routes())
    await topics.create(here, [first])
    created, existing = await topics.create(here, [first, *rest])
    assert (len(created), existing) == (len(rest), [first.name])


async def test_a_missing_topic_is_named_with_its_cure_and_is_still_missing_afterwards(
    embedded: str, unique_prefix: str
) -> None:
    """Asked for a topic by name, the development broker makes it."""
    here = on(embedded, unique_prefix)
    there, missing, *_ = topics.table(here, Routes())
    await topics.create(here, [there])
    for _ in range(2):
        differences = await topics.verify(here, [there, missing])
        assert [str(d) for d in differences] == [f"{missing.name}: does not exist. Run: newsmill topics create"]


async def test_another_number_of_partitions_is_a_difference(embedded: str, unique_prefix: str) -> None:
    here = on(embedded, unique_prefix)
    wanted = topics.table(here, Routes())[0]
    await create_topic(embedded, wanted.name, partitions=2, config=wanted.config)
    (difference,) = await topics.verify(here, [wanted])
    assert (difference.topic, difference.problem) == (wanted.name, "has 2 partitions, topics.partitions says 3")


@pytest.mark.parametrize(("has", "differs"), [(-1, True), (0, False), (1, False)], ids=["less", "the same", "more"])
async def test_a_topic_that_takes_less_than_we_may_send_is_a_difference(
    embedded: str, unique_prefix: str, has: int, differs: bool
) -> None:
    here = on(embedded, unique_prefix)
    wanted = topics.table(here, Routes())[0]
    limit = int(wanted.config["max.message.bytes"]) + has
    await topics.create(here, [replace(wanted, config=wanted.config | {"max.message.bytes": str(limit)})])
    differences = await topics.verify(here, [wanted])
    assert [f"max.message.bytes is {limit}" in d.problem and "kafka-configs.sh" in d.cure for d in differences] == (
        [True] if differs else []
    )


async def test_without_a_broker_it_says_where_it_looked() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    here = of(broker={"bootstrap": nowhere, "startup_seconds": 0.0})
    with pytest.raises(Fatal, match=f"no Kafka broker answers at {nowhere}") as caught:
        await topics.verify(here, topics.table(here, ROUTES))
    assert caught.value.exit_code == Exit.UNAVAILABLE


async def test_fewer_in_sync_replicas_than_the_table_asks_for_are_a_difference(
    embedded: str, unique_prefix: str
) -> None:
    here = on(embedded, unique_prefix)
    wanted = topics.table(here, Routes())[0]
    await topics.create(here, [wanted])
    stricter = replace(wanted, config=wanted.config | {"min.insync.replicas": "2"})
    (difference,) = await topics.verify(here, [stricter])
    assert "min.insync.replicas is 1, the table says 2" in difference.problem
