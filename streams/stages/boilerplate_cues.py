"""Cue phrases of boilerplate: the files of `config/boilerplate`, compiled into a few sets that scan a line once."""

from dataclasses import dataclass
from typing import Any

import re2

from streams.records import Label
from streams.stage import StageConfig

KINDS = ("heading", "start", "anywhere", "sentence", "clause", "name")
"""How a cue is bound: to the whole line, to its beginning, or to nothing. `sentence` may cut a sentence out of a
paragraph, `clause` the rest of one; the one group of `name` is the name inside a heading."""

MAX_HEADING = 120
"""Characters. A longer line is no heading."""

BULLETS = ' \t"“”«»•·■◆◇▶►›-–—'
"""What may stand before a cue that opens a line."""

DECORATION = BULLETS + ">*_:：|【】[]…"
"""What may stand around a heading."""

SET_MEMORY_BYTES = 64 << 20
"""Bound of an automaton, which grows as lines are seen; past the default of 8 MiB a set would not even compile."""

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
    "related": ("navigation", "related"),
    "reprint": ("other", "reprint"),
    "safe_harbor": ("safe_harbor", ""),
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

    @property
    def name(self) -> str:
        """The word for it in the model's features: `about.heading`."""
        return f"{self.group}.{self.kind}"

    @property
    def evidence(self) -> str:
        """The word for it in a segment's evidence: `cue de about.heading`."""
        return f"cue {self.file} {self.group}.{self.kind}"


@dataclass(frozen=True, slots=True)
class CueSet:
    """Patterns that are looked for together: the time does not grow with their number."""

    cues: tuple[Cue, ...]
    automaton: Any

    def hits(self, line: bytes) -> tuple[Cue, ...]:
        """The cues found in a line of UTF-8."""
        found = self.automaton.Match(line)
        return tuple(self.cues[number] for number in sorted(found)) if found else ()


@dataclass(frozen=True, slots=True)
class Cues:
    """Every cue, in the sets it is used by."""

    headings: CueSet
    starts: CueSet
    phrases: CueSet
    """Unanchored. Apart from `starts`: together their automaton grows out of its memory and is a hundred times slower."""
    sentences: CueSet
    clauses: tuple[tuple[Cue, Any], ...]
    """With their compiled patterns, which say where a clause begins."""
    names: tuple[Any, ...]
    """Compiled patterns of the names in headings."""

    def of_line(self, line: str) -> tuple[Cue, ...]:
        """The cues of a line; headings are tried on short ones only."""
        line = line.lstrip(BULLETS)
        key = matching_key(line)
        found = self.starts.hits(key) + self.phrases.hits(key)
        if len(line) > MAX_HEADING:
            return found
        return self.headings.hits(matching_key(line.strip(DECORATION) or line)) + found

    def of_sentence(self, sentence: str) -> Cue | None:
        """The first cue that is sure enough to take this sentence out of a body paragraph."""
        found = self.sentences.hits(matching_key(sentence))
        return found[0] if found else None

    def clauses_of(self, paragraph: str) -> list[tuple[int, Cue]]:
        """Where in a paragraph a cue begins that takes the rest of its sentence out."""
        return [(match.start(), cue) for cue, pattern in self.clauses if (match := pattern.search(paragraph))]

    def name_in(self, heading: str) -> str:
        """The name in a heading: `Debian` in `Debian について`; empty where there is none."""
        key = matching_key(heading.strip(DECORATION)).decode()
        return next((match[1].strip() for pattern in self.names if (match := pattern.fullmatch(key))), "")


def load_cues(config: StageConfig) -> Cues:
    """Compile the cue files of all languages: each is tried on every release. Raises ValueError on a bad pattern."""
    patterns: list[tuple[Cue, str]] = []
    for path in sorted(config.path("boilerplate").glob("*.toml")):
        for group, kinds in config.table(f"boilerplate/{path.name}").items():
            for kind, table in kinds.items():
                if group not in GROUPS or kind not in KINDS:
                    raise ValueError(f"{path.name}: no cue is called {group}.{kind}")
                patterns += ((Cue(path.stem, group, kind), pattern) for pattern in _patterns(table))
    headings = [(cue, f"^(?:{text})$") for cue, text in patterns if cue.kind == "heading"]
    starts = [(cue, f"^(?:{text})") for cue, text in patterns if cue.kind == "start"]
    loose = [(cue, text) for cue, text in patterns if cue.kind in {"anywhere", "sentence", "clause"}]
    names = tuple(re2.compile(f"(?i){text.translate(_PLAIN)}") for cue, text in patterns if cue.kind == "name")
    sure = [(cue, text) for cue, text in loose if cue.kind == "sentence"]
    clauses = tuple((cue, re2.compile(f"(?i){text}")) for cue, text in patterns if cue.kind == "clause")
    return Cues(_compile(headings), _compile(starts), _compile(loose), _compile(sure), clauses, names)


def matching_key(line: str) -> bytes:
    """The form of a line that cues are matched against: plain blanks and apostrophes, no invisible characters."""
    if not line.isascii():
        line = line.translate(_PLAIN)
    return line.encode("utf-8", "replace")


def _patterns(table: dict[str, Any]) -> list[str]:
    """A table's patterns; a list of words under a source is the pattern of any one of them, literally."""
    return [
        key if isinstance(value, str) else "|".join(re2.escape(word) for word in value) for key, value in table.items()
    ]


def _compile(patterns: list[tuple[Cue, str]]) -> CueSet:
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.max_mem = SET_MEMORY_BYTES
    options.log_errors = False
    automaton = re2.Set.SearchSet(options)
    for cue, pattern in patterns:
        try:
            automaton.Add(pattern.translate(_PLAIN))
        except re2.error as exc:
            raise ValueError(f"config/boilerplate/{cue.file}.toml, {cue.name}: {pattern}: {exc}") from exc
    automaton.Compile()
    return CueSet(tuple(cue for cue, _ in patterns), automaton)


_PLAIN = {ord("\xa0"): " ", ord("\u3000"): " ", ord("\u202f"): " ", ord("\u2009"): " ", ord("’"): "'"} | dict.fromkeys(
    map(ord, "\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\ufeff\u2060")
)
