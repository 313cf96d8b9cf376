"""Cue phrases of boilerplate: the files of `config/boilerplate`, compiled into a few sets that scan a line once."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import ahocorasick_rs
import re2

from streams.records import Label
from streams.stage import StageConfig
from streams.stages.boilerplate_literals import Needed, needed

KINDS = ("heading", "start", "anywhere", "sentence", "clause", "name")
"""How a cue is bound: to the whole line, to its beginning, or to nothing. `sentence` may cut a sentence out of a
paragraph, `clause` the rest of one; the one group of `name` is the name inside a heading."""

ANCHORED, LOOSE = frozenset({"heading", "start"}), frozenset({"anywhere", "sentence", "clause"})

MAX_HEADING = 120
"""Characters. A longer line is no heading."""

BULLETS = ' \t"“”«»•·■◆◇▶►›-–—'
"""What may stand before a cue that opens a line."""

DECORATION = ' \t"“”«»•·■◆◇▶►›>-–—_:：|【】]…'
"""What may stand after a heading."""

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


class _Test(NamedTuple):
    """Patterns that the same words lead to, tried at once: `re2.Set` asks only whether, half the work of a search."""

    matching: Callable[[bytes], Sequence[int] | None]
    numbers: tuple[int, ...]
    """Of its patterns, those of their cues."""
    anchored: bool


@dataclass(frozen=True, slots=True)
class Cues:
    """Every cue, and the words by which few of them are left to be tried on few lines.

    One automaton of all patterns would be shorter, and is as fast on text that it has seen. On other text it builds its
    states as it goes, which took more than half of a fresh release's time.
    """

    cues: tuple[Cue, ...]
    """One for each pattern, headings and starts first: found cues are given in this order."""
    words: ahocorasick_rs.AhoCorasick
    """A word that must begin a line has a line break before it."""
    tests: tuple[_Test, ...]
    tests_of: tuple[tuple[int, ...], ...]
    """For each word, the tests of the patterns that cannot do without it or another of theirs."""
    wordless: tuple[int, ...]
    """The tests of the few patterns without a good word: they are made on every line."""
    sentences: Mapping[Cue, Sequence[Callable[[bytes], object]]]
    """The patterns of the cues that may cut a sentence out."""
    clauses: tuple[tuple[Cue, Any], ...]
    names: tuple[tuple[Needed | None, Any], ...]
    """The patterns of the names in headings."""

    def of_lines(self, keys: Sequence[str]) -> list[tuple[Cue, ...]]:
        """The cues of every line, given their `matching_key`s; headings are found in short ones only."""
        different = list(dict.fromkeys(keys))
        asked = [set(self.wordless) for _ in different]
        # Where a line begins with decoration, what comes after it is a line once more.
        bare = [number for number, key in enumerate(different) if key and key[0] in BULLETS]
        owners = [*range(len(different)), *bare]
        text = "\n".join(["", *different, *(different[number].lstrip(BULLETS) for number in bare)]).lower()
        starts = [0, *accumulate([len(row) + 1 for row in text[1:].split("\n")])]
        for word, start, _ in self.words.find_matches_as_indexes(text, overlapping=True):
            asked[owners[bisect_right(starts, start) - 1]].update(self.tests_of[word])
        found = {key: self.found(key, tests) for key, tests in zip(different, asked, strict=True)}
        return [found[key] for key in keys]

    def found(self, key: str, asked: Iterable[int]) -> tuple[Cue, ...]:
        """The cues of a line that the tests of these numbers find."""
        line, head = key.encode(), _head(key).encode()
        numbers: set[int] = set()
        for asking in asked:
            matching, its, anchored = self.tests[asking]
            if hits := matching(head if anchored else line):
                numbers.update([its[hit] for hit in hits])
        return tuple([self.cues[number] for number in sorted(numbers)]) if numbers else ()

    def of_sentence(self, sentence: str, cues: Iterable[Cue]) -> Cue | None:
        """The first of a paragraph's cues that is sure enough to take this sentence out of it."""
        key = matching_key(sentence).encode()
        return next((cue for cue in cues if any(is_in(key) for is_in in self.sentences.get(cue, ()))), None)

    def clauses_of(self, paragraph: str) -> list[tuple[int, Cue]]:
        """Where in a paragraph a cue begins that takes the rest of its sentence out."""
        return [(match.start(), cue) for cue, pattern in self.clauses if (match := pattern.search(paragraph))]

    def name_in(self, heading: str) -> str:
        """The name in a heading: `Debian` in `Debian について`; empty where there is none."""
        if not (key := matching_key(heading.strip(BULLETS + DECORATION))):
            return ""
        lower = key.lower()
        line = key.encode()  # with a text, the match would count its characters
        fitting = (pattern.fullmatch(line) for need, pattern in self.names if need is None or need.are_in(lower))
        return next((str(match[1], "utf-8").strip() for match in fitting if match), "")


