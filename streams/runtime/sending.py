"""What the commands send: read beside the loop, in windows, every delivery awaited, no faster than asked."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress

from prometheus_client import CollectorRegistry

from streams.runtime import topics
from streams.runtime.events import Message
from streams.runtime.metrics import Metrics
from streams.runtime.outbox import Outbox
from streams.runtime.settings import Settings

WINDOW_MESSAGES = 500
"""Sent at once and awaited together: 500 releases of 3 kB fill a few batches."""

WINDOW_BYTES = 8 * 1024 * 1024
"""As above, for large releases. Two windows wait while one is on its way, so this bounds the memory, too."""

WINDOWS_A_SECOND = 10
"""With a rate, so that it is a stream and not a burst every few seconds."""

Window = Sequence[Message]


async def send(
    name: str,
    windows: AsyncGenerator[Window, None],
    settings: Settings,
    *,
    rate: float | None = None,
    delivered: Callable[[Window], None],
) -> None:
    """Send the windows in order and call `delivered` for each that is on the broker.

    `rate` is in messages a second. Broker trouble is waited out; raises `Fatal` where waiting is no use.
    """
    outbox = Outbox(
        name, settings.broker, settings.retry, topics.dead_letter_bytes(settings), Metrics(CollectorRegistry())
    )
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    try:
        async with aclosing(windows):  # now, and not when the loop ends: they may hold consumers
            async for window in windows:
                if rate is not None:
                    await asyncio.sleep(began + sent / rate - loop.time())
                await outbox.deliver(window)
                sent += len(window)
                delivered(window)
    finally:
        await outbox.close()


def window_messages(rate: float | None) -> int:
    """How many messages make a window fit for the rate."""
    return WINDOW_MESSAGES if rate is None else max(1, min(WINDOW_MESSAGES, int(rate / WINDOWS_A_SECOND)))


def grouped(messages: Iterable[Message | None], rate: float | None = None) -> Iterator[Window]:
    """Group messages into windows fit for the rate; `None` says that the next one may be long in coming."""
    most = window_messages(rate)
    window: list[Message] = []
    size = 0
    for message in messages:
        if message is not None:
            window.append(message)
            size += message.size
        if window and (message is None or len(window) >= most or size >= WINDOW_BYTES):
            yield window
            window, size = [], 0
    if window:
        yield window


async def read_ahead(windows: Iterator[Window]) -> AsyncGenerator[Window, None]:
    """Take the windows in a thread, because files and standard input block. Raises what they raise.

    The thread ends with the process: nothing can wake one that reads from a terminal.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[Window | BaseException | None] = asyncio.Queue(1)

    def put(item: Window | BaseException | None) -> None:
        asyncio.run_coroutine_threadsafe(ready.put(item), loop).result()

    def work() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants it any more
            try:
                for window in windows:
                    put(window)
                put(None)
            except BaseException as exc:  # the edge of the thread: it is raised again in the loop
                put(exc)

    threading.Thread(target=work, name="reading", daemon=True).start()
    while (item := await ready.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item
