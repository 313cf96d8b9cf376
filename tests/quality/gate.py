"""Hold the line: what the stages get right on the shared corpus must not fall below what it once was.

`python -m tests.quality.gate [STAGE ...] [--json] [--update [--allow-lower]]`. The corpus belongs to third parties and
is not in the repository: it is looked for in `NEWSMILL_SHARED`, else in `../shared` beside the checkout.
"""

import argparse
import hashlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.quality import boilerplate, entities, language

Measure = Callable[[Path], dict[str, float]]

MEASURES: Mapping[str, Measure] = {
    "language": language.measure,
    "boilerplate": boilerplate.measure,
    "entities": entities.measure,
}
"""Each answers `stage/measure/slice` to a figure, the higher the better; a slice is a language or `macro`."""

CORPUS: Mapping[str, tuple[str, ...]] = {
    "language": ("language",),
    "boilerplate": ("corpus/dev",),
    "entities": ("corpus/dev", "entities/dev"),
}
"""The folders of the shared data that a stage is measured on: floors hold for these files and no others."""

BASELINE = Path(__file__).with_name("baseline.json")

TOLERANCE = 0.005
"""A floor is pinned this far below what was measured: a new release of a library may tip one release in two hundred."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What `baseline.json` holds."""

    tolerance: float
    corpus: dict[str, str]
    """Stage to the hash of the files it was measured on."""
    floors: dict[str, float]


@dataclass(frozen=True, slots=True)
class Failure:
    """One figure that does not hold."""

    metric: str
    measured: float | None
    floor: float

    def __str__(self) -> str:
        if self.measured is None:
            return f"{self.metric} is not measured any more; its floor is {self.floor:.4f}"
        return f"{self.metric} is {self.measured:.4f}, below its floor {self.floor:.4f}"


def main(arguments: list[str] | None = None) -> int:
    """Measure, show, compare; with `--update`, raise the floors to what was measured."""
    options = _options(arguments)
    shared = shared_directory()
    if shared is None:
        print("quality gate: skipped, the shared corpus is neither in NEWSMILL_SHARED nor in ../shared")
        return 1 if "NEWSMILL_SHARED" in os.environ else 0  # who names a place wants it looked at
    measured = {name: value for stage in options.stages for name, value in MEASURES[stage](shared).items()}
    corpus = {stage: corpus_hash(shared, stage) for stage in options.stages}
    baseline = load(BASELINE)
    kept = baseline
    if options.update:
        kept = updated(baseline, measured, corpus, allow_lower=options.allow_lower)
        BASELINE.write_text(json.dumps(asdict(kept), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    failures = compare(kept, measured, options.stages)
    moved = [stage for stage in options.stages if kept.corpus.get(stage) != corpus[stage]]
    if options.json:
        print(
            json.dumps(
                {"measured": measured, "corpus": corpus, "moved": moved, "failures": list(map(asdict, failures))}
            )
        )
    else:
        _show(measured, kept, failures, moved)
    return 1 if failures or moved else 0


def shared_directory() -> Path | None:
    """Find the shared data: `NEWSMILL_SHARED`, else `../shared` beside the checkout; `None` where it is absent."""
    named = os.environ.get("NEWSMILL_SHARED")
    path = Path(named) if named else Path(__file__).parents[3] / "shared"
    return path if (path / "corpus" / "dev").is_dir() else None


def load(path: Path) -> Baseline:
    """Read the baseline; one that is not there yet holds no floors."""
    return Baseline(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else Baseline(TOLERANCE, {}, {})


def compare(baseline: Baseline, measured: Mapping[str, float], stages: Iterable[str]) -> list[Failure]:
    """List the floors of the stages that are not reached. A figure without a floor cannot fail: it is new."""
    wanted = {name: floor for name, floor in baseline.floors.items() if name.split("/")[0] in set(stages)}
    found = [Failure(name, measured.get(name), floor) for name, floor in wanted.items()]
    # `not >=`, so that a figure that is not a number fails, too.
    return [failure for failure in found if failure.measured is None or not failure.measured >= failure.floor]


def updated(
    baseline: Baseline, measured: Mapping[str, float], corpus: Mapping[str, str], *, allow_lower: bool
) -> Baseline:
    """Pin floors a tolerance below what was measured: only upwards, unless lowering is allowed.

    With `allow_lower`, floors of the measured stages that nothing measures any more are dropped, and a moved corpus is
    taken over.
    """
    pinned = {name: math.floor((value - TOLERANCE) * 10_000) / 10_000 for name, value in measured.items()}
    if allow_lower:
        others = {name: floor for name, floor in baseline.floors.items() if name.split("/")[0] not in corpus}
        return Baseline(TOLERANCE, {**baseline.corpus, **corpus}, {**others, **pinned})
    raised = {name: max(floor, baseline.floors.get(name, floor)) for name, floor in pinned.items()}
    return Baseline(TOLERANCE, {**corpus, **baseline.corpus}, {**baseline.floors, **raised})


def corpus_hash(shared: Path, stage: str) -> str:
    """Hash the names and bytes of the files a stage is measured on: 16 hex digits."""
    digest = hashlib.sha256()
    for folder in CORPUS[stage]:
        for path in sorted(path for path in (shared / folder).rglob("*") if path.is_file()):
            digest.update(path.relative_to(shared).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.quality.gate", description=__doc__)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(MEASURES)}; all without")
    parser.add_argument("--json", action="store_true", help="print figures and failures as JSON")
    parser.add_argument(
        "--update", action="store_true", help="raise the floors to what was measured, less the tolerance"
    )
    parser.add_argument(
        "--allow-lower", action="store_true", help="with --update: lower floors, too; say why in the commit"
    )
    options = parser.parse_args(arguments)
    if unknown := [stage for stage in options.stages if stage not in MEASURES]:
        parser.error(f"unknown stage {', '.join(unknown)}")
    if options.allow_lower and not options.update:
        parser.error("--allow-lower goes with --update")
    options.stages = options.stages or list(MEASURES)
    return options


def _show(measured: Mapping[str, float], baseline: Baseline, failures: list[Failure], moved: list[str]) -> None:
    console = Console()
    failed = {failure.metric for failure in failures}
    for stage in dict.fromkeys(name.split("/")[0] for name in measured):
        names = [name for name in measured if name.split("/")[0] == stage]
        columns = list(dict.fromkeys("/".join(name.split("/")[1:-1]) for name in names))
        rows = sorted({name.split("/")[-1] for name in names}, key=lambda row: (row != "macro", row))
        table = Table(title=stage, title_justify="left")
        table.add_column("")
        for column in columns:
            table.add_column(column, justify="right")
        for row in rows:
            cells = [f"{stage}/{column}/{row}" if column else f"{stage}/{row}" for column in columns]
            table.add_row(row, *(_cell(name, measured, baseline, failed) for name in cells))
        console.print(table)
    for stage in moved:
        console.print(f"[red]{stage}: the corpus is not the one the floors were pinned on (--update --allow-lower)")
    for failure in failures:
        console.print(f"[red]{failure}")
    console.print("[red]below the floors" if failures or moved else "[green]all floors hold")


def _cell(name: str, measured: Mapping[str, float], baseline: Baseline, failed: set[str]) -> str:
    if name not in measured:
        return ""
    if name in failed:
        return f"[red]{measured[name]:.3f} < {baseline.floors[name]:.3f}"
    return f"{measured[name]:.3f}" if name in baseline.floors else f"[yellow]{measured[name]:.3f} new"


if __name__ == "__main__":
    sys.exit(main())
