"""IPTC NewsML-G2 2.x: a news item, or a news message with one or several."""

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from streams.errors import Reason, Unprocessable
from streams.formats import nitf
from streams.formats.html import read_tree
from streams.formats.text import tidy, tidy_line
from streams.formats.vocabulary import conform, read_embargo, read_instant, read_status, read_version
from streams.formats.xml import (
    Element,
    Part,
    attribute,
    by_name,
    child,
    children,
    document,
    first,
    inside,
    language_of,
    name_of,
    parse_xml,
    parts,
    words,
)
from streams.records import Declared, PubStatus, RawRelease

Children = Mapping[str, list[Element]]

MEDIA_TYPE = "application/vnd.iptc.g2.newsitem+xml"
MESSAGE_TYPE = "application/vnd.iptc.g2.newsmessage+xml"

SCHEMES = {
    alias: f"http://cv.iptc.org/newscodes/{name}/"
    for alias, name in (
        ("medtop", "mediatopic"), ("subj", "subjectcode"), ("genre", "genre"), ("ninat", "ninature"),
        ("stat", "pubstatusg2"), ("cpnat", "cpnature"), ("drol", "descriptionrole"), ("hlrol", "headlinerole"),
        ("dsrc", "digitalsourcetype"), ("rnd", "rendition"), ("instrtype", "financialinstrumentsymboltype"),
    )
}  # fmt: skip
"""Aliases of the IPTC's own catalog, which items name by its address: nothing is fetched here. An item's own
`<catalog>` goes before them; a code of any other scheme is kept as it stands, as `literal`."""

_TYPES = {
    "person": "people", "organisation": "organisations", "geoarea": "places", "poi": "places", "event": "events",
    "object": "objects",
}  # fmt: skip
_XHTML = frozenset(("html", "body", "div", "article", "section", "p"))


def read_newsml_g2(data: bytes, charset: str | None) -> RawRelease | tuple[Part, ...]:
    """Read a news item, or take a message with several items apart."""
    root = parse_xml(data, charset)
    if name_of(root) != "newsMessage":
        return _read_item(root)
    items = [item for item_set in children(root, "itemSet") for item in item_set]
    if not items:
        raise Unprocessable(Reason.EMPTY, "a newsMessage without items")
    if len(items) == 1:
        return _read_item(items[0])
    return parts(Part(attribute(item, "guid"), document(item)) for item in items)


def _read_item(item: Element) -> RawRelease:
    if name_of(item) != "newsItem":
        detail = f"<{name_of(item)}>: of NewsML-G2 only newsItem and newsMessage hold releases"
        raise Unprocessable(Reason.UNSUPPORTED_FORMAT, detail)
    parts_of = by_name(item)
    management, content = by_name(first(parts_of["itemMeta"])), by_name(first(parts_of["contentMeta"]))
    shown, renditions = _read_content(first(parts_of["contentSet"]))
    properties = conform({**_properties(parts_of, management, content), "renditions": renditions}) or {}
    embargoed = first(management["embargoed"])
    embargoed_until = read_embargo(words(embargoed))
    status = _status(management)
    if status == "usable" and embargoed is not None and embargoed_until is None:
        status = "withheld"  # an embargo whose end nobody names is in force until a later version says otherwise
    provider = properties.get("infoSources", [{}])[0]
    return RawRelease(
        id=attribute(item, "guid"),
        version=read_version(item.get("version", "1")),
        pub_status=status,
        source=provider.get("name") or provider.get("literal") or provider.get("uri", ""),
        content_type=MEDIA_TYPE,
        title=_title(properties) or shown.title,
        text=shown.text or _description(properties),
        markup=shown.markup,
        language_hint=_language(item, content) or shown.language_hint,
        published_at=read_instant(properties.get("versionCreated")),
        embargoed_until=embargoed_until,
        declared=Declared(format=f"NewsML-G2 {item.get('standardversion', '')}".strip(), properties=properties),
    )


def _title(properties: Mapping[str, Any]) -> str:
    """The main headline, else the first."""
    headlines = properties.get("headlines", ())
    main = (each["value"] for each in headlines if each.get("role", "main") == "main")
    return tidy_line(next(main, headlines[0]["value"] if headlines else ""))


def _status(management: Children) -> PubStatus:
    status = first(management["pubStatus"])
    return "usable" if status is None else read_status(_code(status))


def _language(item: Element, content: Children) -> str:
    """What the content is in; `xml:lang` of the item, which is about the metadata, only for want of that."""
    return attribute(first(content["language"]), "tag").replace("_", "-") or language_of(item)


def _description(properties: Mapping[str, Any]) -> str:
    """The text of an item without one, a picture's above all: its descriptions."""
    return "\n".join(each["value"] for each in properties.get("descriptions", ()) if each.get("role") != "dateline")


def _read_content(content: Element | None) -> tuple[RawRelease, list[dict[str, Any]]]:
    """Read the first rendition that holds text. Returns it, and where the others are."""
    shown = RawRelease()
    for inline in children(content, "inlineXML"):
        root = next(iter(inline), None)
        if root is not None and not shown.text:
            shown = _read_inline(root)
    for inline in children(content, "inlineData"):
        if not shown.text and not inline.get("encoding") and inline.get("contenttype", "text/").startswith("text/"):
            shown = RawRelease(text=tidy(inside(inline)).strip("\n"))
    return shown, [_rendition(remote) for remote in children(content, "remoteContent")]


def _read_inline(root: Element) -> RawRelease:
    name = name_of(root)
    if name == "nitf":
        return nitf.read_body(root)
    return read_tree(root, {} if name in _XHTML else nitf.TAGS)


