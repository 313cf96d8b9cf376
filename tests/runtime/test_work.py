"""What a pool process does with an event: records in, messages or a verdict out, and never an error."""

import gzip
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from streams import __version__, codec, pipeline
from streams.errors import Reason
from streams.records import EnrichedRelease, IdentifiedRelease, RawRelease
from streams.runtime import hops, routes, settings, work
from streams.runtime.events import Done, Incoming, Rejected, header
from streams.runtime.gate import Passage
from streams.runtime.work import Task, Worker
from tests.support import hostile

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
JSON = (("content-type", b"application/json"),)
TEXT = "The plant in Busan opens on Monday, the company said."
ROUTES = routes.read(
    {
        "topics": ["routed.en", "routed.ko", "routed.all"],
        "route": [
            {"name": "by-language", "topic": "routed.{language}", "format": "enriched"},
            {"name": "all", "topic": "routed.all", "format": "enriched", "languages": ["en", "ko"]},
        ],
    },
    "news.release",
)
RELEASE_BYTES, EVENT_BYTES = 20_000, 50_000


def task(*stages: str, **changes: Any) -> Task:
    whole = list(pipeline.STAGES)
    rest = [[name] for name in whole if name not in stages]
    order = sorted([list(stages), *rest], key=lambda hop: whole.index(hop[0]))
    loaded = settings.load(None, {"hops": order})
    (hop,) = hops.plan(loaded, stages)
    made = replace(work.task_of(hop, loaded, ROUTES), release_bytes=RELEASE_BYTES, event_bytes=EVENT_BYTES)
    return replace(made, **changes)


@pytest.fixture(scope="module")
def first() -> Worker:
    """The first hop of several."""
    return work.prepare(task("detect_language"))


@pytest.fixture(scope="module")
def whole() -> Worker:
    """All stages in one hop, the last of them able to misbehave."""
    return work.prepare(task(*pipeline.STAGES))


def incoming(value: bytes | None = None, *, key: bytes | None = b"k", headers: Any = JSON, **release: Any) -> Incoming:
    if value is None and release:
        value = orjson.dumps(release)
    return Incoming("raw", 0, 0, 1_700_000_000_000, key, value, headers)


def done(worker: Worker, event: Incoming, now: datetime = NOON) -> Done:
    outcome = worker.process(event, now)
    assert isinstance(outcome, Done), outcome
    return outcome


def rejected(worker: Worker, event: Incoming, now: datetime = NOON) -> Rejected:
    outcome = worker.process(event, now)
    assert isinstance(outcome, Rejected), outcome
    return outcome


def enriched(outcome: Done) -> EnrichedRelease:
    value = outcome.messages[0].value
    assert value is not None
    return codec.decode(EnrichedRelease, value)


# --- Through --------------------------------------------------------------------------------------------------------


def test_a_release_comes_out_as_the_next_record_under_its_own_id(first: Worker) -> None:
    (message,) = done(first, incoming(id="urn:a", text=TEXT)).messages
    assert (message.topic, message.key) == ("news.release.identified.v1", b"urn:a")
    assert message.value is not None
    assert codec.decode(IdentifiedRelease, message.value).language == "en"
    assert header(message.headers, "ce_type") == "newsmill.release.identified.v1"


def test_a_release_without_an_id_is_named_by_its_key(first: Worker) -> None:
    assert done(first, incoming(key=b"urn:key", text=TEXT)).messages[0].key == b"urn:key"


def test_the_time_of_receipt_is_the_records_own(first: Worker) -> None:
    (message,) = done(first, incoming(id="a", text=TEXT)).messages
    assert orjson.loads(message.value or b"")["received_at"].startswith("2023-11-14T22:13:20")


def test_a_route_in_ninjs_carries_ninjs_beside_the_enriched_event(whole: Worker) -> None:
    in_ninjs = replace(ROUTES, formats={**ROUTES.formats, "routed.all": "ninjs"})
    outcome = done(replace(whole, task=replace(whole.task, routes=in_ninjs)), incoming(id="urn:a", text=TEXT))
    main, plain, ninjs = outcome.messages
    assert (plain.topic, plain.value) == ("routed.en", main.value)
    assert orjson.loads(ninjs.value or b"")["bodies"][0]["value"] == TEXT
    assert header(ninjs.headers, "content-type") == "application/ninjs+json"


