"""What stands beside a name: that words next to it, and the rest of the text, put right what a sentence leaves open."""

from dataclasses import replace

import pytest

from streams.records import CleanRelease
from streams.stages.entity_context import Name, NameType
from streams.stages.tag_entities import EntityKit, tag_entities
from tests.support.entities import entity_kit


@pytest.fixture(scope="module")
def kit() -> EntityKit:
    return entity_kit()


def names(kit: EntityKit, language: str, body: str) -> set[tuple[str, str]]:
    entities = tag_entities(CleanRelease(id="urn:test:1", language=language, body=body), kit).entities
    return {(mention.surface, entity.type) for entity in entities for mention in entity.mentions}


@pytest.mark.parametrize(
    ("language", "body", "surface", "kind"),
    [
        # Heads of organisations.
        ("en", "She joined the Institute for Applied Widgetry last year.", "Institute for Applied Widgetry", "ORG"),
        ("es", "Lo anunció la Dirección de Centros Penales.", "Dirección de Centros Penales", "ORG"),
        ("pt", "A Secretaria de Saúde confirmou os casos.", "Secretaria de Saúde", "ORG"),
        ("de", "Das teilte das Bundesamt für Naturschutz mit.", "Bundesamt für Naturschutz", "ORG"),
        ("id", "Kementerian Energi dan Sumber Daya menolak.", "Kementerian Energi dan Sumber Daya", "ORG"),
        ("ms", "DEWAN Perniagaan dan Usahawan Selangor hadir.", "DEWAN Perniagaan dan Usahawan Selangor", "ORG"),
        ("zh-Hans", "国家药监局持续采集信息。", "国家药监局", "ORG"),
        ("zh-Hans", "此外，市场监管总局指导地方工作。", "市场监管总局", "ORG"),
        # What stands before a name.
        ("ar", "دشنت شركة «تيلمونا» سيارة جديدة.", "تيلمونا", "ORG"),
        ("id", "Aksi boikot aplikasi Traveloka berlanjut.", "Traveloka", "ORG"),
        ("ko", "문정복 최고위원은 반대했다.", "문정복", "PERSON"),
        ("zh-Hant", "鴻海創辦人郭台銘表示，政府應該解決問題。", "郭台銘", "PERSON"),
        ("zh-Hant", "鴻海創辦人郭台銘表示，政府應該解決問題。", "鴻海", "ORG"),
        # All of a person's name, and no more.
        ("pt", "Segundo o secretário Marcelino Nunes de Oliveira, não.", "Marcelino Nunes de Oliveira", "PERSON"),
        ("ms", "Presiden SICCE, Datuk Dr V Shanmughanathan berkata.", "V Shanmughanathan", "PERSON"),
        # What a thing is called elsewhere in the text.
        ("zh-Hant", "神達投資控股股份有限公司宣布合作。神達投控將投資。", "神達投控", "ORG"),
        ("ko", "전국당원대회준비위원회(전준위)가 의결했다. 전준위는 밝혔다.", "전준위", "ORG"),
        ("en", "Vitacost.com, Inc. was sold. Buyers liked Vitacost.", "Vitacost", "ORG"),
    ],
    ids=lambda value: value[:30],
)
def test_context_tells_what_a_name_is(kit: EntityKit, language: str, body: str, surface: str, kind: str) -> None:
    assert (surface, {"ORG": "ORGANISATION"}.get(kind, kind)) in names(kit, language, body)


def test_a_ceo_is_told_apart_from_the_company_before_the_name(kit: EntityKit) -> None:
    body = "Hadir juga CTO Traveloka Derianto Kusuma. Traveloka memberi manfaat. Derianto Kusuma pulang."
    assert names(kit, "id", body) >= {("Traveloka", "ORGANISATION"), ("Derianto Kusuma", "PERSON")}


class Said:
    """A tagger that takes each of some words for a name of the type beside it."""

    def __init__(self, *words: tuple[str, NameType]) -> None:
        self.words = words

    def names(self, text: str, language: str) -> list[Name]:
        return [Name(text.index(word), text.index(word) + len(word), type_) for word, type_ in self.words]


@pytest.mark.parametrize(
    ("language", "body", "said", "left"),
    [
        ("id", "Hadir juga CTO Lumora di sini.", ("CTO Lumora", "ORGANISATION"), {("Lumora", "ORGANISATION")}),
        ("en", "We met the CTO yesterday morning.", ("CTO", "ORGANISATION"), set()),
    ],
)
def test_an_office_is_no_part_of_an_organisation(
    kit: EntityKit, language: str, body: str, said: tuple[str, NameType], left: set[tuple[str, str]]
) -> None:
    assert names(replace(kit, tagger=Said(said)), language, body) == left


