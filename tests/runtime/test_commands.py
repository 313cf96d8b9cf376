"""What the commands decide before they speak to a broker."""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from aiokafka import ConsumerRecord
from rich.console import Console
from rich.text import Text

from streams.errors import Exit, Fatal, Reason
from streams.runtime import display, events, intake, redrive, routes, sending, settings
from streams.runtime.commands import dead_letters, tail
from streams.runtime.events import Incoming, Message, Rejected, header
from streams.runtime.intake import Manner, Refused
from streams.runtime.redrive import DeadLetter, Filters

MANNER = Manner("raw", most_bytes=1_000)
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def sent(found: Iterator[Message | Refused | None]) -> list[Message]:
    return [each for each in found if isinstance(each, Message)]


def file(folder: Path, name: str, data: bytes = b"x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_folder_gives_the_files_whose_names_say_what_they_are(tmp_path: Path) -> None:
    known = [file(tmp_path, name) for name in ("a.json", "b/c.TXT", "b/d.html", "e.ndjson")]
    other = file(tmp_path, "README.md")
    file(tmp_path, ".git/x.json")
    file(tmp_path, "b/.draft.txt")
    assert intake.find([str(tmp_path)]) == (known, [other])


def test_a_file_that_is_named_is_sent_whatever_its_name(tmp_path: Path) -> None:
    odd = file(tmp_path, "release.dat")
    assert intake.find([str(odd), "-"]) == ([odd, Path("-")], [])


def test_a_pattern_that_the_shell_left_alone_is_followed(tmp_path: Path) -> None:
    deep = file(tmp_path, "a/b/c.json")
    file(tmp_path, "a/b/c.txt")
    assert intake.find([f"{tmp_path}/**/*.json"]) == ([deep], [])


@pytest.mark.parametrize("name", ["nosuch.json", "nosuch/*.json", "empty"])
def test_a_name_that_leads_to_nothing_is_no_input(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Fatal) as caught:
        intake.find([str(tmp_path / name)])
    assert caught.value.exit_code == Exit.NO_INPUT
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "content_type", "key"),
    [
        ("a.json", b'{"id": " urn:x ", "text": "t"}', "application/json", "urn:x"),
        ("a.json", b'{"uri": "urn:u"}', "application/json", "urn:u"),
        ("a.json", '{"id": "урн"}'.encode("utf-16"), "application/json", "урн"),
        ("a.json", b'{"id": 7}', "application/json", "file"),
        ("a.json", b'{"id": "cut', "application/json", "file"),
        ("a.json", b"[1]", "application/json", "file"),
        ("a.txt", b'{"id": "x"}', "text/plain", "file"),
        ("a.HTM", b"<p>", "text/html", "file"),
        ("a.xhtml", b"<p>", "application/xhtml+xml", "file"),
        ("a.dat", b"x", "", "file"),
    ],
)
def test_a_file_is_sent_as_what_its_name_says_under_its_own_id_or_its_paths(
    tmp_path: Path, name: str, data: bytes, content_type: str, key: str
) -> None:
    path = file(tmp_path, name, data)
    (message,) = sent(intake.read([path], MANNER))
    assert message.key == (path.as_uri() if key == "file" else key).encode()
    assert (message.topic, message.value) == ("raw", data)
    assert header(message.headers, "content-type") == content_type


def test_the_same_file_has_the_same_id_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, "a.txt", b"first")
    monkeypatch.chdir(tmp_path)
    (before,) = sent(intake.read([Path("a.txt")], MANNER))
    path.write_bytes(b"corrected")
    (after,) = sent(intake.read([path], MANNER))
    assert (before.key, before.value, after.value) == (after.key, b"first", b"corrected")


def test_options_go_before_names_and_sources_into_their_header(tmp_path: Path) -> None:
    manner = Manner("raw", 1_000, content_type="text/html; charset=koi8-r", source="wire", lines=False)
    (message,) = sent(intake.read([file(tmp_path, "a.txt")], manner))
    assert message.headers == (("content-type", b"text/html; charset=koi8-r"), ("newsmill.source", b"wire"))


