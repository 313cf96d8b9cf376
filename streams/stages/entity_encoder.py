"""Find names with a small multilingual encoder: slower than the CRFs, and better where there is little to learn from.

Made by `tools/encoder`; docs/models/entities-accurate.md is its card. Activations are quantised with fixed scales, so
what a sentence gets does not depend on the sentences that are read with it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sentencepiece import SentencePieceProcessor

from streams.stages.entity_context import Name, NameType
from streams.stages.entity_crf import LABELS, decode, spans_of
from streams.stages.entity_gazetteer import encodable
from streams.stages.entity_pieces import OFFSETS, Cut, Pieces, cut_pieces
from streams.text.tokens import sentences, split_tokens

MAX_TEXT: Final = 30_000
"""Characters of a release that are read, ten times a long one: about a second."""
MAX_PIECES: Final = 126
"""Of a sentence that are looked at together; one that has more is cut in two between its tokens."""
ROW: Final = 64
"""Pieces of the sentences that are laid in a row: in longer rows looking around costs more, shorter ones fill less."""
BATCH: Final = 256
"""Pieces of the rows that are read together: with fewer the weights are fetched too often, more leave the cache."""
QUIET: Final = -1.5
"""Log of the odds of the likeliest name up to which a sentence is taken to hold none."""
WINDOW: Final = 4096
"""Pieces that are held between the lower and the upper layers: 6 MB."""
MEMORY: Final = 50_000
"""Words whose pieces are remembered; then they are forgotten all at once."""

_BEGIN, _PAD, _END, _UNKNOWN = 0, 1, 2, 3
"""Pieces that are no text."""

_TYPES: Final[dict[str, NameType]] = {"PER": "PERSON", "ORG": "ORGANISATION", "LOC": "PLACE"}
_KINDS: Final = {type_: kind for kind, type_ in _TYPES.items()}
_TRANSITIONS: Final = np.array(
    [[-1e4 if after[0] == "I" and before[2:] != after[2:] else 0 for after in LABELS] for before in LABELS], np.float32
)
"""An inner label follows one of its own type only; else nothing is likelier than its score."""
_NONE: Final = np.array([[0.0] + [-8.0] * (len(LABELS) - 1)], np.float32)
"""Scores in a sentence without names."""
_BREAK: Final = np.array([[0.0] + [-1e4] * (len(LABELS) - 1)], np.float32)
"""Scores of what stands between two sentences."""

Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]


class NameTagger(Protocol):
    """What finds names sentence by sentence: the CRFs, the encoder, or anything else with this shape."""

    def names(self, text: str, language: str) -> list[Name]:
        """Names of people, organisations and places, in order, none overlapping."""


class Part(NamedTuple):
    """A sentence, or a piece of a long one: its tokens, blanks left out, and their pieces."""

    first: int
    last: int
    pieces: Pieces


class _Laid(NamedTuple):
    """Sentences one behind the other: arrays by piece; the last piece is none and belongs to no sentence."""

    numbers: Numbers
    places: Numbers
    owners: Numbers
    firsts: list[int]
    """The first piece of each sentence, and the end."""
    links: Numbers
    """Columns of piece and place in it: what the tokens have their scores from, in order."""
    tokens: Numbers
    """Where in `links` each token begins."""
    begins: list[int]
    """The first token of each sentence, and the end."""

    def by_token(self, scores: Floats) -> Floats:
        """The mean scores of each token's pieces, from those of every place in every piece."""
        mean: Floats = np.add.reduceat(scores[self.links[0], self.links[1]], self.tokens)
        mean /= np.diff(self.tokens, append=self.links.shape[1]).astype(np.float32)[:, None]
        return mean


