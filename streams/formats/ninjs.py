"""IPTC ninjs, News in JSON: versions 2 and 3 in, version 3.1 out."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from streams.codec import loads
from streams.errors import Reason, Unprocessable
from streams.formats.html import read_markup
from streams.formats.text import tidy_line
from streams.formats.vocabulary import conform, instant, read_embargo, read_instant, read_status, read_version, uri
from streams.records import CleanRelease, Declared, EnrichedRelease, Entity, RawRelease, Symbol
from streams.text.charset import decode

MEDIA_TYPE = "application/ninjs+json"
"""Ours: IPTC has registered none."""

STANDARD = {
    "name": "ninjs",
    "version": "3.1",
    "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#",
}

ABOUT = 0.5
"""Salience from which a release is about an entity and does not just mention it."""

ID_URI = "urn:newsmill:id:"
"""Begins the URI of a release whose id is none."""

_HTML_TYPES = ("text/html", "application/xhtml+xml", "text/xhtml")
_TEXT_TYPES = ("", "text/plain")
_TAG = re.compile(r"\s*<(?:p|div|section|article|h\d|html)[\s>]", re.IGNORECASE)
_VERSION = re.compile(r"ninjs-schema_(\d\.\d+)")
_MOMENTS = ("versionCreated", "firstCreated", "contentCreated")
_OWN = ("uri", "version", "pubStatus", "embargoedUntil", "language")
"""Properties that have a field in every record: they are not kept a second time."""


def looks_like_ninjs(fields: Mapping[str, Any]) -> bool:
    """Say whether a JSON object without a content type of its own is ninjs 2 or 3: by its arrays of texts."""
    return any(isinstance(fields.get(name), list) for name in ("headlines", "bodies")) or (
        "uri" in fields and ("versionCreated" in fields or "versioncreated" in fields) and "text" not in fields
    )


def read_ninjs(data: bytes, charset: str | None) -> RawRelease:
    """Read a ninjs object. What ninjs has no place for is passed over."""
    fields = load_json(data, charset)
    if not isinstance(fields, dict):
        raise Unprocessable(Reason.INVALID, f"ninjs is a JSON object, this is {type(fields).__name__}")
    return read_object(fields)


def load_json(data: bytes, charset: str | None) -> Any:
    """Parse JSON in whatever charset; in UTF-8, as nearly always, without decoding it first."""
    if charset is None or charset.lower() == "utf-8":
        try:
            return loads(data)
        except Unprocessable:
            pass  # another charset, or broken: the same fault again below
    return loads(decode(data, charset).encode())


def read_object(fields: Mapping[str, Any]) -> RawRelease:
    """Read the object that a ninjs document is. An item without bodies, a picture's above all, has its descriptions."""
    said = {name.lower(): value for name, value in fields.items() if value is not None}
    properties: dict[str, Any] = conform(fields) or {}
    kept = {name: value for name, value in properties.items() if name not in _OWN}
    title = _main(kept.get("headlines", ()))
    shown, rest = _read_bodies(kept.pop("bodies", []))
    if rest:
        kept["bodies"] = rest
    kept.pop("standard", None)
    return RawRelease(
        id=tidy_line(_word(said, "uri")),
        version=read_version(said.get("version", 1)),
        pub_status=read_status(said.get("pubstatus", "usable")),
        source=next((name for source in kept.get("infoSources", ()) if (name := source.get("name"))), ""),
        content_type=MEDIA_TYPE,
        title=tidy_line(read_markup(title["value"]).text) if _is_html(title) else tidy_line(title.get("value", "")),
        text=shown.text or "\n".join(each["value"] for each in kept.get("descriptions", ())),
        markup=shown.markup,
        language_hint=tidy_line(_word(said, "language")).replace("_", "-") or shown.language_hint,
        published_at=next((moment for name in _MOMENTS if (moment := read_instant(kept.get(name)))), None),
        embargoed_until=read_embargo(said.get("embargoeduntil")),
        declared=Declared(format=_format(properties, fields), properties=kept),
    )


