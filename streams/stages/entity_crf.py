"""The `fast` tagger: a conditional random field whose features are hashed and whose weights are small integers.

Every observation is a 32-bit key, made the same way when the weights are learnt (`tools/train_entities.py`) and when
they are used. What a token says by itself is looked up once and remembered, so a page of prose costs one table row a
token; what neighbours say together is hashed and looked up for the whole text at once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

LABELS: Final = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")

Keys = NDArray[np.uint32]
Floats = NDArray[np.float32]

MARGIN: Final = 3
"""Blank tokens before and after each sentence: the farthest neighbour that a feature looks at."""

MAX_RUN: Final = 150
"""Tokens that are decoded in one piece, so that one endless line cannot take the memory of thousands."""

MOST_AT_ONCE: Final = 4096
"""Tokens whose weights are added up at a time: 3 MB, which the processor's cache still holds."""

SHAPES: Final = 1024
"""Shapes of words remembered: most words have one of a few dozen."""

MAX_TYPES: Final = 60_000
"""Token types remembered per model: 17 MB. Past that the memory starts afresh."""

_BLANK: Final = np.array([1e4, *[0] * 6], np.float32)
_OFFSETS: Final = (-2, -1, 0, 1, 2)
_PRIME: Final = np.uint32(0x9E3779B1)
_MIX: Final = np.uint32(0x85EBCA6B)


class Lexicon(NamedTuple):
    """What is known of single words: parallel arrays, sorted by key."""

    keys: Keys
    """`crc32` of the lower-case word."""
    clusters: NDArray[np.uint16]
    """0 where the word has none; the high byte is the cluster of its cluster."""
    flags: NDArray[np.uint16]
    """Bits: what lists it stands in."""

    def find(self, word: str) -> tuple[int, int]:
        """Cluster and flags of a lower-case word, zeros where it is not known."""
        key = crc32(word.encode("utf-8", "surrogatepass"))
        at = int(self.keys.searchsorted(np.uint32(key)))
        if at < len(self.keys) and self.keys[at] == key:
            return int(self.clusters[at]), int(self.flags[at])
        return 0, 0


