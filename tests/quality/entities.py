"""How well `tag_entities` finds names: F1 on the development sets, on the annotated releases and on the marked ones.

    python -m tests.quality.entities [--tier fast] [SHARED]

prints tables; `measure` is what the quality gate calls. Sets of sentences are scored by exact span and type;
releases by the set of surface strings of each type, as they are annotated. `release_names` tells of the marked ones.
"""

import argparse
import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from streams.records import CleanRelease, Entity
from streams.stage import StageConfig, config_directory
from streams.stages.tag_entities import TIERS, EntityKit, prepare, tag_entities
from tests.quality.release_names import HALVES, marked_releases
from tests.quality.sentence_names import MarkedSentence, Span, marked_names, marked_sentences

TYPES = {"PER": "PERSON", "ORG": "ORGANISATION", "LOC": "PLACE"}
RELEASE_TYPES = {"PERSON": "PERSON", "ORG": "ORGANISATION", "PLACE": "PLACE", "TICKER": "TICKER"}
SENTENCES = 300
"""Of each set, from the top: what the figures in shared/entities/README.md were measured on."""

SentenceSet = tuple[str, str, Iterator[MarkedSentence]]
"""Name, language, and sentences with their names."""

_SYMBOLS = re.compile(r",? and |[,;] ?")


