"""Deliveries: sent in order, every one awaited, tried again for as long as it takes."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
)
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from streams.errors import Exit, Fatal, Unavailable
from streams.runtime import kafka
from streams.runtime.events import Message
from streams.runtime.metrics import Metrics
from streams.runtime.settings import Broker, Retry

log = structlog.get_logger()

HOPELESS = (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
)
"""Errors that no waiting cures."""

QUIET_ATTEMPTS = 3
"""Retries before the log says so: a leader election is over by then."""

PRODUCER_STOP_SECONDS = 2.0
"""A producer whose broker is away would flush for its whole request timeout."""


def always() -> bool:
    """Whatever happens."""
    return True


class Delivery(Protocol):
    """Somewhere messages can be delivered to."""

    async def deliver(self, messages: Sequence[Message], may: Callable[[], bool] = always) -> Sequence[int]:
        """Return when every message is on the broker: the offset of each."""


class Outbox:
    """A producer that is replaced after trouble.

    Idempotence keeps order and single copies within one producer's life. After a failed delivery its sequence
    numbers cannot be trusted (a batch that expired leaves a hole the broker refuses for ever), so a new one sends the
    whole window again: consumers drop the doubles by `ce_id`, and per key the last word is still the latest.
    """

    def __init__(self, hop: str, broker: Broker, retry: Retry, most_bytes: int, metrics: Metrics) -> None:
        self._hop = hop
        self._broker = broker
        self._retry = retry
        self._most_bytes = most_bytes
        self._metrics = metrics
        self._producer: AIOKafkaProducer | None = None

    async def deliver(self, messages: Sequence[Message], may: Callable[[], bool] = always) -> Sequence[int]:
        """Put all messages on the broker, in order; wait out any broker trouble. Returns the offset of each.

        Raises `Fatal` where waiting is no use: not authorised, no such topic name, larger than the topic takes.
        Raises `Unavailable` after an attempt that failed when they `may` no longer be sent.
        """
        if not messages:
            return ()
        offsets: Sequence[int] = ()
        began = time.perf_counter()
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            stop=lambda _: not may(),
            reraise=True,
            wait=wait_exponential_jitter(
                multiplier=self._retry.first_seconds, max=self._retry.most_seconds, jitter=0.1
            ),
            before_sleep=self._note,
        ):
            with attempt:
                offsets = await self._deliver_once(messages)
        self._metrics.delivery_seconds.labels(self._hop).observe(time.perf_counter() - began)
        return offsets

    async def close(self) -> None:
        """Let the producer go; nothing is pending, because every delivery was awaited."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(PRODUCER_STOP_SECONDS):
                    await producer.stop()
            except (TimeoutError, KafkaError, OSError) as exc:
                log.debug("producer did not stop cleanly", hop=self._hop, error=str(exc))

    async def _deliver_once(self, messages: Sequence[Message]) -> Sequence[int]:
        try:
            producer = await self._started()
            futures = [
                await producer.send(m.topic, value=m.value, key=m.key, headers=list(m.headers), partition=m.partition)
                for m in messages
            ]
            results: list[Any] = await asyncio.gather(*futures, return_exceptions=True)
        except (KafkaError, OSError) as exc:
            results = [exc]
        failures = [result for result in results if isinstance(result, BaseException)]
        if not failures:
            return [result.offset for result in results]
        await self.close()
        for failure in failures:
            if isinstance(failure, HOPELESS):
                raise Fatal(Exit.UNAVAILABLE, f"the broker refuses what {self._hop} sends: {failure}") from failure
            if not isinstance(failure, KafkaError | OSError):
                raise failure
        first = failures[0]
        raise Unavailable(f"{type(first).__name__}: {first}") from first

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = kafka.new_producer(self._broker, self._most_bytes)
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    def _note(self, state: RetryCallState) -> None:
        self._metrics.delivery_retries.labels(self._hop).inc()
        if state.attempt_number >= QUIET_ATTEMPTS:
            error = state.outcome.exception() if state.outcome else None
            log.error(
                "cannot deliver, trying again: is the broker up, and do all topics exist (newsmill topics verify)?",
                hop=self._hop,
                attempt=state.attempt_number,
                error=str(error),
            )
