"""The line model: the best sequence, whatever is dropped on the way."""

from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.stages.boilerplate_model import LineModel, load

LABELS = ("a", "b", "c")
WEIGHT = st.integers(-40, 40).map(lambda tenths: tenths / 10)
ROW = st.lists(WEIGHT, min_size=len(LABELS), max_size=len(LABELS))


def model(weights: list[list[float]], transitions: list[list[float]]) -> LineModel:
    return LineModel(LABELS, {f"f{n}": np.array(row) for n, row in enumerate(weights)}, np.array(transitions))


@given(st.lists(ROW, min_size=1, max_size=5), st.lists(ROW, min_size=len(LABELS), max_size=len(LABELS)))
def test_finds_the_best_of_all_sequences(scores: list[list[float]], transitions: list[list[float]]) -> None:
    def total(path: tuple[int, ...]) -> float:
        steps = sum(transitions[before][label] for before, label in pairwise(path))
        return steps + sum(row[label] for row, label in zip(scores, path, strict=True))

    found = model(scores, transitions).tag([[f"f{n}"] for n in range(len(scores))])
    best = max(map(total, product(range(len(LABELS)), repeat=len(scores))))
    assert total(tuple(map(LABELS.index, found))) == pytest.approx(best, abs=1e-5)  # weights are single floats


def test_a_line_weighs_all_its_features() -> None:
    weights = [[1.0, 0.0, 0.0], [0.0, 0.6, 0.0], [0.0, 0.6, 0.0]]
    assert model(weights, [[0.0] * 3] * 3).tag([["f0", "unknown", "f1", "f2"]]) == ["b"]


def test_no_lines_have_no_labels() -> None:
    assert model([], [[0.0] * 3] * 3).tag([]) == []


@pytest.mark.parametrize(
    ("weights", "transitions"),
    [([[1.0, 2.0]], [[0.0] * 3] * 3), ([[1.0, 2.0, 3.0]], [[0.0] * 3] * 2), ([[1.0, 2.0, 3.0]], [[0.0] * 2] * 3)],
)
def test_weights_that_do_not_fit_the_labels_are_refused(
    weights: list[list[float]], transitions: list[list[float]]
) -> None:
    with pytest.raises(ValueError, match="a weight for each"):
        model(weights, transitions)


def test_a_saved_model_is_the_same_model_and_the_same_bytes(tmp_path: Path) -> None:
    weights = [[0.5, -1.25, 2.0], [1.5, 0.0, -0.5]]
    model(weights, [[0.5, 0.0, -2.0]] * 3).save(tmp_path / "one.npz")
    loaded = load(tmp_path / "one.npz")
    loaded.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    lines = [["f0"], ["f1"]]
    assert loaded.tag(lines) == model(weights, [[0.5, 0.0, -2.0]] * 3).tag(lines)
