"""Which format a release is read as, what its headers add, and why it may be refused."""

import gzip
import hashlib
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
import zstandard

from streams.errors import Reason, Unprocessable
from streams.formats import ID_PREFIX, parse
from streams.records import RawRelease

RECEIVED = datetime(2026, 11, 3, 9, tzinfo=UTC)
PAGE = "<!doctype html><html><body><p>Busan</p></body></html>"


def read(
    data: bytes | str | dict[str, Any],
    content_type: str | None = None,
    key: str = "the key",
    limit_bytes: int = 100_000,
    headers: dict[str, str] | None = None,
) -> RawRelease:
    if isinstance(data, dict):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return parse(
        data,
        content_type=content_type,
        key=key,
        received_at=RECEIVED,
        headers=headers or {},
        limit_bytes=limit_bytes,
    )


def refusal(*args: Any, **kwargs: Any) -> Unprocessable:
    with pytest.raises(Unprocessable) as caught:
        read(*args, **kwargs)
    return caught.value


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        ("Busan", "text/plain"),
        ("[서울=뉴스] 부산", "text/plain"),
        ("{ as in prose", "text/plain"),
        ("a < b, and <b>bold</b>", "text/plain"),
        ("<AP> Busan - Lumora", "text/plain"),
        ("<서울> 부산", "text/plain"),
        ("Busan".encode("utf-16"), "text/plain"),
        ('{"text": "Busan"}', "application/json"),
        ('\ufeff \n{\n "text": "Busan"}', "application/json"),
        ('{"text": "Busan"}'.encode("utf-16"), "application/json"),
        (PAGE, "text/html"),
        (PAGE.encode("utf-16"), "text/html"),
        ("  <p>Busan", "text/html"),
        ("<strong>Lumora</strong> opens", "text/html"),
        ("<div class='x'>Busan", "text/html"),
        ("<!-- wire --><div>Busan</div>", "text/html"),
        ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>Busan</body></html>', "text/html"),
    ],
)
@pytest.mark.parametrize("said", [None, "", "application/octet-stream"])
def test_without_a_content_type_the_bytes_tell_the_format(
    data: bytes | str, content_type: str, said: str | None
) -> None:
    assert read(data, said).content_type == content_type


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/plain", PAGE),
        ("TEXT/HTML; Charset=UTF-8", "Busan"),
        ("text/html;charset='utf-8'", "Busan"),
        ("application/xhtml+xml", "Busan"),
    ],
)
def test_a_content_type_decides_against_the_look_of_the_bytes(content_type: str, text: str) -> None:
    assert read(PAGE, content_type).text == text


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        ("x", "application/pdf"),
        ("x", "text/markdown"),
        ("x", "no type at all"),
        (b"%PDF-1.7", None),
        (b"PK\x03\x04docx", None),
        ("<?xml version='1.0'?><opml><body/></opml>", None),
        ("<opml version='2.0'><body/></opml>\n", None),
    ],
)
def test_other_formats_are_refused_by_name(data: bytes | str, content_type: str | None) -> None:
    verdict = refusal(data, content_type)
    assert verdict.reason is Reason.UNSUPPORTED_FORMAT
    assert "application/json" in verdict.detail


@pytest.mark.parametrize("root", ["packageItem", "conceptItem", "knowledgeItem", "planningItem"])
def test_an_item_of_newsml_g2_that_holds_no_release_is_refused_by_name(root: str) -> None:
    verdict = refusal(f"<?xml version='1.0'?><{root} xmlns='http://iptc.org/std/nar/2006-10-01/'/>", "application/xml")
    assert verdict.reason is Reason.UNSUPPORTED_FORMAT
    assert root in verdict.detail


def test_an_id_is_the_releases_own_then_the_key_then_the_hash_of_its_bytes() -> None:
    assert read({"id": "urn:x:1", "text": "a"}).id == "urn:x:1"
    assert read({"text": "a"}).id == "the key"
    assert read("Busan", key="").id == ID_PREFIX + hashlib.sha256(b"Busan").hexdigest()
    assert (
        read(gzip.compress(b"Busan", mtime=0), key="", headers={"content-encoding": "gzip"}).id
        == read("Busan", key="").id
    )