SEVERAL = b"""<rss version="2.0"><channel><title>A wire</title>
<item><guid>urn:a</guid><title>First</title><description>The plant in Busan opens.</description></item>
<item><guid>urn:b</guid><title>Second</title><description>Das Werk in Busan wird gebaut.</description></item>
</channel></rss>"""


def test_an_event_with_several_releases_goes_back_to_its_topic_one_by_one(first: Worker) -> None:
    event = incoming(
        gzip.compress(SEVERAL, mtime=0),
        key=b"feed",
        headers=(
            ("content-type", b"application/rss+xml; charset=iso-8859-1"),
            ("content-encoding", b"gzip"),
            ("ce_id", b"one"),
            ("ce_subject", b"feed"),
            ("newsmill.id", b"feed"),
            ("newsmill.source", b"a wire of theirs"),
            ("traceparent", b"00-1-2-01"),
        ),
    )
    outcome = done(first, event)
    assert outcome.apart
    assert {m.topic for m in outcome.messages} == {first.task.hop.source}
    assert [m.key for m in outcome.messages] == [b"urn:a", b"urn:b"]
    assert dict(outcome.messages[1].headers) == {
        "content-type": b"application/rss+xml",
        "ce_id": b"one:2",
        "ce_subject": b"urn:b",
        "newsmill.source": b"a wire of theirs",
        "newsmill.taken-from": b"raw:0:0:2",
        "traceparent": b"00-1-2-01",
    }
    for part in outcome.messages:
        (message,) = done(first, replace(event, key=part.key, value=part.value, headers=part.headers)).messages
        assert (message.topic, message.key) == (first.task.hop.target, part.key)


def test_taken_apart_twice_the_parts_are_the_same(first: Worker) -> None:
    event = incoming(SEVERAL, headers=(("content-type", b"text/xml"),))
    assert done(first, event).messages == done(first, event).messages


def test_several_releases_too_large_as_documents_of_their_own_are_rejected_together(first: Worker) -> None:
    wide = SEVERAL.replace(b"The plant", b"\xe9" * 400)  # twice as many bytes in UTF-8
    small = replace(first, task=replace(first.task, release_bytes=len(wide)))
    verdict = rejected(small, incoming(wide, headers=(("content-type", b"application/rss+xml; charset=iso-8859-1"),)))
    assert (verdict.reason, "urn:a" in verdict.detail) == (Reason.TOO_LARGE, True)


@pytest.mark.parametrize("timestamp", [-1, 0, 2**62])
def test_any_timestamp_is_taken(first: Worker, timestamp: int) -> None:
    done(first, replace(incoming(id="a", text=TEXT), timestamp_ms=timestamp))


def test_the_stamp_names_code_models_and_configuration(whole: Worker) -> None:
    stamp = enriched(done(whole, incoming(id="a", text=TEXT))).enrichment
    assert (stamp.newsmill, set(stamp.models)) == (__version__, set(pipeline.STAGES))
    assert stamp.config == whole.task.config != ""


def test_later_hops_keep_the_stamps_of_earlier_ones(first: Worker) -> None:
    second = work.prepare(task("strip_boilerplate"))
    (message,) = done(first, incoming(id="a", text=TEXT)).messages
    made = done(second, Incoming("identified", 0, 0, 0, message.key, message.value, message.headers))
    assert set(orjson.loads(made.messages[0].value or b"")["enrichment"]["models"]) == {
        "detect_language",
        "strip_boilerplate",
    }


def test_every_stage_is_timed(whole: Worker) -> None:
    seconds = done(whole, incoming(id="a", text=TEXT)).stage_seconds
    assert len(seconds) == len(pipeline.STAGES)
    assert all(s > 0 for s in seconds)


def test_the_same_event_gives_the_same_messages(whole: Worker) -> None:
    event = incoming(id="a", text=TEXT)
    assert done(whole, event).messages == done(whole, event).messages


# --- Routes and kills -----------------------------------------------------------------------------------------------


def topics_of(outcome: Done) -> list[str]:
    return [message.topic for message in outcome.messages]


def test_the_last_hop_also_sends_to_the_routes_of_the_language(whole: Worker) -> None:
    outcome = done(whole, incoming(id="a", text=TEXT))
    assert topics_of(outcome) == ["news.release.enriched.v1", "routed.en", "routed.all"]
    assert len({(m.key, m.value, m.headers) for m in outcome.messages}) == 1
    assert outcome.language == "en"


def test_hops_in_between_send_nowhere_else(first: Worker) -> None:
    assert topics_of(done(first, incoming(id="a", text=TEXT))) == ["news.release.identified.v1"]


