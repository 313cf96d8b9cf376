"""strip_boilerplate: every character labelled, the body kept, the rest in its field."""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records import CleanRelease, IdentifiedRelease, Markup
from streams.stage import StageConfig, config_directory
from streams.stages.boilerplate_cues import GROUPS, load_cues
from streams.stages.boilerplate_datelines import inline_dateline, read_date_lines, read_dateline
from streams.stages.boilerplate_fields import choose_title, embargo_end
from streams.stages.boilerplate_lines import read_lines
from streams.stages.strip_boilerplate import STRIP_BOILERPLATE, BoilerplateKit, with_some_body
from streams.text.dates import find_dates, from_hijri
from streams.text.segments import covers

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "strip_boilerplate").glob("*.json"))

PARAGRAPH = (
    "The company said on Monday that it would build a second plant beside the first, where 400 people are to work from "
    "next spring, and that the state pays a third of what it costs."
)
ABOUT = "Acme is a leading maker of warehouse robots. It was founded in 1999 and has its seat in Berlin."
RELEASE = "\n".join(
    [
        "Acme to build a second plant in Berlin",
        f"BERLIN, Jan. 5, 2026 /PRNewswire/ -- {PARAGRAPH}",
        PARAGRAPH,
        "About Acme",
        ABOUT,
        "Media Contact",
        "Jo Doe, press@acme.example, +49 30 555 0100",
        "SOURCE Acme",
    ]
)


@cache
def kit() -> BoilerplateKit:
    return STRIP_BOILERPLATE.prepare(StageConfig(config_directory()))


@pytest.fixture(scope="module", autouse=True)
def kit_is_loaded() -> None:
    """Hypothesis times the first example, too."""
    kit()


def clean(text: str, **fields: object) -> CleanRelease:
    return STRIP_BOILERPLATE.apply(IdentifiedRelease(text=text, **fields), kit())  # type: ignore[arg-type]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_strips_what_an_editor_struck_out(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    text = golden["text"]
    result = clean(text, id=path.stem, language=golden["language"])
    found = json.loads(json.dumps(asdict(result)))
    found["segments"] = [[s.label, s.sub, text[s.start : s.end].strip()[:60]] for s in result.segments]
    assert {key: found[key] for key in golden["expected"]} == golden["expected"]


def test_there_is_a_golden_release_for_every_language() -> None:
    assert len({json.loads(path.read_text(encoding="utf-8"))["language"] for path in GOLDEN}) == 15


LINES = st.sampled_from(
    [
        *RELEASE.split("\n"),
        PARAGRAPH,
        "",
        "   ",
        "Share",
        "©",
        "###",
        "Tags: a, b",
        "\ud800",
        "關於神達",
        "« »",
        "2026-01-05",
        "a\rb",
    ]
)


@given(st.one_of(st.text(), st.lists(LINES, max_size=30).map("\n".join)))
def test_segments_cover_the_text_in_order_and_the_body_is_made_of_kept_ones(text: str) -> None:
    result = clean(text)
    assert covers(result.segments, text)
    kept = [text[s.start : s.end].strip() for s in result.segments if s.label == "body"]
    safe = result.body.encode("utf-8", "replace")
    assert safe.replace(b"\xef\xbf\xbd", b"?") == "\n".join(filter(None, kept)).encode("utf-8", "replace")


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_the_same_release_gives_the_same_answer(text: str) -> None:
    assert clean(text) == clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", " \n\n ", "\x00", "word " * 100_000, "(" * 50_000, "Contact\n" + "a@b.example " * 20_000,
        "Contact\n" + "a" * 50_000 + "@", "line\n" * 100_000, "lone \ud800 surrogate\n" * 50, "\r\n\r\n", ". " * 50_000,
    ],
    ids=[
        "empty", "one letter", "blank", "null", "no line breaks", "brackets", "addresses", "no address", "100,000 lines",  # noqa: E501
        "lone surrogates", "returns", "stops",
    ],
)  # fmt: skip
def test_no_text_is_bad_enough_to_raise(text: str) -> None:
    assert covers(clean(text).segments, text)


def test_a_killed_release_without_text_passes() -> None:
    result = clean("", id="urn:x", pub_status="canceled")
    assert (result.pub_status, result.body, result.segments) == ("canceled", "", ())


