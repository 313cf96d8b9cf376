"""Lines through the pool: what `newsmill inspect --jsonl` does. Order kept, memory bounded, every release guarded."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import RawIOBase
from typing import BinaryIO, NamedTuple

import orjson

from streams.errors import Reason
from streams.runtime.events import Incoming, Outcome, Rejected
from streams.runtime.offload import Offload
from streams.runtime.work import ENTRANCE

CHUNK_BYTES = 65_536
"""One read and one pool task: all that a pipe holds. Some twenty releases or six hundred titles, 0.1 s of work, beside
which the hand-over is nothing; and a slow source's line goes at once instead of waiting for company."""

_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line that is not blank."""

    number: int
    """Counts from 1, blank lines included."""
    value: bytes
    """Its beginning only, where `length` is over the limit."""
    length: int
    """Bytes."""


class Tally(NamedTuple):
    """How many lines there were."""

    lines: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Where lines are worked on, and how."""

    offload: Offload
    hop: str
    """The hop's name there."""
    content_type: str
    received_ms: int
    """Stands for the Kafka record's timestamp."""
    limit_bytes: int
    """Of one line."""
    ahead: int
    """Chunks that may be in work before the first of them is written."""

    async def run(self, source: RawIOBase, sink: BinaryIO) -> Tally:
        """Write one line for each that is read, in their order.

        Raises what reading and writing raise, and `Fatal` where no work can be done at all.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[asyncio.Task[tuple[bytes, Tally]] | Exception | None] = asyncio.Queue(self.ahead)
        running: set[asyncio.Task[tuple[bytes, Tally]]] = set()

        async def feed(lines: Sequence[Line]) -> None:
            task = asyncio.create_task(self._work(lines))
            running.add(task)
            await queue.put(task)

        def pump() -> None:
            end: Exception | None = None
            try:
                for lines in read_lines(source, self.limit_bytes):
                    asyncio.run_coroutine_threadsafe(feed(lines), loop).result()
            except Exception as exc:  # the edge of the thread: raised again below
                end = exc
            asyncio.run_coroutine_threadsafe(queue.put(end), loop).result()

        # Not the loop's executor: reading an idle pipe may never end, and leaving must not wait for it.
        threading.Thread(target=pump, daemon=True).start()
        tally = Tally()
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                written, more = await item
                running.discard(item)
                sink.write(written)
                sink.flush()
                tally = Tally(tally.lines + more.lines, tally.rejected + more.rejected)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return tally

    async def _work(self, lines: Sequence[Line]) -> tuple[bytes, Tally]:
        window = [self._incoming(line) for line in lines if line.length <= self.limit_bytes]
        worked = map(_one, await self.offload.process(self.hop, window))
        outcomes = [next(worked) if line.length <= self.limit_bytes else self._too_large(line) for line in lines]
        written = b"".join(_line(outcome, line) for outcome, line in zip(outcomes, lines, strict=True))
        return written, Tally(len(lines), sum(isinstance(outcome, Rejected) for outcome in outcomes))

    def _incoming(self, line: Line) -> Incoming:
        headers = (("content-type", self.content_type.encode()),)
        return Incoming("", 0, line.number, self.received_ms, None, line.value, headers)

    def _too_large(self, line: Line) -> Rejected:
        return Rejected(Reason.TOO_LARGE, f"{line.length} bytes, the limit is {self.limit_bytes}", ENTRANCE)


def read_lines(source: RawIOBase, limit_bytes: int) -> Iterator[list[Line]]:
    """Yield the lines that each read completes. Of a line over the limit no more than the limit is held."""
    number, length = 0, 0
    kept = bytearray()

    def complete() -> list[Line]:
        value = bytes(kept).removeprefix(_BOM).strip() if number == 1 else bytes(kept).strip()
        return [Line(number, value, length)] if value else []

    while chunk := source.read(CHUNK_BYTES):
        lines: list[Line] = []
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            number += 1
            length += len(end)
            kept += end[: limit_bytes - len(kept)]
            lines += complete()
            kept.clear()
            length = 0
        length += len(rest)
        kept += rest[: limit_bytes - len(kept)]
        if lines:
            yield lines
    number += 1
    if lines := complete():
        yield lines


def _one(outcome: Outcome) -> Outcome:
    """A line in, a line out."""
    if isinstance(outcome, Rejected) or not outcome.apart:
        return outcome
    return Rejected(Reason.INVALID, f"{len(outcome.messages)} releases in one line", ENTRANCE)


def _line(outcome: Outcome, line: Line) -> bytes:
    if not isinstance(outcome, Rejected):
        return (outcome.messages[0].value or b"") + b"\n"
    error = {"error": {"reason": outcome.reason, "detail": outcome.detail}, **_id(line), "line": line.number}
    return orjson.dumps(error, option=orjson.OPT_APPEND_NEWLINE)


def _id(line: Line) -> dict[str, str]:
    """The rejected release's id, if as much of it can be read."""
    try:
        fields = orjson.loads(line.value)
    except orjson.JSONDecodeError:
        return {}
    found = (fields.get("id") or fields.get("uri")) if isinstance(fields, dict) else None
    return {"id": found} if isinstance(found, str) else {}
