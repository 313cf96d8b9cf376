"""Hold the line: what the stages get right on the shared corpus must not fall below what it once was.

`python -m tests.quality.gate [STAGE ...] [--json] [--update [--allow-lower]]`. The corpus belongs to third parties and
is not in the repository: it is looked for in `NEWSMILL_SHARED`, else in `../shared` beside the checkout.
"""

import argparse
import hashlib
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.quality import boilerplate, entities, language

Measure = Callable[[Path], Mapping[str, float]]

MEASURES: Mapping[str, Measure] = {
    "language": language.measure,
    "boilerplate": boilerplate.measure,
    "entities": entities.measure,
}
"""Each answers the names of figures, in parts between dots or slashes, to the figures, 0 to 1."""

CEILINGS = re.compile(r"error|as_fifteen|lost|empty|false_positive")
"""In the names of figures that ought to be low: what bounds them is a ceiling, what bounds all others a floor."""

PEERS = re.compile(r"/baseline/")
"""In the names of figures of something else on the same corpus: shown, not bounded."""

CORPUS: Mapping[str, tuple[str, ...]] = {
    "language": ("language",),
    "boilerplate": ("corpus/dev",),
    "entities": ("corpus/dev", "entities/dev"),
}
"""The folders of the shared data that a stage is measured on: bounds hold for these files and no others."""

LANGUAGES = ("ar", "de", "en", "es", "fr", "id", "ja", "ko", "ms", "pt", "ru", "th", "vi", "zh-hans", "zh-hant")
"""Parts of names that become the rows of a table."""

BASELINE = Path(__file__).with_name("baseline.json")

TOLERANCE = 0.005
"""A bound is pinned this far from what was measured: a new release of a library may tip one release in two hundred."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What `baseline.json` holds."""

    tolerance: float
    corpus: dict[str, str]
    """Stage to the hash of the files it was measured on."""
    bounds: dict[str, float]
    """A figure's name to its floor, or to its ceiling."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One figure that does not hold."""

    metric: str
    measured: float | None
    bound: float

    def __str__(self) -> str:
        if self.measured is None:
            return f"{self.metric} is not measured any more; its bound is {self.bound:.4f}"
        side = "above its ceiling" if CEILINGS.search(self.metric) else "below its floor"
        return f"{self.metric} is {self.measured:.4f}, {side} {self.bound:.4f}"


