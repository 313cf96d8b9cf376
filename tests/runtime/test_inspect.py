"""`newsmill inspect`: what it shows, what it writes, and what it does with lines by the hundred."""

import io
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from streams import codec
from streams.records import About, Contact, EnrichedRelease, Entity, IdentifiedRelease, Mention, Segment, Symbol
from streams.runtime import batch, view
from streams.runtime.batch import read_lines
from streams.runtime.cli import cli
from streams.runtime.page import page
from streams.runtime.show import show
from streams.stage import config_directory
from tests.support import hostile

SAMPLES = config_directory() / "samples"
STORY = "The plant in Busan opens on Monday, the company said, and it will build robots for warehouses in Germany."
SECONDS = 120.0
"""For a command to load the stages and do its work on a loaded machine."""


def release(*lines: tuple[str, str], names: tuple[tuple[str, str], ...] = (), **more: Any) -> EnrichedRelease:
    """A release of labelled lines; every place where one of `names` (type, surface) stands in the body is a mention."""
    text, segments = "", []
    for label, line in lines:
        segments.append(Segment(start=len(text), end=len(text) + len(line) + 1, label=label, evidence=f"is {label}"))  # type: ignore[arg-type]
        text += line + "\n"
    body = "\n".join(line.strip() for label, line in lines if label == "body")
    entities = []
    for number, (kind, surface) in enumerate(names):
        found = [m.start() for m in re.finditer(re.escape(surface), body)]
        mentions = tuple(Mention(start=at, end=at + len(surface), surface=surface) for at in found)
        entity = Entity(
            id=f"e{number}", type=kind, name=surface, mentions=mentions, count=len(mentions), salience=0.5,  # type: ignore[arg-type]
            symbols=(Symbol(exchange="XNYS", symbol="ACM"),),
        )  # fmt: skip
        entities.append(entity)
    return EnrichedRelease(text=text, body=body, segments=tuple(segments), entities=tuple(entities), **more)


ACME = release(
    ("headline", "Acme opens in Busan"),
    ("body", "  Acme Corp opened a plant in Busan.  "),
    ("about", "Acme Corp makes anvils."),
    ("body", "Busan is glad."),
    names=(("ORGANISATION", "Acme Corp"), ("PLACE", "Busan")),
    title="Acme opens in Busan",
    language="en",
    confidence=0.97,
    script="Latn",
)

WORLD = [
    release((label, place), ("body", text), names=(("PLACE", place),))
    for label, place, text in (
        ("headline", "上海", "上海证券交易所今日宣布，该公司的新工厂已经投产。" * 8),
        ("contact", "กรุงเทพมหานคร", "บริษัทเปิดโรงงานแห่งใหม่ที่กรุงเทพมหานครเมื่อวันจันทร์ที่ผ่านมา" * 5),
        ("distributor_boilerplate", "서울", "서울에서 새 공장이 문을 열었다고 회사가 밝혔다. " * 9),
        ("body", "بوسان", "افتتحت الشركة مصنعا جديدا في بوسان يوم الاثنين. " * 7),
    )
]


def shown(of: EnrichedRelease, *, colour: bool = False, width: int = 60, explain: bool = False) -> str:
    """What a terminal of this width gets."""
    screen = io.StringIO()
    system = "standard" if colour else None
    console = Console(
        file=screen, force_terminal=True, no_color=not colour, color_system=system, width=width, highlight=False,  # type: ignore[arg-type]
        legacy_windows=False,
    )  # fmt: skip
    show(of, console, explain=explain)
    return screen.getvalue()


def newsmill(
    *arguments: str, data: bytes = b"", module: str = "streams.runtime.cli", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command for real."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], input=data, capture_output=True, timeout=SECONDS,
        env=os.environ | {"NO_COLOR": "1", **environment}, check=False,
    )  # fmt: skip


def lines_of(data: bytes) -> list[Any]:
    return [orjson.loads(line) for line in data.splitlines()]


def lines(*records: object) -> bytes:
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


# --- What is shown --------------------------------------------------------------------------------------------------


