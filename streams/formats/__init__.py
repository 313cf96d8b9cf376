"""What releases come in as: one file per format, bytes to `RawRelease`, and the table that chooses one."""

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import zstandard

from streams.codec import convert
from streams.errors import Reason, Unprocessable
from streams.formats import feed, newsml_g2, ninjs, nitf
from streams.formats.html import read_html
from streams.formats.json import check, read_json
from streams.formats.text import read_text, tidy_line
from streams.formats.xml import Part
from streams.records import RawRelease

Reader = Callable[[bytes, str | None], RawRelease | tuple[Part, ...]]
"""Reads the bytes, given the charset that the content type declares, if any. Raises `Unprocessable`.

Of a document with several releases, it makes a document of each.
"""

READERS: Mapping[str, Reader] = {
    "application/json": read_json,
    "application/vnd.newsmill+json": read_json,
    ninjs.MEDIA_TYPE: ninjs.read_ninjs,
    newsml_g2.MEDIA_TYPE: newsml_g2.read_newsml_g2,
    newsml_g2.MESSAGE_TYPE: newsml_g2.read_newsml_g2,
    nitf.MEDIA_TYPE: nitf.read_nitf,
    feed.RSS: feed.read_feed,
    feed.ATOM: feed.read_feed,
    "text/html": read_html,
    "application/xhtml+xml": read_html,
    "text/plain": read_text,
}
"""Media type to what reads it."""

SAME = {
    "application/vnd.iptc.ninjs+json": ninjs.MEDIA_TYPE,
    "application/vnd.iptc.g2.packageitem+xml": newsml_g2.MEDIA_TYPE,  # to be refused by name
    "text/vnd.iptc.nitf": nitf.MEDIA_TYPE,
}
"""Other names of media types."""

UNTYPED = frozenset(("", "application/octet-stream", "application/xml", "text/xml"))
"""Content types that say nothing, or only XML: the bytes are looked at."""

ROOTS: Mapping[str, str] = {
    "newsItem": newsml_g2.MEDIA_TYPE,
    "newsMessage": newsml_g2.MESSAGE_TYPE,
    "packageItem": newsml_g2.MEDIA_TYPE,  # to be refused by name, as the next three
    "conceptItem": newsml_g2.MEDIA_TYPE,
    "knowledgeItem": newsml_g2.MEDIA_TYPE,
    "planningItem": newsml_g2.MEDIA_TYPE,
    "nitf": nitf.MEDIA_TYPE,
    "rss": feed.RSS,
    "feed": feed.ATOM,
    "entry": feed.ATOM,
    "html": "application/xhtml+xml",
}
"""Root element to media type."""

FIELD_HEADERS = {
    f"newsmill.{name}": name
    for name in ("id", "version", "pub_status", "source", "title", "language_hint", "published_at", "embargoed_until")
} | {"content-language": "language_hint", "ce_source": "source"}
"""Headers that fill a field which the release itself leaves open: text and HTML have no place for most."""

ID_PREFIX = "urn:newsmill:sha256:"
"""Of the id of a release that came without one: the hash of its bytes, so that the same bytes are the same release."""

ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
"""What RFC 8878 asks of every reader; a sender who needs more memory than that of us means no good."""

ZSTD_FEED_BYTES = 256
"""At a time: four bytes can hold a block of 128 KiB, so this bounds what is unpacked beyond the limit to 8 MiB."""

_TRANSPORT = ("content-", "ce_", "newsmill.", "__connect.", "traceparent", "tracestate", "baggage")
"""Headers of the event, not of the release: they are not carried in the record."""

