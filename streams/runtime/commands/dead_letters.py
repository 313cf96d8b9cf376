"""`newsmill dead-letters`."""

import asyncio
import re
import sys
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from streams.errors import Exit, Fatal, Reason
from streams.runtime import display, hops, reading, redrive, sending
from streams.runtime.events import Message, header
from streams.runtime.reading import Record
from streams.runtime.redrive import DeadLetter, Filters
from streams.runtime.settings import Settings
from streams.runtime.terminal import err, globals_of, out, print_json

group = typer.Typer(no_args_is_help=True, help="List, show and redrive what could not be processed.")

MAX_ATTEMPTS = 3
"""A release that died this often after it was redriven will die again."""

STANDARD_OUTPUT = "-"

KEY_COLUMNS = 36
PREVIEW_BYTES = 2_000
HEX_COLUMNS = 16

AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
AGO_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(word: str) -> datetime:
    """Read a point in time: ISO 8601 (without an offset, local time), or how long ago: 30m, 2h, 3d."""
    if ago := AGO.fullmatch(word.strip()):
        return datetime.now(UTC) - timedelta(**{AGO_UNITS[ago[2]]: float(ago[1])})
    try:
        return datetime.fromisoformat(word).astimezone(UTC)
    except ValueError as exc:
        raise typer.BadParameter(
            f"{word!r} is neither ISO 8601 (2026-11-24T06:00) nor a time ago (30m, 2h, 3d)"
        ) from exc


Reasons = Annotated[list[Reason] | None, typer.Option("--reason", help="Only with this reason (repeatable).")]
Stages = Annotated[
    list[str] | None, typer.Option("--stage", help="Only from this stage (repeatable); parse is before the first.")
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=moment, help="Only from then on: ISO 8601, or 30m, 2h, 3d ago.", metavar="TIME"),
]
Until = Annotated[datetime | None, typer.Option(parser=moment, help="Only before then.", metavar="TIME")]
Id = Annotated[str, typer.Option("--id", help="Only of the release with this id.")]
Limit = Annotated[int | None, typer.Option(help="Only the newest so many.", min=1)]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


@group.command("list")
def list_(
    context: typer.Context,
    reason: Reasons = None,
    stage: Stages = None,
    since: Since = None,
    until: Until = None,
    id_: Id = "",
    limit: Limit = None,
    json: Json = False,
) -> None:
    """List dead letters, the oldest first, and count them by reason and stage."""
    settings = globals_of(context).settings()
    filters = Filters(reason or (), stage or (), since, until, id_)
    chosen, again = asyncio.run(_choose(settings, filters, limit))
    counts = Counter((letter.reason, letter.stage) for letter in chosen)
    if json:
        print_json(
            {
                "dead_letters": [_plain(letter, again) for letter in chosen],
                "counts": [{"reason": r, "stage": s, "count": n} for (r, s), n in counts.most_common()],
            }
        )
        return
    for letter in chosen:
        display.one_line(out, _line(letter, again))
    for (word, where), count in counts.most_common():
        out.print(
            Text(f"{count:>7} {display.printable(word) or '?'} in {display.printable(where) or '?'}", style="bold")
        )
    if not chosen:
        err.print("No dead letters" + (" like that." if filters != Filters() else "."))


@group.command("show")
def show(
    context: typer.Context,
    place: Annotated[str, typer.Argument(help="PARTITION:OFFSET, as list says it.")] = "",
    id_: Annotated[str, typer.Option("--id", help="Instead: the newest of the release with this id.")] = "",
    payload: Annotated[
        Path | None, typer.Option(help="Write the original bytes to this file; - for standard output.")
    ] = None,
    json: Json = False,
) -> None:
    """Show all there is about one dead letter: headers, detail, and how the payload begins."""
    settings = globals_of(context).settings()
    if bool(place) == bool(id_):
        raise Fatal(Exit.USAGE, "name one dead letter: PARTITION:OFFSET or --id")
    record = asyncio.run(_find(settings, _places([place])[0] if place else None, id_))
    letter, value = redrive.read(record), record.value
    if payload is not None:
        if value is None:
            raise Fatal(Exit.FAILED, f"{letter.place} is a kill: it has no payload")
        _write(payload, value)
        return
    if json:
        body = {"payload": None if value is None else value[:PREVIEW_BYTES].decode("utf-8", "replace")}
        print_json(_plain(letter, {}) | {"headers": _texts(letter)} | body)
        return
    out.print(Text(f"{letter.place}  {letter.time.isoformat(timespec='milliseconds')}", style="bold"))
    out.print(Text.assemble(("id      ", "dim"), display.isolated(letter.id, 1_000)), soft_wrap=True)
    for name, text in _texts(letter).items():
        out.print(Text.assemble((f"{name}  ", "dim"), display.isolated(text, 1_000)), soft_wrap=True)
    out.print(Text("\ndetail", style="dim"))
    for line in letter.told("detail").split("\n"):
        indent = " " * (len(line) - len(line.lstrip(" ")))
        out.print(Text(indent + display.printable(line), style="red"), soft_wrap=True)
    out.print(Text("\na kill: no payload" if value is None else f"\npayload, {len(value)} bytes", style="dim"))
    for line in _preview(value or b""):
        out.print(Text(line), soft_wrap=True)


