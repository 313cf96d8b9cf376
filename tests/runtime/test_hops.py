"""Hops: the names that follow from the settings, and which of them a worker runs."""

from typing import Any

import pytest

from streams.errors import Exit, Fatal
from streams.records import RECORDS, RawRelease
from streams.runtime import hops, settings
from streams.runtime.hops import Hop

FUSED = [["detect_language", "strip_boilerplate", "tag_entities"]]
TWO_AND_ONE = [["detect_language", "strip_boilerplate"], ["tag_entities"]]


def plan(*only: str, **overrides: Any) -> tuple[Hop, ...]:
    return hops.plan(settings.load(None, overrides), only)


def test_each_stage_is_a_hop_of_its_own_by_default() -> None:
    dead = "news.release.dead-letter.v1"
    raw, identified, cleaned, enriched = (
        f"news.release.{word}.v1" for word in ("raw", "identified", "cleaned", "enriched")
    )
    gate = ("news.release.state.v1", "news.release.held.v1")
    assert plan() == (
        Hop(("detect_language",), raw, identified, dead, "newsmill.detect_language", last=False),
        Hop(("strip_boilerplate",), identified, cleaned, dead, "newsmill.strip_boilerplate", last=False),
        Hop(("tag_entities",), cleaned, enriched, dead, "newsmill.tag_entities", last=True, gate=gate),
    )


def test_fused_stages_read_what_the_first_reads_and_write_what_the_last_writes() -> None:
    (hop,) = plan(hops=FUSED)
    assert (hop.source, hop.target, hop.last) == ("news.release.raw.v1", "news.release.enriched.v1", True)
    assert (hop.name, hop.group) == ("detect_language..tag_entities", "newsmill.detect_language..tag_entities")


def test_each_hop_reads_what_the_one_before_writes() -> None:
    first, second = plan(hops=TWO_AND_ONE)
    assert (first.target, first.last, second.last) == (second.source, False, True)


def test_topics_and_groups_follow_their_settings() -> None:
    for hop in plan(topics={"prefix": "wire"}, group={"id": "desk"}):
        assert all(name.startswith("wire.") for name in (hop.source, hop.target, hop.dead_letters))
        assert hop.group == f"desk.{hop.name}"


def test_every_record_has_a_topic_of_its_own() -> None:
    assert len({hops.topic_of(record, "p") for record in RECORDS}) == len(RECORDS)
    assert hops.topic_of(RawRelease, "p") == "p.raw.v1"


def test_a_worker_may_run_some_of_the_hops() -> None:
    assert [hop.name for hop in plan("tag_entities", "detect_language")] == ["detect_language", "tag_entities"]


def test_all_stages_of_a_fused_hop_run_together() -> None:
    assert [hop.name for hop in plan("strip_boilerplate", "detect_language", hops=TWO_AND_ONE)] == [
        "detect_language..strip_boilerplate"
    ]


@pytest.mark.parametrize(
    ("only", "problem"),
    [
        (("translate",), "no stage is called translate; there are detect_language, strip_boilerplate, tag_entities"),
        (("detect_language",), r"would cut the hop \['detect_language', 'strip_boilerplate'\] in two"),
    ],
)
def test_what_cannot_be_run_is_a_usage_error_that_says_why(only: tuple[str, ...], problem: str) -> None:
    with pytest.raises(Fatal, match=problem) as caught:
        plan(*only, hops=TWO_AND_ONE)
    assert caught.value.exit_code == Exit.USAGE