class Score(NamedTuple):
    """Counts of one set, and what they come to."""

    right: int
    found: int
    wanted: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 1; 1 where nothing was wanted and nothing found."""
        return 2 * self.right / (self.found + self.wanted) if self.found + self.wanted else 1.0

    def __add__(self, other: object) -> "Score":
        assert isinstance(other, Score)
        return Score(self.right + other.right, self.found + other.found, self.wanted + other.wanted)


def measure(shared: Path) -> dict[str, float]:
    """F1 of every development set (`entities.<set>`), of both kinds of releases by language and type, and the means.

    As they are for the tier `fast`; for `accurate` the same under `entities.accurate`. Under `.read` the sets that no
    person labelled with a reader's names, and the mean of all sets with these.
    """
    figures: dict[str, float] = {}
    for tier, prefix in (("fast", "entities"), ("accurate", "entities.accurate")):
        kit = prepare(StageConfig(config_directory(), {"tier": tier}))
        own, read = (score_all(sets(shared / "entities"), kit) for sets in (dev_sets, read_sets))
        for kind, by_set, all_sets in (("", own, own), (".read", read, own | read)):
            figures |= {f"{prefix}{kind}.{name}": f1 for name, f1 in by_set.items()}
            figures[f"{prefix}{kind}.mean"] = sum(all_sets.values()) / len(all_sets)
        figures |= {f"{prefix}.release.{key}": score.f1 for key, score in score_releases(shared, kit).items()}
        for half, scores in score_marked(shared, kit).items():
            figures |= {f"{prefix}.{half}.{key}": score.f1 for key, score in scores.items()}
    return {name: round(value, 4) for name, value in figures.items()}


def score_sets(sets: Iterable[SentenceSet], kit: EntityKit) -> dict[str, dict[str, Score]]:
    """Score the stage on each set of sentences, by type."""
    scores = {}
    for name, language, sentences in sets:
        by_type = dict.fromkeys(TYPES.values(), Score(0, 0, 0))
        for text, gold in sentences:
            found = tag_sentence(text, language, kit)
            for kind in by_type:
                mine, theirs = {x for x in found if x[2] == kind}, {x for x in gold if x[2] == kind}
                by_type[kind] += Score(len(mine & theirs), len(mine), len(theirs))
        scores[name] = by_type
    return scores


def score_all(sets: Iterable[SentenceSet], kit: EntityKit) -> dict[str, float]:
    """F1 of the stage on each set of sentences."""
    return {name: sum_types(scores).f1 for name, scores in score_sets(sets, kit).items()}


def dev_sets(data: Path) -> Iterator[SentenceSet]:
    """The development sets with their own labels."""
    for path in sorted((data / "dev").glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        language = name.partition(".")[0].replace("zh-hans", "zh-Hans").replace("zh-hant", "zh-Hant")
        yield name, language, _sentences(path)


def read_sets(data: Path) -> Iterator[SentenceSet]:
    """The development sets whose labels no person made, with the names that a reader marked."""
    marks = marked_names()
    for name, language, sentences in dev_sets(data):
        if name in marks:
            texts = (text for text, _ in sentences)
            yield name, language, iter(marked_sentences(name, texts, marks[name]))


def tag_sentence(text: str, language: str, kit: EntityKit) -> set[Span]:
    """The people, organisations and places that the stage finds."""
    entities = tag_entities(CleanRelease(id="dev", language=language, body=text), kit).entities
    named = [entity for entity in entities if entity.type in TYPES.values()]
    return {(mention.start, mention.end, entity.type) for entity in named for mention in entity.mentions}


def score_releases(shared: Path, kit: EntityKit) -> dict[str, Score]:
    """Score the stage on the annotated releases: by language, by type, and `all`."""
    return _score_releases(_releases(shared), kit)


def score_marked(shared: Path, kit: EntityKit) -> dict[str, dict[str, Score]]:
    """Score the stage on the marked releases, each half by itself: by language, by type, and `all`."""
    marked = [*marked_releases(shared)]
    return {half: _score_releases(((m.release, m.names) for m in marked if m.half == half), kit) for half in HALVES}


def _score_releases(releases: Iterable[tuple[CleanRelease, dict[str, set[str]]]], kit: EntityKit) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    for release, wanted in releases:
        found = surfaces(tag_entities(release, kit).entities)
        for kind, names in wanted.items():
            score = Score(len(found[kind] & names), len(found[kind]), len(names))
            for key in (release.language, kind, "all"):
                scores[key] = scores.get(key, Score(0, 0, 0)) + score
    return scores


def surfaces(entities: tuple[Entity, ...]) -> dict[str, set[str]]:
    """The strings that the body names, by type."""
    found: dict[str, set[str]] = {kind: set() for kind in RELEASE_TYPES.values()}
    for entity in entities:
        if entity.type in found:
            found[entity.type] |= {mention.surface for mention in entity.mentions if mention.field == "body"}
    return found


def sum_types(by_type: dict[str, Score]) -> Score:
    """Add up the types of a set."""
    total = Score(0, 0, 0)
    for score in by_type.values():
        total += score
    return total


def _sentences(path: Path) -> Iterator[tuple[str, set[Span]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for _, line in zip(range(SENTENCES), lines, strict=False):
            record = json.loads(line)
            yield record["text"], {(start, end, TYPES[kind]) for start, end, kind in record["ents"]}


def _releases(shared: Path) -> Iterator[tuple[CleanRelease, dict[str, set[str]]]]:
    for path in sorted((shared / "corpus" / "dev").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.get("entities"):
            body = "\n".join(line["text"] for line in record["lines"] if line["label"] == "body")
            release = CleanRelease(id=record["id"], language=record["lang"], title=record["title"], body=body)
            wanted = {RELEASE_TYPES[kind]: set(names) for kind, names in record["entities"].items()}
            # The annotators copied a bracket with several symbols as one string: it names as many listings.
            wanted["TICKER"] = {part for names in wanted.get("TICKER", ()) for part in _SYMBOLS.split(names)}
            yield release, wanted


def main() -> None:
    """Print the table of docs/entities.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=Path(__file__).resolve().parents[3] / "shared")
    parser.add_argument("--tier", choices=TIERS, default="accurate")
    arguments = parser.parse_args()
    shared = arguments.shared
    if not (shared / "corpus").is_dir():
        parser.error(f"the shared corpus is not in {shared}")
    kit = prepare(StageConfig(config_directory(), {"tier": arguments.tier}))
    f1: dict[str, float] = {}
    tables = (("set", "mean", dev_sets), ("as a reader marked it", "mean of all sets with these", read_sets))
    for title, mean, sets in tables:
        print(f"| {title} | F1 | PERSON | ORGANISATION | PLACE |\n|---|---|---|---|---|")
        for name, by_type in score_sets(sets(shared / "entities"), kit).items():
            f1[name] = sum_types(by_type).f1
            cells = " | ".join(f"{100 * by_type[kind].f1:.1f}" for kind in TYPES.values())
            print(f"| {name} | {100 * f1[name]:.1f} | {cells} |")
        print(f"| **{mean}** | {100 * sum(f1.values()) / len(f1):.1f} | | | |\n")
    _show("releases", score_releases(shared, kit))
    for half, scores in score_marked(shared, kit).items():
        _show(f"marked, {half}", scores)


def _show(title: str, scores: Mapping[str, Score]) -> None:
    print(f"\n| {title} | F1 | precision | recall | names |\n|---|---|---|---|---|")
    for key, score in scores.items():
        precision, recall = score.right / (score.found or 1), score.right / (score.wanted or 1)
        print(f"| {key} | {score.f1:.2f} | {precision:.2f} | {recall:.2f} | {score.wanted} |")


if __name__ == "__main__":
    main()
