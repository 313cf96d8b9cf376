"""Keeps the gate for the last hop: remembers releases in a compacted topic, holds embargoed ones in another.

Both topics have a partition for each of the hop's source, so whoever owns the source's partition owns these, too. What
is decided is put on the broker together with what goes out, and only then the event is acked: a crash in between
repeats an event, with the same `ce_id`, and loses nothing. docs/adr/0014-gate.md has the cases.
"""

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, get_args

import orjson
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.errors import Exit, Fatal
from streams.runtime import events, gate, kafka
from streams.runtime.events import Done, Incoming, Message, Outcome, Rejected
from streams.runtime.gate import Hold, Memory, Refuse, Send
from streams.runtime.hops import Hop
from streams.runtime.metrics import Metrics
from streams.runtime.outbox import Delivery
from streams.runtime.settings import Broker, Gate

log = structlog.get_logger()

LOOK_SECONDS = 0.1
"""How often we look for partitions gained and lost, and for hours that have come."""
AHEAD_SECONDS = 30.0
"""Bodies of what is due by then are fetched: at the hour itself only the sending is left to do."""
AT_ONCE = 500
"""Releases let out in one delivery: what came in meanwhile must not wait for a whole morning's embargoes."""
RETRY_SECONDS = 1.0

UNTIL, VERSION, TOPICS = "newsmill.held.until", "newsmill.held.version", "newsmill.held.topics"
HELD = (UNTIL, VERSION, TOPICS)


@dataclass(slots=True)
class _Held:
    """A release that is held, its body in `message` or on the broker at `offset`."""

    partition: int
    version: int
    until: datetime | None
    topics: frozenset[str]
    offset: int = -1
    """-1 until its delivery is known."""
    message: Message | None = None