KILLS = routes.read(
    {
        "topics": ["desk.kills", "desk.all"],
        "route": [
            {"name": "kills", "topic": "desk.kills", "format": "enriched", "statuses": ["canceled"]},
            {"name": "all", "topic": "desk.all", "format": "enriched"},
        ],
    },
    "news.release",
)


@pytest.mark.parametrize("killed", [incoming(key=b"urn:a"), incoming(id="urn:a", pub_status="canceled")])
def test_a_kill_goes_to_the_main_topic_and_to_routes_that_ask_for_kills_else_the_gate_knows_where(
    whole: Worker, killed: Incoming
) -> None:
    assert topics_of(done(whole, killed)) == ["news.release.enriched.v1"]
    watching = replace(whole, task=replace(whole.task, routes=KILLS))
    assert topics_of(done(watching, killed)) == ["news.release.enriched.v1", "desk.kills"]


def test_a_null_value_stays_null(whole: Worker) -> None:
    outcome = done(whole, incoming(key=b"urn:a"))
    assert {(m.key, m.value) for m in outcome.messages} == {(b"urn:a", None)}
    assert (outcome.language, outcome.stage_seconds) == ("", ())


def test_a_canceled_release_goes_out_though_it_is_empty_and_under_embargo(whole: Worker) -> None:
    until = (NOON + timedelta(days=1)).isoformat()
    outcome = done(whole, incoming(id="a", pub_status="canceled", embargoed_until=until))
    assert enriched(outcome).pub_status == "canceled"


@pytest.mark.parametrize("key", [None, b""])
def test_a_kill_that_names_nobody_is_invalid(whole: Worker, key: bytes | None) -> None:
    assert rejected(whole, incoming(key=key)).reason == Reason.INVALID


# --- What the gate is told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "passage"),
    [
        ({}, Passage(1, "usable")),
        ({"version": 3, "pub_status": "withheld"}, Passage(3, "withheld")),
        ({"embargoed_until": "2026-11-24T21:00:01+09:00"}, Passage(1, "usable", NOON + timedelta(seconds=1))),
        ({"version": 2, "pub_status": "canceled"}, Passage(2, "canceled")),
    ],
)
def test_the_gate_is_told_version_status_and_hour(whole: Worker, said: dict[str, Any], passage: Passage) -> None:
    found = done(whole, incoming(id="a", text=TEXT, **said)).passage
    assert found is not None
    assert replace(found, mark="") == passage
    assert found.mark


def test_a_kill_that_comes_again_has_its_mark_and_another_kill_in_the_same_words_has_its_own(whole: Worker) -> None:
    def mark(event: Incoming) -> str:
        passage = done(whole, event).passage
        assert passage is not None
        return passage.mark

    for event in (incoming(id="a", text=TEXT, pub_status="canceled"), incoming(key=b"urn:a")):
        later = replace(event, offset=event.offset + 1, timestamp_ms=event.timestamp_ms + 1)
        assert mark(event) == mark(event) != mark(later)


def test_the_gate_is_told_of_a_tombstone(whole: Worker) -> None:
    found = done(whole, incoming(key=b"urn:a")).passage
    assert found is not None
    assert replace(found, mark="") == Passage(0, "canceled", tombstone=True)


@pytest.mark.parametrize("held", [{"pub_status": "withheld"}, {"embargoed_until": "2099-01-01T00:00:00Z"}])
def test_there_is_no_gate_between_hops(first: Worker, held: dict[str, Any]) -> None:
    assert done(first, incoming(id="a", text=TEXT, **held)).passage is None


# --- Verdicts -------------------------------------------------------------------------------------------------------


def test_what_is_too_large_on_the_way_in_is_not_even_parsed(whole: Worker) -> None:
    outcome = rejected(whole, incoming(b"{" * (RELEASE_BYTES + 1)))
    assert (outcome.reason, outcome.stage) == (Reason.TOO_LARGE, work.ENTRANCE)
    assert f"{RELEASE_BYTES + 1} bytes, limits.release_bytes is {RELEASE_BYTES}" in outcome.detail


def test_what_is_too_large_on_the_way_out_is_a_verdict_too() -> None:
    small = work.prepare(task("detect_language", event_bytes=1_000))
    outcome = rejected(small, incoming(id="a", text=TEXT * 30))
    assert outcome.reason == Reason.TOO_LARGE
    assert "news.release.identified.v1 takes 1000" in outcome.detail


