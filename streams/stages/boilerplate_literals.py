"""What must stand in a text for a pattern to match it: words by which few patterns are left to be tried on few lines.

An automaton of many patterns is built as text is seen, and on text that it has not seen it builds new states for every
second character: most of a fresh release's time went there. Words are found without one (`native/src/words.rs`).
"""

import re
from collections.abc import Iterable, Sequence
from re import _constants as op  # type: ignore[attr-defined]  # a parser of our own would be the worse one
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple, TypeAlias

MAX_WORDS = 200
"""Spellings that a stretch of a pattern may have before it is cut in two."""

MAX_CLASS = 40
"""Characters that a class may have to be spelled out."""

ENOUGH = 2
"""Weight of a word from which on it is rare enough to look for."""

_COMMON = frozenset(" .,;:!?-'\"()/%")
_PROPERTY = re.compile(r"\\[pP](?:\{[^}]*\}|\w)")


_Words: TypeAlias = frozenset[str]


class Needed(NamedTuple):
    """Words in lower case of which one must be there."""

    words: tuple[str, ...]
    at_start: bool
    """Whether it must begin the text."""

    def are_in(self, lower: str) -> bool:
        """Say whether a text in lower case has one of the words."""
        return lower.startswith(self.words) if self.at_start else any(map(lower.__contains__, self.words))


def needed(pattern: str, *, anchored: bool) -> Needed | None:
    """The words that a match of this pattern cannot do without, or None where there are no good ones."""
    try:
        parsed = _parser.parse(_PROPERTY.sub(r"\\w", pattern))
    except re.error:  # Rust knows signs that re does not
        return None
    if anchored and "" not in (openings := _openings(parsed)):
        return Needed(_fewest(openings), at_start=True)
    _, words = _spell(parsed)
    return Needed(_fewest(words), at_start=False) if _weight(words) >= ENOUGH else None


def _openings(nodes: Iterable[Any]) -> _Words:
    """What a match begins with; nothing among it where that may be anything."""
    words: _Words = frozenset({""})
    for node in nodes:
        exact, _ = _spell_one(node)
        following = _opening(node) if exact is None else exact
        if len(words) * len(following) > MAX_WORDS:
            return words
        words = _joined(words, following)
        if exact is None:
            return words
    return words


def _opening(node: Any) -> _Words:
    """What a match of a node begins with that has no fixed spelling."""
    kind, value = node
    if kind is op.SUBPATTERN:
        return _openings(value[3])
    if kind is op.BRANCH:
        return frozenset[str]().union(*map(_openings, value[1]))
    if kind in {op.MAX_REPEAT, op.MIN_REPEAT} and value[0]:
        return _openings(value[2])
    return frozenset({""})


def _spell(nodes: Iterable[Any]) -> tuple[_Words | None, _Words]:
    """All that the nodes can match, or None where that is not a few words; and the rarest of which one is in it."""
    best: _Words = frozenset()
    run: _Words = frozenset({""})
    whole = True
    for node in nodes:
        exact, inside = _spell_one(node)
        if exact is not None and len(run) * len(exact) <= MAX_WORDS:
            run = _joined(run, exact)
        else:
            whole = False
            best = max(best, run, inside, key=_weight)
            run = frozenset({""}) if exact is None else exact
    return (run, run) if whole else (None, max(best, run, key=_weight))


def _spell_one(node: Any) -> tuple[_Words | None, _Words]:
    kind, value = node
    if kind is op.SUBPATTERN:
        return _spell(value[3])
    if kind is op.LITERAL:
        exact: _Words | None = frozenset({chr(value).lower()})
    elif kind is op.AT:
        exact = frozenset({""})
    elif kind is op.IN and len(value) <= MAX_CLASS and all(what is op.LITERAL for what, _ in value):
        exact = frozenset(chr(code).lower() for _, code in value)
    elif kind is op.IN and value == [(op.CATEGORY, op.CATEGORY_DIGIT)]:
        exact = frozenset("0123456789")
    elif kind is op.BRANCH:
        ways = [_spell(way) for way in value[1]]
        exact = _united([way for way, _ in ways])
        if exact is None or len(exact) > MAX_WORDS:
            insides = [inside for _, inside in ways]
            return None, frozenset[str]().union(*insides) if all(map(_weight, insides)) else frozenset()
    elif kind in {op.MAX_REPEAT, op.MIN_REPEAT}:
        least, most, repeated = value
        exact, inside = _spell(repeated)
        if exact is None or most != 1:
            return None, inside if least else frozenset()
        if not least:
            exact |= {""}
    else:
        exact = None
    return exact, exact or frozenset()


def _united(ways: Sequence[_Words | None]) -> _Words | None:
    known = [way for way in ways if way is not None]
    return frozenset[str]().union(*known) if len(known) == len(ways) else None


def _joined(left: _Words, right: _Words) -> _Words:
    return frozenset(a + b for a in left for b in right)


def _weight(words: _Words) -> int:
    """How rare the commonest of some words is: letters count, and more in scripts that write words or syllables."""
    return min((sum(map(_letter_weight, word)) for word in words), default=0)


def _letter_weight(letter: str) -> int:
    if letter.isalnum():
        return 1 if letter < "\u0e00" else 2
    return 1 if letter in _COMMON else 2


def _fewest(words: _Words) -> tuple[str, ...]:
    """Without the words that hold another at their beginning: it is found with them."""
    kept: list[str] = []
    for word in sorted(words):  # the shorter before the longer
        if not kept or not word.startswith(kept[-1]):
            kept.append(word)
    return tuple(kept)
