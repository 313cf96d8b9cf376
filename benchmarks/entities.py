"""How fast `tag_entities` is, and how much memory it takes: python -m benchmarks.entities

Releases of 2,000 characters are cut from the synthetic ones of the repository, each repeated with other company words,
so that the tagger meets new tokens as it does on a real stream. One process, one core.
"""

import json
import random
import resource
import sys
import time
from pathlib import Path

from streams.records import CleanRelease
from streams.stage import StageConfig, config_directory
from streams.stages.tag_entities import prepare, tag_entities

LENGTH = 2000
"""Characters of a release."""
RELEASES = 60
"""Of each language."""
SEED = 1
NEW_WORDS = 0.04
"""Share of words that are replaced by words never seen before: what a day's stream showed against the day before."""


def main() -> None:
    """Print releases and characters a second, by language and for all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "shared/corpus/synthetic"
    started = time.perf_counter()
    kit = prepare(StageConfig(config_directory()))
    print(f"prepare: {time.perf_counter() - started:.2f} s")
    dice = random.Random(SEED)
    seconds = count = 0.0
    print("| language | releases/s | characters/s |\n|---|---|---|")
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        text = "\n".join(line["text"] for line in record["lines"])
        releases = [_release(record["lang"], text, dice) for _ in range(RELEASES)]
        for release in releases[:10]:
            tag_entities(release, kit)
        started = time.process_time()
        for release in releases:
            tag_entities(release, kit)
        spent = time.process_time() - started
        print(f"| {record['lang']} | {RELEASES / spent:.0f} | {RELEASES * LENGTH / spent:,.0f} |")
        seconds, count = seconds + spent, count + RELEASES
    print(f"| **all** | {count / seconds:.0f} | {count * LENGTH / seconds:,.0f} |")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _release(language: str, text: str, dice: random.Random) -> CleanRelease:
    words = text.split(" ")
    while sum(map(len, words)) < 2 * LENGTH:
        words += words
    for i, word in enumerate(words):
        if dice.random() < NEW_WORDS and len(word) > 3:
            shuffled = list(word)
            dice.shuffle(shuffled)
            words[i] = "".join(shuffled)
    return CleanRelease(id="urn:bench", language=language, body=" ".join(words)[:LENGTH])


if __name__ == "__main__":
    main()
