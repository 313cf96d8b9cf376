"""An enriched release on the terminal: labels in the gutter, segments and entities in colour.

Lines are laid out in cells, so wide and combining characters keep their columns. Lines in right-to-left scripts are
put in Unicode isolates, in the order they are read: the terminal turns them round.
"""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.records import EnrichedRelease, Label
from streams.runtime import view
from streams.runtime.display import ENTITY_STYLES
from streams.runtime.view import Run

LABEL_COLOURS: Mapping[Label, str] = {
    "headline": "cyan", "subheadline": "cyan", "dateline": "cyan", "body": "default", "about": "blue",
    "contact": "magenta", "disclaimer": "yellow", "safe_harbor": "yellow", "source_line": "green",
    "distributor_boilerplate": "red", "sectors": "green", "copyright": "yellow", "caption": "green",
    "navigation": "red", "other": "red",
}  # fmt: skip

GUTTER = 14
"""Cells: all labels but the longest fit, and it is known by its beginning."""

NAME_CELLS = 40
"""Of an entity's name in the table."""

_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}\N{RIGHT-TO-LEFT MARK}", "\N{POP DIRECTIONAL ISOLATE}"
"""The mark makes the first strong character a right-to-left one: many such lines begin with a foreign name."""

_UNSAFE: Mapping[int, str | None] = {
    **{code: "\N{REPLACEMENT CHARACTER}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\t"},
    **dict.fromkeys(map(ord, "\u2028\u2029"), " "),
    **dict.fromkeys(map(ord, "\xad\u202a\u202b\u202c\u202d\u202e"), None),
}
"""A release must neither move the cursor nor write letters backwards; soft hyphens would break the columns."""


def show(release: EnrichedRelease, console: Console, *, explain: bool = False) -> None:
    """Print summary, facts, the text with its segments and entities, a table of the entities and a legend.

    Without colour, entities stand in brackets: `[PLACE:Busan]`. Where nobody looks, lines are not wrapped.
    """
    sheet = _Sheet(console)
    if release.title:
        sheet.row("title", "bold", view.title(release), "bold")
    sheet.row("language", "dim", [Run(" · ".join(view.summary(release)))])
    for name, value in view.facts(release):
        sheet.row(name, "dim", [Run(value)])
    console.print()
    _show_text(release, sheet, explain=explain)
    console.print()
    _show_entities(release, console)
    _show_legend(release, console)


class _Sheet:
    """Two columns: a gutter for names, and text."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.brackets = console.no_color or console.color_system is None

    def row(self, name: str, name_style: str, runs: Sequence[Run], style: str = "", bar: str = " ") -> None:
        """Print a paragraph, wrapped beside its name."""
        width = max(self.console.width - GUTTER - 3, 20)
        text = self._text(runs, style)
        lines = list(text.wrap(self.console, width)) if self.console.is_terminal else [text]
        turned = view.is_right_to_left("".join(run.text for run in runs))
        for number, line in enumerate(lines):
            line.rstrip()
            head = Text(name if number == 0 else "", name_style)
            head.truncate(GUTTER, overflow="ellipsis")
            head.align("right", GUTTER)
            head.append(f" {bar} ")
            body = Text.assemble(_ISOLATE, line, _END) if turned else line
            self.console.print(Text.assemble(head, body), soft_wrap=True)

    def _text(self, runs: Iterable[Run], style: str) -> Text:
        """Put the entities in colour, or in brackets where there is none."""
        text = Text(style=style)
        for run in runs:
            if run.entity is None:
                text.append(_safe(run.text))
            elif self.brackets:
                text.append(f"[{run.entity.type}:{_safe(run.text)}]")
            else:
                text.append(_safe(run.text), f"not dim bold underline {ENTITY_STYLES[run.entity.type][1]}")
        text.expand_tabs(4)
        return text


def _show_text(release: EnrichedRelease, sheet: _Sheet, *, explain: bool) -> None:
    before = ""
    for passage in view.passages(release):
        label, colour = passage.segment.label, LABEL_COLOURS[passage.segment.label]
        style = colour if label in ("body", "headline") else f"dim {colour}"
        for number, line in enumerate(passage.lines):
            name = label if number == 0 and (explain or label != before) else ""
            sheet.row(name, colour, line, style, "│")
        if explain:
            why = " · ".join(filter(None, (passage.segment.sub, passage.segment.evidence))) or "no evidence given"
            sheet.row("", colour, [Run(f"↳ {why}")], "italic dim", "│")
        before = label


def _show_entities(release: EnrichedRelease, console: Console) -> None:
    if not release.entities:
        console.print("No entities.", style="dim")
        return
    table = Table("type", "name", "count", "salience", "symbols, value, uri", box=None, pad_edge=False)
    for column, justify in ((2, "right"), (3, "right")):
        table.columns[column].justify = justify  # type: ignore[assignment]
    for column in range(4):
        table.columns[column].no_wrap = True
    for entity in view.entities(release):
        name = Text(_safe(view.excerpt(entity.name)))
        name.truncate(NAME_CELLS, overflow="ellipsis")
        if view.is_right_to_left(name.plain):
            name = Text.assemble(_ISOLATE, name, _END)
        colour = Text(entity.type, ENTITY_STYLES[entity.type][1])
        table.add_row(
            colour, name, str(entity.count), f"{entity.salience:.2f}", Text(_safe(view.entity_details(entity)))
        )
    console.print(table)


def _show_legend(release: EnrichedRelease, console: Console) -> None:
    if console.no_color or console.color_system is None:
        return
    types = dict.fromkeys(entity.type for entity in release.entities)
    line = Text("\n")
    for label in view.labels(release):
        line.append(f"{label}  ", LABEL_COLOURS[label])
    for kind in types:
        line.append(kind, f"bold underline {ENTITY_STYLES[kind][1]}").append("  ")
    console.print(line)


def _safe(text: str) -> str:
    return text.translate(_UNSAFE)
