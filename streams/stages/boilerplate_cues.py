"""Cue phrases of boilerplate: the files of `config/boilerplate`, compiled into a few sets that scan a line once."""

import re
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

DECORATION = ' \t"“”«»•·■◆◇▶►›>-–—_:：|【】]…'
"""What may stand after a heading."""

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
    "opening": ("body", ""),
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

    anchored: CueSet
    """Headings and starts."""
    phrases: CueSet
    """Unanchored. Apart: in one set with the others the automaton outgrows its memory and is a hundred times slower."""
    sentences: CueSet
    clauses: tuple[tuple[Cue, Any], ...]
    """With their compiled patterns, which say where a clause begins."""
    names: tuple[Any, ...]
    """Compiled patterns of the names in headings."""

    def of_line(self, key: str) -> tuple[Cue, ...]:
        """The cues of a line, given its `matching_key`; headings are found in short ones only."""
        # The break keeps a heading's end from matching where a long line was cut off.
        head = key[:MAX_HEADING] + "\n" if len(key) > MAX_HEADING else key
        head = head.lstrip(BULLETS).rstrip(DECORATION) or head
        return self.anchored.hits(head.encode()) + self.phrases.hits(key.encode())

    def of_sentence(self, sentence: str) -> Cue | None:
        """The first cue that is sure enough to take this sentence out of a body paragraph."""
        found = self.sentences.hits(matching_key(sentence).encode())
        return found[0] if found else None

    def clauses_of(self, paragraph: str) -> list[tuple[int, Cue]]:
        """Where in a paragraph a cue begins that takes the rest of its sentence out."""
        return [(match.start(), cue) for cue, pattern in self.clauses if (match := pattern.search(paragraph))]

    def name_in(self, heading: str) -> str:
        """The name in a heading: `Debian` in `Debian について`; empty where there is none."""
        key = matching_key(heading.strip(BULLETS + DECORATION))
        return next((match[1].strip() for pattern in self.names if (match := pattern.fullmatch(key))), "")


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
    anchored = [
        (cue, f"^(?:{text}){'$' if cue.kind == 'heading' else ''}")
        for cue, text in patterns
        if cue.kind in {"heading", "start"}
    ]
    loose = [(cue, text) for cue, text in patterns if cue.kind in {"anywhere", "sentence", "clause"}]
    names = tuple(re2.compile(f"(?i){matching_key(text)}") for cue, text in patterns if cue.kind == "name")
    sure = [(cue, text) for cue, text in loose if cue.kind == "sentence"]
    clauses = tuple((cue, re2.compile(f"(?i){text}")) for cue, text in patterns if cue.kind == "clause")
    return Cues(_compile(anchored), _compile(loose), _compile(sure), clauses, names)


def matching_key(text: str) -> str:
    """The form of a text that cues are matched against: plain blanks and apostrophes, no invisible characters."""
    if text.isascii():
        return text
    for odd, plain in _PLAIN:
        text = text.replace(odd, plain)
    return text.translate(_INVISIBLE) if _INVISIBLE_SIGNS.search(text) else text


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
            automaton.Add(matching_key(pattern))
        except re2.error as exc:
            raise ValueError(f"config/boilerplate/{cue.file}.toml, {cue.name}: {pattern}: {exc}") from exc
    automaton.Compile()
    return CueSet(tuple(cue for cue, _ in patterns), automaton)


_PLAIN = (("\xa0", " "), ("\u3000", " "), ("\u202f", " "), ("\u2009", " "), ("’", "'"))
_INVISIBLE = dict.fromkeys(map(ord, "\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\ufeff\u2060"))
_INVISIBLE_SIGNS = re.compile("[\xad\u200b-\u200f\u202a-\u202c\ufeff\u2060]")
