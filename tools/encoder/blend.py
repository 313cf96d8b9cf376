"""Choose how much the CRFs' word counts beside the encoder's: OUT/trust.toml, and a table of what it is worth.

Run with: python -m tools.encoder.blend DATA [OUT]

Measured on the development sets through the whole stage, with a reader's names where no person labelled a set. A weight
is chosen for each language on every other sentence; the table says what it brings on the sentences between.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from streams.stage import StageConfig, config_directory
from streams.stages import entity_encoder
from streams.stages.entity_encoder import Floats, NameTagger
from streams.stages.entity_pieces import Pieces
from streams.stages.tag_entities import GROUPS, EntityKit, prepare
from tests.quality.entities import Score, dev_sets, read_sets, tag_sentence
from tests.quality.sentence_names import Span

USUAL = 1.0
CLOSE = 0.003
"""Of F1: weights that are this near the best do not differ; then the one nearest to the usual is taken."""
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
COMMENT = """# What the CRF's label of a token adds to the encoder's log probability of it, by language: chosen on half
# of the development sentences by `python -m tools.encoder.blend`.
"""


@dataclass
class Remembered:
    """A tagger, or an encoder, that does not do again what it did."""

    real: NameTagger
    known: dict = field(default_factory=dict)

    def names(self, text: str, language: str) -> list:
        key = text, language
        if key not in self.known:
            self.known[key] = self.real.names(text, language)
        return self.known[key]


@dataclass
class RememberedEncoder:
    real: entity_encoder.Encoder
    known: dict[tuple[int, ...], Floats] = field(default_factory=dict)

    def score(self, sentences: Sequence[Pieces]) -> list[Floats]:
        new = [pieces for pieces in sentences if tuple(pieces.numbers) not in self.known]
        self.known.update(zip((tuple(p.numbers) for p in new), self.real.score(new), strict=True))
        return [self.known[tuple(pieces.numbers)] for pieces in sentences]


def main() -> None:
    data = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else config_directory() / "entities" / "encoder"
    kit = prepare(StageConfig(config_directory(), {"tier": "fast"}))
    fast = Remembered(kit.tagger)
    loaded = entity_encoder.load(out, fast, {})
    encoder = replace(loaded, encoder=RememberedEncoder(loaded.encoder))
    halves: dict[str, dict[float | str, list[Score]]] = {}
    languages: dict[str, str] = {}
    sets = {each[0]: each for each in (*dev_sets(data), *read_sets(data))}  # a reader's names take the place of labels
    for name, language, sentences in sets.values():
        lines = list(sentences)
        taggers: dict[float | str, NameTagger] = {w: replace(encoder, trust={language: w}) for w in WEIGHTS}
        taggers["fast"] = fast
        halves[name] = {w: score(replace(kit, tagger=tagger), language, lines) for w, tagger in taggers.items()}
        languages[name] = language
    trust, table = {}, []
    for language in GROUPS:
        names = [name for name, its in languages.items() if its == language]
        by_weight = {w: float(np.mean([halves[name][w][0].f1 for name in names])) for w in WEIGHTS}
        print(language, " ".join(f"{w}: {100 * f1:.1f}" for w, f1 in by_weight.items()))
        near = [w for w, f1 in by_weight.items() if f1 >= max(by_weight.values()) - CLOSE]
        best = min(near, key=lambda w: abs(w - USUAL))
        trust[language] = best
        table += [(name, *(halves[name][w] for w in ("fast", 0.0, best)), best) for name in names]
    (out / "trust.toml").write_text(COMMENT + "".join(f"{each} = {weight}\n" for each, weight in trust.items()))
    print("| set | fast | encoder | blend | weight | the other half: fast | encoder | blend |")
    print("|---|---|---|---|---|---|---|---|")
    for name, a, b, c, weight in sorted(table):
        cells = [f"{100 * (s[0] + s[1]).f1:.1f}" for s in (a, b, c)] + [f"{weight}"]
        print("|", " | ".join([name, *cells, *(f"{100 * s[1].f1:.1f}" for s in (a, b, c))]), "|")
    for title, pick in (("all", lambda s: (s[0] + s[1]).f1), ("the other half", lambda s: s[1].f1)):
        means = [100 * float(np.mean([pick(row[i]) for row in table])) for i in (1, 2, 3)]
        print(f"mean, {title}: fast {means[0]:.1f}, encoder {means[1]:.1f}, blend {means[2]:.1f}")


def score(kit: EntityKit, language: str, lines: Iterable[tuple[str, set[Span]]]) -> list[Score]:
    """Score the even and the odd sentences."""
    halves = [Score(0, 0, 0), Score(0, 0, 0)]
    for i, (text, gold) in enumerate(lines):
        found = tag_sentence(text, language, kit)
        halves[i % 2] += Score(len(found & gold), len(found), len(gold))
    return halves


if __name__ == "__main__":
    main()
