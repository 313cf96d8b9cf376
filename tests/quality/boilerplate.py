"""Figures for `strip_boilerplate` on the annotated releases: what is kept, what is cut, what is called what."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.records import CleanRelease, IdentifiedRelease, Label
from streams.stage import StageConfig, config_directory
from streams.stages.strip_boilerplate import BoilerplateKit, prepare, strip_boilerplate
from tests.quality import boilerplate_html

LENGTH_THRESHOLD = 80
"""Characters: the baseline keeps every line as long."""

MACRO_LABELS: tuple[Label, ...] = (
    "about", "contact", "dateline", "headline", "caption", "sectors", "source_line", "copyright",
)  # fmt: skip
Annotated = Mapping[str, Any]
Keeper = Callable[[Annotated], list[str]]


@dataclass
class Tally:
    """Right, spurious and missed."""

    right: int = 0
    spurious: int = 0
    missed: int = 0

    def add(self, other: "Tally") -> None:
        """Count another's in."""
        self.right += other.right
        self.spurious += other.spurious
        self.missed += other.missed

    def f1(self) -> float:
        """F1, 1 where there was nothing to find and nothing found."""
        total = 2 * self.right + self.spurious + self.missed
        return 2 * self.right / total if total else 1.0


@dataclass
class Score:
    """Tallies over some releases."""

    lines: Tally = field(default_factory=Tally)
    characters: Tally = field(default_factory=Tally)
    labels: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    empty: int = 0
    languages: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))


def measure(shared: Path) -> dict[str, float]:
    """Measure the stage on every annotated release.

    The line model was trained on these releases among others: the figures hold the line, they do not promise.
    What it does on releases it never saw is told by `tools/train_boilerplate.py --folds 6`; see docs/boilerplate.md.
    """
    releases = list(annotated(shared / "corpus" / "dev"))
    kit = prepare(StageConfig(config_directory()))
    figures = figures_of(score(releases, _stage(kit)))
    figures["baseline/length_f1"] = score(releases, _long_lines).lines.f1()
    figures["baseline/everything_f1"] = score(releases, _everything).lines.f1()
    return figures | _fields(releases, kit) | {"html_lines_f1": pages(releases, kit).f1()}


def figures_of(score: Score) -> dict[str, float]:
    """The figures that the targets are about."""
    figures = {
        "body_lines_f1": score.lines.f1(),
        "body_characters_f1": score.characters.f1(),
        "body_lines_lost": score.lines.missed / max(1, score.lines.right + score.lines.missed),
        "label_macro_f1": _macro(score),
        "empty_bodies": float(score.empty),
    }
    return figures | {f"{code}/body_lines_f1": tally.f1() for code, tally in sorted(score.languages.items())}


def pages(releases: Sequence[Annotated], kit: BoilerplateKit) -> Tally:
    """The same releases as web pages of several makes (`boilerplate_html`), those that nothing was tuned on."""
    tally = Tally()
    for content in boilerplate_html.contents(releases):
        for template in boilerplate_html.ASIDE.values():
            output = boilerplate_html.our_lines(template(content), content.language, kit)
            for row, is_kept in boilerplate_html.kept(boilerplate_html.rows_of(content), output):
                tally.right += is_kept and row.label == "body"
                tally.spurious += is_kept and row.label != "body"
                tally.missed += not is_kept and row.label == "body"
    return tally


def table(shared: Path) -> str:
    """The figures of `measure` as lines for a page of the docs."""
    return "\n".join(f"| {name} | {value:.3f} |" for name, value in measure(shared).items())


def annotated(folder: Path) -> Iterator[Annotated]:
    """The annotated releases of a folder."""
    for path in sorted(folder.glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def clean(release: Annotated, kit: BoilerplateKit) -> CleanRelease:
    """Run the stage on an annotated release as it comes over Kafka: plain text, one line a paragraph, no title."""
    text = "\n".join(line["text"] for line in release["lines"])
    return strip_boilerplate(IdentifiedRelease(id=release["id"], text=text, language=release["lang"]), kit)


def line_labels(release: Annotated, cleaned: CleanRelease) -> list[str]:
    """What the stage calls each line: the label of most of its characters, but body where any of it is kept."""
    labels = []
    at = 0
    for line in release["lines"]:
        end = at + len(line["text"])
        shares: Counter[str] = Counter()
        for segment in cleaned.segments:
            overlap = len(cleaned.text[max(at, segment.start) : min(end, segment.end)].strip())
            if max(at, segment.start) < min(end, segment.end) and overlap:
                shares[segment.label] += overlap
        kept = shares.get("body", 0) > 0.1 * max(1, end - at)
        labels.append("body" if kept else shares.most_common(1)[0][0] if shares else "other")
        at = end + 1
    return labels


def _stage(kit: BoilerplateKit) -> Keeper:
    return lambda release: line_labels(release, clean(release, kit))


def _long_lines(release: Annotated) -> list[str]:
    return ["body" if len(line["text"]) >= LENGTH_THRESHOLD else "navigation" for line in release["lines"]]


def _everything(release: Annotated) -> list[str]:
    return ["body"] * len(release["lines"])


def score(releases: Iterable[Annotated], keep: Keeper) -> Score:
    """Hold what `keep` calls the lines of releases against their labels."""
    score = Score()
    for release in releases:
        guessed = keep(release)
        score.empty += "body" not in guessed and any(line["label"] == "body" for line in release["lines"])
        for line, guess in zip(release["lines"], guessed, strict=True):
            label, length = line["label"], len(line["text"])
            for tally, step in (
                (score.lines, 1), (score.characters, length), (score.languages[release["lang"]], 1),
            ):  # fmt: skip
                tally.right += step * (label == guess == "body")
                tally.spurious += step * (guess == "body" != label)
                tally.missed += step * (label == "body" != guess)
            if label == guess:
                score.labels[label].right += 1
            else:
                score.labels[label].missed += 1
                score.labels[guess].spurious += 1
    return score


def _macro(score: Score) -> float:
    present = [score.labels[label] for label in MACRO_LABELS if label in score.labels]
    return sum(tally.f1() for tally in present) / len(present) if present else 1.0


def _fields(releases: Iterable[Annotated], kit: BoilerplateKit) -> dict[str, float]:
    """Fields that the annotation lets us check: inline datelines, and e-mail addresses of contact lines."""
    datelines, emails = [], []
    for release in releases:
        cleaned = clean(release, kit)
        inline = [line["inline"]["dateline"] for line in release["lines"] if "dateline" in line.get("inline", {})]
        found = [cleaned.text[s.start : s.end].strip() for s in cleaned.segments if s.sub == "inline"]
        datelines += [text.strip() in found for text in inline] + [False for text in found if text not in inline]
        printed = {
            word.strip("<>.,;()")
            for line in release["lines"]
            if line["label"] == "contact"
            for word in line["text"].split()
            if "@" in word
        }
        emails += [address in {contact.email for contact in cleaned.contacts} for address in printed]
    return {
        "fields.inline_dateline": sum(datelines) / len(datelines) if datelines else 1.0,
        "fields.contact_email": sum(emails) / len(emails) if emails else 1.0,
    }
