"""NITF, the News Industry Text Format of the IPTC: versions 3.x, with or without a namespace."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from streams.errors import Reason, Unprocessable
from streams.formats.html import read_tree
from streams.formats.vocabulary import conform, read_embargo, read_instant, read_status, read_version
from streams.formats.xml import Element, attribute, child, children, language_of, name_of, parse_xml, words
from streams.records import Declared, RawRelease

MEDIA_TYPE = "application/nitf+xml"

SUBJECT_CODES = "http://cv.iptc.org/newscodes/subjectcode/"
"""The IPTC's subject codes, which `tobject.subject.refnum` counts in."""

TAGS = {
    "body.head": "div", "body.content": "article", "body.end": "div", "hedline": "div", "hl1": "h1", "hl2": "h2",
    "byline": "p", "byttl": "span", "distributor": "p", "dateline": "p", "abstract": "div", "block": "div",
    "media": "figure", "media-caption": "figcaption", "media-producer": "p", "media-reference": "template",
    "media-metadata": "template", "media-object": "template", "note": "template", "rights": "template",
    "tagline": "p", "bibliography": "p", "datasource": "p", "nitf-table": "div", "nitf-table-metadata": "template",
    "bq": "blockquote", "fn": "p",
}  # fmt: skip
"""Elements of NITF as the HTML that shows them; its `p`, `table`, `ul` and such are HTML's own.

What no reader is shown (editors' notes, references to media) is a `template`.
"""

_ENTITIES = {"person": "people", "org": "organisations", "location": "places", "event": "events"}
_VERSION = re.compile(r"\d\.\d")


def read_nitf(data: bytes, charset: str | None) -> RawRelease:
    """Read an NITF document. `date.release` is its embargo."""
    root = parse_xml(data, charset)
    if name_of(root) != "nitf":
        raise Unprocessable(Reason.UNSUPPORTED_FORMAT, f"<{name_of(root)}> is no NITF document")
    head, body = child(root, "head"), child(root, "body")
    docdata = child(head, "docdata")
    shown = read_body(root)
    properties = conform(_properties(head, docdata, child(body, "body.head"))) or {}
    status = attribute(docdata, "management-status") or "usable"
    embargoed_until = read_embargo(attribute(child(docdata, "date.release"), "norm"))
    if status == "embargoed":
        status = "usable" if embargoed_until else "withheld"
    return RawRelease(
        id=attribute(child(docdata, "doc-id"), "id-string"),
        version=read_version(attribute(child(docdata, "du-key"), "version") or 1),
        pub_status=read_status(status),
        source=next((s["name"] for s in properties.get("infoSources", ()) if "name" in s), ""),
        content_type=MEDIA_TYPE,
        title=shown.title or words(child(head, "title")),
        text=shown.text,
        markup=shown.markup,
        language_hint=language_of(root) or language_of(body),
        published_at=read_instant(properties.get("versionCreated")),
        embargoed_until=embargoed_until,
        declared=Declared(format=f"NITF {_version(root)}".strip(), properties=properties),
    )


def read_body(root: Element) -> RawRelease:
    """Read headline, text and markup of an `<nitf>` element, also inside another document."""
    body = child(root, "body")
    return read_tree(body, TAGS) if body is not None else RawRelease()


def _properties(head: Element | None, docdata: Element | None, top: Element | None) -> dict[str, Any]:
    """What head, docdata and body.head say, in the words of ninjs."""
    tobject, pubdata = child(head, "tobject"), child(head, "pubdata")
    rights, holder = child(docdata, "doc.rights"), child(docdata, "doc.copyright")
    owner = attribute(holder, "holder") or attribute(rights, "owner")
    year, source = attribute(holder, "year"), attribute(child(docdata, "doc-id"), "regsrc")
    headlines = [{"role": "main", "value": words(each)} for each in _inside(top, "hl1")]
    headlines += [{"role": "subheadline", "value": words(each)} for each in _inside(top, "hl2")]
    named: dict[str, list[dict[str, str]]] = {"people": [], "organisations": [], "places": [], "events": []}
    identified = child(docdata, "identified-content")
    for kind, property_name in _ENTITIES.items():
        for each in children(identified, kind):
            named[property_name].append(_entity(each))
    subjects = [*_subjects(tobject), *(_entity(each) for each in children(identified, "classifier"))]
    subjects += [{"name": attribute(each, "key")} for each in children(child(docdata, "key-list"), "keyword")]
    notes = [*(attribute(each, "info") for each in children(docdata, "ed-msg")), *map(words, children(top, "note"))]
    names = [words(child(top, "distributor")), attribute(pubdata, "name")]
    return {
        **named,
        "title": words(child(head, "title")),
        "headlines": headlines,
        "by": words(child(top, "byline")),
        "located": words(child(child(top, "dateline"), "location")),
        "descriptions": [{"role": "abstract", "value": words(each)} for each in children(top, "abstract")]
        + [{"role": "dateline", "value": words(each)} for each in children(top, "dateline")],
        "subjects": subjects,
        "genres": [{"name": attribute(p, "tobject.property.type")} for p in children(tobject, "tobject.property")],
        "urgency": attribute(child(docdata, "urgency"), "ed-urg"),
        "slugline": attribute(child(docdata, "fixture"), "fix-id") or attribute(child(docdata, "du-key"), "key"),
        "copyrightHolder": owner,
        "copyrightNotice": words(child(top, "rights")) or (f"© {year} {owner}" if owner and year else ""),
        "usageTerms": attribute(rights, "limitations"),
        "edNote": "\n".join(filter(None, notes)),
        "firstCreated": _moment(child(docdata, "date.issue")),
        "versionCreated": _moment(child(docdata, "date.issue")) or _moment(pubdata, "date.publication"),
        "expires": _moment(child(docdata, "date.expire")),
        "infoSources": [{"name": name, "role": "distributor"} for name in dict.fromkeys(filter(None, names))],
        "altIds": [{"role": "regsrc", "value": source}] if source else [],
    }


def _subjects(tobject: Element | None) -> Iterator[Mapping[str, str]]:
    for each in children(tobject, "tobject.subject"):
        code = each.get("tobject.subject.refnum", "")
        levels = (each.get(f"tobject.subject.{level}", "") for level in ("detail", "matter", "type"))
        yield {"name": next(filter(None, levels), ""), "uri": SUBJECT_CODES + code if code else "", "literal": code}


def _entity(element: Element) -> dict[str, str]:
    """A person, organisation, place or class, with the code it goes by."""
    name, code, scheme = words(element), attribute(element, "value"), attribute(element, "idsrc")
    return {
        "name": name or code,
        "literal": ":".join(filter(None, (scheme, code))) if name else "",
        "rel": "about" if attribute(element, "importance") == "1" else "mentions",
    }


def _moment(element: Element | None, name: str = "norm") -> str:
    moment = read_instant(attribute(element, name))
    return moment.isoformat() if moment else ""


def _inside(element: Element | None, name: str) -> Iterator[Element]:
    return iter(()) if element is None else element.iter("{*}" + name)


def _version(root: Element) -> str:
    found = _VERSION.search(root.get("version", "").rpartition("NITF")[2])
    return found[0] if found else ""
