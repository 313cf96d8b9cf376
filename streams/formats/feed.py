"""Feeds: RSS 2.0 channels and Atom 1.0, with one item or several."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

from lxml import etree

from streams.errors import Reason, Unprocessable
from streams.formats.html import read_markup, read_tree
from streams.formats.text import tidy, tidy_line
from streams.formats.vocabulary import conform, read_instant, uri
from streams.formats.xml import (
    XML_LANG,
    Element,
    Part,
    attribute,
    child,
    children,
    document,
    inside,
    language_of,
    name_of,
    parse_xml,
    parts,
    words,
)
from streams.records import Declared, RawRelease

RSS, ATOM = "application/rss+xml", "application/atom+xml"

MAX_SHARED = 1_000
"""Bytes of one element that every item of a feed gets a copy of: a name or an address, not a text."""

MAX_SAME = 5
"""How many authors or links of a feed every item gets a copy of."""

_SHARED = {
    "rss": ("title", "link", "language", "copyright", "managingEditor", "webMaster"),
    "feed": ("id", "title", "link", "author", "rights"),
}
"""What a feed says of all its items."""


def read_feed(data: bytes, charset: str | None) -> RawRelease | tuple[Part, ...]:
    """Read a feed's only item, or take a feed with several apart."""
    root = parse_xml(data, charset)
    kind = name_of(root)
    if kind == "entry":
        return _read_entry(root, None)
    if kind not in _SHARED:
        raise Unprocessable(Reason.UNSUPPORTED_FORMAT, f"<{kind}>: of feeds RSS 2.0 and Atom are read")
    feed = root if kind == "feed" else child(root, "channel")
    items = list(children(feed, "entry" if kind == "feed" else "item"))
    if feed is None or not items:
        raise Unprocessable(Reason.EMPTY, "a feed without items")
    if len(items) > 1:
        return parts(_apart(root, feed, items))
    return _read_entry(items[0], feed) if kind == "feed" else _read_item(items[0], feed)


def _apart(root: Element, feed: Element, items: list[Element]) -> Iterator[Part]:
    """Make a feed of each item, with what is said of all of them."""
    named = (each for name in _SHARED[name_of(root)] for each in islice(children(feed, name), MAX_SAME))
    shared = [each for each in named if len(document(each)) <= MAX_SHARED]
    said = {name: value for name in ("version", XML_LANG) if (value := attribute(root, name)[:MAX_SHARED])}
    for item in items:
        whole = etree.Element(root.tag, said)
        own = whole if feed is root else etree.SubElement(whole, feed.tag)
        own.extend([*map(deepcopy, shared), deepcopy(item)])
        yield Part(_entry_id(item) if feed is root else _item_id(item, feed), document(whole))


# --- RSS ------------------------------------------------------------------------------------------------------------


def _read_item(item: Element, channel: Element) -> RawRelease:
    content = _rss_text(child(item, "encoded", foreign=True))
    summary = _rss_text(child(item, "description"))
    moment = _rss_moment(words(child(item, "pubDate"))) or read_instant(words(child(item, "date", foreign=True)))
    properties = conform(
        {
            "headlines": [{"role": "main", "value": tidy_line(_rss_text(child(item, "title")).text)}],
            "descriptions": [{"role": "summary", "value": summary.text}] if content.text else [],
            "by": words(child(item, "creator", foreign=True)) or words(child(item, "author")),
            "subjects": [_rss_category(each) for each in children(item, "category")],
            "infoSources": [
                *({"name": words(s), "role": "source", "uri": attribute(s, "url")} for s in children(item, "source")),
                *_feed(words(child(channel, "title")), words(child(channel, "link"))),
                *_contacts(channel),
            ],
            "copyrightNotice": words(child(item, "rights", foreign=True)) or words(child(channel, "copyright")),
            "versionCreated": moment.isoformat() if moment else "",
            "renditions": [_enclosure(each, "url") for each in children(item, "enclosure")],
            "altIds": _alternatives(guid=words(child(item, "guid")), link=words(child(item, "link"))),
        }
    )
    return _release(
        properties or {},
        content if content.text else summary,
        identifier=_item_id(item, channel),
        language=words(child(item, "language", foreign=True)) or words(child(channel, "language")),
        moment=moment,
        media_type=RSS,
        said_in=f"RSS {attribute(channel.getparent(), 'version')}".strip(),
    )


def _item_id(item: Element, channel: Element) -> str:
    """The item's guid where it is unique by itself, else within its channel; without one, its link."""
    guid = words(child(item, "guid"))
    if not guid:
        return words(child(item, "link"))
    return guid if uri(guid) else f"{words(child(channel, 'link')) or words(child(channel, 'title'))}#{guid}"


def _rss_text(element: Element | None) -> RawRelease:
    """Read what may be text or escaped HTML: RSS does not say which."""
    content = inside(element)
    return read_markup(content) if "<" in content or "&" in content else RawRelease(text=tidy(content).strip())


