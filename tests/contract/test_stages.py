"""What every stage promises: run on each stage of PIPELINE, whatever it does."""

import pickle
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from streams import codec
from streams.pipeline import PIPELINE, AnyStage
from streams.records import CleanRelease, EnrichedRelease, IdentifiedRelease, LanguageSpan, RawRelease
from streams.stage import Stage, StageConfig, config_directory

STAGES = pytest.mark.parametrize("stage", PIPELINE, ids=lambda stage: stage.name)

EXAMPLES = example_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LINES = [
    "FOR IMMEDIATE RELEASE",
    "SEOUL, Nov. 24, 2026 /PRNewswire/ -- Hanbit Co. (NYSE: HBT) opened a plant in Busan on Monday for $1.4 million.",
    "한빛은 24일 부산에 공장을 열었다고 밝혔다.",
    "株式会社ハンビットは釜山に工場を開設した。",
    "华虹公司周一在釜山开设工厂。",
    "افتتحت الشركة مصنعا في بوسان يوم الاثنين.",
    "บริษัทเปิดโรงงานในปูซาน",
    "About Hanbit",
    "Hanbit is a maker of things.",
    "Media contact: Kim, press@example.com, +82 2 123 4567",
    "This release contains forward-looking statements.",
    "© 2026 Hanbit. All rights reserved.",
    "",
    "\u200f\u202e",
    "😀👩‍👩‍👧",
    "e\u0301\u0327",
]
text = st.lists(st.sampled_from(LINES) | st.text(max_size=30), max_size=12).map("\n".join)
instants = st.none() | st.datetimes(timezones=st.just(UTC))

LANGUAGES = ["en", "ko", "ja", "zh-Hans", "ar", "th", "und", "nl"]


@st.composite
def records(draw: st.DrawFn, kind: type[RawRelease]) -> RawRelease:
    """A record as the stage before could have written it."""
    body = draw(text)
    values: dict[str, Any] = {
        "id": draw(st.text(max_size=8)),
        "version": draw(st.integers(1, 9)),
        "pub_status": draw(st.sampled_from(["usable", "withheld", "canceled"])),
        "title": draw(st.sampled_from(LINES) | st.text(max_size=20)),
        "text": body,
        "language_hint": draw(st.sampled_from(["", "ko", "xx-invalid"])),
        "published_at": draw(instants),
        "headers": draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)),
    }
    if issubclass(kind, IdentifiedRelease):
        language = draw(st.sampled_from(LANGUAGES))
        values |= {"language": language, "script": draw(st.sampled_from(["Latn", "Kore", "Arab", ""]))}
        if body and draw(st.booleans()):
            values["languages"] = (LanguageSpan(start=0, end=len(body), language=language, confidence=1.0, share=1.0),)
    if issubclass(kind, CleanRelease):
        values["body"] = draw(text)
    return kind(**values)


@cache
def kit(stage: AnyStage) -> Any:
    return stage.prepare(StageConfig(config_directory()))


def snapshot(record: RawRelease) -> bytes:
    return pickle.dumps(record)


@STAGES
@given(st.data())
@EXAMPLES
def test_any_record_comes_out_as_the_next_one_and_the_same_each_time(stage: AnyStage, data: st.DataObject) -> None:
    record = data.draw(records(stage.reads))
    before = snapshot(record)
    made = stage.apply(record, kit(stage))
    assert type(made) is stage.writes
    assert made.schema == stage.writes().schema
    assert snapshot(record) == before, "the input is not touched"
    assert stage.apply(record, kit(stage)) == made
    assert codec.decode(stage.writes, codec.encode(made)) == made
    assert pickle.loads(pickle.dumps(made)) == made
    _offsets_are_true(made)


def _offsets_are_true(record: RawRelease) -> None:
    """Of everything that points into the text."""
    if isinstance(record, IdentifiedRelease):
        spans = record.languages
        assert all(0 <= s.start < s.end <= len(record.text) for s in spans)
        assert all(one.end <= other.start for one, other in pairwise(spans))
        assert 0 <= record.confidence <= 1
    if type(record) is CleanRelease:
        assert "".join(record.text[s.start : s.end] for s in record.segments) == record.text
        assert all(one.end == other.start for one, other in pairwise(record.segments))
        assert all(0 <= gap <= len(record.body) for gap in record.text_gaps)
    if isinstance(record, EnrichedRelease):
        for entity in record.entities:
            assert entity.count == len(entity.mentions) > 0
            assert 0 <= entity.salience <= 1
            for m in entity.mentions:
                assert getattr(record, m.field)[m.start : m.end] == m.surface != ""
        assert len({entity.id for entity in record.entities}) == len(record.entities)


OWNED = {
    "detect_language": {"language", "script", "confidence", "alternatives", "languages"},
    "strip_boilerplate": {"title", "embargoed_until", "decisions"},
    "tag_entities": set(),
}
"""Fields of the record that a stage reads which it may set itself: titles and embargoes stand in the text, too, and
where they are not those declared, a decision says so."""


@STAGES
@given(st.data())
@EXAMPLES
def test_what_a_stage_does_not_own_is_carried_over(stage: AnyStage, data: st.DataObject) -> None:
    record = data.draw(records(stage.reads))
    made = stage.apply(record, kit(stage))
    for name in {f.name for f in fields(stage.reads)} - OWNED.get(stage.name, set()) - {"schema"}:
        assert getattr(made, name) == getattr(record, name), name


@STAGES
@pytest.mark.parametrize("status", ["usable", "canceled", "withheld"])
def test_a_release_without_any_text_passes(stage: AnyStage, status: Any) -> None:
    record = stage.reads(id="urn:a", version=7, pub_status=status)
    made = stage.apply(record, kit(stage))
    assert (made.id, made.version, made.pub_status) == ("urn:a", 7, status)


@STAGES
def test_an_instant_and_headers_survive(stage: AnyStage) -> None:
    record = replace(stage.reads(text="Text."), received_at=datetime(2026, 11, 24, tzinfo=UTC), headers={"a": "1"})
    made = stage.apply(record, kit(stage))
    assert (made.received_at, made.headers) == (record.received_at, {"a": "1"})


@STAGES
def test_a_stage_names_what_it_knows(stage: AnyStage) -> None:
    version = kit(stage).version
    assert isinstance(version, str)
    assert version


@STAGES
def test_two_kits_of_the_same_data_give_the_same_answer(stage: AnyStage) -> None:
    record = stage.reads(id="a", title=LINES[0], text="\n".join(LINES))
    other = stage.prepare(StageConfig(config_directory()))
    assert other.version == kit(stage).version
    assert codec.encode(stage.apply(record, other)) == codec.encode(stage.apply(record, kit(stage)))


@STAGES
def test_a_stage_reads_what_the_wire_brings(stage: AnyStage) -> None:
    record = stage.reads(id="a", title=LINES[1], text="\n".join(LINES))
    again = codec.decode(stage.reads, codec.encode(record))
    assert orjson.loads(codec.encode(stage.apply(again, kit(stage)))) == orjson.loads(
        codec.encode(stage.apply(record, kit(stage)))
    )


def test_there_are_stages() -> None:
    assert PIPELINE
    assert all(isinstance(stage, Stage) for stage in PIPELINE)
