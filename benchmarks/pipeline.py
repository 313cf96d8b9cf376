"""What the runtime costs: releases per second of a worker against its own stages, in one run on one machine.

    python -m benchmarks.pipeline [--releases 4000] [--rounds 3]

Compared, all on the same releases, the same number of processes, the same broker (Apache Kafka, started here):

  stages    the pure stages in a loop, one process per core: what the cores can do
  bare      a bare aiokafka loop that calls the same stages in a process pool, commits per batch, no guard at all
  fused     `newsmill worker` with one hop of three stages
  hops      `newsmill worker` with three hops

and the latency raw -> enriched of the fused worker at half of its own throughput. Ratios count, not the numbers: this
is run on small shared machines. Results are kept by hand in benchmarks/RESULTS.md.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from rich.console import Console
from rich.table import Table

from streams.runtime import hops, kafka, routes, work
from streams.runtime.events import Done, Incoming, Outcome
from streams.stage import config_directory
from tests.support.house import FUSED, House, Release, house
from tests.support.kafka import KafkaCluster

PROCESSES = 2
BATCH = 32
PARTITIONS = 6

WARM_UP_SECONDS = 5.0
"""Of the latency run: caches, connections and a processor's clock have settled by then."""

LOOK_SECONDS = 0.2
"""Between looks at the worker's metrics: a look costs it milliseconds, and fifty a second took a tenth of its speed."""

console = Console()


def releases(count: int) -> list[Release]:
    """The shipped samples over and over, each time another release, with a word changed so that nothing can cache."""
    texts = []
    for path in sorted((config_directory() / "samples").glob("*.json")):
        fields = orjson.loads(path.read_bytes())
        texts.append(fields.get("text") or fields.get("body") or fields.get("html", ""))
    return [Release.of(f"r{n}", f"{texts[n % len(texts)]}\nNo. {n}") for n in range(count)]


def incoming(number: int, release: Release) -> Incoming:
    """The release as the worker would read it."""
    now = int(time.time() * 1000)
    return Incoming("raw", 0, number, now, release.key, release.value, release.headers)


# --- The stages alone -----------------------------------------------------------------------------------------------

_worker: work.Worker | None = None


def _prepare(task: work.Task) -> None:
    global _worker
    _worker = work.prepare(task)


def _work(window: Sequence[Incoming]) -> list[Outcome]:
    assert _worker is not None
    return work.process_window(_worker, window)


def stages_alone(task: work.Task, windows: Sequence[Sequence[Incoming]]) -> float:
    """Releases per second of the stages with nothing around them: each process has its share from the start."""
    context = multiprocessing.get_context("forkserver")
    shares = [[i for w in windows[n::PROCESSES] for i in w] for n in range(PROCESSES)]
    with context.Pool(PROCESSES) as pool:
        results = pool.starmap(_timed_share, [(task, share) for share in shares], chunksize=1)
    return sum(len(share) / seconds for share, seconds in zip(shares, results, strict=True))


def _timed_share(task: work.Task, share: Sequence[Incoming]) -> float:
    worker = work.prepare(task)
    work.process_window(worker, share[:20])
    began = time.perf_counter()
    work.process_window(worker, share)
    return time.perf_counter() - began


# --- A bare loop ----------------------------------------------------------------------------------------------------


async def bare_loop(home: House, task: work.Task, count: int) -> float:
    """Releases per second of the shortest aiokafka program that does the job on good days."""
    context = multiprocessing.get_context("forkserver")
    broker = home.settings.broker
    consumer = AIOKafkaConsumer(
        home.raw,
        **kafka.common(broker),
        group_id=f"{home.settings.topics.prefix}.bare",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=BATCH * PROCESSES,
    )
    producer = kafka.new_producer(broker, 1 << 25)
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=_prepare, initargs=(task,)) as pool:
        await asyncio.gather(*(loop.run_in_executor(pool, _work, ()) for _ in range(PROCESSES)))
        await consumer.start()
        await producer.start()
        taken, done, began = 0, 0, 0.0
        in_flight: list[asyncio.Task[int]] = []
        while done < count:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                began = began or time.perf_counter()
                in_flight += [
                    asyncio.create_task(_bare_window(pool, producer, records[start : start + BATCH]))
                    for start in range(0, len(records), BATCH)
                ]
                taken += len(records)
            while len(in_flight) > 2 * PROCESSES or (in_flight and taken >= count):
                done += await in_flight.pop(0)
                await consumer.commit()
        seconds = time.perf_counter() - began
        await consumer.stop()
        await producer.stop()
    return done / seconds