def test_entities_stand_where_they_stand_in_the_text() -> None:
    runs = [
        (passage.segment.label, run.text, run.entity.type)
        for passage in view.passages(ACME)
        for line in passage.lines
        for run in line
        if run.entity
    ]
    assert runs == [("body", "Acme Corp", "ORGANISATION"), ("body", "Busan", "PLACE"), ("body", "Busan", "PLACE")]


def test_no_character_of_the_text_is_lost_but_blank_lines() -> None:
    for each in (ACME, *WORLD):
        lines = ["".join(run.text for run in line) for p in view.passages(each) for line in p.lines]
        assert "\n".join(lines) + "\n" == each.text


def test_a_mention_over_two_segments_is_marked_in_both() -> None:
    (entity,) = release(("body", "New"), ("body", "York"), names=(("PLACE", "New\nYork"),)).entities
    split = release(("body", "New"), ("about", "between"), ("body", "York"), names=(("PLACE", "New\nYork"),))
    marked = [run.text for p in view.passages(split) for line in p.lines for run in line if run.entity]
    assert entity.count == 1
    assert marked == ["New", "York"]


def test_without_colour_labels_and_brackets_say_it() -> None:
    screen = shown(ACME)
    assert "body │   [ORGANISATION:Acme Corp] opened" in screen
    assert screen.count("[PLACE:Busan]") == 2
    assert "about │ Acme Corp makes anvils." in screen
    assert "English (en) · 97.0% sure · script Latn" in " ".join(screen.split())
    assert not re.search(r"\x1b\[[\d;]*3\d", screen)


def test_with_colour_there_are_no_brackets_and_a_legend() -> None:
    screen = shown(ACME, colour=True)
    assert "[PLACE:" not in screen
    assert re.search(r"\x1b\[1;4;34mAcme Corp\x1b", screen)
    legend = re.sub(r"\x1b\[[\d;]*m", "", screen).rstrip().splitlines()[-1]
    assert legend.split() == ["headline", "body", "about", "ORGANISATION", "PLACE"]


def test_explain_says_why_of_every_segment() -> None:
    assert shown(ACME, explain=True).count("↳ is ") == len(ACME.segments)


def test_the_table_names_every_entity_with_what_is_known_of_it() -> None:
    rows = [line.split() for line in shown(ACME).splitlines() if "XNYS:ACM" in line]
    assert rows == [
        ["PLACE", "Busan", "2", "0.50", "XNYS:ACM"],
        ["ORGANISATION", "Acme", "Corp", "1", "0.50", "XNYS:ACM"],
    ]


@pytest.mark.parametrize("each", WORLD, ids=["zh", "th", "ko", "ar"])
@pytest.mark.parametrize("width", [50, 80])
def test_no_line_is_wider_than_the_terminal_nor_cuts_a_letter_from_its_marks(each: EnrichedRelease, width: int) -> None:
    for line in shown(each, width=width).splitlines():
        assert cell_len(re.sub(r"\x1b\[[\d;]*m", "", line)) <= width
        text = line.partition("│ ")[2].lstrip("\u2068\u200f")
        assert not text or not unicodedata.combining(text[0])
        assert not text or unicodedata.category(text[0]) != "Mn"


def test_lines_that_run_right_to_left_are_isolated_in_the_order_they_are_read() -> None:
    screen = [line.partition("│ ")[2] for line in shown(WORLD[3]).splitlines() if "│" in line]
    assert len(screen) > 3
    assert all(line.startswith("\u2068\u200f") and line.endswith("\u2069") for line in screen)
    assert screen[1].startswith("\u2068\u200fافتتحت الشركة مصنعا")


def test_a_telephone_number_beside_an_arabic_name_is_isolated() -> None:
    told = dict(view.facts(release(("body", STORY), contacts=(Contact(name="جون", phone="+82-51-555"),))))
    assert told["contact"] == "\u2068جون\u2069 · \u2068+82-51-555\u2069"


