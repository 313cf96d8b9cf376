"""`newsmill top`."""

import asyncio
import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streams.errors import Exit, Fatal
from streams.runtime.overview import Figures, HopFigures, Look, compare, read_look
from streams.runtime.terminal import globals_of, out, print_json

ANSWER_SECONDS = 5.0
LANGUAGES = 16
"""That fit on a line; the rest is added up."""
LAGGING = 1000
LATE_SECONDS = 5.0
STILL_SECONDS = 5.0
"""What is worth a second look: marked, and no more."""


def top(
    context: typer.Context,
    worker: Annotated[
        list[str] | None,
        typer.Argument(help="Addresses of workers, http://host:port; without: the one of these settings (http.port)."),
    ] = None,
    interval: Annotated[float, typer.Option(help="Seconds between looks.", min=0.2, max=3600)] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="One look of one interval, then leave.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on a line for each look.")] = False,
) -> None:
    """Watch workers live: rate, lag, latency, dead letters by hop, stage and language. Ctrl-C leaves.

    Reads the workers' /metrics, needs no broker and no Prometheus. Several workers are added up.
    """
    settings = globals_of(context).settings()
    host = "127.0.0.1" if settings.http.bind in ("0.0.0.0", "::", "") else settings.http.bind  # noqa: S104 - read only
    addresses = [_address(given) for given in worker or [f"http://{host}:{settings.http.port}"]]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_watch(addresses, interval, once=once, json=json))


def _address(given: str) -> str:
    with_scheme = given if "://" in given else f"http://{given}"
    return with_scheme.rstrip("/").removesuffix("/metrics")


async def _watch(addresses: Sequence[str], interval: float, *, once: bool, json: bool) -> None:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        before = await _look(session, addresses)
        if len(before.away) == len(addresses):
            reasons = "; ".join(f"{address}: {why}" for address, why in before.away.items())
            raise Fatal(Exit.UNAVAILABLE, f"no worker answers ({reasons}). Is one running, and at that http.port?")
        watching = out.is_terminal and not once and not json
        live = Live(console=out, auto_refresh=False, screen=True)
        with live if watching else contextlib.nullcontext():
            while True:
                await asyncio.sleep(interval)
                after = await _look(session, addresses)
                figures = compare(before, after)
                if json:
                    print_json(_plain(figures))
                elif watching:
                    live.update(picture(figures, len(addresses)), refresh=True)
                else:
                    out.print(picture(figures, len(addresses)))
                if once:
                    return
                before = after


async def _look(session: aiohttp.ClientSession, addresses: Sequence[str]) -> Look:
    answers = await asyncio.gather(*(_page(session, address) for address in addresses))
    pages = [page for page, _ in answers if page]
    away = {address: why for address, (page, why) in zip(addresses, answers, strict=True) if not page}
    return read_look(time.monotonic(), pages, away)


async def _page(session: aiohttp.ClientSession, address: str) -> tuple[str, str]:
    try:
        async with session.get(f"{address}/metrics") as answer:
            text = await answer.text()
            if "news_worker_info" not in text:
                return "", f"status {answer.status}, no worker's metrics"
            return text, ""
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError) as exc:
        return "", str(exc) or type(exc).__name__


def _plain(figures: Figures) -> dict[str, Any]:
    """For scripts: what is not there is null."""

    def number(value: Any) -> Any:
        if isinstance(value, float):
            return None if math.isnan(value) else round(value, 6)
        if isinstance(value, dict):
            return {name: number(inner) for name, inner in value.items()}
        return [number(inner) for inner in value] if isinstance(value, list | tuple) else value

    plain: dict[str, Any] = number(asdict(figures))
    plain["stages"] = {name: {"rate": rate, "seconds": each} for name, (rate, each) in plain["stages"].items()}
    return plain


def picture(figures: Figures, workers: int) -> RenderableType:
    """Draw the figures."""
    answering = workers - len(figures.away)
    head = Text.assemble(
        ("Newsmill ", "bold"),
        ", ".join(figures.versions),
        f"   {answering} of {workers} worker{'s' * (workers != 1)}",
        f"   held {figures.held}",
        (f"   over {figures.seconds:.1f} s", "dim"),
    )
    parts: list[RenderableType] = [head, _hops(figures.hops), _stages(figures)]
    if figures.languages:
        parts.append(_languages(figures))
    for hop, reasons in figures.dead_letters.items():
        listed = ", ".join(f"{reason} {count:,.0f}" for reason, count in reasons.items())
        parts.append(Text.assemble(("dead letters ", "red"), f"{hop}: {listed}"))
    if figures.dead_letters:
        parts.append(Text("look at them: newsmill dead-letters list", style="dim"))
    parts += [Text.assemble((f"{address}: {why}", "bold red")) for address, why in figures.away.items()]
    return Group(*parts)


def _hops(hops: Sequence[HopFigures]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("hop", no_wrap=True)
    for name in ("in/s", "out/s", "dead/s", "in flight", "lag", "p50", "p99"):
        table.add_column(name, justify="right")
    table.add_column("", no_wrap=True)
    for hop in hops:
        still = hop.stuck_seconds > STILL_SECONDS
        stuck = Text(f"no commit for {hop.stuck_seconds:.0f} s", style="bold red") if still else Text()
        table.add_row(
            Text(hop.name, style="bold"),
            f"{hop.received:,.1f}",
            f"{hop.sent:,.1f}",
            Text(f"{hop.dead_letters:,.1f}", style="red" if hop.dead_letters else ""),
            f"{hop.in_flight:,}",
            Text(f"{hop.lag:,}", style="yellow" if hop.lag > LAGGING else ""),
            _duration(hop.p50),
            Text(_duration(hop.p99), style="yellow" if hop.p99 > LATE_SECONDS else ""),
            stuck,
        )
    return table


def _stages(figures: Figures) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage", no_wrap=True)
    for name in ("releases/s", "each"):
        table.add_column(name, justify="right")
    for stage, (rate, seconds) in figures.stages.items():
        table.add_row(stage, f"{rate:,.1f}", _duration(seconds))
    return table


def _languages(figures: Figures) -> Text:
    total = sum(figures.languages.values())
    shown = [*figures.languages.items()][:LANGUAGES]
    rest = total - sum(rate for _, rate in shown)
    line = Text("languages ", style="dim")
    for language, rate in [*shown, ("others", rest)] if rest else shown:
        line.append(f" {language} ", style="bold").append(f"{rate / total:.0%}", style="default")
    return line


def _duration(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.{0 if seconds >= 0.1 else 1}f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
