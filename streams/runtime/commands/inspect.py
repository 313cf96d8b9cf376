"""`newsmill inspect`."""

import asyncio
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry
from rich.markup import escape

from streams import codec, formats
from streams.errors import Exit, Fatal, Unprocessable
from streams.pipeline import STAGES
from streams.records import CleanRelease, EnrichedRelease, RawRelease
from streams.runtime import work
from streams.runtime.batch import Batch
from streams.runtime.events import Incoming, Rejected
from streams.runtime.hops import Hop
from streams.runtime.intake import CONTENT_TYPES
from streams.runtime.metrics import Metrics
from streams.runtime.offload import Inline, Offload, Pool
from streams.runtime.page import page
from streams.runtime.routes import Routes
from streams.runtime.settings import Settings
from streams.runtime.show import show
from streams.runtime.terminal import err, globals_of, out
from streams.runtime.work import Task, Worker
from streams.stage import config_directory

JSON = "application/json"

CHUNKS_AHEAD = 2
"""For each process: one in work, one waiting for it."""


ReleaseFile = Annotated[Path | None, typer.Argument(help="A release; `-` or nothing: standard input.")]
ContentType = Annotated[
    str, typer.Option(help="What the release is (text/html; charset=…); else its name tells, else its bytes.")
]
"""The arguments of every command that takes one release without Kafka."""


def inspect(
    context: typer.Context,
    file: ReleaseFile = None,
    content_type: ContentType = "",
    json: Annotated[bool, typer.Option("--json", help="Print the enriched record as JSON.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the same as an HTML page to this file (`-`: stdout).")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say of every segment why it got its label.")] = False,
    stage: Annotated[
        str | None,
        typer.Option(
            help=f"Run one stage alone ({', '.join(STAGES)}): its input record in as JSON, absent fields taken as "
            "empty, its output record out as JSON."
        ),
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl",
            help="Read releases one a line, write the enriched records one a line, in the same order. A line that "
            'cannot be processed gives {"error": {"reason", "detail"}, "id", "line"}, and exit code 1 at the end.',
        ),
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            min=0, help="With --jsonl: pool processes; 0 works inline, without time budget. Default: pool.processes."
        ),
    ] = None,
) -> None:
    """Take a release through the stages and show what they made of it. Needs no broker.

    On a terminal: segments coloured by label, the body plain with its entities; without colour (NO_COLOR, or in a
    pipe) entities stand in brackets, [PLACE:Busan]. Right-to-left text comes in Unicode isolates, in the order it is
    read: the terminal must turn it round (GNOME Terminal, Konsole, Windows Terminal and mlterm do).
    """
    settings = globals_of(context).settings()
    _check_usage(file, stage, json=json, html=html, jsonl=jsonl, explain=explain)
    task = _task(settings, stage)
    if jsonl:
        count = settings.pool.processes if processes is None else processes
        _inspect_lines(file, task, content_type or JSON, settings, count)
        return
    records, refused = _through(task, file, content_type)
    if stage or json:
        _write(b"".join(record + b"\n" for record in records))
    elif html and len(records) > 1:
        raise Fatal(Exit.USAGE, f"{len(records)} releases in one document: --html shows one")
    else:
        for record in records:
            _show(codec.decode(EnrichedRelease, record), html, explain=explain)
    if refused:
        raise typer.Exit(Exit.FAILED)


def enriched(settings: Settings, file: Path | None, content_type: str) -> tuple[list[bytes], int]:
    """Take a release, or those of one document, through all stages. Returns the records and how many were refused.

    Raises `Unprocessable` where there is one release and it is refused; of several, those are named on the terminal.
    """
    _check_usage(file, None)
    return _through(_task(settings, None), file, content_type)


def _through(task: Task, file: Path | None, content_type: str) -> tuple[list[bytes], int]:
    data = _read(file, task.release_bytes)
    content_type = content_type or (CONTENT_TYPES.get(file.suffix.lower(), "") if file else "")
    with err.status("Loading the stages …"):
        worker = work.prepare(task)
    now = datetime.now(UTC)
    if task.bare:
        data = _stage_input(data, content_type, task, now)
    return _worked(worker, Incoming("", 0, 0, _ms(now), None, data, (("content-type", content_type.encode()),)), now)


