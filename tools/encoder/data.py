"""What the encoder learns from: sentences drawn by language and source, changed a little each time they are drawn."""

import random
import re
import sys
import tomllib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from streams.stages.entity_crf import LABELS
from streams.stages.entity_pieces import Cut, cut_pieces
from tools.encoder.pieces import read_tokens, unspaced
from tools.entity_sentences import make_sentences
from tools.train_entities import read, written

Example = tuple[str, list[tuple[int, int, str]]]
SOURCES: dict[str, dict[str, float]] = {
    "en": {
        "train/en.uner": 3,
        "silver/en.ntrex": 2.5,
        "silver/en.panx": 2.5,
        "written/en": 2.5,
        "made/en": 0.5,
        "more/en": 2,
    },
    "de": {
        "train/de.germeval": 4,
        "silver/de.ntrex": 2.5,
        "silver/de.panx": 1.5,
        "written/de": 2.5,
        "made/de": 0.5,
        "more/de": 1,
    },
    "fr": {"silver/fr.ntrex": 3, "silver/fr.panx": 3.5, "written/fr": 3.5, "made/fr": 0.5, "more/fr": 1.5},
    "es": {"silver/es.ntrex": 3, "silver/es.panx": 3, "written/es": 3.5, "made/es": 0.5, "more/es": 1.8},
    "pt": {"train/pt.uner": 4.5, "silver/pt.ntrex": 3, "written/pt": 2, "made/pt": 0.5, "more/pt": 1},
    "id": {
        "train/id.idner2k": 3,
        "train/id.nergrit": 3,
        "silver/id.ntrex": 2,
        "written/id": 2,
        "made/id": 0.5,
        "more/id": 1,
    },
    "ms": {"silver/ms.ntrex": 3, "written/ms": 4, "made/ms": 0.5, "more/ms": 2.5},
    "vi": {"written/vi": 3, "silver/vi.ntrex": 2.5, "made/vi": 0.7, "more/vi": 4},
    "ru": {"silver/ru.ntrex": 3, "silver/ru.panx": 3.5, "written/ru": 4, "made/ru": 0.5, "more/ru": 2.5},
    "ar": {"train/ar.aqmar": 4, "written/ar": 4, "silver/ar.ntrex": 2.5, "made/ar": 0.7, "more/ar": 4},
    "zh": {
        "train/zh-hans.uner": 3.5,
        "train/zh-hant.uner": 3.5,
        "silver/zh-Hans.ntrex": 2,
        "silver/zh-Hant.ntrex": 2,
        "written/zh-Hans": 2,
        "written/zh-Hant": 2,
        "made/zh-Hans": 0.5,
        "made/zh-Hant": 0.5,
    },
    "ja": {"train/ja.gsd": 3.5, "train/ja.stockmark": 3.5, "silver/ja.ntrex": 2, "written/ja": 2, "made/ja": 0.5},
    "ko": {"train/ko.klue": 6, "silver/ko.ntrex": 2, "written/ko": 2.5, "made/ko": 0.6},
    "th": {"train/th.thainer": 6, "silver/th.ntrex": 2, "written/th": 2, "made/th": 0.5},
}
"""Language to source to weight: how often a sentence of it is drawn, against all the others."""

MADE = 3000
"""Sentences made up from templates, of each language."""

SWAPPED, CAPITALS, SMALL, TIDIED, JOINED, LETTERS = 0.3, 0.03, 0.02, 0.5, 0.08, 0.1
"""Share of names that are changed for another of the same type and language, and of sentences that are put in capitals,
in small letters, whose signs stand at the words as in print, that get another behind them, and that are cut letter by
letter."""


LONGEST = 100
"""Pieces of a sentence; the rest is left off."""
PLAIN = 0.3
"""Share of Arabic sentences written without hamza."""
FOREIGN = 0.08
"""Share of the names put in that are English."""


class Item(NamedTuple):
    """A sentence to learn: pieces, which token has which share in which piece, the label of each token."""

    pieces: list[int]
    links: list[tuple[int, int, int]]
    labels: list[int]


