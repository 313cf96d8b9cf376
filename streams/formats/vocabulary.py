"""The words of IPTC ninjs 3.1: what a release's format declares is kept in them, whatever format it is.

A check takes a value to what ninjs 3.1 has in that place, or to `None` where the value has no place there. Names are
known whatever their case: `versioncreated` of ninjs 2 is `versionCreated`. A test holds the tables to IPTC's schema.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from streams.errors import Reason, Unprocessable
from streams.formats.text import tidy, tidy_line
from streams.records import PubStatus

Check = Callable[[Any], Any]

MAX_DEPTH = 32
"""Of what is carried unseen (GeoJSON): orjson writes no deeper than 254, and no polygon needs more than 8."""

MAX_ASSOCIATIONS = 4
"""Levels of associated items inside associated items that are kept."""

MAX_VERSION = 2**63 - 1
"""orjson writes no larger integer than 64 bits hold, and Java consumers read them signed."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20]+")
_IRI_SAFE = "%:/?#[]@!$&'()*+,;=~-._"
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_TRUNCATED = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?)?)?")


def text(value: Any) -> str | None:
    """Text of any number of lines."""
    return (tidy(value) or None) if isinstance(value, str) else None


def line(value: Any) -> str | None:
    """One line; a number is what it is written as."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return (tidy_line(value) or None) if isinstance(value, str) else None


def uri(value: Any) -> str | None:
    """A whole URI; letters that it must not hold are escaped."""
    if not isinstance(value, str) or not _URI.fullmatch(value := value.strip()):
        return None
    return value if value.isascii() else quote(value, safe=_IRI_SAFE)


def instant(value: Any) -> str | None:
    """A moment with its offset, as RFC 3339 writes it."""
    moment = read_instant(value)
    if moment is None:
        return None
    return stripped if _RFC_3339.fullmatch(stripped := value.strip()) else moment.isoformat()


def read_instant(value: Any) -> datetime | None:
    """Read ISO 8601, basic or extended; nothing without an offset: which moment it means would be a guess."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment if moment.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None


