"""Inputs that no wire should send: the golden files and samples, broken in every way, the same ones for the same seed.

`python -m tests.support.mutants 10000` (`make fuzz`) takes so many through parsing and all stages, prints what became
of them by how they were broken, and fails on any that is neither an event nor a dead letter with a fitting reason, or
that takes too long.
"""

import gzip
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import zstandard
from rich.console import Console
from rich.progress import track
from rich.table import Table

from streams.errors import Reason
from streams.formats import READERS
from streams.pipeline import STAGES
from streams.runtime import settings, work
from streams.runtime.events import Incoming, Rejected
from streams.runtime.hops import Hop
from streams.runtime.routes import Routes
from streams.stage import config_directory

GOLDEN = Path(__file__).parents[1] / "golden" / "formats"

SECRET = "what-an-external-entity-would-bring-in"
"""Stands in this file, which external entities name."""

FITTING = frozenset(Reason) - {Reason.TIMEOUT, Reason.CRASHED, Reason.BUG}
"""Verdicts on an input. The others are about us."""

CHARSETS = (
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "big5", "shift_jis", "euc-kr", "euc-jp",
    "iso-2022-jp", "windows-1250", "windows-1251", "windows-1252", "windows-1256", "windows-1258", "koi8-r", "tis-620",
)  # fmt: skip
LABELS = (*CHARSETS, "utf-7", "idna", "x-unknown", "hz", "", "none", "\udc80", "utf-8; charset=big5")

ODD_BYTES = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b$B", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?", b"<", b">",
    b"{", b"}", b"[", b"]", b"&", b"&nbsp;", b"&#x0;", b"&#xd800;", b"\\ud800", b'"', b"9" * 400, b"1e999", b"NaN",
    b"null", b"%",
)  # fmt: skip
ODD_VALUES = (
    b"-1", b"0", b"99999999999999999999", b"1.5", b"true", b"null", b"{}", b"[]", b'""', b'"\\u0000"', b'"canceled"',
    b'"withheld"', b'"stat:usable"', b'"2026-11-03T09:00:00"', b'"2026-13-45T99:00:00Z"',
    b'"9999-12-31T23:59:59-12:00"',
)  # fmt: skip

HUGE_BYTES = 300_000

Rng = random.Random


class Mutant(NamedTuple):
    """An input, and how it came to be what it is."""

    kind: str
    seed: str
    """The file it was made of."""
    data: bytes
    headers: tuple[tuple[str, bytes | None], ...]


def mutants(count: int, seed: int = 1) -> Iterator[Mutant]:
    """Make so many, every kind in turn."""
    rng = random.Random(seed)
    seeds = sorted([*GOLDEN.glob("*.in"), *(config_directory() / "samples").glob("*.*")])
    kinds = list(KINDS.items())
    for number in range(count):
        kind, mutate = kinds[number % len(kinds)]
        path = rng.choice(seeds)
        data = path.read_bytes()
        made = mutate(data, rng)
        data, content_type, encoding = made if isinstance(made, tuple) else (made, "", "")
        named = (("content-type", content_type), ("content-encoding", encoding))
        headers = tuple((name, value.encode("utf-8", "surrogateescape")) for name, value in named if value)
        yield Mutant(kind, path.name, data, headers)


Mutated = bytes | tuple[bytes, str, str]
"""The bytes; with them, perhaps, a content type and a content encoding."""


def _flip(data: bytes, rng: Rng) -> Mutated:
    flipped = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 30, 300))):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _cut(data: bytes, rng: Rng) -> Mutated:
    return data[: rng.randrange(len(data))]


def _remove(data: bytes, rng: Rng) -> Mutated:
    start, end = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: Rng) -> Mutated:
    start, end = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:end] + data[start:end] * rng.choice((1, 2, 50)) + data[end:]


def _insert(data: bytes, rng: Rng) -> Mutated:
    at = rng.randrange(len(data))
    what = rng.choice(ODD_BYTES)
    return data[:at] + what * rng.choice((1, 1, 20)) + data[at:]


def _swap_values(data: bytes, rng: Rng) -> Mutated:
    """Put one value, attribute or word in the place of another."""
    words = list(re.finditer(rb"\"[^\"<>]{0,200}\"|(?<=>)[^<>]+(?=<)|\d+|[\w.-]{2,}", data))
    if len(words) < 2:
        return data
    swapped = bytearray(data)
    for place in sorted(rng.sample(words, min(len(words), rng.choice((1, 2, 10)))), key=lambda m: -m.start()):
        swapped[place.start() : place.end()] = rng.choice(words)[0]
    return bytes(swapped)