@dataclass(frozen=True, slots=True)
class Encoder:
    """Two ONNX sessions, one on top of the other, and the embeddings that the lower one is fed."""

    lower: onnxruntime.InferenceSession
    upper: onnxruntime.InferenceSession
    words: NDArray[np.int8]
    """Embeddings by piece, mapped from the file: processes share them."""
    scales: Floats
    """Of each row of `words`."""
    places: Floats

    def score(self, sentences: Sequence[Pieces], quiet: float = QUIET) -> list[Floats]:
        """Score every label of every token, as log probabilities: one array a sentence.

        The lower layers read all of them. Those in which even the likeliest name is not likelier than `quiet`, a log
        of odds, hold none; the upper layers read the others.
        """
        return list(chain.from_iterable(self._score(part, quiet) for part in _windows(sentences)))

    def _score(self, sentences: Sequence[Pieces], quiet: float) -> list[Floats]:
        laid = _lay(sentences)
        read = np.empty((len(laid.numbers), self.places.shape[1]), np.float32)
        named = np.empty((len(laid.numbers), OFFSETS), np.float32)
        for its in _batches(range(len(sentences)), laid.firsts):
            read[its], named[its] = _run(self.lower, embedded=self._embed(laid, its), apart=_apart(laid.owners[its]))
        likeliest = laid.by_token(named[..., None])[:, 0]
        loud = np.flatnonzero(np.maximum.reduceat(likeliest, laid.begins[:-1]) > quiet).tolist()
        labels = np.zeros((len(laid.numbers), OFFSETS * len(LABELS)), np.float32)
        for its in _batches(loud, laid.firsts):
            (labels[its],) = _run(self.upper, read=read[its], apart=_apart(laid.owners[its]))
        scores = laid.by_token(labels.reshape(-1, OFFSETS, len(LABELS)))
        scores -= np.logaddexp.reduce(scores, axis=1, keepdims=True)
        ends = zip(laid.begins[:-1], laid.begins[1:], strict=True)
        heard = set(loud)
        return [scores[a:b] if n in heard else np.repeat(_NONE, b - a, axis=0) for n, (a, b) in enumerate(ends)]

    def _embed(self, laid: _Laid, its: Numbers) -> Floats:
        numbers = laid.numbers[its]
        embedded: Floats = self.words[numbers].astype(np.float32)
        embedded *= self.scales[numbers][..., None]
        embedded += self.places[laid.places[its]]
        return embedded


def _run(session: onnxruntime.InferenceSession, **inputs: Floats) -> list[Floats]:
    return [np.asarray(output) for output in session.run(None, inputs)]


def _apart(owners: Numbers) -> Floats:
    """What keeps the pieces of one sentence from looking at another's in their row."""
    return np.where(owners[:, None, :, None] == owners[:, None, None, :], np.float32(0), np.float32(-1e4))


def _windows(sentences: Sequence[Pieces]) -> Iterator[Sequence[Pieces]]:
    """Sentences that are read at a time: together of not much more than `WINDOW` pieces."""
    first = size = 0
    for n, pieces in enumerate(sentences):
        if size > WINDOW:
            yield sentences[first:n]
            first, size = n, 0
        size += len(pieces.numbers)
    if sentences:
        yield sentences[first:]


def _lay(sentences: Sequence[Pieces]) -> _Laid:
    sizes = np.array([len(pieces.numbers) + 2 for pieces in sentences])
    firsts = [0, *accumulate(sizes.tolist())]
    numbers = list(chain.from_iterable((_BEGIN, *pieces.numbers, _END) for pieces in sentences))
    owners = np.repeat(np.arange(len(sentences)), sizes)
    counts = [len(pieces.links) for pieces in sentences]
    token, piece, place = np.array(list(chain.from_iterable(pieces.links for pieces in sentences))).T
    tokens = [pieces.links[-1][0] + 1 for pieces in sentences]
    begins = [0, *accumulate(tokens)]
    return _Laid(
        numbers=np.array([*numbers, _PAD]),
        places=np.append(np.arange(len(numbers)) - np.array(firsts)[owners], 0),
        owners=np.append(owners, -1),
        firsts=firsts,
        links=np.array([piece + 1 + np.repeat(firsts[:-1], counts), place]),
        tokens=np.flatnonzero(np.diff(token + np.repeat(begins[:-1], counts), prepend=-1)),
        begins=begins,
    )


