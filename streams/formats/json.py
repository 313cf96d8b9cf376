"""JSON: the fields of `RawRelease`, also under the names that wires give them; or ninjs, if it looks like it."""

from dataclasses import replace
from typing import Any

from streams.codec import convert
from streams.errors import Reason, Unprocessable
from streams.formats.html import read_markup
from streams.formats.ninjs import load_json, looks_like_ninjs, read_object
from streams.formats.text import tidy, tidy_line
from streams.formats.vocabulary import MAX_VERSION, conform
from streams.records import Declared, RawRelease

ALIASES = {
    "text": ("body", "content"),
    "title": ("headline",),
    "language_hint": ("lang", "language"),
    "id": ("uri",),
    "pub_status": ("pubStatus", "pubstatus"),
}
"""Other names of a field, read where the field itself is absent: each means only one thing on every wire seen."""

_OURS = frozenset(RawRelease.__dataclass_fields__) - {"schema", "enrichment", "decisions"}  # made here, never believed


def read_json(data: bytes, charset: str | None) -> RawRelease:
    """Read a JSON object. Unknown fields are passed over and `null` is absent; an `html` field is read as HTML."""
    fields = load_json(data, charset)
    if not isinstance(fields, dict):
        raise Unprocessable(Reason.INVALID, f"a release is a JSON object, this is {type(fields).__name__}")
    if looks_like_ninjs(fields):
        return read_object(fields)
    release = convert(RawRelease, _canonical(fields))
    check(release)
    if release.html:
        release = _with_html(release)
    return replace(
        release,
        id=tidy_line(release.id),
        source=tidy_line(release.source),
        title=tidy_line(release.title),
        text=tidy(release.text),
        language_hint=tidy_line(release.language_hint).replace("_", "-"),
        content_type=release.content_type or "application/json",
        declared=_conforming(release.declared),
    )


def _canonical(fields: dict[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in fields.items() if name in _OURS and value is not None}
    for name, aliases in ALIASES.items():
        if name in known:
            continue
        sent = {alias: fields[alias] for alias in aliases if fields.get(alias) is not None}
        if len(set(map(repr, sent.values()))) > 1:
            raise Unprocessable(Reason.INVALID, f"{' and '.join(sent)} differ, and both stand for {name}: send {name}")
        for alias, value in sent.items():
            if not isinstance(value, str):
                raise Unprocessable(Reason.INVALID, f"{alias} (for {name}) is {type(value).__name__}, not a string")
            known[name] = value
    return known


def check(release: RawRelease) -> None:
    """Check what the types do not say. Raises `Unprocessable` that names the field."""
    if not 1 <= release.version <= MAX_VERSION:
        raise Unprocessable(Reason.INVALID, f"version is {release.version}, not 1 or more")
    if release.text and release.html:
        raise Unprocessable(Reason.INVALID, "text and html are both there: send one")
    lines = release.text.count("\n") + 1
    for mark in release.markup:
        if not 0 <= mark.line < lines:
            raise Unprocessable(Reason.INVALID, f"markup speaks of line {mark.line}, text has {lines}")


def _conforming(declared: Declared) -> Declared:
    return replace(declared, properties=conform(declared.properties) or {}) if declared.properties else declared


def _with_html(release: RawRelease) -> RawRelease:
    page = read_markup(release.html)
    return replace(
        release,
        html="",
        text=page.text,
        markup=page.markup,
        title=release.title or page.title,
        language_hint=release.language_hint or page.language_hint,
        content_type=release.content_type or "text/html",
    )