def test_only_boilerplate_leaves_an_empty_body() -> None:
    tail = RELEASE.split("\n")[3:]
    result = clean("\n".join(tail))
    assert result.body == ""
    assert result.only_boilerplate
    assert not clean(RELEASE).only_boilerplate
    assert not clean("").only_boilerplate


def test_a_list_in_the_body_stays() -> None:
    terms = ["Who may apply:", "Citizens between 18 and 28", "No criminal record", "Height: 165 cm", "Weight: 50 kg"]
    result = clean("\n".join([*RELEASE.split("\n")[:2], *terms, *RELEASE.split("\n")[2:]]))
    assert [line for line in terms if line not in result.body.split("\n")] == []


def test_a_menu_between_two_stretches_of_prose_leaves_the_longer_one() -> None:
    banner = f"{PARAGRAPH} Read it all on our new page."
    menu = ["Home", "News", "Politics", "Business", "Sports", "Contact", "Share", "Facebook", "Twitter", "Log in"]
    article = RELEASE.split("\n")[1:3]
    result = clean("\n".join([banner, *menu, *menu, "Acme to build a second plant in Berlin", *article, PARAGRAPH]))
    assert PARAGRAPH in result.body
    assert not set(menu) & set(result.body.split("\n"))


def test_what_stands_below_pictures_with_their_sources_is_still_body() -> None:
    picture = ["Jo Doe", "Source: Acme Foundation"]
    rest = [f"{number}. {PARAGRAPH}" for number in range(8)]
    result = clean("\n".join([*RELEASE.split("\n")[:3], *picture, *rest[:2], *picture, *rest[2:]]))
    assert [line for line in rest if line not in result.body] == []


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("© 2026 Acme | Terms | Privacy", "copyright"),
        ("Tags: robots, warehouses", "sectors"),
        ("Workers lift the last beam into place. Photo: Jo Doe", "caption"),
    ],
)
def test_a_telling_cue_outweighs_the_model(line: str, label: str) -> None:
    lines = RELEASE.split("\n")
    page = [*lines[:2], line, *lines[2:]] if label == "caption" else [*lines, "Home", "Contact", line, "Privacy policy"]
    result = clean("\n".join(page))
    assert [s.label for s in result.segments if result.text[s.start : s.end].strip() == line] == [label]


@pytest.mark.parametrize(
    "text", ["Acme opens a plant\nAcme opened a plant today in Berlin.", PARAGRAPH, f"Plant opened\n\n{PARAGRAPH}"]
)
def test_a_flash_keeps_its_body(text: str) -> None:
    assert text.split("\n")[-1] in clean(text).body


def test_the_dateline_leaves_the_paragraph_and_becomes_a_field() -> None:
    result = clean(RELEASE)
    assert result.dateline is not None
    assert (result.dateline.city, result.dateline.date, result.dateline.wire) == ("BERLIN", "2026-01-05", "PRNewswire")
    assert result.body == f"{PARAGRAPH}\n{PARAGRAPH}"


def test_the_tail_moves_to_its_fields() -> None:
    result = clean(RELEASE)
    assert [(about.organisation, about.text) for about in result.about] == [("Acme", ABOUT)]
    assert [(c.role, c.name, c.email, c.phone) for c in result.contacts] == [
        ("media", "Jo Doe", "press@acme.example", "+49 30 555 0100")
    ]
    assert result.source_line == "Acme"


def test_blank_lines_between_paragraphs_change_nothing() -> None:
    assert clean(RELEASE.replace("\n", "\n\n")).body == clean(RELEASE).body


def test_boilerplate_inside_a_paragraph_is_cut_at_its_sentence() -> None:
    said = "This press release contains forward-looking statements that involve risks."
    result = clean(RELEASE.replace(f"\n{PARAGRAPH}\nAbout", f"\n{PARAGRAPH} {said}\nAbout"))
    assert said not in result.body
    assert result.body.endswith(PARAGRAPH)
    assert result.safe_harbor


