"""`newsmill demo`."""

import asyncio
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table
from rich.text import Text

from streams.errors import Exit, Fatal
from streams.pipeline import PIPELINE
from streams.runtime import display, hops, intake, reading, redrive, sending, topics
from streams.runtime.embedded import HOST, Running, embedded_broker, free_port, last_lines, spawn
from streams.runtime.events import Message
from streams.runtime.settings import ENV_PREFIX, Settings
from streams.runtime.terminal import err, globals_of, load_routes, out
from streams.stage import config_directory

PARTITIONS = 3
"""Enough for three workers a hop, few enough that the embedded broker joins groups quickly."""

SESSION_SECONDS = 6.0
"""The least that brokers take. On the embedded one a join takes about half of it."""

PATIENCE_SECONDS = 60.0
"""Without any outcome for this long, something is wrong: a loaded machine loads the stages in 15 s."""

WORKER_STOP_SECONDS = 12.0
"""Above the worker's own stop deadline."""

BROKEN = (b"broken-release", b'{"id": "broken-release", "text": "Cut off in the middle of the sen')
"""One release that cannot be read, to show what becomes of such."""

HEADING_COLUMNS = 36

CLIENT_TABLES = (f"{ENV_PREFIX}BROKER__", f"{ENV_PREFIX}TOPICS__", f"{ENV_PREFIX}HOPS")
"""What ingest, tail and dead-letters must be told as well."""


@dataclass
class Tally:
    """What came out, by the key that went in."""

    started: float
    expected: set[bytes] = field(default_factory=set)
    enriched: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    dead: dict[bytes, str] = field(default_factory=dict)
    first_seconds: float | None = None
    """From the worker's start to the first enriched release."""
    seconds: float = 0.0

    @property
    def missing(self) -> set[bytes]:
        """What neither came out enriched nor as a dead letter."""
        return self.expected - self.enriched.keys() - self.dead.keys()


def demo(
    context: typer.Context,
    keep: Annotated[bool, typer.Option("--keep", help="Keep broker and worker running until Ctrl-C.")] = False,
    fused: Annotated[
        bool, typer.Option("--fused", help="All stages in one hop, without topics in between: lower latency.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Port of the development broker; without it, any free one.", min=1, max=65_535)
    ] = None,
) -> None:
    """Show all of it: a broker, a worker, the sample releases in, the enriched events out.

    Nothing else is needed: no Docker, no Java, no Kafka. The broker keeps everything in memory, and all is gone at
    the end. Exit code 0 only if every sample came out, enriched or as a dead letter.
    """
    with embedded_broker(port) as bootstrap:
        tables = _tables(bootstrap, fused)
        settings = globals_of(context).settings(**tables)
        try:
            tally = asyncio.run(_demo(settings, _environment(tables), keep))
        except asyncio.CancelledError as exc:
            raise typer.Exit(128 + signal.SIGTERM) from exc
    if tally.missing:
        names = ", ".join(sorted(key.decode("utf-8", "replace") for key in tally.missing))
        raise Fatal(Exit.FAILED, f"{len(tally.missing)} releases did not come out: {names}")


async def _demo(settings: Settings, environment: dict[str, str], keep: bool) -> Tally:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    plan = hops.plan(settings)
    created, _ = await topics.create(settings, topics.table(settings, load_routes(settings)))
    out.print(f"[bold]broker[/]  {settings.broker.bootstrap} [dim]with {len(created)} topics, all in memory[/]")
    async with reading.reader(settings, plan[-1].target, plan[-1].dead_letters, from_start=True) as reader:
        with _worker(environment) as worker:
            tally = Tally(time.monotonic())
            stages = " → ".join(" + ".join(hop.stages) for hop in plan)
            out.print(f"[bold]worker[/]  {stages} [dim](process {worker.process.pid})[/]", soft_wrap=True)
            url = f"http://{settings.http.bind}:{settings.http.port}"
            out.print(f"[bold]watch[/]   {url}/metrics  {url}/readyz", soft_wrap=True)
            await _ingest(settings, plan[0].source, tally)
            await _show(reader, plan[-1].target, worker, tally)
            out.print()
            out.print(_by_language(tally))
            out.print(_outcome(tally))
            if keep:
                _explain(environment)
                await _until_stopped(worker)
    return tally


async def _ingest(settings: Settings, topic: str, tally: Tally) -> None:
    files, _ = intake.find([str(config_directory() / "samples")])
    manner = intake.Manner(topic, intake.room(settings.topics.raw_bytes), source="demo")
    messages = [message for message in intake.read(files, manner) if isinstance(message, Message)]
    messages.append(Message(topic, *BROKEN, headers=(("content-type", b"application/json"),)))
    tally.expected = {message.key for message in messages if message.key}
    windows = sending.read_ahead(sending.grouped(messages))
    await sending.send("demo", windows, settings, delivered=lambda _: None)
    out.print(f"[bold]sent[/]    {len(files)} sample releases and one that is broken\n")


async def _show(reader: reading.Reader, enriched: str, worker: Running, tally: Tally) -> None:
    """Print what comes out until everything has."""
    patience = time.monotonic() + PATIENCE_SECONDS
    with out.status("the worker loads what its stages know and joins its groups …") as waiting:
        async for batch in reader.batches(follow=True):
            if batch:
                waiting.stop()
                patience = time.monotonic() + PATIENCE_SECONDS
            for record in batch:
                _note(record, enriched, tally)
            if not tally.missing:
                break
            _check(worker)
            if time.monotonic() > patience:
                err.print(f"[yellow]Nothing came out for {PATIENCE_SECONDS:g} s. The worker says:[/]")
                err.print(last_lines(worker.log), markup=False)
                break
    tally.seconds = time.monotonic() - tally.started