class Gatekeeper:
    """The gate's memory, and the clock of what is held. One for a worker's last hop."""

    def __init__(
        self,
        hop: Hop,
        everywhere: Iterable[str],
        outbox: Delivery,
        broker: Broker,
        settings: Gate,
        metrics: Metrics,
        convert: Callable[[str, Message], Message],
    ) -> None:
        """`everywhere` are all topics that the hop writes; `convert` makes another topic's message of the main one."""
        self._hop = hop
        self._state, self._holding = hop.gate
        self._everywhere = frozenset(everywhere)
        self._outbox = outbox
        self._broker = broker
        self._settings = settings
        self._metrics = metrics
        self._convert = convert
        self._memories: OrderedDict[tuple[int, bytes], Memory] = OrderedDict()
        self._held: dict[tuple[int, bytes], _Held] = {}
        self._due: list[tuple[datetime, int, bytes]] = []
        self._kept_bytes = 0
        self._positions: dict[TopicPartition, int] = {}
        """Up to where we know the gate's topics: read, or written by ourselves."""
        self._ready: set[int] = set()
        self._ours: set[int] | None = None
        self._changed = asyncio.Condition()
        self._lock = asyncio.Lock()

    # --- for the loop ---

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Judge and deliver in one go: what is let out by the clock must not come between."""
        async with self._lock:
            yield

    async def judge(self, incoming: Sequence[Incoming], outcomes: Sequence[Outcome]) -> list[Outcome | None]:
        """Decide on a window, in order. None for an event whose partition has gone to another worker: its to do.

        Waits for partitions that are being taken over. Call within `turn`, deliver, and then tell `delivered`.
        """
        judged: list[Outcome | None] = []
        for event, outcome in zip(incoming, outcomes, strict=True):
            if not await self._is_ours(event.partition):
                judged.append(None)
            elif isinstance(outcome, Done) and outcome.passage is not None:
                judged.append(self._judge(event, outcome, outcome.passage))
            else:
                judged.append(outcome)
        return judged

    def delivered(self, messages: Sequence[Message], offsets: Sequence[int]) -> None:
        """Take note of where our own records ended up."""
        for message, offset in zip(messages, offsets, strict=True):
            if message.partition is None:
                continue
            tp = TopicPartition(message.topic, message.partition)
            if self._positions.get(tp) == offset:  # nobody else wrote in between
                self._positions[tp] = offset + 1
            held = self._held.get((message.partition, message.key or b""))
            if message.topic == self._holding and message.value is not None and held is not None:
                held.offset = offset

    def suspend(self) -> None:
        """Our partitions are being taken from us: let nothing out until we know which are ours again."""
        self._ready.clear()
        self._ours = None

    # --- the clock and the partitions ---

    async def run(self, owned: Callable[[], set[int] | None]) -> None:
        """Take over partitions, let go of lost ones, and let out what is due, for ever.

        `owned` tells which of the source's partitions are ours, None while the group makes up its mind.
        """
        while True:
            try:
                await self._follow(owned)
                await self._fetch_ahead()
                while await self._let_out():
                    pass
            except (KafkaError, OSError, TimeoutError) as exc:
                log.debug("the gate's topics cannot be read, trying again", hop=self._hop.name, error=str(exc))
                await asyncio.sleep(RETRY_SECONDS)
            except Fatal as exc:
                if exc.exit_code is not Exit.UNAVAILABLE:
                    raise
            self._metrics.held.set(len(self._held))
            await asyncio.sleep(LOOK_SECONDS)

    async def _follow(self, owned: Callable[[], set[int] | None]) -> None:
        ours = owned()
        if ours is None or ours == self._ours == self._ready:
            return
        for partition in {partition for partition, _ in (*self._memories, *self._held)} - ours:
            self._forget(partition)
        if gained := ours - self._ready:
            await self._catch_up(gained)
            if owned() != ours:
                return  # the group has changed again while we were reading
        async with self._changed:
            self._ready, self._ours = set(ours), set(ours)
            self._changed.notify_all()

    async def _is_ours(self, partition: int) -> bool:
        async with self._changed:
            await self._changed.wait_for(
                lambda: partition in self._ready or (self._ours is not None and partition not in self._ours)
            )
        return partition in self._ready

    def _forget(self, partition: int) -> None:
        for key in [key for key in self._memories if key[0] == partition]:
            del self._memories[key]
        for key in [key for key in self._held if key[0] == partition]:
            self._drop(key)
        for name in self._hop.gate:
            self._positions.pop(TopicPartition(name, partition), None)

    async def _catch_up(self, partitions: Iterable[int]) -> None:
        """Read what others wrote to the gate's topics since we last looked, up to their ends."""
        wanted = [TopicPartition(name, partition) for partition in sorted(partitions) for name in self._hop.gate]
        async with self._reader() as reader:
            reader.assign(wanted)
            ends = await reader.end_offsets(wanted)
            starts = await reader.beginning_offsets(wanted)
            for tp in wanted:
                at = max(self._positions.get(tp, 0), starts[tp])
                self._positions[tp] = at
                reader.seek(tp, at)
            pending = {tp for tp in wanted if self._positions[tp] < ends[tp]}
            while pending:
                for tp, records in (await reader.getmany(timeout_ms=500)).items():
                    for record in records:
                        self._take_in(tp, record)
                for tp in wanted:
                    self._positions[tp] = max(self._positions[tp], await reader.position(tp))
                pending = {tp for tp in pending if self._positions[tp] < ends[tp]}

    def _reader(self) -> Any:
        return kafka.consumer(
            self._broker, enable_auto_commit=False, max_partition_fetch_bytes=4 << 20, auto_offset_reset="earliest"
        )

    def _take_in(self, tp: TopicPartition, record: Any) -> None:
        key = (tp.partition, record.key or b"")
        if tp.topic == self._state:
            memory = _read_state(record.value)
            known = self._memories.get(key)
            # A worker that was cut off may write late: a lower version never takes a higher one's place.
            if memory is not None and (known is None or memory.version >= known.version):
                self._remember(key, memory)
        elif record.value is None:
            self._drop(key)
        else:
            headers = tuple(record.headers)
            until = events.header(headers, UNTIL)
            message = Message(
                self._hop.target, record.key, record.value, tuple(pair for pair in headers if pair[0] not in HELD)
            )
            held = _Held(
                partition=tp.partition,
                version=int(events.header(headers, VERSION) or 0),
                until=datetime.fromisoformat(until) if until else None,
                topics=frozenset(events.header(headers, TOPICS).split()),
                offset=record.offset,
            )
            self._keep(key, held, message)

    # --- decisions ---

    def _judge(self, event: Incoming, outcome: Done, passage: gate.Passage) -> Outcome:
        main = outcome.messages[0]
        key = (event.partition, main.key or b"")
        memory = self._memories.get(key)
        matched = frozenset(message.topic for message in outcome.messages)
        if passage.tombstone or passage.status == "canceled":
            matched = frozenset({main.topic}) if memory else self._everywhere
        verdict = gate.judge(memory, passage, matched, self._everywhere, datetime.now(UTC), holding=self._settings.hold)
        match verdict:
            case Refuse():
                return Rejected(
                    verdict.reason,
                    verdict.detail,
                    gate.GATE,
                    trace=outcome.trace,
                    began_ns=outcome.began_ns,
                    stage_seconds=outcome.stage_seconds,
                    parse_seconds=outcome.parse_seconds,
                )
            case Hold():
                held = _Held(event.partition, passage.version, verdict.until, matched)
                self._drop(key)
                self._keep(key, held, main)
                messages = [self._held_record(key, held, main)]
            case Send():
                messages = self._outgoing(outcome.messages, verdict)
                if key in self._held:
                    self._drop(key)
                    messages.append(Message(self._holding, main.key, None, (), event.partition))
        self._remember(key, verdict.memory)
        messages.append(self._state_record(key, verdict.memory))
        return replace(outcome, messages=tuple(messages), held=isinstance(verdict, Hold))

    def _outgoing(self, messages: Sequence[Message], verdict: Send) -> list[Message]:
        """The messages of a verdict: those that were made, and others for topics that an earlier version reached."""
        main = messages[0]
        made = {message.topic: message for message in messages}
        # A topic that was remembered may be gone from the routes by now.
        out = [made.get(topic) or self._convert(topic, main) for topic in sorted(verdict.topics & self._everywhere)]
        if not verdict.corrects:
            return out
        corrects = (events.CORRECTS, str(verdict.corrects).encode())
        return [replace(message, headers=(*message.headers, corrects)) for message in out]

    def _state_record(self, key: tuple[int, bytes], memory: Memory) -> Message:
        state = {
            "version": memory.version,
            "status": memory.status,
            "sent": memory.sent,
            "topics": sorted(memory.topics),
        }
        return Message(self._state, key[1], orjson.dumps(state), (), key[0])

    def _held_record(self, key: tuple[int, bytes], held: _Held, main: Message) -> Message:
        headers = (
            *main.headers,
            (UNTIL, held.until.astimezone(UTC).isoformat().encode() if held.until else b""),
            (VERSION, str(held.version).encode()),
            (TOPICS, " ".join(sorted(held.topics)).encode()),
        )
        return Message(self._holding, key[1], main.value, headers, key[0])

    def _remember(self, key: tuple[int, bytes], memory: Memory) -> None:
        self._memories[key] = memory
        self._memories.move_to_end(key)
        while len(self._memories) > self._settings.remember:
            self._memories.popitem(last=False)

    def _keep(self, key: tuple[int, bytes], held: _Held, message: Message) -> None:
        self._drop(key)
        if self._kept_bytes + message.size <= self._settings.held_bytes:
            held.message = message
            self._kept_bytes += message.size
        self._held[key] = held
        if held.until is not None:
            heapq.heappush(self._due, (held.until, *key))

    def _drop(self, key: tuple[int, bytes]) -> None:
        held = self._held.pop(key, None)
        if held is not None and held.message is not None:
            self._kept_bytes -= held.message.size

    # --- letting out ---

    async def _fetch_ahead(self) -> None:
        soon = datetime.now(UTC).timestamp() + AHEAD_SECONDS
        wanted = [
            held
            for until, partition, key in heapq.nsmallest(AT_ONCE, self._due)
            if until.timestamp() <= soon
            and (held := self._held.get((partition, key))) is not None
            and held.message is None
            and held.offset >= 0
        ]
        if wanted:
            await self._fetch(wanted)

    async def _fetch(self, wanted: Sequence[_Held]) -> None:
        async with self._reader() as reader:
            for held in sorted(wanted, key=lambda held: (held.partition, held.offset)):
                tp = TopicPartition(self._holding, held.partition)
                reader.assign([tp])
                reader.seek(tp, held.offset)
                record = await asyncio.wait_for(reader.getone(), self._broker.request_seconds)
                if record.offset == held.offset and record.value is not None:
                    headers = tuple(pair for pair in record.headers if pair[0] not in HELD)
                    held.message = Message(self._hop.target, record.key, record.value, headers)
                    self._kept_bytes += held.message.size

    async def _let_out(self) -> bool:
        """Let out what is due. Returns whether there may be more."""
        if not self._due or self._due[0][0] > datetime.now(UTC):
            return False
        async with self._lock:
            now = datetime.now(UTC)
            messages: list[Message] = []
            done: list[tuple[datetime, tuple[int, bytes]]] = []
            while self._due and self._due[0][0] <= now and len(done) < AT_ONCE:
                until, partition, name = heapq.heappop(self._due)
                key = (partition, name)
                held = self._held.get(key)
                if held is None or held.until != until or partition not in self._ready:
                    continue  # replaced, killed, or somebody else's by now; ours again, it is read again
                if held.message is None:
                    await self._fetch([held])
                verdict = gate.release(self._memories.get(key), held.version, held.topics)
                if verdict is not None and held.message is not None:
                    messages += self._outgoing([held.message], verdict)
                    messages.append(self._state_record(key, verdict.memory))
                    self._remember(key, verdict.memory)
                    done.append((until, key))
                messages.append(Message(self._holding, name, None, (), partition))
                self._drop(key)
            self.delivered(messages, await self._outbox.deliver(messages))
        for until, _ in done:
            self._metrics.released.inc()
            self._metrics.release_late_seconds.observe(max(0.0, (datetime.now(UTC) - until).total_seconds()))
        return bool(done)


def _read_state(value: bytes | None) -> Memory | None:
    """Read a state record; None for what is none of ours."""
    try:
        state = orjson.loads(value or b"null")
        if state["status"] not in get_args(gate.Status):
            return None
        return Memory(int(state["version"]), state["status"], int(state["sent"]), frozenset(state["topics"]))
    except (ValueError, TypeError, KeyError):
        return None
