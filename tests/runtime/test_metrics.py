"""What is counted of a release, and that nothing from outside can make a series."""

import pytest
from prometheus_client import CollectorRegistry

from streams.records import CleanRelease, EnrichedRelease, Entity, EntityType, IdentifiedRelease, RawRelease, Segment
from streams.runtime import settings
from streams.runtime.findings import LANGUAGES, Findings, find
from streams.runtime.hops import plan
from streams.runtime.metrics import Metrics

TEXT = "Acme opens\nBusan. Good.\nContact: x"


def metrics() -> Metrics:
    counting = settings.load(
        overrides={"metrics": {"source_classes": {"wire": ["PR Newswire"]}, "low_confidence": 0.8}}
    ).metrics
    return Metrics(CollectorRegistry(), counting)


def test_a_release_is_summed_up_without_its_words() -> None:
    assert find(_enriched()) == Findings(
        "ko", "dpa", 0.7, 12 / len(TEXT), (("headline", 1), ("body", 2)), (("PLACE", 2), ("DATE", 1))
    )


def _enriched() -> EnrichedRelease:
    kinds: tuple[EntityType, ...] = ("PLACE", "DATE", "PLACE")
    return EnrichedRelease(
        text=TEXT,
        body="Busan. Good.",
        language="ko",
        source="dpa",
        confidence=0.7,
        segments=tuple(Segment(start=0, end=1, label=label) for label in ("headline", "body", "body")),
        entities=tuple(
            Entity(id=f"e{n}", type=kind, name="n", mentions=(), count=0, salience=0.0) for n, kind in enumerate(kinds)
        ),
    )


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (RawRelease(text=TEXT), None),
        (IdentifiedRelease(text=TEXT, language="pt"), Findings("pt", "", 0.0)),
        (CleanRelease(text="", language="und"), Findings("und", "", 0.0, None)),
        (CleanRelease(text=TEXT, language="tlh"), Findings("other", "", 0.0, 0.0)),
    ],
)
def test_only_what_is_known_is_counted(release: RawRelease, expected: Findings | None) -> None:
    assert find(release) == expected


@pytest.mark.parametrize(
    ("source", "source_class"), [("pr newswire", "wire"), ("", "none"), ("whatever anybody says", "other")]
)
def test_a_source_is_counted_by_its_class(source: str, source_class: str) -> None:
    made = metrics()
    made.count_findings(Findings("en", source, 0.9))
    labels = {"language": "en", "source_class": source_class}
    assert made.registry.get_sample_value("news_releases_total", labels) == 1


@pytest.mark.parametrize(
    ("findings", "low", "empty"),
    [(Findings("th", "", 0.79, 0.4), 1, 0), (Findings("th", "", 0.8, 0.0), 0, 1), (Findings("th", "", 0.8), 0, 0)],
)
def test_unsure_languages_and_empty_bodies_are_counted(findings: Findings, low: int, empty: int) -> None:
    made = metrics()
    made.expect(plan(settings.load())[-1])
    made.count_findings(findings)
    language = {"language": "th"}
    assert made.registry.get_sample_value("news_low_confidence_total", language) == low
    assert made.registry.get_sample_value("news_empty_bodies_total", language) == empty


def test_no_release_makes_a_series_that_was_not_there_from_the_start() -> None:
    made = metrics()
    for hop in plan(settings.load()):
        made.expect(hop)
    before = _series(made)
    for language in (*LANGUAGES, "tlh"):
        made.count_findings(find(_enriched_in(language)))  # type: ignore[arg-type]
    assert _series(made) == before


def _enriched_in(language: str) -> EnrichedRelease:
    return EnrichedRelease(text=TEXT, language=language, source=f"of {language}")


def _series(made: Metrics) -> set[tuple[str, ...]]:
    return {
        (sample.name, *sample.labels.values())
        for family in made.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
