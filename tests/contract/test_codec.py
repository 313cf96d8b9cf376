"""The wire: what is written can be read again, and what is wrong is named."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from streams import codec
from streams.errors import Reason, Unprocessable
from streams.records import RECORDS, CleanRelease, Declared, EnrichedRelease, IdentifiedRelease, RawRelease

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
st.register_type_strategy(
    Declared,
    st.builds(Declared, format=st.text(max_size=8), properties=st.dictionaries(st.text(max_size=5), JSON, max_size=3)),
)

KINDS = pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)


def verdict(kind: type[RawRelease], data: bytes) -> Unprocessable:
    with pytest.raises(Unprocessable) as caught:
        codec.decode(kind, data)
    return caught.value


@KINDS
@given(st.data())
@example_settings(max_examples=25, deadline=None)
def test_what_is_written_is_read_as_the_same(kind: type[RawRelease], data: st.DataObject) -> None:
    record = data.draw(st.from_type(kind).filter(_writable))
    assert codec.decode(kind, codec.encode(record)) == record


def _writable(record: RawRelease) -> bool:
    """Numbers of 64 bits, no NaN: what JSON on the wire can hold."""
    try:
        return codec.decode(type(record), codec.encode(record)) is not None and "NaN" not in repr(record).upper()
    except Unprocessable:
        return False


@KINDS
def test_an_empty_object_is_the_record_with_its_defaults(kind: type[RawRelease]) -> None:
    assert codec.decode(kind, b"{}") == kind()


@KINDS
def test_fields_stand_on_the_wire_in_the_order_of_the_record(kind: type[RawRelease]) -> None:
    assert [*orjson.loads(codec.encode(kind()))] == [*kind.__dataclass_fields__]


@KINDS
def test_fields_of_a_newer_producer_are_passed_over(kind: type[RawRelease]) -> None:
    assert codec.decode(kind, b'{"id": "a", "of_next_year": [1]}') == kind(id="a")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"version": "2"}, "$.version"),
        ({"version": 2.5}, "$.version"),
        ({"id": None}, "$.id"),
        ({"pub_status": "killed"}, "$.pub_status"),
        ({"published_at": "yesterday"}, "$.published_at"),
        ({"headers": {"a": 1}}, "$.headers"),
        ({"markup": [{"line": 0}, {"tag": "p"}]}, "$.markup[1]"),
    ],
)
def test_a_wrong_field_is_named(value: dict[str, Any], field: str) -> None:
    error = verdict(RawRelease, orjson.dumps(value))
    assert error.reason == Reason.INVALID
    assert field in error.detail
    assert error.detail.startswith("RawRelease: ")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"{'a': 1}", b'"\\ud800"', b"NaN", b"[" * 2_000])
def test_what_is_no_json_is_undecodable(data: bytes) -> None:
    assert verdict(RawRelease, data).reason == Reason.UNDECODABLE


@pytest.mark.parametrize("data", [b"null", b"[]", b"1", b'"text"'])
def test_json_that_is_no_object_is_invalid(data: bytes) -> None:
    assert verdict(RawRelease, data).reason == Reason.INVALID


def test_a_detail_stays_short_whatever_the_value() -> None:
    assert len(verdict(RawRelease, orjson.dumps({"pub_status": "x" * 10_000})).detail) <= codec.MAX_DETAIL


def test_a_lone_surrogate_is_a_verdict_on_the_way_out() -> None:
    with pytest.raises(Unprocessable) as caught:
        codec.encode(RawRelease(text="\ud800"))
    assert caught.value.reason == Reason.INVALID


def test_recast_carries_every_shared_field_and_sets_the_changes_and_the_schema() -> None:
    identified = IdentifiedRelease(id="a", version=3, text="t", language="ko", confidence=0.5)
    clean = codec.recast(identified, CleanRelease, body="b")
    assert clean == CleanRelease(id="a", version=3, text="t", language="ko", confidence=0.5, body="b")
    assert clean.schema == "newsmill.release.cleaned.v1"


def test_recast_drops_what_the_target_does_not_have() -> None:
    enriched = EnrichedRelease(id="a", body="b")
    assert codec.recast(enriched, RawRelease) == RawRelease(id="a")
    assert replace(enriched, id="b").id == "b"
