"""What reading a release costs, beside the least that any reader must do: `python -m benchmarks.formats`."""

import gzip
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import lxml.html
import orjson
from lxml import etree
from rich.console import Console
from rich.table import Table

from streams import pipeline
from streams.formats import read
from streams.stage import config_directory

RUNS = 300
"""Of which the median is taken, in processor time: the machine may be doing something else."""

STAGE_RUNS = 30

PAGE_BYTES = 10_000
"""About the size of an article page without its scripts."""

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "formats"

ARTICLE_SAMPLES = ("en-postgresql-16.json", "es-postgresql-12.json")
"""Their texts one after the other, up to `PAGE_BYTES`: repeated paragraphs would flatter the stages."""


def main() -> None:
    """Print a line for each format: microseconds a release, how many times the bare parser's, share of the pipeline."""
    console = Console()
    table = Table(title=f"Reading one release, median of {RUNS}", title_justify="left")
    for column in ("format", "bytes", "us", "bare parser", "us", "times"):
        table.add_column(column, justify="left" if column in ("format", "bare parser") else "right")
    for name, data, content_type, peer_name, peer in cases():
        ours, bare = _median(lambda: _parse(data, content_type)), _median(lambda: peer(data))  # noqa: B023 - called here
        table.add_row(name, f"{len(data):,}", f"{ours:,.0f}", peer_name, f"{bare:,.0f}", f"{ours / bare:.1f}")
    console.print(table)

    line = pipeline.prepare(list(pipeline.STAGES), config_directory(), {}, "")
    table = Table(title=f"The same article through all stages, median of {STAGE_RUNS}", title_justify="left")
    for column in ("format", "reading, us", "stages, us", "reading's share"):
        table.add_column(column, justify="left" if column == "format" else "right")
    for name, data, content_type, *_ in articles():
        release = _parse(data, content_type)
        reading = _median(lambda: _parse(data, content_type))  # noqa: B023 - called here
        stages = _median(lambda: pipeline.run(release, line), STAGE_RUNS)  # noqa: B023
        table.add_row(name, f"{reading:,.0f}", f"{stages:,.0f}", f"{reading / (reading + stages):.1%}")
    console.print(table)


Case = tuple[str, bytes, str, str, Callable[[bytes], object]]
"""Name, bytes, content type, and the least that any reader of the format must do."""


def cases() -> list[Case]:
    """Everything that is measured by itself."""
    samples = config_directory() / "samples"
    text = (samples / "ar-seed-release.txt").read_bytes()
    korean = (samples / "ko-postgresql-13.json").read_bytes()
    body = json.loads(korean)["content"].encode("cp949", "replace")
    return [
        ("text", text, "text/plain; charset=utf-8", "bytes.decode", bytes.decode),
        ("text, charset detected", body, "text/plain", "bytes.decode cp949", lambda data: data.decode("cp949")),
        ("HTML", _page(), "text/html; charset=utf-8", "lxml.html", lambda data: _tree(data.decode())),
        ("HTML, 1000 deep", b"<div>" * 1000 + b"text", "text/html", "lxml.html", lambda data: _tree(data.decode())),
        *articles(),
        (
            "a feed of ten, taken apart",
            _feed(*["<p>Lumora opens a plant.</p>" * 300] * 10),
            "application/rss+xml",
            "lxml.etree",
            etree.fromstring,
        ),
    ]


def articles() -> list[Case]:
    """One article of 10 kB in every format that has its fields."""
    text = _article()
    html = "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in text.split("\n"))
    said = {
        "uri": "urn:x",
        "version": "2",
        "versionCreated": "2026-11-03T09:00:00Z",
        "language": "en",
        "by": "Mina Cho",
    }
    said |= {"located": "Busan", "urgency": "4", "pubStatus": "usable", "copyrightNotice": "© 2026 Lumora"}
    named = {
        "headlines": [{"role": "main", "value": "Lumora opens plant"}],
        "subjects": [{"name": "robotics", "uri": "http://cv.iptc.org/newscodes/mediatopic/20001279"}] * 3,
        "organisations": [{"name": "Lumora Robotics", "symbols": [{"exchange": "XKOS", "symbol": "999990"}]}],
    }
    plain = {"bodies": [{"role": "main", "contentType": "text/plain", "value": text}]}
    marked = {"bodies": [{"role": "main", "contentType": "text/html", "value": html}]}
    ours = {"id": "urn:x", "version": 2, "title": "Lumora opens plant", "text": text, "language": "en"}
    xhtml = f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{html}</body></html>'
    nitf = f"<nitf><body><body.content>{html}</body.content></body></nitf>"
    xml: tuple[str, Callable[[bytes], object]] = ("lxml.etree", etree.fromstring)
    return [
        ("JSON", orjson.dumps(ours), "application/json", "orjson.loads", orjson.loads),
        (
            "JSON with HTML",
            orjson.dumps({"id": "urn:x", "html": html}),
            "application/json",
            "orjson.loads",
            orjson.loads,
        ),
        ("ninjs", orjson.dumps(said | named | plain), "application/ninjs+json", "orjson.loads", orjson.loads),
        (
            "ninjs with HTML",
            orjson.dumps(said | named | marked),
            "application/ninjs+json",
            "orjson.loads",
            orjson.loads,
        ),
        ("NewsML-G2 with XHTML", _newsml(xhtml), "application/vnd.iptc.g2.newsitem+xml", *xml),
        ("NewsML-G2 with NITF", _newsml(nitf), "application/vnd.iptc.g2.newsitem+xml", *xml),
        ("NITF", nitf.encode(), "application/nitf+xml", *xml),
        ("RSS", _feed(html), "application/rss+xml", *xml),
        (
            "ninjs, gzip",
            gzip.compress(orjson.dumps(said | named | plain)),
            "application/ninjs+json",
            "gzip",
            gzip.decompress,
        ),
    ]


def _newsml(content: str) -> bytes:
    item = (GOLDEN / "newsml-g2-nitf.in").read_text(encoding="utf-8")
    start, end = item.index("<inlineXML"), item.index("</inlineXML>")
    return f'{item[:start]}<inlineXML contenttype="application/xhtml+xml">{content}{item[end:]}'.encode()


def _article() -> str:
    """A text of `PAGE_BYTES`."""
    samples = (json.loads((config_directory() / "samples" / name).read_bytes()) for name in ARTICLE_SAMPLES)
    text = "\n".join(sample.get("text") or sample["body"] for sample in samples).encode()
    return text[:PAGE_BYTES].decode("utf-8", "ignore").rpartition("\n")[0]


def _feed(*pages: str) -> bytes:
    items = "".join(
        f"<item><title>Lumora opens plant</title><guid>urn:x</guid><description>{escape(page)}</description></item>"
        for page in pages
    )
    return f'<rss version="2.0"><channel><title>Lumora</title>{items}</channel></rss>'.encode()


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


def _tree(page: str) -> str:
    text: str = lxml.html.tostring(lxml.html.document_fromstring(page), method="text", encoding="unicode")
    return text


def _parse(data: bytes, content_type: str) -> Any:
    return read(
        data,
        content_type=content_type,
        key="key",
        received_at=datetime(2026, 11, 3, tzinfo=UTC),
        headers={},
        limit_bytes=1_000_000,
    )


def _median(call: Callable[[], object], runs: int = RUNS) -> float:
    """Microseconds of processor time."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times) * 1e6


if __name__ == "__main__":
    main()