def number(value: Any) -> float | None:
    """A number, also one that is written as text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    finite = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return value if finite else None


def integer(least: int | None = None, most: int | None = None) -> Check:
    """Make the check of a whole number within bounds."""

    def checked(value: Any) -> int | None:
        found = number(value)
        if found is None or found != int(found):
            return None
        inside = (least is None or least <= found) and (most is None or found <= most)
        return int(found) if inside else None

    return checked


def one_of(*words: str) -> Check:
    """Make the check of a closed list of words."""
    known = {word.casefold(): word for word in words}
    return lambda value: known.get(value.strip().casefold()) if isinstance(value, str) else None


def many(check: Check) -> Check:
    """Make the check of an array; items that do not fit are left out."""

    def checked(value: Any) -> list[Any] | None:
        if not isinstance(value, list):
            return None
        return [kept for item in value if (kept := check(item)) is not None] or None

    return checked


def record(fields: Mapping[str, Check], required: Collection[str] = (), either: Collection[str] = ()) -> Check:
    """Make the check of an object: `required` names must be there; of `either` only the first is kept, and needed."""
    known = {name.lower(): (name, check) for name, check in fields.items()}

    def checked(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return None
        found = {}
        for key, each in value.items():
            if (field := known.get(key) or known.get(key.lower())) and (kept := field[1](each)) is not None:
                found[field[0]] = kept
        if any(name not in found for name in required):
            return None
        if either:
            there = [name for name in either if name in found]
            if not there:
                return None
            for name in there[1:]:
                del found[name]
        return found or None

    return checked


def carried(value: Any) -> Any:
    """Make sure that what is not looked into can be written again."""
    return value if isinstance(value, dict) and _depth(value) <= MAX_DEPTH else None


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        level = inner
    return depth


def _truncated(value: Any) -> str | None:
    return value if isinstance(value, str) and _TRUNCATED.fullmatch(value) else None


_DATES = record(
    {
        "startDate": instant,
        "endDate": instant,
        "expectedStartDate": _truncated,
        "expectedEndDate": _truncated,
        "expectedDuration": line,
        "recurrence": record(
            {
                "recurrenceRules": many(
                    record(
                        {
                            "frequency": one_of(
                                "secondly", "minutely", "hourly", "daily", "weekly", "monthly", "yearly"
                            ),
                            "interval": integer(),
                            "until": instant,
                            "count": integer(),
                        }
                    )
                )
            }
        ),
    }
)


def _dates(value: Any) -> dict[str, Any] | None:
    """Either a start or an end in one of two ways: ninjs takes no dates without."""
    found = _DATES(value)
    whole = found and any(
        (name in found) != (f"expected{name[0].upper()}{name[1:]}" in found) for name in ("startDate", "endDate")
    )
    return found if whole else None


_CONTACT = many(
    record(
        {
            "type": line,
            "role": line,
            "lang": line,
            "name": line,
            "value": line,
            "address": record(
                {"lines": many(line), "locality": line, "area": line, "postalCode": line, "country": line}
            ),
        },
        either=("value", "address"),
    )
)
_NAMED: Mapping[str, Check] = {"name": line, "rel": line, "uri": uri, "literal": line}
_PARTY: Mapping[str, Check] = {**_NAMED, "contactInfo": _CONTACT}
_ORGANISATION = record(
    {**_PARTY, "symbols": many(record({"exchange": line, "symbolType": uri, "symbol": line}))},
)
_TYPE = one_of("text", "audio", "video", "picture", "graphic", "composite", "component", "event", "planning")
PUB_STATUS = one_of("usable", "withheld", "canceled")
_RENDITIONS = many(
    record(
        {
            "name": line,
            "href": uri,
            "contentType": line,
            "title": line,
            "width": integer(),
            "height": integer(),
            "sizeInBytes": integer(),
            "duration": number,
            "format": line,
            "aspectRatio": line,
            "videoCodec": line,
            "frameRate": number,
            "poi": record({"x": integer(), "y": integer()}),
            "transportProtocol": line,
            "scanType": one_of("progressive", "interlaced"),
            "bitrate": line,
        },
        required=("name",),
    )
)
_VALUED: Mapping[str, Check] = {"role": line, "contentType": line, "value": text}

_PROPERTIES: Mapping[str, Check] = {
    "uri": uri,
    "type": _TYPE,
    "representationType": one_of("full", "partial"),
    "profile": line,
    "version": line,
    "firstCreated": instant,
    "versionCreated": instant,
    "contentCreated": instant,
    "embargoedUntil": instant,
    "pubStatus": PUB_STATUS,
    "urgency": integer(1, 9),
    "copyrightHolder": line,
    "copyrightNotice": text,
    "usageTerms": text,
    "edNote": text,
    "language": line,
    "descriptions": many(record(_VALUED, required=("value",))),
    "bodies": many(record({**_VALUED, "charCount": integer(), "wordCount": integer()}, required=("value",))),
    "headlines": many(record(_VALUED, required=("value",))),
    "people": many(record(_PARTY)),
    "organisations": many(_ORGANISATION),
    "places": many(record({**_PARTY, "geoJSON": carried})),
    "subjects": many(record({**_NAMED, "creator": line, "relevance": integer(0, 100), "confidence": integer(0, 100)})),
    "events": many(record({**_NAMED, "id": line})),
    "eventDetails": record(
        {"eventStatus": uri, "plannedCoverageStatus": uri, "dates": _dates, "organiser": _ORGANISATION}
    ),
    "plannedCoverage": many(
        record(
            {
                "uri": uri,
                "title": line,
                "pubStatus": PUB_STATUS,
                "type": _TYPE,
                "commissioned": record(
                    {"by": line, "on": instant, "references": many(record({"name": line, "value": line}))}
                ),
                "dates": _dates,
                "audiences": many(record({"audience": line, "significance": integer()})),
                "exclAudience": many(line),
                "edNote": text,
                "urgency": integer(1, 9),
                "language": line,
                "itemCount": record({"rangeFrom": integer(), "rangeTo": integer()}),
                "wordCount": integer(),
                "renditions": _RENDITIONS,
            }
        )
    ),
    "objects": many(record(_NAMED)),
    "infoSources": many(record({"name": line, "role": line, "uri": uri, "literal": line, "contactInfo": _CONTACT})),
    "title": line,
    "by": line,
    "slugline": line,
    "located": line,
    "renditions": _RENDITIONS,
    "altIds": many(record({"role": line, "value": line})),
    "trustIndicators": many(record({"role": uri, "title": line, "href": uri})),
    "standard": record({"name": line, "version": line, "schema": uri}),
    "genres": many(record({"name": line, "uri": line, "literal": line})),
    "expires": instant,
    "rightsInfo": record(
        {"langId": uri, "linkedRights": uri, "encodedRights": text}, either=("linkedRights", "encodedRights")
    ),
    "digitalSourceType": record({"name": line, "uri": uri, "literal": line}),
}


def _with_associations(levels: int) -> Mapping[str, Check]:
    if levels == 0:
        return _PROPERTIES
    associated = {**_with_associations(levels - 1), "name": line, "rel": line}
    return {**_PROPERTIES, "associations": many(record(associated, required=("name", "uri")))}


conform = record(_with_associations(MAX_ASSOCIATIONS))
"""Keep of an object what ninjs 3.1 has a place for, under its names; `None` if that is nothing."""


def read_version(value: Any) -> int:
    """Read a version that counts up, from 1 or from 0, which is our 1.

    Raises `Unprocessable` for one that does not count: it cannot tell a correction.
    """
    digits = tidy_line(value) if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise Unprocessable(Reason.INVALID, f"version is {digits[:40]!r}, not a number")
    version = max(1, int(digits))
    if version > MAX_VERSION:
        raise Unprocessable(Reason.INVALID, f"version is {version}: no more than {MAX_VERSION}")
    return version


def read_status(value: Any) -> PubStatus:
    """Read a publishing status. Raises `Unprocessable`: a guess could publish what must not be."""
    status: PubStatus | None = PUB_STATUS(value)
    if status is None:
        raise Unprocessable(Reason.INVALID, f"publishing status is {str(value)[:40]!r}: usable, withheld or canceled")
    return status


def read_embargo(value: Any) -> datetime | None:
    """Read the end of an embargo. Raises `Unprocessable`: a guess could break it."""
    if value is None or value == "":
        return None
    moment = read_instant(value)
    if moment is None:
        raise Unprocessable(Reason.INVALID, f"embargo ends {str(value)[:40]!r}: not a moment with its offset")
    return moment
