"""How fast `tag_entities` is, what it costs of the whole pipeline, and how much memory it takes.

    python -m benchmarks.entities [--tier fast] [SHARED]

Releases of 2,000 characters, cut from the samples of `config/samples` and, where it is there, from the real ones of the
shared corpus. In each some words are made unlike any seen before, as on a real stream; scripts without blanks have few
words, so there it is only the Latin ones. CPU time of one process, the best of some rounds.
"""

import argparse
import gzip
import json
import os
import random
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from streams import pipeline
from streams.records import CleanRelease, RawRelease
from streams.runtime.work import settle
from streams.stage import config_directory
from streams.stages.tag_entities import GROUPS, TIERS, tag_entities

LENGTH = 2000
"""Characters of a release."""
MOST = 20
"""Releases of each language."""
ROUNDS = 5
SEED = 1
NEW_WORDS = 0.04
"""Share of words that were never seen before: what a day's stream showed against the day before."""


def main() -> None:
    """Print milliseconds a release, by language and for all: the stage by itself, and its share of the three stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=Path(os.environ.get("NEWSMILL_SHARED", "../shared")))
    parser.add_argument("--tier", choices=TIERS, default="accurate")
    arguments = parser.parse_args()
    shared = arguments.shared
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for language, text in (*_samples(), *_corpus(shared / "corpus" / "unlabelled" / "releases.jsonl.gz")):
        texts[language] += [text[i : i + LENGTH] for i in range(0, max(1, len(text) - LENGTH + 1), LENGTH)]
    started = time.process_time()
    options = {"tag_entities": {"tier": arguments.tier}}
    line = pipeline.prepare([stage.name for stage in pipeline.PIPELINE], config_directory(), options, "")
    settle()  # as a worker's process does
    print(f"prepared all stages in {time.process_time() - started:.2f} s")
    dice = random.Random(SEED)
    print("| language | releases | characters | releases/s | ms a release | ms detect | ms strip | share |")
    print("|---|---|---|---|---|---|---|---|")
    total = [0.0] * 4
    for language in GROUPS:
        whole = [text for text in texts[language] if len(text) == LENGTH] or texts[language]
        row = _measure(language, whole[:MOST], line, dice)
        total = [a + b / len(GROUPS) for a, b in zip(total, row, strict=True)]
        length = sum(map(len, whole[:MOST])) // len(whole[:MOST])
        print(f"| {language} | {len(whole[:MOST])} | {length:,} | {_cells(row)} |")
    print(f"| **mean** | | | {_cells(total)} |")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB with all stages")


def _cells(row: list[float]) -> str:
    alone, detect, strip, tag = row
    share = tag / (detect + strip + tag)
    return f"{1 / alone:.0f} | {1000 * alone:.1f} | {1000 * detect:.1f} | {1000 * strip:.1f} | {share:.0%}"


def _measure(language: str, texts: list[str], line: pipeline.Line, dice: random.Random) -> list[float]:
    """Seconds a release: the stage on the whole text, then each stage in its turn."""
    kit = line.stages[-1][1]
    best = [9.0] * 4
    for _ in range(ROUNDS):
        fresh = [_with_new_words(text, dice) for text in texts]
        seconds = [0.0] * 4
        for text in fresh:
            release = CleanRelease(id="urn:bench", language=language, body=text)
            started = time.process_time()
            tag_entities(release, kit)
            seconds[0] += time.process_time() - started
        for text in fresh:
            record: RawRelease = RawRelease(id="urn:bench", text=text)
            for number, (stage, its) in enumerate(line.stages, start=1):
                started = time.process_time()
                record = stage.apply(record, its)
                seconds[number] += time.process_time() - started
        best = [min(a, b / len(texts)) for a, b in zip(best, seconds, strict=True)]
    return best


def _samples() -> Iterator[tuple[str, str]]:
    for path in sorted((config_directory() / "samples").glob("*-synthetic.json")):
        yield path.name.removesuffix("-synthetic.json"), json.loads(path.read_text(encoding="utf-8"))["text"]


def _corpus(path: Path) -> Iterator[tuple[str, str]]:
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                release = json.loads(line)
                yield release["lang"], release["text"]


def _with_new_words(text: str, dice: random.Random) -> str:
    words = text.split(" ")
    for i, word in enumerate(words):
        if dice.random() < NEW_WORDS and len(word) > 3 and word < "\u0e00":
            words[i] = "".join(dice.sample(word, len(word)))
    return " ".join(words)


if __name__ == "__main__":
    main()
