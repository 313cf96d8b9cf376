"""The example consumers, in four clients of Kafka, against a real worker on Apache Kafka."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from tests.integration.conftest import HouseMaker
from tests.support import java, node
from tests.support.brokers import Raw, committed, produce
from tests.support.house import FUSED, House, Release
from tests.support.kafka import KafkaCluster
from tools import write_schemas

EXAMPLES = Path(__file__).parents[2] / "examples"
SCHEMA = write_schemas.FOLDER / "newsmill.release.enriched.v1.json"

SECONDS = 120.0
"""For four consumers to join and read on a loaded machine."""

TEXT = "The company said on Monday that its new plant in Busan would open before the end of the year."
GERMAN = "Das Unternehmen teilte am Montag mit, dass sein neues Werk noch vor Ende des Jahres eröffnet werde."

SENT = (
    Release.of("urn:one", TEXT, title="One"),
    Release.of("urn:one", TEXT, title="One"),  # the producer's retry
    Release.of("urn:two", TEXT, title="Two, corrected", version=2),
    Release.of("urn:two", TEXT, title="Two", version=1),  # late
    Release.of("urn:german", GERMAN, title="Auf Deutsch"),
    Release.of("urn:three", TEXT, title="Three"),
    Release(b"urn:three", None),
    Release.of("urn:four", TEXT, title="Four"),
    Release.of("urn:four", TEXT, title="Four", pub_status="canceled"),
)

END = Release.of("urn:end", TEXT, title="The end")

EXPECTED: list[dict[str, Any]] = [
    {"id": "urn:one", "version": 1, "title": "One"},
    {"id": "urn:two", "version": 2, "title": "Two, corrected"},
    {"id": "urn:three", "version": 1, "title": "Three"},
    {"kill": "urn:three"},
    {"id": "urn:four", "version": 1, "title": "Four"},
    {"kill": "urn:four"},
    {"id": "urn:end", "version": 1, "title": "The end"},
]

MALFORMED = b'{"id": "urn:malformed", "version": "two", "pub_status": "usable", "title": ""}'


def commands() -> dict[str, Sequence[str | Path]]:
    """How each example is started."""
    return {
        "confluent-kafka": (sys.executable, EXAMPLES / "python" / "consume_confluent.py"),
        "aiokafka": (sys.executable, EXAMPLES / "python" / "consume_aiokafka.py"),
        "KafkaJS": ("node", node.installed(EXAMPLES / "node") / "consume.mjs"),
        "Java": ("java", "-jar", java.built(EXAMPLES / "java") / "consume.jar"),
    }


@pytest.mark.node
@pytest.mark.java
async def test_every_example_reads_a_route_as_the_contract_says(
    kafka: KafkaCluster, kafka_house: HouseMaker, tmp_path: Path
) -> None:
    house = kafka_house(hops=FUSED, topics={"partitions": 1}, pool={"processes": 0})
    await house.create_topics()
    house.start(module="streams.runtime.cli")
    route = f"{house.settings.topics.prefix}.enriched.en.v1"
    await house.send(*SENT)
    await house.read(route, count=4)
    await produce(house.bootstrap, route, [Raw(b"urn:malformed", MALFORMED, [("ce_id", b"malformed")])])
    await house.send(END)

    with consumers(house, route, tmp_path) as running:
        deadline = time.monotonic() + SECONDS
        while not all("urn:end" in output(tmp_path, name) for name in running) and time.monotonic() < deadline:
            time.sleep(0.1)
        for process in running.values():
            process.terminate()
        codes = {name: process.wait(30) for name, process in running.items()}
    for name, code in codes.items():
        assert [json.loads(line) for line in output(tmp_path, name).splitlines()] == EXPECTED, name
        assert "urn:malformed" in (tmp_path / f"{name}.err").read_text(), name
        assert code in (0, 143), "143: Java's way to say SIGTERM"

    events = await house.read(route, count=6)
    for group in codes:
        assert await committed(house.bootstrap, group_of(house, group), route) == {0: events[-1].offset + 1}, group
    await the_route_holds_cloud_events_with_the_duplicate(events)
    the_console_consumer_shows_them_readably(kafka, route, len(events))


async def the_route_holds_cloud_events_with_the_duplicate(events: Sequence[Any]) -> None:
    read = [
        from_binary(KafkaMessage(dict(e.headers), e.key, e.value or b""), JSONFormat())
        for e in events
        if e.key != b"urn:malformed"
    ]
    assert {event.get_subject() for event in read} == {str(e.get("id", e.get("kill"))) for e in EXPECTED}
    assert len({event.get_id() for event in read}) == len(read) - 1


def the_console_consumer_shows_them_readably(kafka: KafkaCluster, route: str, count: int) -> None:
    shown = kafka.tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *("--bootstrap-server", kafka.bootstrap, "--topic", route, "--from-beginning", "--max-messages", str(count)),
        *("--formatter-property", "print.key=true", "--formatter-property", "print.headers=true"),
    )
    lines = [line.split("\t") for line in shown.splitlines()]
    assert len(lines) == count, "an event, a line"
    first, kill = lines[0], next(line for line in lines if line[2] == "null")
    assert first[0].startswith("ce_specversion:1.0,ce_id:")
    assert ",ce_source:/newsmill/detect_language..tag_entities,ce_type:newsmill.release.enriched.v1," in first[0]
    assert (first[1], json.loads(first[2])["title"]) == ("urn:one", "One")
    assert ",ce_type:newsmill.release.enriched.v1.kill," in kill[0]


@contextmanager
def consumers(house: House, topic: str, folder: Path) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """All examples at once, each in a group of its own."""
    running = {}
    try:
        for name, command in commands().items():
            with (folder / f"{name}.out").open("wb") as out, (folder / f"{name}.err").open("wb") as err:
                arguments = (house.bootstrap, topic, group_of(house, name), SCHEMA)
                running[name] = subprocess.Popen((*command, *arguments), stdout=out, stderr=err)
        yield running
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def group_of(house: House, name: str) -> str:
    return f"{house.settings.topics.prefix}-{name}"


def output(folder: Path, name: str) -> str:
    return (folder / f"{name}.out").read_text()


@pytest.mark.parametrize("pattern", ["python/*.py", "node/*.mjs", "java/src/**/*.java"])
def test_every_example_is_short(pattern: str) -> None:
    programs = list(EXAMPLES.glob(pattern))
    assert programs
    assert [path for path in programs if len(path.read_text().splitlines()) >= 60] == []
