"""Cut text into tokens: words where a script writes words, clusters of one letter where it does not."""

import re

_SYLLABLES = (
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"  # Hangul: spaced, but its particles are glued to the names
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)

UNSPACED = f"\u0e00-\u0e7f{_SYLLABLES}"  # Thai first
"""Regular expression class of the scripts whose names begin and end inside a run of letters."""

_MARKS = "\u0300-\u036f\u0640\u064b-\u065f\u0670\u200c\u200d"
"""Combining marks, tatweel and joiners: inside a word, though `\\w` does not match them."""

_THAI = "[\u0e40-\u0e44]?[\u0e01-\u0e2e][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]*"
"""A Thai consonant with the vowel before it and the marks on it: a name never splits one."""

_TOKEN = re.compile(
    # What most tokens are, for speed: each would be the same by what follows.
    rf"[a-z]++(?=[ ,])| (?!\s)|[{_SYLLABLES}]"
    rf"|(?:[^\W\d_{UNSPACED}]\.){{2,}}"  # U.S., S.p.A.
    r"|\d+(?:[.,]\d+)+"
    rf"|(?:[^\W_{UNSPACED}]++[{_MARKS}]*+)++"
    rf"|{_THAI}"
    r"|\S"
    r"|\s+"
)

Span = tuple[int, int]
"""Start and end offset, end exclusive."""


def split_tokens(text: str) -> list[str]:
    """Split text into words, numbers, single unspaced letters, single signs and runs of blanks; nothing is left out."""
    return _TOKEN.findall(text)


_STOP = re.compile(r"[。！？\n]+[」』”’）)]?|[.!?؟…][\"'”’»)\]]*(?=\s)")
_NEXT_SMALL = re.compile(r"\s+[a-z]|\s*$")


def sentences(text: str) -> list[Span]:
    """Split text where a sentence surely ends: cheap, and a wrong cut costs a tagger little."""
    spans, start = [], 0
    for match in _STOP.finditer(text):
        at, end = match.span()
        if text[at] in ".!?؟…":
            # Not after `Mr.` or `U.S.`-like short ends; after a number only before a new beginning.
            before = text[at - 1 : at]
            whole = before.isalpha() and text[at - 2 : at - 1].isalpha()
            if not whole and not (before.isdigit() and _NEXT_SMALL.match(text, end) is None):
                continue
        if end > start:
            spans.append((start, end))
        start = end
    if start < len(text):
        spans.append((start, len(text)))
    return spans
