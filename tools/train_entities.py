"""Learn the weights of the `fast` entity tagger: `config/entities/crf/<group>.npz`, one a group of languages.

Run with: python tools/train_entities.py DATA [--groups latin,…] [--measure]

DATA holds `train/*.jsonl.gz` and `dev/*.jsonl.gz`, lines `{text, ents: [[start, end, type]]}`, and may hold `silver/`.
Needs python-crfsuite. Deterministic: the same data make the same bytes. Licences: docs/models/entities-fast.md.
"""

import argparse
import gzip
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pycrfsuite

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from streams.stage import StageConfig, config_directory
from streams.stages import entity_crf
from streams.stages.entity_crf import LABELS, MARGIN, Crf, Lexicon, observations
from streams.stages.entity_gazetteer import Gazetteer, load_gazetteer, load_lexicon
from streams.text.tokens import split_tokens
from tools.entity_sentences import make_sentences

SEED = 20261124


class Group(NamedTuple):
    """Languages that share a model; files to learn from and how many lines, the first to hold a text wins."""

    letters: bool
    files: dict[str, int]
    dev: tuple[str, ...]
    trainer: str = "lbfgs"


ALL = 1_000_000

GROUPS = {
    "latin": Group(
        False,
        {
            "silver/en.ntrex": ALL, "silver/en.panx": ALL, "silver/de.ntrex": ALL, "silver/de.panx": ALL,
            "silver/es.ntrex": ALL, "silver/es.panx": ALL, "silver/fr.ntrex": ALL, "silver/fr.panx": ALL,
            "silver/pt.ntrex": ALL, "silver/id.ntrex": ALL, "silver/ms.ntrex": ALL, "silver/vi.ntrex": ALL,
            "train/en.uner": ALL, "train/de.germeval": ALL, "train/pt.uner": ALL, "train/id.idner2k": ALL,
            "train/id.nergrit": ALL, "written/en": ALL, "written/de": ALL, "written/es": ALL, "written/fr": ALL,
            "written/pt": ALL, "written/id": ALL, "written/ms": ALL, "written/vi": ALL, "made/en": 600, "made/de": 500,
            "made/fr": 700, "made/es": 700, "made/pt": 400, "made/id": 400, "made/ms": 500, "made/vi": 1200,
        },
        ("en.uner", "en.panx", "de.germeval", "de.panx", "es.panx", "fr.panx", "pt.uner", "id.idner2k", "id.nergrit",
         "ms.malaya", "vi.phoner"),
    ),
    "cyrillic": Group(
        False,
        {"silver/ru.ntrex": ALL, "silver/ru.panx": ALL, "written/ru": ALL, "made/ru": 500},
        ("ru.panx",),
    ),
    "arabic": Group(
        False,
        {"train/ar.aqmar": ALL, "silver/ar.ntrex": ALL, "written/ar": ALL, "made/ar": 1000},
        ("ar.cleananer",),
    ),
    "han": Group(
        True,
        {"train/zh-hans.uner": ALL, "train/zh-hant.uner": ALL, "made/zh-Hans": 600, "made/zh-Hant": 600},
        ("zh-hans.uner", "zh-hant.uner"),
        "sparse",
    ),
    "japanese": Group(
        True, {"train/ja.gsd": ALL, "train/ja.stockmark": ALL, "made/ja": 600}, ("ja.gsd", "ja.stockmark"), "sparse"
    ),
    "korean": Group(True, {"train/ko.klue": ALL, "made/ko": 600}, ("ko.klue",), "perceptron"),
    "thai": Group(True, {"train/th.thainer": ALL, "made/th": 400}, ("th.thainer",)),
}  # fmt: skip

MIN_COUNT = 2
"""A feature seen once teaches the one sentence that it is in."""