def test_a_release_cannot_steer_the_terminal() -> None:
    nasty = "A \x1b[2J\x1b]0;owned\x07 and \x9b31m and \u202eevil\u202c text [bold]x[/bold] [link=x]"
    screen = shown(release(("body", nasty), title=nasty, id=nasty), colour=False)
    assert not re.search("\x1b(?!\\[[\\d;]*m)|[\x07\x9b\u202e]", screen)
    assert "[bold]x[/bold]" in screen


# --- The page -------------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp; </style></title><!--"


@pytest.fixture
def hostile_page() -> str:
    nasty = release(
        ("headline", HOSTILE),
        ("body", f"A {HOSTILE} B"),
        names=(("ORGANISATION", HOSTILE),),
        title=HOSTILE,
        id=HOSTILE,
        language=HOSTILE,
        about=(About(organisation=HOSTILE, text=HOSTILE),),
    )
    return page(nasty, config_directory()).decode()


def tree_of(text: str) -> Any:
    return lxml_html.document_fromstring(text)


def test_nothing_a_release_says_becomes_markup(hostile_page: str) -> None:
    tree = tree_of(hostile_page)
    tags = {element.tag for element in tree.iter() if isinstance(element.tag, str)}
    assert tags <= {
        "html", "head", "meta", "title", "style", "body", "header", "h1", "p", "dl", "div", "dt", "dd", "main",
        "section", "span", "small", "a", "table", "caption", "thead", "tbody", "tr", "th", "td", "footer",
    }  # fmt: skip
    assert not [name for element in tree.iter() for name in element.keys() if name.startswith("on")]  # noqa: SIM118
    assert not list(tree.iter("script", "img"))
    assert tree.xpath("//main//a[@class='entity ORGANISATION']/text()") == [HOSTILE]
    assert HOSTILE in tree.xpath("//h1")[0].text_content()


def test_the_page_needs_nothing_from_elsewhere(hostile_page: str) -> None:
    links = [value for _, _, value, _ in tree_of(hostile_page).iterlinks()]
    assert links
    assert all(link.startswith("#") for link in links)
    assert "url(" not in hostile_page
    assert "@import" not in hostile_page
    assert "default-src 'none'" in hostile_page


def test_the_page_shows_what_the_terminal_shows() -> None:
    tree = tree_of(page(ACME, config_directory()).decode())
    paragraphs = tree.xpath("//main//p")
    assert [p.text_content() for p in paragraphs] == ACME.text.splitlines()
    assert {(p.get("dir"), p.get("lang")) for p in paragraphs} == {("auto", "en")}
    assert tree.xpath("//section/@class") == ["headline", "body", "about", "body"]
    assert tree.xpath("//section/@title") == [f"{s.label}: is {s.label}" for s in ACME.segments]
    assert [a.text_content() for a in tree.xpath("//main//a")] == ["Acme Corp", "Busan", "Busan"]
    for link in tree.xpath("//main//a"):
        assert tree.xpath(f"//tr[@id='{link.get('href')[1:]}']/td[2]")[0].text_content() == link.text_content()
        assert "XNYS:ACM" in link.get("title")
    assert "prefers-color-scheme: dark" in tree.xpath("//style")[0].text


# --- The command ----------------------------------------------------------------------------------------------------


def test_shows_a_file() -> None:
    result = CliRunner().invoke(cli, ["inspect", str(SAMPLES / "en-synthetic.json"), "--explain"])
    assert result.exit_code == 0, result.output
    assert "English (en)" in result.output
    assert "Lumora Robotics" in result.output
    assert re.search(r"body +│", result.output)
    assert "[TICKER:" in result.output
    assert "↳ " in result.output


def test_reads_standard_input_and_looks_at_what_it_is() -> None:
    said = newsmill("inspect", "--json", data=f"<html><body><h1>Plant</h1><p>{STORY}</p></body></html>".encode())
    record = codec.decode(EnrichedRelease, said.stdout)
    assert (record.content_type, record.language, record.title) == ("text/html", "en", "Plant")
    assert record.id.startswith("urn:newsmill:sha256:")
    assert record.segments


