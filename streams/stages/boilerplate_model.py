"""The line model: weights of features of lines, and of one label after another. `native/src/model.rs` decodes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streams import native

Floats = NDArray[np.float64]


class LineModel:
    """A linear-chain model of a release's lines (`tools/train_boilerplate.py`).

    It remembers what groups of features weigh. The memory changes no answer, only how soon it comes.
    """

    def __init__(self, labels: Sequence[str], weights: dict[str, Floats], transitions: Floats) -> None:
        """`weights` has an array with one weight a label for each feature; `transitions` go from row to column."""
        self._labels, self._weights, self._transitions = labels, weights, transitions
        rows = [row.tolist() for row in weights.values()]
        self.engine = native.LineModel(labels, list(weights), rows, transitions.tolist())

    def tag(self, lines: Sequence[Sequence[str]]) -> list[str]:
        """The best label of every line, given the features of each in words."""
        return self.engine.tag(lines)

    def save(self, path: Path) -> None:
        """Write the weights, as single floats; the same weights make the same bytes."""
        features = sorted(self._weights)
        np.savez_compressed(
            path,
            labels=np.array(self._labels),
            features=np.array(features),
            weights=np.array([self._weights[feature] for feature in features], np.float32),
            transitions=np.array(self._transitions, np.float32),
        )


def load(path: Path) -> LineModel:
    """Read a model that `LineModel.save` wrote."""
    with np.load(path) as arrays:
        rows = arrays["weights"].astype(np.float64)
        weights = dict(zip(arrays["features"].tolist(), rows, strict=True))
        return LineModel(arrays["labels"].tolist(), weights, arrays["transitions"].astype(np.float64))