TRAINERS: dict[str, tuple[str, dict[str, float | bool]]] = {
    "lbfgs": ("lbfgs", {"c1": 0.02, "c2": 0.05, "max_iterations": 80, "feature.possible_transitions": True}),
    "sparse": ("lbfgs", {"c1": 0.05, "c2": 0.02, "max_iterations": 80, "feature.possible_transitions": True}),
    "perceptron": ("ap", {"max_iterations": 12, "feature.possible_transitions": True}),
}
"""What did best on each group's development sets: L-BFGS with little or more L1, or the averaged perceptron, which
trains in a third of the time, is two points better on ko.klue and eight worse on ja.stockmark."""

SMALLEST = 0.02
"""Share of the largest weights below which a weight changed no decision that we could measure."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--out", type=Path, default=config_directory() / "entities" / "crf")
    parser.add_argument("--measure", action="store_true", help="only measure what is there")
    arguments = parser.parse_args()
    config = StageConfig(config_directory())
    gazetteer, lexicon = load_gazetteer(config), load_lexicon(config)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.groups.split(","):
        path = arguments.out / f"{name}.npz"
        if not arguments.measure:
            train(GROUPS[name], arguments.data, path, gazetteer, lexicon)
        model = entity_crf.load(path, lexicon)
        for dev in GROUPS[name].dev:
            measure(dev, arguments.data / "dev" / f"{dev}.jsonl.gz", model, gazetteer)


def train(group: Group, data: Path, path: Path, gazetteer: Gazetteer, lexicon: Lexicon) -> None:
    started = time.time()
    rows, labels = [], []
    memory: dict = {}
    seen: set[str] = set()
    for file, limit in group.files.items():
        for text, entities in examples(data, file, limit):
            if text in seen:
                continue
            seen.add(text)
            if text and not text.isspace():
                surfaces, listed, tokens = read_sentence(text, gazetteer, letters=group.letters)
                rows.append(observations(surfaces, listed, lexicon, letters=group.letters, memory=memory))
                labels.append(bio(tokens, entities))
    keys, counts = np.unique(np.concatenate([k for row in rows for k in row]), return_counts=True)
    kept = keys[counts >= MIN_COUNT]
    print(f"{path.stem}: {len(rows)} sentences, {len(keys)} features, {len(kept)} kept", flush=True)

    algorithm, params = TRAINERS[group.trainer]
    trainer = pycrfsuite.Trainer(algorithm=algorithm, params=params, verbose=False)
    names = {int(key): f"{key:x}" for key in kept}
    for row, label in zip(rows, labels, strict=True):
        trainer.append([[names[k] for k in token.tolist() if k in names] for token in row], label)
    rows.clear()
    with tempfile.NamedTemporaryFile() as file:
        trainer.train(file.name)
        save(path, group.letters, file.name)
    print(f"{path.stem}: {time.time() - started:.0f} s, {path.stat().st_size / 1e6:.2f} MB", flush=True)


def examples(data: Path, file: str, limit: int) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """The first lines of a shuffled file, or sentences made up from the templates."""
    folder, _, name = file.partition("/")
    if folder == "made":
        return list(make_sentences(name, limit, SEED))
    if folder == "written":
        return list(written(name))
    lines = list(read(data / f"{file}.jsonl.gz"))
    random.Random(SEED).shuffle(lines)
    return lines[:limit]


def written(language: str) -> Iterator[tuple[str, list[tuple[int, int, str]]]]:
    """Sentences of `entity_written.tsv`: names in square brackets after the first letter of their type."""
    types = {"P": "PER", "O": "ORG", "L": "LOC"}
    for line in Path(__file__).with_name("entity_written.tsv").read_text(encoding="utf-8").splitlines():
        code, _, marked = line.partition("\t")
        if code == language:
            text, names = "", []
            for before, kind, name in re.findall(r"([^\[]*)(?:\[([POL]) ([^\]]+)\])?", marked):
                text += before
                if kind:
                    names.append((len(text), len(text) + len(name), types[kind]))
                text += name
            yield text, names


def save(path: Path, letters: bool, trained: str) -> None:
    tagger = pycrfsuite.Tagger()
    tagger.open(trained)
    info = tagger.info()
    column = {label: i for i, label in enumerate(LABELS)}
    largest = float(np.percentile(np.abs([*info.state_features.values()]), 99.9))
    table: dict[int, np.ndarray] = {}
    for (name, label), weight in info.state_features.items():
        if abs(weight) >= SMALLEST * largest:
            table.setdefault(int(name, 16), np.zeros(len(LABELS), np.float32))[column[label]] = weight
    keys = np.array(sorted(table), np.uint32)
    weights = np.array([table[int(k)] for k in keys], np.float32)
    transitions = np.full((len(LABELS), len(LABELS)), -20, np.float32)
    for (before, after), weight in info.transitions.items():
        transitions[column[before], column[after]] = weight
    for before in LABELS:
        for after in LABELS:
            if after[0] == "I" and before[2:] != after[2:]:
                transitions[column[before], column[after]] = -1e4
    scale = np.float32(largest / 127)
    np.savez_compressed(
        path, letters=letters, keys=keys, scale=scale, transitions=transitions,
        weights=np.clip(np.round(weights / scale), -127, 127).astype(np.int8),
    )  # fmt: skip


def measure(name: str, path: Path, model: Crf, gazetteer: Gazetteer) -> None:
    right, given, wanted, letters = 0, 0, 0, 0
    by_type: dict[str, list[int]] = {"PER": [0, 0, 0], "ORG": [0, 0, 0], "LOC": [0, 0, 0]}
    started = time.process_time()
    for text, entities in read(path):
        letters += len(text)
        found = tag(text, model, gazetteer)
        gold = {(s, e, t) for s, e, t in entities}
        right, given, wanted = right + len(found & gold), given + len(found), wanted + len(gold)
        for kind, counts in by_type.items():
            for i, some in enumerate((found & gold, found, gold)):
                counts[i] += sum(t == kind for _, _, t in some)
    seconds = time.process_time() - started
    scores = " ".join(f"{k} {200 * r / (g + w or 1):.1f}" for k, (r, g, w) in by_type.items())
    print(
        f"  {name:14} F1 {200 * right / (given + wanted or 1):.1f}  {scores}  {letters / seconds / 1e3:.0f}k/s",
        flush=True,
    )


def tag(text: str, model: Crf, gazetteer: Gazetteer) -> set[tuple[int, int, str]]:
    surfaces, listed, tokens = read_sentence(text, gazetteer, letters=model.letters)
    names = model.tag(surfaces, listed)
    return {(tokens[first - MARGIN][0], tokens[last - 1 - MARGIN][1], kind) for first, last, kind in names}


def read_sentence(
    text: str, gazetteer: Gazetteer, *, letters: bool
) -> tuple[list[str], np.ndarray, list[tuple[int, int]]]:
    """A sentence as the model sees it, and the offsets of its tokens; only letters have blanks for tokens."""
    parts = split_tokens(text)
    starts = np.cumsum([0, *map(len, parts)])
    listed = gazetteer.mark(text, starts)
    kept = [i for i, part in enumerate(parts) if letters or not part.isspace()]
    around = [""] * MARGIN
    offsets = [(int(starts[i]), int(starts[i + 1])) for i in kept]
    return [*around, *(parts[i] for i in kept), *around], np.pad(listed[kept], MARGIN), offsets


def bio(tokens: list[tuple[int, int]], entities: list[tuple[int, int, str]]) -> list[str]:
    labels = ["O"] * len(tokens)
    for start, end, kind in entities:
        inside = [i for i, (s, e) in enumerate(tokens) if s < end and e > start]
        for i in inside:
            labels[i] = ("B-" if i == inside[0] else "I-") + kind
    return labels


def read(path: Path) -> Iterator[tuple[str, list[tuple[int, int, str]]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield record["text"], [tuple(entity) for entity in record["ents"]]


if __name__ == "__main__":
    main()