def _values(data: bytes, rng: Rng) -> Mutated:
    """Values that fields of this kind should not have."""
    return re.sub(
        rb'(?<=[:=])\s*("[^"<>]{0,80}"|\d+)', lambda m: rng.choice(ODD_VALUES) if rng.random() < 0.1 else m[0], data
    )


def _splice(data: bytes, rng: Rng) -> Mutated:
    other = rng.choice(sorted(GOLDEN.glob("*.in"))).read_bytes()
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def _nest(data: bytes, rng: Rng) -> Mutated:
    depth = rng.choice((50, 300, 2_000, 20_000))
    opening, closing = rng.choice(
        ((b"[", b"]"), (b'{"a":', b"}"), (b"<p>", b"</p>"), (b"<div>", b"</div>"), (b"<b>", b""), (b"<x:y>", b"</x:y>"))
    )
    at = rng.choice([m.start() for m in re.finditer(rb"[\"<\[{]", data)] or [0])
    return data[:at] + opening * depth + b'"deep"' + closing * depth + data[at:]


def _huge(data: bytes, rng: Rng) -> Mutated:
    """One field, attribute, name or line that is very long."""
    at = rng.choice([m.end() for m in re.finditer(rb"[\"<>: ]", data)] or [0])
    what = rng.choice((b"x", b" ", b"word ", "한".encode(), b"\\n", b"&amp;", b"0", b"<br/>", b"a=1 ", b"\n"))
    return data[:at] + what * (HUGE_BYTES // len(what)) + data[at:]


def _many(data: bytes, rng: Rng) -> Mutated:
    """Very many of one thing."""
    things = re.findall(
        rb"<(?:item|entry|newsItem)\b.*?</(?:item|entry|newsItem)>|<p>.*?</p>|\{[^{}]{1,200}\}", data, re.DOTALL
    )
    thing = rng.choice(things) if things else b"<item><title>a</title></item>"
    times = max(1, min(2_000, HUGE_BYTES // len(thing)))
    return data.replace(thing, thing * times if data.lstrip().startswith(b"<") else b",".join([thing] * times), 1)


def _mislabel(data: bytes, rng: Rng) -> Mutated:
    """A declared charset that is not the one it is in."""
    label = rng.choice(LABELS)
    named = re.sub(rb'(encoding|charset)=(["\'])[\w-]+', rb"\1=\2" + label.encode("utf-8", "replace"), data, count=1)
    return named, f"{_kind(data)}; charset={label}" if rng.random() < 0.7 else "", ""


def _recode(data: bytes, rng: Rng) -> Mutated:
    """Another charset, declared or not, with or without a mark."""
    charset = rng.choice(CHARSETS)
    text = data.decode("utf-8", "replace")
    label = rng.choice((charset, "", rng.choice(LABELS)))
    return text.encode(charset, "replace"), f"{_kind(data)}; charset={label}" if label else "", ""


def _mistype(data: bytes, rng: Rng) -> Mutated:
    others = ("application/xml", "text/xml", "application/octet-stream", "image/png", "nonsense", "text/html;;;=")
    return data, rng.choice((*READERS, *others)), ""


def _pack(data: bytes, rng: Rng) -> Mutated:
    """Packed, and then broken or not."""
    packed = rng.choice((gzip.compress(data, mtime=0), zstandard.ZstdCompressor().compress(data)))
    broken = rng.choice((lambda p: p, lambda p: p, lambda p: p[: rng.randrange(len(p))], lambda p: _flip(p, rng)))(
        packed
    )
    assert isinstance(broken, bytes)
    return (
        broken + rng.choice((b"", b"", b"tail")),
        "",
        rng.choice(("", "", "gzip", "zstd", "br", "x-gzip", "gzip, zstd")),
    )


def _bomb(data: bytes, rng: Rng) -> Mutated:
    """A few bytes that are ten million once unpacked."""
    return _inflated(rng.choice((b" ", b"\0", b"x")), rng.choice(("gzip", "zstd")))


@cache
def _inflated(filling: bytes, how: str) -> bytes:
    inflated = filling * 10_000_000
    return gzip.compress(inflated, mtime=0) if how == "gzip" else zstandard.ZstdCompressor().compress(inflated)


def _entities(data: bytes, rng: Rng) -> Mutated:
    """Billion laughs, external entities and what else a DOCTYPE can do."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = rng.choice(
        (
            f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>',
            f'<!DOCTYPE x [<!ENTITY l9 SYSTEM "file://{__file__}">]>',
            '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
            '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
            '<!DOCTYPE x PUBLIC "-//X//X" "x.dtd">',
            f'<!DOCTYPE x [<!ENTITY l9 "{"a" * 20_000}">]>',
            "<!DOCTYPE x [<!ELEMENT x ANY><!ATTLIST x y CDATA #FIXED 'z'>]>",
        )
    )
    text = re.sub(rb"^\s*<\?xml[^>]*>|<!DOCTYPE[^>]*>", b"", data)
    filled = re.sub(rb">([^<>]{3,})<", b">&l9;&l9;\\1<", text, count=3)
    return doctype.encode() + filled, rng.choice(("", "application/xml", "text/html")), ""


def _kind(data: bytes) -> str:
    start = data.lstrip()[:1]
    return "application/json" if start == b"{" else "application/xml" if start == b"<" else "text/plain"


KINDS: dict[str, Callable[[bytes, Rng], Mutated]] = {
    "bits flipped": _flip,
    "cut off": _cut,
    "a piece missing": _remove,
    "a piece repeated": _repeat,
    "something inserted": _insert,
    "values swapped": _swap_values,
    "odd values": _values,
    "two inputs spliced": _splice,
    "nested": _nest,
    "one field huge": _huge,
    "very many of one": _many,
    "charset mislabelled": _mislabel,
    "another charset": _recode,
    "content type wrong": _mistype,
    "packed and broken": _pack,
    "bombs": _bomb,
    "DOCTYPEs": _entities,
}
"""How an input is broken."""


# --- Through all stages ---------------------------------------------------------------------------------------------


def prepared(release_bytes: int = 1_000_000) -> work.Worker:
    """All stages in one hop that leaves nothing back."""
    loaded = settings.load(None, {"limits": {"release_bytes": release_bytes}})
    hop = Hop(tuple(STAGES), "raw", "enriched", "dead", "", last=False)
    return work.prepare(work.task_of(hop, loaded, Routes()))


def outcome_of(mutant: Mutant, worker: work.Worker) -> tuple[str, float, str]:
    """Take an input through parsing and all stages.

    Returns what it became, the seconds of processor time it took (the machine may be busy), and what is wrong.
    """
    now = datetime(2026, 11, 24, tzinfo=UTC)
    began = time.process_time()
    outcome = worker.process(Incoming("raw", 0, 0, 0, b"key", mutant.data, mutant.headers), now)
    seconds = time.process_time() - began
    if isinstance(outcome, Rejected):
        return outcome.reason.value, seconds, "" if outcome.reason in FITTING else outcome.detail
    leaked = any(SECRET.encode() in (message.value or b"") for message in outcome.messages)
    return "taken apart" if outcome.apart else "an event", seconds, "an external entity was read" if leaked else ""


def main() -> int:
    """Take as many as asked for, print what became of them. Returns the exit code."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    console = Console()
    worker = prepared()
    budget = settings.load(None, {}).pool.release_seconds
    became: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    slowest: dict[str, tuple[float, Mutant]] = {}
    wrong = []
    for mutant in track(mutants(count, seed), total=count, console=console, transient=True):
        word, seconds, fault = outcome_of(mutant, worker)
        became[mutant.kind][word] += 1
        if mutant.kind not in slowest or seconds > slowest[mutant.kind][0]:
            slowest[mutant.kind] = (seconds, mutant)
        if fault or seconds > budget:
            wrong.append((mutant, fault or f"{seconds:.1f} s"))
    words = sorted({word for counter in became.values() for word in counter})
    table = Table(
        "broken by", *words, "slowest, s", "made of", title=f"{count} inputs, seed {seed}", title_justify="left"
    )
    for kind, counter in became.items():
        seconds, worst = slowest.get(kind, (0.0, None))
        table.add_row(
            kind, *(str(counter[word] or "") for word in words), f"{seconds:.2f}", worst.seed if worst else ""
        )
    console.print(table)
    for mutant, fault in wrong[:10]:
        console.print(f"[red]{mutant.kind}[/] of {mutant.seed}, {len(mutant.data)} bytes: {fault}", soft_wrap=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
