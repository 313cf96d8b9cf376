"""Train the line model of `strip_boilerplate`: python tools/train_boilerplate.py SHARED [--folds N]

Reads the corpus under SHARED/corpus (annotated releases, the unlabelled ones with the labels of
`boilerplate_annotations.txt`, the invented ones), writes config/boilerplate/lines.npz. Same input, same model:
everything random is seeded. The model holds weights of features without words, no text.

With --folds it trains and tests N times instead, never testing on a site it trained on, and writes nothing.
"""

import argparse
import gzip
import json
import os
import random
import re
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pycrfsuite
from numpy.typing import NDArray

from streams.stage import StageConfig, config_directory
from streams.stages.boilerplate_cues import Cues
from streams.stages.boilerplate_lines import spell_lines
from streams.stages.boilerplate_model import LineModel
from streams.stages.strip_boilerplate import BoilerplateKit, prepare
from tests.quality import boilerplate

SEED = 20261124
LETTERS = {
    "H": "headline", "U": "subheadline", "D": "dateline", "B": "body", "A": "about", "C": "contact", "L": "disclaimer",
    "S": "safe_harbor", "R": "source_line", "W": "distributor_boilerplate", "T": "sectors", "Y": "copyright",
    "P": "caption", "N": "navigation", "O": "other",
}  # fmt: skip
L1, L2, ITERATIONS = 4.0, 6.0, 100
"""Regularisation and steps of L-BFGS (chosen by --folds)."""

ROUNDS = 2
"""How often every release is taken up, each time among others: with one round, chance tips whole releases."""

MIXES = 2
"""Models, each of another mix, whose weights are averaged: of one, too, chance tips some."""

DRESSED = 0.7
"""Share of releases that also come with invented boilerplate around them."""

INSIDE = 0.08
"""Share of gaps between paragraphs that invented boilerplate is put into."""

LISTED = 0.1
"""Share of paragraphs that become a list, where they have commas: a body has short lines, too."""

TABLED = 0.2
"""Share of dressed releases with an invented list or table in their body; half as many are little else."""

Row: TypeAlias = tuple[str, str]
"""A line and its label."""


@dataclass(frozen=True)
class Sample:
    """A release with a label for every line that is not blank."""

    id: str
    language: str
    site: str
    title: str
    text: str
    labels: tuple[str, ...]


