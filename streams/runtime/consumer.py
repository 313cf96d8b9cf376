"""Faust's consumer, made safe: only what we acknowledged in order is ever committed.

Three things in Faust 0.15.3 would lose releases or do them twice (docs/adr/0003-own-commit-offsets.md shows each):
the check for a gap before the first acked offset misses a gap of one, and any gap while nothing has been committed yet;
a stream without the C extension acks events that it skips after a rebalance, even with `noack`; acks are collected in a
list that a rebalance empties. So the offset to commit is kept here, and Faust's own bookkeeping has no say in it.
"""

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