def main(arguments: list[str] | None = None) -> int:
    """Measure, show, compare; with `--update`, move the bounds up to what was measured."""
    options = _options(arguments)
    shared = shared_directory()
    if shared is None:
        print("quality gate: skipped, the shared corpus is neither in NEWSMILL_SHARED nor in ../shared")
        return 1 if "NEWSMILL_SHARED" in os.environ else 0  # who names a place wants it looked at
    measured = measure(shared, options.stages)
    corpus = {stage: corpus_hash(shared, stage) for stage in options.stages}
    baseline = load(BASELINE)
    if options.update:
        baseline = updated(baseline, measured, corpus, allow_lower=options.allow_lower)
        BASELINE.write_text(json.dumps(asdict(baseline), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    failures = compare(baseline, measured, options.stages)
    moved = [stage for stage in options.stages if baseline.corpus.get(stage, corpus[stage]) != corpus[stage]]
    if options.json:
        report = {"measured": measured, "corpus": corpus, "moved": moved, "failures": [asdict(f) for f in failures]}
        print(json.dumps(report, indent=1))
    else:
        _show(measured, baseline, failures, moved)
    return 1 if failures or moved else 0


def shared_directory() -> Path | None:
    """Find the shared data: `NEWSMILL_SHARED`, else `../shared` beside the checkout; `None` where it is absent."""
    named = os.environ.get("NEWSMILL_SHARED")
    path = Path(named) if named else Path(__file__).parents[3] / "shared"
    return path if (path / "corpus" / "dev").is_dir() else None


def measure(shared: Path, stages: Iterable[str]) -> dict[str, float]:
    """Run the stages' measures. All names come out as `stage/part/part`."""
    return {
        f"{stage}/{name.replace('.', '/').removeprefix(f'{stage}/')}": round(value, 4)
        for stage in stages
        for name, value in MEASURES[stage](shared).items()
    }


def load(path: Path) -> Baseline:
    """Read the baseline; one that is not there yet bounds nothing."""
    return Baseline(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else Baseline(TOLERANCE, {}, {})


def compare(baseline: Baseline, measured: Mapping[str, float], stages: Iterable[str]) -> list[Failure]:
    """List the stages' bounds that do not hold. A figure without a bound cannot fail: it is new."""
    wanted = set(stages)
    return [
        Failure(name, measured.get(name), bound)
        for name, bound in baseline.bounds.items()
        if name.partition("/")[0] in wanted and not _holds(name, measured.get(name, math.nan), bound)
    ]


def updated(
    baseline: Baseline, measured: Mapping[str, float], corpus: Mapping[str, str], *, allow_lower: bool
) -> Baseline:
    """Pin bounds a tolerance away from what was measured: only tighter ones, unless looser ones are allowed.

    `allow_lower` also drops the bounds of the measured stages that nothing measures any more, and takes over a corpus
    that has moved.
    """
    pinned = {name: _pin(name, value) for name, value in measured.items() if not PEERS.search(name)}
    if allow_lower:
        others = {name: bound for name, bound in baseline.bounds.items() if name.partition("/")[0] not in corpus}
        return Baseline(TOLERANCE, {**baseline.corpus, **corpus}, {**others, **pinned})
    tighter = {name: bound for name, bound in pinned.items() if _holds(name, bound, baseline.bounds.get(name, bound))}
    return Baseline(TOLERANCE, {**corpus, **baseline.corpus}, {**baseline.bounds, **tighter})


def corpus_hash(shared: Path, stage: str) -> str:
    """Hash the names and bytes of the files a stage is measured on: 16 hex digits."""
    digest = hashlib.sha256()
    for folder in CORPUS[stage]:
        for path in sorted(path for path in (shared / folder).rglob("*") if path.is_file()):
            digest.update(path.relative_to(shared).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _holds(name: str, value: float, bound: float) -> bool:
    """What is not a number holds nothing."""
    return value <= bound if CEILINGS.search(name) else value >= bound


def _pin(name: str, value: float) -> float:
    return round(value + TOLERANCE if CEILINGS.search(name) else value - TOLERANCE, 4)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.quality.gate", description="Hold the quality of the stages.")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(MEASURES)}; without any, all")
    parser.add_argument("--json", action="store_true", help="print figures and failures as JSON")
    parser.add_argument("--update", action="store_true", help="tighten the bounds to what was measured")
    parser.add_argument(
        "--allow-lower", action="store_true", help="with --update: loosen them, too; the commit says why"
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
    for stage in dict.fromkeys(name.partition("/")[0] for name in measured):
        figures = Table(stage, "measured", "bound")
        languages: dict[str, list[str]] = {language: [] for language in LANGUAGES}
        for name, value in measured.items():
            of, *parts = name.split("/")
            if of != stage:
                continue
            cell = _cell(name, value, baseline, failed)
            if language := next((part for part in parts if part.lower() in LANGUAGES), None):
                rest = "/".join(part for part in parts if part not in (language, "language"))
                languages[language.lower()].append(f"{rest} {cell}".strip())
            else:
                bound = f"{baseline.bounds[name]:.3f}" if name in baseline.bounds else ""
                figures.add_row("/".join(parts), cell, bound)
        figures.add_section()
        for language, cells in languages.items():
            if cells:
                figures.add_row(language, ", ".join(cells))
        console.print(figures)
    for stage in moved:
        console.print(f"[red]{stage}: this is not the corpus that its bounds were pinned on (--update --allow-lower)")
    for failure in failures:
        console.print(f"[red]{failure}")
    console.print("[red]the line does not hold" if failures or moved else "[green]the line holds")


def _cell(name: str, value: float, baseline: Baseline, failed: set[str]) -> str:
    if name in failed:
        return f"[red]{value:.3f} ({baseline.bounds[name]:.3f})"
    return f"{value:.3f}" if name in baseline.bounds or PEERS.search(name) else f"[yellow]{value:.3f} new"


if __name__ == "__main__":
    sys.exit(main())