def main() -> None:
    """Train, or try out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--by", choices=("site", "id"), default="site", help="what a fold must not share")
    arguments = parser.parse_args()
    kit = prepare(StageConfig(config_directory()))
    samples = list(read_samples(arguments.shared / "corpus"))
    if arguments.folds:
        annotated = {path.stem for path in (arguments.shared / "corpus" / "dev").glob("*.json")}
        try_out(samples, annotated, kit, arguments.folds, arguments.by)
        return
    target = config_directory() / "boilerplate" / "lines.npz"
    train(samples, kit.cues).save(target)
    print(f"{target}: {target.stat().st_size:,} bytes")


def read_samples(corpus: Path) -> Iterator[Sample]:
    """Every release whose lines have labels."""
    for folder in ("dev", "synthetic"):
        for path in sorted((corpus / folder).glob("*.json")):
            release = json.loads(path.read_text(encoding="utf-8"))
            kept = [line for line in release["lines"] if line["text"].strip()]
            text = "\n".join(line["text"] for line in kept)
            yield Sample(
                release["id"],
                release["lang"],
                release["wire"],
                release["title"],
                text,
                tuple(line["label"] for line in kept),
            )
    marks = dict(line.split(": ") for line in read_annotations())
    with gzip.open(corpus / "unlabelled" / "releases.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            release = json.loads(line)
            if release["id"] not in marks:
                continue
            rows = release["text"].split("\n")
            labels = expand(marks[release["id"]], len(rows))
            kept_rows = [(row, label) for row, label in zip(rows, labels, strict=True) if row.strip()]
            yield Sample(
                release["id"], release["lang"], release["wire"], release["title"],
                "\n".join(row for row, _ in kept_rows), tuple(label for _, label in kept_rows),
            )  # fmt: skip


def read_annotations() -> list[str]:
    """The annotation file without its comments."""
    path = Path(__file__).with_name("boilerplate_annotations.txt")
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def expand(marks: str, count: int) -> list[str]:
    """`0H 1B 5A`: lines 1 to 4 are body."""
    starts = [(int(mark[:-1]), LETTERS[mark[-1]]) for mark in marks.split()]
    ends = [start for start, _ in starts[1:]] + [count]
    return [label for (start, label), end in zip(starts, ends, strict=True) for _ in range(start, end)]


def augment(samples: list[Sample], rng: random.Random) -> Iterator[Sample]:
    """More releases of the kinds that the corpus has few of: other tails, no page around them, blank lines."""
    tails = [t for s in samples if (t := _tail(s)) and s.language]
    pages = [p for s in samples if (p := _page(s))]
    dresser = Dresser(samples)
    for sample in samples:
        yield sample
        rows = list(zip(sample.text.split("\n"), sample.labels, strict=True))
        core = [row for row in rows if row[1] in {"headline", "subheadline", "dateline", "body", "caption"}]
        if not any(label == "body" for _, label in core):
            continue
        if rng.random() < DRESSED:
            yield _sample(sample, dresser.dress(sample, core, rng))
        # The release as a wire sends it: no page around it, a tail of somebody else's.
        same = [t for t in tails if t[0] == sample.language] or tails
        _, tail = rng.choice(same if rng.random() < 0.7 else tails)
        tail = [row for row in tail if rng.random() < 0.85]
        yield _sample(sample, core + tail)
        # Inside another site's page.
        if rng.random() < 0.6:
            above, below = rng.choice(pages)
            yield _sample(sample, above + dresser.on_a_page(sample, core, rng) + below)
        # The first lines only, as flashes and summaries come, and with a table that is the rest.
        heads = [row for row in core if row[1] in {"headline", "dateline"}][:2] if rng.random() < 0.6 else []
        flash = [row for row in core if row[1] == "body" and len(row[0]) > 50][: rng.randint(1, 3)]
        if flash and rng.random() < 0.6:
            flash[-1] = (flash[-1][0][: rng.randint(60, 400)].strip(), "body")
            yield _sample(sample, heads + flash + (tail if rng.random() < 0.3 else []))
        if flash and rng.random() < TABLED / 2:
            tables = [row for _ in range(rng.randint(1, 3)) for row in dresser.table(sample, core, rng)]
            yield _sample(sample, heads + flash + tables + (tail if rng.random() < 0.5 else []))
        if len(core) < len(rows) and rng.random() < 0.4:
            yield _sample(sample, core)
        if rng.random() < 0.3:
            yield Sample(
                sample.id, sample.language, sample.site, sample.title, sample.text.replace("\n", "\n\n"), sample.labels
            )


class Dresser:
    """Puts invented boilerplate around a release's own lines, in any order and now and then without its headings."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.blocks: dict[str, list[list[tuple[str, str]]]] = defaultdict(list)
        path = Path(__file__).with_name("boilerplate_invented.txt")
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                place, _, block = line.partition(" ")
                rows = [row.split(" ", 1) for row in block.split(" ¶ ")]
                self.blocks[place].append([(text, LETTERS[letter]) for letter, text in rows])
        self.blocks["tags"] = [block for block in self.blocks["tail"] if block[0][1] == "sectors"]
        self.titles: dict[str, list[str]] = defaultdict(list)
        for sample in samples:
            self.titles[sample.language].append(sample.title)

    def dress(self, sample: Sample, core: Sequence[Row], rng: random.Random) -> list[Row]:
        """A release that `core` is of, as another house might have sent it."""
        first = _first_body(core)
        rows: list[Row] = []
        for place, most in (("top", 3), ("head", 0), ("under", 3), ("body", 0), ("tail", 6), ("foot", 1)):
            if place == "head":
                rows += core[:first]
            elif place == "body":
                rows += self._interrupted(sample, core[first:], rng)
            else:
                for _ in range(rng.randint(0, most)):
                    rows += self._filled(place, sample, core, rng)
        return rows

    def on_a_page(self, sample: Sample, core: Sequence[Row], rng: random.Random) -> list[Row]:
        """The release itself as a site prints it: its section above, captions inside, tags below."""
        first = _first_body(core)
        above = self._filled("section", sample, core, rng) if rng.random() < 0.4 else []
        under = self._filled("under", sample, core, rng) if rng.random() < 0.5 else []
        tags = self._filled("tags", sample, core, rng) if rng.random() < 0.4 else []
        return [*above, *core[:first], *under, *self._interrupted(sample, core[first:], rng), *tags]

    def table(self, sample: Sample, core: Sequence[Row], rng: random.Random) -> list[Row]:
        """Rows of an invented list or table that is body."""
        rows = self._filled("table", sample, core, rng)
        return rows[: rng.randint(2, max(2, len(rows)))]

    def _interrupted(self, sample: Sample, core: Sequence[Row], rng: random.Random) -> list[Row]:
        rows: list[Row] = []
        tabled = rng.randint(1, len(core)) if rng.random() < TABLED else 0
        for number, row in enumerate(core, 1):
            # The first paragraph stays: above it, short lines are a page's.
            items = _LIST.split(row[0]) if number > 1 and row[1] == "body" and rng.random() < LISTED else []
            if len(items) > 3:
                rows += [(f"{items[0].strip()}:", "body"), *((item.strip(), "body") for item in items[1:])]
            else:
                rows.append(row)
            if number == tabled:
                rows += self.table(sample, core, rng)
            if number < len(core) and rng.random() < INSIDE:
                rows += self._filled("inside", sample, core, rng)
        return rows

    def _filled(self, place: str, sample: Sample, core: Sequence[Row], rng: random.Random) -> list[Row]:
        block = rng.choice(self.blocks[place])
        if len(block) > 2 and rng.random() < 0.2:
            block = block[1:]
        prose = [text for text, label in core if label == "body"]
        filled = []
        for text, label in block:
            while match := _BLANK.search(text):
                words = self._words(match[1], sample, prose, rng)
                text = text[: match.start()] + words + text[match.end() :]
            if text.strip():
                filled.append((" ".join(text.split()), label))
        return filled

    def _words(self, kind: str, sample: Sample, prose: Sequence[str], rng: random.Random) -> str:
        """Words to fill a blank with: tags are a release's names, {words} part of a sentence, {other} another title."""
        if kind == "section":
            return rng.choice(self.blocks["section"])[0][0]
        if kind == "title":
            return sample.title
        if kind == "other":
            title = rng.choice(self.titles[sample.language]) or sample.title
            # What a page relates is about the same people and places.
            names = _NAMES.findall(sample.title)
            return f"{rng.choice(names)}: {title}" if names and rng.random() < 0.5 else title
        text = rng.choice(prose)
        if kind == "sentence":
            return rng.choice([sentence for sentence in _SENTENCES.findall(text) if len(sentence) > 20] or [text[:140]])
        if kind == "words":
            start = 0 if rng.random() < 0.5 else text.find(" ", rng.randint(0, len(text))) + 1
            return text[start : start + rng.randint(30, 140)].rstrip(".。 ,，").lstrip(" ,，.。")
        names = _NAMES.findall(" ".join([sample.title, text])) or [sample.title[:12] or text[:12]]
        count = 1 if kind == "tag" else rng.randint(2, 6)
        separator = rng.choice((", ", " ", " / ", " | ", "、", "")) if kind == "tags" else " "
        return separator.join(rng.choice(names).strip() for _ in range(count))