_SNIFFED_BYTES = 2_048
_HTML_WITHIN = 512  # bytes: further down, a text may speak of HTML
_MAGIC = {
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": "application/zip (docx, odt and epub are such)",
    b"\xd0\xcf\x11\xe0": "application/msword",
    b"{\\rtf": "application/rtf",
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_JSON = re.compile(rb"\{\s*[\"}]")
_HTML = re.compile(
    rb"<(?:!doctype\s+html|!--|(?:a|article|b|blockquote|body|br|center|div|em|font|h[1-6]|head|header|html|i|img|link|main"
    rb"|meta|ol|p|script|section|span|strong|style|table|title|ul)[\s/>])",
    re.IGNORECASE,
)
_XML = re.compile(rb"<(?:\?xml|!doctype|([a-z][\w.:-]*)(?:\s[^<>]*)?>)", re.IGNORECASE)
_ROOT = re.compile(rb"<(?![?!])(?:[\w.-]{1,40}:)?([\w.-]{1,40})[\s/>]")
_NO_ROOT = re.compile(rb"<\?.*?\?>|<!--.*?-->|<!doctype[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
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
    release = read(
        data, content_type=content_type, key=key, received_at=received_at, headers=headers, limit_bytes=limit_bytes
    )
    if not isinstance(release, RawRelease):
        raise Unprocessable(Reason.INVALID, f"{len(release)} releases in one document, where one is wanted")
    return release


def read(
    data: bytes,
    *,
    content_type: str | None,
    key: str,
    received_at: datetime,
    headers: Mapping[str, str],
    limit_bytes: int,
) -> RawRelease | tuple[Part, ...]:
    """Read a release as `parse` does, or take a document with several releases apart.

    Each part has an id, the one that it will be read as, and no more bytes than the limit.
    """
    told = {name.lower(): value for name, value in headers.items()}
    data = _unpacked(data, told.get("content-encoding", ""), limit_bytes)
    media_type, charset = _media_type(content_type or "")
    reader = READERS.get(_sniff(data) if media_type in UNTYPED else media_type)
    if reader is None:
        raise Unprocessable(Reason.UNSUPPORTED_FORMAT, f"{media_type or 'unknown'}: known are {', '.join(READERS)}")
    release = reader(data, charset)
    if not isinstance(release, RawRelease):
        return tuple(_checked(part, limit_bytes) for part in release)
    release = _filled(release, told)
    if release.pub_status == "usable" and not release.title and not release.text.strip():
        raise Unprocessable(Reason.EMPTY, f"neither title nor text in {len(data)} bytes of {release.content_type}")
    carried = {name: value for name, value in headers.items() if not name.lower().startswith(_TRANSPORT)}
    return replace(
        release,
        id=release.id or tidy_line(key) or _content_id(data),
        received_at=release.received_at or received_at,
        headers=carried | release.headers,
    )


def _checked(part: Part, limit_bytes: int) -> Part:
    if len(part.data) > limit_bytes:
        detail = (
            f"{part.id or 'a release'} is {len(part.data)} bytes as a document of its own, the limit is {limit_bytes}"
        )
        raise Unprocessable(Reason.TOO_LARGE, detail)
    return part if part.id else Part(_content_id(part.data), part.data)


def _content_id(data: bytes) -> str:
    return ID_PREFIX + hashlib.sha256(data).hexdigest()


def _unpacked(data: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Unpack what the header, or its first bytes, say is packed: once, and no further than the limit."""
    if len(data) > limit_bytes:
        raise Unprocessable(Reason.TOO_LARGE, f"{len(data)} bytes, the limit is {limit_bytes}")
    encoding = encoding.strip().lower().removeprefix("x-")
    if encoding in ("", "identity"):
        encoding = next((name for magic, name in _PACKED.items() if data.startswith(magic)), "")
    match encoding:
        case "":
            return data
        case "gzip":
            unpacked = _gunzip(data, limit_bytes + 1)
        case "zstd":
            unpacked = _unzstd(data, limit_bytes + 1)
        case other:
            known = "gzip, zstd and identity"
            raise Unprocessable(Reason.UNSUPPORTED_FORMAT, f"content-encoding {other}: known are {known}")
    if len(unpacked) > limit_bytes:
        raise Unprocessable(Reason.TOO_LARGE, f"over {limit_bytes} bytes once unpacked")
    return unpacked


def _gunzip(data: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(data, most)
    except zlib.error as exc:
        raise Unprocessable(Reason.UNDECODABLE, f"not gzip, as it says: {exc}") from exc
    if len(unpacked) < most and not unpacker.eof:
        raise Unprocessable(Reason.UNDECODABLE, f"gzip breaks off after {len(unpacked)} unpacked bytes")
    if unpacker.unused_data:
        raise Unprocessable(Reason.UNDECODABLE, f"{len(unpacker.unused_data)} bytes after the end of the gzip data")
    return unpacked


def _unzstd(data: bytes, most: int) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
    unpacked, fed = bytearray(), 0
    try:
        while not unpacker.eof and len(unpacked) < most and fed < len(data):
            unpacked += unpacker.decompress(data[fed : fed + ZSTD_FEED_BYTES])
            fed += ZSTD_FEED_BYTES
    except zstandard.ZstdError as exc:
        raise Unprocessable(Reason.UNDECODABLE, f"not zstd, as it says: {exc}") from exc
    if len(unpacked) < most and not unpacker.eof:
        raise Unprocessable(Reason.UNDECODABLE, f"zstd breaks off after {len(unpacked)} unpacked bytes")
    if unpacker.eof and (unpacker.unused_data or fed < len(data)):
        raise Unprocessable(Reason.UNDECODABLE, "bytes after the end of the zstd data")
    return bytes(unpacked)


def _media_type(content_type: str) -> tuple[str, str | None]:
    named, _, parameters = content_type.partition(";")
    media_type = named.strip().lower()
    charset = _CHARSET.search(parameters)
    return SAME.get(media_type, media_type), charset[1] if charset else None


def _sniff(data: bytes) -> str:
    for magic, media_type in _MAGIC.items():
        if data.startswith(magic):
            raise Unprocessable(Reason.UNSUPPORTED_FORMAT, f"looks like {media_type}: known are {', '.join(READERS)}")
    # Without marks and NULs, UTF-16 looks like ASCII, which is all that a guess needs.
    head = data[:_SNIFFED_BYTES].lstrip(b"\xef\xbb\xbf\xff\xfe").replace(b"\0", b"").lstrip()
    if _JSON.match(head):
        return "application/json"
    root = _ROOT.match(_NO_ROOT.sub(b"", head).lstrip()) if head.startswith(b"<") else None
    if root and (known := ROOTS.get(root[1].decode("latin-1"))):
        return known
    if _HTML.match(head) or b"<html" in head[:_HTML_WITHIN].lower():
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