class Weights(NamedTuple):
    """The weights by key: a hash table that a whole text's keys are looked up in at once."""

    table: NDArray[np.uint64]
    """A key in the high half of each slot that its first bits or those of a neighbour lead to, 0 where there is none;
    in the low half the key's row, in an empty slot the last row. Both are in one number, so that a look-up waits for
    the memory once."""
    rows: Floats
    """One row a key, one column a label and a blank one for the processor's sake; the last row is all zeros."""
    shift: np.uint32

    def look_up(self, keys: Keys) -> NDArray[np.uint32]:
        """Rows of an array of keys: the row of zeros for a key that is not there."""
        flat = keys.ravel()
        at = (flat >> self.shift).astype(np.intp)
        none = np.uint32(len(self.rows) - 1)
        there, found = self._read(at)
        (open_,) = np.nonzero((there != flat) & (found != none))
        while len(open_):
            # Taken by another key: the next slot is where it would be, up to the first empty one.
            at[open_] += 1
            there, rows = self._read(at[open_])
            found[open_] = rows
            open_ = open_[(there != flat[open_]) & (rows != none)]
        return found.reshape(keys.shape)

    def _read(self, slots: NDArray[np.intp]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Keys and rows of slots."""
        pairs = self.table.take(slots)
        return (pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32)


def weights_of(keys: Keys, rows: Floats) -> Weights:
    """Make a table four times as large as its keys, which are sorted, and their weights, one row a key."""
    size = len(keys)
    bits = max(1, int(np.ceil(np.log2(4 * size + 4))))
    shift = np.uint32(32 - bits)
    slots = (keys >> shift).astype(np.intp) - np.arange(size)
    slots = np.maximum.accumulate(slots) + np.arange(size)
    table = np.full(max(2**bits, slots[-1] + 1 if size else 0) + 1, size, np.uint64)
    table[slots] = keys.astype(np.uint64) << np.uint64(32) | np.arange(size, dtype=np.uint64)
    wide = np.zeros((size + 1, len(LABELS) + 1), np.float32)
    wide[:-1, :-1] = rows
    return Weights(table, wide, shift)


@dataclass(slots=True)
class Crf:
    """A model of one group of languages, and its memory of token types.

    The memory changes no answer, only how soon it comes; it makes a model one thread's at a time.
    """

    letters: bool
    """Whether tokens are single letters (Thai, Han, Kana, Hangul) rather than words."""
    weights: Weights
    transitions: Floats
    """From row to column."""
    lexicon: Lexicon
    rows: "_Rows" = field(default_factory=lambda: _Rows())
    emissions: Floats = field(default_factory=lambda: np.zeros((len(_OFFSETS), 1024, len(LABELS) + 1), np.float32))
    """What tokens say of one that they stand at an offset from: a table for each offset, in rows as wide as weights."""
    facets: NDArray[np.uint32] = field(default_factory=lambda: np.zeros((1024, 3), np.uint32))

    def tag(self, surfaces: Sequence[str], listed: NDArray[np.uint32]) -> list[tuple[int, int, str]]:
        """Give the names among tokens: first token, last token (exclusive) and type.

        Takes the tokens of sentences, `MARGIN` empty ones before, between and after them, and of each the code of the
        gazetteer match that it is in.
        """
        rows = self._remember(surfaces)
        scores = np.empty((len(rows), len(LABELS)), np.float32)
        scores[:MARGIN] = scores[-MARGIN:] = _BLANK
        for start in range(MARGIN, len(rows) - MARGIN, MOST_AT_ONCE):
            end = min(start + MOST_AT_ONCE, len(rows) - MARGIN)
            around = slice(start - MARGIN, end + MARGIN)
            scores[start:end] = self._score(rows[around], listed[around])[:, :-1]
        scores[rows == self.rows[""]] = _BLANK
        return spans_of(decode(scores, self.transitions))

    def _score(self, rows: NDArray[np.intp], listed: NDArray[np.uint32]) -> Floats:
        """Add up what each token and its neighbours say: `MARGIN` fewer at both ends."""
        found = self.weights.look_up(neighbour_keys(self.facets[rows], listed, letters=self.letters))
        scores: Floats = self.weights.rows.take(found, axis=0).sum(axis=0)
        for table, offset in zip(self.emissions, _OFFSETS, strict=True):
            scores += table.take(rows[MARGIN + offset : len(rows) - MARGIN + offset], axis=0)
        return scores

    def _remember(self, surfaces: Sequence[str]) -> NDArray[np.intp]:
        if len(self.rows) > MAX_TYPES:
            self.rows = _Rows()
        rows = np.fromiter(map(self.rows.__getitem__, surfaces), np.intp, len(surfaces))
        if new := self.rows.new:
            self._learn(new)
            new.clear()
        return rows

    def _learn(self, new: list[str]) -> None:
        first, last = len(self.rows) - len(new), len(self.rows)
        if last > len(self.facets):
            self.emissions = np.pad(self.emissions, ((0, 0), (0, 2 * last - len(self.facets)), (0, 0)))
            self.facets = np.resize(self.facets, (2 * last, self.facets.shape[1]))
        described = [describe(surface, self.lexicon) for surface in new]
        keys, lengths = [], []
        for offset in _OFFSETS:
            given = [what.at(offset) for what in described]
            lengths += [len(observations) for observations in given]
            keys.append(_at_offset(list(chain.from_iterable(given)), offset))
        found = self.weights.look_up(np.concatenate(keys))
        flat = self.weights.rows.take(found, axis=0)
        starts = np.cumsum([0, *lengths[:-1]])
        self.emissions[:, first:last] = np.add.reduceat(flat, starts, axis=0).reshape(len(_OFFSETS), len(new), -1)
        self.facets[first:last] = [what.facets for what in described]


class _Rows(dict[str, int]):
    """Numbers each token type when it is first asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[str] = []
        """Those that nothing was learnt of yet, in order."""

    def __missing__(self, surface: str) -> int:
        self[surface] = row = len(self)
        self.new.append(surface)
        return row


class Description(NamedTuple):
    """What one token says: hashes of observations for itself, for its neighbours, and for those after next."""

    inner: list[int]
    near: list[int]
    far: list[int]
    facets: tuple[int, int, int]
    """Word, shape and cluster: what `neighbour_keys` combines."""

    def at(self, offset: int) -> list[int]:
        """The observations that the token at `offset` gives: never empty."""
        return (self.inner, self.near, self.far)[abs(offset)]


def describe(surface: str, lexicon: Lexicon) -> Description:
    """Say everything about a token that can be said without its neighbours."""
    lower = surface.lower()
    shape = word_shape(surface)
    short = squeeze(shape)
    if len(surface) == 1:
        word, kind = _hash("w" + surface), _hash("c" + shape)
        return Description([word, kind], [word, kind], [word, kind], (word, kind, 0))
    digits = lower if lower.isalpha() else "".join("0" if c.isdigit() else c for c in lower)
    cluster, flags = lexicon.find(lower)
    listed = [f"g{bit}" for bit in range(16) if flags >> bit & 1] if flags else []
    groups = [f"k{cluster}", f"K{cluster >> 8}"] if cluster else ["K-"]
    near = ["l" + digits, "c" + short, "s" + digits[-3:], *groups, *listed]
    inner = [
        *near,
        "w" + surface,
        "h" + shape,
        *(f"p{n}{digits[:n]}" for n in (1, 2, 3, 4) if n < len(digits)),
        *(f"s{n}{digits[-n:]}" for n in (1, 2, 4, 5) if n < len(digits)),
        *(f"{g}|{short}" for g in (*groups, *listed)),
        f"s3|{digits[-3:]}|{short}",
    ]
    if "\u0621" <= lower[:1] <= "\u064a":
        bare = _bare_arabic(lower, lexicon)
        near += bare
        inner += [*bare, *(f"{each}|{digits[-2:]}" for each in bare)]
    far = ["l" + digits, "c" + short, *groups]
    facets = (_hash("l" + digits), _hash("c" + short), _hash(groups[-1]))
    return Description([*map(_hash, inner)], [*map(_hash, near)], [*map(_hash, far)], facets)


def _bare_arabic(word: str, lexicon: Lexicon) -> list[str]:
    """What is known of a word without the article and the `and`, `by`, `for`, `as` that Arabic writes onto it."""
    clitic = _CLITICS.match(word)
    bare = word[clitic.end() :] if clitic else word
    if not clitic or len(bare) < 3:
        return ["e-"]
    cluster, flags = lexicon.find(bare)
    known = [f"e{bit}" for bit in range(16) if flags >> bit & 1]
    return ["e" + clitic[0], "b" + bare, *known, *([f"E{cluster >> 8}"] if cluster else [])]


_CLITICS: Final = re.compile("[وف]?(?:[بكل]?ال|لل|[بكل])|[وف]")


def neighbour_keys(facets: NDArray[np.uint32], listed: NDArray[np.uint32], *, letters: bool) -> Keys:
    """Hash what neighbouring tokens say together: one column for each token that has `MARGIN` others on both sides."""
    together = _TOGETHER[letters]
    size = len(facets) - 2 * MARGIN
    shifted = sliding_window_view(np.vstack([facets.T, listed]), size, axis=1)
    keys = np.repeat(together.seeds, size, axis=1)
    # The first parts of all features, then the second ones of those that have two: few steps over large tables.
    for facet, offset in together.parts:
        key = keys[: len(facet)]
        key ^= shifted[facet, offset]
        key *= _PRIME
        key ^= key >> np.uint32(15)
    return keys


class _Together(NamedTuple):
    """Features of neighbouring tokens, those of most parts first."""

    seeds: Keys
    """One row a feature: what tells it from the others."""
    parts: list[tuple[NDArray[np.intp], NDArray[np.intp]]]
    """Of the nth parts, facet (word, shape, cluster, gazetteer) and offset; fewer features have each next part."""


def _together(*features: str) -> _Together:
    parts = [[("wckg".index(part[0]), MARGIN + int(part[1:])) for part in feature.split()] for feature in features]
    order = sorted(range(len(parts)), key=lambda i: -len(parts[i]))
    steps = [[parts[i][n] for i in order if len(parts[i]) > n] for n in range(len(parts[order[0]]))]
    columns = [np.array(step, np.intp).T for step in steps]
    return _Together(np.array(order, np.uint32)[:, None] + np.uint32(1), [(facet, offset) for facet, offset in columns])


_LISTED: Final = ("g0", "g-1", "g1", "g0 c0", "g0 w-1", "g0 w1")
_TOGETHER: Final = {
    False: _together(
        "w-1 w0", "w0 w1", "w-1 c0", "c0 w1", "c-1 c0 c1", "k-1 c0", "c0 k1", "w-2 w-1 c0", *_LISTED,
    ),
    True: _together(
        "w-1 w0", "w0 w1", "w-2 w-1", "w1 w2", "w-2 w-1 w0", "w-1 w0 w1", "w0 w1 w2", "w-3 w-2 w-1", "w1 w2 w3",
        "w-2 w-1 w0 w1", "w-1 w0 w1 w2", "c-2 c-1 c0 c1 c2", "w-3", "w3", *_LISTED,
    ),
}  # fmt: skip
"""What is combined: w word, c shape, k cluster, g gazetteer, each with the offset of its token. The place of a feature
in the list is its seed: new ones go to the end."""


def decode(scores: Floats, transitions: Floats) -> NDArray[np.int8]:
    """Find the best label of every row (Viterbi).

    Where `O` leads by more than any two transitions can give, it stands whatever its neighbours are: there the rows
    are cut into short runs, and these are decoded all together, one step at a time.
    """
    columns = np.ascontiguousarray(scores.T)
    certain = columns[0] - columns[1:].max(axis=0) > _largest_swing(transitions.tobytes())
    edges = np.flatnonzero(np.diff(np.concatenate([[True], certain, [True]])))
    labels = bytearray(len(scores))
    if not len(edges):
        return np.frombuffer(labels, np.int8)
    starts, lengths = _cut(edges[::2], edges[1::2])
    # The first rows of all runs lie side by side, then the second ones of those that have two: the longest run is
    # first, so each step goes on with the first so many.
    order = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[order], lengths[order]
    count = len(starts)
    steps = np.arange(lengths[0])
    alive = np.searchsorted(-lengths, -steps - 1, side="right")
    bounds = np.concatenate([[0], np.cumsum(alive)])
    run = np.arange(bounds[-1]) - np.repeat(bounds[:-1], alive)
    best = columns.take(starts[run] + np.repeat(steps, alive), axis=1)
    best[:, :count] += transitions[0][:, None]
    by_source = transitions[:, :, None]
    edge = bounds.tolist()
    for step in range(1, len(steps)):
        begin, middle, end = edge[step - 1 : step + 2]
        paths = best[:, None, begin : begin + end - middle] + by_source
        best[:, middle:end] += np.maximum.reduce(paths, axis=0)
    back = _sources(best, by_source).T.tobytes()
    last = (best[:, bounds[lengths - 1] + np.arange(count)] + transitions[:, :1]).argmax(axis=0).tolist()
    for number, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True)):
        label = last[number]
        for step in range(length - 1, -1, -1):
            labels[start + step] = label
            if step:
                label = back[len(LABELS) * (edge[step - 1] + number) + label]
    return np.frombuffer(labels, np.int8)


