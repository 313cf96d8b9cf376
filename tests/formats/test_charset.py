"""Bytes become the text that their sender meant, or a dead letter: never something else quietly."""

import pytest

from streams.errors import Reason, Unprocessable
from streams.text.charset import decode

TEXTS = {
    "cp1252": "Für die „Zukunft“ – so der Vorstand – rechnet die Gesellschaft künftig mit höheren Erlösen.",
    "cp1251": "Компания сообщила в среду, что выручка выросла на двенадцать процентов по сравнению с прошлым годом.",
    "koi8-r": "Компания сообщила в среду, что выручка выросла на двенадцать процентов по сравнению с прошлым годом.",
    "cp1256": "أعلنت الشركة يوم الأربعاء أن الإيرادات ارتفعت بنسبة اثني عشر في المئة مقارنة بالعام الماضي.",
    "cp874": "บริษัทแถลงเมื่อวันพุธว่ารายได้เพิ่มขึ้นร้อยละสิบสองเมื่อเทียบกับปีที่แล้ว และจะขยายโรงงาน",
    "gb18030": "公司周三宣布，收入比去年同期增长百分之十二，并将在釜山启用新的仓储机器人工厂，年产一万二千台。",
    "big5": "公司週三宣布，營收較去年同期成長百分之十二，並將於釜山啟用新的倉儲機器人工廠，年產一萬二千台。",
    "cp949": "회사는 수요일 매출이 지난해보다 십이 퍼센트 늘었다고 밝혔다. 부산에 새 물류 로봇 공장도 가동했다.",
    "cp932": "同社は水曜日、売上高が前年同期比で十二パーセント増えたと発表した。釜山に倉庫ロボット工場を開設した。",
    "euc-jp": "同社は水曜日、売上高が前年同期比で十二パーセント増えたと発表した。釜山に倉庫ロボット工場を開設した。",
}


@pytest.mark.parametrize("charset", TEXTS)
def test_an_undeclared_legacy_charset_is_found(charset: str) -> None:
    assert decode(TEXTS[charset].encode(charset)) == TEXTS[charset]


@pytest.mark.parametrize("charset", [*TEXTS, "utf-8", "utf-16", "utf-32", "utf-8-sig"])
def test_a_declared_charset_is_honoured(charset: str) -> None:
    text = TEXTS.get(charset, "한국어 releases")
    assert decode(text.encode(charset), charset) == text


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_charset_and_is_dropped(charset: str) -> None:
    assert decode("부산 공장".encode(charset)) == "부산 공장"


def test_a_byte_order_mark_overrules_the_declaration() -> None:
    assert decode("부산".encode("utf-16"), "iso-8859-1") == "부산"


@pytest.mark.parametrize("declared", [None, "utf-16", "utf-8", "windows-1252"])
@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text", ["Größe und Länge", '{"text": "부산 공장 가동", "language": "ko"}', "<p>釜山</p>\n<p>工場</p>"]
)
def test_utf_16_without_a_mark_is_known_by_its_nuls(text: str, charset: str, declared: str | None) -> None:
    assert decode(text.encode(charset), declared) == text


def test_utf_16_that_is_declared_needs_no_nul() -> None:
    assert decode(TEXTS["big5"].encode("utf-16-le"), "utf-16") == TEXTS["big5"]


@pytest.mark.parametrize("declared", ["iso-8859-1", "euc-kr", "us-ascii", "windows-1251", "utf-16", "utf-32"])
def test_utf_8_overrules_a_wrong_declaration(declared: str) -> None:
    assert decode("Fábrica “nova” — São Paulo".encode(), declared) == "Fábrica “nova” — São Paulo"


@pytest.mark.parametrize(
    "declared", ["x-no-such-charset", "idna", "utf-7", "rot13", "unicode_escape", "", "\0", "a" * 999]
)
def test_a_declaration_that_names_no_charset_is_passed_over(declared: str) -> None:
    assert decode(TEXTS["cp1251"].encode("cp1251"), declared) == TEXTS["cp1251"]


def test_latin_1_means_windows_1252_as_in_every_browser() -> None:
    assert decode(b"\x93Zitat\x94 \x96 100 \x80", "ISO-8859-1") == "“Zitat” – 100 €"


def test_iso_2022_is_known_by_its_escapes() -> None:
    assert decode("釜山に工場".encode("iso2022_jp")) == "釜山に工場"


def test_a_cut_last_character_does_not_cost_the_release() -> None:
    text = TEXTS["cp949"].removesuffix(".")
    assert decode(text.encode()[:-2]) == text[:-1] + "\N{REPLACEMENT CHARACTER}"


def test_a_stray_byte_in_utf_8_does_not_turn_the_rest_into_another_charset() -> None:
    assert decode("Größe und Länge, Überraschung; Öl äußerst teuer".encode() + b"\xa0").startswith("Größe und Länge")


@pytest.mark.parametrize(
    "data",
    [bytes(range(256)) * 4, b"%PDF-1.7\n\xd3\xf4\xcc\xe1\x00\x01\x02", b"\xff\xfe\x00\xd8" * 40],
    ids=["all bytes", "PDF", "lone surrogates in UTF-16"],
)
def test_what_is_no_text_is_undecodable(data: bytes) -> None:
    with pytest.raises(Unprocessable) as caught:
        decode(data)
    assert caught.value.reason is Reason.UNDECODABLE