def _first_body(core: Sequence[Row]) -> int:
    return next(number for number, (_, label) in enumerate(core) if label == "body")


_LIST = re.compile(r"(?:, |; |、|，|، )(?=\S)")
_BLANK = re.compile(r"\{(tags?|words|sentence|title|other|section)\}")
_SENTENCES = re.compile(r"[^.!?。！？]+[.!?。！？]+")
_NAMES = re.compile(
    r"[A-ZÀ-ÞА-Я][\w’-]{2,}(?: [A-ZÀ-ÞА-Я][\w’-]+)?|[\u4e00-\u9fff]{2,5}|[\u30a0-\u30ff]{3,8}|[\uac00-\ud7af]{2,6}|"
    r"[\u0e00-\u0e7f]{5,12}|[\u0600-\u06ff]{4,12}(?: [\u0600-\u06ff]{4,12})?"
)


def _tail(sample: Sample) -> tuple[str, list[tuple[str, str]]] | None:
    """What follows a release's last body line, where that is a wire's tail and not a web page's."""
    rows = list(zip(sample.text.split("\n"), sample.labels, strict=True))
    last = max((i for i, (_, label) in enumerate(rows) if label == "body"), default=-1)
    tail = rows[last + 1 :]
    wire = sum(label in {"about", "contact", "safe_harbor", "disclaimer", "source_line"} for _, label in tail)
    return (sample.language, tail) if len(tail) >= 2 and wire >= len(tail) / 2 else None


def _page(sample: Sample) -> tuple[list[tuple[str, str]], list[tuple[str, str]]] | None:
    """The furniture of a web page above and below its article."""
    rows = list(zip(sample.text.split("\n"), sample.labels, strict=True))
    inside = [i for i, (_, label) in enumerate(rows) if label in {"headline", "body"}]
    if not inside:
        return None
    above, below = rows[: inside[0]], rows[inside[-1] + 1 :]
    page = sum(label == "navigation" for _, label in above + below)
    return (above, below) if page >= 5 else None


def _sample(like: Sample, rows: list[tuple[str, str]]) -> Sample:
    text = "\n".join(text for text, _ in rows)
    return Sample(like.id, like.language, like.site, like.title, text, tuple(label for _, label in rows))


