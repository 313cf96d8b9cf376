"""Choose the pieces that the encoder keeps: DIRECTORY/pieces.model for sentencepiece, and DIRECTORY/kept.npy.

Run with: python -m tools.encoder.pieces DATA SHARED e5-small-q4.bin DIRECTORY

A piece is kept if any text at hand, list of names or frequent word needs it, or if it is a single letter; what is
dropped is spelt with what is left. Nothing of the texts is kept but which pieces they need.
"""

import gzip
import json
import re
import sys
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sentencepiece import sentencepiece_model_pb2 as proto
from wordfreq import top_n_list

from streams.stage import StageConfig, config_directory
from streams.stages.entity_encoder import cutter
from streams.stages.entity_pieces import cut_pieces
from streams.text.tokens import UNSPACED, split_tokens
from tools.encoder.weights import read_weights

FREQUENT = 40_000
LANGUAGES = ("en", "de", "fr", "es", "pt", "id", "ms", "vi", "ru", "ar", "zh", "ja", "ko")
LONGEST = 4
"""Letters of a piece of an unspaced script: one that holds more hides where names begin."""
SPECIAL = 4
"""Pieces at the front that are no text."""
WORD_START = "\u2581"
UNUSABLE = re.compile(r"\.panx\.|\.malaya\.")
"""Files whose licence is unclear, of their labels or of all."""
HAS_UNSPACED = re.compile(f"[{UNSPACED}]")


def main() -> None:
    data, shared, weights, out = map(Path, sys.argv[1:5])
    model = read_weights(weights, 0)
    pieces = [piece.decode("utf-8", "replace") for piece in model.pieces]
    usable = [i for i, piece in enumerate(pieces) if i < SPECIAL or letters(piece) <= LONGEST or not unspaced(piece)]
    every = out / "every.model"
    every.write_bytes(sentencepiece_model([(pieces[i], float(model.scores[i])) for i in usable]))
    needed = set(range(SPECIAL))
    cut = cutter(every)
    for text in texts(data, shared):
        tokens = read_tokens(text)
        needed.update(cut_pieces(tokens.surfaces, tokens.spaced, cut).numbers)
    kept = [i for n, i in enumerate(usable) if n in needed or letters(pieces[i]) <= 1]
    np.save(out / "kept.npy", np.array(kept, np.int32))
    model_file = sentencepiece_model([(pieces[i], round(float(model.scores[i]), 4)) for i in kept])
    (out / "pieces.model").write_bytes(model_file)
    print(f"{len(kept)} of {len(pieces)} pieces")


class Tokens(NamedTuple):
    """The tokens of a text, blanks left out."""

    surfaces: list[str]
    starts: list[int]
    spaced: list[bool]
    """Whether a blank, or nothing, stands before."""


def read_tokens(text: str) -> Tokens:
    parts = split_tokens(text)
    starts = list(accumulate(map(len, parts), initial=0))
    kept = [i for i, part in enumerate(parts) if not part.isspace()]
    spaced = [i == 0 or parts[i - 1].isspace() for i in kept]
    return Tokens([parts[i] for i in kept], [starts[i] for i in kept], spaced)


def letters(piece: str) -> int:
    return len(piece.lstrip(WORD_START))


def unspaced(piece: str) -> bool:
    return HAS_UNSPACED.search(piece) is not None


def texts(data: Path, shared: Path) -> Iterator[str]:
    for path in sorted(data.glob("train/*.gz")):
        if not UNUSABLE.search(path.name):
            yield from (record["text"] for record in read(path))
    for path in sorted((shared / "language").glob("dev_*.jsonl.gz")):
        yield from (record["text"] for record in read(path) if record["language"][:2] in {*LANGUAGES, "th"})
    for path in sorted((shared / "corpus" / "synthetic").glob("*.json")):
        yield from (line["text"] for line in json.loads(path.read_text(encoding="utf-8"))["lines"])
    yield from (record["text"] for record in read(shared / "corpus" / "unlabelled" / "releases.jsonl.gz"))
    for language in LANGUAGES:
        for word in top_n_list(language, FREQUENT):
            yield word
            yield word.title()
    config = StageConfig(config_directory())
    for name in ("places", "companies"):
        with gzip.open(config.path(f"entities/{name}.tsv.gz"), "rt", encoding="utf-8") as lines:
            yield from (line.partition("\t")[0] for line in lines)


def sentencepiece_model(table: list[tuple[str, float]]) -> bytes:
    """A model that cuts text as it is, without normalising it."""
    model = proto.ModelProto()
    kinds = proto.ModelProto.SentencePiece
    special = {0: kinds.CONTROL, 1: kinds.CONTROL, 2: kinds.CONTROL, 3: kinds.UNKNOWN}
    for number, (piece, score) in enumerate(table):
        model.pieces.add(piece=piece, score=score, type=special.get(number, kinds.NORMAL))
    model.trainer_spec.model_type = proto.TrainerSpec.UNIGRAM
    model.trainer_spec.vocab_size = len(table)
    for number, name in enumerate(("bos", "pad", "eos", "unk")):
        setattr(model.trainer_spec, f"{name}_id", number)
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    model.normalizer_spec.escape_whitespaces = False
    return model.SerializeToString(deterministic=True)


def read(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


if __name__ == "__main__":
    main()