def test_json_lines_are_a_release_each_and_a_broken_one_goes_too(tmp_path: Path) -> None:
    path = file(tmp_path, "a.jsonl", b'{"id":"a"}\r\n\n  \n{"text":"t"}\n{"id":"b"')
    messages = sent(intake.read([path], MANNER))
    assert [m.value for m in messages] == [b'{"id":"a"}', b'{"text":"t"}', b'{"id":"b"']
    assert [m.key for m in messages] == [b"a", *(intake.content_id(m.value or b"").encode() for m in messages[1:])]
    assert {header(m.headers, "content-type") for m in messages} == {"application/json"}


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
def test_what_the_topic_cannot_take_is_refused_by_name_and_size(tmp_path: Path, name: str) -> None:
    path = file(tmp_path, name, b"x" * 2_000)
    (refused,) = intake.read([path], MANNER)
    assert isinstance(refused, Refused)
    assert str(path) in str(refused)
    assert "1000" in str(refused)


def test_the_limit_counts_key_and_headers(tmp_path: Path) -> None:
    path = file(tmp_path, "a.txt", b"x" * 100)
    (message,) = sent(intake.read([path], MANNER))
    exact = Manner("raw", most_bytes=message.size)
    assert len(sent(intake.read([path], exact))) == 1
    assert not sent(intake.read([path], Manner("raw", most_bytes=message.size - 1)))


class Terminal(io.BytesIO):
    """Standard input as one who types: a line at a time."""

    def read1(self, size: int | None = -1) -> bytes:
        return self.readline()


def test_standard_input_is_one_release_or_one_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    (whole,) = sent(intake.read([Path("-")], MANNER))
    assert (whole.value, whole.key) == (b"a\nb\n", intake.content_id(b"a\nb\n").encode())

    typed = type("Stdin", (), {"buffer": Terminal(b'{"id":"a"}\n{"id":"b"}')})
    monkeypatch.setattr(sys, "stdin", typed)
    found = list(intake.read([Path("-")], Manner("raw", 1_000, lines=True)))
    assert [each.key if isinstance(each, Message) else each for each in found] == [b"a", None, None, b"b"]


def test_a_kill_is_the_key_and_nothing() -> None:
    assert intake.kill("urn:x", "raw") == Message("raw", b"urn:x", None, ())


def message(size: int = 1) -> Message:
    return Message("t", None, b"x" * size, ())


def test_windows_end_at_count_size_and_pauses() -> None:
    assert [len(w) for w in sending.grouped([message()] * (sending.WINDOW_MESSAGES + 1))] == [500, 1]
    assert [len(w) for w in sending.grouped([message(sending.WINDOW_BYTES), message()])] == [1, 1]
    assert [len(w) for w in sending.grouped([message(), None, None, message(), message()])] == [1, 2]
    assert [len(w) for w in sending.grouped([message()] * 5, rate=20)] == [2, 2, 1]
    assert [len(w) for w in sending.grouped([message()] * 2, rate=0.1)] == [1, 1]


async def test_what_the_reading_thread_meets_is_raised_where_it_is_awaited() -> None:
    def windows() -> Iterator[sending.Window]:
        yield [message()]
        raise Fatal(Exit.NO_INPUT, "gone")

    ahead = sending.read_ahead(windows())
    assert await anext(ahead) == [message()]
    with pytest.raises(Fatal, match="gone"):
        await anext(ahead)


@pytest.mark.parametrize(
    ("word", "ago"), [("90s", timedelta(seconds=90)), ("2h", timedelta(hours=2)), ("1.5 d", timedelta(hours=36))]
)
def test_a_moment_may_be_said_as_time_ago(word: str, ago: timedelta) -> None:
    assert abs(datetime.now(UTC) - ago - dead_letters.moment(word)) < timedelta(seconds=5)


def test_a_moment_may_be_said_in_iso() -> None:
    assert dead_letters.moment("2026-11-24T21:00+09:00") == NOON
    assert dead_letters.moment("2026-11-24T12:00:00Z") == NOON
    with pytest.raises(typer.BadParameter):
        dead_letters.moment("yesterday")


