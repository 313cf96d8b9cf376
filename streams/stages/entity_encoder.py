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
_BREAK: Final = np.array([[0.0] + [-1e4] * (len(LABELS) - 1)], np.float32)
"""Scores of what stands between two sentences."""

Floats = NDArray[np.float32]


class NameTagger(Protocol):
    """What finds names sentence by sentence: the CRFs, the encoder, or anything else with this shape."""

    def names(self, text: str, language: str) -> list[Name]:
        """Names of people, organisations and places, in order, none overlapping."""


class Part(NamedTuple):
    """A sentence, or a piece of a long one: its tokens, blanks left out, and their pieces."""

    first: int
    last: int
    pieces: Pieces


@dataclass(frozen=True, slots=True)
class Encoder:
    """An ONNX session and the embeddings that it is fed."""

    session: onnxruntime.InferenceSession
    words: NDArray[np.int8]
    """Embeddings by piece, mapped from the file: processes share them."""
    scales: Floats
    """Of each row of `words`."""
    places: Floats

    def score(self, sentences: Sequence[Pieces]) -> list[Floats]:
        """Score every label of every token, as log probabilities: one array a sentence."""
        lengths = [len(pieces.numbers) + 2 for pieces in sentences]
        scores: list[Floats] = [_BREAK] * len(sentences)
        for room, its in (
            (ROW, [i for i, length in enumerate(lengths) if length <= ROW]),
            (MAX_PIECES + 2, [i for i, length in enumerate(lengths) if length > ROW]),
        ):
            rows = _lay_out(its, lengths, room)
            for first in range(0, len(rows), BATCH // room):
                self._run(sentences, rows[first : first + BATCH // room], scores)
        return scores

    def _run(self, sentences: Sequence[Pieces], rows: Sequence[Sequence[int]], scores: list[Floats]) -> None:
        """Score the sentences of those numbers; those of a row do not see each other."""
        width = max(sum(len(sentences[i].numbers) + 2 for i in row) for row in rows)
        numbers, places, owners = np.full((3, len(rows), width), [[[_PAD]], [[0]], [[-1]]])
        begins: list[tuple[int, int, int]] = []
        for n, row in enumerate(rows):
            at = 0
            for i in row:
                end = at + len(sentences[i].numbers) + 2
                numbers[n, at:end] = [_BEGIN, *sentences[i].numbers, _END]
                places[n, at:end] = range(end - at)
                owners[n, at:end] = i
                begins.append((i, n, at))
                at = end
        embedded = self.words[numbers].astype(np.float32) * self.scales[numbers][..., None]
        embedded += self.places[places]
        apart = np.where(owners[:, None, :, None] == owners[:, None, None, :], np.float32(0), np.float32(-1e4))
        labels = np.asarray(self.session.run(None, {"embedded": embedded, "apart": apart})[0])
        labels = labels.reshape(len(rows), width, OFFSETS, len(LABELS))
        for i, n, at in begins:
            token, piece, offset = np.array(sentences[i].links).T
            picked = labels[n, at + 1 + piece, offset]
            firsts = np.flatnonzero(np.diff(token, prepend=-1))
            counts = np.diff(firsts, append=len(token)).astype(np.float32)
            mean = np.add.reduceat(picked, firsts) / counts[:, None]
            scores[i] = (mean - np.logaddexp.reduce(mean, axis=1, keepdims=True)).astype(np.float32)


def _lay_out(its: Sequence[int], lengths: Sequence[int], room: int) -> list[list[int]]:
    """Lay sentences in rows, the longest first, each in the first row that has room for it."""
    rows: list[list[int]] = []
    left: list[int] = []
    for i in sorted(its, key=lengths.__getitem__, reverse=True):
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
    """Open the session; one thread, for the pool runs a process a core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    # The graph is as the kernels want it; onnxruntime's own fusion of sum and norm is slower than the two.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = onnxruntime.InferenceSession(directory / "encoder.onnx", options, providers=["CPUExecutionProvider"])
    words = np.load(directory / "words.npy", mmap_mode="r")
    with np.load(directory / "tables.npz") as tables:
        return Encoder(session, words, tables["scales"].astype(np.float32), tables["places"])


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