def _rendition(remote: Element) -> dict[str, Any]:
    size = {"width": remote.get("width"), "height": remote.get("height"), "sizeInBytes": remote.get("size")}
    name = attribute(remote, "rendition").rpartition(":")[2] or "remote"
    return {"name": name, "href": remote.get("href"), "contentType": remote.get("contenttype"), **size}


def _properties(item: Children, management: Children, content: Children) -> dict[str, Any]:
    """What the item's metadata says, in the words of ninjs."""
    schemes = _schemes(item)
    rights = by_name(first(item["rightsInfo"]))
    asserted = {key: each for each in item["assert"] for key in _keys(each)}

    def concept(element: Element, role: str = "") -> dict[str, Any]:
        return _concept(element, schemes, asserted) | ({"role": role} if role else {})

    named: dict[str, list[dict[str, Any]]] = {name: [] for name in ("subjects", *_TYPES.values())}
    for subject in content["subject"]:
        kind = _TYPES.get(subject.get("type", "").replace("/", ":").rpartition(":")[2].lower(), "subjects")
        named[kind].append(concept(subject) | {"rel": "about"})
    named["subjects"] += [{"name": words(each)} for each in content["keyword"]]
    providers = [concept(each, "provider") for each in management["provider"]]
    sources = [concept(each, "infoSource") for each in content["infoSource"]]
    creators = [concept(each) for each in content["creator"]]
    by = [words(each) for each in content["by"]] or [each["name"] for each in creators if "name" in each]
    located = first(content["located"])
    holder = first(rights["copyrightHolder"])
    return {
        **named,
        "type": _code(first(management["itemClass"])),
        "profile": words(first(management["profile"])),
        "firstCreated": words(first(management["firstCreated"])),
        "versionCreated": words(first(management["versionCreated"])),
        "contentCreated": words(first(content["contentCreated"])),
        "urgency": words(first(content["urgency"])),
        "title": words(first(management["title"])),
        "edNote": "\n".join(filter(None, map(words, management["edNote"]))),
        "headlines": [_valued(each) for each in content["headline"]],
        "descriptions": [_valued(each) for each in content["description"]]
        + [{"role": "dateline", "value": words(each)} for each in content["dateline"]]
        + [{"role": "creditline", "value": words(each)} for each in content["creditline"]],
        "by": ", ".join(by),
        "slugline": words(first(content["slugline"])),
        "located": (concept(located).get("name") or located.get("literal", "")) if located is not None else "",
        "infoSources": [*providers, *sources],
        "genres": [concept(each) for each in content["genre"]],
        "copyrightHolder": concept(holder).get("name", "") if holder is not None else "",
        "copyrightNotice": words(first(rights["copyrightNotice"])),
        "usageTerms": "\n".join(filter(None, map(words, rights["usageTerms"]))),
        "rightsInfo": _rights(rights),
        "altIds": [{"role": each.get("type", ""), "value": words(each)} for each in content["altId"]],
    }


def _valued(element: Element) -> dict[str, str]:
    return {"role": element.get("role", "").rpartition(":")[2], "value": words(element)}


def _code(element: Element | None) -> str:
    code = attribute(element, "qcode") or attribute(element, "uri")
    return code.replace("/", ":").rpartition(":")[2]


def _rights(rights: Children) -> dict[str, str]:
    linked = first(rights["link"])
    if linked is not None:
        return {"linkedRights": linked.get("href", "")}
    encoded = first(rights["rightsExpressionXML"])
    if encoded is None:
        return {}
    within = "".join(etree.tostring(each, encoding="unicode", with_tail=False) for each in encoded)
    return {"langId": encoded.get("langid", ""), "encodedRights": within}


def _schemes(item: Children) -> dict[str, str]:
    own = (scheme for catalog in item["catalog"] for scheme in children(catalog, "scheme"))
    return SCHEMES | {scheme.get("alias", ""): scheme.get("uri", "") for scheme in own}


def _keys(element: Element) -> list[str]:
    return [value for name in ("qcode", "uri", "literal") if (value := element.get(name))]


def _concept(element: Element, schemes: Mapping[str, str], asserted: Mapping[str, Element]) -> dict[str, Any]:
    """A concept with its name, its URI or code, and what the item asserts of it elsewhere."""
    qcode, literal = element.get("qcode", ""), element.get("literal", "")
    alias, _, code = qcode.partition(":")
    uri = element.get("uri", "") or (schemes[alias] + code if alias in schemes else "")
    said: dict[str, Any] = {"name": words(child(element, "name")), "uri": uri}
    said["literal"] = "" if uri else literal or qcode
    about = next((asserted[key] for key in _keys(element) if key in asserted), None)
    for details in (element, about):
        if details is not None:
            said["name"] = said["name"] or words(child(details, "name"))
            said.update(_details(details))
    return {name: value for name, value in said.items() if value}


def _details(element: Element) -> dict[str, Any]:
    details = next((each for each in element if name_of(each).endswith("Details")), None)
    if details is None:
        return {}
    reach = [
        {"type": name_of(each), "value": words(each)}
        for info in children(details, "contactInfo")
        for each in info
        if name_of(each) in ("phone", "email", "web", "fax", "im")
    ]
    listings = [
        {"exchange": each.get("market", "").rpartition(":")[2] or each.get("marketlabel", ""), "symbol": symbol}
        for each in _instruments(element, details)
        if (symbol := each.get("symbol", ""))
    ]
    return {"contactInfo": reach, "symbols": listings}


def _instruments(*elements: Element) -> Iterator[Element]:
    for element in elements:
        yield from children(element, "hasInstrument")
