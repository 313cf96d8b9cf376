"""Keeps the gate for the last hop: remembers releases in a compacted topic, holds embargoed ones in another.

Both topics have a partition for each of the hop's source, so whoever owns the source's partition owns these, too. What
is decided is on the broker before anything goes out, and only when that is there, too, the event is acked: a crash in
between repeats an event, with the same `ce_id`. With what is held it is the other way round, because nothing comes
again for it: sent, then remembered, then let go. docs/adr/0014-gate.md has the cases.
"""

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, get_args

import orjson
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.errors import Exit, Fatal, Unavailable
from streams.runtime import events, gate, kafka, reading
from streams.runtime.events import Done, Incoming, Message, Outcome, Rejected
from streams.runtime.gate import Hold, Memory, Pass, Refuse, Send
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
AT_ONCE_BYTES = 16_777_216
"""Let out in one delivery: what came in meanwhile must not wait for a whole morning's embargoes."""
RETRY_SECONDS = 1.0
NEARBY_OFFSETS = 200
"""Up to so many events ahead, reading on is cheaper than a new fetch."""

UNTIL, VERSION, TOPICS = "newsmill.held.until", "newsmill.held.version", "newsmill.held.topics"
HELD = (UNTIL, VERSION, TOPICS)


@dataclass(slots=True)
class _Held:
    """A release that is held, its body in `message` or on the broker at `offset`."""

    partition: int
    version: int
    until: datetime | None
    topics: frozenset[str]
    size: int
    """Bytes of the message."""
    offset: int = -1
    """-1 until its delivery is known."""
    message: Message | None = None


