"""Whatever arrives becomes a `RawRelease` or a verdict on it, and what was read keeps its promises."""

import gzip
import json
from datetime import UTC, datetime

from hypothesis import event, given, settings
from hypothesis import strategies as st

from streams.codec import decode, encode
from streams.errors import Unprocessable
from streams.formats import READERS, parse
from streams.records import RawRelease

RECEIVED = datetime(2026, 11, 3, tzinfo=UTC)

content_types = (
    st.none()
    | st.text(max_size=40)
    | st.builds(
        "{}{}".format,
        st.sampled_from([*READERS, "application/octet-stream", "image/png", ""]),
        st.sampled_from(
            ["", "; charset=utf-8", ";charset=EUC-KR", "; charset=utf-16", "; charset=hz", "; charset=x", ";charset"]
        )
        | st.text(max_size=20).map("; charset={}".format),
    )
)
headers = st.dictionaries(
    st.sampled_from(
        ["content-encoding", "newsmill.version", "newsmill.title", "newsmill.published_at", "ce_source", "x"]
    )
    | st.text(max_size=10),
    st.sampled_from(["gzip", "1", "2026-11-03T00:00:00Z", "canceled"]) | st.text(max_size=10),
    max_size=4,
)
tags = st.sampled_from((
    "p", "div", "br", "td", "tr", "table", "h1", "a", "b", "pre", "script", "style", "title", "head", "body", "html",
    "svg", "meta", "li", "ul", "template", "select", "textarea",
))  # fmt: skip
attributes = st.sampled_from(
    ["", " class='a b'", " hidden", " style='display:none'", " lang=ko", " charset=euc-kr", " <"]
)
html = st.lists(
    st.builds("<{}{}>".format, tags, attributes)
    | tags.map("</{}>".format)
    | st.sampled_from(
        ["&amp;", "&#0;", "&#xd800;", "&nbsp", "<!--", "-->", "<![CDATA[", "<!DOCTYPE a [", "]>", "<?x", "\0", "\x1f"]
    )
    | st.text(max_size=8),
    max_size=30,
).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from([*RawRelease.__dataclass_fields__, "body", "content", "headline", "lang", "uri", "pubStatus"])
objects = st.dictionaries(fields | st.text(max_size=5), values, max_size=6).map(
    lambda value: json.dumps(value).encode()
)
payloads = st.binary(max_size=200) | html | objects | html.map(gzip.compress)


@given(payloads, content_types, headers, st.text(max_size=10), st.sampled_from([10, 1000]))
@settings(max_examples=500, deadline=None)
def test_any_bytes_become_a_release_or_a_verdict(
    data: bytes, content_type: str | None, headers: dict[str, str], key: str, limit: int
) -> None:
    try:
        release = parse(
            data, content_type=content_type, key=key, received_at=RECEIVED, headers=headers, limit_bytes=limit
        )
    except Unprocessable as verdict:
        event(verdict.reason)
        return
    assert decode(RawRelease, encode(release)) == release
    assert release.id
    assert release.version >= 1
    assert not release.html
    assert "\r" not in release.text + release.title
    assert "\0" not in release.text + release.title + release.id
    assert [mark.line for mark in release.markup] == sorted({mark.line for mark in release.markup})
    assert all(0 <= mark.line < release.text.count("\n") + 1 for mark in release.markup)
    if release.pub_status == "usable":
        assert release.title or release.text.strip()


@given(html)
@settings(max_examples=300, deadline=None)
def test_every_line_of_a_page_has_its_markup(page: bytes) -> None:
    try:
        release = parse(page, content_type="text/html", key="k", received_at=RECEIVED, headers={}, limit_bytes=10_000)
    except Unprocessable:
        return
    lines = release.text.split("\n") if release.text else []
    assert [mark.line for mark in release.markup] == list(range(len(lines)))
    assert all(line.strip() == line != "" for line in lines)
    assert all(0 <= mark.link_density <= 1 for mark in release.markup)


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), min_size=1))
def test_a_page_loses_none_of_its_paragraphs(paragraphs: list[str]) -> None:
    escaped = "".join(f"<p>{text.replace('&', '&amp;').replace('<', '&lt;')}" for text in paragraphs)
    release = parse(
        escaped.encode(), content_type="text/html", key="k", received_at=RECEIVED, headers={}, limit_bytes=10**6
    )
    assert release.text.split("\n") == paragraphs


@given(st.text())
def test_plain_text_changes_only_line_ends_and_control_characters(text: str) -> None:
    data = ("|" + text).encode("utf-8", "replace")
    release = parse(
        data,
        content_type="text/plain; charset=utf-8",
        key="k",
        received_at=RECEIVED,
        headers={},
        limit_bytes=10**6,
    )
    assert [c for c in release.text if c.isprintable()] == [c for c in data.decode() if c.isprintable()]
