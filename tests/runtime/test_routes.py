"""Routes: which topics a release goes to, and what a routes file may say."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from streams import codec
from streams.errors import Exit
from streams.formats.ninjs import write_ninjs
from streams.records import EnrichedRelease, Entity, Symbol
from streams.runtime import routes
from streams.runtime.cli import cli
from streams.runtime.events import Message
from streams.runtime.routes import Routes
from streams.runtime.settings import BadConfig
from streams.stage import config_directory

FIFTEEN = ("en", "ko", "ja", "ar", "zh-Hans", "zh-Hant", "vi", "th", "id", "ms", "de", "ru", "fr", "es", "pt")

TOPICS = """
topics = ["news.release.enriched.en.v1", "news.release.enriched.ko.v1", "news.release.enriched.zh-Hans.v1", "desk.asia"]
"""
TWO = """
[[route]]
name = "by-language"
topic = "news.release.enriched.{language}.v1"
format = "enriched"

[[route]]
name = "asia"
topic = "desk.asia"
format = "enriched"
languages = ["ko", "ja"]
"""


def load(folder: Path, text: str, prefix: str = "news.release", topics: str = TOPICS) -> Routes:
    (folder / "routes.toml").write_text(topics + text, encoding="utf-8")
    return routes.load(folder, prefix)


def route(name: str, topic: str = "desk.asia", **asks: Any) -> dict[str, Any]:
    return {"name": name, "topic": topic, "format": "enriched", **asks}


def of(*rules: dict[str, Any], topics: Sequence[str] = ("desk.asia",)) -> Routes:
    return routes.read({"topics": topics, "route": rules}, "news.release")


# --- Where a release goes --------------------------------------------------------------------------------------------


def test_the_shipped_routes_send_each_of_the_fifteen_to_a_topic_of_its_own() -> None:
    shipped = routes.load(config_directory(), "news.release")
    for language in FIFTEEN:
        assert shipped.match(EnrichedRelease(language=language)) == (f"news.release.enriched.{language}.v1",)
    assert len(shipped.topics()) == len(FIFTEEN)
    assert set(shipped.by_language()) == set(FIFTEEN)


@pytest.mark.parametrize("language", ["und", "nl", "zh", "EN", ""])
def test_languages_without_a_topic_go_to_the_main_topic_only(language: str) -> None:
    assert routes.load(config_directory(), "p").match(EnrichedRelease(language=language)) == ()


def test_a_regional_language_goes_where_its_language_goes() -> None:
    shipped = routes.load(config_directory(), "p")
    assert shipped.match(EnrichedRelease(language="pt-BR")) == ("p.enriched.pt.v1",)
    assert shipped.match(EnrichedRelease(language="zh-Hant-HK")) == ("p.enriched.zh-Hant.v1",)


def test_every_rule_that_matches_adds_its_topic(tmp_path: Path) -> None:
    both = load(tmp_path, TWO)
    assert both.match(EnrichedRelease(language="ko")) == ("news.release.enriched.ko.v1", "desk.asia")
    assert both.match(EnrichedRelease(language="ja")) == ("desk.asia",)
    assert both.by_language()["ko"] == ("news.release.enriched.ko.v1", "desk.asia")


def test_a_topic_that_two_rules_name_gets_the_release_once() -> None:
    assert of(route("one"), route("two", languages=["ko"])).match(EnrichedRelease(language="ko")) == ("desk.asia",)


NVIDIA = Entity(
    id="1", type="ORGANISATION", name="NVIDIA", mentions=(), count=1, salience=1.0, uri="urn:nvidia",
    symbols=(Symbol(exchange="XNAS", symbol="NVDA"),),
)  # fmt: skip
JENSEN = Entity(id="2", type="PERSON", name="Jensen Huang", mentions=(), count=1, salience=1.0)
RELEASE = EnrichedRelease(
    language="zh-Hans", source="PR Newswire", sectors=("Semiconductors", "AI & Data"), entities=(NVIDIA, JENSEN)
)


@pytest.mark.parametrize(
    ("asks", "because"),
    [
        ({}, ("status=usable",)),
        ({"languages": ["zh"]}, ("language=zh", "status=usable")),
        ({"languages": ["ko", "zh-Hans"]}, ("language=zh-Hans", "status=usable")),
        ({"languages": ["zh-Hant"]}, None),
        ({"sources": ["pr newswire"]}, ("source=pr newswire", "status=usable")),
        ({"sectors": ["SEMICONDUCTORS", "Oil"]}, ("sector=semiconductors", "status=usable")),
        ({"sectors": ["Oil"]}, None),
        ({"entities": [{"symbol": "NVDA"}]}, ("status=usable", "symbol=NVDA")),
        ({"entities": [{"symbol": "XNAS:NVDA"}]}, ("status=usable", "symbol=XNAS:NVDA")),
        ({"entities": [{"symbol": "XETR:NVDA"}]}, None),
        ({"entities": [{"uri": "urn:nvidia"}, {"uri": "urn:other"}]}, ("status=usable", "uri=urn:nvidia")),
        (
            {"entities": [{"type": "PERSON", "name": "jensen huang"}]},
            ("status=usable", "name=jensen huang type=PERSON"),
        ),
        ({"entities": [{"type": "PERSON", "name": "nvidia"}]}, None),  # both are there, in two entities
        ({"languages": ["zh"], "entities": [{"type": "PLACE"}]}, None),
        ({"languages": ["ko"], "entities": [{"type": "PERSON"}]}, None),
        ({"statuses": ["canceled"]}, None),
    ],
)
def test_of_each_list_one_is_enough_and_every_list_must_be_met(
    asks: dict[str, Any], because: tuple[str, ...] | None
) -> None:
    found = [each.met.because for each in of(route("one", **asks)).find(RELEASE)]
    assert found == ([] if because is None else [because])


def test_a_kill_goes_by_itself_to_routes_that_ask_for_kills(tmp_path: Path) -> None:
    both = of(
        route("all"), route("kills", "desk.kills", statuses=["usable", "canceled"]), topics=("desk.asia", "desk.kills")
    )
    assert both.match(EnrichedRelease(pub_status="canceled")) == ("desk.kills",)
    assert both.match(EnrichedRelease()) == ("desk.asia", "desk.kills")


def test_placeholders_are_the_releases_own_and_lead_only_where_somebody_listed() -> None:
    topics = ("wire.pr-newswire.zh.v1", "sector.ai-data")
    made = of(route("wire", "wire.{source}.{language}.v1"), route("sector", "sector.{sector}"), topics=topics)
    assert made.match(RELEASE) == topics
    (_, sector) = made.find(RELEASE)
    assert sector.unlisted == ("sector.semiconductors",)


@given(st.data())
def test_the_index_finds_what_asking_every_rule_would_find(data: st.DataObject) -> None:
    few = st.sampled_from(["a", "b", "c"])
    some = st.lists(few, min_size=1, max_size=2, unique=True)
    entity = st.fixed_dictionaries({"name": few}, optional={"uri": few, "symbol": few})
    asks = st.fixed_dictionaries(
        {}, optional={"sectors": some, "sources": some, "entities": st.lists(entity, min_size=1, max_size=2)}
    )
    asked: list[dict[str, Any]] = data.draw(st.lists(asks, max_size=12))
    release = EnrichedRelease(
        source=data.draw(few),
        sectors=tuple(data.draw(some)),
        entities=tuple(
            replace(
                NVIDIA, name=data.draw(few), uri=data.draw(few), symbols=(Symbol(exchange="X", symbol=data.draw(few)),)
            )
            for _ in range(2)
        ),
    )

    def meets(rule: dict[str, Any]) -> bool:
        return (
            release.source in rule.get("sources", [release.source])
            and not set(rule.get("sectors", release.sectors)).isdisjoint(release.sectors)
            and (
                "entities" not in rule
                or any(
                    named["name"] == entity.name
                    and named.get("uri", entity.uri) == entity.uri
                    and named.get("symbol", entity.symbols[0].symbol) == entity.symbols[0].symbol
                    for named in rule["entities"]
                    for entity in release.entities
                )
            )
        )

    found = [int(each.met.rule.name) for each in of(*(route(str(n), **a) for n, a in enumerate(asked))).find(release)]
    assert found == [number for number, rule in enumerate(asked) if meets(rule)]


def test_a_rule_is_filed_under_the_rarest_of_its_keys() -> None:
    made = of(*(route(str(n), languages=["en"], entities=[{"symbol": f"S{n}", "type": "TICKER"}]) for n in range(9)))
    assert made.index.by_key == {f"symbol=S{n}": (n,) for n in range(9)}


# --- The file --------------------------------------------------------------------------------------------------------


def test_the_prefix_takes_the_place_of_the_shipped_one_and_of_no_other(tmp_path: Path) -> None:
    made = load(tmp_path, TWO, "wire")
    assert made.topics() == ("wire.enriched.en.v1", "wire.enriched.ko.v1", "wire.enriched.zh-Hans.v1", "desk.asia")
    assert made.match(EnrichedRelease(language="en")) == ("wire.enriched.en.v1",)


def test_no_rules_are_fine(tmp_path: Path) -> None:
    assert load(tmp_path, "", topics="").topics() == ()
    assert load(tmp_path, "").match(EnrichedRelease(language="en")) == ()


def test_all_faults_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    bad = TWO.replace('"asia"', '"Asia!"').replace("desk.asia", "desk/asia").replace('["ko", "ja"]', "[]")
    with pytest.raises(BadConfig) as caught:
        load(tmp_path, bad.replace('format = "enriched"', 'format = "xml"', 1) + "colour = 1\n")
    assert caught.value.exit_code == Exit.CONFIG
    assert {fault.key for fault in caught.value.faults} == {
        "route.0.format", "route.1.name", "route.1.topic", "route.1.languages", "route.1.colour",
    }  # fmt: skip
    assert {fault.origin for fault in caught.value.faults} == {str(tmp_path / "routes.toml")}


def test_an_entity_of_which_nothing_is_said_is_a_fault() -> None:
    with pytest.raises(BadConfig, match="name, uri, symbol or type: at least one of them"):
        of(route("one", entities=[{}]))


def test_routes_that_lead_nowhere_or_share_a_name_are_all_named() -> None:
    with pytest.raises(BadConfig) as caught:
        of(route("a"), route("b", "desk.nowhere"), route("c", "desk.{language}.v1"), route("a"))
    assert [(fault.key, fault.value) for fault in caught.value.faults] == [
        ("route.1.topic", "desk.nowhere"),
        ("route.2.topic", "desk.{language}.v1"),
        ("route.3.name", "a"),
    ]


@pytest.mark.parametrize(("data", "problem"), [(None, "cannot be read"), (b"[[", "is not TOML"), (b"\xff", "is not")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, data: bytes | None, problem: str) -> None:
    if data is not None:
        (tmp_path / "routes.toml").write_bytes(data)
    with pytest.raises(BadConfig) as caught:
        routes.load(tmp_path, "p")
    (fault,) = caught.value.faults
    assert (fault.origin, problem in fault.problem) == (str(tmp_path / "routes.toml"), True)


@pytest.mark.parametrize("word", ["raw", "enriched", "dead-letter", "state", "held"])
def test_a_topic_of_the_pipeline_itself_is_a_fault(tmp_path: Path, word: str) -> None:
    with pytest.raises(BadConfig, match=rf"mill\.{word}\.v1: a route cannot lead"):
        load(tmp_path, "", "mill", f'topics = ["news.release.{word}.v1"]')


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


def test_a_topic_has_one_format() -> None:
    with pytest.raises(BadConfig) as caught:
        of(route("one"), route("two", "desk.{language}", format="ninjs"))
    assert [fault.key for fault in caught.value.faults] == ["route.format"]


def test_routes_test_says_where_a_release_would_go_and_why(tmp_path: Path) -> None:
    story = tmp_path / "story.json"
    text = "Das Unternehmen teilte am Montag mit, dass sein Werk in Busan zwei Monate früher als geplant öffnet."
    story.write_text(json.dumps({"id": "urn:a", "text": text, "embargoed_until": "2099-01-01T00:00:00Z"}))
    said = CliRunner().invoke(cli, ["routes", "test", str(story)])
    assert said.exit_code == 0, said.output
    assert "→ news.release.enriched.v1  every release" in said.output
    assert "→ news.release.enriched.de.v1  by-language: status=usable" in said.output
    assert "held until 2099-01-01" in said.output
    plain = json.loads(CliRunner().invoke(cli, ["routes", "test", "--json", str(story)]).stdout)
    assert plain["topics"] == ["news.release.enriched.v1", "news.release.enriched.de.v1"]
    assert plain["routes"] == [
        {
            "name": "by-language",
            "because": ["status=usable"],
            "topics": [{"topic": "news.release.enriched.de.v1", "format": "enriched"}],
            "not_listed": [],
        }
    ]