def _word(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise Unprocessable(Reason.INVALID, f"{name} is {type(value).__name__}, not a string")
    return value


def _format(properties: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    standard = properties.get("standard", {})
    found = _VERSION.search(standard.get("schema", ""))
    older = "versionCreated" not in fields and "versioncreated" in fields
    version = standard.get("version") or (found[1] if found else "2" if older else "")
    return f"ninjs {version}".strip()


def _main(values: Iterable[Mapping[str, str]]) -> Mapping[str, str]:
    """The text in the main role, else the first."""
    texts = list(values)
    return next((each for each in texts if each.get("role", "").lower() == "main"), texts[0] if texts else {})


def _is_html(body: Mapping[str, str]) -> bool:
    kind = body.get("contentType", "").partition(";")[0].strip().lower()
    return kind in _HTML_TYPES or (kind == "" and bool(_TAG.match(body.get("value", ""))))


def _is_text(body: Mapping[str, str]) -> bool:
    return body.get("contentType", "").partition(";")[0].strip().lower() in _TEXT_TYPES


def _read_bodies(bodies: list[dict[str, Any]]) -> tuple[RawRelease, list[dict[str, Any]]]:
    """Read the body that says most about its paragraphs. Returns it, and the bodies to keep as they are."""
    if markup := [body for body in bodies if _is_html(body)]:
        return read_markup(_main(markup)["value"]), bodies
    if plain := [body for body in bodies if _is_text(body)]:
        main = _main(plain)
        return RawRelease(text=main["value"]), [body for body in bodies if body is not main]
    return RawRelease(), bodies


# --- Out ------------------------------------------------------------------------------------------------------------


def write_ninjs(release: EnrichedRelease) -> bytes:
    """Write what the release declares and what the stages found as a ninjs 3.1 object."""
    return orjson.dumps(ninjs_of(release))


def ninjs_of(release: EnrichedRelease) -> dict[str, Any]:
    """The ninjs 3.1 object of a release: what was declared, with what the record's fields hold in its place.

    `bodies` begins with the clean body in the role `main`; the text as it came is in the role `original`. An id that is
    no URI as it stands is in `altIds`.
    """
    said = release.declared.properties
    identifier = uri(release.id)
    found = {
        "uri": identifier or ID_URI + quote(release.id, safe=""),
        "type": said.get("type", "text"),
        "version": str(release.version),
        "versionCreated": said.get("versionCreated") or _moment(release.published_at),
        "embargoedUntil": _moment(release.embargoed_until),
        "pubStatus": release.pub_status,
        "copyrightNotice": release.copyright,
        "edNote": "\n".join(dict.fromkeys(filter(None, (said.get("edNote", ""), release.correction_notice)))),
        "language": release.language,
        "headlines": _headlines(release, said),
        "bodies": _bodies(release, said),
        "by": release.byline,
        "located": said.get("located") or (release.dateline.city if release.dateline else ""),
        "people": _merged(said.get("people", ()), map(_party, _of(release, "PERSON"))),
        "organisations": _merged(said.get("organisations", ()), _organisations(release)),
        "places": _merged(said.get("places", ()), map(_party, _of(release, "PLACE"))),
        "subjects": _merged(said.get("subjects", ()), ({"name": sector} for sector in release.sectors)),
        "infoSources": _merged(said.get("infoSources", ()), _sources(release)),
        "altIds": [
            *said.get("altIds", ()),
            *([] if identifier == release.id else [{"role": "id", "value": release.id}]),
        ],
        "standard": STANDARD,
    }
    return {**said, **{name: value for name, value in found.items() if value}}


def _moment(value: datetime | None) -> str:
    return instant(value.isoformat()) or "" if value else ""


def _headlines(release: CleanRelease, said: Mapping[str, Any]) -> list[dict[str, str]]:
    """The record's title as the main one; all that was declared, but for the same once more."""
    declared = [
        each
        for each in said.get("headlines", ())
        if (each.get("role", "main"), each["value"]) != ("main", release.title)
    ]
    values = {each["value"] for each in declared}
    ours = [{"role": "main", "value": release.title}] if release.title else []
    if release.subtitle and release.subtitle not in values:
        ours.append({"role": "subheadline", "value": release.subtitle})
    return [*ours, *declared]


def _bodies(release: CleanRelease, said: Mapping[str, Any]) -> list[dict[str, Any]]:
    plain = {"contentType": "text/plain"}
    bodies: list[dict[str, Any]] = []
    if release.body:
        bodies.append({"role": "main", **plain, "value": release.body})
    if release.text.strip() and release.text != release.body:
        bodies.append({"role": "original", **plain, "value": release.text})
    for body in said.get("bodies", ()):
        main = body.get("role", "main").lower() == "main"
        bodies.append({**body, "role": "original" if main else body["role"]})
    return bodies


def _of(release: EnrichedRelease, kind: str) -> list[Entity]:
    found = [entity for entity in release.entities if entity.type == kind]
    return sorted(found, key=lambda entity: -entity.salience)


def _party(entity: Entity) -> dict[str, Any]:
    identifier = uri(entity.uri)
    party: dict[str, Any] = {"name": entity.name, "rel": "about" if entity.salience >= ABOUT else "mentions"}
    if identifier:
        party["uri"] = identifier
    elif entity.value or entity.uri:
        party["literal"] = entity.value or entity.uri
    return party


def _organisations(release: EnrichedRelease) -> Iterable[dict[str, Any]]:
    """The organisations, and the listings that no organisation holds, each under its name in the text."""
    listed: set[Symbol] = set()
    for entity in _of(release, "ORGANISATION"):
        listed.update(entity.symbols)
        symbols = [{"exchange": symbol.exchange, "symbol": symbol.symbol} for symbol in entity.symbols]
        yield _party(entity) | ({"symbols": symbols} if symbols else {})
    for entity in _of(release, "TICKER"):
        if symbols := [{"exchange": s.exchange, "symbol": s.symbol} for s in entity.symbols if s not in listed]:
            yield {"name": entity.name, "rel": "mentions", "symbols": symbols}


def _sources(release: CleanRelease) -> Iterable[dict[str, Any]]:
    names = (("source", release.source), ("source", release.source_line), ("distributor", release.distributor))
    for role, name in names:
        if name:
            yield {"name": name, "role": role}
    for contact in release.contacts:
        reach = [{"type": kind, "value": value} for kind in ("phone", "email") if (value := getattr(contact, kind))]
        name = ", ".join(filter(None, (contact.name, contact.organisation)))
        if reach or name:
            role = f"{contact.role} contact".strip()
            yield {"role": role} | ({"name": name} if name else {}) | ({"contactInfo": reach} if reach else {})


def _merged(declared: Iterable[dict[str, Any]], found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was declared, filled up with what was found of the same name or URI, then what was only found."""
    merged = [dict(each) for each in declared]
    known = {word: each for each in merged for word in _names(each)}
    for each in found:
        same = next((known[word] for word in _names(each) if word in known), None)
        if same is None:
            merged.append(each)
            known |= dict.fromkeys(_names(each), each)
        else:
            for name, value in each.items():
                same.setdefault(name, value)
    return merged


def _names(party: Mapping[str, Any]) -> list[str]:
    return [party[name].casefold() for name in ("uri", "name") if name in party]
