"""The topic table: what topics there are, how they are made, and whether the broker has them so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, RequestTimedOutError, for_code
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from streams.codec import schema_word
from streams.errors import Exit, Fatal
from streams.pipeline import STAGES
from streams.records import EnrichedRelease, RawRelease
from streams.runtime import kafka
from streams.runtime.hops import Hop, dead_letter_topic, held_topic, plan, state_topic, topic_of
from streams.runtime.routes import Routes
from streams.runtime.settings import Settings

TOPIC_ALREADY_EXISTS = 36

CREATE_ATTEMPTS = 3
"""A broker that has just started may need longer than a request may take; what it made by then is there already."""

DEAD_LETTER_HEADROOM_BYTES = 1_048_576
"""A dead letter is the original plus its headers: it must fit wherever the original did."""


STATE_BYTES = 1_048_576
"""What is remembered of a release: a version and the names of its topics."""

HELD_HEADROOM_BYTES = 1_048_576
"""A held release is the enriched event and the names of its topics."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as we want it."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]
    purpose: str
    carries: str = ""
    """The schema word of the record that its events hold; empty where they hold anything."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which the broker's topics are not what they should be."""

    topic: str
    problem: str
    cure: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.problem}. {self.cure}"


def table(settings: Settings, routes: Routes) -> tuple[Topic, ...]:
    """Every topic of this configuration, in the order the data flows."""
    return tuple(_table(settings, routes))


def _table(settings: Settings, routes: Routes) -> Iterator[Topic]:
    t = settings.topics
    durable = {
        "retention.ms": str(int(t.retention_hours * 3_600_000)),
        "min.insync.replicas": str(t.min_insync_replicas),
    }

    def topic(name: str, most_bytes: int, purpose: str, carries: str = "") -> Topic:
        config = durable | {"max.message.bytes": str(most_bytes)}
        return Topic(name, t.partitions, t.replication, config, purpose, carries)

    hops = plan(settings)
    yield topic(topic_of(RawRelease, t.prefix), t.raw_bytes, "releases as they come in")
    for hop in hops:
        last = STAGES[hop.stages[-1]]
        yield topic(hop.target, t.event_bytes, f"after {last.name}", schema_word(last.writes))
    for name in routes.topics():
        if routes.formats.get(name) == "ninjs":
            yield topic(name, t.event_bytes, "a route's copy of the enriched events, as ninjs 3.1")
        else:
            yield topic(name, t.event_bytes, "a route's copy of the enriched events", schema_word(EnrichedRelease))
    compacted = {"cleanup.policy": "compact", "min.insync.replicas": str(t.min_insync_replicas)}
    # Remembered for so long after its last event, if for no longer than that: a kill after it goes to every topic.
    forgotten = {
        "max.message.bytes": str(STATE_BYTES),
        "cleanup.policy": "compact,delete",
        "retention.ms": str(int(settings.gate.remember_hours * 3_600_000)),
    }
    yield Topic(
        state_topic(t.prefix), t.partitions, t.replication, compacted | forgotten, "what became of each release"
    )
    held = compacted | {"max.message.bytes": str(held_bytes(settings))}
    yield Topic(held_topic(t.prefix), t.partitions, t.replication, held, "releases held until their hour")
    yield topic(dead_letter_topic(t.prefix), dead_letter_bytes(settings), "what could not be processed, byte for byte")


def dead_letter_bytes(settings: Settings) -> int:
    """The largest message of the dead-letter topic, and of any topic of ours."""
    return max(settings.topics.raw_bytes, settings.topics.event_bytes) + DEAD_LETTER_HEADROOM_BYTES


def held_bytes(settings: Settings) -> int:
    """The largest message of the topic of held releases: an event with some more headers."""
    return settings.topics.event_bytes + HELD_HEADROOM_BYTES


def needed(hops: Iterable[Hop], routes: Routes) -> set[str]:
    """The topics that these hops read or write."""
    names: set[str] = set()
    for hop in hops:
        names |= {hop.source, hop.target, hop.dead_letters}
        if hop.last:
            names |= {*routes.topics(), *hop.gate}
    return names


