"""ninjs out is valid against the IPTC's schema, and says all that ninjs in said."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from streams import pipeline
from streams.formats import parse
from streams.formats.ninjs import ID_URI, looks_like_ninjs, ninjs_of, write_ninjs
from streams.formats.vocabulary import conform, read_instant
from streams.records import Declared, EnrichedRelease, Entity, Mention, Symbol
from streams.stage import config_directory
from tests.formats.test_samples import SAMPLES
from tests.formats.test_samples import read as read_sample

GOLDEN = Path(__file__).parents[1] / "golden" / "formats"
SCHEMA = json.loads((config_directory() / "ninjs" / "ninjs-schema_3.1.json").read_text(encoding="utf-8"))

UNSATISFIABLE = "recurrenceDates"
"""The schema wants an array that is also a string: nothing can be there."""

formats = FormatChecker(formats=())


@formats.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", value) is not None


@formats.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or (value[10:11] == "T" and read_instant(value) is not None)


GEO_JSON = Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"})
REGISTRY: Registry[Any] = Registry().with_resource("https://geojson.org/schema/GeoJSON.json", GEO_JSON)
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=formats, registry=REGISTRY)


@pytest.fixture(scope="module")
def line() -> pipeline.Line:
    """All stages, ready."""
    return pipeline.prepare(list(pipeline.STAGES), config_directory(), {}, "test")


def enriched(data: bytes, line: pipeline.Line, content_type: str | None = None) -> EnrichedRelease:
    release = parse(
        data,
        content_type=content_type,
        key="key",
        received_at=datetime(2026, 11, 3, tzinfo=UTC),
        headers={},
        limit_bytes=1_000_000,
    )
    done = pipeline.run(release, line)
    assert isinstance(done, EnrichedRelease)
    return done


def whole(schema: Mapping[str, Any], levels: int = 2) -> Any:
    """An instance with everything that a schema has a place for."""
    if "$ref" in schema:
        if not schema["$ref"].startswith("#/$defs/"):
            return {"type": "Point", "coordinates": [129.07, 35.18]}
        target = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        return whole({**target, "properties": {**target.get("properties", {}), **schema.get("properties", {})}}, levels)
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            leave = {name for each in schema.get("oneOf", ())[1:] for name in each["required"]} | {UNSATISFIABLE}
            leave |= {"expectedStartDate", "expectedEndDate"} | ({"associations"} if levels == 0 else set())
            inner = {k: v for k, v in schema["properties"].items() if k not in leave}
            return {k: whole(v, levels - (k == "associations")) for k, v in inner.items()}
        case "array":
            return [whole(schema["items"], levels)]
        case "integer":
            return 7
        case "number":
            return 12.5
        case _:
            return {"uri": "urn:example:1", "date-time": "2026-11-03T09:00:00+09:00"}.get(
                schema.get("format", ""), "부산"
            )


WHOLE = whole({"$ref": "#/$defs/ninjsType"})


def test_the_schema_is_a_schema_and_takes_an_object_with_everything() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(WHOLE)


def test_the_vocabulary_has_a_place_for_everything_that_the_schema_has_one_for() -> None:
    assert conform(WHOLE) == WHOLE
    assert conform(_folded(WHOLE)) == WHOLE


def _folded(value: Any) -> Any:
    """The same under the names of ninjs 2, which are all lower case."""
    if isinstance(value, dict):
        return {k if k == "geoJSON" else k.lower(): v if k == "geoJSON" else _folded(v) for k, v in value.items()}
    return [_folded(each) for each in value] if isinstance(value, list) else value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["urn:x", "2026"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def _paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, each in inner for path in _paths(each, (*at, key)))]


PATHS = [path for path in _paths(WHOLE) if path]


def _put(into: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy with another value at a path, as far as the path is there."""
    if not path:
        return value
    step, *rest = path
    if isinstance(into, dict) and step in into:
        return {**into, step: _put(into[step], tuple(rest), value)}
    if isinstance(into, list) and isinstance(step, int) and step < len(into):
        return [*into[:step], _put(into[step], tuple(rest), value), *into[step + 1 :]]
    return into


