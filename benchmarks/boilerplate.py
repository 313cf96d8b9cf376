"""How fast `strip_boilerplate` is: python -m benchmarks.boilerplate

CPU time of one process, so that a busy machine slows nothing else than the wall. The short rows are releases of about
3,000 characters, invented and (where the shared corpus is there) real; the long ones show that the time grows with the
length and not faster.
"""

import gzip
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from streams.records import IdentifiedRelease
from streams.stage import StageConfig, config_directory
from streams.stages.strip_boilerplate import BoilerplateKit, prepare, strip_boilerplate

ROUNDS = 5
"""The fastest counts."""

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "strip_boilerplate"

SIZE = 3000
"""Characters of a usual release."""

PARAGRAPH = (
    "The company said on Monday that it would build a second plant beside the first, where 400 people are to work from "
    "next spring, and that the state pays a third of what it costs. “We are glad of it,” said its chief executive, Jo "
    "Doe, who has led the company since 2019. "
)


def main() -> None:
    """Print a Markdown table."""
    start = time.process_time()
    kit = prepare(StageConfig(config_directory()))
    print(f"prepared in {time.process_time() - start:.2f} s\n")
    print("| releases | characters | lines | releases/s | MB/s |\n|---|---|---|---|---|")
    for name, texts in _rows():
        seconds = _seconds(texts, kit)
        characters = sum(map(len, texts)) / len(texts)
        lines = sum(text.count("\n") + 1 for text in texts) / len(texts)
        print(f"| {name} | {characters:,.0f} | {lines:,.0f} | {1 / seconds:,.0f} | {characters / seconds / 1e6:.1f} |")


def _rows() -> Iterator[tuple[str, Sequence[str]]]:
    golden = [json.loads(path.read_text(encoding="utf-8"))["text"] for path in sorted(GOLDEN.glob("*.json"))]
    yield "invented, fifteen languages", [_stretched(text) for text in golden]
    shared = Path(os.environ.get("NEWSMILL_SHARED", Path(__file__).parents[2] / "shared"))
    path = shared / "corpus" / "unlabelled" / "releases.jsonl.gz"
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            releases = [json.loads(line) for line in lines]
        yield "real releases", [r["text"] for r in releases if r["kind"] == "release" and 2500 < len(r["text"]) < 3500]
        yield "real, pages around them", [r["text"] for r in releases if r["kind"] == "news" and len(r["text"]) < 6000]
    for size in (100_000, 1_000_000):
        yield f"one of {size // 1000:,} kB", [(PARAGRAPH + "\n") * (size // len(PARAGRAPH))]
    yield "one line of 1,000 kB", [PARAGRAPH * (1_000_000 // len(PARAGRAPH))]


def _stretched(text: str) -> str:
    """Repeat a release's body paragraphs until it has the usual size."""
    head, *rest = text.split("\n")
    longest = max(rest, key=len)
    body = [longest] * max(0, (SIZE - len(text)) // len(longest))
    return "\n".join([head, *body, *rest])


def _seconds(texts: Sequence[str], kit: BoilerplateKit) -> float:
    """CPU seconds a release."""
    releases = [IdentifiedRelease(text=text) for text in texts]
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for release in releases:
            strip_boilerplate(release, kit)
        best = min(best, time.process_time() - start)
    return best / len(texts)


if __name__ == "__main__":
    main()
