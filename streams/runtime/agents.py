"""The guarded loop, once for every hop: take, work, deliver, and only then ack.

    stream.noack() -> pending -> windows in the pool -> outcomes in order -> every delivery awaited -> settle and ack

Nothing is acked before its outcome, enriched event or dead letter, is safely on the broker. Whatever goes wrong on
the way either is waited out (the broker), becomes a dead letter (the release) or stops the worker (us).
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from streams.errors import Exit, Fatal, Reason, Unavailable
from streams.runtime import events
from streams.runtime.consumer import Consumer
from streams.runtime.duplicates import Recent
from streams.runtime.events import Done, Incoming, Message, Outcome, Rejected
from streams.runtime.gatekeeper import Gatekeeper
from streams.runtime.hops import Hop
from streams.runtime.metrics import Metrics
from streams.runtime.offload import Offload
from streams.runtime.outbox import Delivery
from streams.runtime.settings import DeadLetter, Window
from streams.runtime.traces import trace_id_of

log = structlog.get_logger()

AHEAD = 1
"""Windows handed over beyond one per process, so that no process waits for its next one. More would only turn what
has arrived into many small windows: left here, it becomes a few large ones."""


EXPECTED = frozenset({Reason.EMBARGOED, Reason.SUPERSEDED, Reason.WITHHELD})
"""Reasons that say nothing of how well we work: a replay makes all of a topic's old versions dead letters."""

OURS = frozenset({Reason.BUG, Reason.CRASHED, Reason.TIMEOUT})
"""Reasons that speak of us and not of the release: somebody must look, so these are logged and not only counted."""


@dataclass(frozen=True, slots=True)
class _Held:
    """An event in our hands, and what Faust wants back for it."""

    incoming: Incoming
    event: Any


@dataclass(slots=True)
class _Batch:
    """A window on its way through the pool."""

    held: tuple[_Held, ...]
    outcomes: "asyncio.Task[list[Outcome]]"


class Reporter(Protocol):
    """Told of every event whose outcome is on the broker: `streams.runtime.spans.Spans`."""

    def report(self, hop: Hop, incoming: Incoming, outcome: Outcome) -> None:
        """Take note, at once and without raising."""


