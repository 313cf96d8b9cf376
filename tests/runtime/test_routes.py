"""Routes: which topics a release goes to, and what a routes file may say."""

from dataclasses import replace
from pathlib import Path

import pytest

from streams import codec
from streams.errors import Exit
from streams.formats.ninjs import write_ninjs
from streams.records import EnrichedRelease
from streams.runtime import routes
from streams.runtime.events import Message
from streams.runtime.routes import Routes
from streams.runtime.settings import BadConfig
from streams.stage import config_directory

FIFTEEN = ("en", "ko", "ja", "ar", "zh-Hans", "zh-Hant", "vi", "th", "id", "ms", "de", "ru", "fr", "es", "pt")

TWO = """
[[route]]
name = "by-language"
topic = "news.release.enriched.{language}.v1"
format = "enriched"
languages = ["en", "ko"]

[[route]]
name = "asia"
topic = "desk.asia"
format = "enriched"
languages = ["ko", "ja"]
"""


def load(folder: Path, text: str, prefix: str = "news.release") -> Routes:
    (folder / "routes.toml").write_text(text, encoding="utf-8")
    return routes.load(folder, prefix)


def test_the_shipped_routes_send_each_of_the_fifteen_to_a_topic_of_its_own() -> None:
    shipped = routes.load(config_directory(), "news.release")
    for language in FIFTEEN:
        assert shipped.match(EnrichedRelease(language=language)) == (f"news.release.enriched.{language}.v1",)
    assert len(shipped.topics()) == len(FIFTEEN)


@pytest.mark.parametrize("language", ["und", "nl", "zh", "EN", ""])
def test_other_languages_go_to_the_main_topic_only(language: str) -> None:
    assert routes.load(config_directory(), "p").match(EnrichedRelease(language=language)) == ()


def test_every_rule_that_matches_adds_its_topic(tmp_path: Path) -> None:
    both = load(tmp_path, TWO)
    assert both.match(EnrichedRelease(language="ko")) == ("news.release.enriched.ko.v1", "desk.asia")
    assert both.match(EnrichedRelease(language="ja")) == ("desk.asia",)


def test_a_topic_that_two_rules_name_gets_the_release_once(tmp_path: Path) -> None:
    both = load(tmp_path, TWO + TWO.replace("asia", "asia-too").replace("desk.asia-too", "desk.asia"))
    assert both.match(EnrichedRelease(language="ko")) == ("news.release.enriched.ko.v1", "desk.asia")


def test_a_kill_goes_to_every_topic_that_may_have_the_release(tmp_path: Path) -> None:
    both = load(tmp_path, TWO)
    killed = EnrichedRelease(language="und", pub_status="canceled")
    assert both.match(killed) == both.topics() != ()


def test_the_prefix_takes_the_place_of_the_shipped_one_and_of_no_other(tmp_path: Path) -> None:
    assert load(tmp_path, TWO, "wire").topics() == ("wire.enriched.en.v1", "wire.enriched.ko.v1", "desk.asia")


def test_no_rules_are_fine(tmp_path: Path) -> None:
    assert load(tmp_path, "").topics() == ()


def test_all_faults_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    bad = TWO.replace('"asia"', '"Asia!"').replace("desk.asia", "desk/asia").replace('["ko", "ja"]', "[]")
    with pytest.raises(BadConfig) as caught:
        load(tmp_path, bad.replace('format = "enriched"', 'format = "xml"', 1) + "colour = 1\n")
    assert caught.value.exit_code == Exit.CONFIG
    assert {fault.key for fault in caught.value.faults} == {
        "route.0.format", "route.1.name", "route.1.topic", "route.1.languages", "route.1.colour",
    }  # fmt: skip
    assert {fault.origin for fault in caught.value.faults} == {str(tmp_path / "routes.toml")}


@pytest.mark.parametrize(("data", "problem"), [(None, "cannot be read"), (b"[[", "is not TOML"), (b"\xff", "is not")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, data: bytes | None, problem: str) -> None:
    if data is not None:
        (tmp_path / "routes.toml").write_bytes(data)
    with pytest.raises(BadConfig) as caught:
        routes.load(tmp_path, "p")
    (fault,) = caught.value.faults
    assert (fault.origin, problem in fault.problem) == (str(tmp_path / "routes.toml"), True)


@pytest.mark.parametrize("word", ["raw", "enriched", "dead-letter"])
def test_a_route_into_the_pipeline_itself_is_a_fault(tmp_path: Path, word: str) -> None:
    route = f'[[route]]\nname = "loop"\ntopic = "news.release.{word}.v1"\nformat = "enriched"\nlanguages = ["en"]\n'
    (tmp_path / "routes.toml").write_text(route)
    with pytest.raises(BadConfig, match=rf"mill\.{word}\.v1: a route cannot lead"):
        routes.load(tmp_path, "mill")


NINJS = TWO.replace('topic = "desk.asia"\nformat = "enriched"', 'topic = "desk.asia"\nformat = "ninjs"')


def test_a_route_in_ninjs_gets_the_release_as_ninjs(tmp_path: Path) -> None:
    both = load(tmp_path, NINJS)
    release = EnrichedRelease(id="urn:a", language="ko", title="부산", text="부산", body="부산")
    headers = (("ce_id", b"1"), ("ce_dataschema", b"ours"), ("content-type", b"application/json"))
    main = Message("main", b"urn:a", codec.encode(release), headers)
    assert both.convert("news.release.enriched.ko.v1", main) == replace(main, topic="news.release.enriched.ko.v1")
    made = both.convert("desk.asia", main)
    assert made.value == write_ninjs(release)
    assert dict(made.headers) == {
        "ce_id": b"1",
        "ce_dataschema": b"http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#",
        "content-type": b"application/ninjs+json",
    }
    kill = replace(main, value=None)
    assert both.convert("desk.asia", kill) == replace(kill, topic="desk.asia")


def test_a_topic_has_one_format(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as caught:
        load(tmp_path, NINJS + TWO.partition("\n\n[[")[2].join(["\n[[", ""]).replace('"asia"', '"asia-too"'))
    assert [fault.key for fault in caught.value.faults] == ["route.format"]
