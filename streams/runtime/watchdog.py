"""The watchdog: asks the broker, not Faust, how far behind we are, and tells waiting from being stuck."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.errors import Exit, Fatal
from streams.runtime import kafka
from streams.runtime.hops import Hop
from streams.runtime.metrics import Metrics
from streams.runtime.settings import Broker, Watchdog

log = structlog.get_logger()


OVERDUE_LOOKS = 3
"""Probes without an answer, after which what waited at the last one is taken to wait still."""

LOOKS = 10_000
"""Moves of a partition's end that are remembered: at a look every five seconds, half a day without a commit."""


@dataclass(slots=True)
class Progress:
    """What a hop's group has committed, and since when it has not moved although there is work. Pure, for the test."""

    stuck_seconds: float
    committed: dict[int, int] = field(default_factory=dict)
    moved_at: dict[int, float] = field(default_factory=dict)
    lagging: set[int] = field(default_factory=set)
    ends: dict[int, deque[tuple[float, int]]] = field(default_factory=dict)
    """When each partition's end was first seen where it was, back to the last commit."""

    def observe(self, now: float, committed: dict[int, int], ends: dict[int, int]) -> dict[int, int]:
        """Take in one look at the broker; returns the lag per partition in records."""
        lags = {}
        for partition, end in ends.items():
            at = committed.get(partition, 0)
            lags[partition] = max(0, end - at)
            if lags[partition] == 0 or at != self.committed.get(partition) or partition not in self.moved_at:
                self.moved_at[partition] = now
            self.committed[partition] = at
            seen = self.ends.setdefault(partition, deque(maxlen=LOOKS))
            if not seen or seen[-1][1] < end:
                seen.append((now, end))
            while len(seen) > 1 and seen[0][1] <= at:
                seen.popleft()
        self.lagging = {partition for partition, lag in lags.items() if lag}
        return lags

    def waited(self, now: float) -> dict[int, float]:
        """How long, at least, the oldest record that is not committed has been there, per partition, in seconds.

        From the looks alone: a backlog that was there before the first of them counts from then.
        """
        return {
            partition: next((now - at for at, end in seen if end > self.committed[partition]), 0.0)
            for partition, seen in self.ends.items()
        }

    def blind(self, now: float) -> None:
        """The broker could not be asked: nobody can move, so nobody is stuck."""
        for partition in self.moved_at:
            self.moved_at[partition] = now

    def still(self, now: float, ours: set[int]) -> tuple[float, list[int]]:
        """Longest standstill of the partitions that answer for us, in seconds, and those of them past the limit."""
        standing = {p: now - at for p, at in self.moved_at.items() if now > at}
        if ours:
            standing = {p: seconds for p, seconds in standing.items() if p in ours}
        elif len(standing) < len(self.lagging) or not self.lagging:
            standing = {}  # we hold no partition and somebody else is at work: not ours to judge
        return max(standing.values(), default=0.0), sorted(p for p, s in standing.items() if s > self.stuck_seconds)


async def watch(
    hop: Hop,
    broker: Broker,
    settings: Watchdog,
    assigned: Callable[[], set[int]],
    oldest: Callable[[], Mapping[int, float]],
    metrics: Metrics,
) -> None:
    """Look every `probe_seconds`. Raises `Fatal` when a partition of ours has lag and has not moved for too long."""
    progress = Progress(settings.stuck_seconds)
    while True:
        try:
            async with kafka.admin(broker) as admin, kafka.consumer(broker) as consumer:
                while True:
                    await asyncio.sleep(settings.probe_seconds)
                    await _look(hop, progress, admin, consumer, assigned, oldest, metrics, settings.probe_seconds)
        except (KafkaError, OSError, TimeoutError) as exc:
            log.debug("the broker cannot be asked for lag", hop=hop.name, error=str(exc))
        except Fatal as exc:
            if exc.exit_code is not Exit.UNAVAILABLE:
                raise
        progress.blind(time.monotonic())
        await asyncio.sleep(settings.probe_seconds)


async def _look(
    hop: Hop,
    progress: Progress,
    admin: AIOKafkaAdminClient,
    consumer: AIOKafkaConsumer,
    assigned: Callable[[], set[int]],
    oldest: Callable[[], Mapping[int, float]],
    metrics: Metrics,
    probe_seconds: float,
) -> None:
    partitions = [TopicPartition(hop.source, p) for p in await _partitions(admin, hop.source)]
    ends = {tp.partition: offset for tp, offset in (await consumer.end_offsets(partitions)).items()}
    offsets = await admin.list_consumer_group_offsets(hop.group, partitions=partitions)
    committed = {tp.partition: max(0, meta.offset) for tp, meta in offsets.items()}
    starts = await consumer.beginning_offsets([tp for tp in partitions if tp.partition not in committed])
    committed |= {tp.partition: offset for tp, offset in starts.items()}
    now = time.monotonic()
    lags = progress.observe(now, committed, ends)
    waited, in_hand, wall = progress.waited(now), oldest(), time.time()
    for partition, lag in lags.items():
        metrics.lag_records.labels(hop.name, str(partition)).set(lag)
        since_written = wall - in_hand.get(partition, wall) if lag else 0.0
        oldest_at = wall - max(0.0, waited[partition], since_written) if lag else None
        age = partial(_age, oldest_at, wall, probe_seconds)
        metrics.lag_seconds.labels(hop.name, str(partition)).set_function(age)
    metrics.looked.labels(hop.name).set(wall)
    longest, stuck = progress.still(now, assigned())
    metrics.stuck_seconds.labels(hop.name).set(longest)
    if stuck:
        raise Fatal(
            Exit.STUCK,
            f"{hop.name} is stuck: partitions {stuck} of {hop.source} have lag and no commit for "
            f"{longest:.0f} s (watchdog.stuck_seconds {progress.stuck_seconds:g}). Start the worker again",
        )


def _age(oldest_at: float | None, looked_at: float, probe_seconds: float) -> float:
    """How old the oldest waiting record is, at a scrape: as at the last look, but older if the next look is overdue."""
    if oldest_at is None:
        return 0.0
    overdue = max(0.0, time.time() - looked_at - OVERDUE_LOOKS * probe_seconds)
    return looked_at - oldest_at + overdue


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    described = await admin.describe_topics([topic])
    return sorted(p["partition"] for p in described[0]["partitions"])
