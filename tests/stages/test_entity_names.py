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
