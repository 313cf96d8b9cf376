"""Faust's consumer, made safe: only what we acknowledged in order is ever committed.

Three things in Faust 0.15.3 would lose releases or do them twice (docs/adr/0003-own-commit-offsets.md shows each):
the check for a gap before the first acked offset misses a gap of one, and any gap while nothing has been committed yet;
a stream without the C extension acks events that it skips after a rebalance, even with `noack`; acks are collected in a
list that a rebalance empties. So the offset to commit is kept here, and Faust's own bookkeeping has no say in it.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message


class Consumer(driver.Consumer):
    """Commits, per partition, one past the last event that `settle` was told of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settled: dict[TP, int] = {}
        self._heard = 0.0

    def settle(self, message: Message) -> None:
        """Say that everything up to this message has its outcome on the broker. Call in order, per partition."""
        tp = message.tp
        # An event of before a rebalance may come after its redelivery: never go back.
        self._settled[tp] = max(self._settled.get(tp, -1), message.offset)

    def ack(self, message: Message) -> bool:
        """Free what Faust holds for the message. Commits nothing by itself."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def hear(self, began: float) -> None:
        """Take note that the broker answered a heartbeat that was sent at `began`, by `time.monotonic`."""
        self._heard = began

    def in_session(self, seconds: float) -> bool:
        """Whether the group cannot have given our partitions away: it heard of us within the session's `seconds`."""
        return time.monotonic() - self._heard < seconds

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """A session begins with the assignment."""
        self.hear(time.monotonic())
        await super().on_partitions_assigned(assigned, generation_id)

    def _new_consumer_thread(self) -> "_Thread":
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Any:
        return (tp for tp in self._settled if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        settled = self._settled.get(tp)
        return None if settled is None else settled + 1

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget the partitions after the callbacks had their chance to commit."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._settled.pop(tp, None)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit, and tell the app whether the broker took it."""
        done: bool = await super()._commit(offsets)
        cast(App, self.app).on_commit(done)
        return done

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: a full buffer already holds the fetcher back, because it waits to put its event in.

        Faust would also pause the partition, and with all of them paused it sleeps for a second before it looks again.
        """

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: compacted or transactional offsets are skipped by `settle` itself."""


class _Thread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread; says when the broker has heard of us, which aiokafka keeps to itself."""

    async def on_start(self) -> None:
        """Connect, and listen to the heartbeats."""
        await super().on_start()
        assert self._consumer is not None
        coordinator: Any = self._consumer._coordinator
        consumer = cast(Consumer, self.consumer)
        send = coordinator._do_heartbeat

        async def send_and_tell() -> bool:
            began = time.monotonic()
            answered: bool = await send()
            if answered:
                consumer.hear(began)
            return answered

        coordinator._do_heartbeat = send_and_tell


class Transport(driver.Transport):
    """Faust's transport with our consumer."""

    Consumer = Consumer


class App(faust.App):
    """A Faust app on our transport."""

    on_commit: Callable[[bool], None]
    """Told after every commit whether the broker took it. Set before `start`."""

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Nothing: we keep no tables, and a container's working directory cannot be written to."""

    @property
    def own_consumer(self) -> Consumer:
        """The consumer, by its own type."""
        return cast(Consumer, self.consumer)