def test_the_content_type_given_goes_before_the_name(tmp_path: Path) -> None:
    file = tmp_path / "release.json"
    file.write_text(f"<p>{STORY}</p>")
    result = CliRunner().invoke(cli, ["inspect", str(file), "--content-type", "text/html; charset=utf-8", "--json"])
    assert codec.decode(EnrichedRelease, result.stdout_bytes).text == STORY


def test_writes_a_page(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    result = CliRunner().invoke(cli, ["inspect", str(SAMPLES / "ar-synthetic.json"), "--html", str(target)])
    assert result.exit_code == 0, result.output
    tree = tree_of(target.read_text(encoding="utf-8"))
    assert tree.xpath("//h1/@lang") == ["ar"]
    assert tree.xpath("//section[@class='body']//p")


def test_one_stage_alone_on_one_record(tmp_path: Path) -> None:
    file = tmp_path / "clean.json"
    file.write_bytes(orjson.dumps({"body": STORY, "language": "en", "title": None, "not_ours": 1}))
    result = CliRunner().invoke(cli, ["inspect", "--stage", "tag_entities", str(file)])
    record = codec.decode(EnrichedRelease, result.stdout_bytes)
    assert (record.id, record.body, record.text) == ("", STORY, "")
    assert "PLACE" in {entity.type for entity in record.entities}
    assert set(record.enrichment.models) == {"tag_entities"}


@pytest.mark.parametrize(
    ("arguments", "data", "code", "word"),
    [
        (["/no/such/release.json"], b"", 66, "No such file"),
        ([], b"%PDF-1.7 ...", 1, "unsupported_format"),
        ([], b"   ", 1, "empty"),
        (["--stage", "translate"], b"{}", 2, "detect_language"),
        (["--jsonl", "--html", "x.html"], b"", 2, "--html"),
        ([], b"x" * 2048, 1, "too_large"),
    ],
)
def test_says_in_words_and_exit_code_what_is_wrong(arguments: list[str], data: bytes, code: int, word: str) -> None:
    said = newsmill("inspect", *arguments, data=data, NEWSMILL_LIMITS__RELEASE_BYTES="1024")
    assert (said.returncode, said.stdout) == (code, b"")
    assert word in said.stderr.decode()
    assert "Traceback" not in said.stderr.decode()


def test_a_page_never_replaces_the_release(tmp_path: Path) -> None:
    file = tmp_path / "release.html"
    file.write_text(STORY)
    assert newsmill("inspect", str(file), "--html", str(file)).returncode == 2
    assert file.read_text() == STORY


# --- Lines ----------------------------------------------------------------------------------------------------------


def test_five_hundred_lines_keep_their_order_and_all_their_fields() -> None:
    data = lines(*({"id": f"r{n}", "text": f"{STORY} {n}" * (n % 7)} | ({"title": "t"}) for n in range(500)))
    said = newsmill("inspect", "--jsonl", "--processes", "2", data=data)
    assert (said.returncode, said.stderr) == (0, b"")
    records = lines_of(said.stdout)
    assert [record["id"] for record in records] == [f"r{n}" for n in range(500)]
    assert {frozenset(record) for record in records} == {frozenset(f.name for f in fields(EnrichedRelease))}
    assert [record["text"] for record in records] == [f"{STORY} {n}" * (n % 7) for n in range(500)]


def test_a_line_that_cannot_be_processed_says_so_in_its_place() -> None:
    data = b"\n".join(
        [
            orjson.dumps({"text": STORY}),
            b"{not json",
            b"",
            orjson.dumps({"id": "odd", "text": 7}),
            b"   ",
            orjson.dumps({"uri": "long", "text": "x" * 2_000}),
            orjson.dumps({"id": "void"}),
            b"[1]",
            orjson.dumps({"text": STORY}),
        ]
    )
    said = newsmill("inspect", "--jsonl", "--processes", "0", data=data, NEWSMILL_LIMITS__RELEASE_BYTES="1024")
    first, broken, odd, long, void, array, last = lines_of(said.stdout)
    assert first["id"] == last["id"]
    assert first["id"].startswith("urn:newsmill:sha256:")
    assert (broken["error"]["reason"], broken["line"], "id" in broken) == ("undecodable", 2, False)
    assert (odd["error"]["reason"], odd["line"], odd["id"]) == ("invalid", 4, "odd")
    assert "text" in odd["error"]["detail"]
    assert (long["error"]["reason"], long["line"]) == ("too_large", 6)
    assert (void["error"]["reason"], void["line"], void["id"]) == ("empty", 7, "void")
    assert (array["error"]["reason"], array["line"]) == ("invalid", 8)
    assert said.returncode == 1
    assert said.stderr.decode().strip() == "5 of 7 lines could not be processed"


def test_a_line_that_hangs_or_kills_its_process_is_rejected_alone() -> None:
    texts = [STORY, hostile.HANG, STORY, hostile.CRASH, hostile.BUG, STORY]
    said = newsmill(
        "inspect", "--jsonl", "--processes", "1", data=lines(*({"id": str(n), "text": t} for n, t in enumerate(texts))),
        module="tests.support.hostile", NEWSMILL_POOL__RELEASE_SECONDS="1",
    )  # fmt: skip
    found = lines_of(said.stdout)
    assert [line["id"] for line in found] == [str(n) for n in range(len(texts))]
    reasons = [line.get("error", {}).get("reason") for line in found]
    assert reasons == [None, "timeout", None, "crashed", "bug", None]
    assert said.returncode == 1


@pytest.mark.parametrize("processes", ["0", "2"])
def test_one_stage_alone_on_many_lines(processes: str) -> None:
    records = [{"text": STORY}, {"text": None}, {}, {"text": "Das Werk in Busan öffnet am Montag.", "x": 1}]
    said = newsmill("inspect", "--jsonl", "--stage", "detect_language", "--processes", processes, data=lines(*records))
    assert said.returncode == 0, said.stderr.decode()
    found = [codec.decode(IdentifiedRelease, line) for line in said.stdout.splitlines()]
    assert [(f.id, f.language) for f in found] == [("", "en"), ("", "und"), ("", "und"), ("", "de")]
    assert set(lines_of(said.stdout)[0]) == {f.name for f in fields(IdentifiedRelease)}


def test_a_slow_source_is_not_kept_waiting_and_a_reader_that_leaves_ends_it_quietly() -> None:
    command = [sys.executable, "-m", "streams.runtime.cli", "inspect", "--jsonl", "--stage", "detect_language"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(lines({"text": STORY}))
        process.stdin.flush()
        assert orjson.loads(process.stdout.readline())["language"] == "en"  # though the input has not ended
        process.stdout.close()
        process.stdin.write(lines({"text": STORY}))
        process.stdin.flush()
        assert process.wait(SECONDS) == 1  # though the input still has not ended
        assert process.stderr.read() == b""


class Chunks(io.RawIOBase):
    """A source that gives what it likes of what it is asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks

    def read(self, size: int = -1, /) -> bytes:
        chunk = next(self._chunks, b"")
        assert len(chunk) <= size
        return chunk


@given(
    st.lists(st.sampled_from([b"", b" ", b"{}", b'{"a": 1}', b"x" * 40]), max_size=8),
    st.integers(1, 9),
    st.booleans(),
)
def test_lines_are_the_same_however_they_come(written: list[bytes], size: int, ended: bool) -> None:
    data = b"\n".join(written) + (b"\n" if ended else b"")
    chunks = (data[at : at + size] for at in range(0, len(data), size))
    found = [line for chunk in read_lines(Chunks(chunks), 30) for line in chunk]
    wanted = [(n, line[:30], len(line)) for n, line in enumerate(written, start=1) if line.strip()]
    assert [tuple(line) for line in found] == wanted


def test_a_line_without_end_is_counted_and_not_held() -> None:
    chunks = (b"x" * batch.CHUNK_BYTES for _ in range(50))
    ((line,),) = read_lines(Chunks(chunks), 1000)
    assert (line.length, len(line.value)) == (50 * batch.CHUNK_BYTES, 1000)
