"""Cut tokens into the pieces that the encoder knows, and remember which token each piece belongs to.

Words are cut one by one. In a run of unspaced letters (Thai, Han, Kana, Hangul) a piece may hold several tokens, so a
name can begin inside one: `OFFSETS` says where in its piece a token stands.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from streams.text.tokens import UNSPACED

OFFSETS: Final = 4
"""Places in a piece that the encoder tells apart: first, second, third, later."""

_WORD_START: Final = "\u2581"
_UNSPACED: Final = re.compile(f"[{UNSPACED}]")

Cut = Callable[[str], list[tuple[int, int]]]
"""Cuts normalised text into pieces: number and count of characters of each."""


Link = tuple[int, int, int]
"""Token, piece, and the token's place in the piece."""


class Pieces(NamedTuple):
    """A sentence as the encoder sees it."""

    numbers: list[int]
    links: list[Link]
    """In the order of tokens; every token has at least one."""


def cut_pieces(tokens: Sequence[str], spaced: Sequence[bool], cut: Cut) -> Pieces:
    """Cut the tokens of a sentence, blanks left out; `spaced` says which of them a blank (or nothing) stands before."""
    numbers: list[int] = []
    links: list[Link] = []
    first = 0
    while first < len(tokens):
        last = first + 1
        if _UNSPACED.match(tokens[first]):
            while last < len(tokens) and not spaced[last] and _UNSPACED.match(tokens[last]):
                last += 1
        _cut_run(tokens, first, last, _WORD_START if spaced[first] else "", cut, numbers, links)
        first = last
    return Pieces(numbers, links)


def _cut_run(
    tokens: Sequence[str], first: int, last: int, prefix: str, cut: Cut, numbers: list[int], links: list[Link]
) -> None:
    text, owners = prefix, [first] * len(prefix)
    for token in range(first, last):
        normal = unicodedata.normalize("NFKC", tokens[token]) or tokens[token]
        text += normal
        owners += [token] * len(normal)
    at = 0
    for number, length in cut(text):
        held = dict.fromkeys(owners[at : at + length])
        links += [(token, len(numbers), min(place, OFFSETS - 1)) for place, token in enumerate(held)]
        numbers.append(number)
        at += length