@group.command("redrive")
def redrive_(
    context: typer.Context,
    places: Annotated[
        list[str] | None, typer.Argument(help="PARTITION:OFFSET ...; without any, by the options.")
    ] = None,
    reason: Reasons = None,
    stage: Stages = None,
    since: Since = None,
    until: Until = None,
    id_: Id = "",
    limit: Limit = None,
    max_attempts: Annotated[
        int, typer.Option(help="Leave those alone that were redriven so often already.", min=1)
    ] = MAX_ATTEMPTS,
    rate: Annotated[float | None, typer.Option(help="At most so many a second.", min=0.01)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Send dead letters back to where they came from: same key, value and headers, one more attempt.

    It sends what `list` shows with the same options, as of now. The dead letters stay on their topic, so narrow the
    next call (--since, PARTITION:OFFSET); one that was redriven in vain goes by its newer dead letter.
    """
    settings = globals_of(context).settings()
    named = [f"{partition}:{offset}" for partition, offset in _places(places or ())]
    filters = Filters(reason or (), stage or (), since, until, id_, named)
    found, again = asyncio.run(_choose(settings, filters, limit))
    if missing := set(named) - {letter.place for letter in found}:
        raise Fatal(Exit.FAILED, f"no dead letter at {', '.join(sorted(missing))} (with these options)")
    sources = {hop.source for hop in hops.plan(settings)}
    verdicts = [(letter, redrive.why_not(letter, sources, max_attempts, again)) for letter in found]
    chosen = {letter.place: letter for letter, problem in verdicts if not problem}
    skipped = [(letter, problem) for letter, problem in verdicts if problem]
    for letter, problem in skipped:
        err.print(
            Text(f"skipped {letter.place} {display.isolated(letter.id, KEY_COLUMNS)}: {problem}", "yellow"),
            soft_wrap=True,
        )
    sent: list[str] = []
    if dry_run:
        for letter in () if json else chosen.values():
            display.one_line(out, Text.assemble(_line(letter, again), (f"  → {letter.topic}", "green")))
    elif chosen:
        if not yes and sys.stdin.isatty():
            typer.confirm(f"Send {len(chosen)} back ({_counted(chosen.values())})?", abort=True, err=True)
        asyncio.run(_redrive(settings, chosen, rate, sent))
    gone = [] if dry_run else [place for place in chosen if place not in set(sent)]
    if json:
        print_json(
            {
                "dry_run": dry_run,
                "chosen": list(chosen),
                "sent": len(sent),
                "skipped": [
                    {"place": letter.place, "id": letter.id, "problem": problem} for letter, problem in skipped
                ],
                "gone": gone,
            }
        )
    else:
        did = f"would send {len(chosen)}" if dry_run else f"redrove {len(sent)}"
        out.print(f"{did}, skipped {len(skipped)}")
    if gone:
        raise Fatal(Exit.FAILED, f"{len(gone)} had left the topic by then: {', '.join(gone[:10])}")


async def _choose(
    settings: Settings, filters: Filters, limit: int | None
) -> tuple[list[DeadLetter], Mapping[str, str]]:
    """Those that the filters mean, the oldest first, and which of all were redriven in vain."""
    letters = [redrive.read(record) async for record in _records(settings)]
    chosen = [letter for letter in letters if filters.match(letter)]
    # By time, and within a partition by offset: two versions of one release stay in their order.
    chosen.sort(key=lambda letter: (letter.time, letter.partition, letter.offset))
    return chosen[-limit:] if limit else chosen, redrive.dead_again(letters)


async def _records(settings: Settings) -> AsyncIterator[Record]:
    async with reading.reader(settings, hops.dead_letter_topic(settings.topics.prefix), from_start=True) as reader:
        async for record in reader.records(follow=False):
            yield record


async def _find(settings: Settings, place: tuple[int, int] | None, identifier: str) -> Record:
    if place is not None:
        found = await reading.one(settings, hops.dead_letter_topic(settings.topics.prefix), *place)
    else:
        found = None
        async for record in _records(settings):
            if redrive.read(record).id == identifier:
                found = record
    if found is None:
        raise Fatal(Exit.FAILED, "no such dead letter on the topic (any more)")
    return found


async def _redrive(settings: Settings, chosen: Mapping[str, DeadLetter], rate: float | None, sent: list[str]) -> None:
    """Read them once more, now with their payloads, and send them as they come; `sent` gets the places."""

    async def windows() -> AsyncGenerator[sending.Window, None]:
        topic = hops.dead_letter_topic(settings.topics.prefix)
        async with reading.reader(settings, topic, from_start=True) as reader:
            async for batch in reader.batches(follow=False):
                for window in sending.grouped(remade(batch), rate):
                    yield window

    def remade(batch: Sequence[Record]) -> Iterator[Message]:
        for record in batch:
            if letter := chosen.get(f"{record.partition}:{record.offset}"):
                yield redrive.remade(letter, record.value)

    def delivered(window: sending.Window) -> None:
        sent.extend(header(message.headers, redrive.REDRIVEN_FROM) for message in window)

    try:
        await reading.require(settings.broker, {letter.topic for letter in chosen.values()})
        await sending.send("redrive", windows(), settings, rate=rate, delivered=delivered)
    except (asyncio.CancelledError, Fatal):
        err.print(f"[yellow]Not finished:[/] {len(sent)} of {len(chosen)} sent; a few of those under way may be, too")
        raise


def _places(words: Sequence[str]) -> list[tuple[int, int]]:
    places = [re.fullmatch(r"(\d+):(\d+)", word) for word in words]
    if wrong := [word for word, place in zip(words, places, strict=True) if place is None]:
        raise Fatal(Exit.USAGE, f"{wrong[0]!r} is no PARTITION:OFFSET")
    return [(int(place[1]), int(place[2])) for place in places if place]


def _counted(letters: Collection[DeadLetter]) -> str:
    counts = Counter(letter.reason for letter in letters)
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())


def _line(letter: DeadLetter, again: Mapping[str, str]) -> Text:
    tries = f"redriven {letter.attempts}×  " if letter.attempts else ""
    vain = f"in vain, now {again[letter.place]}  " if letter.place in again else ""
    return Text.assemble(
        (f"{letter.time:%Y-%m-%d %H:%M:%SZ}  ", "dim"),
        (f"{display.printable(letter.reason) or '?':<18} ", "red"),
        f"{display.printable(letter.stage) or '?':<16} ",
        (f"{letter.place:>8}  ", "bold"),
        f"{display.isolated(letter.id, KEY_COLUMNS)}  ",
        (tries + vain, "yellow"),
        (display.isolated(display.gist(letter.told("detail")), display.DETAIL_COLUMNS), "dim"),
    )


def _plain(letter: DeadLetter, again: Mapping[str, str]) -> dict[str, Any]:
    return {
        "place": letter.place,
        "time": letter.time,
        "reason": letter.reason,
        "stage": letter.stage,
        "id": letter.id,
        "topic": letter.topic,
        "bytes": letter.size,
        "attempts": letter.attempts,
        "redriven_from": letter.redriven_from or None,
        "redriven_in_vain_now": again.get(letter.place),
        "detail": letter.told("detail"),
    }


def _texts(letter: DeadLetter) -> dict[str, str]:
    return {name: (value or b"").decode("utf-8", "replace") for name, value in letter.headers}


def _preview(value: bytes) -> list[str]:
    head = value[:PREVIEW_BYTES]
    try:
        # Up to three bytes short of a whole character at the cut are no sign of a binary payload.
        text = getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return [display.printable(line) for line in text.split("\n")]
    rows = (head[start : start + HEX_COLUMNS] for start in range(0, len(head), HEX_COLUMNS))
    return [
        f"{number * HEX_COLUMNS:08x}  {row.hex(' '):<{HEX_COLUMNS * 3}} "
        + "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        for number, row in enumerate(rows)
    ]


def _write(path: Path, value: bytes) -> None:
    if str(path) == STANDARD_OUTPUT:
        sys.stdout.buffer.write(value)
        sys.stdout.buffer.flush()
        return
    try:
        path.write_bytes(value)
    except OSError as exc:
        raise Fatal(Exit.FAILED, f"{path} cannot be written: {exc.strerror}") from exc
    err.print(f"{len(value)} bytes written to {escape(str(path))}", soft_wrap=True)
