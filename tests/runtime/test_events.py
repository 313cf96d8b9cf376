"""Events on the wire: ids that tell a duplicate, and dead letters that lose nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from streams import __version__, codec
from streams.errors import Reason
from streams.records import EnrichedRelease, Enrichment
from streams.runtime import events
from streams.runtime.events import Headers, Incoming, Message, Rejected, header

NOON = datetime(2026, 11, 24, 12, 0, 0, 123_456, tzinfo=UTC)
RELEASE = EnrichedRelease(id="urn:a", enrichment=Enrichment(newsmill="1", models={"a": "1", "b": "2"}, config="c"))

byte_headers = st.lists(st.tuples(st.text(max_size=12), st.binary(max_size=12)), max_size=5).map(tuple)


def ce_id(release: EnrichedRelease = RELEASE, stages: str = "tag_entities", now: datetime = NOON) -> str:
    return header(events.cloud_event(release, stages, (), now), "ce_id")


# --- CloudEvents ----------------------------------------------------------------------------------------------------


def test_the_same_event_made_again_has_the_same_id() -> None:
    shuffled = replace(RELEASE, enrichment=Enrichment(newsmill="1", models={"b": "2", "a": "1"}, config="c"))
    assert ce_id() == ce_id(shuffled) == ce_id(now=NOON + timedelta(days=1))
    assert ce_id() == ce_id(replace(RELEASE, received_at=NOON, confidence=0.9)), "another machine's last digit"


@pytest.mark.parametrize(
    "change",
    [
        {"id": "urn:b"},
        {"version": 2},
        {"pub_status": "canceled"},
        {"title": "Mended"},
        {"embargoed_until": NOON},
        {"enrichment": Enrichment(newsmill="2", models={"a": "1", "b": "2"}, config="c")},
        {"enrichment": Enrichment(newsmill="1", models={"a": "1", "b": "3"}, config="c")},
        {"enrichment": Enrichment(newsmill="1", models={"a": "1", "b": "2"}, config="d")},
    ],
    ids=["release", "version", "status", "title", "embargo", "code", "model", "configuration"],
)
def test_another_event_has_another_id(change: dict[str, Any]) -> None:
    assert ce_id(replace(RELEASE, **change)) != ce_id()


def test_the_same_release_after_another_stage_has_another_id() -> None:
    assert ce_id(stages="strip_boilerplate") != ce_id()


def test_an_id_cannot_be_made_of_anothers_parts() -> None:
    assert ce_id(replace(RELEASE, id="a1", version=1)) != ce_id(replace(RELEASE, id="a", version=11))


def test_a_release_has_all_the_headers_that_cloudevents_ask_for() -> None:
    east = NOON.astimezone(timezone(timedelta(hours=9)))
    found = dict(events.cloud_event(RELEASE, "tag_entities", (), east))
    assert found == {
        "ce_specversion": b"1.0",
        "ce_id": ce_id().encode(),
        "ce_source": b"/newsmill/tag_entities",
        "ce_type": b"newsmill.release.enriched.v1",
        "ce_subject": b"urn:a",
        "ce_time": b"2026-11-24T12:00:00.123+00:00",
        "ce_dataschema": codec.schemas()[RELEASE.schema]["$id"].encode(),
        "content-type": b"application/json",
    }


def read_back(headers: Headers, key: str, value: bytes) -> BaseCloudEvent:
    return from_binary(KafkaMessage({n: v or b"" for n, v in headers}, key.encode(), value), JSONFormat())


@given(st.text(min_size=1, max_size=20), st.text(max_size=50))
def test_the_cloudevents_package_reads_them_back(identifier: str, text: str) -> None:
    release = replace(RELEASE, id=identifier, text=text)
    event = read_back(events.cloud_event(release, "tag_entities", (), NOON), identifier, codec.encode(release))
    assert (event.get_id(), event.get_source()) == (ce_id(release), "/newsmill/tag_entities")
    assert (event.get_type(), event.get_dataschema()) == (release.schema, codec.SCHEMA_ID + release.schema)
    assert (event.get_subject(), event.get_time()) == (identifier, NOON.replace(microsecond=123_000))
    assert event.get_data() == orjson.loads(codec.encode(release))


def test_the_cloudevents_package_reads_a_kill_back() -> None:
    event = read_back(kill(), "urn:a", b"")
    assert (event.get_type(), event.get_subject()) == ("newsmill.release.enriched.v1.kill", "urn:a")
    assert (event.get_data(), event.get_datacontenttype()) == (None, None)


def test_only_headers_about_the_journey_travel_on() -> None:
    incoming: Headers = (
        ("traceparent", b"00-1"),
        ("ce_id", b"another event's"),
        ("content-type", b"text/html"),
        ("newsmill.attempt", b"2"),
        ("tracestate", b"x"),
        ("secret", b"s"),
    )
    expected = (("traceparent", b"00-1"), ("newsmill.attempt", b"2"), ("tracestate", b"x"))
    assert events.cloud_event(RELEASE, "s", incoming, NOON)[-3:] == expected
    assert kill(headers=incoming)[-3:] == expected
    assert header(events.cloud_event(RELEASE, "s", incoming, NOON), "ce_id") == ce_id(stages="s")


def kill(key: bytes = b"urn:a", offset: int = 7, headers: Headers = (), now: datetime = NOON) -> Headers:
    return events.kill_event(
        Incoming("raw", 0, offset, 0, key, None, headers), "newsmill.release.enriched.v1", "tag_entities", now
    )


def test_a_kill_names_the_release_and_has_an_id_of_its_own() -> None:
    made = dict(kill())
    assert (made["ce_subject"], made["ce_type"]) == (b"urn:a", b"newsmill.release.enriched.v1.kill")
    assert "content-type" not in made, "there is no content"
    assert made["ce_id"] == dict(kill(now=NOON + timedelta(hours=1)))["ce_id"] != dict(kill(b"urn:b"))["ce_id"]
    assert made["ce_id"] != ce_id().encode()


def test_a_second_kill_is_no_duplicate_of_the_first() -> None:
    assert header(kill(offset=8), "ce_id") != header(kill(), "ce_id")


def test_a_kill_that_an_earlier_hop_sent_twice_is_one() -> None:
    assert header(kill(offset=8, headers=kill()), "ce_id") == header(kill(offset=9, headers=kill()), "ce_id")


def test_a_producers_own_event_id_does_not_make_two_kills_one() -> None:
    theirs: Headers = (("ce_id", b"urn:a"), ("ce_source", b"/wire"))
    assert header(kill(offset=8, headers=theirs), "ce_id") != header(kill(offset=9, headers=theirs), "ce_id")


# --- Headers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ((), ""),
        ((("a", b"1"), ("a", b"2")), "2"),
        ((("Content-Type", b"text/html"),), ""),
        ((("A", b"1"),), "1"),
        ((("a", b"\xff"),), "\ufffd"),
    ],
)
def test_a_header_is_found_whatever_its_case_and_the_last_one_counts(headers: Headers, found: str) -> None:
    assert header(headers, "a") == found


def test_a_message_is_as_large_as_all_its_parts() -> None:
    assert Message("t", b"kk", b"vvv", (("name", b"value"),)).size == 2 + 3 + 4 + 5
    assert Message("t", None, None, ()).size == 0


# --- Dead letters ---------------------------------------------------------------------------------------------------

INCOMING = Incoming("raw", 3, 41, 1_700_000_000_000, b"k", b"\x00{", (("content-type", b"a/b"), ("x", b"\xff")))
REJECTED = Rejected(Reason.UNDECODABLE, "not JSON: ü", "parse")


def letter(incoming: Incoming = INCOMING, rejected: Rejected = REJECTED) -> Message:
    return events.dead_letter("dead", incoming, rejected, "newsmill.detect_language", NOON)


def test_a_dead_letter_says_why_and_where_in_our_headers_and_in_kafka_connects() -> None:
    added = dict(letter().headers[len(INCOMING.headers) :])
    assert added == {
        "newsmill.dlq.topic": b"raw",
        "newsmill.dlq.partition": b"3",
        "newsmill.dlq.offset": b"41",
        "newsmill.dlq.reason": b"undecodable",
        "newsmill.dlq.detail": "not JSON: ü".encode(),
        "newsmill.dlq.stage": b"parse",
        "newsmill.dlq.group": b"newsmill.detect_language",
        "newsmill.dlq.timestamp": b"1700000000000",
        "newsmill.dlq.time": b"2026-11-24T12:00:00.123+00:00",
        "newsmill.dlq.newsmill": __version__.encode(),
        "__connect.errors.topic": b"raw",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"41",
        "__connect.errors.stage": b"parse",
        "__connect.errors.class.name": b"newsmill.parse",
        "__connect.errors.exception.class.name": b"streams.errors.Unprocessable",
        "__connect.errors.exception.message": "undecodable: not JSON: ü".encode(),
    }


def test_a_bug_is_named_by_what_was_raised() -> None:
    made = letter(rejected=Rejected(Reason.BUG, "Traceback", "tag_entities", "builtins.KeyError"))
    assert header(made.headers, "__connect.errors.exception.class.name") == "builtins.KeyError"


@given(st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=20), byte_headers)
def test_a_dead_letter_keeps_what_came_byte_for_byte(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    made = letter(replace(INCOMING, key=key, value=value, headers=headers))
    assert (made.topic, made.value) == ("dead", value)
    assert made.headers[: len(headers)] == headers
    assert made.key == key or (key, value, made.key) == (None, None, b"")


def test_a_second_failure_takes_the_place_of_the_first() -> None:
    first = letter()
    again = letter(
        replace(INCOMING, topic="raw", offset=99, headers=first.headers), Rejected(Reason.TIMEOUT, "10 s", "parse")
    )
    names = [name for name, _ in again.headers]
    assert len(names) == len(set(names))
    assert again.headers[:2] == INCOMING.headers
    assert header(again.headers, "newsmill.dlq.reason") == "timeout"
    assert header(again.headers, "__connect.errors.offset") == "99"


def test_a_detail_with_a_lone_surrogate_does_not_stop_the_dead_letter() -> None:
    assert header(letter(rejected=Rejected(Reason.INVALID, "\udcff", "parse")).headers, "newsmill.dlq.detail") == "?"
