"""The JSON Schemas: valid, shipped as they are, and true of what the pipeline writes."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from streams import codec, pipeline
from streams.records import RECORDS, RawRelease
from streams.stage import config_directory
from tests.formats.test_samples import SAMPLES, read
from tools import write_schemas

WORDS = [kind().schema for kind in RECORDS]


@pytest.fixture(scope="module")
def line() -> pipeline.Line:
    """All stages, ready."""
    return pipeline.prepare(list(pipeline.STAGES), config_directory(), {}, "test")


@pytest.mark.parametrize("word", WORDS)
def test_every_record_has_a_valid_schema(word: str) -> None:
    Draft202012Validator.check_schema(codec.schemas()[word])


def test_the_shipped_files_are_those_of_the_records() -> None:
    shipped = {path.name: path.read_text(encoding="utf-8") for path in write_schemas.FOLDER.iterdir()}
    assert shipped == write_schemas.rendered(), "after a change of records: make schemas"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_what_every_stage_writes_is_valid(sample: Path, line: pipeline.Line) -> None:
    for record in _records(read(sample), line):
        _validator(record.schema).validate(orjson.loads(codec.encode(record)))


def test_a_schema_refuses_a_wrong_type() -> None:
    event = orjson.loads(codec.encode(RawRelease(id="a")))
    assert not _validator(WORDS[0]).is_valid(event | {"version": "two"})


@pytest.mark.parametrize("word", WORDS)
def test_a_consumer_may_meet_fields_it_does_not_know_and_miss_fields_it_does(word: str) -> None:
    validator = _validator(word)
    assert validator.is_valid({})
    assert validator.is_valid({"a_field_of_next_year": 1})


def _records(record: RawRelease, line: pipeline.Line) -> Iterator[RawRelease]:
    yield record
    for stage, kit in line.stages:
        record = pipeline.stamp(stage.apply(record, kit), line)
        yield record


def _validator(word: str) -> Draft202012Validator:
    return Draft202012Validator(codec.schemas()[word], format_checker=FormatChecker())
