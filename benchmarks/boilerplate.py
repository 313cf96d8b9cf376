"""How fast `strip_boilerplate` is: python -m benchmarks.boilerplate

CPU time of one process, so that a busy machine slows nothing else than the wall.

First by language, for 3,000 characters of the shared corpus's real releases (where it is there; else of the invented
ones): at first sight, as on a wire, where no release comes twice, and once more, which flatters whatever remembers.
Then texts of up to a megabyte that were made to be slow, each also at half its size: linear is 2, quadratic 4.
"""

import gzip
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from streams.records import IdentifiedRelease
from streams.runtime.work import settle
from streams.stage import StageConfig, config_directory
from streams.stages.strip_boilerplate import BoilerplateKit, prepare, strip_boilerplate

ROUNDS = 5
"""Of the texts seen before, the fastest counts."""

WARM_UP = 40
"""Releases that the process has had before the first that is timed."""

LONGEST = 20_000
"""Characters of a release: of a few, longer ones would be most of their language's row."""

SIZE = 3000
"""Characters of a usual release."""

SEED = 20261124

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "strip_boilerplate"

PARAGRAPH = (
    "The company said on Monday that it would build a second plant beside the first, where 400 people are to work from "
    "next spring, and that the state pays a third of what it costs. “We are glad of it,” said its chief executive, Jo "
    "Doe, who has led the company since 2019. "
)

SLOW = {
    "paragraphs": PARAGRAPH + "\n",
    "one paragraph": PARAGRAPH,
    "100,000 lines": "ten signs\n",
    "100,000 headings": "About Acme\n",
    "headings, each another": "About {}\n",
    "sentences to cut out": "This release contains forward-looking statements. ",
    "addresses": "press@acme.example ",
    "contact lines": "Contact: press@acme.example\n",
    "dates": "Jan. 5, 2026 ",
    "copyrights": "© 2026 Acme ",
    "brackets": "(",
    "stops": ". ",
    "gaps": "word , (",
}
"""What is repeated; `{}` counts."""


def main() -> None:
    """Print two Markdown tables."""
    start = time.process_time()
    kit = prepare(StageConfig(config_directory()))
    settle()  # as a worker's process does
    print(f"prepared in {time.process_time() - start:.2f} s\n")
    _by_language(list(_releases()), kit)
    print("\n| text | characters | seconds | against half of it |\n|---|---|---|---|")
    for name, piece in SLOW.items():
        halves = [_repeated(piece, size) for size in (500_000, 1_000_000)]
        half, whole = (min(_seconds(text, kit) for _ in range(2)) for text in halves)
        print(f"| {name} | {len(halves[1]):,} | {whole:.2f} | {whole / half:.1f} |")
    for name, text in {"nothing": "", "one character": "a"}.items():
        print(f"| {name} | {len(text)} | {min(_seconds(text, kit) for _ in range(100)):.6f} | |")


def _by_language(releases: list[tuple[str, str]], kit: BoilerplateKit) -> None:
    for _, text in releases[:WARM_UP]:
        _seconds(text, kit)
    first: dict[str, float] = defaultdict(float)
    again: dict[str, float] = defaultdict(float)
    characters: dict[str, int] = defaultdict(int)
    lines: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    timed = releases[WARM_UP:] if len(releases) > 2 * WARM_UP else releases
    for language, text in timed:
        seconds = _seconds(text, kit)
        for key in (language, "all"):
            first[key] += seconds
            characters[key] += len(text)
            lines[key] += text.count("\n") + 1
            counts[key] += 1
    for language, text in timed:
        seconds = min(_seconds(text, kit) for _ in range(ROUNDS))
        for key in (language, "all"):
            again[key] += seconds
    print("| language | releases | lines in 3,000 characters | a second, at first sight | once more |")
    print("|---|---|---|---|---|")
    for key in [*sorted(counts.keys() - {"all"}), "all"]:
        portions = characters[key] / SIZE
        print(
            f"| {key} | {counts[key]} | {lines[key] / portions:.0f} | {portions / first[key]:,.0f} "
            f"| {portions / again[key]:,.0f} |"
        )


def _releases() -> Iterator[tuple[str, str]]:
    """Language and text, in an order that mixes languages and sources."""
    shared = Path(os.environ.get("NEWSMILL_SHARED", Path(__file__).parents[2] / "shared"))
    path = shared / "corpus" / "unlabelled" / "releases.jsonl.gz"
    if not path.exists():
        yield from _golden()
        return
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        releases: Iterable[dict[str, str]] = [json.loads(line) for line in lines]
    found = [(release["lang"], release["text"]) for release in releases if len(release["text"]) < LONGEST]
    random.Random(SEED).shuffle(found)
    yield from found


def _golden() -> Iterator[tuple[str, str]]:
    for path in sorted(GOLDEN.glob("*.json")):
        release = json.loads(path.read_text(encoding="utf-8"))
        yield release["language"], release["text"]


def _repeated(piece: str, size: int) -> str:
    if "{}" in piece:
        return "".join(piece.format(number) for number in range(size // 12))
    return piece * (size // len(piece))


def _seconds(text: str, kit: BoilerplateKit) -> float:
    """CPU seconds of one release."""
    release = IdentifiedRelease(text=text)
    start = time.process_time()
    strip_boilerplate(release, kit)
    return time.process_time() - start


if __name__ == "__main__":
    main()