def _sources(best: Floats, by_source: Floats) -> NDArray[np.int8]:
    """Of each label and column, the best label before it: `argmax`, which is slow over so few."""
    most = best[0] + by_source[0]
    sources = np.zeros(most.shape, np.int8)
    for source in range(1, len(LABELS)):
        path = best[source] + by_source[source]
        np.copyto(sources, source, where=path > most)
        np.maximum(most, path, out=most)
    return sources


def _cut(starts: NDArray[np.intp], ends: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Starts and lengths of runs, none of them longer than `MAX_RUN`."""
    lengths = ends - starts
    if lengths.max() <= MAX_RUN:
        return starts, lengths
    cuts = [range(start, end, MAX_RUN) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    starts = np.array([*chain.from_iterable(cuts)], np.intp)
    return starts, np.minimum(np.repeat(ends, [*map(len, cuts)]) - starts, MAX_RUN)


@lru_cache
def _largest_swing(table: bytes) -> float:
    """The most that the transitions around a token can favour another label over `O`."""
    transitions = np.frombuffer(table, np.float32).reshape(len(LABELS), -1)
    begins = [0, *range(1, len(LABELS), 2)]
    into = (transitions - transitions[:, :1])[:, 1:].max(axis=0)
    out = (transitions - transitions[:1])[1:][:, begins].max(axis=1)
    return float((into + out).max())


def spans_of(labels: NDArray[np.int8]) -> list[tuple[int, int, str]]:
    """Read first token, last token (exclusive) and type off a row of labels."""
    found: list[tuple[int, int, str]] = []
    (tagged,) = np.nonzero(labels)
    for at, label in zip(tagged.tolist(), labels[tagged].tolist(), strict=True):
        kind = LABELS[label][2:]
        if label % 2 == 0 and found and found[-1][1] == at and found[-1][2] == kind:
            found[-1] = (found[-1][0], at + 1, kind)
        else:
            found.append((at, at + 1, kind))
    return found


def load(path: Path, lexicon: Lexicon) -> Crf:
    """Read a model that `tools/train_entities.py` wrote."""
    with np.load(path) as arrays:
        rows = arrays["weights"].astype(np.float32) * arrays["scale"]
        return Crf(bool(arrays["letters"]), weights_of(arrays["keys"], rows), arrays["transitions"], lexicon)


def word_shape(surface: str) -> str:
    """Write `X` for a capital, `x` for a small letter, `0` for a digit, one letter for each unspaced script."""
    return surface.translate(_ASCII_SHAPES) if surface.isascii() else "".join(map(_shape, surface))


_ASCII_SHAPES: Final = {
    code: "X" if chr(code).isupper() else "x" if chr(code).islower() else "0"
    for code in range(128)
    if chr(code).isalnum()
}


@lru_cache(SHAPES)
def squeeze(shape: str) -> str:
    """Leave one of each run."""
    return "".join(c for c, before in zip(shape, " " + shape, strict=False) if c != before)


def _shape(letter: str) -> str:
    if letter.isupper():
        return "X"
    if letter.islower():
        return "x"
    if letter.isdigit():
        return "0"
    for low, high, name in _BLOCKS:
        if low <= letter <= high:
            return name
    return "a" if letter.isalpha() else letter


_BLOCKS: Final = (
    ("\u0600", "\u06ff", "r"), ("\u0e01", "\u0e2e", "t"), ("\u0e2f", "\u0e7f", "v"), ("\u3040", "\u309f", "h"),
    ("\u30a0", "\u30ff", "k"), ("\u3400", "\u9fff", "z"), ("\uac00", "\ud7af", "o"),
)  # fmt: skip


def _hash(observation: str) -> int:
    return crc32(observation.encode("utf-8", "surrogatepass"))


def _at_offset(observations: list[int], offset: int) -> Keys:
    key = (np.array(observations, np.uint32) ^ np.uint32((offset + 100) * 0x01000193 & 0xFFFFFFFF)) * _MIX
    key ^= key >> np.uint32(13)
    return key


def observations(
    surfaces: Sequence[str],
    listed: NDArray[np.uint32],
    lexicon: Lexicon,
    *,
    letters: bool,
    memory: dict[str, Description],
) -> list[Keys]:
    """Give the keys of every token of a sentence, laid out as for `Crf.tag`, which adds up the same ones."""
    what = []
    for surface in surfaces:
        if surface not in memory:
            memory[surface] = describe(surface, lexicon)
        what.append(memory[surface])
    together = neighbour_keys(np.array([w.facets for w in what], np.uint32), listed, letters=letters)
    return [
        np.concatenate([*(_at_offset(what[MARGIN + i + o].at(o), o) for o in _OFFSETS), together[:, i]])
        for i in range(len(surfaces) - 2 * MARGIN)
    ]