@pytest.mark.parametrize(
    ("sent", "field", "value"),
    [
        ({"body": "a"}, "text", "a"),
        ({"content": "a"}, "text", "a"),
        ({"text": "a", "body": "b"}, "text", "a"),
        ({"body": "a", "content": "a"}, "text", "a"),
        ({"headline": "a"}, "title", "a"),
        ({"lang": "ko", "title": "a"}, "language_hint", "ko"),
        ({"language": "zh-Hant", "title": "a"}, "language_hint", "zh-Hant"),
        ({"language": " en_US", "title": "a"}, "language_hint", "en-US"),
        ({"uri": "urn:x", "title": "a"}, "id", "urn:x"),
        ({"pubStatus": "withheld", "title": "a"}, "pub_status", "withheld"),
        ({"title": " a\n b\t", "text": None}, "title", "a b"),
        ({"text": "a\r\nb\rc\u0000\u0007d"}, "text", "a\nb\ncd"),
        ({"title": "a", "version": 7}, "version", 7),
        ({"title": "a", "unknown": {"deep": []}, "schema": "x", "enrichment": 1}, "schema", "newsmill.release.raw.v1"),
        ({"title": "a", "content_type": "text/html"}, "content_type", "text/html"),
        ({"title": "a", "received_at": "2020-01-01T00:00:00Z"}, "received_at", datetime(2020, 1, 1, tzinfo=UTC)),
        ({"html": "<title>a</title><p>b<p>c"}, "text", "b\nc"),
        ({"html": "<title>a</title><p>b"}, "title", "a"),
        ({"html": "<title>a</title><p>b", "title": "own"}, "title", "own"),
        ({"html": "<html lang=ko><p>b"}, "language_hint", "ko"),
        ({"html": "<p>b"}, "html", ""),
    ],
)
def test_json_fields_are_read_under_their_names_and_those_that_wires_use(
    sent: dict[str, Any], field: str, value: object
) -> None:
    assert getattr(read(sent), field) == value


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"text": 1}, "$.text"),
        ({"title": ["a"]}, "$.title"),
        ({"body": {"p": "a"}}, "body"),
        ({"headline": 1}, "headline"),
        ({"body": "a", "content": "b"}, "body and content"),
        ({"text": "a", "html": "<p>a"}, "text and html"),
        ({"text": "a", "version": 0}, "version"),
        ({"text": "a", "version": 2**63}, "version"),
        ({"text": "a", "version": "1"}, "$.version"),
        ({"text": "a", "version": 1.5}, "$.version"),
        ({"text": "a", "pub_status": "draft"}, "$.pub_status"),
        ({"text": "a", "headers": {"x": 1}}, "$.headers"),
        ({"text": "a", "published_at": "yesterday"}, "$.published_at"),
        ({"text": "a", "embargoed_until": "2026-11-03T10:00:00"}, "embargoed_until"),
        ({"text": "a", "markup": [{"line": 1}]}, "line 1"),
        ({"text": "a", "markup": [{"tag": "p"}]}, "line"),
    ],
)
def test_a_wrong_field_is_invalid_and_named(sent: dict[str, Any], named: str) -> None:
    verdict = refusal(sent)
    assert verdict.reason is Reason.INVALID
    assert named in verdict.detail


@pytest.mark.parametrize("data", ["[]", "3", '"text"', "null", "[" * 1000 + "]" * 1000])
def test_json_that_is_no_object_is_invalid(data: str) -> None:
    assert refusal(data, "application/json").reason is Reason.INVALID


@pytest.mark.parametrize("data", ["", "{", '{"text": "a"} x', '{"text": NaN}', '{"text": "\\ud800"}', '{"a":' * 2000])
def test_broken_json_is_undecodable(data: str) -> None:
    assert refusal(data, "application/json").reason is Reason.UNDECODABLE


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        ("", None),
        (" \n\u3000\n", "text/plain"),
        ("\0\0", "text/plain"),
        ("{}", None),
        ('{"title": " ", "text": ""}', None),
        ("<p> &nbsp; </p><script>x</script>", "text/html"),
        ("<p hidden>x", "text/html"),
    ],
)
def test_a_usable_release_without_title_and_text_is_empty(data: str, content_type: str | None) -> None:
    assert refusal(data, content_type).reason is Reason.EMPTY


def test_a_kill_needs_no_text() -> None:
    assert read({"id": "a", "version": 3, "pub_status": "canceled"}).pub_status == "canceled"
    assert read("", headers={"newsmill.pub_status": "canceled"}).pub_status == "canceled"


def test_a_release_may_be_as_large_as_the_limit_and_no_larger() -> None:
    assert len(read("x" * 1000, limit_bytes=1000).text) == 1000
    assert refusal("x" * 1001, limit_bytes=1000).reason is Reason.TOO_LARGE


