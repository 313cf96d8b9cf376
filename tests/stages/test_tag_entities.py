"""The entity stage: what it names, what it merges, and that offsets hold on any text."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.records import CleanRelease, Dateline, EnrichedRelease, Entity
from streams.stages.entity_money import find_amounts
from streams.stages.entity_tickers import find_listings
from streams.stages.tag_entities import GROUPS, MAX_BODY, MAX_TITLE, TAG_ENTITIES, EntityKit, tag_entities
from tests.support.entities import entity_kit

GOLDEN = Path(__file__).parent.parent / "golden"
LANGUAGES = tuple(GROUPS)


@pytest.fixture(scope="module")
def kit() -> EntityKit:
    return entity_kit()


def tag(kit: EntityKit, body: str, language: str = "en", title: str = "", date: str = "") -> tuple[Entity, ...]:
    dateline = Dateline(date=date) if date else None
    release = CleanRelease(id="urn:test:1", language=language, body=body, title=title, dateline=dateline)
    return tag_entities(release, kit).entities


def named(entities: tuple[Entity, ...], surface: str) -> Entity:
    (entity,) = [e for e in entities if any(m.surface == surface for m in e.mentions)]
    return entity


def assert_offsets_hold(release: EnrichedRelease) -> None:
    for entity in release.entities:
        assert entity.count == len(entity.mentions) > 0
        assert 0 <= entity.salience <= 1
        for mention in entity.mentions:
            text = release.title if mention.field == "title" else release.body
            assert text[mention.start : mention.end] == mention.surface != ""
    ids = [entity.id for entity in release.entities]
    assert len(set(ids)) == len(ids)


# Tickers


def brackets() -> list[dict[str, object]]:
    return [json.loads(line) for line in (GOLDEN / "tickers.jsonl").read_text(encoding="utf-8").splitlines()]


def test_listings_in_fifteen_languages_are_found_and_nothing_else_is(kit: EntityKit) -> None:
    right = found = wanted = 0
    wrong = []
    for case in brackets():
        listings = find_listings(str(case["text"]), kit.exchanges)
        got = {f"{listing.symbol.exchange}:{listing.symbol.symbol}" for listing in listings}
        want = set(case["listings"])  # type: ignore[call-overload]
        right, found, wanted = right + len(got & want), found + len(got), wanted + len(want)
        if got != want:
            wrong.append((case["text"], got, want))
    assert {case["language"] for case in brackets()} == set(LANGUAGES)
    assert right / found >= 0.98, wrong
    assert right / wanted >= 0.98, wrong


def test_a_listed_company_gets_the_symbols_of_the_bracket_after_it(kit: EntityKit) -> None:
    entities = tag(kit, "Kaleyra Widgets, Inc. (“Kaleyra” or the “Company”) (NYSE: KLR; LSE: KLRA) opened a plant.")
    company = named(entities, "Kaleyra Widgets, Inc.")
    assert company.type == "ORGANISATION"
    assert [(s.exchange, s.symbol) for s in company.symbols] == [("XNYS", "KLR"), ("XLON", "KLRA")]
    assert named(entities, "NYSE: KLR").value == "XNYS:KLR"


# Money


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("en", "raised US$1.5 billion", "USD 1500000000"),
        ("en", "of $1,437,500 in cash", "USD 1437500"),
        ("de", "rund 1,5 Mrd. Euro", "EUR 1500000000"),
        ("de", "kostet 1.500 Euro", "EUR 1500"),
        ("fr", "3,5 millions d'euros", "EUR 3500000"),
        ("es", "5,2 mil millones de dólares", "USD 5200000000"),
        ("pt", "R$ 3,5 bilhões", "BRL 3500000000"),
        ("id", "Rp 1,5 triliun", "IDR 1500000000000"),
        ("ms", "RM1,500.50 sahaja", "MYR 1500.5"),
        ("vi", "20 tỷ đồng", "VND 20000000000"),
        ("ru", "100 тыс. долларов", "USD 100000"),
        ("ar", "20 مليار ريال سعودي", "SAR 20000000000"),
        ("ja", "1億2,000万円の投資", "JPY 120000000"),
        ("ko", "1조 2000억 원을", "KRW 1200000000000"),
        ("th", "500 ล้านบาท", "THB 500000000"),
        ("zh-Hans", "投资30亿美元", "USD 3000000000"),
        ("zh-Hant", "新台幣3億元", "TWD 300000000"),
        ("zh-Hant", "每股500元", "TWD 500"),
        ("zh-Hans", "每股500元", "CNY 500"),
    ],
)
def test_amounts_are_read_in_their_own_notation(kit: EntityKit, language: str, text: str, value: str) -> None:
    amounts = [f"{a.currency} {a.amount.normalize():f}" for a in find_amounts(text, language, kit.currencies)]
    assert amounts == [value]


@pytest.mark.parametrize("text", ["grew 1.5 percent", "in 2019 the", "5 m of rope", "room 500", "1.5 kg"])
def test_numbers_without_a_currency_are_no_money(kit: EntityKit, text: str) -> None:
    assert list(find_amounts(text, "en", kit.currencies)) == []


# Dates


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("en", "on Nov. 3, 2026", "2026-11-03"),
        ("en", "on March 8", "2027-03-08"),
        ("en", "said today that", "2026-11-05"),
        ("de", "am 3. November 2026", "2026-11-03"),
        ("fr", "le 1er janvier 2026", "2026-01-01"),
        ("es", "el 3 de noviembre de 2026", "2026-11-03"),
        ("pt", "em 3 de novembro de 2026", "2026-11-03"),
        ("id", "pada 5 Agustus 2026", "2026-08-05"),
        ("ms", "pada 3 Ogos 2026", "2026-08-03"),
        ("vi", "ngày 3 tháng 11 năm 2026", "2026-11-03"),
        ("ru", "3 ноября 2026 г.", "2026-11-03"),
        ("ar", "في 5 تشرين الثاني 2025", "2025-11-05"),
        ("ja", "令和8年11月3日に", "2026-11-03"),
        ("ko", "2026년 11월 3일", "2026-11-03"),
        ("th", "3 พฤศจิกายน 2569", "2026-11-03"),
        ("th", "21 ม.ค.2561", "2018-01-21"),
        ("zh-Hans", "2026年11月3日", "2026-11-03"),
        ("zh-Hant", "民國113年5月1日", "2024-05-01"),
        ("zh-Hant", "115年11月3日", "2026-11-03"),
        ("en", "in December 2018", "2018-12"),
        ("de", "am 14.11.2017", "2017-11-14"),
        ("de", "am 1. Jänner 2026", "2026-01-01"),
        ("en", "on 11/03/2026", "2026-11-03"),
        ("fr", "le 11/03/2026", "2026-03-11"),
        ("fr", "depuis mars 2026", "2026-03"),
        ("es", "20 DE SETIEMBRE, 2010", "2010-09-20"),
        ("pt", "em dezembro de 2018", "2018-12"),
        ("id", "6-9 April", "2027-04-09"),
        ("ms", "esok", "2026-11-06"),
        ("vi", "tháng 11 năm 2026", "2026-11"),
        ("vi", "ngày 27 tháng 7", "2026-07-27"),
        ("ru", "23-25 ноября", "2026-11-25"),
        ("ar", "٣٠ يوليو ٢٠٢٦", "2026-07-30"),
        ("ar", "28 آب/أغسطس 2013", "2013-08-28"),
        ("ja", "令和元年5月1日", "2019-05-01"),
        ("ja", "昭和55年7月に", "1980-07"),
        ("ja", "11月3日", "2026-11-03"),
        ("ko", "2026년 11월", "2026-11"),
        ("th", "๓๐ กันยายน ๒๕๕๖", "2013-09-30"),
        ("th", "6/6/55", "2012-06-06"),
        ("th", "เดือนกรกฎาคม", ""),
        ("th", "ก.พ. 2562", "2019-02"),
        ("th", "20 ธันวาคม พุทธศักราช 2510", "1967-12-20"),
        ("zh-Hans", "明天", "2026-11-06"),
        ("zh-Hant", "民國115年11月", "2026-11"),
        ("zh-Hant", "50年1月1日", "1961-01-01"),
    ],
)
def test_dates_are_resolved_to_iso(kit: EntityKit, language: str, text: str, value: str) -> None:
    dates = [e.value for e in tag(kit, text, language, date="2026-11-05") if e.type == "DATE"]
    assert dates == ([value] if value else [])


def test_a_date_without_a_year_needs_a_dateline_or_a_day_of_publication(kit: EntityKit) -> None:
    release = CleanRelease(id="x", language="en", body="It opens on March 8.")
    assert not [e for e in tag_entities(release, kit).entities if e.type == "DATE"]
    published = CleanRelease(
        id="x", language="en", body="It opens on March 8.", published_at=datetime(2020, 2, 1, tzinfo=UTC)
    )
    assert [e.value for e in tag_entities(published, kit).entities if e.type == "DATE"] == ["2020-03-08"]


@pytest.mark.parametrize(
    "text",
    [
        "on 31 February 2026",
        "version 2.3.4",
        "Apache 2.4.25 and 3.5.10",
        "at 12:30",
        "a 10/2 majority",
        "元禄14年3月14日",
    ],
)
def test_what_is_no_day_is_no_date(kit: EntityKit, text: str) -> None:
    assert not [e for e in tag(kit, text, date="2026-11-05") if e.type == "DATE"]


# Places

GERMANY = {
    "en": "They met in Germany on the weekend.",
    "de": "Sie trafen sich am Wochenende in Deutschland.",
    "fr": "Ils se sont rencontrés en Allemagne ce week-end.",
    "es": "Se reunieron en Alemania el fin de semana.",
    "pt": "Eles se reuniram na Alemanha no fim de semana.",
    "id": "Mereka bertemu di Jerman pada akhir pekan.",
    "ms": "Mereka bertemu di Jerman pada hujung minggu.",
    "vi": "Họ gặp nhau ở Đức vào cuối tuần.",
    "ru": "Они встретились в Германии в выходные.",
    "ar": "التقوا في ألمانيا نهاية الأسبوع.",
    "ja": "彼らは週末にドイツで会った。",
    "ko": "그들은 주말에 독일에서 만났다.",
    "th": "พวกเขาพบกันที่ประเทศเยอรมนีในช่วงสุดสัปดาห์",
    "zh-Hans": "他们周末在德国会面。",
    "zh-Hant": "他們週末在德國會面。",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_country_gets_the_same_code_and_uri_in_fifteen_languages(kit: EntityKit, language: str) -> None:
    places = [e for e in tag(kit, GERMANY[language], language) if e.type == "PLACE"]
    assert [(e.value, e.uri) for e in places] == [("DE", "urn:iso:std:iso:3166:DE")]


# Merging


@pytest.mark.parametrize(
    ("language", "body", "mentions"),
    [
        ("en", "Holcomb's plan was praised. Governor Eric Holcomb said so. “Yes,” Holcomb said.", 3),
        ("de", "Bundeskanzlerin Angela Merkel reiste nach Paris. Das sagte Merkel. Der Besuch Merkels war kurz.", 3),
        ("ru", "Президент Владимир Путин прибыл в Москву. По словам Путина, визит удался.", 2),
        ("ar", "وصل الرئيس فلاديمير بوتين إلى موسكو. وقال بوتين إن الزيارة ناجحة.", 2),
        ("ko", "이재명 대표는 국회에서 말했다. 이재명은 다시 말했다.", 2),
        ("id", "Presiden Joko Widodo tiba di Jakarta. Menurut Widodo, kunjungan itu berhasil.", 2),
    ],
)
def test_mentions_of_a_person_are_one_entity(kit: EntityKit, language: str, body: str, mentions: int) -> None:
    people = [e for e in tag(kit, body, language) if e.type == "PERSON"]
    assert [e.count for e in people] == [mentions]


@pytest.mark.parametrize(
    ("language", "body", "kind", "name"),
    [
        ("ar", "وصل وزير الخارجية إلى فرنسا. وقال إن الاجتماع بفرنسا ناجح.", "PLACE", "فرنسا"),
        ("ar", "وصل بالصين وفرنسا.", "PLACE", "الصين"),
        ("ru", "Они встретились в Бразилии в выходные.", "PLACE", "Бразилия"),
        ("ko", "그들은 독일에서 만났다.", "PLACE", "독일"),
        ("de", "Angela Merkels Reise endet. Angela Merkel sprach in Paris.", "PERSON", "Angela Merkel"),
        ("th", "นายสุรชัย แซ่ด่าน กล่าวว่า สุรชัยจะไป", "PERSON", "สุรชัย แซ่ด่าน"),
        ("ru", "ПАО «Газпром» сообщило о прибыли. Акции Газпрома выросли.", "ORGANISATION", "ПАО «Газпром»"),
        (
            "id",
            "PT Pertamina (Persero) hadir. Menurut Pertamina, harga naik.",
            "ORGANISATION",
            "PT Pertamina (Persero)",
        ),
    ],
)
def test_an_entity_is_called_by_its_whole_bare_name(
    kit: EntityKit, language: str, body: str, kind: str, name: str
) -> None:
    assert name in [e.name for e in tag(kit, body, language) if e.type == kind]


def test_a_listed_company_has_its_symbols_with_and_without_its_legal_form(kit: EntityKit) -> None:
    entities = tag(kit, "The plant was built by Microsoft Corporation. It was bought by Siemens AG.")
    assert [(s.exchange, s.symbol) for s in named(entities, "Microsoft Corporation").symbols] == [("XNAS", "MSFT")]
    assert named(entities, "Siemens AG").symbols != ()


def test_a_company_and_its_short_forms_are_one_entity(kit: EntityKit) -> None:
    body = "Civitas Solutions, Inc. (“Civitas” or the “Company”) opened. Civitas grew. Civitas Solutions hired."
    company = named(tag(kit, body), "Civitas Solutions, Inc.")
    assert (company.type, company.count) == ("ORGANISATION", 4)
    assert company.name == "Civitas Solutions, Inc."


def test_the_issuer_in_the_title_is_the_most_salient(kit: EntityKit) -> None:
    title = "Civitas Solutions, Inc. opens plant in Berlin"
    body = "Civitas Solutions, Inc. today opened a plant in Berlin. Civitas Solutions, Inc. hired John Smith."
    entities = tag(kit, body, title=title)
    assert max(entities, key=lambda e: e.salience).name == "Civitas Solutions, Inc."


# Any text


@pytest.mark.parametrize("status", ["usable", "canceled"])
def test_a_release_without_text_passes_as_it_is(kit: EntityKit, status: str) -> None:
    release = CleanRelease(id="urn:test:2", version=3, pub_status=status, source="wire")  # type: ignore[arg-type]
    enriched = TAG_ENTITIES.apply(release, kit)
    assert (enriched.id, enriched.version, enriched.pub_status, enriched.entities) == ("urn:test:2", 3, status, ())


ANY_LANGUAGE = st.sampled_from([*LANGUAGES, "und", "it"])
NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\ud800\udfff\u200b\u200d\u202e\u0300\ufeff\n\t  0123456789.,:;()（）[]“”'\"$€¥％%-/&"),
        st.sampled_from("ABCDEFÄÖÜßéñабвГДЕابجدوพทบสวัดี株式会社東京都한국은행中文字"),
    ),
    max_size=400,
)
PIECES = st.lists(
    st.sampled_from([
        "Acme Inc.", "(NASDAQ: AAPL)", "（東証プライム：7203）", "Eric Holcomb", "Berlin", "$5 million",
        "Nov. 3, 2026", "株式会社東京電力", "삼성전자는", "وبوتين", "นายสุรชัย แซ่ด่าน", "国家医保局", "ООО «Ромашка»",
        "PT Telkom Indonesia Tbk", "1億2,000万円", "令和8年11月3日",
        "“", "”", "(", ")", ". ", "\n", " ", "\u200b", "\ud83d",
    ]),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(NASTY, PIECES),
    title=st.one_of(st.just(""), PIECES),
    language=st.sampled_from([*LANGUAGES, "und", "it"]),
)
def test_offsets_hold_on_any_text(kit: EntityKit, body: str, title: str, language: str) -> None:
    release = CleanRelease(id="x", language=language, body=body, title=title)
    enriched = tag_entities(release, kit)
    assert_offsets_hold(enriched)
    assert enriched == tag_entities(release, kit)


@pytest.mark.parametrize(
    "body",
    ["A" * 1_000_000, "Aa, " * 250_000, "(A: B) " * 140_000, "0 " * 500_000, "漢" * 1_000_000,
     "1月1日" * 200_000, "“(" * 500_000, "株式会社" * 250_000, "\ud800" * 1_000_000,
     "Acme Inc. " * 100_000, "Anna Smith met Bob Jones. " * 40_000, "Institute for Acme " * 60_000,
     "國家第一局王明主席" * 120_000, "a@" * 500_000, "http://" * 150_000],
    ids=lambda body: repr(body[:8]),
)  # fmt: skip
@pytest.mark.timeout(60)
def test_a_megabyte_of_anything_is_tagged_up_to_the_limit(kit: EntityKit, body: str) -> None:
    enriched = tag_entities(CleanRelease(id="x", language="en", body=body), kit)
    assert_offsets_hold(enriched)
    assert all(m.end <= MAX_BODY for e in enriched.entities for m in e.mentions if m.field == "body")
    assert enriched.untagged_from == MAX_BODY


def test_a_body_that_is_tagged_whole_says_so(kit: EntityKit) -> None:
    assert tag_entities(CleanRelease(id="x", language="en", body="A " * (MAX_BODY // 2)), kit).untagged_from == 0


def test_a_title_of_a_megabyte_is_tagged_up_to_the_limit(kit: EntityKit) -> None:
    release = CleanRelease(id="x", language="en", title="Berlin and Paris. " * 60_000, body="They met in Germany.")
    enriched = tag_entities(release, kit)
    assert_offsets_hold(enriched)
    assert named(enriched.entities, "Germany").mentions[0].field == "body"
    assert all(m.end <= MAX_TITLE for e in enriched.entities for m in e.mentions if m.field == "title")


@pytest.mark.parametrize(
    "body",
    [
        "Write to anna.smith@berlin.example.com or call +49 30 1234567 today.",
        "See https://www.berlin.example/news/2026/11/03/NASDAQ:AAPL?city=Paris for more.",
        "More at www.siemens-berlin.example/2026-11-03/.",
        "電子郵件：press@tokyo.example，網址：https://tokyo.example/2026/11/3。",
    ],
)
def test_addresses_and_telephone_numbers_are_no_entities(kit: EntityKit, body: str) -> None:
    language = "en" if body.isascii() else "zh-Hant"
    assert not [e for e in tag(kit, body, language) if e.type != "PERSON" or "smith" in e.name]


def test_a_script_other_than_the_release_s_is_tagged_too(kit: EntityKit) -> None:
    body = "据《华尔街日报》报道。\nAcme Widgets Inc. today opened a plant in Germany."
    entities = tag(kit, body, "zh-Hans")
    assert named(entities, "Acme Widgets Inc.").type == "ORGANISATION"
    assert named(entities, "Germany").value == "DE"


def test_a_name_means_the_same_in_title_and_body(kit: EntityKit) -> None:
    entities = tag(kit, "Civitas Solutions, Inc. today opened a plant.", title="Civitas Solutions opens a plant")
    company = named(entities, "Civitas Solutions, Inc.")
    assert [m.field for m in company.mentions] == ["title", "body"]


def test_printed_listings_outrank_those_that_the_list_knows(kit: EntityKit) -> None:
    entities = tag(kit, "Apple Inc. (LSE: APPL) opened a shop. Apple Inc. hired.")
    assert [(s.exchange, s.symbol) for s in named(entities, "Apple Inc.").symbols] == [("XLON", "APPL")]
