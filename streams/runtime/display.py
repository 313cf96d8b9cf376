"""Events for people: one line of coloured text, safe whatever the release holds."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from streams.records import EntityType
from streams.runtime.redrive import DeadLetter

ENTITY_STYLES: Mapping[EntityType, tuple[str, str]] = {
    "ORGANISATION": ("ORG", "blue"),
    "PERSON": ("PERSON", "magenta"),
    "PLACE": ("PLACE", "green"),
    "TICKER": ("TICKER", "yellow"),
    "MONEY": ("MONEY", "cyan"),
    "DATE": ("DATE", "red"),
}
"""Entity type to its short word and colour, the most telling first. The colours are of the eight that every terminal
has and its theme keeps legible."""

FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
"""Around a text of either direction, so that it does not turn its neighbours round (Unicode 6.3, UAX 9)."""

DETAIL_COLUMNS = 100

SURE = 0.9
"""At this confidence and above, nine in ten are right: green."""


def one_line(console: Console, line: Text) -> None:
    """Print a line as one line: cut to the terminal, whole where the output goes to a file."""
    if console.is_terminal:
        console.print(line, no_wrap=True, overflow="ellipsis")
    else:
        console.print(line, soft_wrap=True)


def printable(text: str) -> str:
    """Make it one line without anything a terminal obeys: escapes, other controls, direction overrides."""
    return " ".join(
        "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text if not _turns(c)).split()
    )


def isolated(text: str, width: int) -> str:
    """Cut a printable text to `width` columns and keep its direction to itself."""
    cut = Text(printable(text))
    cut.truncate(width, overflow="ellipsis")
    right_to_left = any(unicodedata.bidirectional(c) in ("R", "AL") for c in cut.plain)
    return f"{FIRST_STRONG_ISOLATE}{cut.plain}{POP_ISOLATE}" if right_to_left else cut.plain


def heading(release: Mapping[str, Any]) -> str:
    """The title, or the first line where there is none."""
    lines = (release.get("title"), release.get("body"), release.get("text"))
    return next((line.strip().split("\n")[0] for line in lines if line and line.strip()), "")


def kept(release: Mapping[str, Any]) -> float:
    """The share of a release's characters, blanks apart, that is body: 0 to 1."""
    whole = sum(map(len, release.get("text", "").split()))
    return min(1.0, sum(map(len, release.get("body", "").split())) / whole) if whole else 1.0


def language(release: Mapping[str, Any]) -> Text:
    """Language and confidence in twelve columns."""
    confidence = float(release.get("confidence", 0.0))
    return Text.assemble(
        (f"{printable(release.get('language', '')):<8}", "bold"),
        (f"{confidence:4.2f}", "green" if confidence >= SURE else "yellow"),
    )


def entities(release: Mapping[str, Any], each: int, width: int = 30) -> Text:
    """The most salient names of each type, up to `each`."""
    parts = []
    for kind, (word, style) in ENTITY_STYLES.items():
        names = top_names(release.get("entities", ()), kind)
        if names:
            parts.append(
                Text.assemble((f"{word} ", "dim"), (", ".join(isolated(n, width) for n in names[:each]), style))
            )
    return Text(" · ", style="dim").join(parts)


def dead_letter(letter: DeadLetter, width: int) -> Text:
    """Reason, stage, id and the gist of the detail."""
    return Text.assemble(
        (f"✗ {printable(letter.reason)}", "red"),
        (f" in {printable(letter.stage)}  ", "dim"),
        f"{isolated(letter.id, width)}  ",
        (isolated(gist(letter.told("detail")), DETAIL_COLUMNS), "dim"),
    )


def gist(detail: str) -> str:
    """The line of a dead letter's detail that says it: of a traceback the last, else the first."""
    lines = detail.strip().split("\n")
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def top_names(found: Iterable[Mapping[str, Any]], kind: str) -> list[str]:
    """The names of one type, the most salient first."""
    ranked = sorted((e for e in found if e.get("type") == kind), key=lambda e: -float(e.get("salience", 0.0)))
    return [str(e.get("name", "")) for e in ranked]


def _turns(c: str) -> bool:
    return "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"
