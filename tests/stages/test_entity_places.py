"""A place is the same place in whatever language it is named: ISO 3166 for countries and parts, GeoNames for cities."""

import gzip
import json
import os
import re
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pycountry
import pytest
from babel import Locale

from streams.records import CleanRelease
from streams.stages.entity_gazetteer import Place
from streams.stages.entity_merge import find_place
from streams.stages.tag_entities import GROUPS, EntityKit, tag_entities
from tests.support.entities import entity_kit

CITIES = Path(__file__).parent.parent / "golden" / "cities.tsv"
SHARED = Path(os.environ.get("NEWSMILL_SHARED", Path(__file__).parents[3] / "shared"))
TRANSLATED = re.compile(r"(https?://www\.debian\.org/\S+?)\.\w\w(?:-\w\w)?$|(\S+/about/press/presskit\d+)/")


@pytest.fixture(scope="module")
def kit() -> EntityKit:
    return entity_kit()


def place_of(kit: EntityKit, name: str, language: str) -> Place | None:
    found = find_place(name, language, kit.gazetteer.places)
    return found and found[1]


@pytest.mark.parametrize("language", GROUPS)
def test_every_country_has_its_code_in_every_language(kit: EntityKit, language: str) -> None:
    names = Locale.parse(language.replace("-", "_")).territories
    countries = {country.alpha_2 for country in pycountry.countries}
    found = {code: place_of(kit, name, language) for code, name in names.items()}
    wrong = {code: place for code, place in found.items() if code in countries and (place is None or place.uri)}
    assert wrong == {}
    assert [code for code, place in found.items() if code in countries and place and place.code != code] == []


@pytest.mark.parametrize("row", CITIES.read_text(encoding="utf-8").splitlines()[1:], ids=lambda row: row.split("\t")[0])
def test_a_city_has_one_uri_in_fifteen_languages(kit: EntityKit, row: str) -> None:
    languages = CITIES.read_text(encoding="utf-8").splitlines()[0].split("\t")
    assert set(languages) == set(GROUPS)
    places = {place_of(kit, name, lang) for lang, name in zip(languages, row.split("\t"), strict=True)}
    assert len(places) == 1
    assert places != {None}


@pytest.mark.parametrize(
    ("language", "inflected", "code"),
    [
        ("ru", "Бразилии", "BR"), ("ru", "Германией", "DE"), ("ru", "Москве", "RU"), ("ru", "Китая", "CN"),
        ("de", "Deutschlands", "DE"), ("de", "Berlins", "DE"), ("ar", "وفرنسا", "FR"), ("ar", "بالصين", "CN"),
        ("ar", "للسعودية", "SA"), ("ko", "독일에서", "DE"), ("ko", "서울은", "KR"), ("id", "Indonesianya", "ID"),
        ("th", "ประเทศเยอรมนี", "DE"), ("vi", "nước Đức", "DE"), ("zh-Hant", "台北市", "TW"), ("ja", "東京都", "JP"),
        ("en", "GERMANY", "DE"), ("en", "Calif.", "US-CA"),
    ],
)  # fmt: skip
def test_a_place_is_found_in_the_form_that_a_sentence_gives_it(
    kit: EntityKit, language: str, inflected: str, code: str
) -> None:
    place = place_of(kit, inflected, language)
    assert place is not None
    assert place.code == code


def test_translations_of_a_release_name_the_same_places(kit: EntityKit) -> None:
    path = SHARED / "corpus" / "unlabelled" / "releases.jsonl.gz"
    if not path.exists():
        pytest.skip("the shared corpus is neither in NEWSMILL_SHARED nor in ../shared")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        releases = [json.loads(line) for line in lines]
    translations = defaultdict(list)
    for release in releases:
        if match := TRANSLATED.match(release["url"]):
            translations[match[1] or match[2]].append((release["lang"], release["text"]))
    shared = smaller = 0
    for group in translations.values():
        named = [_countries(kit, language, text) for language, text in group if len(group) > 1]
        for one, other in combinations(named, 2):
            shared, smaller = shared + len(one & other), smaller + min(len(one), len(other))
    # Not all of them: each translation ends with the contacts of its own region.
    assert shared >= 0.8 * smaller > 0


def _countries(kit: EntityKit, language: str, text: str) -> set[str]:
    entities = tag_entities(CleanRelease(id="urn:test:1", language=language, body=text), kit).entities
    return {entity.uri for entity in entities if entity.uri.startswith("urn:iso") and len(entity.value) == 2}
