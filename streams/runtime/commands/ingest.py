"""`newsmill ingest`."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from streams.errors import Exit, Fatal
from streams.records import RawRelease
from streams.runtime import hops, intake, reading, sending
from streams.runtime.events import Message
from streams.runtime.intake import STANDARD_INPUT, Manner, Refused
from streams.runtime.settings import Settings
from streams.runtime.terminal import err, globals_of, out, print_json


@dataclass
class Tally:
    """What has been delivered so far, and what cannot be."""

    started: float = field(default_factory=time.monotonic)
    sent: int = 0
    bytes: int = 0
    refused: list[Refused] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Releases a second."""
        return self.sent / max(self.seconds, 1e-3)

    def add(self, window: sending.Window) -> None:
        """Count a window that is on the broker."""
        self.sent += len(window)
        self.bytes += sum(len(message.value or b"") for message in window)

    def __str__(self) -> str:
        return f"{self.sent} release{'s' * (self.sent != 1)}, {decimal(self.bytes)}, {self.rate:.0f} a second"


def ingest(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Files, folders (with all below them), patterns, or - for standard input."),
    ] = None,
    content_type: Annotated[
        str | None, typer.Option(help="Media type of all of them, instead of what the names say: text/html, …")
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="A JSON release a line, also where no name ends in .jsonl or .ndjson.")
    ] = False,
    source: Annotated[
        str | None, typer.Option(help="The wire or feed they came by, for those that do not say it themselves.")
    ] = None,
    kill: Annotated[
        list[str] | None, typer.Option(help="Send a kill for the release with this id (repeatable).", metavar="ID")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="At most so many releases a second.", min=0.01)] = None,
    repeat: Annotated[int, typer.Option(help="Send all of it so many times: for load tests.", min=1)] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as JSON on standard output.")] = False,
) -> None:
    """Send releases to the raw topic; every delivery is awaited, broker trouble is waited out.

    A release's key is the id that its JSON says. Other files get their path's as id and other input its hash, so the
    same sent again is a new event of the same release, not another release. What is too large to process becomes a
    dead letter; only what the topic itself cannot take is refused, and then the exit code is 1.
    """
    settings = globals_of(context).settings()
    if not paths and not kill:
        raise Fatal(Exit.USAGE, "name files, folders, - for standard input, or --kill an id")
    files, passed = intake.find(paths or ())
    if repeat > 1 and any(str(path) == STANDARD_INPUT for path in files):
        raise Fatal(Exit.USAGE, "--repeat cannot read standard input twice")
    manner = Manner(
        topic=hops.topic_of(RawRelease, settings.topics.prefix),
        most_bytes=intake.room(settings.topics.raw_bytes),
        content_type=content_type or "",
        source=source or "",
        lines=jsonl,
    )
    if passed and not quiet:
        more = ", …" if len(passed) > 1 else ""
        which = f"{escape(str(passed[0]))}{more}"
        err.print(f"[dim]not sent, their names do not say what they are ({len(passed)}): {which}[/]", soft_wrap=True)
    tally = Tally()
    messages = _messages(files * repeat, kill or (), manner, tally)
    size = None if STANDARD_INPUT in map(str, files) else sum(path.stat().st_size for path in files) * repeat
    try:
        with _progress(size, quiet) as show:
            asyncio.run(_ingest(settings, messages, manner.topic, rate, tally, show))
    except (KeyboardInterrupt, Fatal) as exc:
        if tally.sent or isinstance(exc, KeyboardInterrupt):
            err.print(
                f"[yellow]Not finished:[/] sent {tally}; some of those under way may have arrived", soft_wrap=True
            )
        raise
    finally:
        for refused in tally.refused:
            err.print(f"[red]✗[/] {escape(str(refused))}", soft_wrap=True)
    if json:
        print_json(
            {
                "topic": manner.topic,
                "sent": tally.sent,
                "bytes": tally.bytes,
                "seconds": round(tally.seconds, 3),
                "refused": [{"name": r.name, "bytes": r.size, "limit": r.limit} for r in tally.refused],
                "passed_over": len(passed),
            }
        )
    elif not quiet:
        out.print(f"[green]sent[/] {tally} → {manner.topic}", soft_wrap=True)
    if tally.refused:
        raise typer.Exit(Exit.FAILED)


async def _ingest(
    settings: Settings,
    messages: Iterator[Message | None],
    topic: str,
    rate: float | None,
    tally: Tally,
    show: Callable[[Tally], None],
) -> None:
    await reading.require(settings.broker, [topic])
    tally.started = time.monotonic()

    def delivered(window: sending.Window) -> None:
        tally.add(window)
        show(tally)

    windows = sending.read_ahead(sending.grouped(messages, rate))
    await sending.send("ingest", windows, settings, rate=rate, delivered=delivered)


def _messages(files: Sequence[Path], kills: Sequence[str], manner: Manner, tally: Tally) -> Iterator[Message | None]:
    for found in intake.read(files, manner):
        if isinstance(found, Refused):
            tally.refused.append(found)
        else:
            yield found
    yield from (intake.kill(identifier, manner.topic) for identifier in kills)


@contextmanager
def _progress(size: int | None, quiet: bool) -> Iterator[Callable[[Tally], None]]:
    """A bar over the bytes, because how many releases a JSON-lines file holds is known only at its end."""
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task("ingest", total=size, said="")
        yield lambda tally: progress.update(task, completed=tally.bytes, said=str(tally))
