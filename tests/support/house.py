"""A Newsmill of a test's own: topics with a prefix of their own, workers as real processes, and what they did."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka import ConsumerRecord as _ConsumerRecord

from streams.runtime import events, hops, kafka, routes, settings, topics
from streams.runtime.embedded import free_port, spawn
from streams.runtime.settings import Settings

ConsumerRecord = _ConsumerRecord[Any, Any]

READY_SECONDS = 60.0
"""To join a group on a loaded machine, with a broker that still holds a killed member for its session timeout."""

FUSED = [["detect_language", "strip_boilerplate", "tag_entities"]]


@dataclass
class Worker:
    """A worker process."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of the worker's listener; (0, "") while nobody listens."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read().decode()
        except OSError:
            return 0, ""

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until all hops have joined."""
        deadline = time.monotonic() + seconds
        while self.get("/readyz")[0] != 200:
            assert self.process.poll() is None, f"the worker ended with {self.process.returncode}:\n{self.output()}"
            assert time.monotonic() < deadline, f"not ready in {seconds} s: {self.get('/readyz')}\n{self.output()}"
            time.sleep(0.05)

    def metric(self, name: str, **labels: str) -> float:
        """Sum of a metric's samples with these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            head, _, value = line.rpartition(" ")
            if head.partition("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                total += float(value)
        return total

    def stop(self, seconds: float = 15.0) -> tuple[int, float]:
        """SIGTERM; returns the exit code and how long it took."""
        began = time.monotonic()
        self.process.terminate()
        code = self.wait(seconds)
        return code, time.monotonic() - began

    def wait(self, seconds: float) -> int:
        """Wait for the end. Returns the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the worker did not end in {seconds} s:\n{self.output()}") from None

    def kill(self) -> None:
        """SIGKILL, as the kernel does it when memory is short."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def output(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-6000:]


QUICK = {"stages.tag_entities": {"tier": "fast"}}
"""The runtime is on trial here, not the taggers."""


@dataclass
class House:
    """Topics and settings on a broker, and the workers of one test."""

    bootstrap: str
    folder: Path
    overrides: dict[str, Any] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """The settings that the workers run with."""
        return settings.load(self.file)

    @property
    def file(self) -> Path:
        """The settings file that the workers read."""
        path = self.folder / "newsmill.toml"
        text = _toml(QUICK | self.overrides)
        if not path.exists() or path.read_text() != text:  # a worker that is just starting must not read half of it
            path.write_text(text)
        return path

    @property
    def plan(self) -> tuple[hops.Hop, ...]:
        """The hops."""
        return hops.plan(self.settings)

    @property
    def raw(self) -> str:
        """The topic that releases come in on."""
        return self.plan[0].source

    @property
    def enriched(self) -> str:
        """The topic that enriched events leave by."""
        return self.plan[-1].target

    @property
    def dead(self) -> str:
        """The dead-letter topic."""
        return self.plan[0].dead_letters

    def table(self) -> tuple[topics.Topic, ...]:
        """Every topic of this house."""
        return topics.table(self.settings, routes.load(self.settings.data, self.settings.topics.prefix))

    async def create_topics(self, but: Sequence[str] = ()) -> None:
        """Create the topics, except some."""
        await topics.create(self.settings, [topic for topic in self.table() if topic.name not in but])

    def start(self, *arguments: str, module: str = "tests.support.hostile", ready: bool = True) -> Worker:
        """Start a worker process; wait until it is ready unless told otherwise."""
        port = free_port()
        log = self.folder / f"worker-{len(self.workers)}.log"
        command = (sys.executable, "-m", module, "--config", str(self.file), "worker", *arguments)
        process = spawn(command, log, environment={"NEWSMILL_HTTP__PORT": str(port), "NO_COLOR": "1"}).process
        worker = Worker(process, f"http://127.0.0.1:{port}", log)
        self.workers.append(worker)
        if ready:
            worker.wait_ready()
        return worker

    async def send(self, *releases: "Release", topic: str | None = None, compression: str = "none") -> None:
        """Produce releases, each delivery awaited, in order per key."""
        name = topic or self.raw
        async with self.producer(compression) as producer:
            futures = []
            for release in releases:
                if release.key is None and release.value is None:  # other clients can send this, aiokafka's `send` not
                    batch = producer.create_batch()
                    batch.append(key=None, value=None, timestamp=None)
                    futures.append(await producer.send_batch(batch, name, partition=0))
                else:
                    headers = list(release.headers)
                    futures.append(await producer.send(name, release.value, key=release.key, headers=headers))
            await asyncio.gather(*futures)

    def producer(self, compression: str = "none") -> "contextlib.AbstractAsyncContextManager[AIOKafkaProducer]":
        """A producer for anything up to the largest message."""
        # Not idempotent, so that tests may change a batch by hand: sequence numbers are written into it on sending.
        broker = self.settings.broker.model_copy(update={"compression": compression, "idempotent": False})
        return kafka.producer(broker, topics.dead_letter_bytes(self.settings))

    async def read(self, *names: str, count: int, seconds: float = 60.0, extra: float = 0.0) -> list[ConsumerRecord]:
        """Read topics from their start until `count` distinct keys were seen, and `extra` seconds more."""
        found: list[ConsumerRecord] = []
        keys: set[tuple[str, bytes | None]] = set()
        async with kafka.consumer(
            self.settings.broker, *names, auto_offset_reset="earliest", max_partition_fetch_bytes=64 << 20
        ) as consumer:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if len(keys) >= count:
                    deadline = min(deadline, time.monotonic() + extra)
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend(records)
                    keys |= {(r.topic, r.key) for r in records}
                if len(keys) >= count and extra == 0:
                    break
        return found

    async def outcomes(self, count: int, seconds: float = 60.0, extra: float = 0.0) -> "Outcomes":
        """What became of the releases: waits until `count` of them are enriched or dead letters."""
        records = await self.read(self.enriched, self.dead, count=count, seconds=seconds, extra=extra)
        outcomes = Outcomes()
        for record in records:
            if record.topic == self.dead:
                outcomes.dead.setdefault(record.key, []).append(record)
            else:
                outcomes.enriched.setdefault(record.key, []).append(record)
        return outcomes

    async def committed(self, hop: int = -1) -> tuple[int, int]:
        """(committed, end) summed over the partitions of a hop's source."""
        plan = self.plan[hop]
        async with kafka.admin(self.settings.broker) as admin, kafka.consumer(self.settings.broker) as consumer:
            partitions = [TopicPartition(plan.source, p) for p in range(self.settings.topics.partitions)]
            ends = await consumer.end_offsets(partitions)
            offsets = await admin.list_consumer_group_offsets(plan.group, partitions=partitions)
        return sum(max(0, meta.offset) for meta in offsets.values()), sum(ends.values())

    async def wait_committed(self, hop: int = -1, seconds: float = 30.0) -> None:
        """Wait until the hop's group has committed all there is.

        Not on the embedded broker: its end offset is the last batch's first offset plus one.
        """
        if not self.settings.broker.idempotent:
            return
        deadline = time.monotonic() + seconds
        while True:
            committed, end = await self.committed(hop)
            if committed == end:
                return
            assert time.monotonic() < deadline, f"committed {committed} of {end}"
            await asyncio.sleep(0.2)

    def close(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()


@dataclass(frozen=True)
class Release:
    """Something to produce."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def of(
        cls, identifier: str, text: str = "The plant in Busan opens on Monday, the company said.", **more: Any
    ) -> "Release":
        """A JSON release."""
        value = orjson.dumps({"id": identifier, "text": text, **more})
        return cls(identifier.encode(), value, (("content-type", b"application/json"),))


@dataclass
class Outcomes:
    """Enriched events and dead letters by key."""

    enriched: dict[bytes | None, list[ConsumerRecord]] = field(default_factory=dict)
    dead: dict[bytes | None, list[ConsumerRecord]] = field(default_factory=dict)

    @property
    def keys(self) -> set[bytes | None]:
        """Everything that came out, one way or the other."""
        return set(self.enriched) | set(self.dead)

    def reason(self, key: bytes | None) -> str:
        """Why the release is a dead letter; empty if it is none."""
        return events.header(self.dead[key][-1].headers, f"{events.DLQ}reason") if key in self.dead else ""

    def duplicates(self) -> int:
        """Events beyond one per key."""
        counts = Counter(r.key for records in (*self.enriched.values(), *self.dead.values()) for r in records)
        return sum(counts.values()) - len(counts)


@contextmanager
def house(bootstrap: str, folder: Path, prefix: str, **overrides: Any) -> Iterator[House]:
    """A house on this broker, with small fast defaults; tables in `overrides` are merged over them."""
    defaults: dict[str, dict[str, Any]] = {
        "broker": {"bootstrap": bootstrap, "session_seconds": 6.0, "request_seconds": 10.0},
        "topics": {"prefix": prefix, "partitions": 3},
        "group": {"id": prefix},
        "pool": {"processes": 2, "release_seconds": 2.0},
        "metrics": {"last_scrape_seconds": 0.0},
        "log": {"format": "json"},
    }
    merged: dict[str, Any] = dict(defaults)
    for table, values in overrides.items():
        merged[table] = {**defaults.get(table, {}), **values} if isinstance(values, dict) else values
    made = House(bootstrap, folder, merged)
    try:
        yield made
    finally:
        made.close()


def _toml(tables: dict[str, Any]) -> str:
    plain = {k: v for k, v in tables.items() if not isinstance(v, dict)}
    lines = [f"{key} = {orjson.dumps(value).decode()}" for key, value in plain.items()]
    for table, values in tables.items():
        if isinstance(values, dict):
            lines += [f"[{table}]", *(f"{key} = {orjson.dumps(value).decode()}" for key, value in values.items())]
    return "\n".join(lines) + "\n"
