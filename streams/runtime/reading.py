"""What the commands read: topics from a given place on, without a group, to their end or for ever."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.errors import Exit, Fatal
from streams.runtime import kafka, topics
from streams.runtime.settings import Broker, Settings

POLL_MS = 200
"""How long a poll waits for company, and how soon whoever reads notices anything else."""

TOPICS_CREATE = "Make the topics of this configuration: newsmill topics create"

Record = ConsumerRecord[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Reader:
    """A consumer that stands at its start, and where the topics ended when it was placed there."""

    consumer: AIOKafkaConsumer
    ends: dict[TopicPartition, int]

    async def batches(self, *, follow: bool) -> AsyncIterator[list[Record]]:
        """Yield what each poll brings, maybe nothing: for ever, or up to the ends seen at the start."""
        while follow or not await self._at_ends():
            found = (await self.consumer.getmany(timeout_ms=POLL_MS)).items()
            yield [r for partition, records in found for r in records if follow or r.offset < self.ends[partition]]

    async def records(self, *, follow: bool) -> AsyncIterator[Record]:
        """Yield the events one by one."""
        async for batch in self.batches(follow=follow):
            for record in batch:
                yield record

    async def _at_ends(self) -> bool:
        # By position, not by the last event's offset: compaction and transactions leave offsets without events.
        for partition, end in self.ends.items():
            if await self.consumer.position(partition) < end:
                return False
        return True


@asynccontextmanager
async def reader(
    settings: Settings, *names: str, from_start: bool, since: datetime | None = None
) -> AsyncIterator[Reader]:
    """A reader of these topics, at their end, at their start, or there at the first event that is not before `since`.

    Raises `Fatal` when a topic is not there.
    """
    await require(settings.broker, names)
    async with kafka.consumer(
        settings.broker,
        *names,
        fetch_max_wait_ms=POLL_MS,
        max_partition_fetch_bytes=topics.dead_letter_bytes(settings) + kafka.HEADROOM_BYTES,
    ) as consumer:
        partitions = consumer.assignment()
        try:
            async with asyncio.timeout(settings.broker.request_seconds):
                last = await ends(consumer, partitions)
                starts = await consumer.beginning_offsets(partitions) if from_start else last
                if from_start and since is not None:
                    times = dict.fromkeys(partitions, int(since.timestamp() * 1000))
                    found = await consumer.offsets_for_times(times)
                    starts = {tp: last[tp] if place is None else place.offset for tp, place in found.items()}
        except (KafkaError, TimeoutError) as exc:
            detail = f"{type(exc).__name__} {exc}".strip()
            raise Fatal(Exit.UNAVAILABLE, f"the offsets of {', '.join(names)} cannot be read: {detail}") from exc
        for partition in partitions:
            consumer.seek(partition, starts[partition])
        yield Reader(consumer, last)


async def ends(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
    """Where the partitions end: by what a fetch says.

    Asked for offsets, the embedded broker (tansu 0.6.0) counts only the first event of the last batch.
    """
    for partition, offset in (await consumer.end_offsets(partitions)).items():
        consumer.seek(partition, offset)
    found: dict[TopicPartition, int] = {}
    while len(found) < len(partitions):
        await consumer.getmany(timeout_ms=POLL_MS)
        known = ((partition, consumer.highwater(partition)) for partition in partitions)
        found = {partition: end for partition, end in known if end is not None}
    return found


async def one(settings: Settings, topic: str, partition: int, offset: int) -> Record | None:
    """Read the event at this place; None when there is none (any more)."""
    place = TopicPartition(topic, partition)
    async with reader(settings, topic, from_start=True) as found:
        start = await found.consumer.position(place) if place in found.ends else 0
        if not start <= offset < found.ends.get(place, 0):
            return None
        await found.consumer.seek_to_end(*(other for other in found.ends if other != place))
        found.consumer.seek(place, offset)
        async for record in found.records(follow=False):
            if record.partition == partition:
                return record if record.offset == offset else None
    return None


async def require(broker: Broker, names: Collection[str], *, cure: str = TOPICS_CREATE) -> None:
    """Check that the topics exist. Raises `Fatal` with the cure."""
    async with kafka.admin(broker) as admin:
        try:
            missing = set(names) - set(await admin.list_topics())
        except KafkaError as exc:
            raise Fatal(Exit.UNAVAILABLE, f"the topics of {broker.bootstrap} cannot be listed: {exc}") from exc
    if missing:
        raise Fatal(
            Exit.UNAVAILABLE,
            f"no topic {', '.join(sorted(missing))} at {broker.bootstrap}. {cure}",
        )
