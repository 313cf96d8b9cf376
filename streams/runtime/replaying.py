"""A replay at work: reading the raw topic, sending again what is meant, and keeping its place.

The place is kept as the committed offsets of a consumer group of the run's own, with what was asked for beside them: a
run can be killed at any moment and resumed on another machine.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain

import msgspec
from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from streams.errors import Exit, Fatal
from streams.runtime import gate, kafka, reading, sending, work
from streams.runtime.events import Incoming, Message, Outcome, Rejected
from streams.runtime.gate import Refuse
from streams.runtime.hops import Hop
from streams.runtime.metrics import Metrics
from streams.runtime.offload import Inline, Offload, Pool
from streams.runtime.reading import Reader, Record
from streams.runtime.replay import Asked, Found, Index, Place, is_rerun, remade
from streams.runtime.routes import Routes
from streams.runtime.settings import Settings

MOST_METADATA = 4_000
"""Bytes that a broker takes beside an offset (`offset.metadata.max.bytes`, 4096 by default)."""


@dataclass(slots=True)
class Tally:
    """What has become of the releases so far."""

    handled: int = 0
    """Of those that were chosen, an earlier attempt's included."""
    sent: int = 0
    overtaken: int = 0
    """Left out: while we ran, news of them came in."""
    rejected: list[tuple[str, Rejected]] = field(default_factory=list)
    """Id and verdict."""


@dataclass(frozen=True, slots=True)
class Run:
    """One replay."""

    name: str
    asked: Asked
    source: str
    """The raw topic."""
    settings: Settings

    @property
    def target(self) -> str:
        """Where it sends to."""
        return self.asked.into or self.source

    async def find(self, show: Callable[[int], None]) -> Found:
        """Read the topic to its end and choose. `show` is told how many events there were."""
        index, count = Index(self.asked), 0
        async with reading.reader(self.settings, self.source, from_start=True, since=self.asked.since) as reader:
            async for batch in reader.batches(follow=False):
                for record in batch:
                    index.add(record)
                count += len(batch)
                show(count)
            return index.found({tp.partition: end for tp, end in reader.ends.items()})

    async def work(
        self, found: Found, tally: Tally, show: Callable[[], None], *, rate: float | None, hop: Hop | None
    ) -> None:
        """Do again what was found, from the run's kept place on: with a hop, here; else the workers do it.

        `show` is called when `tally` has grown. Raises `Fatal` where waiting is no use.
        """
        offload = None if hop is None else self._offload(hop)
        size = sending.window_messages(rate)
        if offload is not None:
            size = min(size, self.settings.window.releases * offload.processes)

        async def windows() -> AsyncGenerator[sending.Window, None]:
            async with (
                _place(self, found) as place,
                _news(self, found) as news,
                aclosing(self._again(found, place, tally, size)) as chunks,
            ):
                async for chunk in chunks:
                    await news.look()
                    current = [record for record in chunk if not news.overtook(record, beside=hop is not None)]
                    messages, rejected = await self._made(current, hop, offload)
                    yield messages
                    # Here they are delivered.
                    await place.keep((record.partition, record.offset) for record in chunk)
                    tally.handled += len(chunk)
                    tally.sent += len(messages)
                    tally.overtaken += len(chunk) - len(current)
                    tally.rejected += rejected
                    show()

        try:
            await sending.send("replay", windows(), self.settings, rate=rate, delivered=lambda _: None)
        finally:
            if offload is not None:
                offload.close()

    def _offload(self, hop: Hop) -> Offload:
        pool = self.settings.pool
        task = work.task_of(hop, self.settings, Routes())
        if pool.processes == 0:
            return Inline([task])
        return Pool([task], pool.processes, pool.release_seconds, pool.processes + 1, Metrics(CollectorRegistry()))

    async def _again(
        self, found: Found, place: "_Kept", tally: Tally, size: int
    ) -> AsyncGenerator[Sequence[Record], None]:
        """The chosen events once more, a few at a time."""
        async with reading.reader(self.settings, self.source, from_start=True, since=self.asked.since) as reader:
            async for batch in reader.batches(follow=False):
                meant = [record for record in batch if (record.partition, record.offset) in found.chosen]
                left = [record for record in meant if not place.has((record.partition, record.offset))]
                tally.handled += len(meant) - len(left)
                for start in range(0, len(left), size):
                    yield left[start : start + size]

    async def _made(
        self, records: Sequence[Record], hop: Hop | None, offload: Offload | None
    ) -> tuple[list[Message], list[tuple[str, Rejected]]]:
        """What to send for these raw events, and what could not be made."""
        copies = [remade(record, self.source, self.name) for record in records]
        if hop is None or offload is None:
            return copies, []
        window = [
            Incoming(m.topic, r.partition, r.offset, r.timestamp, m.key, m.value, m.headers)
            for m, r in zip(copies, records, strict=True)
        ]
        size = self.settings.window.releases
        parts = (window[start : start + size] for start in range(0, len(window), size))
        done = await asyncio.gather(*(offload.process(hop.name, part) for part in parts))
        messages: list[Message] = []
        rejected: list[tuple[str, Rejected]] = []
        for incoming, outcome in zip(window, chain.from_iterable(done), strict=True):
            judged = _judge(outcome)
            if isinstance(judged, Rejected):
                rejected.append(((incoming.key or b"").decode("utf-8", "replace"), judged))
            elif not judged.apart:  # else each of its releases follows by itself
                messages += judged.messages
        return messages, rejected


