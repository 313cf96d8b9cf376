"""What reading a release costs, beside the least that any reader must do: `python -m benchmarks.formats`."""

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import lxml.html
import orjson
from rich.console import Console
from rich.table import Table

from streams.formats import parse
from streams.stage import config_directory

RUNS = 300
"""Of which the median is taken, in processor time: the machine may be doing something else."""

PAGE_BYTES = 10_000
"""About the size of an article page without its scripts."""


def main() -> None:
    """Print a line for each format: microseconds a release, and how many times the bare parser's."""
    table = Table(title=f"Reading one release, median of {RUNS}", title_justify="left")
    for column in ("format", "bytes", "us", "bare parser", "us", "times"):
        table.add_column(column, justify="left" if column in ("format", "bare parser") else "right")
    for name, data, content_type, peer_name, peer in cases():
        ours, bare = _median(lambda: _parse(data, content_type)), _median(lambda: peer(data))  # noqa: B023 - called here
        table.add_row(name, f"{len(data):,}", f"{ours:,.0f}", peer_name, f"{bare:,.0f}", f"{ours / bare:.1f}")
    Console().print(table)


def cases() -> list[tuple[str, bytes, str, str, Callable[[bytes], object]]]:
    """Name, bytes, content type, and the least that any reader of the format must do."""
    samples = config_directory() / "samples"
    text = (samples / "ar-seed-release.txt").read_bytes()
    korean = (samples / "ko-postgresql-13.json").read_bytes()
    body = json.loads(korean)["content"].encode("cp949", "replace")
    return [
        ("text", text, "text/plain; charset=utf-8", "bytes.decode", bytes.decode),
        ("text, charset detected", body, "text/plain", "bytes.decode cp949", lambda data: data.decode("cp949")),
        ("JSON", korean, "application/json", "orjson.loads", orjson.loads),
        ("JSON with HTML", _json_page(), "application/json", "lxml.html", lambda data: _tree(json.loads(data)["html"])),
        ("HTML", _page(), "text/html; charset=utf-8", "lxml.html", lambda data: _tree(data.decode())),
        ("HTML, 1000 deep", b"<div>" * 1000 + b"text", "text/html", "lxml.html", lambda data: _tree(data.decode())),
    ]


def _page() -> bytes:
    paragraph = (
        "<p class='para'>Lumora Robotics (KOSDAQ: 999990) today <b>opened</b> a 40,000-square-metre "
        "<a href='/plant'>plant</a> in Busan &mdash; it will build 12,000 warehouse robots a year.</p>\n"
    )
    menu = "".join(f"<li><a href='/{number}'>Item {number}</a></li>" for number in range(30))
    head = (
        f"<!DOCTYPE html><html lang='en'><head><title>Plant</title></head><body class='page'><nav><ul>{menu}</ul></nav>"
    )
    article = "<article class='release'>" + paragraph * ((PAGE_BYTES - len(head)) // len(paragraph)) + "</article>"
    return (head + article + "</body></html>").encode()


def _json_page() -> bytes:
    return json.dumps({"id": "urn:x", "html": _page().decode()}).encode()


def _tree(page: str) -> str:
    text: str = lxml.html.tostring(lxml.html.document_fromstring(page), method="text", encoding="unicode")
    return text


def _parse(data: bytes, content_type: str) -> object:
    return parse(
        data,
        content_type=content_type,
        key="key",
        received_at=datetime(2026, 11, 3, tzinfo=UTC),
        headers={},
        limit_bytes=1_000_000,
    )


def _median(call: Callable[[], object]) -> float:
    """Microseconds of processor time."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times) * 1e6


if __name__ == "__main__":
    main()
