"""`newsmill replay`."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from streams.errors import Exit, Fatal
from streams.pipeline import STAGES
from streams.records import EnrichedRelease, RawRelease
from streams.runtime import display, hops, reading, replay, replaying, topics
from streams.runtime.commands.dead_letters import Json, moment
from streams.runtime.hops import Hop
from streams.runtime.replay import Asked, Found
from streams.runtime.replaying import Run, Tally
from streams.runtime.settings import Settings
from streams.runtime.terminal import err, globals_of, load_routes, out, print_json

RATE = 50.0
"""Releases a second by way of the raw topic: less than half of what two processes do, so that news hardly waits."""

SHOWN = 10
"""Rejected releases that are named; the counts hold all."""

KEY_COLUMNS = 60


def replay_(
    context: typer.Context,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, help="Received from then on: ISO 8601, or 30m, 2h, 3d ago.", metavar="TIME"),
    ] = None,
    until: Annotated[datetime | None, typer.Option(parser=moment, help="Received before then.", metavar="TIME")] = None,
    id_: Annotated[list[str] | None, typer.Option("--id", help="Only the release with this id (repeatable).")] = None,
    offsets: Annotated[
        list[str] | None,
        typer.Option(help="Only these of the raw topic, both included (repeatable).", metavar="PARTITION:FIRST-LAST"),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that the raw topic still holds.")] = False,
    into: Annotated[
        str,
        typer.Option(help="Enrich here, and send to this topic alone: v2 (of the enriched topic), or a full name."),
    ] = "",
    create: Annotated[bool, typer.Option("--create", help="Make the topic of --into if it is missing.")] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            help=f"At most so many a second, 0 for no limit; else {RATE:.0f}, and no limit with --into.", min=0
        ),
    ] = None,
    resume: Annotated[str, typer.Option(help="Go on with a run that was interrupted.", metavar="RUN")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")] = False,
    json: Json = False,
) -> None:
    """Enrich releases once more with today's stages: those of a range of the raw topic.

    Their raw events go to the raw topic again, and the workers do the rest: same topics, routes, holds and dead
    letters. With --into this process does the work, and the enriched events go to that topic and no other.

    All events of a re-run have the header newsmill.replay, which tells them from news. What today's stages make just
    as before has the ce_id that it had, so consumers drop it. Of each release the last event on the raw topic is done
    again; not one that a later version has overtaken, or a kill ended.

    A run may be interrupted at any moment, and goes on with --resume.
    """
    settings = globals_of(context).settings()
    source = hops.topic_of(RawRelease, settings.topics.prefix)
    asks = bool(since or until or id_ or offsets or all_)
    if resume:
        if asks or into:
            raise Fatal(Exit.USAGE, "--resume goes on with what its run was asked for: leave those options away")
        run = asyncio.run(replaying.resumed(settings, source, resume))
    elif asks:
        now = datetime.now(UTC)
        asked = Asked(
            since=since,
            until=min(until or now, now),
            ids=tuple(id_ or ()),
            offsets=tuple(_offsets(word) for word in offsets or ()),
            into=_target(into, settings),
        )
        run = Run(replay.new_run(now), asked, source, settings)
    else:
        raise Fatal(Exit.USAGE, "say which releases: --since, --until, --id, --offsets or --all")
    asyncio.run(_require(run, create=create and not dry_run))
    with _progress("reading", quiet) as show:
        found = asyncio.run(run.find(lambda count: show(count, None)))
    if not quiet and not json:
        err.print(
            f"{len(found.chosen)} releases to do again; left alone: {found.superseded} events that later ones of the "
            f"same release have overtaken, {found.killed} releases that were killed",
            soft_wrap=True,
        )
    tally, began = Tally(), time.monotonic()
    if found.chosen and not dry_run:
        if not yes and sys.stdin.isatty():
            typer.confirm(f"Send {len(found.chosen)} to {run.target}?", abort=True, err=True)
        default = None if run.asked.into else RATE
        _work(run, found, tally, default if rate is None else rate or None, quiet)
    _report(run, found, tally, began, dry_run=dry_run, json=json)


def _work(run: Run, found: Found, tally: Tally, rate: float | None, quiet: bool) -> None:
    chosen = len(found.chosen)
    try:
        with _progress("enriching" if run.asked.into else "sending", quiet) as show:
            asyncio.run(run.work(found, tally, lambda: show(tally.handled, chosen), rate=rate, hop=_hop(run)))
    except (KeyboardInterrupt, Fatal):
        err.print(
            f"[yellow]Not finished:[/] {tally.handled} of {chosen} done; a few of those under way may be sent, too. "
            f"To go on: newsmill replay --resume {run.name}",
            soft_wrap=True,
        )
        raise


def _report(run: Run, found: Found, tally: Tally, began: float, *, dry_run: bool, json: bool) -> None:
    for identifier, rejected in tally.rejected[:SHOWN]:
        said = display.printable(f"{rejected.reason}: {display.gist(rejected.detail)}")
        err.print(Text(f"✗ {display.isolated(identifier, KEY_COLUMNS)}  {said}", "red"), soft_wrap=True)
    reasons = Counter(str(rejected.reason) for _, rejected in tally.rejected)
    if json:
        print_json(
            {
                "run": None if dry_run else run.name,
                "dry_run": dry_run,
                "topic": run.target,
                "chosen": len(found.chosen),
                "superseded": found.superseded,
                "killed": found.killed,
                "first": min(found.chosen.values(), default=None),
                "last": max(found.chosen.values(), default=None),
                "done": tally.handled,
                "sent": tally.sent,
                "overtaken": tally.overtaken,
                "rejected": reasons,
                "seconds": round(time.monotonic() - began, 3),
            }
        )
    else:
        did = f"would send {len(found.chosen)}" if dry_run else f"[green]sent[/] {tally.sent}"
        others = {"overtaken meanwhile": tally.overtaken} | reasons
        more = "".join(f", {count} {word}" for word, count in others.items() if count)
        out.print(f"{did}{more} → {run.target}" + ("" if dry_run else f"  [dim]{run.name}[/]"), soft_wrap=True)
    if tally.rejected:
        raise typer.Exit(Exit.FAILED)


async def _require(run: Run, *, create: bool) -> None:
    """Check that the topics are there; make the target if asked to."""
    settings, into = run.settings, run.asked.into
    await reading.require(settings.broker, [run.source])
    if into and create:
        enriched = hops.topic_of(EnrichedRelease, settings.topics.prefix)
        table = topics.table(settings, load_routes(settings))
        like = next(topic for topic in table if topic.name == enriched)
        await topics.create(settings, [replace(like, name=into)])
    elif into:
        await reading.require(settings.broker, [into], cure="--create makes it")


def _hop(run: Run) -> Hop | None:
    """All stages in one, to the topic that was asked for; none where the workers do it."""
    if not run.asked.into:
        return None
    return Hop(tuple(STAGES), run.source, run.asked.into, dead_letters="", group="", last=True)


def _target(word: str, settings: Settings) -> str:
    """The topic that `v2` or a full name means. Raises `Fatal` for one that the pipeline itself writes."""
    enriched = hops.topic_of(EnrichedRelease, settings.topics.prefix)
    name = f"{enriched.rpartition('.')[0]}.{word}" if word[:1] == "v" and word[1:].isdecimal() else word
    if name in {topic.name for topic in topics.table(settings, load_routes(settings))}:
        raise Fatal(Exit.USAGE, f"{name} is one of the pipeline's own topics: without --into the workers write to them")
    return name


def _offsets(word: str) -> tuple[int, int, int]:
    found = replay.offset_range(word)
    if found is None:
        raise Fatal(Exit.USAGE, f"{word!r} is no PARTITION:FIRST-LAST")
    return found


@contextmanager
def _progress(what: str, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=err, transient=True, disable=quiet or not err.is_terminal
    ) as p:
        task = p.add_task(what, total=None)
        yield lambda done, total: p.update(task, completed=done, total=total)
