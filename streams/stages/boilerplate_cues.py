"""Cue phrases of boilerplate: the files of `config/boilerplate`, compiled for the line stage."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams import native
from streams.native import BULLETS, DECORATION, matching_key
from streams.records import Label
from streams.stage import StageConfig
from streams.stages.boilerplate_literals import Needed, needed
from streams.text.dates import find_dates, month_names

KINDS = ("heading", "start", "anywhere", "sentence", "clause", "name")
"""How a cue is bound: to the whole line, to its beginning, or to nothing. `sentence` may cut a sentence out of a
paragraph, `clause` the rest of one; the one group of `name` is the name inside a heading."""

ANCHORED, LOOSE = frozenset({"heading", "start"}), frozenset({"anywhere", "sentence", "clause"})

GROUPS: dict[str, tuple[Label, str]] = {
    "about": ("about", ""),
    "bio": ("navigation", "author"),
    "byline": ("other", "byline"),
    "caption": ("caption", ""),
    "contact": ("contact", ""),
    "copyright": ("copyright", ""),
    "correction": ("other", "correction_notice"),
    "dateline": ("dateline", ""),
    "disclaimer": ("disclaimer", ""),
    "distributor": ("distributor_boilerplate", ""),
    "editor": ("other", "editor_credit"),
    "embargo": ("other", "embargo"),
    "endmark": ("other", "end_mark"),
    "footnote": ("other", "footnote"),
    "headline": ("headline", ""),
    "imprint": ("other", "imprint"),
    "medialink": ("other", "media_link"),
    "navigation": ("navigation", ""),
    "note": ("other", "editors_note"),
    "opening": ("body", ""),
    "related": ("navigation", "related"),
    "reprint": ("other", "reprint"),
    "safe_harbor": ("safe_harbor", ""),
    "section": ("sectors", ""),
    "sectors": ("sectors", ""),
    "source": ("source_line", ""),
    "thirdparty": ("disclaimer", "third_party"),
    "ticker": ("body", ""),
    "translation": ("other", "translation_note"),
    "translator": ("other", "translator"),
}
"""What a line is that a cue of the group speaks for: label and sub-label."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One pattern, and where it stands."""

    file: str
    group: str
    kind: str
    name: str
    """The word for it in the model's features: `about.heading`."""
    label: Label
    """What a line is that it speaks for."""
    sub: str

    @property
    def evidence(self) -> str:
        """The word for it in a segment's evidence: `cue de about.heading`."""
        return f"cue {self.file} {self.name}"


@dataclass(frozen=True, slots=True)
class Cues:
    """Every cue, compiled."""

    cues: tuple[Cue, ...]
    """One for each pattern, headings and starts first: found cues are given in this order."""
    engine: native.Cues
    sentences: Mapping[Cue, Sequence[int]]
    """The numbers of the patterns of the cues that may cut a sentence out."""
    clauses: tuple[tuple[Cue, native.Expression], ...]
    names: tuple[tuple[Needed | None, native.Expression], ...]
    """The patterns of the names in headings."""

    def of_line(self, line: str) -> tuple[Cue, ...]:
        """The cues of a line; headings are found in short ones only."""
        return self.engine.cues_of(self.engine.found(matching_key(line)))

    def of_sentence(self, sentence: str, cues: Iterable[Cue]) -> Cue | None:
        """The first of a paragraph's cues that is sure enough to take this sentence out of it."""
        key = matching_key(sentence)
        is_in = self.engine.is_in
        return next((cue for cue in cues if any(is_in(number, key) for number in self.sentences.get(cue, ()))), None)

    def clauses_of(self, paragraph: str) -> list[tuple[int, Cue]]:
        """Where in a paragraph a cue begins that takes the rest of its sentence out."""
        found = ((pattern.find(paragraph), cue) for cue, pattern in self.clauses)
        return [(start, cue) for start, cue in found if start is not None]

    def name_in(self, heading: str) -> str:
        """The name in a heading: `Debian` in `Debian について`; empty where there is none."""
        if not (key := matching_key(heading.strip(BULLETS + DECORATION))):
            return ""
        lower = key.lower()
        fitting = (pattern.group(key) for need, pattern in self.names if need is None or need.are_in(lower))
        return next((name.strip() for name in fitting if name is not None), "")


def load_cues(config: StageConfig) -> Cues:
    """Compile the cue files of all languages: each is tried on every release. Raises ValueError on a bad pattern."""
    patterns: list[tuple[Cue, str]] = []
    for path in sorted(config.path("boilerplate").glob("*.toml")):
        for group, kinds in config.table(f"boilerplate/{path.name}").items():
            for kind, table in kinds.items():
                if group not in GROUPS or kind not in KINDS:
                    raise ValueError(f"{path.name}: no cue is called {group}.{kind}")
                cue = Cue(path.stem, group, kind, f"{group}.{kind}", *GROUPS[group])
                patterns += ((cue, pattern) for pattern in _patterns(table))
    bound = [each for kinds in (ANCHORED, LOOSE) for each in patterns if each[0].kind in kinds]
    rows = []
    for cue, text in bound:
        need = needed(matching_key(text), anchored=cue.kind in ANCHORED) or Needed((), at_start=False)
        rows.append((cue, cue.name, _bound(cue, text), cue.kind in ANCHORED, need.words, need.at_start))
    try:
        compiled = native.Cues(rows, [f"{g}.{kind}" for g in GROUPS for kind in KINDS], month_names(), _dated)
    except native.PatternError as exc:
        cue, text = bound[exc.args[0]]
        raise ValueError(f"config/boilerplate/{cue.file}.toml, {cue.name}: {text}: {exc.args[1]}") from exc
    sentences: dict[Cue, list[int]] = {}
    for number, (cue, _) in enumerate(bound):
        if cue.kind == "sentence":
            sentences.setdefault(cue, []).append(number)
    names = [matching_key(text) for cue, text in patterns if cue.kind == "name"]
    return Cues(
        cues=tuple(cue for cue, _ in bound),
        engine=compiled,
        sentences=sentences,
        clauses=tuple((cue, native.Expression(text)) for cue, text in patterns if cue.kind == "clause"),
        names=tuple((needed(name, anchored=True), native.Expression(f"^(?:{name})$")) for name in names),
    )


def _dated(line: str) -> int:
    """How many characters of a line are dates."""
    return sum(date.end - date.start for date in find_dates(line))


def _patterns(table: dict[str, Any]) -> list[str]:
    """A table's patterns; a list of words under a source is the pattern of any one of them, literally."""
    return [
        key if isinstance(value, str) else "|".join(re.escape(word) for word in value) for key, value in table.items()
    ]


def _bound(cue: Cue, pattern: str) -> str:
    pattern = _plain_letters(matching_key(pattern))
    return f"^(?:{pattern}){'$' if cue.kind == 'heading' else ''}" if cue.kind in ANCHORED else pattern


def _plain_letters(pattern: str) -> str:
    """Take the blocks of letters for letters: with Unicode's own class, which has 650 gaps, automata would not fit
    the processor's cache.
    """
    return _LETTER_IN_CLASS.sub(lambda match: match[1] + _LETTERS, pattern).replace(r"\pL", f"[{_LETTERS}]")


_LETTERS = r"A-Za-zªµº\x{c0}-\x{1fff}\x{2c00}-\x{2dff}\x{3040}-\x{fefc}\x{ff21}-\x{ffdc}\x{10000}-\x{10ffff}"
_LETTER_IN_CLASS = re.compile(r"(\[(?:[^\]\\]|\\[^p])*)\\pL")