def test_an_event_between_hops_may_be_larger_than_a_release() -> None:
    second = work.prepare(task("strip_boilerplate", release_bytes=100))
    record = IdentifiedRelease(id="a", text=TEXT * 10, language="en", script="Latn")
    done(second, Incoming("identified", 0, 0, 0, b"a", codec.encode(record), ()))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (incoming(b"{"), Reason.UNDECODABLE),
        (incoming(b""), Reason.UNDECODABLE),
        (incoming(b"[1]"), Reason.INVALID),
        (incoming(id="a", text=7), Reason.INVALID),
        (incoming(id="a", text=" "), Reason.EMPTY),
        (incoming(b"%PDF", headers=(("content-type", b"application/pdf"),)), Reason.UNSUPPORTED_FORMAT),
    ],
    ids=lambda value: str(value) if isinstance(value, Reason) else "",
)
def test_a_broken_release_is_a_verdict_of_the_entrance(first: Worker, event: Incoming, reason: Reason) -> None:
    outcome = rejected(first, event)
    assert (outcome.reason, outcome.stage) == (reason, work.ENTRANCE)
    assert outcome.detail


def test_a_bug_is_a_verdict_with_its_stage_and_traceback(whole: Worker) -> None:
    outcome = rejected(whole, incoming(id="a", text=hostile.BUG))
    assert (outcome.reason, outcome.stage, outcome.exception) == (Reason.BUG, "tag_entities", "builtins.KeyError")
    assert "in _misbehave" in outcome.detail
    assert outcome.detail.endswith('KeyError: "a stage\'s bug"\n')


def test_a_long_traceback_keeps_its_end(first: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MAX_TRACEBACK", 20)
    broken = replace(first, line=replace(first.line, stages=((replace(first.line.stages[0][0], apply=_bug), None),)))
    assert rejected(broken, incoming(id="a", text=TEXT)).detail == "eroDivisionError: x\n"


def _bug(*_: Any) -> RawRelease:
    raise ZeroDivisionError("x")


@given(
    st.none() | st.binary(max_size=200) | st.dictionaries(st.text(max_size=8), st.text(max_size=8)).map(orjson.dumps),
    st.none() | st.binary(max_size=8),
    st.lists(st.tuples(st.sampled_from(["content-type", "newsmill.source", "x"]), st.binary(max_size=20)), max_size=3),
    st.integers(-(2**63), 2**63 - 1),
)
@example_settings(max_examples=150, deadline=None)
def test_no_event_raises(value: bytes | None, key: bytes | None, headers: Any, timestamp: int) -> None:
    event = replace(incoming(value, key=key, headers=tuple(headers)), timestamp_ms=timestamp)
    outcome = WHOLE.process(event, NOON)
    assert not isinstance(outcome, Rejected) or outcome.reason != Reason.BUG, outcome


WHOLE = work.prepare(task("detect_language"))


# --- Tasks and windows ----------------------------------------------------------------------------------------------


def test_a_window_keeps_its_order_and_says_which_release_it_is_at(first: Worker) -> None:
    started: list[int] = []
    window = [incoming(id="a", text=TEXT), incoming(b"{"), incoming(id="c", text=TEXT)]
    outcomes = work.process_window(first, window, started.append)
    assert [type(outcome) for outcome in outcomes] == [Done, Rejected, Done]
    assert started == [0, 1, 2]


def test_tasks_and_outcomes_cross_processes(whole: Worker) -> None:
    made = task(*pipeline.STAGES)
    assert pickle.loads(pickle.dumps(made)) == made
    outcomes = work.process_window(whole, [incoming(id="a", text=TEXT), incoming(b"{"), incoming(key=b"k")])
    assert len(pickle.loads(pickle.dumps(outcomes))) == len(outcomes)


def test_the_word_for_the_configuration_changes_with_what_the_stages_are_told_and_with_nothing_else() -> None:
    def word(**overrides: Any) -> str:
        return work.config_word(settings.load(None, overrides))

    assert word() == word(pool={"processes": 7})
    assert word() != word(stages={"tag_entities": {"x": 1}})


def test_a_bare_task_reads_the_record_itself() -> None:
    second = work.prepare(task("strip_boilerplate", bare=True))
    event = incoming(orjson.dumps({"id": "a", "text": TEXT, "language": "en", "title": None}))
    assert orjson.loads(done(second, event).messages[0].value or b"")["segments"]
