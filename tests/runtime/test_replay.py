"""Which releases a replay does again."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Fatal
from streams.runtime import events, replay, settings
from streams.runtime.commands import replay as command
from streams.runtime.replay import Asked, Found

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ALL = Asked(until=NOON + timedelta(days=1))


@dataclass(frozen=True)
class Raw:
    """An event of the raw topic."""

    key: bytes | None = b"urn:a"
    value: bytes | None = b"{}"
    minutes: int = 0
    """After noon."""
    headers: tuple[tuple[str, bytes], ...] = ()
    offset: int = 0
    partition: int = 0

    @property
    def record(self) -> Any:
        """As the client hands it over."""
        at = NOON + timedelta(minutes=self.minutes)
        return ConsumerRecord(
            topic="raw", partition=self.partition, offset=self.offset, timestamp=int(at.timestamp() * 1000),
            timestamp_type=0, key=self.key, value=self.value, checksum=None, serialized_key_size=0,
            serialized_value_size=0, headers=self.headers,
        )  # fmt: skip


def found(raws: Iterable[Raw], asked: Asked = ALL) -> Found:
    index = replay.Index(asked)
    for offset, raw in enumerate(raws):
        index.add(replace(raw, offset=offset).record)
    return index.found({0: 100})


def copy_of(raw: Raw, minutes: int) -> Raw:
    """What a run sends for it."""
    made = replay.remade(raw.record, "raw", "r1")
    return replace(raw, minutes=minutes, headers=tuple((name, value or b"") for name, value in made.headers))


def offsets(result: Found) -> set[int]:
    return {offset for _, offset in result.chosen}


def test_of_each_release_the_last_event_is_done_again() -> None:
    result = found([Raw(), Raw(b"urn:b"), Raw()])
    assert (offsets(result), result.superseded, result.killed) == ({1, 2}, 1, 0)


def test_a_killed_release_stays_dead() -> None:
    result = found([Raw(), Raw(value=None), Raw(b"urn:b")])
    assert (offsets(result), result.superseded, result.killed) == ({2}, 1, 1)


def test_a_release_sent_again_after_its_kill_lives() -> None:
    assert offsets(found([Raw(), Raw(value=None), Raw()])) == {2}


def test_what_was_overtaken_outside_of_the_range_is_left_alone_too() -> None:
    result = found([Raw(minutes=0), Raw(minutes=10)], replace(ALL, until=NOON + timedelta(minutes=5)))
    assert (offsets(result), result.superseded) == (set(), 1)
    killed = found([Raw(minutes=0), Raw(value=None, minutes=10)], replace(ALL, until=NOON + timedelta(minutes=5)))
    assert (offsets(killed), killed.superseded, killed.killed) == (set(), 1, 0)


def test_events_without_a_key_are_releases_of_their_own() -> None:
    assert offsets(found([Raw(None), Raw(None)])) == {0, 1}


def test_an_event_that_was_taken_apart_is_done_again_by_its_parts() -> None:
    part = Raw(b"urn:part", headers=((events.TAKEN_FROM, b"raw:0:0:1"),))
    assert offsets(found([Raw(b"urn:message"), part])) == {1}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (ALL, {0, 1, 2, 3}),
        (replace(ALL, since=NOON + timedelta(minutes=1)), {1, 2, 3}),
        (replace(ALL, until=NOON + timedelta(minutes=2)), {0, 1}),
        (replace(ALL, ids=("urn:1", "urn:3", "urn:9")), {1, 3}),
        (replace(ALL, offsets=((0, 1, 3), (1, 0, 9))), {1, 2}),
        (replace(ALL, ids=("urn:1", "urn:2"), since=NOON + timedelta(minutes=2)), {2}),
    ],
)
def test_a_range_is_all_that_is_asked_for(asked: Asked, expected: set[int]) -> None:
    assert offsets(found([Raw(f"urn:{n}".encode(), minutes=n) for n in range(4)], asked)) == expected


def test_a_copy_that_an_earlier_run_sent_is_not_another_release() -> None:
    first = Raw(headers=(("content-type", b"text/html"),))
    result = found([first, copy_of(first, minutes=60)], replace(ALL, until=NOON + timedelta(minutes=5)))
    assert (offsets(result), result.superseded) == ({0}, 0)


def test_a_copy_whose_original_has_left_the_topic_stands_for_it() -> None:
    copied = copy_of(Raw(), minutes=60)
    result = found([copied], replace(ALL, until=NOON + timedelta(minutes=5)))
    assert result.chosen == {(0, 0): NOON}
    assert offsets(found([copied, Raw(minutes=61)])) == {1}


def test_a_raw_event_is_sent_again_as_it_was_and_says_so() -> None:
    raw = Raw(headers=(("content-type", b"text/html"), ("traceparent", b"00-1")))
    made = replay.remade(copy_of(raw, minutes=60).record, "raw", "r2")
    assert (made.topic, made.key, made.value) == ("raw", raw.key, raw.value)
    assert made.headers == (*raw.headers, ("newsmill.replay", b"r2"), ("newsmill.received-ms", b"1795521600000"))
    assert replay.received(copy_of(raw, minutes=60).record) == NOON


def test_consumers_see_the_mark_on_what_is_made_of_it() -> None:
    made = replay.remade(Raw().record, "raw", "r1")
    assert events.carried(made.headers) == (("newsmill.replay", b"r1"),)


@given(st.text(max_size=30))
def test_any_header_may_claim_to_say_when_a_release_came_in(said: str) -> None:
    at = events.received_at((("newsmill.received-ms", said.encode("utf-8", "replace")),), 0)
    assert at.tzinfo is UTC


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("3:10-20", (3, 10, 21)),
        ("0:7-", (0, 7, replay.FOREVER)),
        ("3:10", None),
        ("3", None),
        ("a:1-2", None),
        ("0:1-2x", None),
    ],
)
def test_a_range_of_offsets_holds_both_its_ends(word: str, expected: tuple[int, int, int] | None) -> None:
    assert replay.offset_range(word) == expected


def test_a_run_keeps_what_it_was_asked_for() -> None:
    asked = Asked(since=NOON, until=NOON, ids=("urn:ä",), offsets=((0, 1, 2),), into="t")
    assert msgspec.json.decode(msgspec.json.encode(asked), type=Asked) == asked


def test_a_target_is_a_version_of_the_enriched_topic_or_a_full_name_but_none_that_workers_write() -> None:
    loaded = settings.load()
    assert command._target("v2", loaded) == "news.release.enriched.v2"
    assert command._target("desk.trial", loaded) == "desk.trial"
    assert command._target("", loaded) == ""
    for own in ("v1", "news.release.raw.v1", "news.release.enriched.ar.v1"):
        with pytest.raises(Fatal, match="pipeline's own"):
            command._target(own, loaded)
