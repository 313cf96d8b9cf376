"""The brokers that tests stand on: what they keep, and what they do when they are killed, frozen or fail over."""

import asyncio
import os

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from tests.support.brokers import Raw, committed, create_topic, leader_of, partitions_of, produce, read
from tests.support.kafka import KafkaCluster

TWENTY_FIVE_MB = 25 << 20

FROZEN_SECONDS = 1.0
"""Hundreds of times as long as an answer takes."""


async def test_a_record_comes_out_as_it_went_in(broker: str, unique_prefix: str) -> None:
    topic = await create_topic(broker, f"{unique_prefix}.records", partitions=2)
    sent = [
        Raw(b"key", b"value", (("h", b"1"), ("h", b"2"), ("empty", b"")), timestamp_ms=1_700_000_000_123, partition=0),
        Raw(b"key", None, timestamp_ms=1_700_000_000_001, partition=0),
        Raw(None, b"\x00\xff", timestamp_ms=1_700_000_000_002, partition=0),
        Raw(b"", b"", timestamp_ms=1, partition=1),
    ]
    await produce(broker, topic, sent)
    came = sorted(await read(broker, topic), key=lambda r: (r.partition, r.offset))
    assert [Raw(r.key, r.value, tuple(r.headers), r.timestamp, r.partition) for r in came] == sent
    assert [r.offset for r in came] == [0, 1, 2, 0]


async def test_what_a_group_committed_is_there_after_it_ended(broker: str, unique_prefix: str) -> None:
    topic = await create_topic(broker, f"{unique_prefix}.offsets", partitions=3)
    await produce(broker, topic, [Raw(value=b"v", partition=partition) for partition in (0, 0, 1)])
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=broker, group_id=unique_prefix, enable_auto_commit=False, session_timeout_ms=6_000
    ) as consumer:
        await consumer.commit({TopicPartition(topic, 0): 2, TopicPartition(topic, 1): 1})
    assert await committed(broker, unique_prefix, topic) == {0: 2, 1: 1}


async def test_an_unknown_topic_is_not_made_by_asking_for_it(broker: str, unique_prefix: str) -> None:
    for _ in range(2):
        with pytest.raises(KeyError):
            await partitions_of(broker, f"{unique_prefix}.nowhere")


async def test_a_large_record_needs_a_topic_that_allows_it(kafka: KafkaCluster, unique_prefix: str) -> None:
    limit = {"max.message.bytes": str(TWENTY_FIVE_MB + 1024)}
    small = await create_topic(kafka.bootstrap, f"{unique_prefix}.small")
    large = await create_topic(kafka.bootstrap, f"{unique_prefix}.large", config=limit)
    value = os.urandom(TWENTY_FIVE_MB)
    with pytest.raises(MessageSizeTooLargeError):
        await produce(kafka.bootstrap, small, [Raw(value=value)])
    await produce(kafka.bootstrap, large, [Raw(value=value)])
    (record,) = await read(kafka.bootstrap, large)
    assert record.value == value


async def test_a_killed_or_frozen_node_keeps_what_it_acknowledged(kafka_cluster: type[KafkaCluster]) -> None:
    with kafka_cluster() as cluster:
        topic = await create_topic(cluster.bootstrap, "kept")
        await produce(cluster.bootstrap, topic, [Raw(value=b"before")])
        cluster.kill_node(1)
        with pytest.raises(ConnectionRefusedError):
            await _connect(cluster)
        await asyncio.to_thread(cluster.start_node, 1)
        assert [r.value for r in await read(cluster.bootstrap, topic)] == [b"before"]

        async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all") as producer:
            await producer.send_and_wait(topic, b"between")
            cluster.pause_node(1)
            await _connect(cluster)  # the kernel still takes connections: a frozen broker is not a dead one
            delivery = await producer.send(topic, b"after")
            done, _ = await asyncio.wait({delivery}, timeout=FROZEN_SECONDS)
            assert not done
            cluster.resume_node(1)
            await delivery
        assert [r.value for r in await read(cluster.bootstrap, topic)] == [b"before", b"between", b"after"]
        assert "Recovering" in cluster.logs()


async def test_three_nodes_lose_their_leader_and_nothing_else(kafka_cluster: type[KafkaCluster]) -> None:
    with kafka_cluster(3) as cluster:
        topic = await create_topic(cluster.bootstrap, "led", replication=3, config={"min.insync.replicas": "2"})
        leader = await leader_of(cluster.bootstrap, topic)
        async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, enable_idempotence=True) as producer:
            sent = []
            for number in range(300):
                if number == 100:
                    cluster.kill_node(leader)
                sent.append(await producer.send(topic, str(number).encode()))
            await asyncio.gather(*sent)
        assert await leader_of(cluster.bootstrap, topic) not in (leader, -1)
        records = await read(cluster.bootstrap, topic)
        assert [r.value for r in records] == [str(number).encode() for number in range(300)]

        await asyncio.to_thread(cluster.start_node, leader)
        await produce(cluster.bootstrap, topic, [Raw(value=b"whole again")])
        assert (await read(cluster.bootstrap, topic, count=301))[-1].value == b"whole again"


async def _connect(cluster: KafkaCluster) -> None:
    host, _, port = cluster.bootstrap.partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.close()
