"""XML is read without DTD, entities and network, in whatever charset; and so is what is nearly XML."""

import socket
from pathlib import Path
from typing import Any

import pytest

from streams.errors import Reason
from streams.formats.feed import read_feed
from streams.formats.xml import MAX_PARTS, parse_xml, words
from tests.formats.test_parse import read, refusal

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def nitf(text: str, prolog: str = "") -> str:
    return f"{prolog}<nitf><body><body.content><p>{text}</p></body.content></body></nitf>"


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE nitf [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE nitf [<!ENTITY l9 SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE nitf [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
        "<!DOCTYPE nitf [<!ATTLIST p hidden CDATA #FIXED 'hidden'>]>",
        "<!DOCTYPE nitf [",
        "<!DOCTYPE",
    ],
)
def test_a_doctype_that_declares_anything_is_refused(doctype: str) -> None:
    verdict = refusal(nitf("&l9;", doctype), "application/nitf+xml")
    assert verdict.reason is Reason.INVALID
    assert "DOCTYPE" in verdict.detail


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE nitf>",
        '<!DOCTYPE nitf SYSTEM "http://127.0.0.1:9/nitf.dtd">',
        "<!DOCTYPE nitf PUBLIC '-//IPTC//DTD NITF 3.6//EN' \"nitf-3-6.dtd\">\n",
        '<!-- a --><?x y?><!DOCTYPE nitf PUBLIC "-//IPTC//DTD NITF 3.6//EN"\n "nitf-3-6.dtd" > <!-- b -->',
    ],
)
def test_a_doctype_that_names_a_dtd_is_passed_over(doctype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert read(nitf("Busan", doctype), "application/nitf+xml").text == "Busan"
    assert read(nitf("Busan", doctype)).text == "Busan"


def test_no_file_is_read_by_xinclude_or_a_stylesheet(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret text")
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret.as_uri()}" parse="text"/>'
    page = nitf(f"Busan {include}", f'<?xml-stylesheet href="{secret.as_uri()}"?>')
    assert read(page, "application/nitf+xml").text == "Busan"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("a&nbsp;b&hellip;", "a b…"),
        ("Caf&eacute; &amp; R&D", "Café & R&D"),
        ("&no-such; &nosuch;", "&no-such; &nosuch;"),
        ("AT&T &lt;b&gt;", "AT&T <b>"),
        ("a\x0bb\x00c", "abc"),
        ("&#x20AC; &#8364;", "€ €"),
    ],
)
def test_what_is_nearly_xml_is_read_as_what_it_means(sent: str, meant: str) -> None:
    assert words(parse_xml(nitf(sent).encode(), None)) == meant


@pytest.mark.parametrize(
    "data",
    [
        "",
        "<nitf>",
        "<nitf></ntif>",
        "<nitf",
        "text",
        "<nitf/><nitf/>",
        "<nitf/>x",
        "<nitf a=1/>",
        "&#0;",
        "<p>&#xd800;</p>",
    ],
)
def test_broken_xml_is_undecodable(data: str) -> None:
    assert refusal(data, "application/nitf+xml").reason is Reason.UNDECODABLE


@pytest.mark.parametrize("depth", [256, 9_000])
def test_nesting_is_read_or_refused_and_overflows_no_stack(depth: int) -> None:
    page = nitf("<em>" * depth + "deep" + "</em>" * depth)
    assert refusal(page, "application/nitf+xml").reason is Reason.UNDECODABLE
    assert read(nitf("<em>" * 200 + "deep" + "</em>" * 200), "application/nitf+xml").text == "deep"


TEXTS = {
    "utf-16": "부산 공장이 가동됐다",
    "utf-16-le": "부산 공장이 가동됐다",
    "utf-16-be": "釜山に工場",
    "gb18030": "公司周三宣布，工厂启用。",
    "big5": "公司週三宣布，工廠啟用。",
    "shift_jis": "同社は水曜日に工場を開設した。",
    "euc-jp": "同社は水曜日に工場を開設した。",
    "euc-kr": "회사는 수요일 공장을 열었다.",
    "iso-2022-jp": "同社は水曜日に工場を開設した。",
    "windows-1250": "Společnost otevřela továrnu v neděli.",
    "windows-1251": "Компания открыла завод в среду.",
    "windows-1252": "Die „Zukunft“ – größer",
    "windows-1254": "Şirket çarşamba günü açıldı",
    "windows-1256": "أعلنت الشركة يوم الأربعاء",
    "windows-1258": "Công ty mơ\N{COMBINING HOOK ABOVE} nhà máy",  # tone marks apart, as it writes them
    "koi8-r": "Компания открыла завод в среду.",
    "tis-620": "บริษัทแถลงเมื่อวันพุธ",
}


@pytest.mark.parametrize("by", ["XML declaration", "content type"])
@pytest.mark.parametrize("charset", TEXTS)
def test_a_charset_that_is_declared_is_honoured(charset: str, by: str) -> None:
    text = TEXTS[charset]
    declaration = f'<?xml version="1.0" encoding="{charset}"?>' if by == "XML declaration" else ""
    data = nitf(text, declaration).encode(charset)
    content_type = "application/nitf+xml" + (f"; charset={charset}" if by == "content type" else "")
    assert read(data, content_type).text == text


@pytest.mark.parametrize("declared", ["iso-8859-1", "utf-16", "gb2312", "x-unknown", "us-ascii", "utf-7"])
def test_utf_8_that_is_declared_to_be_another_charset_is_read_as_utf_8(declared: str) -> None:
    page = nitf("부산 공장 – größer", f"<?xml version='1.0' encoding='{declared}'?>")
    assert read(page, "text/xml").text == "부산 공장 – größer"


@pytest.mark.parametrize("count", [MAX_PARTS, MAX_PARTS + 1])
def test_a_document_holds_so_many_releases_and_no_more(count: int) -> None:
    feed = f"<rss version='2.0'><channel>{'<item><title>a</title></item>' * count}</channel></rss>"
    verdict = refusal(feed, "application/rss+xml")
    assert verdict.reason is (Reason.INVALID if count == MAX_PARTS else Reason.TOO_LARGE)


def test_a_feed_does_not_grow_by_what_its_items_share() -> None:
    shared = "<author><name>" + "x" * 900 + "</name></author>"
    entry = "<entry><id>urn:x</id><title>a</title></entry>"
    feed = f"<feed xmlns='http://www.w3.org/2005/Atom'>{shared * 500}{entry * 900}</feed>"
    parts = read_feed(feed.encode(), None)
    assert isinstance(parts, tuple)
    assert len(parts) == 900
    assert sum(len(part.data) for part in parts) < 900 * 6_000
