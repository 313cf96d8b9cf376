"""Logs: one line for what an operator must do, readable by machines unless a person looks."""

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from streams.runtime import logs
from streams.runtime.settings import Log


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Logging belongs to the process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.NOISY}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    structlog.reset_defaults()


def configure(**settings: Any) -> None:
    logs.configure(Log(**{"format": "json", "level": "info"} | settings))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == "", "standard output is for results"
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_event_is_one_line_with_its_time_level_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger("streams.x").error("cannot deliver", hop="tag_entities", detail="two\nlines")
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "cannot deliver",
        "hop": "tag_entities",
        "detail": "two\nlines",
        "level": "error",
        "logger": "streams.x",
    }


def test_libraries_write_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    logging.getLogger("some.library").warning("odd %s", "thing")
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("odd thing", "warning", "some.library")


def test_an_exception_is_part_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    try:
        raise KeyError("gone")
    except KeyError:
        structlog.get_logger().exception("failed")
    (line,) = lines(capsys)
    assert "KeyError: 'gone'" in line["exception"]


@pytest.mark.parametrize(("level", "events"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_left_out(capsys: pytest.CaptureFixture[str], level: str, events: int) -> None:
    configure(level=level)
    log = structlog.get_logger("streams.x")
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("event")
    assert len(lines(capsys)) == events


@pytest.mark.parametrize("name", logs.NOISY)
def test_the_chatter_of_libraries_is_left_out_and_their_errors_are_not(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    configure()
    logging.getLogger(name).warning("trying again")
    logging.getLogger(name).error("gave up")
    assert [line["event"] for line in lines(capsys)] == ["gave up"]


def test_debug_shows_the_chatter_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure(level="debug")
    logging.getLogger("aiokafka").debug("heartbeat")
    assert [line["event"] for line in lines(capsys)] == ["heartbeat"]


def test_configured_twice_it_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    configure()
    structlog.get_logger().info("event")
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize(
    ("chosen", "terminal", "is_json"),
    [("auto", True, False), ("auto", False, True), ("json", True, True), ("console", False, False)],
)
def test_json_unless_a_person_is_looking(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, chosen: str, terminal: bool, is_json: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    configure(format=chosen)
    structlog.get_logger().info("hello there", answer=42)
    written = capsys.readouterr().err
    assert "hello there" in written
    assert written.startswith("{") == is_json


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", no_color)
    configure(format="console")
    structlog.get_logger().info("event")
    assert ("\x1b[" in capsys.readouterr().err) == coloured
