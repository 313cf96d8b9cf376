"""How well `detect_language` does on the shared development files: the half that its weights were not fitted on.

python -m tests.quality.language            the figures, and a table by language
"""

import gzip
import hashlib
import json
import math
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from streams.records import IdentifiedRelease, RawRelease
from streams.stage import StageConfig, config_directory
from streams.stages.detect_language import DETECT_LANGUAGE, detect_language
from streams.stages.language_pool import LanguageKit

FIFTEEN = ("en", "ko", "ja", "ar", "zh-Hans", "zh-Hant", "vi", "th", "id", "ms", "de", "ru", "fr", "es", "pt")
KINDS = {"sentence": "sent", "slice": "head", "title": "title", "document": "doc"}
"""What is measured, and the word for it in the names of the files."""
BINS = 15
"""Of confidence, for the calibration error."""
NAMES = (
    "Apple Inc.", "Goldman Sachs", "Amazon Web Services", "BlackRock", "Novo Nordisk", "Tim Cook", "SK hynix",
    "Samsung Electronics", "Deutsche Bank AG", "NVIDIA GeForce RTX", "Taylor Swift", "The New York Times", "OpenAI",
    "Johnson & Johnson", "London Stock Exchange", "Bloomberg", "Boston Consulting Group", "Elon Musk", "Volkswagen",
)  # fmt: skip
"""Names that other scripts leave in Latin."""


class Text(NamedTuple):
    """A dev text."""

    language: str
    text: str


class Mixed(NamedTuple):
    """A release in more than one language, or with names of another."""

    title: str
    text: str
    primary: str
    languages: frozenset[str]


def measure(shared: Path) -> dict[str, float]:
    """Measure everything the quality floors are about, the higher the better: `language/<what>/<slice>`.

    `others` is the share of texts in languages outside the fifteen that are not taken for one of them; `calibration` is
    one less the expected calibration error. `shared` is the folder that holds `language/`.
    """
    kit = DETECT_LANGUAGE.prepare(StageConfig(config_directory()))
    texts = {kind: reporting_half(shared, word) for kind, word in KINDS.items()}
    answers = {kind: [_answer(item, kind, kit) for item in items] for kind, items in texts.items()}
    figures = {}
    for kind, items in texts.items():
        recall = _recall(items, answers[kind])
        figures[f"{kind}/macro"] = sum(recall[language] for language in FIFTEEN) / len(FIFTEEN)
        figures |= {f"{kind}/{language}": recall[language] for language in FIFTEEN}
        figures[f"{kind}/others"] = 1 - _false_positives(items, answers[kind])
    figures["calibration/all"] = 1 - _calibration_error(texts, answers)
    for name, releases in mixed_releases(texts["document"]).items():
        found = [detect_language(RawRelease(title=r.title, text=r.text), kit) for r in releases]
        pairs = list(zip(releases, found, strict=True))
        figures[f"{name}/primary"] = sum(r.primary == f.language for r, f in pairs) / len(pairs)
        figures[f"{name}/set"] = sum(r.languages == languages_of(f) for r, f in pairs) / len(pairs)
    return {f"language/{name}": round(figure, 4) for name, figure in figures.items()}


def reporting_half(shared: Path, word: str) -> list[Text]:
    """Read a dev file's texts that tools/build_language_weights.py did not fit on."""
    with gzip.open(shared / "language" / f"dev_{word}.jsonl.gz", "rt", encoding="utf-8") as lines:
        items = [Text(item["language"], item["text"]) for item in map(json.loads, lines)]
    return [item for item in items if hashlib.sha256(item.text.encode()).digest()[0] % 2]


def languages_of(release: IdentifiedRelease) -> frozenset[str]:
    """Every language a release was found to hold."""
    return frozenset(span.language for span in release.languages) | {release.language}


