"""Lists of names, found in text all at once: places in fifteen languages, listed companies, words beside names."""

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Final, NamedTuple

import ahocorasick_rs
import numpy as np
from numpy.typing import NDArray

from streams.records import Symbol
from streams.stage import StageConfig
from streams.stages.entity_crf import Lexicon
from streams.text.tokens import UNSPACED

KINDS: Final = ("place", "company", "given", "family", "company_form", "body", "title", "landform")
"""What a listed name is; the model knows them by number only, so new kinds go to the end."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSPACED = re.compile(f"[{UNSPACED}]")


class Place(NamedTuple):
    """What a place name stands for, its most populous bearer where there are several."""

    code: str
    """ISO 3166-1 of the country, or ISO 3166-2 where the place is a part of one."""
    uri: str
    """`geonames:<number>` of a city; empty for a country or a part of one."""


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """The lists, compiled; names are found leftmost, longest, none overlapping another."""

    automaton: ahocorasick_rs.AhoCorasick
    kinds: bytes
    """Of each pattern of the automaton."""
    places: Mapping[str, Place]
    companies: Mapping[str, tuple[Symbol, ...]]
    """Listings of a company by its name."""

    def mark(self, text: str, starts: NDArray[np.intp]) -> NDArray[np.uint32]:
        """Give each token the code of the listed name it begins, continues or ends; 0 where it is in none.

        Token n reaches from `starts[n]` to `starts[n + 1]`. A name that begins or ends within a token is passed over:
        `Rome` is not in `Romeo`.
        """
        codes = bytearray(len(starts) - 1)
        at = np.full(len(text) + 1, -1)
        at[starts] = np.arange(len(starts))
        token = at.tolist()
        for pattern, start, end in self.automaton.find_matches_as_indexes(encodable(text)):
            first, last = token[start], token[end]
            if first >= 0 and last >= 0:
                code = 1 + 4 * self.kinds[pattern]
                if last - first == 1:
                    codes[first] = code + 3
                else:
                    codes[first:last] = [code, *[code + 1] * (last - first - 2), code + 2]
        return np.frombuffer(codes, np.uint8).astype(np.uint32)


def encodable(text: str) -> str:
    """Put U+FFFD, one for one, where lone surrogates stand: offsets stay, and the text can be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def load_gazetteer(config: StageConfig) -> Gazetteer:
    """Read the lists that `tools/build_entity_gazetteers.py` made."""
    places = {name: Place(code, uri) for name, code, uri in _rows(config, "places.tsv.gz")}
    companies = {name: _symbols(symbols) for name, symbols in _rows(config, "companies.tsv.gz")}
    kinds: dict[str, int] = {}
    for name, kind in _rows(config, "people.tsv.gz"):
        # Where words stand apart the lexicon knows names; here only those that hide in a run of letters.
        if _UNSPACED.match(name):
            kinds[name] = KINDS.index("given" if kind == "g" and len(name) > 1 else "family")
    for kind, words in config.table("entities/words.toml").items():
        kinds.update(zip(filter(_UNSPACED.search, words), repeat(KINDS.index(kind))))
    kinds.update(zip(companies, repeat(KINDS.index("company"))))
    kinds.update(zip(places, repeat(KINDS.index("place"))))
    automaton = ahocorasick_rs.AhoCorasick(
        list(kinds),
        matchkind=ahocorasick_rs.MatchKind.LeftmostLongest,
        implementation=ahocorasick_rs.Implementation.ContiguousNFA,
        store_patterns=False,
    )
    return Gazetteer(automaton, bytes(kinds.values()), places, companies)


def load_lexicon(config: StageConfig) -> Lexicon:
    """Read the single words that are known in the scripts that write words."""
    with np.load(config.path("entities/lexicon.npz")) as arrays:
        return Lexicon(arrays["keys"], arrays["clusters"], arrays["flags"])


def _symbols(codes: str) -> tuple[Symbol, ...]:
    pairs = (code.partition(":") for code in codes.split())
    return tuple(Symbol(exchange=exchange, symbol=symbol) for exchange, _, symbol in pairs)


def _rows(config: StageConfig, name: str) -> Iterator[list[str]]:
    with gzip.open(config.path("entities/" + name), "rt", encoding="utf-8") as lines:
        for line in lines:
            yield line.rstrip("\n").split("\t")
