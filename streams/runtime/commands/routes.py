"""`newsmill routes`."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from streams import codec
from streams.errors import Exit
from streams.records import EnrichedRelease
from streams.runtime import gate, hops
from streams.runtime.commands.inspect import ContentType, ReleaseFile, enriched
from streams.runtime.routes import Found, Routes
from streams.runtime.settings import Settings
from streams.runtime.terminal import globals_of, load_routes, out, print_json

group = typer.Typer(no_args_is_help=True, help="Where releases go.")


@group.callback()
def routes() -> None:
    """Where releases go."""


@group.command("test")
def would_go(
    context: typer.Context,
    file: ReleaseFile = None,
    content_type: ContentType = "",
    json: Annotated[bool, typer.Option("--json", help="A JSON line a release.")] = False,
) -> None:
    """Take a release through the stages and say which topics it would go to, and why. Needs no broker."""
    settings = globals_of(context).settings()
    loaded = load_routes(settings)
    records, refused = enriched(settings, file, content_type)
    for record in records:
        release = codec.decode(EnrichedRelease, record)
        found = list(loaded.find(release))
        if json:
            print_json(_plain(settings, loaded, release, found))
        else:
            _show(settings, loaded, release, found)
    if refused:
        raise typer.Exit(Exit.FAILED)


def _plain(settings: Settings, loaded: Routes, release: EnrichedRelease, found: list[Found]) -> dict[str, Any]:
    return {
        "id": release.id,
        "language": release.language,
        "source": release.source,
        "sectors": release.sectors,
        "pub_status": release.pub_status,
        "waits": _waits(release),
        "topics": [_main(settings), *loaded.match(release)],
        "routes": [
            {
                "name": each.met.rule.name,
                "because": each.met.because,
                "topics": [{"topic": topic, "format": loaded.formats[topic]} for topic in each.topics],
                "not_listed": each.unlisted,
            }
            for each in found
        ],
    }


def _show(settings: Settings, loaded: Routes, release: EnrichedRelease, found: list[Found]) -> None:
    def line(text: str) -> None:
        out.print(text, soft_wrap=True)

    line(f"[bold]{escape(release.id)}[/]  [dim]{escape(release.title[:72])}[/]")
    if waits := _waits(release):
        line(f"  [yellow]{waits}[/]")
    line(f"  → {_main(settings)}  [dim]every release[/]")
    for each in found:
        why = escape(f"{each.met.rule.name}: {', '.join(each.met.because)}")
        for topic in each.topics:
            kind = "" if loaded.formats[topic] == "enriched" else f" as {loaded.formats[topic]}"
            line(f"  → {topic}{kind}  [dim]{why}[/]")
        for topic in each.unlisted:
            line(f"  [yellow]✗ {escape(topic)}[/]  [dim]{why}; not listed under `topics` in routes.toml[/]")
    if not found:
        line("  [dim]no route asks for it[/]")


def _main(settings: Settings) -> str:
    return hops.plan(settings)[-1].target


def _waits(release: EnrichedRelease) -> str:
    """What keeps it back, if anything does."""
    passage = gate.Passage(release.version, release.pub_status, release.embargoed_until)
    found = gate.judge(None, passage, frozenset(), frozenset(), datetime.now(UTC), holding=True)
    if not isinstance(found, gate.Hold):
        return ""
    return f"held until {found.until.isoformat()}" if found.until else "held: withheld until a later version comes"