def packed(data: bytes, how: str) -> bytes:
    return gzip.compress(data, mtime=0) if how == "gzip" else zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize("told", [True, False], ids=["told by its header", "known by its looks"])
@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_packed_release_is_unpacked(how: str, told: bool) -> None:
    data = packed(PAGE.encode(), how)
    assert read(data, headers={"content-encoding": how} if told else {}).text == "Busan"
    assert read(data, "text/html", headers={"content-encoding": f" X-{how} "} if told else {}).text == "Busan"


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_bomb_is_too_large_before_it_is_unpacked(how: str) -> None:
    bomb = packed(bytes(100_000_000), how)
    tracemalloc.start()
    assert refusal(bomb).reason is Reason.TOO_LARGE
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_zstd_that_wants_a_window_larger_than_8_mib_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert refusal(stream.compress(b"Busan") + stream.flush()).reason is Reason.UNDECODABLE


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_packed_as_large_as_the_limit_and_no_larger(how: str) -> None:
    assert len(read(packed(b"x" * 1000, how), limit_bytes=1000).text) == 1000
    assert refusal(packed(b"x" * 1001, how), limit_bytes=1000).reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("data", "encoding", "reason"),
    [
        (b"Busan", "gzip", Reason.UNDECODABLE),
        (gzip.compress(b"Busan", mtime=0)[:-6], "gzip", Reason.UNDECODABLE),
        (gzip.compress(b"Busan", mtime=0) + b"tail", "gzip", Reason.UNDECODABLE),
        (gzip.compress(b"Busan", mtime=0)[:-6], "", Reason.UNDECODABLE),
        (b"Busan", "zstd", Reason.UNDECODABLE),
        (zstandard.compress(b"Busan" * 99)[:-6], "zstd", Reason.UNDECODABLE),
        (zstandard.compress(b"Busan") + b"tail", "zstd", Reason.UNDECODABLE),
        (zstandard.compress(b"Busan"), "gzip", Reason.UNDECODABLE),
        (gzip.compress(gzip.compress(b"\x7fBusan", mtime=0), mtime=0), "gzip, gzip", Reason.UNSUPPORTED_FORMAT),
        (b"Busan", "br", Reason.UNSUPPORTED_FORMAT),
    ],
)
def test_a_content_encoding_that_fails_is_refused(data: bytes, encoding: str, reason: Reason) -> None:
    assert refusal(data, headers={"content-encoding": encoding}).reason is reason


def test_headers_fill_what_the_release_leaves_open() -> None:
    release = read(
        "Busan",
        headers={
            "newsmill.version": "4",
            "newsmill.title": "A title",
            "newsmill.source": "a wire",
            "newsmill.pub_status": "withheld",
            "newsmill.embargoed_until": "2026-11-03T18:00:00+09:00",
            "Content-Language": "ko",
        },
    )
    assert (release.version, release.title, release.source) == (4, "A title", "a wire")
    assert (release.pub_status, release.language_hint) == ("withheld", "ko")
    assert release.embargoed_until == datetime(2026, 11, 3, 9, tzinfo=UTC)


def test_what_the_release_says_goes_before_its_headers() -> None:
    headers = {"newsmill.version": "9", "newsmill.source": "header"}
    release = read({"text": "a", "version": 2, "source": "own"}, headers=headers)
    assert (release.version, release.source) == (2, "own")


@pytest.mark.parametrize(
    ("header", "value"),
    [("version", "x"), ("version", "0"), ("pub_status", "draft"), ("published_at", "2026-11-03T10:00:00")],
)
def test_a_wrong_header_is_invalid_and_named(header: str, value: str) -> None:
    verdict = refusal("Busan", headers={f"newsmill.{header}": value})
    assert verdict.reason is Reason.INVALID
    assert header in verdict.detail


def test_headers_of_the_release_are_carried_and_those_of_the_event_are_not() -> None:
    event = {
        "content-type": "x",
        "ce_id": "1",
        "traceparent": "z",
        "newsmill.dlq.reason": "bug",
        "__connect.errors.topic": "t",
    }
    release = read({"text": "a", "headers": {"desk": "own"}}, headers={"desk": "event", "Wire": "x", **event})
    assert release.headers == {"desk": "own", "Wire": "x"}


def test_received_at_is_the_events_where_the_release_has_none() -> None:
    assert read("Busan").received_at == RECEIVED