class Loop:
    """One hop's guarded loop. `consume` is the Faust agent's body; `run` does the rest beside it."""

    def __init__(
        self,
        hop: Hop,
        offload: Offload,
        outbox: Delivery,
        window: Window,
        dead_letter: DeadLetter,
        metrics: Metrics,
        reporter: Reporter | None = None,
        gate: Gatekeeper | None = None,
    ) -> None:
        self._hop = hop
        self._offload = offload
        self._outbox = outbox
        self._window = window
        self._dead_letter = dead_letter
        self._metrics = metrics
        self._reporter = reporter
        self._gate = gate
        self._sent = Recent()
        self._recent: deque[bool] = deque(maxlen=dead_letter.limit_window)
        self._pending: deque[_Held] = deque()
        self._pending_bytes = 0
        self._batches: deque[_Batch] = deque()
        self._dispatched = asyncio.Event()
        self._in_flight = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._slot = asyncio.Semaphore(window.in_flight)
        self._working = 0
        self._pool_room = asyncio.Semaphore(offload.processes + AHEAD)
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self._ended: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._stream: Any = None
        self._consumer: Consumer | None = None

    # --- Faust's side ---

    async def consume(self, stream: Any, consumer: Consumer) -> None:
        """Take events from the stream as fast as there is room for them, for ever.

        An end of any other kind than the worker's own stop ends the worker: an event may have been in hand, and Faust
        would start the agent again behind it.
        """
        self._stream, self._consumer = stream, consumer
        try:
            async for event in stream.noack().events():
                await self._take_in(event)
        except Exception as exc:
            self._end(exc)
        finally:
            self._end(RuntimeError("its stream ended"))
        await asyncio.Event().wait()

    async def _take_in(self, event: Any) -> None:
        message = event.message
        incoming = Incoming(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            timestamp_ms=int((message.timestamp or 0) * 1000),
            key=message.key,
            value=message.value,
            headers=tuple(_pairs(message.headers)),
        )
        await self._room.wait()
        if self._draining:
            await asyncio.Event().wait()  # unacked, so it comes again; returning would make Faust restart us
        self._admit(_Held(incoming, event))

    def _end(self, cause: Exception) -> None:
        if not self._draining and not self._ended.done():
            self._ended.set_result(cause)

    def _admit(self, held: _Held) -> None:
        self._metrics.received.labels(self._hop.name).inc()
        self._pending.append(held)
        self._pending_bytes += _size(held)
        self._count(+1)
        self._arrived.set()
        if len(self._pending) >= self._window.releases or self._pending_bytes >= self._window.bytes:
            self._room.clear()

    # --- Our side ---

    async def run(self) -> None:
        """Work, deliver, ack, for ever. Raises `Fatal` when the worker has to stop; nothing of that window is acked."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._dispatch(), name=f"dispatch {self._hop.name}")
            group.create_task(self._settle_in_order(), name=f"settle {self._hop.name}")
            group.create_task(self._watch_stream(), name=f"stream {self._hop.name}")

    async def _watch_stream(self) -> None:
        cause = await self._ended
        raise Fatal(Exit.FAILED, f"{self._hop.name} takes no more events: {cause!r}. Start the worker again") from cause

    async def drain(self, seconds: float) -> bool:
        """Take nothing new and wait for what is in our hands. Returns whether all of it was settled."""
        self._draining = True
        return await self.settled(seconds)

    async def settled(self, seconds: float) -> bool:
        """Wait until every event in our hands has its outcome on the broker, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def oldest(self) -> dict[int, float]:
        """Partition to the Unix time of the oldest event in our hands."""
        oldest: dict[int, float] = {}
        for held in (*(h for batch in self._batches for h in batch.held), *self._pending):
            at = held.incoming.timestamp_ms / 1000
            oldest[held.incoming.partition] = min(at, oldest.get(held.incoming.partition, at))
        return oldest

    async def _dispatch(self) -> None:
        """Windows of whatever has arrived by the time there is a slot: one release when idle, full ones under load."""
        while True:
            await self._slot.acquire()
            await self._pool_room.acquire()
            await self._arrived.wait()
            if self._in_flight == len(self._pending) < self._window.releases:
                await asyncio.sleep(self._window.linger_seconds)
            held = self._take()
            work = asyncio.create_task(self._work([h.incoming for h in held]))
            self._metrics.window_releases.labels(self._hop.name).observe(len(held))
            self._batches.append(_Batch(held, work))
            self._dispatched.set()

    async def _work(self, window: Sequence[Incoming]) -> list[Outcome]:
        self._working += 1
        try:
            return await self._offload.process(self._hop.name, window)
        finally:
            self._working -= 1
            self._pool_room.release()

    def _take(self) -> tuple[_Held, ...]:
        """The next window: what has arrived, shared between the processes that have nothing to do."""
        idle = max(1, self._offload.processes - self._working)
        most = min(self._window.releases, -(-len(self._pending) // idle))
        taken: list[_Held] = []
        size = 0
        while self._pending and len(taken) < most and size < self._window.bytes:
            held = self._pending.popleft()
            taken.append(held)
            size += _size(held)
        self._pending_bytes -= size
        self._room.set()
        if not self._pending:
            self._arrived.clear()
        return tuple(taken)

    async def _settle_in_order(self) -> None:
        """Deliver and ack the oldest window, and with it those behind it that are finished already.

        A delivery is a round trip to the broker: one for each window would bound the hop by it.
        """
        while True:
            await self._dispatched.wait()
            held: list[_Held] = []
            outcomes: list[Outcome] = []
            finished = 0
            while self._batches and (not finished or self._batches[0].outcomes.done()):
                batch = self._batches.popleft()
                outcomes += await batch.outcomes
                held += batch.held
                finished += 1
            if not self._batches:
                self._dispatched.clear()
            if self._gate is None:
                await self._deliver(held, outcomes)
                await self._ack(held, outcomes)
            else:
                await self._pass_gate(self._gate, held, outcomes)
            for _ in range(finished):
                self._slot.release()

    async def _pass_gate(self, gate: Gatekeeper, held: Sequence[_Held], outcomes: Sequence[Outcome]) -> None:
        for run in gate.runs(outcomes):
            while not await self._pass_run(gate, held[run], outcomes[run]):
                pass

    async def _pass_run(self, gate: Gatekeeper, held: Sequence[_Held], outcomes: Sequence[Outcome]) -> bool:
        """Judge, deliver and ack. Returns false when they may be others' by now: to be judged again."""
        async with gate.turn():
            judged = await gate.judge([h.incoming for h in held], outcomes)
            ours = [(h, outcome) for h, outcome in zip(held, judged, strict=True) if outcome is not None]
            try:
                await self._deliver([h for h, _ in ours], [outcome for _, outcome in ours])
            except Unavailable:
                gate.undecided()
                return False
            await self._ack([h for h, _ in ours], [outcome for _, outcome in ours])
        if left := len(judged) - len(ours):
            self._metrics.left.labels(self._hop.name).inc(left)
            self._count(-left)
        return True

    async def _deliver(self, held: Sequence[_Held], outcomes: Sequence[Outcome]) -> None:
        """Put every outcome on the broker. Dead letters first: if they cannot be produced, nothing is half done."""
        now = datetime.now(UTC)
        rejected = [(h, o) for h, o in zip(held, outcomes, strict=True) if isinstance(o, Rejected)]
        self._check_limit(outcomes)
        if rejected:
            letters = [
                events.dead_letter(self._hop.dead_letters, h.incoming, outcome, self._hop.group, now)
                for h, outcome in rejected
            ]
            await self._deliver_dead_letters(letters)
        done = [outcome for outcome in outcomes if isinstance(outcome, Done)]
        for messages in ([m for o in done for m in o.ahead], [m for o in done for m in o.messages]):
            if self._gate is None:
                await self._outbox.deliver(messages)
            else:
                self._gate.delivered(messages, await self._outbox.deliver(messages, self._gate.in_session))

    async def _deliver_dead_letters(self, letters: Sequence[Message]) -> None:
        try:
            async with asyncio.timeout(self._dead_letter.send_seconds):
                await self._outbox.deliver(letters)
        except (TimeoutError, Fatal) as exc:
            why = f"for {self._dead_letter.send_seconds:g} s" if isinstance(exc, TimeoutError) else f"({exc})"
            raise Fatal(
                Exit.DEAD_LETTER_UNAVAILABLE,
                f"{len(letters)} dead letters cannot be produced to {self._hop.dead_letters} {why}: stopped without "
                "acking them. Check the topic (newsmill topics verify), then start again",
            ) from exc

    def _check_limit(self, outcomes: Sequence[Outcome]) -> None:
        """Stop before the topic drains into the dead letters: a bad deploy, not bad releases, fails most of them."""
        self._recent.extend(isinstance(o, Rejected) and o.reason not in EXPECTED for o in outcomes)
        seen, dead = len(self._recent), sum(self._recent)
        if seen < self._dead_letter.limit_minimum:
            return
        self._metrics.dead_letter_share.labels(self._hop.name).set(dead / seen)
        if dead > self._dead_letter.limit_share * seen:
            reasons = {o.reason.value for o in outcomes if isinstance(o, Rejected)}
            raise Fatal(
                Exit.DEAD_LETTER_LIMIT,
                f"{dead} of the last {seen} releases became dead letters, above dead_letter.limit_share "
                f"{self._dead_letter.limit_share:g} (latest reasons: {', '.join(sorted(reasons))}): stopped, the rest "
                "is unacked. Look at them (newsmill dead-letters list), mend the cause, start again",
            )

    async def _ack(self, held: Sequence[_Held], outcomes: Sequence[Outcome]) -> None:
        hop, metrics, now = self._hop.name, self._metrics, time.time()
        assert self._consumer is not None
        sent, age = metrics.sent.labels(hop), metrics.age_seconds.labels(hop)
        for h, outcome in zip(held, outcomes, strict=True):
            self._consumer.settle(h.event.message)
            await self._stream.ack(h.event)
            age.observe(max(0.0, now - h.incoming.timestamp_ms / 1000))
            if self._reporter is not None:
                self._reporter.report(self._hop, h.incoming, outcome)
            metrics.count_stages(self._hop.stages, outcome.parse_seconds, outcome.stage_seconds)
            if isinstance(outcome, Rejected):
                metrics.dead_letters.labels(hop, outcome.stage, outcome.reason.value).inc()
                if outcome.reason in OURS:
                    _say(self._hop, h.incoming, outcome)
                continue
            if outcome.apart:
                metrics.taken_apart.labels(hop).inc()
                continue
            if outcome.findings is not None:
                metrics.count_findings(outcome.findings)
            if outcome.held:
                metrics.holds.labels(hop).inc()
                continue
            sent.inc()
            if outcome.kill:
                metrics.kills.labels(hop).inc()
            if outcome.findings is not None and outcome.findings.received_at is not None:
                waited = max(0.0, now - outcome.findings.received_at)
                metrics.end_to_end_seconds.labels(outcome.findings.language).observe(waited)
            if outcome.messages and self._sent.again(events.header(outcome.messages[0].headers, "ce_id")):
                metrics.duplicates.labels(hop).inc()
        self._count(-len(held))

    def _count(self, change: int) -> None:
        self._in_flight += change
        self._metrics.in_flight.labels(self._hop.name).set(self._in_flight)
        if self._in_flight:
            self._idle.clear()
        else:
            self._idle.set()


def _say(hop: Hop, incoming: Incoming, outcome: Rejected) -> None:
    """Say that a release failed on our account: where it stood, and nothing of what it says."""
    log.warning(
        "dead letter: look at it with newsmill dead-letters show",
        reason=outcome.reason.value,
        hop=hop.name,
        stage=outcome.stage,
        topic=incoming.topic,
        partition=incoming.partition,
        offset=incoming.offset,
        release=(incoming.key or b"").decode("utf-8", "replace"),
        trace=trace_id_of(events.header(incoming.headers, "traceparent")),
    )


def _size(held: _Held) -> int:
    return len(held.incoming.value or b"")


def _pairs(headers: Any) -> list[tuple[str, bytes | None]]:
    """Faust hands on what aiokafka read, a sequence of pairs, or a mapping."""
    return list(headers.items() if isinstance(headers, dict) else headers or ())
