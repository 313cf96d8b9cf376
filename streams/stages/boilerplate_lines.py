"""A release's lines, labelled: cut, described and weighed in Rust (`native/`), in one call.

What is seen of a line is its shape, its place, its neighbours, its cues and its markup; `native/src/features.rs` says
how.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from streams.native import LONG, PROSE
from streams.records import Markup
from streams.stages.boilerplate_cues import Cue, Cues
from streams.stages.boilerplate_model import LineModel

__all__ = ["LONG", "MODEL_LINES", "PROSE", "Line", "read_lines", "spell_lines"]

MODEL_LINES = 4000
"""Lines that the model sees. The longest release seen has 254; past this, length decides, for the sake of time."""


class Line(NamedTuple):
    """One line that is not blank: where it stands and what is in it."""

    start: int
    end: int
    """End of its segment: its line break and the blank lines after it belong to it."""
    at: int
    """Where `text` begins: after the indent."""
    text: str
    """Stripped."""
    number: int
    """Index of the line in `text.split("\\n")`."""
    cues: tuple[Cue, ...]
    length: float
    """Weighted characters: an ideogram says as much as two letters."""
    stops: bool
    """It ends as a sentence does."""
    prose: bool
    label: str
    """What the model says that it is."""


def read_lines(text: str, cues: Cues, model: LineModel, title: str = "", markup: Iterable[Markup] = ()) -> list[Line]:
    """Cut a text, which must be valid Unicode, into its lines that are not blank, labelled; their spans cover it."""
    rows = cues.engine.read(text, title, _names(markup), model.engine, MODEL_LINES)
    return list(map(Line._make, rows))


def spell_lines(text: str, cues: Cues, title: str = "") -> list[list[str]]:
    """The features of every line in words, as the model is trained on them."""
    return cues.engine.spell(text, title, {})


def _names(markup: Iterable[Markup]) -> dict[int, list[str]]:
    """What markup says of lines, in the words of the cues: the model was trained on text alone."""
    return {mark.line: names for mark in markup if (names := _markup_names(mark))}


_CLASS_WORDS = re.compile(
    r"(?P<navigation>nav|menu|breadcrumb|share|social|footer|header|sidebar|cookie|consent|newsletter|subscribe|login|toolbar|pagination)"
    r"|(?P<related>related|recommend|readmore|read-more|more-news|popular|trending|teaser)"
    r"|(?P<caption>caption|credit|photo-|figcaption)|(?P<byline>byline|author)|(?P<dateline>dateline|pubdate|timestamp|published)"
    r"|(?P<about>boilerplate|about-)|(?P<contact>contact|press-contact|media-contact)|(?P<sectors>tags|keywords|topics|categor)"
    r"|(?P<copyright>copyright|legal)|(?P<disclaimer>disclaimer)"
)
_TAGS = {
    "nav": "navigation", "footer": "navigation", "button": "navigation", "label": "navigation", "aside": "related",
    "figcaption": "caption", "address": "contact", "time": "dateline",
}  # fmt: skip

LINK_LINE = 0.8
"""Share of a line's letters inside links from which on the line is a link."""


def _markup_names(mark: Markup) -> list[str]:
    names = [f"{match.lastgroup}.heading" for match in _CLASS_WORDS.finditer(mark.words)]
    if mark.tag in _TAGS:
        names.append(f"{_TAGS[mark.tag]}.heading")
    if mark.link_density >= LINK_LINE:
        names.append("navigation.start")
    return list(dict.fromkeys(names))