@given(st.lists(st.tuples(st.sampled_from(PATHS), JSON), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_whatever_is_declared_what_is_kept_of_it_is_valid(changes: list[tuple[tuple[str | int, ...], Any]]) -> None:
    declared = WHOLE
    for path, value in changes:
        declared = _put(declared, path, value)
    VALIDATOR.validate({"uri": "urn:x", **(conform(declared) or {})})


@pytest.mark.parametrize(
    "value",
    [
        WHOLE,
        *(json.loads((GOLDEN / f"{name}.in").read_bytes()) for name in ("ninjs-2", "ninjs-3")),
    ],
    ids=["everything", "ninjs 2", "ninjs 3"],
)
def test_nothing_that_ninjs_can_say_is_lost_on_the_way(value: dict[str, Any], line: pipeline.Line) -> None:
    sent: dict[str, Any] = conform(value) or {}
    got = ninjs_of(enriched(orjson.dumps(value | {"version": "7"}), line, "application/ninjs+json"))
    VALIDATOR.validate(got)
    assert (got["uri"], got["version"]) == (sent["uri"], "7")
    for name in ("bodies", "headlines"):  # the main one is ours; all that was sent stands beside it
        values = {each["value"] for each in got.get(name, ())}
        assert {each["value"] for each in sent.pop(name, ())} <= values
    for name in ("uri", "version", "standard", "language", "edNote"):
        sent.pop(name, None)
    missing = {name: value for name, value in sent.items() if not _holds(got.get(name), value)}
    assert missing == {}


def _holds(got: Any, sent: Any) -> bool:
    if isinstance(sent, dict):
        return isinstance(got, dict) and all(_holds(got.get(name), value) for name, value in sent.items())
    if isinstance(sent, list):
        return isinstance(got, list) and all(any(_holds(each, value) for each in got) for value in sent)
    return bool(got == sent)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_written_as_valid_ninjs(path: Path, line: pipeline.Line) -> None:
    release = pipeline.run(read_sample(path), line)
    assert isinstance(release, EnrichedRelease)
    written = orjson.loads(write_ninjs(release))
    VALIDATOR.validate(written)
    assert written["language"] == release.language
    assert written["bodies"][0] == {"role": "main", "contentType": "text/plain", "value": release.body}


def test_what_the_stages_found_is_said_in_the_words_of_ninjs() -> None:
    at = (Mention(start=0, end=6, surface="Lumora"),)
    release = EnrichedRelease(
        id="item 7/ü",
        version=3,
        language="en",
        title="Lumora opens",
        text="Lumora opens\nBUSAN – Lumora opened.",
        body="Lumora opened.",
        source="a wire",
        published_at=datetime(2026, 11, 3, tzinfo=UTC),
        embargoed_until=datetime(2026, 11, 4, tzinfo=UTC),
        sectors=("Robots",),
        entities=(
            Entity(
                id="e1",
                type="ORGANISATION",
                name="Lumora",
                mentions=at,
                count=1,
                salience=0.9,
                symbols=(Symbol(exchange="XKOS", symbol="999990"),),
            ),
            Entity(
                id="e2", type="PLACE", name="Busan", mentions=at, count=1, salience=0.2, uri="https://example.org/busan"
            ),
            Entity(id="e3", type="PERSON", name="Jun Park", mentions=at, count=1, salience=0.1),
            Entity(
                id="e4",
                type="TICKER",
                name="NYSE: LMR",
                mentions=at,
                count=1,
                salience=0.1,
                symbols=(Symbol(exchange="XNYS", symbol="LMR"), Symbol(exchange="XKOS", symbol="999990")),
            ),
        ),
        declared=Declared(
            properties={"people": [{"name": "jun park", "contactInfo": [{"type": "email", "value": "a@b.example"}]}]}
        ),
    )
    written = ninjs_of(release)
    VALIDATOR.validate(written)
    assert written == {
        "uri": f"{ID_URI}item%207%2F%C3%BC",
        "altIds": [{"role": "id", "value": "item 7/ü"}],
        "type": "text",
        "version": "3",
        "versionCreated": "2026-11-03T00:00:00+00:00",
        "embargoedUntil": "2026-11-04T00:00:00+00:00",
        "pubStatus": "usable",
        "language": "en",
        "headlines": [{"role": "main", "value": "Lumora opens"}],
        "bodies": [
            {"role": "main", "contentType": "text/plain", "value": "Lumora opened."},
            {"role": "original", "contentType": "text/plain", "value": "Lumora opens\nBUSAN – Lumora opened."},
        ],
        "organisations": [
            {"name": "Lumora", "rel": "about", "symbols": [{"exchange": "XKOS", "symbol": "999990"}]},
            {"name": "NYSE: LMR", "rel": "mentions", "symbols": [{"exchange": "XNYS", "symbol": "LMR"}]},
        ],
        "places": [{"name": "Busan", "rel": "mentions", "uri": "https://example.org/busan"}],
        "people": [{"name": "jun park", "rel": "mentions", "contactInfo": [{"type": "email", "value": "a@b.example"}]}],
        "subjects": [{"name": "Robots"}],
        "infoSources": [{"name": "a wire", "role": "source"}],
        "standard": {
            "name": "ninjs",
            "version": "3.1",
            "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#",
        },
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"uri": "urn:x", "headlines": [{"value": "a"}]}, True),
        ({"bodies": []}, True),
        ({"uri": "urn:x", "versioncreated": "2026-11-03T09:00:00Z"}, True),
        ({"uri": "urn:x", "headline": "a", "body": "b"}, False),
        ({"id": "urn:x", "text": "a"}, False),
        ({}, False),
    ],
)
def test_ninjs_is_known_by_its_looks(fields: dict[str, Any], expected: bool) -> None:
    assert looks_like_ninjs(fields) is expected