def _worked(worker: Worker, incoming: Incoming, now: datetime) -> tuple[list[bytes], int]:
    """What became of the release, or of those in one document. Returns the records and how many were refused."""
    outcome = worker.process(incoming, now)
    if isinstance(outcome, Rejected):
        raise Unprocessable(outcome.reason, outcome.detail)
    if not outcome.apart:
        return [outcome.messages[0].value or b""], 0
    records = []
    for part in outcome.messages:
        try:
            records += _worked(worker, replace(incoming, key=part.key, value=part.value, headers=part.headers), now)[0]
        except Unprocessable as exc:
            err.print(f"[red]{escape((part.key or b'').decode())}:[/] {escape(str(exc))}", soft_wrap=True)
    return records, len(outcome.messages) - len(records)


def _show(release: EnrichedRelease, html: Path | None, *, explain: bool) -> None:
    if html is None:
        show(release, out, explain=explain)
    elif html == Path("-"):
        _write(page(release, config_directory()))
    else:
        _save(html, page(release, config_directory()))


def _check_usage(
    file: Path | None,
    stage: str | None,
    *,
    json: bool = False,
    html: Path | None = None,
    jsonl: bool = False,
    explain: bool = False,
) -> None:
    if stage and stage not in STAGES:
        raise Fatal(Exit.USAGE, f"no stage is called {stage}; there are {', '.join(STAGES)}")
    if (jsonl or stage) and (html or explain):
        raise Fatal(Exit.USAGE, "--html and --explain show one whole release: not with --jsonl or --stage")
    if html and json:
        raise Fatal(Exit.USAGE, "--html or --json: one of them")
    if html and file and html.resolve() == file.resolve():
        raise Fatal(Exit.USAGE, f"--html {html} is the release itself")
    if file is None and sys.stdin.isatty():
        raise Fatal(Exit.USAGE, "name a file, or pipe a release in (`-` reads what you type)")


def _task(settings: Settings, stage: str | None) -> Task:
    """All stages in one hop, or one; nothing leaves by it, so embargoes hold nothing back."""
    hop = Hop((stage,) if stage else tuple(STAGES), "", "", "", "", last=False)
    return replace(work.task_of(hop, settings, Routes()), bare=bool(stage))


def _inspect_lines(file: Path | None, task: Task, content_type: str, settings: Settings, processes: int) -> None:
    source = _open(file)
    ahead = max(processes, 1) * CHUNKS_AHEAD

    async def run() -> None:
        with closing(_offload(task, settings, processes, ahead)) as offload:
            limit = task.event_bytes if task.bare else task.release_bytes
            batch = Batch(offload, task.hop.name, content_type, _ms(datetime.now(UTC)), limit, ahead)
            tally = await batch.run(source, sys.stdout.buffer)
        if tally.rejected:
            err.print(f"{tally.rejected} of {tally.lines} lines could not be processed", style="red")
            raise typer.Exit(Exit.FAILED)

    asyncio.run(run())


def _offload(task: Task, settings: Settings, processes: int, ahead: int) -> Offload:
    if processes == 0:
        return Inline([task])
    # One chunk more is being read in, and one written out.
    return Pool([task], processes, settings.pool.release_seconds, ahead + 2, Metrics(CollectorRegistry()))


def _stage_input(data: bytes, content_type: str, task: Task, now: datetime) -> bytes:
    """The stage's record: JSON as it is; of a text or page, what it says, all of it taken for the body."""
    if content_type == JSON or (not content_type and data.lstrip()[:1] == b"{"):
        return data
    release = formats.parse(
        data, content_type=content_type, key="", received_at=now, headers={}, limit_bytes=task.release_bytes
    )
    reads: type[RawRelease] = STAGES[task.hop.stages[0]].reads
    whole = {"body": release.text} if issubclass(reads, CleanRelease) else {}
    return codec.encode(codec.recast(release, reads, **whole))


def _read(file: Path | None, limit_bytes: int) -> bytes:
    """The release; no more of a larger one than shows that it is too large."""
    parts, left = [], limit_bytes + 1
    with _open(file) as source:
        while left > 0 and (part := source.read(left)):
            parts.append(part)
            left -= len(part)
    return b"".join(parts)


def _open(file: Path | None) -> FileIO:
    """Unbuffered: a read returns what is there, and no lock is held while it waits."""
    named = file and file != Path("-")
    try:
        return FileIO(str(file), "rb") if named else FileIO(sys.stdin.fileno(), "rb", closefd=False)
    except OSError as exc:
        raise Fatal(Exit.NO_INPUT, f"{file}: {exc.strerror}") from exc


def _save(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise Fatal(Exit.FAILED, f"{path}: {exc.strerror}") from exc
    err.print(f"{path}: {len(content):,} bytes", soft_wrap=True)


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)
