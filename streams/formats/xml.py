"""XML without DTD, entities or network: bytes to a tree, and what the readers of news in XML have in common."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from html.entities import html5
from typing import NamedTuple

from lxml import etree

from streams.errors import Reason, Unprocessable
from streams.formats.text import tidy_line
from streams.text.charset import decode

Element = etree._Element

MAX_PARTS = 1_000
"""Releases in one document: feeds hold a hundred at most, and each costs a copy of what it shares with the others."""

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_ENCODING = re.compile(rb"""<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_ENCODING_WITHIN = 256  # bytes: the declaration is the first thing there
_PROLOG = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_DOCTYPE = re.compile(
    r"""<!DOCTYPE\s+[^\s<>\[\]"']+(?:\s+(?:SYSTEM|PUBLIC\s+(?:"[^"<>]*"|'[^'<>]*'))\s*(?:"[^"<>]*"|'[^'<>]*')?)?\s*>"""
)
_REFERENCE = re.compile(r"&(?:([A-Za-z][A-Za-z0-9]{0,31});|(?!#))")
_XML_NAMES = frozenset(("amp", "lt", "gt", "quot", "apos"))
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Part(NamedTuple):
    """One release of a document that holds several, as a document of its own."""

    id: str
    data: bytes


def parse_xml(data: bytes, charset: str | None) -> Element:
    """Parse a document. Comments and processing instructions are left out.

    A DOCTYPE that only names a DTD is passed over, one that declares anything is refused. Names of HTML characters
    (`&nbsp;`), bare `&` and control characters, which feeds hold although XML has them not, are read as what they mean.
    """
    declared = _ENCODING.search(data, 0, _ENCODING_WITHIN)
    text = decode(data, charset or (declared[1].decode("ascii") if declared else None))
    text = _without_prolog(text)
    try:
        return _tree(text)
    except etree.XMLSyntaxError as exc:
        mended = _REFERENCE.sub(_meant, _NOT_XML.sub("", text))
        if mended == text:
            raise _broken(exc) from exc
    try:
        return _tree(mended)
    except etree.XMLSyntaxError as exc:
        raise _broken(exc) from exc


def name_of(element: Element) -> str:
    """Its name without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element | None, name: str, *, foreign: bool = False) -> Iterator[Element]:
    """The children of a name in their parent's namespace, or (`foreign`) in whatever other; none of no element."""
    if element is None:
        return iter(())
    own = element.tag.rpartition("}")[0].removeprefix("{")
    return element.iterchildren("{*}" + name if foreign else f"{{{own}}}{name}")


def by_name(element: Element | None) -> Mapping[str, list[Element]]:
    """All children by their names without namespaces, none under a name that none has: for those who ask for many."""
    found: defaultdict[str, list[Element]] = defaultdict(list)
    for each in () if element is None else element:
        found[name_of(each)].append(each)
    return found


def first(elements: list[Element]) -> Element | None:
    """The first of several elements, if there is one."""
    return elements[0] if elements else None


def child(element: Element | None, name: str, *, foreign: bool = False) -> Element | None:
    """The first child of a name, as `children` finds them."""
    return next(children(element, name, foreign=foreign), None)


def inside(element: Element | None) -> str:
    """All text of an element as it stands; nothing of no element."""
    if element is None:
        return ""
    return "".join(map(str, element.itertext())) if len(element) else element.text or ""


def words(element: Element | None) -> str:
    """All text of an element, on one line."""
    return tidy_line(inside(element))


def attribute(element: Element | None, name: str) -> str:
    """An attribute, on one line; nothing of no element."""
    return "" if element is None else tidy_line(element.get(name, ""))


def language_of(element: Element | None) -> str:
    """Its `xml:lang` as BCP 47."""
    return attribute(element, XML_LANG).replace("_", "-")


def document(root: Element) -> bytes:
    """Write an element as a document."""
    return etree.tostring(root, encoding="utf-8", with_tail=False)


def parts(found: Iterator[Part]) -> tuple[Part, ...]:
    """Take the parts of a document, unless there are too many of them."""
    taken: list[Part] = []
    for part in found:
        taken.append(part)
        if len(taken) > MAX_PARTS:
            raise Unprocessable(Reason.TOO_LARGE, f"more than {MAX_PARTS} releases in one document")
    return tuple(taken)


def _without_prolog(text: str) -> str:
    """Cut off declaration, comments and DOCTYPE: what is left is the root element."""
    start = _end_of_prolog(text, 0)
    if text.startswith("<!DOCTYPE", start):
        doctype = _DOCTYPE.match(text, start)
        if doctype is None:
            raise Unprocessable(Reason.INVALID, "a DOCTYPE with declarations of its own: send XML without entities")
        start = _end_of_prolog(text, doctype.end())
    return text[start:]


def _end_of_prolog(text: str, start: int) -> int:
    found = _PROLOG.match(text, start)
    return found.end() if found else start


def _tree(text: str) -> Element:
    # (A parser of its own for each document: they keep state, and making one takes 10 us.)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(text.encode(), parser)


def _meant(reference: re.Match[str]) -> str:
    name = reference[1]
    if name in _XML_NAMES:
        return reference[0]
    return html5.get(f"{name};", f"&amp;{name};") if name else "&amp;"


def _broken(exc: etree.XMLSyntaxError) -> Unprocessable:
    return Unprocessable(Reason.UNDECODABLE, f"not XML: {exc.msg}")
