"""The AsyncAPI document: valid to its own parser, and true of the topics and headers there are."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.errors import Reason
from streams.records import RECORDS
from streams.runtime import asyncapi, events, routes, settings, topics
from streams.runtime.events import Incoming, Rejected
from tests.support import node
from tools import write_docs

NOW = datetime(2026, 11, 24, tzinfo=UTC)
KILL = Incoming("raw", 0, 0, 0, b"urn:a", None, ())


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    """The shipped configuration's."""
    found: dict[str, Any] = orjson.loads(write_docs.rendered_contract())
    return found


@pytest.mark.node
def test_its_own_parser_accepts_it_and_refuses_a_broken_one(contract: dict[str, Any], tmp_path: Path) -> None:
    secured = settings.load(
        overrides={
            "broker": {"protocol": "SASL_SSL", "sasl_username": "u", "sasl_password": "p"},
            "schema_registry": {"url": "http://registry:8081"},
            "hops": [["detect_language", "strip_boilerplate", "tag_entities"]],
        }
    )
    other = asyncapi.document(secured, routes.load(secured.data, secured.topics.prefix))
    broken = contract | {"channels": {"a": {"address": "a", "messages": {"m": {"$ref": "#/nowhere"}}}}}
    for name, made in {"shipped": contract, "other": other, "broken": broken}.items():
        (tmp_path / name).write_bytes(orjson.dumps(made))
    program = node.installed(Path(__file__).parent / "asyncapi") / "check.mjs"
    command: list[str | Path] = ["node", program, *(tmp_path / name for name in ("shipped", "other", "broken"))]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    shipped, secure, refused = map(json.loads, ended.stdout.splitlines())
    assert shipped == {"faults": [], "version": "3.1.0", "channels": len(contract["channels"])}
    assert secure["faults"] == []
    assert any("channels" in fault for fault in refused["faults"])


def test_its_channels_are_the_topic_table(contract: dict[str, Any]) -> None:
    loaded = settings.load()
    table = topics.table(loaded, routes.load(loaded.data, loaded.topics.prefix))
    assert {name: channel["address"] for name, channel in contract["channels"].items()} == {
        t.name: t.name for t in table
    }
    for topic in table:
        kafka = contract["channels"][topic.name]["bindings"]["kafka"]
        assert (kafka["partitions"], kafka["replicas"]) == (topic.partitions, topic.replication)
        assert {name: _plain(value) for name, value in kafka["topicConfiguration"].items()} == topic.config


@pytest.mark.parametrize("record", RECORDS[1:])
def test_an_events_headers_are_those_it_has(contract: dict[str, Any], record: Any) -> None:
    told = contract["components"]["messages"][record().schema.split(".")[-2]]["headers"]
    made = dict(events.cloud_event(record(id="urn:a"), "s", (), NOW))
    assert told["required"] == list(made)
    assert told["properties"].keys() - made.keys() - {events.CORRECTS} == events.CARRIED


def test_a_kills_headers_are_those_it_has(contract: dict[str, Any]) -> None:
    told = contract["components"]["messages"]["kill"]["headers"]
    made = dict(events.kill_event(KILL, "newsmill.release.enriched.v1", "s", NOW))
    assert told["required"] == list(made)
    assert told["properties"].keys() - made.keys() == events.CARRIED


def test_a_dead_letters_headers_are_those_it_has(contract: dict[str, Any]) -> None:
    told = contract["components"]["messages"]["dead-letter"]["headers"]
    made = events.dead_letter("dead", KILL, Rejected(Reason.BUG, "why", "parse"), "group", NOW)
    assert told["required"] == list(dict(made.headers))


def _plain(value: Any) -> str:
    """As Kafka writes it: the binding has a list of cleanup policies."""
    return ",".join(value) if isinstance(value, list) else str(value)