def letter(
    place: str = "0:0", *headers: tuple[str, bytes | None], reason: str = "timeout", key: bytes = b"k"
) -> DeadLetter:
    """A dead letter as the worker makes it, of an event that had these headers."""
    partition, offset = map(int, place.split(":"))
    original = Incoming("news.release.raw.v1", 2, 7, 1_000, key, b"v", headers)
    made = events.dead_letter("dead", original, Rejected(Reason(reason), "took\nlong", "tag_entities"), "g", NOON)
    return DeadLetter(partition, offset, NOON, made.key, 1, made.headers)


def test_a_dead_letter_says_what_became_of_which_release() -> None:
    found = letter("3:14", ("newsmill.attempt", b"2"), ("newsmill.redriven-from", b"3:9"))
    assert (found.place, found.id, found.reason, found.stage) == ("3:14", "k", "timeout", "tag_entities")
    assert (found.topic, found.attempts, found.redriven_from) == ("news.release.raw.v1", 2, "3:9")


@pytest.mark.parametrize("word", [b"", b"many", b"-1", "٣".encode()])
def test_an_attempt_header_of_another_hand_counts_as_none(word: bytes) -> None:
    assert letter("0:0", ("newsmill.attempt", word)).attempts == 0


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        (Filters(), True),
        (Filters(reasons=[Reason.BUG, Reason.TIMEOUT]), True),
        (Filters(reasons=[Reason.BUG]), False),
        (Filters(stages=["tag_entities"]), True),
        (Filters(stages=["parse"]), False),
        (Filters(since=NOON), True),
        (Filters(since=NOON + timedelta(seconds=1)), False),
        (Filters(until=NOON), False),
        (Filters(until=NOON + timedelta(seconds=1)), True),
        (Filters(id="k"), True),
        (Filters(id="K"), False),
        (Filters(places=["0:0"]), True),
        (Filters(places=["0:1"]), False),
        (Filters(id="k", reasons=[Reason.BUG]), False),
    ],
)
def test_a_dead_letter_matches_when_it_is_all_that_is_asked_for(filters: Filters, matches: bool) -> None:
    assert filters.match(letter()) is matches


def test_redriving_gives_the_event_as_it_was_and_counts() -> None:
    original = (("content-type", b"text/plain"), ("dup", b"1"), ("dup", b"2"), ("traceparent", b"00-a-b-01"))
    first = redrive.remade(letter("1:5", *original), b"v")
    counted = (("newsmill.attempt", b"1"), ("newsmill.redriven-from", b"1:5"))
    assert first == Message("news.release.raw.v1", b"k", b"v", original + counted)
    # It died again: one more attempt, and only the last place.
    again = redrive.remade(letter("1:6", *first.headers), b"v")
    assert again.headers == (*original, ("newsmill.attempt", b"2"), ("newsmill.redriven-from", b"1:6"))