def test_a_release_in_one_paragraph_loses_its_tail() -> None:
    result = clean(f"{PARAGRAPH} {PARAGRAPH} Media Contact: Jo Doe, press@acme.example")
    assert result.body == f"{PARAGRAPH} {PARAGRAPH}"
    assert [contact.email for contact in result.contacts] == ["press@acme.example"]


def test_a_pull_quote_leaves_the_body_and_its_paragraph_stays() -> None:
    said = "We build where our customers are and where people want to work"
    told = f'Jo Doe said: "{said}, and nowhere else." She spoke in Berlin on Monday.'
    lines = RELEASE.split("\n")
    quote = '"We had looked at four other towns, and none of them had both a harbour and a school of engineering."'
    result = clean("\n".join([*lines[:2], f"“{said}”", told, quote, *lines[3:]]))
    assert result.body == "\n".join([PARAGRAPH, told, quote])
    assert "pull_quote" in {segment.sub for segment in result.segments}


@pytest.mark.parametrize(
    "line",
    [
        "EMBARGO: 3 November 2026, 10:00 GMT",
        "Embargoed until 10:00 GMT, November 3, 2026",
        "Sperrfrist: 3. November 2026, 10.00 Uhr MEZ",
        "Sous embargo jusqu'au 3 novembre 2026, 10h00",
        "엠바고: 2026년 11월 3일 10시",
    ],
)
def test_an_embargo_is_seen_whatever_stands_around_it(line: str) -> None:
    result = clean(f"{line}\n{RELEASE}")
    assert result.embargo_notice == line
    assert result.embargoed_until is not None
    assert result.embargoed_until.date().isoformat() in {"2026-11-03", "2026-11-04"}
    assert result.title == RELEASE.split("\n")[0]


@pytest.mark.parametrize("line", ["Embargo on oil tightened by ministers", "Embargo gegen Ölexporte verschärft"])
def test_news_of_an_embargo_is_no_embargo(line: str) -> None:
    assert clean(RELEASE.replace(RELEASE.split("\n")[0], line)).embargo_notice == ""


def test_a_release_in_one_paragraph_without_boilerplate_loses_nothing() -> None:
    assert clean(f"{PARAGRAPH} {PARAGRAPH} {PARAGRAPH}").body == f"{PARAGRAPH} {PARAGRAPH} {PARAGRAPH}"


def test_a_release_in_one_paragraph_fills_its_fields() -> None:
    tail = f"About Acme: {ABOUT} Contact: Jo Doe, press@acme.example, +49 30 555 0100. SOURCE Acme"
    result = clean(f"BERLIN, Jan. 5, 2026 /PRNewswire/ -- {PARAGRAPH} {PARAGRAPH} {tail}")
    assert result.body == f"{PARAGRAPH} {PARAGRAPH}"
    assert [about.organisation for about in result.about] == ["Acme"]
    assert [contact.name for contact in result.contacts] == ["Jo Doe"]
    assert result.source_line == "Acme"
    assert result.dateline is not None
    assert result.dateline.date == "2026-01-05"


def test_cues_of_other_languages_are_tried() -> None:
    result = clean(RELEASE.replace("About Acme", "關於 Acme").replace("Media Contact", "Pressekontakt"), language="ko")
    assert [about.organisation for about in result.about] == ["Acme"]
    assert [contact.role for contact in result.contacts] == ["media"]


def test_a_release_in_two_languages_keeps_both_bodies_and_takes_both_tails() -> None:
    german = (
        "Das Unternehmen teilte am Montag mit, dass es neben dem ersten Werk ein zweites bauen will, in dem ab dem "
        "nächsten Frühjahr 400 Menschen arbeiten sollen, und dass das Land ein Drittel der Kosten übernimmt."
    )
    tail = ["Über Acme", "Acme ist ein führender Hersteller von Lagerrobotern mit Sitz in Berlin.", "Pressekontakt:"]
    result = clean(
        "\n".join([RELEASE, "Acme baut ein zweites Werk in Berlin", german, german, *tail, "presse@acme.example"])
    )
    assert PARAGRAPH in result.body
    assert german in result.body
    assert [about.organisation for about in result.about] == ["Acme", "Acme"]
    assert {contact.email for contact in result.contacts} == {"press@acme.example", "presse@acme.example"}


