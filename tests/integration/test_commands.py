"""The commands that speak to Kafka, as processes, on both brokers."""

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from streams import codec
from streams.errors import Exit, Reason
from streams.records import EnrichedRelease, Entity, Mention
from streams.runtime import events, intake
from streams.runtime.embedded import embedded_broker, free_port
from streams.runtime.events import Incoming, Rejected
from streams.stage import config_directory
from tests.support.brokers import Raw, produce, read
from tests.support.house import FUSED, House, Release, house

SECONDS = 60.0
"""For a command to end on a loaded machine."""

NEWSMILL = (sys.executable, "-m", "streams.runtime.cli")

PLAIN = {**os.environ, "NO_COLOR": "1"}


@dataclass(frozen=True)
class Ended:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return orjson.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON lines on standard output."""
        return [orjson.loads(line) for line in self.out.splitlines()]


@pytest.fixture
async def home(request: pytest.FixtureRequest, broker: str, unique_prefix: str, tmp_path: Path) -> AsyncIterator[House]:
    """A house with topics, on either broker."""
    embedded = request.node.callspec.params["broker"] == "embedded"
    with house(broker, tmp_path, unique_prefix, broker={"idempotent": not embedded, "bootstrap": broker}) as made:
        await made.create_topics()
        yield made


async def run(home: House, *arguments: str, stdin: bytes | None = None) -> Ended:
    """Run a command to its end."""
    async with started(home, *arguments) as process:
        out, err = await asyncio.wait_for(process.communicate(stdin), SECONDS)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def started(home: House, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a command; kill it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *NEWSMILL,
        *("--config", str(home.file), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=PLAIN,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said(stream: asyncio.StreamReader | None, word: str) -> str:
    """Wait for a line with this word."""
    assert stream is not None
    async with asyncio.timeout(SECONDS):
        while line := (await stream.readline()).decode():
            if word in line:
                return line
    raise AssertionError(f"it never said {word!r}")


async def interrupt(process: asyncio.subprocess.Process) -> Ended:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


# ------------------------------------------------------------------------------------------------------------ ingest


async def test_ingest_sends_every_kind_of_file_as_it_is(home: House, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    files = {
        "a.json": b'{"id": "urn:a", "text": "A"}',
        "deep/b.txt": "Ünïcode\n".encode("cp1252"),
        "c.html": b"<p>C</p>",
        "d.jsonl": b'{"id": "urn:d1", "text": "1"}\n\n{"id": "urn:d2", "text": "2"}\nbroken\n',
        "huge.txt": b"x" * (home.settings.topics.raw_bytes + 1),
        "README.md": b"not a release",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)

    ended = await run(home, "ingest", str(folder), "--source", "wire", "--json")
    assert ended.code == Exit.FAILED, ended.err
    assert f"{folder / 'huge.txt'}: {home.settings.topics.raw_bytes + 1} bytes" in ended.err
    assert "README.md" in ended.err
    assert ended.json | {"seconds": 0} == {
        "topic": home.raw,
        "sent": 6,
        "bytes": sum(len(files[name]) for name in ("a.json", "deep/b.txt", "c.html")) + 29 + 29 + 6,
        "seconds": 0,
        "refused": [
            {
                "name": str(folder / "huge.txt"),
                "bytes": home.settings.topics.raw_bytes + 1,
                "limit": intake.room(home.settings.topics.raw_bytes),
            }
        ],
        "passed_over": 1,
    }
    records = {record.key: record for record in await read(home.bootstrap, home.raw)}
    assert len(records) == 6
    for key, name, content_type in (
        (b"urn:a", "a.json", "application/json"),
        ((folder / "deep/b.txt").as_uri().encode(), "deep/b.txt", "text/plain"),
        ((folder / "c.html").as_uri().encode(), "c.html", "text/html"),
    ):
        assert records[key].value == files[name]
        assert dict(records[key].headers) == {"content-type": content_type.encode(), "newsmill.source": b"wire"}
    assert [records[key].value for key in (b"urn:d1", b"urn:d2")] == files["d.jsonl"].split(b"\n")[:3:2]


async def test_ingest_sends_the_largest_release_that_the_topic_takes(home: House, tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    frame = len(path.as_uri()) + len("content-typetext/plain")
    path.write_bytes(os.urandom(intake.room(home.settings.topics.raw_bytes) - frame))  # compression only adds to it
    ended = await run(home, "ingest", str(path))
    assert ended.code == Exit.OK, ended.err
    (record,) = await read(home.bootstrap, home.raw)
    assert record.value == path.read_bytes()


async def test_ingest_from_a_pipe_sends_what_it_has_while_the_writer_pauses(home: House) -> None:
    async with started(home, "ingest", "-", "--jsonl") as process:
        assert process.stdin is not None
        process.stdin.write(b'{"id": "first"}\n')
        await process.stdin.drain()
        (record,) = await read(home.bootstrap, home.raw, count=1)
        assert record.key == b"first"
        process.stdin.write(b'{"id": "second"}')
        process.stdin.close()
        out, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert b"sent 2 releases" in out
    assert {r.key for r in await read(home.bootstrap, home.raw)} == {b"first", b"second"}


async def test_ingest_repeats_and_kills(home: House, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"id": "urn:a"}')
    ended = await run(home, "ingest", str(tmp_path / "a.json"), "--repeat", "3", "--kill", "urn:a", "--kill", "urn:b")
    assert ended.code == Exit.OK, ended.err
    values: dict[bytes | None, list[bytes | None]] = {}
    for record in await read(home.bootstrap, home.raw):
        values.setdefault(record.key, []).append(record.value)
    assert values == {b"urn:a": [b'{"id": "urn:a"}'] * 3 + [None], b"urn:b": [None]}


async def test_ingest_keeps_to_the_rate(home: House, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"".join(b'{"id": "%d"}\n' % n for n in range(40)))
    ended = await run(home, "ingest", str(tmp_path / "a.jsonl"), "--rate", "20", "--json")
    assert ended.json["sent"] == 40
    assert ended.json["seconds"] >= 1.8  # the last window of two starts at 1.9 s; a loaded machine only takes longer


async def test_an_interrupted_ingest_says_how_many_were_sent(home: House, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"".join(b'{"id": "%d"}\n' % n for n in range(1_000)))
    async with started(home, "ingest", str(tmp_path / "a.jsonl"), "--rate", "20") as process:
        await read(home.bootstrap, home.raw, count=5)
        ended = await interrupt(process)
    assert ended.code == 130
    told = re.search(r"Not finished: sent (\d+) release", ended.err)
    assert told, ended.err
    sent = len(await read(home.bootstrap, home.raw))
    assert int(told[1]) <= sent <= int(told[1]) + 2  # the window that was under way
    assert "Traceback" not in ended.err


async def test_ingest_says_what_is_missing(home: House, tmp_path: Path) -> None:
    ended = await run(home, "ingest", str(tmp_path / "nosuch"))
    assert (ended.code, str(tmp_path / "nosuch") in ended.err) == (Exit.NO_INPUT, True)
    (tmp_path / "a.txt").write_bytes(b"x")
    home.overrides["topics"]["prefix"] += "x"
    ended = await run(home, "ingest", str(tmp_path / "a.txt"))
    assert ended.code == Exit.UNAVAILABLE
    assert f"no topic {home.raw}" in ended.err
    assert "newsmill topics create" in ended.err


# -------------------------------------------------------------------------------------------------------------- tail


def enriched(identifier: str, language: str, source: str, name: str) -> Raw:
    """An enriched event with one entity."""
    mention = Mention(start=0, end=1, surface="x")
    entity = Entity(id="e1", type="ORGANISATION", name=name, mentions=(mention,), count=1, salience=1.0)
    release = EnrichedRelease(
        id=identifier,
        language=language,
        confidence=0.95,
        source=source,
        title=f"Title {identifier}",
        text="xx",
        body="x",
        entities=(entity,),
    )
    return Raw(identifier.encode(), codec.encode(release), (("ce_type", release.schema.encode()),))


EVENTS = (
    enriched("one", "ar", "wire", "شركة لومورا"),
    enriched("two", "zh-Hans", "wire", "Lumora Robotics"),
    enriched("three", "zh-Hant", "feed", "ACME"),
    Raw(b"four", None),
)


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ([], {"one", "two", "three", "four"}),
        (["--source", "wire", "--language", "zh-Hans", "--entity", "ROBOT"], {"two"}),
    ],
)
async def test_tail_shows_what_is_asked_for(home: House, options: list[str], keys: set[str]) -> None:
    await produce(home.bootstrap, home.enriched, EVENTS)
    ended = await run(home, "tail", "--no-follow", "--json", *options)
    assert ended.code == Exit.OK, ended.err
    assert {line["_kafka"]["key"] for line in ended.lines} == keys


async def test_tail_as_json_adds_where_the_event_stood(home: House) -> None:
    ((place),) = await produce(home.bootstrap, home.enriched, EVENTS[1:2])
    (line,) = (await run(home, "tail", home.enriched, "--from-start", "--json", "--count", "1")).lines
    kafka = line.pop("_kafka")
    assert line == orjson.loads(EVENTS[1].value or b"")
    assert (kafka["topic"], kafka["partition"], kafka["offset"]) == (home.enriched, place.partition, place.offset)
    assert kafka["headers"] == {"ce_type": "newsmill.release.enriched.v1"}


async def test_tail_follows_from_now_on_until_ctrl_c(home: House) -> None:
    await produce(home.bootstrap, home.enriched, EVENTS[:1])
    async with started(home, "tail") as process:
        await said(process.stderr, f"following {home.enriched} from now on")
        await produce(home.bootstrap, home.enriched, EVENTS[1:])
        assert process.stdout is not None
        lines = [(await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode() for _ in range(5)]
        ended = await interrupt(process)
    text = "".join(lines)
    assert "zh-Hans 0.95  kept  50%  Title two" in text
    assert "ORG Lumora Robotics" in text
    assert "kill  four" in text
    assert "Title one" not in text
    assert (ended.code, ended.out, "Traceback" in ended.err) == (130, "", False)


async def test_tail_reads_the_topic_of_a_language_and_leaves_when_nobody_listens(home: House) -> None:
    topic = f"{home.settings.topics.prefix}.enriched.ar.v1"
    await produce(home.bootstrap, topic, EVENTS[:1])
    command = [*NEWSMILL, "--config", str(home.file), "tail", "ar", "--from-start"]
    piped = await asyncio.create_subprocess_shell(
        f"{shlex.join(command)} | head -n 1",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=PLAIN,
    )
    first = await asyncio.wait_for(said(piped.stdout, "Title one"), SECONDS)
    assert "ar      0.95" in first
    for _ in range(3):  # the pipe may hold a line or two after `head` has left
        await produce(home.bootstrap, topic, EVENTS[:1])
        await asyncio.sleep(0.3)
    _, err = await asyncio.wait_for(piped.communicate(), SECONDS)
    assert b"Traceback" not in err


async def test_tail_says_that_a_topic_is_missing(home: House) -> None:
    ended = await run(home, "tail", f"{home.settings.topics.prefix}.nosuch")
    assert (ended.code, "no topic" in ended.err) == (Exit.UNAVAILABLE, True)


# ------------------------------------------------------------------------------------------------------ dead letters


def dead(home: House, key: str, reason: Reason, stage: str, topic: str, *headers: tuple[str, bytes]) -> Raw:
    """A dead letter as the worker makes it."""
    original = Incoming(topic, 0, 0, 1_000, key.encode(), f"payload of {key} \x00".encode(), headers)
    detail = "Traceback (most recent call last):\n  File x\nValueError: bad" if reason == Reason.BUG else "took 2 s"
    made = events.dead_letter(home.dead, original, Rejected(reason, detail, stage), "g", datetime.now(UTC))
    return Raw(made.key, made.value, made.headers)


async def bury(home: House) -> dict[str, str]:
    """Put five dead letters on the topic. Returns their places by key."""
    kept = ("content-type", b"text/plain")
    letters = [
        dead(home, "slow", Reason.TIMEOUT, "tag_entities", home.plan[2].source, kept, ("traceparent", b"00-a")),
        dead(home, "bug", Reason.BUG, "strip_boilerplate", home.plan[1].source, kept),
        dead(home, "worn", Reason.TIMEOUT, "tag_entities", home.plan[2].source, ("newsmill.attempt", b"3")),
        dead(home, "strange", Reason.TIMEOUT, "tag_entities", "somebody.elses", kept),
        Raw(b"foreign", b"not ours"),
    ]
    sent = await produce(home.bootstrap, home.dead, letters)
    names = (str((letter.key or b"").decode()) for letter in letters)
    return {name: f"{place.partition}:{place.offset}" for name, place in zip(names, sent, strict=True)}


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ([], {"slow", "bug", "worn", "strange", "foreign"}),
        (["--reason", "timeout", "--reason", "bug", "--stage", "strip_boilerplate"], {"bug"}),
        (["--since", "1h", "--until", "2999-01-01T00:00Z", "--id", "slow", "--limit", "1"], {"slow"}),
        (["--until", "1h"], set()),
    ],
)
async def test_dead_letters_are_listed_as_asked_and_counted(home: House, options: list[str], keys: set[str]) -> None:
    places = await bury(home)
    answer = (await run(home, "dead-letters", "list", "--json", *options)).json
    assert {letter["id"]: letter["place"] for letter in answer["dead_letters"]} == {k: places[k] for k in keys}
    assert sum(count["count"] for count in answer["counts"]) == len(keys)


async def test_dead_letters_are_listed_for_people(home: House) -> None:
    places = await bury(home)
    ended = await run(home, "dead-letters", "list")
    lines = {line.split()[-1]: line for line in ended.out.splitlines()}
    assert re.search(rf"bug +strip_boilerplate +{places['bug']}  bug  ValueError: bad", ended.out)
    assert re.search(r"redriven 3×", ended.out)
    assert "3 timeout in tag_entities" in lines["tag_entities"]
    assert len(ended.out.splitlines()) == 5 + 3
    ended = await run(home, "dead-letters", "list", "--reason", "nosuch")
    assert ended.code == Exit.USAGE
    assert "undecodable" in ended.err


async def test_a_dead_letter_is_shown_whole_and_its_payload_written(home: House, tmp_path: Path) -> None:
    places = await bury(home)
    ended = await run(home, "dead-letters", "show", places["slow"])
    for word in ("newsmill.dlq.reason", "__connect.errors.exception.message", "traceparent", "took 2 s"):
        assert word in ended.out
    assert "70 61 79 6c 6f 61 64" in ended.out  # it holds a NUL
    target = tmp_path / "payload"
    ended = await run(home, "dead-letters", "show", "--id", "slow", "--payload", str(target))
    assert ended.code == Exit.OK, ended.err
    assert target.read_bytes() == b"payload of slow \x00"
    ended = await run(home, "dead-letters", "show", "--id", "slow", "--json")
    assert ended.json["headers"]["content-type"] == "text/plain"
    for missing in ("0:999999", "99:0"):
        ended = await run(home, "dead-letters", "show", missing)
        assert (ended.code, "no such dead letter" in ended.err) == (Exit.FAILED, True)


async def test_a_dry_run_sends_nothing(home: House) -> None:
    places = await bury(home)
    answer = (await run(home, "dead-letters", "redrive", "--dry-run", "--json")).json
    assert set(answer["chosen"]) == {places["slow"], places["bug"]}
    assert answer["sent"] == 0
    for hop in home.plan:
        assert not await read(home.bootstrap, hop.source)


async def test_redriving_sends_the_originals_back_and_leaves_alone_what_it_must(home: House) -> None:
    places = await bury(home)
    ended = await run(home, "dead-letters", "redrive", "--json")
    assert ended.code == Exit.OK, ended.err
    assert ended.json["sent"] == 2
    problems = {skipped["id"]: skipped["problem"] for skipped in ended.json["skipped"]}
    assert set(problems) == {"worn", "strange", "foreign"}
    assert "3 times" in problems["worn"]
    assert "no hop" in problems["strange"]
    (slow,) = await read(home.bootstrap, home.plan[2].source)
    assert (slow.key, slow.value) == (b"slow", b"payload of slow \x00")
    assert slow.headers == (
        ("content-type", b"text/plain"),
        ("traceparent", b"00-a"),
        ("newsmill.attempt", b"1"),
        ("newsmill.redriven-from", places["slow"].encode()),
    )
    (bug,) = await read(home.bootstrap, home.plan[1].source)
    assert bug.key == b"bug"

    ended = await run(home, "dead-letters", "redrive", places["worn"], "--max-attempts", "4")
    assert "redrove 1, skipped 0" in ended.out
    ended = await run(home, "dead-letters", "redrive", "0:999999")
    assert (ended.code, "0:999999" in ended.err) == (Exit.FAILED, True)


async def test_a_release_redriven_in_vain_goes_by_its_last_dead_letter_until_the_limit(home: House) -> None:
    home.overrides["hops"] = FUSED
    home.overrides["dead_letter"] = {"limit_share": 1.0}
    home.start(module="streams.runtime.cli")
    await home.send(Release(b"cut", b'{"id": "cut', (("content-type", b"application/json"),)))

    for rounds in range(1, 4):
        await home.read(home.dead, count=1)
        ended = await run(home, "dead-letters", "redrive", "--json", "--max-attempts", "3")
        assert (ended.json["sent"], len(ended.json["skipped"])) == (1, rounds - 1), ended.err
        letters = await listed(home, rounds + 1)
    ended = await run(home, "dead-letters", "redrive", "--json", "--max-attempts", "3")
    assert ended.json["sent"] == 0
    assert [letter["attempts"] for letter in letters] == [0, 1, 2, 3]
    assert [letter["redriven_in_vain_now"] for letter in letters] == [*(each["place"] for each in letters[1:]), None]


async def listed(home: House, count: int) -> list[Any]:
    """The dead letters, once there are so many."""
    async with asyncio.timeout(SECONDS):
        while True:
            letters: list[Any] = (await run(home, "dead-letters", "list", "--json")).json["dead_letters"]
            if len(letters) == count:
                return letters


# -------------------------------------------------------------------------------------------------------------- demo

SAMPLES = [p for p in (config_directory() / "samples").iterdir() if p.suffix in (".json", ".txt", ".html")]


@pytest.mark.embedded
@pytest.mark.parametrize("options", [[], ["--fused"]], ids=["three hops", "fused"])
def test_the_demo_shows_what_becomes_of_every_sample(options: list[str]) -> None:
    ended = subprocess.run(
        [*NEWSMILL, "demo", *options], capture_output=True, text=True, timeout=180, env=PLAIN, check=False
    )
    assert ended.returncode == Exit.OK, ended.stderr
    releases = re.findall(r"^\S+ +[01]\.\d\d  kept +\d+%  .+$", ended.stdout, re.MULTILINE)
    assert len(releases) == len(SAMPLES)
    assert re.search(rf"^all +{len(SAMPLES)} ", ended.stdout, re.MULTILINE)
    assert "✗ undecodable in parse  broken-release" in ended.stdout
    assert re.search(r"first enriched release \d+\.\d s after the worker's start", ended.stdout)
    assert len(ended.stdout.splitlines()) <= 60 + 2
    assert "\x1b" not in ended.stdout


@pytest.mark.embedded
def test_a_kept_demo_can_be_spoken_to_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    release = tmp_path / "mine.txt"
    release.write_text("The plant in Busan opens on Monday, the company said on Tuesday.")
    log = tmp_path / "demo.log"
    with log.open("wb") as sink:
        demo = subprocess.Popen([*NEWSMILL, "demo", "--keep", "--port", str(port)], stdout=sink, stderr=sink, env=PLAIN)
    try:
        exported = wait_for(log, r"export (NEWSMILL_.*)", demo)
        environment = PLAIN | dict(word.split("=", 1) for word in shlex.split(exported))
        assert environment["NEWSMILL_BROKER__BOOTSTRAP"] == f"127.0.0.1:{port}"

        def newsmill(*arguments: str) -> str:
            return subprocess.run(
                [*NEWSMILL, *arguments], capture_output=True, text=True, timeout=SECONDS, env=environment, check=True
            ).stdout

        assert newsmill("topics", "verify")
        assert "undecodable" in newsmill("dead-letters", "list")
        newsmill("ingest", str(release))
        newsmill("tail", "--from-start", "--count", str(len(SAMPLES) + 1))
        family = psutil.Process(demo.pid).children(recursive=True)
        assert len(family) >= 3, "broker, worker and its pool"
        demo.send_signal(signal.SIGINT)
        assert demo.wait(SECONDS) == Exit.OK, log.read_text()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive
    finally:
        demo.kill()


def wait_for(log: Path, pattern: str, process: "subprocess.Popen[bytes]") -> str:
    """Wait until the log holds the pattern; its first group."""
    deadline = time.monotonic() + 120
    while not (found := re.search(pattern, log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    return found[1]


@pytest.mark.embedded
def test_the_demo_says_that_its_port_is_taken() -> None:
    with embedded_broker() as bootstrap:
        ended = subprocess.run(
            [*NEWSMILL, "demo", "--port", bootstrap.rpartition(":")[2]],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=PLAIN,
            check=False,
        )
    assert (ended.returncode, "is taken" in ended.stderr) == (Exit.UNAVAILABLE, True)