def test_laws_and_events_are_no_organisations(kit: EntityKit) -> None:
    body = "No se rige por la Ley de Adquisiciones y Contrataciones de la Administración Pública."
    assert not [n for n in names(kit, "es", body) if n[0].startswith("Ley")]
    assert "Евро-2016" not in {n[0] for n in names(kit, "ru", "Он попал в заявку сборной на Евро-2016.")}


def test_a_place_with_a_clitic_is_the_place_that_the_text_has_bare(kit: EntityKit) -> None:
    found = names(kit, "ar", "زار الوزير روسيا أمس. وقال إن الصين وروسيا ستوقعان اتفاقا.")
    assert ("روسيا", "PLACE") in found
    assert ("وروسيا", "PLACE") not in found


PERSON: NameType = "PERSON"
ORGANISATION: NameType = "ORGANISATION"
PLACE: NameType = "PLACE"


@pytest.mark.parametrize(
    ("language", "body", "said", "left"),
    [
        pytest.param(
            "en", "Lisa Narrow-Mead’s firm grew. Ms. Narrow-Mead said so.", {"Lisa Narrow": PERSON},
            {"Lisa Narrow-Mead": PERSON, "Narrow-Mead": PERSON}, id="a double name is whole",
        ),
        pytest.param(
            "ko", "후원사는 Gandi.net 입니다.", {"Gandi": PERSON}, {"Gandi.net": ORGANISATION},
            id="so is a domain",
        ),
        pytest.param(
            "en", "We met Datuk Seri Anwar Ibrahim.", {"Datuk Seri Anwar Ibrahim": PERSON}, {"Anwar Ibrahim": PERSON},
            id="a form of address is no part of a name",
        ),
        pytest.param(
            "ms", "Turut hadir Tun Arifin Zakaria.", {"Tun Arifin Zakaria": PERSON}, {"Arifin Zakaria": PERSON},
            id="nor in Malay",
        ),
        pytest.param(
            "en", "Present:\nOkafor, Dana\nDana Okafor spoke.", {"Okafor": PERSON, "Dana Okafor": PERSON},
            {"Okafor, Dana": PERSON, "Dana Okafor": PERSON}, id="a line of one person, the last name first",
        ),
        pytest.param(
            "en", "Merkel, Macron\nMerkel met Macron.", {"Merkel": PERSON, "Macron": PERSON},
            {"Merkel": PERSON, "Macron": PERSON}, id="but not of two",
        ),
        pytest.param(
            "en", "Florence, Paris\nShe lived there.", {"Florence": PERSON, "Paris": PERSON},
            {"Florence": PERSON, "Paris": PERSON}, id="nor of what may be places",
        ),
        pytest.param(
            "de", "Berlin/Bonn (dpa) - Immer mehr.", {"Berlin/Bonn": PLACE}, {"Berlin": PLACE, "Bonn": PLACE},
            id="a stroke parts two places",
        ),
        pytest.param(
            "de", "Eva Wels-Deffaa sprach mit dem US-Anbieter.", {"Eva Wels": PERSON, "US": PLACE},
            {"Eva Wels-Deffaa": PERSON}, id="in German compounds apart",
        ),
        pytest.param("de", "Der Verband tagt.", {"Verband": ORGANISATION}, {}, id="a word that is nobody's name"),
        pytest.param(
            "es", "Apoyan Xandros, Damicon, Linux Systems AG y otros.", {}, {"Linux Systems AG": ORGANISATION},
            id="a list of companies is not one",
        ),
        pytest.param(
            "en", "So say Weil, Gotshal & Manges LLP.", {}, {"Weil, Gotshal & Manges LLP": ORGANISATION},
            id="partners are one",
        ),
        pytest.param(
            "es", "Apoya el Instituto de Física y CSC.", {}, {"Instituto de Física": ORGANISATION},
            id="an abbreviation after `and` is another name",
        ),
        pytest.param(
            "id", "Baru saja terbit. Perangkat baru itu bagus.", {"Baru": PERSON}, {},
            id="a word that begins a sentence",
        ),
        pytest.param(
            "id", "Apple diam. Harga apel naik.", {"Apple": ORGANISATION}, {"Apple": ORGANISATION},
            id="a name that does",
        ),
        pytest.param("id", "Pelanggan meminta diskon.", {"Pelanggan": PERSON}, {}, id="customers are nobody"),
        pytest.param(
            "ms",
            "kata Ketua Pegawai Eksekutif dan pengasas bersama, Hana Okafor.",
            {"Ketua Pegawai Eksekutif": PERSON, "Hana Okafor": PERSON},
            {"Hana Okafor": PERSON},
            id="an office is nobody",
        ),
        pytest.param(
            "en", "She heads Isis (Institute of Strategic and International Studies) now.", {"Isis": PLACE},
            {"Isis": ORGANISATION, "Institute of Strategic and International Studies": ORGANISATION},
            id="initials before what they stand for",
        ),
        pytest.param(
            "id", "Adanya NIK (Nomor Induk Kependudukan) ganda.", {}, {}, id="not all that is abbreviated is a body",
        ),
        pytest.param(
            "ko", "루모라 로보틱스가 열었다. 하나 오카포르 루모라 로보틱스 대표는 말했다.",
            {"루모라 로보틱스": ORGANISATION, "하나 오카포르 루모라": PERSON, "로보틱스 대표": ORGANISATION},
            {"하나 오카포르": PERSON, "루모라 로보틱스": ORGANISATION}, id="a person apart from the company behind",
        ),
        pytest.param(
            "ko", "㈜가나다라는 인증 기업이다. ㈜가나다라의 하루는 바쁘다.", {}, {"㈜가나다라": ORGANISATION},
            id="a particle is no part of a company",
        ),
        pytest.param(
            "ko", "미국 중국 브라질 등에 수출한다.", {"미국 중국 브라질": PLACE},
            {"미국": PLACE, "중국": PLACE, "브라질": PLACE}, id="three countries are three",
        ),
        pytest.param(
            "ko", "중국 베이징 공장.", {"중국 베이징": PLACE}, {"중국 베이징": PLACE},
            id="a country and its town are one",
        ),
        pytest.param(
            "ko", "브라질(합작법인)로 갔다.", {"브라질": ORGANISATION}, {"브라질": PLACE},
            id="a country is a place",
        ),
        pytest.param("zh-Hant", "盧莫拉執行長說明。", {"盧": PERSON}, {}, id="one letter is nobody"),
        pytest.param("ko", "김 회장은 말했다.", {"김": PERSON}, {"김": PERSON}, id="but in Korean"),
        pytest.param(
            "zh-Hans", "他质询了前政务司司长唐英年。", {"唐英": PERSON}, {"唐英年": PERSON},
            id="all of a name after an office",
        ),
        pytest.param("zh-Hans", "国防部长访问北京。", {"北京": PLACE}, {"北京": PLACE}, id="a minister is no ministry"),
        pytest.param("zh-Hans", "外交部发言人回答。", {}, {"外交部": ORGANISATION}, id="a ministry"),
        pytest.param(
            "ar", "التقى بوتين وكيم. وقال كيم إنه سعيد.", {"بوتين وكيم": PERSON, " كيم": PERSON},
            {"بوتين": PERSON, "كيم": PERSON}, id="two people whom `and` makes one word of",
        ),
        pytest.param(
            "ar", "قال كيم أمس. وصل كيم بكين.", {"كيم": PERSON, "كيم بكين": PERSON}, {"كيم": PERSON, "بكين": PLACE},
            id="a person before a place",
        ),
        pytest.param(
            "ar", "قالت صحيفة لوموند أمس.", {"لوموند": PERSON}, {"لوموند": ORGANISATION}, id="a newspaper by its noun"
        ),
        pytest.param(
            "ar", "أعلن الاتحاد السعودي لكرة القدم ذلك.", {"الاتحاد السعودي": ORGANISATION},
            {"الاتحاد السعودي لكرة القدم": ORGANISATION}, id="what a federation is for",
        ),
        pytest.param(
            "ru", "Судьи Печерского районного суда Киева молчат.", {"Киева": PLACE},
            {"Печерского районного суда Киева": ORGANISATION}, id="a court with its town",
        ),
        pytest.param(
            "ru", "Это музей цивилизаций Азии.", {"музей цивилизаций": ORGANISATION, "Азии": PLACE},
            {"музей цивилизаций Азии": ORGANISATION}, id="a body with its place",
        ),
        pytest.param(
            "ja", "バイデン米大統領が会談した。", {"バイデン米": PERSON}, {"バイデン": PERSON},
            id="a person before an office",
        ),
        pytest.param("ja", "フランス大統領が来た。", {}, {}, id="a country before an office is nobody"),
        pytest.param(
            "ja", "読者センターの判断だ。", {"読者セ": ORGANISATION}, {"読者センター": ORGANISATION},
            id="whole katakana",
        ),
        pytest.param(
            "ja", "【カイロ金子淳】", {"カイロ金子淳": PERSON}, {"カイロ": PLACE, "金子淳": PERSON},
            id="a reporter apart from the town",
        ),
    ],
)  # fmt: skip
def test_what_stands_in_and_beside_a_name_bounds_it(
    kit: EntityKit, language: str, body: str, said: dict[str, NameType], left: dict[str, NameType]
) -> None:
    assert names(replace(kit, tagger=Said(*said.items())), language, body) == set(left.items())