def _head(key: str) -> str:
    """What of a line headings and starts are looked for in."""
    # The break keeps a heading's end from matching where a long line was cut off.
    head = key[:MAX_HEADING] + "\n" if len(key) > MAX_HEADING else key
    return head.lstrip(BULLETS).rstrip(DECORATION) or head


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
    numbers: dict[str, list[int]] = {}
    for number, (cue, text) in enumerate(bound):
        need = needed(matching_key(text), anchored=cue.kind in ANCHORED)
        for word in need.words if need else [""]:
            numbers.setdefault(f"\n{word}" if need and need.at_start else word, []).append(number)
    texts = [_bound(cue, text) for cue, text in bound]
    first_loose = sum(cue.kind in ANCHORED for cue, _ in bound)
    tests: dict[tuple[int, ...], int] = {}

    def tests_of(its: Sequence[int]) -> tuple[int, ...]:
        anchored = tuple(number for number in its if number < first_loose)
        loose = tuple((number,) for number in its if number >= first_loose)
        return tuple(tests.setdefault(each, len(tests)) for each in (anchored, *loose) if each)

    wordless = tests_of(numbers.pop("", []))
    of_words = tuple(map(tests_of, numbers.values()))
    sentences: dict[Cue, list[Callable[[bytes], object]]] = {}
    for (cue, _), text in zip(bound, texts, strict=True):
        _check(cue, text)
        if cue.kind == "sentence":
            sentences.setdefault(cue, []).append(_set([text]).Match)
    names = [matching_key(text) for cue, text in patterns if cue.kind == "name"]
    return Cues(
        cues=tuple(cue for cue, _ in bound),
        words=ahocorasick_rs.AhoCorasick(list(numbers), implementation=ahocorasick_rs.Implementation.ContiguousNFA),
        tests=tuple(_Test(_set([texts[n] for n in its]).Match, its, its[0] < first_loose) for its in tests),
        tests_of=of_words,
        wordless=wordless,
        sentences=sentences,
        clauses=tuple((cue, re2.compile(f"(?i){text}")) for cue, text in patterns if cue.kind == "clause"),
        names=tuple((needed(name, anchored=True), re2.compile(f"(?i){name}")) for name in names),
    )


def matching_key(text: str) -> str:
    """The form of a text that cues are matched against: plain blanks and apostrophes, no invisible characters."""
    if text.isascii():
        return text
    for odd, plain in _PLAIN:
        text = text.replace(odd, plain)
    return text.translate(_INVISIBLE) if any(map(text.__contains__, _INVISIBLE_SIGNS)) else text


def _patterns(table: dict[str, Any]) -> list[str]:
    """A table's patterns; a list of words under a source is the pattern of any one of them, literally."""
    return [
        key if isinstance(value, str) else "|".join(re2.escape(word) for word in value) for key, value in table.items()
    ]


def _options() -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    return options


def _check(cue: Cue, pattern: str) -> None:
    try:
        re2.compile(pattern, _options())
    except re2.error as exc:
        raise ValueError(f"config/boilerplate/{cue.file}.toml, {cue.name}: {pattern}: {exc}") from exc


def _set(patterns: Iterable[str]) -> Any:
    compiled = re2.Set.SearchSet(_options())
    for pattern in patterns:
        compiled.Add(pattern)
    compiled.Compile()
    return compiled


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

_PLAIN = (("\xa0", " "), ("\u3000", " "), ("\u202f", " "), ("\u2009", " "), ("’", "'"))
_INVISIBLE_SIGNS = "\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\ufeff\u2060"
_INVISIBLE = dict.fromkeys(map(ord, _INVISIBLE_SIGNS))