async def resumed(settings: Settings, source: str, name: str) -> Run:
    """A run that was interrupted. Raises `Fatal` when the broker knows nothing of it."""
    async with kafka.admin(settings.broker) as admin:
        try:
            kept: Mapping[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(
                _group(settings, name)
            )
        except KafkaError as exc:
            raise Fatal(Exit.UNAVAILABLE, f"the run's place cannot be read: {type(exc).__name__} {exc}") from exc
    for offset in kept.values():
        return Run(name, msgspec.json.decode(offset.metadata, type=Asked), source, settings)
    raise Fatal(Exit.USAGE, f"{settings.broker.bootstrap} knows no run {name} (any more)")


class _Kept:
    """Where a run has got to, partition by partition."""

    def __init__(self, consumer: AIOKafkaConsumer, asked: bytes, done: Mapping[int, int], source: str) -> None:
        self._consumer = consumer
        self._asked = asked.decode()
        self._done = dict(done)
        self._source = source

    def has(self, place: Place) -> bool:
        """Whether an earlier attempt has delivered what became of this event."""
        return place[1] < self._done[place[0]]

    async def keep(self, places: Iterable[Place]) -> None:
        """Remember that all up to these is delivered."""
        for partition, offset in places:
            self._done[partition] = offset + 1
        offsets = {TopicPartition(self._source, p): OffsetAndMetadata(o, self._asked) for p, o in self._done.items()}
        commit = asyncio.ensure_future(self._consumer.commit(offsets))
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            await asyncio.wait({commit})  # else what was delivered last would be sent again
            raise
        except KafkaError as exc:
            raise Fatal(Exit.UNAVAILABLE, f"the run's place cannot be kept: {type(exc).__name__} {exc}") from exc


@asynccontextmanager
async def _place(run: Run, found: Found) -> AsyncIterator[_Kept]:
    """The kept place of a run, from its first moment on."""
    asked = msgspec.json.encode(run.asked)
    if len(asked) > MOST_METADATA:
        raise Fatal(Exit.USAGE, f"too many ids or offsets for one run ({MOST_METADATA} bytes in all): make it several")
    group = _group(run.settings, run.name)
    async with kafka.consumer(run.settings.broker, group_id=group, enable_auto_commit=False) as consumer:
        partitions = [TopicPartition(run.source, partition) for partition in found.ends]
        consumer.assign(partitions)
        done = {tp.partition: await consumer.committed(tp) or 0 for tp in partitions}
        kept = _Kept(consumer, asked, done, run.source)
        await kept.keep(())
        yield kept


class _News:
    """What comes in while a run is at work."""

    def __init__(self, reader: Reader) -> None:
        self._consumer = reader.consumer
        self._last: dict[bytes, tuple[int, bool]] = {}
        """By key: the offset of its last event, and whether that is a kill."""

    async def look(self) -> None:
        """Read all there is by now."""
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        while not all([await self._consumer.position(tp) >= end for tp, end in ends.items()]):
            for records in (await self._consumer.getmany(timeout_ms=reading.POLL_MS)).values():
                for record in records:
                    if record.key is not None and not is_rerun(record):
                        self._last[record.key] = (record.offset, record.value is None)

    def overtook(self, record: Record, *, beside: bool) -> bool:
        """Whether the release has gone on. Beside the pipeline's own topics only a kill counts."""
        offset, dead = self._last.get(record.key or b"", (-1, False))
        return offset > record.offset and (dead or not beside)


@asynccontextmanager
async def _news(run: Run, found: Found) -> AsyncIterator[_News]:
    """The news since `found`."""
    async with reading.reader(run.settings, run.source, from_start=False) as reader:
        for partition, end in found.ends.items():
            reader.consumer.seek(TopicPartition(run.source, partition), end)
        yield _News(reader)


def _judge(outcome: Outcome) -> Outcome:
    """Ask the gate, which remembers nothing here and holds nothing back for later."""
    if isinstance(outcome, Rejected) or outcome.passage is None:
        return outcome
    topics = frozenset(message.topic for message in outcome.messages)
    verdict = gate.judge(None, outcome.passage, topics, topics, datetime.now(UTC), holding=False)
    return Rejected(verdict.reason, verdict.detail, "gate") if isinstance(verdict, Refuse) else outcome


def _group(settings: Settings, name: str) -> str:
    return f"{settings.group.id}.replay.{name}"