async def create(settings: Settings, topics: Iterable[Topic]) -> tuple[list[str], list[str]]:
    """Create what is missing. Returns (created, already there). Raises `Fatal` when the broker refuses."""
    created, existing = [], []
    async with kafka.admin(settings.broker) as admin:
        new = [
            NewTopic(
                name=topic.name,
                num_partitions=topic.partitions,
                replication_factor=topic.replication,
                topic_configs=topic.config,
            )
            for topic in topics
        ]
        try:
            response = await _create(admin, new)
        except KafkaError as exc:
            raise Fatal(Exit.UNAVAILABLE, f"topics could not be created: {exc}") from exc
    refused = []
    for name, code, *message in response.topic_errors:
        if code == 0:
            created.append(name)
        elif code == TOPIC_ALREADY_EXISTS:
            existing.append(name)
        else:
            refused.append(f"{name}: {for_code(code).__name__} {message[0] if message and message[0] else ''}".strip())
    if refused:
        raise Fatal(Exit.UNAVAILABLE, "the broker refused topics:\n" + "\n".join(refused))
    return created, existing


@retry(retry=retry_if_exception_type(RequestTimedOutError), stop=stop_after_attempt(CREATE_ATTEMPTS), reraise=True)
async def _create(admin: Any, new: list[NewTopic]) -> Any:
    return await admin.create_topics(new)


async def verify(settings: Settings, topics: Iterable[Topic]) -> list[Difference]:
    """Compare the broker's topics with the table: there at all, partitions, replicas, size limit, in-sync replicas.

    More than the table asks for is fine, but for partitions: keys would move.
    """
    wanted = {topic.name: topic for topic in topics}
    async with kafka.admin(settings.broker) as admin:
        try:
            # Listed first: describing a missing topic by name makes the embedded broker create it.
            there = set(await admin.list_topics()) & set(wanted)
            described = {t["topic"]: t for t in await admin.describe_topics(sorted(there))} if there else {}
            configs = await _configs(admin, described)
        except KafkaError as exc:
            raise Fatal(Exit.UNAVAILABLE, f"the topics of {settings.broker.bootstrap} cannot be read: {exc}") from exc
    return [
        difference
        for name, topic in wanted.items()
        for difference in _differences(topic, described.get(name), configs.get(name, {}))
    ]


AT_LEAST = ("max.message.bytes", "min.insync.replicas")
"""Topic settings that must not be below the table's."""


def _differences(topic: Topic, found: dict[str, Any] | None, config: dict[str, str]) -> Iterator[Difference]:
    if found is None or found.get("error_code"):
        yield Difference(topic.name, "does not exist", "Run: newsmill topics create")
        return
    partitions = found["partitions"]
    if len(partitions) != topic.partitions:
        yield Difference(
            topic.name,
            f"has {len(partitions)} partitions, topics.partitions says {topic.partitions}",
            "Change the setting, or the topic (kafka-topics.sh --alter --partitions; a release's versions may change "
            "partition once)",
        )
    replicas = min((len(partition["replicas"]) for partition in partitions), default=topic.replication)
    if replicas < topic.replication:
        yield Difference(
            topic.name,
            f"has {replicas} replicas, topics.replication says {topic.replication}",
            "Change the setting, or the topic (kafka-reassign-partitions.sh)",
        )
    for name in AT_LEAST:
        if name in config and name in topic.config and int(config[name]) < int(topic.config[name]):
            yield Difference(
                topic.name,
                f"{name} is {config[name]}, the table says {topic.config[name]}",
                f"Run: kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} "
                f"--add-config {name}={topic.config[name]}",
            )


async def _configs(admin: Any, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Each topic's settings, where the broker says."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    try:
        # All settings: the embedded broker hangs up when asked for one by name.
        responses = await admin.describe_configs(resources)
    except KafkaError:  # not authorised to ask
        return {}
    return {
        name: {entry[0]: entry[1] for entry in entries if entry[1]}
        for response in responses
        for error_code, _message, _kind, name, entries in (resource[:5] for resource in response.resources)
        if error_code == 0
    }