def test_a_correction_is_noticed_and_its_release_read() -> None:
    first, second, *rest = RELEASE.split("\n")
    said = "Please replace the release dated January 4, 2026 with the following corrected version."
    result = clean("\n".join([f"CORRECTING and REPLACING {first}", first, said, second, *rest]))
    assert result.correction_notice.startswith("CORRECTING and REPLACING")
    assert said in result.correction_notice
    assert result.body == clean(RELEASE).body
    assert result.title == first


@pytest.mark.parametrize(("heading", "kept"), [("What we do", "body"), ("About Acme", "about")])
def test_where_the_model_keeps_nothing_paragraphs_that_no_heading_calls_about_are_kept(heading: str, kept: str) -> None:
    lines = read_lines(f"{heading}\n{PARAGRAPH}\n{PARAGRAPH}", kit().cues, kit().model)
    assert with_some_body(["about", "about", "about"], lines)[1:] == [kept, kept]


def test_every_taken_out_segment_says_why() -> None:
    assert all(segment.evidence for segment in clean(RELEASE).segments)


def test_markup_is_evidence() -> None:
    text = f"Acme to build\n{PARAGRAPH}\n{PARAGRAPH}\nOther things that we have written about this\nAnother headline of ours"  # noqa: E501
    marks = tuple(Markup(line=line, tag="a", words="nav related-links footer", link_density=1.0) for line in (3, 4))
    labels = [segment.label for segment in clean(text, markup=marks).segments]
    assert labels[-2:] == ["navigation", "navigation"]


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("BUSAN, Nov. 3, 2026 --", "2026-11-03"),
        ("3 de noviembre de 2026", "2026-11-03"),
        ("3. November 2026", "2026-11-03"),
        ("25 сентября 2025 г.", "2025-09-25"),
        ("ngày 3 tháng 11 năm 2026", "2026-11-03"),
        ("วันพุธที่ 20 พฤษภาคม 2563", "2020-05-20"),
        ("20 พ.ค. 2563", "2020-05-20"),
        ("【106年8月21日，台北】", "2017-08-21"),
        ("民國112年2月16日", "2023-02-16"),
        ("令和7年1月14日", "2025-01-14"),
        ("2013년 10월 24일", "2013-10-24"),
        ("28 آب/اغسطس 2013", "2013-08-28"),
        ("٣ نوفمبر ٢٠٢٦", "2026-11-03"),
        ("15 رمضان 1437 هـ", "2016-06-20"),
        ("04/21/2022", "2022-04-21"),
        ("21/04/2022", "2022-04-21"),
        ("新华社北京11月17日电", "--11-17"),
        ("5 มิ.ย. 63", "2020-06-05"),
    ],
)
def test_dates_of_every_calendar_become_iso(text: str, iso: str) -> None:
    assert [found.iso for found in find_dates(text)] == [iso]


@pytest.mark.parametrize("text", ["July 2009", "192.168.10.12", "version 1.2.3", "31 February 2026", "1,250,000", ""])
def test_other_numbers_are_no_dates(text: str) -> None:
    assert find_dates(text) == ()


def test_the_islamic_new_year_is_within_a_day_of_the_almanac() -> None:
    assert abs((from_hijri(1447, 1, 1).toordinal()) - 739428) <= 1  # 26 June 2025


@pytest.mark.parametrize(
    ("paragraph", "dateline"),
    [
        ("PALO ALTO, Calif.--(BUSINESS WIRE)--Acme said", "PALO ALTO, Calif.--(BUSINESS WIRE)--"),
        ("INDIANAPOLIS (AP) — A messy deal", "INDIANAPOLIS (AP) — "),
        ("Jakarta - Gubernur mengatakan", "Jakarta - "),
        ("24 de septiembre de 2020 — El Grupo", "24 de septiembre de 2020 — "),
        ("الرياض – 24 جمادى الأولى 1448 هـ – أعلنت شركة", "الرياض – 24 جمادى الأولى 1448 هـ – "),
        ("(서울=뉴스와이어) 루모라는", "(서울=뉴스와이어) "),
        ("新华社北京11月17日电 记者17日获悉", "新华社北京11月17日电 "),
        ("（中央社記者王小明台北21日電）行政院", "（中央社記者王小明台北21日電）"),
        ("READ MORE: Woman found alive", ""),
        ("Apple – the company that makes phones – said", ""),
        ("Acme today said it would buy - at last - a robot", ""),
        ("On 3 November 2026, the company said", ""),
        ("Apple: the company said", ""),
        ("Im November 2026 – kurz vor Weihnachten – stieg", ""),
        ("昨日、アクメは", ""),
        ("（山田太郎）は", ""),
        ("「はい」と彼は言った", ""),
        (PARAGRAPH, ""),
    ],
)
def test_a_dateline_is_taken_whole_or_not_at_all(paragraph: str, dateline: str) -> None:
    assert paragraph[: inline_dateline(paragraph, kit().cities)] == dateline