def test_what_must_not_be_redriven_is_left_alone_and_said() -> None:
    sources = ["news.release.raw.v1"]
    plain, worn = letter("0:1"), letter("0:2", ("newsmill.attempt", b"3"))
    second = letter("0:4", ("newsmill.attempt", b"1"), ("newsmill.redriven-from", b"0:1"))
    foreign = DeadLetter(0, 3, NOON, b"k", 1, ())
    assert redrive.why_not(plain, sources, 3, {}) == ""
    assert "3 times" in redrive.why_not(worn, sources, 3, {})
    assert redrive.why_not(worn, sources, 4, {}) == ""
    assert "where it came from" in redrive.why_not(foreign, sources, 3, {})
    assert "no hop" in redrive.why_not(plain, ["other"], 3, {})
    again = redrive.dead_again([plain, second])
    assert "0:4" in redrive.why_not(plain, sources, 3, again)
    assert redrive.why_not(second, sources, 3, again) == ""


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (b"plain\n\ntext", ["plain", "", "text"]),
        ("ü".encode() * dead_letters.PREVIEW_BYTES, ["ü" * (dead_letters.PREVIEW_BYTES // 2)]),
        (b"x" + "ü".encode() * dead_letters.PREVIEW_BYTES, ["x" + "ü" * (dead_letters.PREVIEW_BYTES // 2 - 1)]),
        (b"\x1b[31mred\x07", ["[31mred"]),
        (b"\xff\x00A", ["00000000  ff 00 41" + " " * 40 + " ..A"]),
        (b"", [""]),
    ],
)
def test_a_payload_is_previewed_as_text_or_in_hex(value: bytes, lines: list[str]) -> None:
    assert [line.rstrip() for line in dead_letters._preview(value)] == [line.rstrip() for line in lines]


@pytest.mark.parametrize("word", ["1", "a:b", "1:2:3", "-1:0", ""])
def test_a_place_is_partition_and_offset(word: str) -> None:
    with pytest.raises(Fatal) as caught:
        dead_letters._places([word])
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("raw", ["news.release.raw.v1"]),
        ("identified", ["news.release.identified.v1"]),
        ("cleaned", ["news.release.cleaned.v1"]),
        ("Enriched", ["news.release.enriched.v1"]),
        ("dead-letter", ["news.release.dead-letter.v1"]),
        ("dead-letters", ["news.release.dead-letter.v1"]),
        ("ar", ["news.release.enriched.ar.v1"]),
        ("zh-hans", ["news.release.enriched.zh-Hans.v1"]),
        ("somebody.elses.topic", ["somebody.elses.topic"]),
    ],
)
def test_topics_have_short_words(word: str, names: list[str]) -> None:
    loaded = settings.load()
    assert list(tail.resolve(word, loaded, routes.load(loaded.data, loaded.topics.prefix))) == names


def test_a_word_for_no_topic_names_the_words_there_are() -> None:
    loaded = settings.load()
    with pytest.raises(Fatal, match=r"raw, identified, cleaned, enriched.*zh-hant") as caught:
        tail.resolve("enrichd", loaded, routes.load(loaded.data, loaded.topics.prefix))
    assert caught.value.exit_code == Exit.USAGE


RELEASE: dict[str, Any] = {
    "schema": "newsmill.release.enriched.v1",
    "language": "zh-Hans",
    "confidence": 0.93,
    "source": "wire",
    "title": "标题",
    "text": "标题\n正文正文",
    "body": "正文正文",
    "entities": [
        {"type": "PLACE", "name": "Busan", "salience": 0.2},
        {"type": "ORGANISATION", "name": "ACME Corp", "salience": 0.5},
        {"type": "ORGANISATION", "name": "Lumora", "salience": 0.9},
    ],
}


def record(value: bytes | None = b"{}", *headers: tuple[str, bytes]) -> "ConsumerRecord[bytes, bytes]":
    return ConsumerRecord("t", 0, 5, 1_000, 0, b"key", value, None, 3, 1, headers)


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        (tail.Filters("", "", ""), True),
        (tail.Filters("zh-Hans", "", ""), True),
        (tail.Filters("zh", "", ""), True),
        (tail.Filters("z", "", ""), False),
        (tail.Filters("", "acme", ""), True),
        (tail.Filters("", "acne", ""), False),
        (tail.Filters("", "", "wire"), True),
        (tail.Filters("", "", "wir"), False),
        (tail.Filters("zh", "lumora", "other"), False),
    ],
)
def test_tail_shows_what_has_all_that_is_asked_for(filters: tail.Filters, matches: bool) -> None:
    assert filters.match(RELEASE, record()) is matches


def test_an_event_is_one_or_two_lines() -> None:
    first, second = tail._lines(record(), RELEASE)
    assert first.plain.split()[1:] == ["zh-Hans", "0.93", "kept", "67%", "标题"]
    assert second.plain.strip() == "ORG Lumora, ACME Corp · PLACE Busan"
    (bare,) = tail._lines(record(), {**RELEASE, "entities": []})
    (canceled, *_) = tail._lines(record(), {**RELEASE, "pub_status": "canceled"})
    assert "canceled" in canceled.plain
    assert "canceled" not in bare.plain
    (again, *_) = tail._lines(record(b"{}", ("newsmill.replay", b"r1")), RELEASE)
    assert "re-run" in again.plain
    assert "re-run" not in bare.plain