_Key = tuple[int, bytes]
"""Partition and release id."""
_Entry = tuple[datetime, int, bytes]
"""Hour, partition and release id."""


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
        self._memories: OrderedDict[_Key, Memory] = OrderedDict()
        self._decided: set[_Key] = set()
        """Decided on, and not yet on the broker: what is read there is older."""
        self._held: dict[_Key, _Held] = {}
        self._due: list[_Entry] = []
        """A heap; some are out of date: what they stand for was replaced or killed."""
        self._near: list[_Entry] = []
        """A heap of those that are due within `AHEAD_SECONDS`."""
        self._topic_sets: dict[frozenset[str], frozenset[str]] = {}
        """Each set of topics once: there are few, and releases by the hundred thousand."""
        self._kept_bytes = 0
        self._positions: dict[TopicPartition, int] = {}
        """Up to where we know the gate's topics: read, or written by ourselves."""
        self._ready: set[int] = set()
        self._ours: set[int] | None = None
        self._suspended = 0
        """How often."""
        self.in_session: Callable[[], bool] = lambda: False
        """Whether the group has heard of us lately enough to leave our partitions to us."""
        self._changed = asyncio.Condition()
        self._lock = asyncio.Lock()

    # --- for the loop ---

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Judge and deliver in one go: what is let out by the clock must not come between.

        A worker that stood still for a session (frozen, or cut off from its coordinator) wakes up believing in what
        others have killed or corrected since: it first learns what is its own, and reads what they wrote.
        """
        async with self._lock:
            if not self.in_session():
                self.suspend()
            yield

    async def judge(self, incoming: Sequence[Incoming], outcomes: Sequence[Outcome]) -> list[Outcome | None]:
        """Decide on events, in order. None for one whose partition has gone to another worker: its to do.

        Waits for partitions that are being taken over. Call within `turn` and with one of `runs`; put what is `ahead`
        on the broker, then the messages; tell `delivered` of both.
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
            key = (message.partition, message.key or b"")
            held = self._held.get(key)
            if message.topic == self._state:
                self._decided.discard(key)
            elif message.value is not None and held is not None:
                held.offset = offset

    def undecided(self) -> None:
        """What was decided last did not reach the broker, and may be decided by others: their word counts."""
        self._decided.clear()

    @staticmethod
    def runs(outcomes: Sequence[Outcome]) -> Iterator[slice]:
        """Cut a window so that no release comes twice in a run.

        What one version does must be on the broker before the next is decided: else a crash could leave the next
        one's memory there and nothing of the first.
        """
        start, seen = 0, set[bytes | None]()
        for at, outcome in enumerate(outcomes):
            if not isinstance(outcome, Done) or outcome.passage is None:
                continue
            key = outcome.messages[0].key
            if key in seen:
                yield slice(start, at)
                start, seen = at, set()
            seen.add(key)
        if start < len(outcomes):
            yield slice(start, len(outcomes))

    def suspend(self) -> None:
        """Our partitions are being taken from us: let nothing out until we know which are ours again."""
        self._ready.clear()
        self._ours = None
        self._suspended += 1

    # --- the clock and the partitions ---

    async def run(self, owned: Callable[[], set[int] | None], in_session: Callable[[], bool]) -> None:
        """Take over partitions, let go of lost ones, and let out what is due, for ever.

        `owned` tells which of the source's partitions are ours, None while the group makes up its mind; `in_session`,
        whether the group has heard of us lately enough to leave them to us.
        """
        self.in_session = in_session
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again_and_again(lambda: self._follow(owned)), name=f"partitions {self._hop.name}")
            group.create_task(self._again_and_again(self._fetch_ahead), name=f"held {self._hop.name}")
            group.create_task(self._tick(), name=f"clock {self._hop.name}")

    async def _again_and_again(self, read: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await read()
            except (KafkaError, OSError, TimeoutError) as exc:
                log.debug("the gate's topics cannot be read, trying again", hop=self._hop.name, error=str(exc))
                await asyncio.sleep(RETRY_SECONDS)
            except Fatal as exc:  # no broker answers
                if exc.exit_code is not Exit.UNAVAILABLE:
                    raise
            await asyncio.sleep(LOOK_SECONDS)

    async def _tick(self) -> None:
        while True:
            while await self._let_out():
                pass
            self._metrics.held.set(len(self._held))
            await asyncio.sleep(LOOK_SECONDS)

    async def _follow(self, owned: Callable[[], set[int] | None]) -> None:
        ours = owned()
        if ours is None or ours == self._ours == self._ready or not self.in_session():
            return
        for partition in {partition for partition, _ in (*self._memories, *self._held)} - ours:
            self._forget(partition)
        if gained := ours - self._ready:
            suspended = self._suspended
            await self._catch_up(gained)
            if owned() != ours or suspended != self._suspended or not self.in_session():
                return  # the group has changed while we were reading
        async with self._changed:
            self._ready, self._ours = set(ours), set(ours)
            self._changed.notify_all()

    async def _is_ours(self, partition: int) -> bool:
        if partition in self._ready:
            return True
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
        self._decided = {key for key in self._decided if key[0] != partition}
        for name in self._hop.gate:
            self._positions.pop(TopicPartition(name, partition), None)

    async def _catch_up(self, partitions: Iterable[int]) -> None:
        """Read what others wrote to the gate's topics since we last looked, up to their ends."""
        wanted = [TopicPartition(name, partition) for partition in sorted(partitions) for name in self._hop.gate]
        async with self._reader() as reader:
            reader.assign(wanted)
            ends = await reading.ends(reader, wanted)
            starts = await reader.beginning_offsets(wanted)
            for tp in wanted:
                at = max(self._positions.get(tp, 0), starts[tp])
                self._positions[tp] = at
                reader.seek(tp, at)
            pending = {tp for tp in wanted if self._positions[tp] < ends[tp]}
            while pending:
                for tp, records in (await reader.getmany(timeout_ms=reading.POLL_MS)).items():
                    for record in records:
                        self._take_in(tp, record)
                for tp in wanted:
                    self._positions[tp] = max(self._positions[tp], await reader.position(tp))
                pending = {tp for tp in pending if self._positions[tp] < ends[tp]}

    def _reader(self) -> Any:
        return kafka.consumer(
            self._broker,
            enable_auto_commit=False,
            max_partition_fetch_bytes=4 << 20,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=reading.POLL_MS,
        )

    def _take_in(self, tp: TopicPartition, record: Any) -> None:
        key = (tp.partition, record.key or b"")
        if key in self._decided:
            return
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
            message = self._message_of(record)
            held = _Held(
                partition=tp.partition,
                version=int(events.header(headers, VERSION) or 0),
                until=datetime.fromisoformat(until) if until else None,
                topics=self._once(frozenset(events.header(headers, TOPICS).split())),
                size=message.size,
                offset=record.offset,
            )
            self._keep(key, held, message)

    def _message_of(self, record: Any) -> Message:
        """The main topic's message, as it was before it was held."""
        headers = tuple(pair for pair in record.headers if pair[0] not in HELD)
        return Message(self._hop.target, record.key, record.value, headers)

    # --- decisions ---

    def _judge(self, event: Incoming, outcome: Done, passage: gate.Passage) -> Outcome:
        main = outcome.messages[0]
        key = (event.partition, main.key or b"")
        now = datetime.now(UTC)
        held = self._held.get(key)
        memory = self._memories.get(key)
        if held is not None and held.until is not None and held.until <= now:
            # It may have gone out just before a crash: whatever comes now must reach its topics.
            sent = gate.release(memory, held.version, held.topics)
            memory = sent.memory if sent else memory
        matched = frozenset(message.topic for message in outcome.messages)
        holding = self._settings.hold and (held is not None or len(self._held) < self._settings.held)
        verdict = gate.judge(memory, passage, matched, self._everywhere, now, holding=holding)
        ahead: list[Message] = []
        match verdict:
            case Pass():
                return replace(outcome, messages=())
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
                new = _Held(event.partition, passage.version, verdict.until, self._once(matched), main.size)
                self._keep(key, new, main)
                ahead.append(self._held_record(key, new, main))
                messages = self._withdrawal(event, main, verdict.withdraw, now)
            case Send():
                messages = self._outgoing(outcome.messages, verdict)
                if held is not None:
                    self._drop(key)
                    messages.append(Message(self._holding, main.key, None, (), event.partition))
        self._remember(key, verdict.memory)
        self._decided.add(key)
        ahead.append(self._state_record(key, verdict.memory))
        return replace(outcome, messages=tuple(messages), ahead=tuple(ahead), held=isinstance(verdict, Hold))

    def _withdrawal(self, event: Incoming, main: Message, topics: frozenset[str], now: datetime) -> list[Message]:
        if not topics:
            return []
        headers = events.kill_event(event, events.header(main.headers, "ce_type"), self._hop.name, now)
        return [Message(topic, main.key, None, headers) for topic in sorted(topics & self._everywhere)]

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

    def _state_record(self, key: _Key, memory: Memory) -> Message:
        state = {
            "version": memory.version,
            "status": memory.status,
            "sent": memory.sent,
            "topics": sorted(memory.topics),
            "corrects": memory.corrects,
            "marks": memory.marks,
        }
        return Message(self._state, key[1], orjson.dumps(state), (), key[0])

    def _held_record(self, key: _Key, held: _Held, main: Message) -> Message:
        headers = (
            *main.headers,
            (UNTIL, held.until.astimezone(UTC).isoformat().encode() if held.until else b""),
            (VERSION, str(held.version).encode()),
            (TOPICS, " ".join(sorted(held.topics)).encode()),
        )
        return Message(self._holding, key[1], main.value, headers, key[0])

    def _remember(self, key: _Key, memory: Memory) -> None:
        self._memories[key] = replace(memory, topics=self._once(memory.topics))
        self._memories.move_to_end(key)
        for old in list(islice(self._memories, max(0, len(self._memories) - self._settings.remember))):
            if old in self._held:
                self._memories.move_to_end(old)
            else:
                del self._memories[old]

    def _once(self, topics: frozenset[str]) -> frozenset[str]:
        return self._topic_sets.setdefault(topics, topics)

    def _keep(self, key: _Key, held: _Held, message: Message) -> None:
        self._drop(key)
        if self._kept_bytes + message.size <= self._settings.held_bytes:
            held.message = message
            self._kept_bytes += message.size
        self._held[key] = held
        if held.until is not None:
            heapq.heappush(self._due, (held.until, *key))

    def _drop(self, key: _Key) -> None:
        held = self._held.pop(key, None)
        if held is not None and held.message is not None:
            self._kept_bytes -= held.message.size

    # --- letting out ---

    def _current(self, entry: _Entry) -> _Held | None:
        """What an entry stands for, if it still stands for something."""
        held = self._held.get(entry[1:])
        return held if held is not None and held.until == entry[0] else None

    def _bring_near(self, until: datetime) -> None:
        while self._due and self._due[0][0] <= until:
            heapq.heappush(self._near, heapq.heappop(self._due))

    async def _fetch_ahead(self) -> None:
        """Fetch the bodies of what is due soon, as many as will be let out at once."""
        self._bring_near(datetime.now(UTC) + timedelta(seconds=AHEAD_SECONDS))
        wanted: list[tuple[_Key, _Held]] = []
        size = 0
        for entry in heapq.nsmallest(AT_ONCE, self._near):
            held = self._current(entry)
            if held is None or entry[1] not in self._ready:
                continue
            size += held.size
            if size > AT_ONCE_BYTES and size > held.size:
                break  # what is due first is fetched first
            if held.message is None and held.offset >= 0:
                wanted.append((entry[1:], held))
        if wanted:
            await self._fetch(wanted)

    async def _fetch(self, wanted: Iterable[tuple[_Key, _Held]]) -> None:
        async with self._reader() as reader:
            at: tuple[int, int] | None = None
            for key, held in sorted(wanted, key=lambda each: (each[1].partition, each[1].offset)):
                tp = TopicPartition(self._holding, held.partition)
                if at is None or at[0] != held.partition:
                    reader.assign([tp])
                if at is None or at[0] != held.partition or not at[1] <= held.offset <= at[1] + NEARBY_OFFSETS:
                    reader.seek(tp, held.offset)
                record = await self._read_to(reader, tp, held.offset)
                at = (held.partition, record.offset + 1) if record else None
                if self._held.get(key) is not held:
                    continue  # something has come in its place
                if record is None or record.offset != held.offset or record.key != key[1] or record.value is None:
                    await self._look_again(key, held)
                    continue
                held.message = self._message_of(record)
                self._kept_bytes += held.message.size

    async def _read_to(self, reader: Any, tp: TopicPartition, offset: int) -> Any:
        """The record at this offset, or the first one after it; None where the partition ends before."""
        async with asyncio.timeout(self._broker.request_seconds):
            while True:
                found = (await reader.getmany(tp, timeout_ms=reading.POLL_MS, max_records=1)).get(tp)
                if found and found[0].offset >= offset:
                    return found[0]
                end = reader.highwater(tp)
                if not found and end is not None and await reader.position(tp) >= end:
                    return None

    async def _look_again(self, key: _Key, held: _Held) -> None:
        """Its place is empty: another worker has written it once more, or it is gone."""
        await self._catch_up({held.partition})
        if self._held.get(key) is held:
            log.error(
                "a held release is not on its topic any more: it cannot be let out",
                release=key[1].decode("utf-8", "replace"),
                topic=self._holding,
                partition=held.partition,
                offset=held.offset,
            )
            self._drop(key)

    async def _let_out(self) -> bool:
        """Let out what is due. Returns whether there may be more."""
        now = datetime.now(UTC)
        self._bring_near(now)
        if not (self._near and self._near[0][0] <= now):
            return False
        async with self.turn():
            now = datetime.now(UTC)
            self._bring_near(now)
            due, waiting = self._take_due(now)
            unsent = due
            try:
                await self._send_due(list(dict.fromkeys(entry[1:] for entry in due)))
                unsent = []
            except Unavailable:  # others may have them by now
                return False
            finally:
                for entry in (*waiting, *unsent):
                    heapq.heappush(self._near, entry)
        for until, *_ in due:
            self._metrics.released.inc()
            self._metrics.release_late_seconds.observe(max(0.0, (datetime.now(UTC) - until).total_seconds()))
        return bool(due)

    def _take_due(self, now: datetime) -> tuple[list[_Entry], list[_Entry]]:
        """Take entries whose hour has come off the heap. Returns those that can go, and those that have to wait."""
        due: list[_Entry] = []
        waiting: list[_Entry] = []
        size = 0
        while self._near and self._near[0][0] <= now and len(due) < AT_ONCE and size < AT_ONCE_BYTES:
            entry = heapq.heappop(self._near)
            held = self._current(entry)
            if held is None:
                continue
            if held.message is None or held.partition not in self._ready:
                waiting.append(entry)
                continue
            due.append(entry)
            size += held.message.size
        return due, waiting

    async def _send_due(self, keys: Sequence[_Key]) -> None:
        """Send, remember, let go, each when the one before is on the broker: nothing comes again for what is held."""
        out: list[Message] = []
        memories: dict[_Key, Memory] = {}
        for key in keys:
            held = self._held[key]
            verdict = gate.release(self._memories.get(key), held.version, held.topics)
            if verdict is not None and held.message is not None:
                out += self._outgoing([held.message], verdict)
                memories[key] = verdict.memory
        await self._outbox.deliver(out, self.in_session)
        await self._put([self._state_record(key, memory) for key, memory in memories.items()])
        for key, memory in memories.items():
            self._remember(key, memory)
        for key in keys:
            self._drop(key)
        await self._put([Message(self._holding, name, None, (), partition) for partition, name in keys])

    async def _put(self, messages: Sequence[Message]) -> None:
        self.delivered(messages, await self._outbox.deliver(messages, self.in_session))


def _read_state(value: bytes | None) -> Memory | None:
    """Read a state record; None for what is none of ours."""
    try:
        state = orjson.loads(value or b"null")
        if state["status"] not in get_args(gate.Status):
            return None
        return Memory(
            version=int(state["version"]),
            status=state["status"],
            sent=int(state["sent"]),
            topics=frozenset(state["topics"]),
            corrects=int(state.get("corrects", 0)),
            marks=tuple(state.get("marks", ())),
        )
    except (ValueError, TypeError, KeyError):
        return None