def _rss_moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.utcoffset() is not None else None


def _rss_category(category: Element) -> dict[str, str]:
    name, scheme = words(category), attribute(category, "domain")
    return {"name": name, "literal": f"{scheme}:{name}" if scheme else ""}


def _contacts(channel: Element) -> Iterator[dict[str, Any]]:
    """The channel's editor and web master: `address (name)`."""
    for role in ("managingEditor", "webMaster"):
        for each in children(channel, role):
            address, _, name = words(each).partition(" ")
            reach = [{"type": "email", "value": address}] if "@" in address else []
            yield {"name": name.strip("()"), "role": role, "contactInfo": reach}


# --- Atom -----------------------------------------------------------------------------------------------------------


def _read_entry(entry: Element, feed: Element | None) -> RawRelease:
    content, summary = _atom_text(child(entry, "content")), _atom_text(child(entry, "summary"))
    source = child(entry, "source")
    above = source if source is not None else feed
    authors = list(children(entry, "author")) or list(children(above, "author"))
    published, updated = words(child(entry, "published")), words(child(entry, "updated"))
    rights = child(entry, "rights")
    properties = conform(
        {
            "headlines": [{"role": "main", "value": tidy_line(_atom_text(child(entry, "title")).text)}],
            "descriptions": [{"role": "summary", "value": summary.text}] if content.text else [],
            "by": ", ".join(filter(None, (words(child(author, "name")) for author in authors))),
            "people": [_author(author) for author in authors if child(author, "email") is not None],
            "subjects": [_category(each) for each in children(entry, "category")],
            "infoSources": _feed(_atom_text(child(above, "title")).text, _link(above)),
            "copyrightNotice": _atom_text(rights if rights is not None else child(above, "rights")).text,
            "firstCreated": published,
            "versionCreated": updated or published,
            "renditions": [
                _enclosure(each, "href") for each in children(entry, "link") if each.get("rel") == "enclosure"
            ],
            "altIds": _alternatives(link=_link(entry)),
        }
    )
    return _release(
        properties or {},
        content if content.text else summary,
        identifier=_entry_id(entry),
        language=language_of(entry) or language_of(feed),
        moment=read_instant(published) or read_instant(updated),
        media_type=ATOM,
        said_in="Atom 1.0",
    )


def _entry_id(entry: Element) -> str:
    return words(child(entry, "id")) or _link(entry)


def _atom_text(element: Element | None) -> RawRelease:
    """Read a text construct: plain, escaped HTML or XHTML."""
    match attribute(element, "type").lower():
        case "html" | "text/html":
            return read_markup(inside(element))
        case "xhtml" | "application/xhtml+xml" if element is not None:
            return read_tree(element, {name_of(element): "div"})
        case _:
            return RawRelease(text=tidy(inside(element)).strip())


def _link(element: Element | None) -> str:
    """The page that the element is about: the link without a relation, or with the one that goes without saying."""
    links = (
        attribute(each, "href") for each in children(element, "link") if each.get("rel", "alternate") == "alternate"
    )
    return next(links, "")


def _author(author: Element) -> dict[str, Any]:
    reach = [{"type": "email", "value": words(child(author, "email"))}]
    return {"name": words(child(author, "name")), "rel": "author", "contactInfo": reach}


def _category(category: Element) -> dict[str, str]:
    term, scheme = attribute(category, "term"), attribute(category, "scheme")
    within = scheme + term if scheme.endswith(("/", "#", ":")) else ""
    return {"name": attribute(category, "label") or term, "literal": term, "uri": within}


# --- Both -----------------------------------------------------------------------------------------------------------


def _enclosure(element: Element, address: str) -> dict[str, Any]:
    said = {"href": element.get(address), "contentType": element.get("type"), "sizeInBytes": element.get("length")}
    return {"name": "enclosure", **said}


def _feed(title: str, link: str) -> list[dict[str, str]]:
    return [{"name": title, "role": "feed", "uri": link}] if title or link else []


def _alternatives(**ids: str) -> list[dict[str, str]]:
    return [{"role": role, "value": value} for role, value in ids.items() if value]


def _release(
    properties: dict[str, Any],
    shown: RawRelease,
    *,
    identifier: str,
    language: str,
    moment: datetime | None,
    media_type: str,
    said_in: str,
) -> RawRelease:
    headlines: list[Mapping[str, str]] = properties.get("headlines", [])
    return RawRelease(
        id=identifier,
        source=next((name for each in properties.get("infoSources", ()) if (name := each.get("name"))), ""),
        content_type=media_type,
        title=headlines[0]["value"] if headlines else shown.title,
        text=shown.text,
        markup=shown.markup,
        language_hint=language.replace("_", "-") or shown.language_hint,
        published_at=moment,
        declared=Declared(format=said_in, properties=properties),
    )