class Drawer:
    """Draws sentences without end; what is drawn depends on the seed and on how many were drawn."""

    def __init__(self, data: Path, cut: Cut, seed: int) -> None:
        self.cut = cut
        self.dice = random.Random(seed)
        self.examples: list[tuple[str, str, list[Example]]] = []
        self.weights: list[float] = []
        self.names: dict[str, dict[str, list[str]]] = {}
        more = tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))
        self.sentences = {language: table["sentences"] for language, table in more.items()}
        for language, sources in SOURCES.items():
            pool: dict[str, set[str]] = {"PER": set(), "ORG": set(), "LOC": set()}
            for source, weight in sources.items():
                found = list(load(data, source))
                if not found and not source.startswith("more/"):
                    continue
                self.dice.shuffle(found)
                self.examples.append((language, source, found))
                self.weights.append(weight)
                if "panx" not in source:
                    for text, entities in found:
                        for start, end, kind in entities:
                            pool[kind].add(text[start:end])
            listed = more.get(language, {})
            self.names[language] = {k: sorted(names) + 2 * listed.get(k.lower(), []) for k, names in pool.items()}
        self.at = [0] * len(self.examples)

    def draw(self) -> Item:
        n = self.dice.choices(range(len(self.examples)), self.weights)[0]
        text, entities = self._next(n)
        if self.dice.random() < JOINED:
            more, others = self._next(n)
            gap = len(text) + 1
            text, entities = f"{text} {more}", entities + [(s + gap, e + gap, k) for s, e, k in others]
        return self._item(text, entities)

    def _next(self, n: int) -> Example:
        language, source, examples = self.examples[n]
        dice = self.dice
        if source.startswith("more/"):
            text, entities = fill(dice.choice(self.sentences[language]), self.names[language], self.names["en"], dice)
        else:
            text, entities = examples[self.at[n] % len(examples)]
        self.at[n] += 1
        if not source.startswith(("made/", "more/")):
            text, entities = swap(text, entities, self.names[language], self.names["en"], dice)
        if language == "vi":
            entities = [widen(text, entity) for entity in entities]
        if language == "ar" and dice.random() < PLAIN:
            text = text.translate(_PLAIN_ARABIC)
        if dice.random() < TIDIED:
            text, entities = tidy(text, entities)
        roll = dice.random()
        if roll < CAPITALS + SMALL:
            changed = text.upper() if roll < CAPITALS else text.lower()
            if len(changed) == len(text):
                text = changed
        return text, entities

    def _item(self, text: str, entities: list[tuple[int, int, str]]) -> Item:
        tokens = read_tokens(text)
        labels = [0] * len(tokens.surfaces)
        for start, end, kind in entities:
            reached = [n for n, at in enumerate(tokens.starts) if at < end and at + len(tokens.surfaces[n]) > start]
            for n in reached:
                labels[n] = LABELS.index(f"{'B' if n == reached[0] else 'I'}-{kind}")
        cut = self._cut_letters if self.dice.random() < LETTERS else self.cut
        numbers, links = cut_pieces(tokens.surfaces, tokens.spaced, cut)
        last = LONGEST - 2
        kept = [(token, piece + 1, offset) for token, piece, offset in links if piece < last]
        return Item([0, *numbers[:last], 2], kept, labels[: kept[-1][0] + 1] if kept else [])

    def _cut_letters(self, text: str) -> list[tuple[int, int]]:
        return [piece for letter in text for piece in self.cut(letter)] if unspaced(text) else self.cut(text)


def load(data: Path, source: str) -> Iterator[Example]:
    folder, _, name = source.partition("/")
    if folder == "more":
        return
    if folder == "made":
        yield from make_sentences(name, MADE, 7)
    elif folder == "written":
        yield from written(name)
    elif (path := data / f"{source}.jsonl.gz").exists():
        yield from (example for example in read(path) if example[0].strip())
    else:
        print(f"no {source}", file=sys.stderr)


def swap(
    text: str, entities: list[tuple[int, int, str]], own: dict[str, list[str]], foreign: dict[str, list[str]],
    dice: random.Random,
) -> Example:  # fmt: skip
    """Put another name of the same type where `SWAPPED` of the names stand."""
    new, found, at = "", [], 0
    for start, end, kind in sorted(entities):
        if start < at:
            continue
        name = text[start:end]
        if dice.random() < SWAPPED:
            names = foreign if dice.random() < FOREIGN else own
            name = dice.choice(names[kind]) if names[kind] else name
        new += text[at:start]
        found.append(unquoted(len(new), name, kind))
        new, at = new + name, end
    return new + text[at:], found


def fill(sentence: str, own: dict[str, list[str]], foreign: dict[str, list[str]], dice: random.Random) -> Example:
    """Put names into a sentence of `names.toml`."""
    text, found = "", []
    for part in re.split(r"(\{[A-Z]+\})", sentence):
        if part.startswith("{"):
            kind = part.strip("{}")
            names = foreign if dice.random() < FOREIGN else own
            name = dice.choice(names[kind])
            found.append(unquoted(len(text), name, kind))
            text += name
        else:
            text += part
    return text, found


def unquoted(start: int, name: str, kind: str) -> tuple[int, int, str]:
    """Where a name put in at `start` stands; signs of quotation are no part of it."""
    inner = name.strip("«»")
    start += name.index(inner)
    return start, start + len(inner), kind


_VIETNAMESE = re.compile(
    r"(?:tỉnh|thành phố|TP\.?|thị xã|thị trấn|quận|huyện|phường|xã|thôn|ấp|khu phố|đường|phố|sân bay|chợ|sông|hồ) $",
    re.IGNORECASE,
)


def widen(text: str, entity: tuple[int, int, str]) -> tuple[int, int, str]:
    """Take the word for its kind into a Vietnamese place: it is a part of the name, as `quận` in `quận 1`."""
    start, end, kind = entity
    if kind == "LOC" and (before := _VIETNAMESE.search(text, 0, start)):
        start = before.start()
    return start, end, kind


_PLAIN_ARABIC = str.maketrans("أإآى", "اااي")
"""Letters that much of the Arabic press does not tell apart."""

_LOOSE = re.compile(r" (?=[.,;:!?)\]»”’،؛؟%…])|(?<=[(\[«“‘]) | (?='s\b)")


def tidy(text: str, entities: list[tuple[int, int, str]]) -> Example:
    """Drop the blanks that tokenised text has around signs."""
    gone = [match.start() for match in _LOOSE.finditer(text)]
    if not gone:
        return text, entities
    before = list(accumulate((i in set(gone) for i in range(len(text))), initial=0))
    kept = "".join(c for i, c in enumerate(text) if i not in set(gone))
    return kept, [(s - before[s], e - before[e], k) for s, e, k in entities]
