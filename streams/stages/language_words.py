"""What the commonest words of a text say of its language: evidence for the pool where a text is short."""

import gzip
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.stage import StageConfig

Words = Mapping[str, Mapping[str, int]]
"""Tag to word to how rare it is: a tenth of a nat of its negative log-probability."""

WORD_COLUMNS = ("words", "names", "words_known", "words_common", "words_unlisted", "words_unlisted_length")
"""What `word_evidence` tells of each tag."""

UNLISTED = 150
"""Rarity of a word that a language's list does not hold: well above the last that it holds, 100."""
COMMON = 70
"""Below, a word is one of some 150: function words, as a rule."""
FARTHEST_WORDS, FARTHEST_NAMES = 2000, 1000
SCALE = 50.0
"""A long text is not surer than this, and the sums are brought to the size of the other columns."""

_WORD = re.compile(r"[^\W\d_]+")


def load_words(config: StageConfig) -> Words:
    """Read the lists of common words."""
    words: defaultdict[str, dict[str, int]] = defaultdict(dict)
    with gzip.open(config.path("language/words.tsv.gz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            word, *rarities = line.rstrip("\n").split("\t")
            for tag, rarity in zip(rarities[::2], rarities[1::2], strict=True):
                words[tag][word] = int(rarity)
    return words


def word_evidence(text: str, tags: Sequence[str], words: Words) -> list[tuple[float, ...]]:
    """Tell for each tag how well the words of a text fit it, beside the tag that they fit best.

    Words in small letters and words with a capital, which may be names, are told apart. A tag without a list gets
    zeros, and is marked as such.
    """
    tokens = _WORD.findall(text)
    small = [word for word in tokens if word.islower() or len(word) == 1]
    large = [word.lower() for word in tokens if not (word.islower() or len(word) == 1)]
    found = {tag: _Found.of(words[tag], small, large) for tag in tags if tag in words}
    least_small = min((some.small for some in found.values()), default=0)
    least_large = min((some.large for some in found.values()), default=0)
    root_small, root_large = math.sqrt(max(len(small), 1)), math.sqrt(max(len(large), 1))
    unlisted = (0.0, 0.0, 0.0, 0.0, 1.0, math.log1p(len(tokens) / 5))
    return [
        (
            -min(some.small - least_small, FARTHEST_WORDS) / root_small / SCALE,
            -min(some.large - least_large, FARTHEST_NAMES) / root_large / SCALE,
            some.known / max(len(small), 1),
            some.common / max(len(tokens), 1),
            0.0,
            0.0,
        )
        if (some := found.get(tag))
        else unlisted
        for tag in tags
    ]


class _Found(NamedTuple):
    """What a list says of a text: sums of rarities, words it holds, words it has among the commonest."""

    small: int
    large: int
    known: int
    common: float

    @classmethod
    def of(cls, some: Mapping[str, int], small: Sequence[str], large: Sequence[str]) -> "_Found":
        in_small = [some.get(word, UNLISTED) for word in small]
        in_large = [some.get(word, UNLISTED) for word in large]
        common = sum([rarity < COMMON for rarity in in_small]) + sum([rarity < COMMON for rarity in in_large]) / 2
        return cls(sum(in_small), sum(in_large), len(in_small) - in_small.count(UNLISTED), common)