def test_a_kill_a_dead_letter_and_a_raw_release_are_told_apart() -> None:
    (kill,) = tail._lines(record(None), {})
    assert kill.plain.split()[1:] == ["kill", "key"]
    (dead,) = tail._lines(record(b"x", ("newsmill.dlq.reason", b"bug"), ("newsmill.dlq.detail", b"first\nsecond")), {})
    assert "✗ bug" in dead.plain
    assert "first" in dead.plain
    (raw,) = tail._lines(record(b"<p>Hello", ("content-type", b"text/html")), {})
    assert raw.plain.split()[1:] == ["key", "text/html,", "8", "bytes", "<p>Hello"]


@pytest.mark.parametrize("value", [b"not JSON", b"[1]", b"", b"\xff"])
def test_json_lines_hold_any_value(value: bytes) -> None:
    shown = tail._plain(record(value, ("h", b"v")), tail._object(value))
    assert shown["_value"] == value.decode("utf-8", "replace")
    assert shown["_kafka"] | {"time": None} == {
        "topic": "t", "partition": 0, "offset": 5, "time": None, "key": "key", "headers": {"h": "v"}, "kill": False,
    }  # fmt: skip


def test_json_lines_show_a_kill_as_such() -> None:
    shown = tail._plain(record(None), tail._object(None))
    assert list(shown) == ["_kafka"]
    assert shown["_kafka"]["kill"] is True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\n lines\t", "two lines"),
        ("\x1b]0;title\x07\x9b31m", "]0;title 31m"),
        ("a\u202eb\u2066c\u2028d", "ab" + "c d"),
        ("İzmir café 서울", "İzmir café 서울"),
        ("é\u0301\u200d", "é\u0301\u200d"),
    ],
)
def test_nothing_in_a_release_reaches_the_terminal_as_a_command(text: str, shown: str) -> None:
    assert display.printable(text) == shown


def test_right_to_left_text_keeps_its_direction_to_itself() -> None:
    assert display.isolated("سيول", 10) == "\u2068سيول\u2069"
    assert display.isolated("\u2068שלום\u2069\u2069", 10) == "\u2068שלום\u2069"
    assert display.isolated("Seoul", 10) == "Seoul"
    assert display.isolated("서울 서울", 6) == "서울 …"


@pytest.mark.parametrize(
    ("release", "share"),
    [({"text": "ab cd", "body": "ab"}, 0.5), ({"text": "", "body": ""}, 1.0), ({"text": "a", "body": "ab"}, 1.0)],
)
def test_the_kept_share_is_of_letters_and_never_above_all(release: dict[str, str], share: float) -> None:
    assert display.kept(release) == share


@pytest.mark.parametrize(
    ("release", "heading"),
    [({"title": "T", "body": "B"}, "T"), ({"title": " ", "body": "B\nC"}, "B"), ({"text": "\nX\nY"}, "X"), ({}, "")],
)
def test_what_has_no_title_goes_by_its_first_line(release: dict[str, str], heading: str) -> None:
    assert display.heading(release) == heading


def test_of_a_traceback_the_last_line_says_it() -> None:
    assert display.gist("Traceback (most recent call last):\n  File …\nValueError: no") == "ValueError: no"
    assert display.gist("12 bytes\nmore") == "12 bytes"


def test_a_line_is_cut_on_a_terminal_and_whole_in_a_file() -> None:
    long = Text("x" * 100)
    terminal, pipe = (Console(file=io.StringIO(), width=20, force_terminal=t) for t in (True, False))
    for console in (terminal, pipe):
        display.one_line(console, long)
    assert isinstance(terminal.file, io.StringIO)
    assert isinstance(pipe.file, io.StringIO)
    assert terminal.file.getvalue().strip() == "x" * 19 + "…"
    assert pipe.file.getvalue() == "x" * 100 + "\n"