def _note(record: reading.Record, enriched: str, tally: Tally) -> None:
    key = record.key or b""
    if key in tally.enriched or key in tally.dead:  # delivered twice, as may be after a hiccup
        return
    if record.topic == enriched:
        release = orjson.loads(record.value or b"{}")
        if tally.first_seconds is None:
            tally.first_seconds = time.monotonic() - tally.started
        tally.enriched[key] = release
        line = Text.assemble(
            display.language(release),
            f"  kept {display.kept(release):4.0%}  ",
            (display.isolated(display.heading(release), HEADING_COLUMNS), "bold"),
            "  ",
            display.entities(release, each=2),
        )
    else:
        letter = redrive.read(record)
        tally.dead[key] = letter.reason
        line = display.dead_letter(letter, HEADING_COLUMNS)
    display.one_line(out, line)


def _by_language(tally: Tally) -> Table:
    words = [word for word, _ in display.ENTITY_STYLES.values()]
    table = Table("language", box=None, pad_edge=False, header_style="dim", show_footer=True, padding=(0, 2, 0, 0))
    for heading in ("releases", "confidence", "kept", *words):
        table.add_column(heading, justify="right")
    by_language: dict[str, list[dict[str, Any]]] = {}
    for release in tally.enriched.values():
        by_language.setdefault(release["language"], []).append(release)
    rows = [(name, by_language[name]) for name in sorted(by_language)]
    for name, releases in rows:
        table.add_row(*_row(name, releases))
    for column, cell in zip(table.columns, _row("all", list(tally.enriched.values())), strict=True):
        column.footer = cell
    return table


def _outcome(tally: Tally) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(tally.dead.values()).items())
    first = f"{tally.first_seconds:.1f} s" if tally.first_seconds is not None else "none"
    return (
        f"[bold]dead letters[/] {reasons or 'none'}\n"
        f"[bold]first enriched release[/] {first} after the worker's start, all {tally.seconds:.1f} s"
    )


def _row(name: str, releases: Sequence[Mapping[str, Any]]) -> list[str]:
    count = max(1, len(releases))
    types = Counter(entity["type"] for release in releases for entity in release.get("entities", ()))
    return [
        name,
        str(len(releases)),
        f"{sum(r['confidence'] for r in releases) / count:.2f}",
        f"{sum(map(display.kept, releases)) / count:.0%}",
        *(str(types[kind]) for kind in display.ENTITY_STYLES),
    ]


def _explain(environment: dict[str, str]) -> None:
    out.print("\n[bold]It keeps running until Ctrl-C.[/] In another terminal:")
    words = [f"{name}={shlex.quote(environment[name])}" for name in environment if name.startswith(CLIENT_TABLES)]
    out.print(f"  export {' '.join(words)}", markup=False, soft_wrap=True)
    out.print("  newsmill tail                            # enriched events, as they come")
    out.print("  newsmill ingest FILE_OR_FOLDER ...")
    out.print("  newsmill dead-letters list", soft_wrap=True)


async def _until_stopped(worker: Running) -> None:
    """Wait for Ctrl-C or SIGTERM: here they are no failure."""
    with suppress(asyncio.CancelledError):
        while True:
            _check(worker)
            await asyncio.sleep(0.2)
    out.print("stopping")


def _check(worker: Running) -> None:
    code = worker.process.poll()
    if code is not None:
        raise Fatal(Exit.FAILED, f"the worker ended with {code}:\n{last_lines(worker.log)}")


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[Running]:
    """Run a worker as everybody runs one, in a process of its own; stop it as an orchestrator does."""
    with tempfile.TemporaryDirectory(prefix="newsmill-demo-") as folder:
        command = (sys.executable, "-m", "streams.runtime.cli", "worker")
        worker = spawn(command, Path(folder, "worker.log"), environment=environment)
        try:
            yield worker
        finally:
            worker.process.terminate()
            try:
                worker.process.wait(WORKER_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()


def _tables(bootstrap: str, fused: bool) -> dict[str, Any]:
    """The settings that the demo rests on; all else is as the user's configuration has it."""
    tables: dict[str, Any] = {
        "broker": {
            "bootstrap": bootstrap,
            "protocol": "PLAINTEXT",
            "session_seconds": SESSION_SECONDS,
            "idempotent": False,  # the embedded broker cannot do it
        },
        "topics": {"partitions": PARTITIONS, "replication": 1, "min_insync_replicas": 1},
        "pool": {"processes": 1},  # each loads all that the stages know: for so few releases one starts soonest
        "http": {"bind": HOST, "port": free_port()},
    }
    if fused:
        tables["hops"] = [[stage.name for stage in PIPELINE]]
    return tables


def _environment(tables: Mapping[str, Any]) -> dict[str, str]:
    """The same settings as the environment says them, for the worker and for whoever wants to speak to it."""
    environment = {}
    for table, values in tables.items():
        if isinstance(values, Mapping):
            for key, value in values.items():
                word = value if isinstance(value, str) else orjson.dumps(value).decode()
                environment[f"{ENV_PREFIX}{table}__{key}".upper()] = word
        else:
            environment[f"{ENV_PREFIX}{table}".upper()] = orjson.dumps(values).decode()
    return environment
