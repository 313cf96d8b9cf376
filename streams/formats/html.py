"""HTML: to lines that keep its block structure, with what the markup said about each line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

from lxml import etree

from streams.errors import Reason, Unprocessable
from streams.formats.text import tidy, tidy_line
from streams.records import Markup, RawRelease
from streams.text.charset import decode

MAX_WORDS = 200
"""Characters of `Markup.words`, nearest element first: class soup further up says nothing about a line."""

MIN_WORDS_LEFT = 10_000
"""Characters that `words` of a tree's lines may take beside as many as its text has."""

MAX_LINES = 100_000
"""A page with more is no release: each costs 10 us here and more in every stage, and 4 MB can hold two million."""

# Not UTF-16: a page whose `<meta>` can be read as ASCII is not in it, whatever it says.
_CHARSET = re.compile(rb"""<meta\s[^>]{0,200}?charset\s*=\s*["']?\s*(?!utf-16)([\w.:-]{1,40})""", re.IGNORECASE)
_CHARSET_WITHIN = 1024  # bytes: where HTML wants it, and where browsers stop looking

_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd", "details", "dialog",
    "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3",
    "h4", "h5", "h6", "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "optgroup",
    "option", "p", "pre", "search", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
))  # fmt: skip
_CELLS = frozenset(("td", "th"))
_UNSEEN = frozenset((
    "applet", "audio", "canvas", "datalist", "embed", "head", "iframe", "map", "math", "noembed", "noframes",
    "noscript", "object", "script", "select", "style", "svg", "template", "textarea", "title", "video",
))  # fmt: skip
_STRUCTURE = frozenset((
    "article", "aside", "figure", "footer", "form", "header", "main", "nav",
))  # fmt: skip
"""Elements whose names say what class names said before HTML 5; they join `Markup.words`."""

_NOT_SHOWN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_NEXT_CELL = "\x1f"  # until the blanks of the line are collapsed
_SOFT_HYPHEN = "\N{SOFT HYPHEN}"


def read_html(data: bytes, charset: str | None) -> RawRelease:
    """Read an HTML page. The charset named by the transport goes before the one in the page's `<meta>`."""
    declared = _CHARSET.search(data, 0, _CHARSET_WITHIN)
    return read_markup(decode(data, charset or (declared[1].decode("ascii") if declared else None)))


def read_markup(page: str) -> RawRelease:
    """Read HTML text: one line for each block, `<br>` and table row; cells of a row are separated by tabs.

    What a browser does not show is left out. The title is `og:title`, else the longest `<h1>` (the others are logos),
    else `<title>`, which most sites append their name to. The headline stays in the text, too: the boilerplate stage
    labels it.
    """
    reader = _Reader(words_left=len(page))
    # (The stubs want `bytes` allowed for, which Python 2 had.)
    # A target instead of a tree: nothing is cut off at a depth, and nothing here is as deep as the page is.
    parser = etree.HTMLParser(target=reader, encoding="utf-8", huge_tree=True, no_network=True)  # type: ignore[arg-type]
    try:
        parser.feed(page.replace("\0", "").encode())
        parser.close()
    except etree.LxmlError as exc:
        raise Unprocessable(Reason.UNDECODABLE, f"not HTML: {exc}") from exc
    for error in parser.error_log.filter_from_fatals():
        raise Unprocessable(Reason.UNDECODABLE, f"not HTML: {error.message} (line {error.line})")
    return reader.release()


def read_tree(root: etree._Element, names: Mapping[str, str]) -> RawRelease:
    """Read a tree of XHTML, or of what `names` makes XHTML, as `read_markup` reads a page.

    The names of other elements than XHTML's join `Markup.words`, as class names do.
    """
    reader = _Reader(words_left=MIN_WORDS_LEFT)
    _walk(root, names, reader)
    reader.close()
    return reader.release()


def _walk(element: etree._Element, names: Mapping[str, str], reader: "_Reader") -> None:
    """Tell the reader of an element and what is in it. (XML is parsed to a depth of 256: no stack overflows.)"""
    own = element.tag.rpartition("}")[2]
    tag = names.get(own, own)
    attributes = cast(Mapping[str, str], element.attrib)
    reader.start(tag, attributes if tag == own else {**attributes, "class": own})
    if text := element.text:
        reader.words_left += len(text)
        reader.data(text)
    for inner in element:
        _walk(inner, names, reader)
        if tail := inner.tail:
            reader.words_left += len(tail)
            reader.data(tail)
    reader.end(tag)


@dataclass(slots=True)
class _Element:
    tag: str = ""
    block: str = ""
    """Nearest block element, itself included."""
    words: str = ""
    hidden: bool = False
    link: bool = False
    pre: bool = False
    plain: dict[str, "_Element"] = field(default_factory=dict)
    """What was made of elements without attributes in it, by tag: most paragraphs are like the one before."""


