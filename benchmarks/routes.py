"""What finding a release's routes costs, with 10, 1,000 and 100,000 rules, by the index and by asking every rule.

    python -m benchmarks.routes

The releases are the samples, taken through the stages, each with the entities that they have. The rules are what a wire
has most of: one entity's releases in some languages for one desk, some with a source or sector; so every rule has a key
that few others have, and one that most others have, too. A few rules ask for entities that are in the samples, as many
whether there are a thousand rules or a hundred thousand: what is met must be sent, and that is another cost.
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from streams import formats, pipeline
from streams.records import EnrichedRelease, RawRelease
from streams.runtime import matching, routes
from streams.runtime.intake import CONTENT_TYPES
from streams.runtime.routes import Routes
from streams.stage import config_directory

COUNTS = (10, 1_000, 100_000)
DESKS = 200
LANGUAGES = ("en", "ko", "ja", "ar", "zh", "vi", "th", "id", "ms", "de", "ru", "fr", "es", "pt")
MET = 200
"""Rules that ask for an entity of the samples."""
SEED = 1
ROUNDS = 20


def main() -> None:
    """Print microseconds a release."""
    releases = _releases()
    names = sorted({entity.name for release in releases for entity in release.entities})
    entities = sum(len(release.entities) for release in releases) / len(releases)
    print(f"{len(releases)} releases with {entities:.0f} entities each, in the mean")
    print("| rules | rules met | topics | µs by the index | µs asking every rule | s to load |")
    print("|---|---|---|---|---|---|")
    for count in COUNTS:
        document = _document(count, names)
        began = time.process_time()
        made = routes.read(document, "news.release")
        seconds = time.process_time() - began
        met = sum(len(list(made.find(release))) for release in releases) / len(releases)
        topics = sum(len(made.match(release)) for release in releases) / len(releases)
        indexed = _microseconds(made.match, releases, ROUNDS)
        loop = _microseconds(_asking_all(made), releases, 1 if count > 1_000 else ROUNDS)
        print(f"| {count:,} | {met:.1f} | {topics:.1f} | {indexed:,.0f} | {loop:,.0f} | {seconds:.2f} |")


def _releases() -> list[EnrichedRelease]:
    line = pipeline.prepare([stage.name for stage in pipeline.PIPELINE], config_directory(), {}, "")
    made = []
    for path in sorted((config_directory() / "samples").iterdir()):
        if path.suffix not in CONTENT_TYPES:
            continue
        raw = formats.read(
            path.read_bytes(),
            content_type=CONTENT_TYPES[path.suffix],
            key=path.stem,
            received_at=datetime.now(UTC),
            headers={},
            limit_bytes=1 << 22,
        )
        if isinstance(raw, RawRelease):
            enriched = pipeline.run(raw, line)
            assert isinstance(enriched, EnrichedRelease)
            made.append(enriched)
    return made


def _document(count: int, names: list[str]) -> dict[str, Any]:
    dice = random.Random(SEED)
    topics = [f"desk.{number}.v1" for number in range(DESKS)]
    rules = []
    for number in range(count):
        name = dice.choice(names) if dice.random() < MET / count else f"Company {number}"
        asks: dict[str, Any] = {"entities": [{"name": name}], "languages": dice.sample(LANGUAGES, 2)}
        if dice.random() < 0.2:
            asks["sources"] = [f"wire {dice.randrange(50)}"]
        if dice.random() < 0.2:
            asks["sectors"] = [f"sector {dice.randrange(100)}"]
        rules.append({"name": f"r{number}", "topic": dice.choice(topics), "format": "enriched", **asks})
    return {"topics": topics, "route": rules}


def _asking_all(made: Routes) -> Callable[[EnrichedRelease], object]:
    everything = {"status=usable": tuple(range(len(made.index.rules)))}
    index = matching.Index(made.index.rules, everything)
    return lambda release: list(index.meet(release))


def _microseconds(find: Callable[[EnrichedRelease], object], releases: list[EnrichedRelease], rounds: int) -> float:
    """The best round's mean, CPU time."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for release in releases:
            find(release)
        best = min(best, time.process_time() - began)
    return best / len(releases) * 1e6


if __name__ == "__main__":
    main()