@dataclass(frozen=True)
class Fitted:
    """The numbers of one model."""

    labels: list[str]
    weights: dict[str, NDArray[np.float64]]
    transitions: NDArray[np.float64]


def train(samples: list[Sample], cues: Cues) -> LineModel:
    """Fit models to the samples and more made from them, and average them."""
    mixes = [fit(samples, cues, SEED + number) for number in range(MIXES)]
    labels = mixes[0].labels
    assert all(mix.labels == labels for mix in mixes)
    nothing = np.zeros(len(labels))
    weights = {
        feature: np.mean([mix.weights.get(feature, nothing) for mix in mixes], axis=0)
        for feature in {feature for mix in mixes for feature in mix.weights}
    }
    return LineModel(labels, weights, np.mean([mix.transitions for mix in mixes], axis=0))


def fit(samples: list[Sample], cues: Cues, seed: int) -> Fitted:
    """Fit one model."""
    rng = random.Random(seed)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params({"c1": L1, "c2": L2, "max_iterations": ITERATIONS, "feature.possible_transitions": True})
    for sample in (made for _ in range(ROUNDS) for made in augment(samples, rng)):
        # A wire gives the title apart about as often as not.
        title = sample.title if rng.random() < 0.4 else ""
        trainer.append(spell_lines(sample.text, cues, title), sample.labels)
    with tempfile.NamedTemporaryFile(suffix=".crfsuite") as file:
        trainer.train(file.name)
        return read_model(file.name)


def read_model(path: str) -> Fitted:
    """The weights that python-crfsuite wrote, as it prints them: to six decimals."""
    tagger = pycrfsuite.Tagger()
    tagger.open(path)
    info = tagger.info()
    labels = sorted(info.labels)
    column = {label: number for number, label in enumerate(labels)}
    weights: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(labels)))
    for (feature, label), weight in info.state_features.items():
        weights[feature][column[label]] = weight
    transitions = np.zeros((len(labels), len(labels)))
    for (before, label), weight in info.transitions.items():
        transitions[column[before], column[label]] = weight
    return Fitted(labels, dict(weights), transitions)


def try_out(samples: Sequence[Sample], annotated: AbstractSet[str], kit: BoilerplateKit, folds: int, by: str) -> None:
    """Cross-validate the whole stage: what is learnt from one house's releases must hold for another's.

    Reports all labelled releases, and apart those that annotators labelled.
    """
    releases = {sample.id: _release(sample) for sample in samples if not sample.id.startswith("syn")}
    guessed: dict[str, list[str]] = {}
    pages = boilerplate.Tally()
    for fold in range(folds):
        out = {sample.id for sample in samples if sample.id in releases and _fold(getattr(sample, by), folds) == fold}
        judge = replace(kit, model=train([sample for sample in samples if sample.id not in out], kit.cues))
        for release_id in sorted(out):
            guessed[release_id] = boilerplate.line_labels(
                releases[release_id], boilerplate.clean(releases[release_id], judge)
            )
        pages.add(boilerplate.pages([releases[release_id] for release_id in sorted(out & annotated)], judge))
    for title, ids in (("all", set(releases)), ("annotated", annotated)):
        score = boilerplate.score([releases[release_id] for release_id in ids], lambda release: guessed[release["id"]])
        print(f"{title}: {len(ids)} releases")
        for name, figure in boilerplate.figures_of(score).items():
            print(f"  {name:28} {figure:.3f}")
        for label, tally in sorted(score.labels.items()):
            print(f"  {label:28} {tally.f1():.3f}  right {tally.right} spurious {tally.spurious} missed {tally.missed}")
    print(f"web pages of the annotated     {pages.f1():.3f}")
    if SHOW_MISSES:
        for release_id, labels in guessed.items():
            for line, label in zip(releases[release_id]["lines"], labels, strict=True):
                if (line["label"] == "body") != (label == "body"):
                    print(f"{release_id:12} {line['label'][:9]:9} as {label[:9]:9} {line['text'][:100]}")


SHOW_MISSES = bool(os.environ.get("SHOW_MISSES"))


def _fold(name: str, folds: int) -> int:
    """The fold of a site or release: the same whatever others there are."""
    return zlib.crc32(name.encode()) % folds


def _release(sample: Sample) -> boilerplate.Annotated:
    rows = zip(sample.text.split("\n"), sample.labels, strict=True)
    lines = [{"text": text, "label": label} for text, label in rows]
    return {"id": sample.id, "lang": sample.language, "title": sample.title, "lines": lines}


if __name__ == "__main__":
    main()
