"""`newsmill tail`."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from rich.filesize import decimal
from rich.text import Text

from streams.errors import Exit, Fatal
from streams.records import RECORDS
from streams.runtime import display, events, hops, reading, redrive
from streams.runtime.reading import Record
from streams.runtime.routes import Routes
from streams.runtime.settings import Settings
from streams.runtime.terminal import err, globals_of, load_routes, out, print_json

HEADING_COLUMNS = 72
KEY_COLUMNS = 40
ENTITIES = 3
"""Of each type: the most salient."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events are shown; an empty text asks for nothing."""

    language: str
    entity: str
    source: str

    def match(self, value: Mapping[str, Any], record: Record) -> bool:
        """Whether the event has all that is asked for. A kill says nothing of itself: it never has."""
        language = str(value.get("language", ""))
        source = str(value.get("source") or events.header(record.headers, "newsmill.source"))
        names = (str(entity.get("name", "")) for entity in value.get("entities", ()))
        return (
            (not self.language or language == self.language or language.startswith(f"{self.language}-"))
            and (not self.source or source == self.source)
            and (not self.entity or any(self.entity.casefold() in name.casefold() for name in names))
        )


def tail(
    context: typer.Context,
    topic: Annotated[
        str,
        typer.Argument(help="raw, identified, cleaned, enriched, dead-letter, a language's route (ar) or a full name."),
    ] = "enriched",
    from_start: Annotated[
        bool, typer.Option("--from-start", help="All that the topic holds, then what comes.")
    ] = False,
    no_follow: Annotated[
        bool, typer.Option("--no-follow", help="Only what the topic holds now, from its start; then leave.")
    ] = False,
    count: Annotated[int | None, typer.Option("--count", "-n", help="Leave after so many events.", min=1)] = None,
    language: Annotated[str, typer.Option(help="Only releases in this language: ar, zh-Hans; zh is both.")] = "",
    entity: Annotated[str, typer.Option(help="Only releases with an entity whose name contains this.")] = "",
    source: Annotated[str, typer.Option(help="Only releases from this source.")] = "",
    json: Annotated[
        bool, typer.Option("--json", help="A JSON line an event: its value, and under _kafka where it stood.")
    ] = False,
) -> None:
    """Show events as they come, until Ctrl-C. Joins no group: nobody else gets less for it."""
    settings = globals_of(context).settings()
    names = resolve(topic, settings, load_routes(settings))
    filters = Filters(language, entity, source)
    asyncio.run(_tail(settings, names, filters, from_start or no_follow, not no_follow, count, json))


def resolve(word: str, settings: Settings, routes: Routes) -> tuple[str, ...]:
    """The topics that a word or a full name means. Raises `Fatal` with the words there are."""
    prefix = settings.topics.prefix
    words: dict[str, tuple[str, ...]] = {
        record().schema.split(".")[-2]: (hops.topic_of(record, prefix),) for record in RECORDS
    }
    words |= dict.fromkeys(("dead-letter", "dead-letters"), (hops.dead_letter_topic(prefix),))
    words |= {language.casefold(): topics for language, topics in routes.by_language().items()}
    if found := words.get(word.casefold()):
        return found
    if "." in word:
        return (word,)
    raise Fatal(Exit.USAGE, f"no topic is called {word!r}: give its full name or one of {', '.join(words)}")


async def _tail(
    settings: Settings,
    names: tuple[str, ...],
    filters: Filters,
    from_start: bool,
    follow: bool,
    count: int | None,
    json: bool,
) -> None:
    shown = 0
    async with reading.reader(settings, *names, from_start=from_start) as reader:
        if follow:
            err.print(f"[dim]following {', '.join(names)} from {'its start' if from_start else 'now'} on[/]")
        async for record in reader.records(follow=follow):
            value = _object(record.value)
            if not filters.match(value, record):
                continue
            if json:
                print_json(_plain(record, value))
            else:
                for line in _lines(record, value):
                    display.one_line(out, line)
            shown += 1
            if shown == count:
                return


def _object(value: bytes | None) -> dict[str, Any]:
    """The JSON object that a value is; empty for anything else."""
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _plain(record: Record, value: dict[str, Any]) -> dict[str, Any]:
    place = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": datetime.fromtimestamp(record.timestamp / 1000, UTC),
        "key": None if record.key is None else record.key.decode("utf-8", "replace"),
        "headers": {name: header.decode("utf-8", "replace") for name, header in record.headers},
        "kill": record.value is None,
    }
    text = {} if value or record.value is None else {"_value": record.value.decode("utf-8", "replace")}
    return {**value, **text, "_kafka": place}


def _lines(record: Record, value: Mapping[str, Any]) -> list[Text]:
    time = (f"{datetime.fromtimestamp(record.timestamp / 1000).astimezone():%H:%M:%S}  ", "dim")
    key = display.isolated((record.key or b"").decode("utf-8", "replace"), KEY_COLUMNS)
    if (letter := redrive.read(record)).reason:
        return [Text.assemble(time, display.dead_letter(letter, KEY_COLUMNS))]
    if record.value is None:
        return [Text.assemble(time, ("kill", "bold red"), f"  {key}")]
    if "language" not in value or "schema" not in value:
        kind = events.header(record.headers, "content-type") or "no content type"
        words = display.heading(value) if value else record.value[:1_000].decode("utf-8", "replace").strip()
        size = decimal(len(record.value))
        return [Text.assemble(time, f"{key}  ", (f"{kind}, {size}  ", "dim"), display.isolated(words, HEADING_COLUMNS))]
    killed = ("  canceled", "bold red") if value.get("pub_status") == "canceled" else ""
    again = ("  re-run", "yellow") if events.header(record.headers, events.REPLAY) else ""
    share = f"  kept {display.kept(value):4.0%}" if "body" in value else ""
    title = (f"  {display.isolated(display.heading(value), HEADING_COLUMNS)}", "bold")
    first = Text.assemble(time, display.language(value), killed, again, (share, "dim"), title)
    second = display.entities(value, each=ENTITIES)
    return [first, Text.assemble(" " * 10, second)] if second else [first]
