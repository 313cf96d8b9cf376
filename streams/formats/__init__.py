"""What releases come in as: one file per format, bytes to `RawRelease`, and the table that chooses one."""

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from streams.codec import convert
from streams.errors import Reason, Unprocessable
from streams.formats.html import read_html
from streams.formats.json import check, read_json
from streams.formats.text import read_text, tidy_line
from streams.records import RawRelease

Reader = Callable[[bytes, str | None], RawRelease]
"""Reads the bytes, given the charset that the content type declares, if any. Raises `Unprocessable`."""

READERS: Mapping[str, Reader] = {
    "application/json": read_json,
    "application/vnd.newsmill+json": read_json,
    "text/plain": read_text,
    "text/html": read_html,
    "application/xhtml+xml": read_html,
}
"""Media type to what reads it."""

UNTYPED = frozenset(("", "application/octet-stream"))
"""Content types that say nothing: the bytes are looked at."""

FIELD_HEADERS = {
    f"newsmill.{name}": name
    for name in ("id", "version", "pub_status", "source", "title", "language_hint", "published_at", "embargoed_until")
} | {"content-language": "language_hint", "ce_source": "source"}
"""Headers that fill a field which the release itself leaves open: text and HTML have no place for most."""

ID_PREFIX = "urn:newsmill:sha256:"
"""Of the id of a release that came without one: the hash of its bytes, so that the same bytes are the same release."""

_TRANSPORT = ("content-", "ce_", "newsmill.", "__connect.", "traceparent", "tracestate", "baggage")
"""Headers of the event, not of the release: they are not carried in the record."""

_SNIFFED_BYTES = 512
_MAGIC = {
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": "application/zip (docx, odt and epub are such)",
    b"\xd0\xcf\x11\xe0": "application/msword",
    b"{\\rtf": "application/rtf",
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"\x1f\x8b": "application/gzip (send it with the header content-encoding: gzip)",
}
_JSON = re.compile(rb"\{\s*[\"}]")
_HTML = re.compile(
    rb"<(?:!doctype\s+html|!--|(?:a|article|b|blockquote|body|br|center|div|em|font|h[1-6]|head|header|html|i|img|link|main"
    rb"|meta|ol|p|script|section|span|strong|style|table|title|ul)[\s/>])",
    re.IGNORECASE,
)
_XML = re.compile(rb"<(?:\?xml|!doctype|([a-z][\w.:-]*)(?:\s[^<>]*)?>)", re.IGNORECASE)
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^"';\s]+)""", re.IGNORECASE)


def parse(
    data: bytes,
    *,
    content_type: str | None,
    key: str,
    received_at: datetime,
    headers: Mapping[str, str],
    limit_bytes: int,
) -> RawRelease:
    """Read a release in whatever format it came.

    The content type decides, and where it says nothing, the bytes do. What the release says of itself goes before the
    headers; its id, before the key. Raises `Unprocessable`: TOO_LARGE, UNSUPPORTED_FORMAT, UNDECODABLE, INVALID, EMPTY.
    """
    told = {name.lower(): value for name, value in headers.items()}
    data = _unpacked(data, told.get("content-encoding", ""), limit_bytes)
    media_type, charset = _media_type(content_type or "")
    reader = READERS.get(_sniff(data) if media_type in UNTYPED else media_type)
    if reader is None:
        raise Unprocessable(Reason.UNSUPPORTED_FORMAT, f"{media_type or 'unknown'}: known are {', '.join(READERS)}")
    release = _filled(reader(data, charset), told)
    if release.pub_status == "usable" and not release.title and not release.text.strip():
        raise Unprocessable(Reason.EMPTY, f"neither title nor text in {len(data)} bytes of {release.content_type}")
    carried = {name: value for name, value in headers.items() if not name.lower().startswith(_TRANSPORT)}
    return replace(
        release,
        id=release.id or tidy_line(key) or ID_PREFIX + hashlib.sha256(data).hexdigest(),
        received_at=release.received_at or received_at,
        headers=carried | release.headers,
    )


def _unpacked(data: bytes, encoding: str, limit_bytes: int) -> bytes:
    if len(data) > limit_bytes:
        raise Unprocessable(Reason.TOO_LARGE, f"{len(data)} bytes, the limit is {limit_bytes}")
    match encoding.strip().lower():
        case "" | "identity":
            return data
        case "gzip" | "x-gzip":
            return _gunzip(data, limit_bytes)
        case other:
            raise Unprocessable(Reason.UNSUPPORTED_FORMAT, f"content-encoding {other}: known are gzip and identity")


def _gunzip(data: bytes, limit_bytes: int) -> bytes:
    """Unpack no further than the limit: gzip reaches 1028:1."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(data, limit_bytes + 1)
    except zlib.error as exc:
        raise Unprocessable(Reason.UNDECODABLE, f"not gzip, as content-encoding says: {exc}") from exc
    if len(unpacked) > limit_bytes:
        raise Unprocessable(Reason.TOO_LARGE, f"over {limit_bytes} bytes once unpacked")
    if not unpacker.eof:
        raise Unprocessable(Reason.UNDECODABLE, f"gzip breaks off after {len(unpacked)} unpacked bytes")
    if unpacker.unused_data:
        raise Unprocessable(Reason.UNDECODABLE, f"{len(unpacker.unused_data)} bytes after the end of the gzip data")
    return unpacked


def _media_type(content_type: str) -> tuple[str, str | None]:
    media_type, _, parameters = content_type.partition(";")
    charset = _CHARSET.search(parameters)
    return media_type.strip().lower(), charset[1] if charset else None


def _sniff(data: bytes) -> str:
    for magic, media_type in _MAGIC.items():
        if data.startswith(magic):
            raise Unprocessable(Reason.UNSUPPORTED_FORMAT, f"looks like {media_type}: known are {', '.join(READERS)}")
    # Without marks and NULs, UTF-16 looks like ASCII, which is all that a guess needs.
    head = data[:_SNIFFED_BYTES].lstrip(b"\xef\xbb\xbf\xff\xfe").replace(b"\0", b"").lstrip()
    if _JSON.match(head):
        return "application/json"
    if _HTML.match(head) or b"<html" in head.lower():
        return "text/html"
    xml = _XML.match(head)
    if xml and (xml[1] is None or data.rstrip().endswith(b"</" + xml[1] + b">")):  # not <AP> at the head of a text
        raise Unprocessable(Reason.UNSUPPORTED_FORMAT, f"looks like XML: known are {', '.join(READERS)}")
    return "text/plain"


def _filled(release: RawRelease, told: Mapping[str, str]) -> RawRelease:
    fields: dict[str, object] = {}
    for header, name in FIELD_HEADERS.items():
        value = tidy_line(told.get(header, ""))
        if value and name not in fields and getattr(release, name) == RawRelease.__dataclass_fields__[name].default:
            fields[name] = int(value) if name == "version" and value.isdecimal() else value
    if not fields:
        return release
    try:
        asked = convert(RawRelease, fields)
        check(asked)
    except Unprocessable as exc:
        raise Unprocessable(exc.reason, f"headers newsmill.*: {exc.detail}") from exc
    return replace(release, **{name: getattr(asked, name) for name in fields})