@dataclass(slots=True)
class _Reader:
    """The parser's target: its events become lines as they come."""

    words_left: int
    """Characters that `words` of all lines may still take: a page must not grow by repeating its class names."""
    stack: list[_Element] = field(default_factory=lambda: [_Element()])
    lines: list[str] = field(default_factory=list)
    markup: list[Markup] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    """The line so far."""
    owner: _Element | None = None
    """The element that holds the line's first letters."""
    linked: int = 0
    """Letters of the line inside links."""
    heading: list[str] | None = None
    """The `<h1>` so far, inside one."""
    headings: list[str] = field(default_factory=list)
    page_title: list[str] = field(default_factory=list)
    shared_title: str = ""
    language: str = ""

    def release(self) -> RawRelease:
        """What has been read."""
        title = self.shared_title or max(self.headings, key=len, default="") or "".join(self.page_title)
        return RawRelease(
            content_type="text/html",
            title=tidy_line(title),
            text="\n".join(self.lines),
            markup=tuple(self.markup),
            language_hint=tidy_line(self.language).replace("_", "-"),
        )

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _CELLS:
            self.pieces.append(_NEXT_CELL)
        elif tag in _BLOCKS or tag == "br":
            self._end_line()
        elif tag == "q":
            self.data('"')
        parent = self.stack[-1]
        element = None if attributes else parent.plain.get(tag)
        if element is None:
            element = _element(tag, attributes, parent)
            if not attributes:
                parent.plain[tag] = element
        self.stack.append(element)
        if tag == "meta":
            self._read_meta(attributes)
        elif tag in ("html", "body"):
            self.language = self.language or attributes.get("lang", "") or attributes.get("xml:lang", "")
        elif tag == "h1" and not element.hidden:
            self.heading = []

    def end(self, tag: str) -> None:
        self.stack.pop()
        if tag == "q":
            self.data('"')
        if tag in _BLOCKS and tag not in _CELLS:
            self._end_line()
        if tag == "h1" and self.heading is not None:
            self.headings.append(tidy_line("".join(self.heading)))
            self.heading = None

    def data(self, text: str) -> None:
        if not self.pieces and text.isspace():  # between blocks
            return
        element = self.stack[-1]
        if element.hidden:
            if element.tag == "title" and self.stack[-2].tag in ("head", "body"):  # not in a drawing
                self.page_title.append(text)
            return
        if not element.pre:
            self._add(text, element)
            return
        first, *rest = text.split("\n")
        self._add(first, element)
        for line in rest:
            self._end_line()
            self._add(line, element)

    def close(self) -> None:
        self._end_line()

    def _add(self, text: str, element: _Element) -> None:
        self.pieces.append(text)
        if self.heading is not None:
            self.heading.append(text)
        if text and not text.isspace():
            self.owner = self.owner or element
            if element.link:
                self.linked += _letters(text)

    def _end_line(self) -> None:
        if self.heading is not None:
            self.heading.append(" ")
        if not self.pieces:
            return
        if self.owner is not None and (line := _line(self.pieces)):
            words = self.owner.words if len(self.owner.words) <= self.words_left else ""
            self.words_left -= len(words)
            density = round(self.linked / sum(map(_letters, self.pieces)), 3) if self.linked else 0.0
            self.markup.append(Markup(line=len(self.lines), tag=self.owner.block, words=words, link_density=density))
            self.lines.append(line)
            if len(self.lines) > MAX_LINES:
                raise Unprocessable(Reason.TOO_LARGE, f"a page of more than {MAX_LINES} lines")
        self.pieces.clear()
        self.owner = None
        self.linked = 0

    def _read_meta(self, attributes: Mapping[str, str]) -> None:
        content = attributes.get("content", "")
        if attributes.get("property", attributes.get("name", "")).lower() == "og:title":
            self.shared_title = self.shared_title or content
        elif attributes.get("http-equiv", "").lower() == "content-language":
            self.language = self.language or content


def _letters(text: str) -> int:
    return 0 if text.isspace() else len(text) - text.count(" ") - text.count("\n")


def _element(tag: str, attributes: Mapping[str, str], parent: _Element) -> _Element:
    block = tag if tag in _BLOCKS else parent.block
    hidden = parent.hidden or tag in _UNSEEN or (bool(attributes) and _hides(tag, attributes))
    own = [attributes[name] for name in ("class", "id", "role") if name in attributes]
    if tag in _STRUCTURE:
        own.append(tag)
    words = _words(" ".join(own)[:MAX_WORDS], parent.words) if own else parent.words
    return _Element(tag, block, words, hidden, parent.link or tag == "a", parent.pre or tag == "pre")


def _hides(tag: str, attributes: Mapping[str, str]) -> bool:
    if tag in ("html", "body"):  # a page that waits for its script to show it is still a page
        return False
    return "hidden" in attributes or bool(_NOT_SHOWN.search(attributes.get("style", "")))


@lru_cache(maxsize=1024)  # pages repeat themselves
def _words(own: str, inherited: str) -> str:
    words = " ".join(dict.fromkeys(f"{own.lower()} {inherited}".split()))
    return words if len(words) <= MAX_WORDS else words[: MAX_WORDS + 1].rpartition(" ")[0]


def _line(pieces: list[str]) -> str:
    text = "".join(pieces)
    if "  " not in text and text.isprintable():  # no cells, breaks or soft hyphens: most lines, at a tenth of the time
        return text.strip()
    cells = _BLANKS.sub(" ", text).replace(_SOFT_HYPHEN, "").split(_NEXT_CELL)
    return "\t".join(filled for cell in cells if (filled := tidy(cell).strip()))
