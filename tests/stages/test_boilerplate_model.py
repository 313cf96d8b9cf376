"""The line model: the best sequence, whatever is dropped on the way and whatever is remembered."""

from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.stages import boilerplate_model
from streams.stages.boilerplate_model import Group, LineModel, load, spell

LABELS = ("a", "b", "c")
WEIGHT = st.integers(-40, 40).map(lambda tenths: tenths / 10)
ROW = st.lists(WEIGHT, min_size=len(LABELS), max_size=len(LABELS))


def shapes(*words: str) -> tuple[str, ...]:
    return words


def model(weights: list[list[float]], transitions: list[list[float]]) -> LineModel:
    return LineModel(LABELS, {f"f{n}": np.array(row) for n, row in enumerate(weights)}, np.array(transitions))


@given(st.lists(ROW, min_size=1, max_size=5), st.lists(ROW, min_size=len(LABELS), max_size=len(LABELS)))
def test_finds_the_best_of_all_sequences(scores: list[list[float]], transitions: list[list[float]]) -> None:
    def total(path: tuple[int, ...]) -> float:
        steps = sum(transitions[before][label] for before, label in pairwise(path))
        return steps + sum(row[label] for row, label in zip(scores, path, strict=True))

    found = model(scores, transitions).tag([[(shapes, f"f{n}")] for n in range(len(scores))])
    best = max(map(total, product(range(len(LABELS)), repeat=len(scores))))
    assert total(tuple(map(LABELS.index, found))) == pytest.approx(best)


def test_a_line_weighs_the_features_of_all_its_groups() -> None:
    weights = [[1.0, 0.0, 0.0], [0.0, 0.6, 0.0], [0.0, 0.6, 0.0]]
    line: list[Group] = [(shapes, "f0", "unknown"), (shapes, "f1", "f2")]
    assert spell(line) == ["f0", "unknown", "f1", "f2"]
    assert model(weights, [[0.0] * 3] * 3).tag([line]) == ["b"]


def test_a_full_memory_starts_afresh_and_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[list[Group]] = [[(shapes, f"f{n % 7}", str(n))] for n in range(3000)]
    tagger = model([[(n * k) % 5 for k in (1, 2, 3)] for n in range(7)], [[0.5, 0.0, 0.0]] * 3)
    first = tagger.tag(lines)
    monkeypatch.setattr(boilerplate_model, "MAX_GROUPS", 10)
    assert [tagger.tag(lines), tagger.tag(lines)] == [first, first]


def test_no_lines_have_no_labels() -> None:
    assert model([], [[0.0] * 3] * 3).tag([]) == []


def test_a_saved_model_is_the_same_model_and_the_same_bytes(tmp_path: Path) -> None:
    weights = [[0.5, -1.25, 2.0], [1.5, 0.0, -0.5]]
    model(weights, [[0.5, 0.0, -2.0]] * 3).save(tmp_path / "one.npz")
    loaded = load(tmp_path / "one.npz")
    loaded.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    lines: list[list[Group]] = [[(shapes, "f0")], [(shapes, "f1")]]
    assert loaded.tag(lines) == model(weights, [[0.5, 0.0, -2.0]] * 3).tag(lines)