def _batches(sentences: Sequence[int], firsts: Sequence[int]) -> Iterator[Numbers]:
    """Lay the sentences of these numbers in rows, as many rows at a time as are read together: the numbers of pieces.

    What a row lacks is the last piece of all, which is none.
    """
    lengths = {i: firsts[i + 1] - firsts[i] for i in sentences}
    for room, fitting in (
        (ROW, [i for i in sentences if lengths[i] <= ROW]),
        (MAX_PIECES + 2, [i for i in sentences if lengths[i] > ROW]),
    ):
        rows = _lay_out(fitting, lengths, room)
        for first in range(0, len(rows), BATCH // room):
            together = rows[first : first + BATCH // room]
            its = np.full((len(together), max(sum(lengths[i] for i in row) for row in together)), firsts[-1])
            for n, row in enumerate(together):
                at = 0
                for i in row:
                    its[n, at : at + lengths[i]] = range(firsts[i], firsts[i + 1])
                    at += lengths[i]
            yield its


def _lay_out(sentences: Sequence[int], lengths: Mapping[int, int], room: int) -> list[list[int]]:
    """Lay sentences in rows, the longest first, each in the first row that has room for it."""
    rows: list[list[int]] = []
    left: list[int] = []
    for i in sorted(sentences, key=lambda i: lengths[i], reverse=True):
        row = next((n for n, space in enumerate(left) if space >= lengths[i]), len(rows))
        if row == len(rows):
            rows.append([])
            left.append(room)
        rows[row].append(i)
        left[row] -= lengths[i]
    return rows


@dataclass(frozen=True, slots=True)
class EncoderTagger:
    """The encoder, and another tagger whose word counts a little."""

    encoder: Encoder
    cut: Cut
    other: NameTagger
    trust: Mapping[str, float]
    """What the other tagger's label adds to the log probability of that label, by language."""

    def names(self, text: str, language: str) -> list[Name]:
        """Label the tokens of every sentence, each sentence once; past `MAX_TEXT` the other tagger's names stand."""
        text = encodable(text)
        parts = split_tokens(text)
        edges = list(accumulate(map(len, parts), initial=0))
        kept = [i for i, part in enumerate(parts) if edges[i] < MAX_TEXT and not part.isspace()]
        tokens = [parts[i] for i in kept]
        spaced = [i == 0 or parts[i - 1].isspace() for i in kept]
        starts = [edges[i] for i in kept]
        order: list[Part] = []
        for start, end in sentences(text):
            order += self._parts(tokens, spaced, bisect_left(starts, start), bisect_left(starts, end))
        said = self.other.names(text, language)
        late = [name for name in said if name.start >= MAX_TEXT]
        if not order:
            return late
        surfaces = [" ".join(tokens[part.first : part.last]) for part in order]
        once = dict(zip(surfaces, order, strict=True))
        scored = dict(zip(once, self.encoder.score([part.pieces for part in once.values()]), strict=True))

        rows = [row for part in order for row in (*range(part.first, part.last), -1)]
        scores = np.concatenate([array for surface in surfaces for array in (scored[surface], _BREAK)])
        scores += self.trust.get(language, 0.0) * _one_hot(said, starts)[rows]
        names = [
            Name(starts[rows[first]], edges[kept[rows[last - 1]] + 1], _TYPES[kind])
            for first, last, kind in spans_of(decode(scores, _TRANSITIONS))
        ]
        return names + late

    def _parts(self, tokens: Sequence[str], spaced: Sequence[bool], first: int, last: int) -> Iterator[Part]:
        if not any(map(str.isalpha, chain.from_iterable(tokens[first:last]))):
            return
        pieces = cut_pieces(tokens[first:last], spaced[first:last], self.cut)
        if len(pieces.numbers) <= MAX_PIECES:
            yield Part(first, last, pieces)
        elif last - first == 1:
            yield Part(first, last, Pieces(pieces.numbers[:MAX_PIECES], pieces.links[:MAX_PIECES]))
        else:
            middle = (first + last) // 2
            yield from self._parts(tokens, spaced, first, middle)
            yield from self._parts(tokens, spaced, middle, last)


def _one_hot(names: Sequence[Name], starts: Sequence[int]) -> Floats:
    """1 at the label that the names give each token that begins at `starts`; the row after the last token is empty."""
    labels = np.zeros((len(starts) + 1, len(LABELS)), np.float32)
    labels[:-1, 0] = 1
    for name in names:
        first, last = bisect_left(starts, name.start), bisect_left(starts, name.end)
        labels[first:last] = 0
        labels[first:last, LABELS.index("I-" + _KINDS[name.type])] = 1
        labels[first:last][:1] = 0
        labels[first:last][:1, LABELS.index("B-" + _KINDS[name.type])] = 1
    return labels


def load(directory: Path, other: NameTagger, trust: Mapping[str, float]) -> EncoderTagger:
    """Read what `tools/encoder` wrote."""
    return EncoderTagger(load_encoder(directory), cutter(directory / "pieces.model"), other, trust)


def load_encoder(directory: Path) -> Encoder:
    """Open the sessions; one thread, for the pool runs a process a core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    # The graph is as the kernels want it; onnxruntime's own fusion of sum and norm is slower than the two.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    lower, upper = (
        onnxruntime.InferenceSession(directory / f"{name}.onnx", options, providers=["CPUExecutionProvider"])
        for name in ("lower", "upper")
    )
    words = np.load(directory / "words.npy", mmap_mode="r")
    with np.load(directory / "tables.npz") as tables:
        return Encoder(lower, upper, words, tables["scales"].astype(np.float32), tables["places"])


def cutter(model: Path) -> Cut:
    """Cut text into the pieces of a sentencepiece model, with a memory for words."""
    processor = SentencePieceProcessor(model_file=str(model))
    memory: dict[str, list[tuple[int, int]]] = {}

    def cut(text: str) -> list[tuple[int, int]]:
        if (known := memory.get(text)) is not None:
            return known
        pieces = processor.encode(text, out_type=str)
        found = list(zip(processor.piece_to_id(pieces), map(len, pieces), strict=True))
        if sum(length for _, length in found) != len(text):
            found = [(_UNKNOWN, len(text))]
        if len(memory) >= MEMORY:
            memory.clear()
        memory[text] = found
        return found

    return cut
