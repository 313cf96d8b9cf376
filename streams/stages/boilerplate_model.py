"""The line model: a linear-chain model whose features come in groups that are weighed once and remembered.

A group is a function and what it is called with; it gives features, whose weights are summed into one row of a table.
Releases ask for the same few thousand groups over and over, so a line costs one look-up a group, and a release one sum.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from operator import add
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Group: TypeAlias = tuple[Any, ...]
"""A function that gives features, and its arguments: all hashable, and no text of a release among them."""

Floats = NDArray[np.float64]

MAX_GROUPS = 100_000
"""Groups remembered, 12 MB of weights (4,000 releases ask for some 20,000). Past that the memory starts afresh."""


def spell(groups: Sequence[Group]) -> list[str]:
    """The features of a line in words, as the model is trained on them."""
    return list(chain.from_iterable(_features(group) for group in groups))


def _features(group: Group) -> tuple[str, ...]:
    make: Callable[..., tuple[str, ...]] = group[0]
    return make(*group[1:])


class LineModel:
    """Weights of features, and of one label after another (`tools/train_boilerplate.py`).

    It remembers what groups weigh. The memory changes no answer, only how soon it comes; it makes a model one thread's
    at a time.
    """

    def __init__(self, labels: Sequence[str], weights: dict[str, Floats], transitions: Floats) -> None:
        """`weights` has an array with one weight a label for each feature; `transitions` go from row to column."""
        self.labels = tuple(labels)
        self._weights = weights
        self._onward: list[list[float]] = transitions.tolist()
        # By how much each label (column) can gain on another (row) by what comes after it.
        lead = np.maximum((transitions[None, :, :] - transitions[:, None, :]).max(axis=2), 0)
        self._lead: list[list[float]] = lead.tolist()
        self._reach: list[float] = lead.max(axis=1).tolist()
        self._rows = _Rows(weights, len(self.labels))

    def tag(self, lines: Sequence[Sequence[Group]]) -> list[str]:
        """The best label of every line, given the groups of each: at least one a line."""
        if not lines:
            return []
        if len(self._rows) > MAX_GROUPS:
            self._rows = _Rows(self._weights, len(self.labels))
        rows = self._rows
        asked = [rows[group] for groups in lines for group in groups]
        starts = [0, *accumulate(map(len, lines))][:-1]
        sums = np.add.reduceat(rows.table.take(asked, axis=0), starts, axis=0)
        return self._decode(sums[:, : len(self.labels)].tolist())

    def save(self, path: Path) -> None:
        """Write the weights, as single floats; the same weights make the same bytes."""
        features = sorted(self._weights)
        np.savez_compressed(
            path,
            labels=np.array(self.labels),
            features=np.array(features),
            weights=np.array([self._weights[feature] for feature in features], np.float32),
            transitions=np.array(self._onward, np.float32),
        )

    def _decode(self, scores: Sequence[Sequence[float]]) -> list[str]:
        """Find the best sequence (Viterbi), dropping at every line the labels that no label below it could bring back.

        That leaves one or two of fifteen, so that plain Python outruns an array operation a line.
        """
        onward, lead, reach = self._onward, self._lead, self._reach
        steps: list[tuple[list[int], list[float]]] = []
        totals = list(scores[0])
        for own in scores[1:]:
            top = max(totals)
            leader = totals.index(top)
            floor = top - reach[leader]
            kept = [label for label, total in enumerate(totals) if total >= floor]
            if len(kept) > 1:
                margins = lead[leader]
                kept = [label for label in kept if top - totals[label] <= margins[label]]
            gains = [totals[label] for label in kept]
            steps.append((kept, gains))
            if len(kept) == 1:
                totals = list(map(add, own, onward[leader]))
            else:
                paths = [[gain + step for step in onward[label]] for label, gain in zip(kept, gains, strict=True)]
                totals = list(map(add, own, map(max, *paths)))
        label = totals.index(max(totals))
        best = [label]
        for kept, gains in reversed(steps):
            if len(kept) == 1:
                (label,) = kept
            else:
                ways = [gain + onward[before][label] for before, gain in zip(kept, gains, strict=True)]
                label = kept[ways.index(max(ways))]
            best.append(label)
        return [self.labels[label] for label in reversed(best)]


class _Rows(dict[Group, int]):
    """Groups to rows of a table, filled as they are asked for."""

    def __init__(self, weights: dict[str, Floats], width: int) -> None:
        super().__init__()
        self._weights = weights
        # As wide as a cache line.
        self.table = np.zeros((1024, max(16, width)), np.float32)

    def __missing__(self, group: Group) -> int:
        row = len(self)
        if row == len(self.table):
            self.table = np.concatenate([self.table, np.zeros_like(self.table)])
        known = [self._weights[feature] for feature in _features(group) if feature in self._weights]
        if known:
            self.table[row, : len(known[0])] = sum(known)
        self[group] = row
        return row


def load(path: Path) -> LineModel:
    """Read a model that `LineModel.save` wrote."""
    with np.load(path) as arrays:
        rows = arrays["weights"].astype(np.float64)
        weights = dict(zip(arrays["features"].tolist(), rows, strict=True))
        return LineModel(arrays["labels"].tolist(), weights, arrays["transitions"].astype(np.float64))