@pytest.mark.parametrize(
    ("paragraph", "city", "day", "wire"),
    [
        ("CINCINNATI, Jan. 9, 2026 /PRNewswire/ -- The company said it", "CINCINNATI", "2026-01-09", "PRNewswire"),
        ("DENVER--(BUSINESS WIRE)--Acme today", "DENVER", "", "BUSINESS WIRE"),
        ("NEW YORK, Nov. 03, 2026 (GLOBE NEWSWIRE) -- Acme today", "NEW YORK", "2026-11-03", "GLOBE NEWSWIRE"),
        (
            "SHANGHAI, CHINA - Media OutReach Newswire - 19 July 2026 - Acme today",
            "SHANGHAI",
            "2026-07-19",
            "Media OutReach Newswire",
        ),
        (
            "HONG KONG SAR - Media OutReach Newswire - 3 November 2026 - Acme",
            "HONG KONG SAR",
            "2026-11-03",
            "Media OutReach Newswire",
        ),
        ("London, 3 November 2026: Acme plc announces", "London", "2026-11-03", ""),
        ("LONDON (Reuters) - Oil prices rose", "LONDON", "", "Reuters"),
        ("LONDON, Nov 3 (Reuters) - Oil prices rose", "LONDON", "2026-11-03", "Reuters"),
        ("WASHINGTON (AP) — The president", "WASHINGTON", "", "AP"),
        ("ST. LOUIS, Nov. 3, 2026 /PRNewswire/ -- Acme", "ST. LOUIS", "2026-11-03", "PRNewswire"),
        ("Sydney, Australia – 3 November 2026 – Acme today", "Sydney", "2026-11-03", ""),
        ("Berlin (ots) - Die Firma Acme", "Berlin", "", "ots"),
        ("Hamburg, 3. November 2026 – Die Firma", "Hamburg", "2026-11-03", ""),
        ("Frankfurt/Main (dpa) - Der Dax", "Frankfurt", "", "dpa"),
        ("München, den 3. November 2026. Die Firma", "München", "2026-11-03", ""),
        ("Wien (OTS) - Die Firma", "Wien", "", "OTS"),
        ("PARIS, 3 novembre 2026 /PRNewswire/ -- Acme", "PARIS", "2026-11-03", "PRNewswire"),
        ("Paris, le 3 novembre 2026 – Acme annonce", "Paris", "2026-11-03", ""),
        ("Genève, le 3 novembre 2026. La société", "Genève", "2026-11-03", ""),
        ("PARIS (AFP) - Le président", "PARIS", "", "AFP"),
        ("MADRID, 3 nov. (EUROPA PRESS) - El Gobierno", "MADRID", "2026-11-03", "EUROPA PRESS"),
        ("Madrid, 3 nov (EFE).- El Gobierno", "Madrid", "2026-11-03", "EFE"),
        ("Ciudad de México, 3 de noviembre de 2026.- La empresa", "Ciudad de México", "2026-11-03", ""),
        ("Bogotá, 3 de noviembre de 2026 (Prensa Acme). La empresa", "Bogotá", "2026-11-03", ""),
        ("São Paulo, 3 de novembro de 2026 – A empresa", "São Paulo", "2026-11-03", ""),
        ("Lisboa, 03 nov 2026 (Lusa) – O Governo", "Lisboa", "2026-11-03", "Lusa"),
        ("SÃO PAULO, 3 de novembro de 2026 /PRNewswire/ -- A empresa", "SÃO PAULO", "2026-11-03", "PRNewswire"),
        ("Москва, 3 ноября 2026 года — Компания «Акме»", "Москва", "2026-11-03", ""),
        ("МОСКВА, 3 ноя — РИА Новости. Компания", "МОСКВА", "2026-11-03", "РИА Новости"),
        ("МОСКВА, 3 ноября. /ТАСС/. Компания", "МОСКВА", "2026-11-03", "ТАСС"),
        ("г. Казань, 3 ноября 2026 г. – Компания", "Казань", "2026-11-03", ""),
        ("【釜山2026年11月3日PR Newswire】アクメは", "釜山", "2026-11-03", "PR Newswire"),
        ("（東京、2026年11月3日）アクメは", "東京", "2026-11-03", ""),
        ("【東京=共同】アクメは", "東京", "", "共同"),
        ("【ロンドン時事】英国", "ロンドン", "", "時事"),
        ("（서울=연합뉴스) 홍길동 기자 = 아크미는", "서울", "", "연합뉴스"),
        ("(서울=연합뉴스) 홍길동 기자 = 아크미는", "서울", "", "연합뉴스"),
        ("(서울=뉴스와이어) 2026년 11월 03일 -- 아크미는", "서울", "2026-11-03", "뉴스와이어"),
        ("[서울=뉴시스]홍길동 기자 = 아크미는", "서울", "", "뉴시스"),
        ("(부산=뉴스1) 홍길동 기자 = 아크미는", "부산", "", "뉴스1"),
        ("서울, 2026년 11월 3일 /PRNewswire/ -- 아크미는", "서울", "2026-11-03", "PRNewswire"),
        ("新华社北京11月3日电 记者从", "北京", "2026-11-03", "新华社"),
        ("中新网北京11月3日电 (记者 王小明)公司", "北京", "2026-11-03", "中新网"),
        ("北京2026年11月3日 /美通社/ -- 公司", "北京", "2026-11-03", "美通社"),
        ("香港2026年11月3日 /美通社/ -- 公司", "香港", "2026-11-03", "美通社"),
        ("（中央社記者王小明台北3日電）公司", "台北", "2026-11-03", "中央社"),
        ("【台北訊】公司今天", "台北", "", ""),
        ("(台北訊，2026年11月3日) – 公司", "台北", "2026-11-03", ""),
        ("【115年11月3日，台北】公司", "台北", "2026-11-03", ""),
        ("（上海，2026年11月3日）公司", "上海", "2026-11-03", ""),
        ("〔記者王小明／台北報導〕公司", "台北", "", ""),
        ("2026年11月3日，北京——公司", "北京", "2026-11-03", ""),
        ("Hà Nội, ngày 3 tháng 11 năm 2026 – Công ty", "Hà Nội", "2026-11-03", ""),
        ("Hà Nội (TTXVN) – Công ty", "Hà Nội", "", "TTXVN"),
        ("TP. Hồ Chí Minh, Việt Nam, ngày 3 tháng 11 năm 2026 - Công ty", "TP. Hồ Chí Minh", "2026-11-03", ""),
        ("TP.HCM, 03/11/2026 - Công ty", "TP.HCM", "2026-11-03", ""),
        ("กรุงเทพฯ 3 พฤศจิกายน 2569 - บริษัท", "กรุงเทพฯ", "2026-11-03", ""),
        ("กรุงเทพฯ, 3 พฤศจิกายน 2569 – บริษัท", "กรุงเทพฯ", "2026-11-03", ""),
        ("กรุงเทพฯ (3 พฤศจิกายน 2569) – บริษัท", "กรุงเทพฯ", "2026-11-03", ""),
        ("เชียงใหม่ – 3 พ.ย. 69 – บริษัท", "เชียงใหม่", "2026-11-03", ""),
        ("Jakarta, 3 November 2026 – PT Acme", "Jakarta", "2026-11-03", ""),
        ("Jakarta (ANTARA) - PT Acme", "Jakarta", "", "ANTARA"),
        ("JAKARTA, (ANTARA) - PT Acme", "JAKARTA", "", "ANTARA"),
        ("Bandung, Antara Jabar - PT Acme", "Bandung", "", ""),
        ("KUALA LUMPUR, 3 Nov (Bernama) -- Syarikat", "KUALA LUMPUR", "2026-11-03", "Bernama"),
        ("KUALA LUMPUR, 3 November 2026 – Syarikat Acme", "KUALA LUMPUR", "2026-11-03", ""),
        ("SHAH ALAM – Syarikat Acme", "SHAH ALAM", "", ""),
        ("KOTA KINABALU: Syarikat Acme", "KOTA KINABALU", "", ""),
        ("الرياض، 3 نوفمبر 2026 – أعلنت شركة", "الرياض", "2026-11-03", ""),
        ("دبي، الإمارات العربية المتحدة، 3 نوفمبر 2026: أعلنت", "دبي", "2026-11-03", ""),
        ("الرياض 22 جمادى الأولى 1448 هـ الموافق 3 نوفمبر 2026 م واس أعلنت", "الرياض", "2026-11-03", "واس"),
        ("القاهرة (رويترز) - قال", "القاهرة", "", "رويترز"),
        ("(بزنيس واير): أعلنت شركة أكمي", "", "", "بزنيس واير"),
        ('دبي، الإمارات العربية المتحدة-(بزنيس واير/"ايتوس واير"): أعلنت', "دبي", "", "بزنيس واير"),
    ],
)
def test_datelines_of_every_language_are_read(paragraph: str, city: str, day: str, wire: str) -> None:
    head = paragraph[: inline_dateline(paragraph, kit().cities)]
    read = read_dateline(head, kit().cities, "2026-11-03")
    assert (read.city, read.date, read.wire) == (city, day, wire)