async def _bare_window(pool: ProcessPoolExecutor, producer: AIOKafkaProducer, records: Sequence[Any]) -> int:
    window = [Incoming(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in records]
    outcomes = await asyncio.get_running_loop().run_in_executor(pool, _work, window)
    futures = [
        await producer.send(m.topic, m.value, key=m.key, headers=list(m.headers))
        for o in outcomes
        if isinstance(o, Done)
        for m in o.messages
    ]
    await asyncio.gather(*futures)
    return len(records)


# --- The worker -----------------------------------------------------------------------------------------------------


def worker_rate(home: House, count: int) -> tuple[float, list[float]]:
    """Releases per second between the first tenth and the end, and RSS in MB: parent, then children."""
    worker = home.start(module="streams.runtime.cli", ready=False)
    last = home.plan[-1].name
    while worker.metric("news_sent_total", hop=last) < count // 10:
        time.sleep(LOOK_SECONDS)
    began, at = time.perf_counter(), worker.metric("news_sent_total", hop=last)
    while (now := worker.metric("news_sent_total", hop=last)) < count:
        time.sleep(LOOK_SECONDS)
    rate = (now - at) / (time.perf_counter() - began)
    parent = psutil.Process(worker.process.pid)
    rss = [p.memory_info().rss / 1e6 for p in (parent, *parent.children(recursive=True))]
    worker.stop()
    return rate, rss


async def latency(home: House, batch: Sequence[Release], rate: float) -> list[float]:
    """Seconds from producing a release to its enriched event being readable, at a steady rate."""
    worker = home.start(module="streams.runtime.cli")
    sent: dict[bytes | None, float] = {}
    seen: dict[bytes | None, float] = {}

    async def read() -> None:
        async with kafka.consumer(home.settings.broker, home.enriched, auto_offset_reset="latest") as consumer:
            ready.set()
            while len(seen) < len(batch) - WARM_UP_SECONDS * rate - 1:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    seen.update((r.key, time.time()) for r in records if r.key in sent and r.key not in seen)

    ready = asyncio.Event()
    reader = asyncio.create_task(read())
    await ready.wait()
    await asyncio.sleep(1)
    async with home.producer() as producer:
        began = time.perf_counter()
        for number, release in enumerate(batch):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            if number >= WARM_UP_SECONDS * rate:
                sent[release.key] = time.time()
            await producer.send(home.raw, release.value, key=release.key, headers=list(release.headers))
    await asyncio.wait_for(reader, 120)
    worker.stop()
    return sorted(seen[key] - at for key, at in sent.items() if key in seen)


# --- The run --------------------------------------------------------------------------------------------------------


async def fill(home: House, batch: Sequence[Release]) -> None:
    """Create the topics and produce all releases before anything is timed."""
    await home.create_topics()
    await home.send(*batch)


def main() -> None:
    """Run every contestant `--rounds` times in turn and print medians and ratios."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--releases", type=int, default=4000)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    batch = releases(options.releases)
    rates: dict[str, list[float]] = {"stages": [], "bare": [], "fused": [], "hops": []}
    memory: dict[str, list[float]] = {}
    with KafkaCluster(1) as cluster, tempfile.TemporaryDirectory() as folder:

        def home(name: str, **overrides: Any) -> House:
            path = Path(folder, name)
            path.mkdir(exist_ok=True)
            topics = {"prefix": name, "partitions": PARTITIONS}
            tables = {"topics": topics, "pool": {"processes": PROCESSES, "release_seconds": 10.0}, **overrides}
            with house(cluster.bootstrap, path, name, **tables) as made:
                return made

        for number in range(options.rounds):
            alone = home(f"bare{number}", hops=FUSED)
            asyncio.run(fill(alone, batch))
            task = _task(alone)
            windows = [
                [incoming(n, r) for n, r in enumerate(batch[s : s + BATCH])] for s in range(0, len(batch), BATCH)
            ]
            rates["stages"].append(stages_alone(task, windows))
            rates["bare"].append(asyncio.run(bare_loop(alone, task, len(batch))))
            for name, overrides in (("fused", {"hops": FUSED}), ("hops", {})):
                made = home(f"{name}{number}", **overrides)
                asyncio.run(fill(made, batch))
                rate, rss = worker_rate(made, len(batch))
                rates[name].append(rate)
                memory[name] = rss
            console.print(f"[dim]round {number + 1}: { {k: round(v[-1]) for k, v in rates.items()} }[/]")
        made = home("latency", hops=FUSED)
        asyncio.run(made.create_topics())
        half = statistics.median(rates["fused"]) / 2
        waits = asyncio.run(latency(made, releases(3000), half))
    median = {name: statistics.median(values) for name, values in rates.items()}
    table = Table("", "releases/s", "of the stages", "of the bare loop", title=f"{datetime.now(UTC):%Y-%m-%d}")
    for name, rate in median.items():
        table.add_row(name, f"{rate:.0f}", f"{rate / median['stages']:.2f}", f"{rate / median['bare']:.2f}")
    console.print(table)
    console.print(f"three hops / fused: {median['hops'] / median['fused']:.2f}")
    at = {p: waits[int(len(waits) * p / 100)] * 1000 for p in (50, 99)}
    console.print(f"latency raw -> enriched at {half:.0f} releases/s: p50 {at[50]:.0f} ms, p99 {at[99]:.0f} ms")
    for name, rss in memory.items():
        console.print(f"RSS of {name}: parent {rss[0]:.0f} MB, children {', '.join(f'{r:.0f}' for r in rss[1:])} MB")


def _task(home: House) -> work.Task:
    settings = home.settings
    return work.Task(
        hop=hops.plan(settings)[0],
        routes=routes.load(settings.data, settings.topics.prefix),
        data=settings.data,
        options=settings.stages,
        config="benchmark",
        release_bytes=settings.limits.release_bytes,
        event_bytes=settings.topics.event_bytes,
    )


if __name__ == "__main__":
    main()