def mixed_releases(documents: Sequence[Text]) -> dict[str, list[Mixed]]:
    """Make mixed releases of plain ones: Latin names strewn in, a longer English boilerplate below, a translation."""
    chance = random.Random(7)
    story = [item for item in documents if item.language in FIFTEEN]
    english = [item.text for item in documents if item.language == "en"]
    foreign = [item for item in story if item.language != "en"]
    names, below, twice = [], [], []
    for item in story:
        lines = item.text.split("\n")
        title = chance.choice(("", lines[0]))
        names.append(Mixed("", _strew(item.text, chance), item.language, frozenset({item.language})))
        if item.language == "en":
            continue
        body = "\n".join(lines[: max(3, len(lines) // 2)])
        tail = _boilerplate(english, 1.2 * _width(body), chance)
        text = body + chance.choice(("\n", "\n\n", " ")) + tail
        below.append(Mixed(title, text, item.language, frozenset({item.language, "en"})))
        translations = [other for other in foreign if _apart(other.language, item.language)]
        other = chance.choice([*translations, *[Text("en", text) for text in english] * 3])
        text = item.text + "\n" + other.text[: int(len(other.text) * chance.uniform(0.4, 1))]
        twice.append(Mixed(title, text, item.language, frozenset({item.language, other.language})))
    return {"names": names, "boilerplate": below, "bilingual": twice}


def _apart(one: str, other: str) -> bool:
    pairs = ({"id", "ms"}, {"zh-Hans", "zh-Hant"})
    return one != other and {one, other} not in pairs


def _strew(text: str, chance: random.Random) -> str:
    """Put a name after one word in eight, or after every second stretch of a text without blanks."""
    spaced = text.count(" ") > len(text) / 20
    pieces = text.split(" ") if spaced else [text[at : at + 20] for at in range(0, len(text), 20)]
    often = 0.12 if spaced else 0.5
    named = (f"{piece} {chance.choice(NAMES)} " if chance.random() < often else piece for piece in pieces)
    return (" " if spaced else "").join(named)


def _width(text: str) -> int:
    """Characters, as many as a Latin text of that length would have."""
    return sum(3 if "\u3000" < c < "\ud800" else 1 for c in text)


def _boilerplate(english: Sequence[str], at_least: float, chance: random.Random) -> str:
    paragraphs: list[str] = []
    while sum(map(len, paragraphs)) < at_least:
        paragraphs += [line for line in chance.choice(english).split("\n") if len(line) > 60]
    return "\n".join(paragraphs)


def _answer(item: Text, kind: str, kit: LanguageKit) -> IdentifiedRelease:
    release = RawRelease(title=item.text) if kind == "title" else RawRelease(text=item.text)
    return detect_language(release, kit)


def _recall(items: Sequence[Text], answers: Sequence[IdentifiedRelease]) -> dict[str, float]:
    found, total = Counter[str](), Counter[str]()
    for item, answer in zip(items, answers, strict=True):
        total[item.language] += 1
        found[item.language] += answer.language == item.language
    return {language: found[language] / count for language, count in total.items()}


def _false_positives(items: Sequence[Text], answers: Sequence[IdentifiedRelease]) -> float:
    others = [a.language in FIFTEEN for i, a in zip(items, answers, strict=True) if i.language not in FIFTEEN]
    return sum(others) / len(others)


def _calibration_error(texts: dict[str, list[Text]], answers: dict[str, list[IdentifiedRelease]]) -> float:
    bins: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for item, answer in _pairs(texts, answers):
        bins[min(int(answer.confidence * BINS), BINS - 1)].append((answer.confidence, answer.language == item.language))
    total = sum(map(len, bins.values()))
    return sum(abs(sum(c for c, _ in b) - sum(r for _, r in b)) for b in bins.values()) / total


def _pairs(
    texts: dict[str, list[Text]], answers: dict[str, list[IdentifiedRelease]]
) -> Iterator[tuple[Text, IdentifiedRelease]]:
    for kind, items in texts.items():
        yield from zip(items, answers[kind], strict=True)


def other_sources(shared: Path, kit: LanguageKit) -> dict[str, tuple[int, float]]:
    """Recall on sentences from elsewhere than the development files: those of the entity sets, by set.

    Of 40 characters at least, 15 where words have no blanks, up to 1,000 a set. PAN-X
    is left out: its lines are lists and titles of any language. Labels of languages are the sets' own.
    """
    recalls = {}
    for path in sorted((shared / "entities").glob("*/*.jsonl.gz")):
        code, name, *_ = path.name.split(".")
        language = {"zh-hans": "zh-Hans", "zh-hant": "zh-Hant"}.get(code, code)
        least = 15 if language in ("zh-Hans", "zh-Hant", "ja", "ko", "th") else 40
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts = [text for line in lines if len(text := json.loads(line)["text"]) >= least][:1000]
        if name != "panx":
            found = [detect_language(RawRelease(text=text), kit).language == language for text in texts]
            recalls[f"{path.parent.name}/{code}.{name}"] = (len(found), sum(found) / len(found))
    return recalls


def main() -> None:
    """Print the figures, then recall by language and the commonest mistakes, then recall on other sources."""
    shared = Path(os.environ.get("NEWSMILL_SHARED", Path(__file__).parents[3] / "shared"))
    for name, figure in measure(shared).items():
        if name.rpartition("/")[2] not in FIFTEEN:
            print(f"{name:32}{figure:.4f}")
    kit = DETECT_LANGUAGE.prepare(StageConfig(config_directory()))
    recalls: dict[str, dict[str, float]] = {}
    mistakes = Counter[tuple[str, str, str]]()
    for kind, word in KINDS.items():
        items = reporting_half(shared, word)
        answers = [_answer(item, kind, kit) for item in items]
        recalls[kind] = _recall(items, answers)
        pairs = zip(items, answers, strict=True)
        mistakes.update((kind, i.language, a.language) for i, a in pairs if i.language != a.language)
    print("\nlanguage  " + "".join(f"{kind:>10}" for kind in KINDS))
    for language in (*FIFTEEN, *sorted(set(recalls["sentence"]) - set(FIFTEEN))):
        print(f"{language:10}" + "".join(f"{recalls[kind].get(language, math.nan):10.3f}" for kind in KINDS))
    print("\n" + "\n".join(f"{n:4} {kind}: {right} as {wrong}" for (kind, right, wrong), n in mistakes.most_common(40)))
    print("\nother sources")
    for name, (number, recall) in other_sources(shared, kit).items():
        print(f"{name:28}{number:6}{recall:8.3f}")


if __name__ == "__main__":
    main()