@pytest.mark.parametrize(
    ("line", "city", "day"),
    [
        ("Hamburg, 2. November 2021", "Hamburg", "2021-11-02"),
        ("Kuala Lumpur, 3 November 2026", "Kuala Lumpur", "2026-11-03"),
        ("لندن: «الشرق الأوسط»", "لندن", ""),
        ("خالد علي (الدمام)", "الدمام", ""),
        ("Stand: 25.01.2022", "", "2022-01-25"),
    ],
)
def test_a_date_line_of_its_own_may_name_the_city(line: str, city: str, day: str) -> None:
    read = read_date_lines([line], kit().cities)
    assert (read.city, read.date) == (city, day)


def test_a_yearless_dateline_takes_the_year_of_the_date_line() -> None:
    read = read_dateline("新华社北京11月17日电", kit().cities, "2023-11-17")
    assert (read.city, read.date, read.wire) == ("北京", "2023-11-17", "新华社")


def test_headlines_that_repeat_each_other_are_one_title() -> None:
    assert choose_title(["Site news - Plant opened [Ministry]", "Plant opened", "Plant opened"]) == "Plant opened"


def test_an_embargo_ends_where_it_says_and_late_where_it_names_no_zone() -> None:
    named = embargo_end("Embargoed until 3 November 2026, 10:00 GMT")
    unnamed = embargo_end("Embargoed until 3 November 2026, 10:00")
    assert named is not None
    assert unnamed is not None
    assert named.isoformat() == "2026-11-03T10:00:00+00:00"
    assert unnamed > named
    assert embargo_end("For immediate release") is None


def test_every_cue_file_compiles_and_every_group_is_used() -> None:
    cues = load_cues(StageConfig(config_directory()))
    named = {cue.group for cue in cues.cues}
    assert set(GROUPS) - named == set()


def test_a_misnamed_cue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "boilerplate").mkdir()
    (tmp_path / "boilerplate" / "xx.toml").write_text("[abuot.heading]\n'x' = \"nowhere\"\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"xx\.toml: no cue is called abuot\.heading"):
        load_cues(StageConfig(tmp_path))


def test_a_pattern_that_is_none_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "boilerplate").mkdir()
    (tmp_path / "boilerplate" / "xx.toml").write_text("[about.heading]\n'about (x' = \"nowhere\"\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"xx\.toml, about\.heading: about \(x: .*unclosed group"):
        load_cues(StageConfig(tmp_path))


def test_a_lone_surrogate_in_the_title_is_no_fault() -> None:
    assert clean(RELEASE, title="Lumora \ud800").body == clean(RELEASE).body
