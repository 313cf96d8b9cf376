"""What a format declares never contradicts the text silently: both are kept, one counts, and why is written down."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streams.records import Contact, Dateline, Decision, Declared, IdentifiedRelease, LanguageGuess
from streams.stages.boilerplate_declared import MAX_WORDS, weigh_declared

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
RELEASE = IdentifiedRelease(id="a", language="fr", confidence=0.99)


def declaring(**properties: Any) -> IdentifiedRelease:
    return replace(RELEASE, declared=Declared(format="ninjs 3.1", properties=properties))


def decided(release: IdentifiedRelease, **found: Any) -> list[tuple[str, str, str, str]]:
    decisions: tuple[Decision, ...] = weigh_declared(release, found)["decisions"]
    assert all(decision.why for decision in decisions)
    return [(d.field, d.declared, d.found, d.chosen) for d in decisions]


@pytest.mark.parametrize(
    ("hint", "language", "basis", "expected"),
    [
        ("en", "fr", "text", [("language", "en", "fr", "found")]),
        ("en", "fr", "body", [("language", "en", "fr", "found")]),
        ("en", "und", "text", [("language", "en", "und", "found")]),
        ("ms", "ms", "hint", [("language", "ms", "id", "declared")]),
        ("zh-TW", "zh-Hans", "text", [("language", "zh-TW", "zh-Hans", "found")]),
        ("zh-Hant", "zh-Hant", "text", []),
        ("zh-CN", "zh-Hans", "text", []),
        ("zh", "zh-Hant", "text", []),
        ("en-US", "en", "text", []),
        ("PT_br", "pt-BR", "region", []),
        ("in", "id", "text", []),
        ("", "fr", "text", []),
    ],
)
def test_a_language_that_is_declared_and_not_found_is_said(
    hint: str, language: str, basis: Any, expected: list[tuple[str, ...]]
) -> None:
    release = replace(
        RELEASE,
        language_hint=hint,
        language="und" if basis == "body" else language,
        language_basis="text" if basis == "body" else basis,
        alternatives=(LanguageGuess(language="id", confidence=0.5),),
    )
    found = {"language": language, "language_basis": basis} if basis == "body" else {}
    assert decided(release, **found) == expected


@pytest.mark.parametrize(
    ("properties", "found", "field", "value", "expected"),
    [
        ({"by": "Mina Cho"}, {"byline": "Jun Park"}, "byline", "Mina Cho", [("Mina Cho", "Jun Park", "declared")]),
        ({"by": "Mina Cho"}, {}, "byline", "Mina Cho", [("Mina Cho", "", "declared")]),
        ({"by": "By Mina Cho"}, {"byline": "mina cho"}, "byline", "By Mina Cho", []),
        ({}, {"byline": "Jun Park"}, "byline", "Jun Park", []),
        ({"copyrightNotice": "© A"}, {"copyright": "© B"}, "copyright", "© A", [("© A", "© B", "declared")]),
        (
            {"headlines": [{"role": "main", "value": "a"}, {"role": "deck", "value": "b"}]},
            {"subtitle": "c"},
            "subtitle",
            "b",
            [("b", "c", "declared")],
        ),
    ],
)
def test_who_wrote_and_owns_it_the_provider_knows_better(
    properties: dict[str, Any], found: dict[str, Any], field: str, value: str, expected: list[tuple[str, ...]]
) -> None:
    release = declaring(**properties)
    assert (found | weigh_declared(release, found))[field] == value
    assert decided(release, **found) == [(field, *each) for each in expected]


def test_a_headline_that_is_declared_goes_before_the_printed_one() -> None:
    release = replace(RELEASE, title="Lumora opens plant")
    assert weigh_declared(release, {"title": "Other news"})["title"] == "Lumora opens plant"
    assert decided(release, title="Other news") == [("title", "Lumora opens plant", "Other news", "declared")]
    assert decided(release, title="LUMORA OPENS PLANT – update") == []
    assert weigh_declared(RELEASE, {"title": "Printed"})["title"] == "Printed"


def test_where_it_was_issued_the_text_shows() -> None:
    busan = Dateline(city="Busan")
    assert decided(declaring(located="Seoul"), dateline=busan) == [("dateline", "Seoul", "Busan", "found")]
    assert decided(declaring(located="BUSAN, Korea"), dateline=busan) == []
    assert "dateline" not in weigh_declared(declaring(located="Seoul"), {"dateline": busan})


@pytest.mark.parametrize(
    ("declared", "found", "expected", "chosen"),
    [
        (NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=1), ["found"]),
        (NOON, NOON - timedelta(hours=1), NOON, ["declared"]),
        (NOON, NOON, NOON, []),
        (NOON, None, NOON, []),
        (None, NOON, NOON, []),
        (None, None, None, []),
    ],
)
def test_of_two_embargoes_the_later_holds(
    declared: datetime | None, found: datetime | None, expected: datetime | None, chosen: list[str]
) -> None:
    release = replace(RELEASE, embargoed_until=declared)
    assert weigh_declared(release, {"embargoed_until": found})["embargoed_until"] == expected
    assert [each[3] for each in decided(release, embargoed_until=found)] == chosen


def test_contacts_that_the_text_does_not_print_are_the_declared_ones() -> None:
    reach = [{"type": "email", "value": "a@b.example"}, {"type": "phone", "value": "+1 212 555 0100"}]
    release = declaring(people=[{"name": "Jun Park", "contactInfo": reach}, {"name": "Mina Cho"}])
    contact = Contact(name="Jun Park", email="a@b.example", phone="+1 212 555 0100")
    assert weigh_declared(release, {})["contacts"] == (contact,)
    assert decided(release) == [("contacts", "Jun Park", "", "declared")]
    (desk,) = weigh_declared(declaring(organisations=[{"name": "Lumora", "contactInfo": reach}]), {})["contacts"]
    assert (desk.name, desk.organisation) == ("", "Lumora")
    assert "contacts" not in weigh_declared(release, {"contacts": (Contact(name="Other"),)})


def test_what_is_declared_in_a_wrong_shape_is_passed_over() -> None:
    release = declaring(headlines="x", people=[1, {"contactInfo": "x"}], organisations={"a": 1}, by=7)
    assert weigh_declared(release, {})["byline"] == "7"


def test_earlier_decisions_are_kept_and_long_words_cut() -> None:
    first = Decision(field="version", declared="2", found="", chosen="declared", why="…")
    release = replace(declaring(by="x" * 2 * MAX_WORDS), decisions=(first,))
    assert weigh_declared(release, {})["decisions"][0] == first
    assert [len(d.declared) for d in weigh_declared(release, {})["decisions"][1:]] == [MAX_WORDS]
