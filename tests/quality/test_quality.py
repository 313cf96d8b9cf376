"""The stages hold their quality floors, and the gate that says so can say no."""

import math
from pathlib import Path

import pytest

from tests.quality import gate
from tests.quality.gate import TOLERANCE, Baseline, Failure, compare, corpus_hash, updated

BASELINE = Baseline(TOLERANCE, {"language": "1"}, {"language/recall/ko": 0.9, "language/calibration_error": 0.02})


@pytest.mark.parametrize("stage", gate.MEASURES)
def test_a_stage_holds_its_floors(stage: str) -> None:
    shared = gate.shared_directory()
    if shared is None:
        pytest.skip("the shared corpus is neither in NEWSMILL_SHARED nor in ../shared")
    baseline = gate.load(gate.BASELINE)
    assert baseline.corpus[stage] == corpus_hash(shared, stage), "the floors were pinned on another corpus"
    assert [str(failure) for failure in compare(baseline, gate.measure(shared, [stage]), [stage])] == []


def test_every_stage_has_floors() -> None:
    assert {name.partition("/")[0] for name in gate.load(gate.BASELINE).bounds} == set(gate.MEASURES)


@pytest.mark.parametrize(
    ("measured", "failing"),
    [
        ({"language/recall/ko": 0.9, "language/calibration_error": 0.02}, []),
        ({"language/recall/ko": 0.89, "language/calibration_error": 0.01}, ["language/recall/ko"]),
        ({"language/recall/ko": 0.91, "language/calibration_error": 0.03}, ["language/calibration_error"]),
        ({"language/recall/ko": math.nan, "language/calibration_error": 0.01}, ["language/recall/ko"]),
        ({"language/calibration_error": 0.01}, ["language/recall/ko"]),
        ({"language/recall/ko": 1.0, "language/calibration_error": 0.0, "language/recall/ja": 0.1}, []),
    ],
)
def test_a_figure_fails_on_the_wrong_side_of_its_bound_or_when_it_is_gone(
    measured: dict[str, float], failing: list[str]
) -> None:
    assert [failure.metric for failure in compare(BASELINE, measured, ["language"])] == failing


def test_bounds_of_stages_that_were_not_measured_are_left_alone() -> None:
    assert compare(BASELINE, {}, ["entities"]) == []


def test_an_update_tightens_bounds_and_loosens_none() -> None:
    measured = {"language/recall/ko": 0.95, "language/calibration_error": 0.09, "language/recall/ja": 0.5}
    bounds = updated(BASELINE, measured, {"language": "2"}, allow_lower=False)
    assert bounds.bounds == {
        "language/recall/ko": 0.945,
        "language/calibration_error": 0.02,
        "language/recall/ja": 0.495,
    }
    assert bounds.corpus == {"language": "1"}


def test_only_with_allow_lower_do_bounds_loosen_and_the_corpus_move() -> None:
    measured = {"language/calibration_error": 0.09}
    bounds = updated(BASELINE, measured, {"language": "2"}, allow_lower=True)
    assert bounds.bounds == {"language/calibration_error": 0.095}
    assert bounds.corpus == {"language": "2"}


def test_a_corpus_hash_changes_with_a_name_and_with_a_byte(tmp_path: Path) -> None:
    folder = tmp_path / "corpus" / "dev"
    folder.mkdir(parents=True)
    hashes = set()
    for name, text in [("a", "1"), ("b", "1"), ("b", "2")]:
        for old in folder.iterdir():
            old.unlink()
        (folder / name).write_text(text)
        hashes.add(corpus_hash(tmp_path, "boilerplate"))
    assert len(hashes) == 3


def test_a_failure_says_which_side_it_is_on() -> None:
    assert str(Failure("language/recall/ko", 0.5, 0.9)) == "language/recall/ko is 0.5000, below its floor 0.9000"
    assert "above its ceiling" in str(Failure("language/calibration_error", 0.5, 0.1))
    assert "not measured" in str(Failure("language/recall/ko", None, 0.9))


def test_without_the_corpus_the_gate_says_so_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NEWSMILL_SHARED", raising=False)
    monkeypatch.setattr(gate, "__file__", str(tmp_path / "checkout" / "tests" / "quality" / "gate.py"))
    assert gate.main([]) == 0
    assert "skipped" in capsys.readouterr().out


def test_a_corpus_that_was_named_and_is_absent_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSMILL_SHARED", str(tmp_path / "nowhere"))
    assert gate.main([]) == 1
