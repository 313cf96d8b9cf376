"""Deliveries: in order, awaited, tried again for as long as it takes, and hopeless ones said to be so."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from prometheus_client import CollectorRegistry

from streams.errors import Exit, Fatal, Unavailable
from streams.runtime import settings
from streams.runtime.embedded import embedded_broker, free_port
from streams.runtime.events import Message
from streams.runtime.metrics import Metrics
from streams.runtime.outbox import HOPELESS, Outbox
from streams.runtime.settings import Retry
from tests.support.brokers import create_topic, read

SOON_SECONDS = 20.0
MOST_BYTES = 10_000


class Made:
    """An outbox and what it counts."""

    def __init__(self, bootstrap: str) -> None:
        broker = settings.load(None, {"broker": {"bootstrap": bootstrap, "idempotent": False}}).broker
        self.metrics = Metrics(CollectorRegistry())
        retry = Retry(first_seconds=0.01, most_seconds=0.05)
        self.outbox = Outbox("hop", broker, retry, MOST_BYTES, self.metrics)

    @property
    def retries(self) -> float:
        return self.metrics.registry.get_sample_value("news_delivery_retries_total", {"hop": "hop"}) or 0.0


@pytest.fixture
async def made(embedded: str) -> AsyncIterator[Made]:
    each = Made(embedded)
    yield each
    await each.outbox.close()


def message(topic: str, number: int, **changes: Any) -> Message:
    values = {"key": b"k", "value": b"%d" % number, "headers": (("n", b"%d" % number),)}
    return Message(topic, **values | changes)


async def test_when_it_returns_all_messages_are_on_the_broker_in_order(
    made: Made, embedded: str, unique_prefix: str
) -> None:
    topic = await create_topic(embedded, unique_prefix)
    for window in (range(50), range(50, 100)):
        await made.outbox.deliver([message(topic, n) for n in window])
        records = await read(embedded, topic, count=window.stop)
        assert [(r.key, r.value, tuple(r.headers)) for r in records] == [
            (b"k", b"%d" % n, (("n", b"%d" % n),)) for n in range(window.stop)
        ]
    assert made.retries == 0


async def test_a_window_may_go_to_several_topics_and_hold_kills(made: Made, embedded: str, unique_prefix: str) -> None:
    one, other = [await create_topic(embedded, f"{unique_prefix}{n}") for n in range(2)]
    await made.outbox.deliver([message(one, 1), message(other, 2, value=None, headers=())])
    assert [r.value for r in await read(embedded, one, count=1)] == [b"1"]
    assert [(r.key, r.value) for r in await read(embedded, other, count=1)] == [(b"k", None)]


async def test_nothing_to_send_needs_no_broker() -> None:
    await Made(f"127.0.0.1:{free_port()}").outbox.deliver([])


async def test_what_is_too_large_for_the_producer_is_hopeless(made: Made, embedded: str, unique_prefix: str) -> None:
    topic = await create_topic(embedded, unique_prefix)
    with pytest.raises(Fatal, match="the broker refuses what hop sends") as caught:
        await made.outbox.deliver([message(topic, 1, value=b"x" * 1_000_000)])
    assert caught.value.exit_code == Exit.UNAVAILABLE
    assert isinstance(caught.value.__cause__, MessageSizeTooLargeError)
    assert isinstance(caught.value.__cause__, HOPELESS)
    assert made.retries == 0


async def test_after_a_hopeless_one_others_can_be_delivered(made: Made, embedded: str, unique_prefix: str) -> None:
    topic = await create_topic(embedded, unique_prefix)
    with pytest.raises(Fatal):
        await made.outbox.deliver([message(topic, 1, value=b"x" * 1_000_000)])
    await made.outbox.deliver([message(topic, 2)])
    assert [r.value for r in await read(embedded, topic, count=1)] == [b"2"]


async def test_without_a_broker_it_tries_again_until_it_is_told_to_stop() -> None:
    made = Made(f"127.0.0.1:{free_port()}")
    delivery = asyncio.create_task(made.outbox.deliver([message("t", 1)]))
    async with asyncio.timeout(SOON_SECONDS):
        while made.retries < 3:
            await asyncio.sleep(0.01)
    assert not delivery.done()
    delivery.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    await made.outbox.close()


async def test_it_gives_up_once_it_may_not_go_on() -> None:
    made = Made(f"127.0.0.1:{free_port()}")
    async with asyncio.timeout(SOON_SECONDS):
        with pytest.raises(Unavailable):
            await made.outbox.deliver([message("t", 1)], lambda: made.retries < 3)
    assert made.retries == 3
    await made.outbox.close()


@pytest.mark.embedded
async def test_a_broker_that_comes_late_gets_everything() -> None:
    port = free_port()
    made = Made(f"127.0.0.1:{port}")
    delivery = asyncio.create_task(made.outbox.deliver([message("late", n) for n in range(5)]))
    async with asyncio.timeout(SOON_SECONDS):
        while made.retries < 2:
            await asyncio.sleep(0.01)
        with embedded_broker(port) as bootstrap:
            await delivery
            assert len(await read(bootstrap, "late")) >= 5
            await made.outbox.close()


async def test_closed_twice_or_never_opened_it_is_closed(embedded: str) -> None:
    made = Made(embedded)
    await made.outbox.close()
    await made.outbox.close()
