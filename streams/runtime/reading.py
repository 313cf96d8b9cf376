"""What the commands read: topics from a given place on, without a group, to their end or for ever."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.errors import Exit, Fatal
from streams.runtime import kafka, topics
from streams.runtime.settings import Broker, Settings

POLL_MS = 500

Record = ConsumerRecord[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Reader:
    """A consumer that stands at its start, and where the topics ended when it was placed there."""

    consumer: AIOKafkaConsumer
    ends: dict[TopicPartition, int]

    async def records(self, *, follow: bool) -> AsyncIterator[Record]:
        """Yield the events as they come: for ever, or up to the ends seen at the start."""
        while True:
            if not follow and await self._at_ends():
                return
            for partition, records in (await self.consumer.getmany(timeout_ms=POLL_MS)).items():
                for record in records:
                    if follow or record.offset < self.ends[partition]:
                        yield record

    async def _at_ends(self) -> bool:
        # By position, not by the last event's offset: compaction and transactions leave offsets without events.
        for partition, end in self.ends.items():
            if await self.consumer.position(partition) < end:
                return False
        return True


@asynccontextmanager
async def reader(settings: Settings, *names: str, from_start: bool) -> AsyncIterator[Reader]:
    """A reader of these topics, at their start or at their end. Raises `Fatal` when one of them is not there."""
    await require(settings.broker, names)
    async with kafka.consumer(
        settings.broker, *names, max_partition_fetch_bytes=topics.dead_letter_bytes(settings) + kafka.HEADROOM_BYTES
    ) as consumer:
        partitions = consumer.assignment()
        try:
            ends = await consumer.end_offsets(partitions)
            starts = await consumer.beginning_offsets(partitions) if from_start else ends
        except KafkaError as exc:
            raise Fatal(Exit.UNAVAILABLE, f"the offsets of {', '.join(names)} cannot be read: {exc}") from exc
        for partition in partitions:
            consumer.seek(partition, starts[partition])
        yield Reader(consumer, ends)


async def require(broker: Broker, names: Collection[str]) -> None:
    """Check that the topics exist. Raises `Fatal` with the way to make them."""
    async with kafka.admin(broker) as admin:
        try:
            missing = set(names) - set(await admin.list_topics())
        except KafkaError as exc:
            raise Fatal(Exit.UNAVAILABLE, f"the topics of {broker.bootstrap} cannot be listed: {exc}") from exc
    if missing:
        raise Fatal(
            Exit.UNAVAILABLE,
            f"no topic {', '.join(sorted(missing))} at {broker.bootstrap}. Make the topics of this configuration: "
            "newsmill topics create",
        )
