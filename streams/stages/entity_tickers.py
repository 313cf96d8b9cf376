"""Read listings off brackets and codes: `(NASDAQ: AAPL)`, `（東証プライム：7203）`, `0700.HK`."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from streams.records import Symbol

_BRACKET: Final = re.compile(r"[(（\[【〔［]([^()（）\[\]【】〔〕［］\n]{2,200})[)）\]】〕］]")
_COLON: Final = re.compile(r"[:：︰]\s{0,2}(?=[A-Z0-9])")
_MUTE: Final = re.compile("[\u200b\u200e\u200f\u202a-\u202c\u2066-\u2069\ufeff]")
"""Direction and zero-width marks read as blanks, one for one, so that offsets stay."""

_SEPARATOR: Final = re.compile(
    r"(?:\s*(?:[,;/|，；、،؛·・]|\b(?:and|und|et|y|e|и|dan|và|และ)(?=\s)|[&及和與与]))*\s*", re.IGNORECASE
)
_COLON_OR_BLANK: Final = re.compile(r"\s*(?:[:：︰]|[-–](?=\s))?\s*")
_END: Final = re.compile(r"\s*(?:$|[,;/|，；、،؛·・&及和與与)）\]】]|(?:and|und|et|y|e|и|dan|và|และ)\s)", re.IGNORECASE)
_NOT_AFTER: Final = re.compile(r"[A-Za-z0-9%_@]|[.,:][0-9]|\s*%|[-/][A-Za-z0-9]")
"""What shows that a symbol is the beginning of a longer word or number."""

_NOT_AFTER_SHORT: Final = re.compile(rf"{_NOT_AFTER.pattern}|\s?[^\W\d_]")
"""And what shows that a number or a single letter is none: `2022年`, `2500 points`, `A new …`."""

_SUFFIXED: Final = r"(?<![A-Za-z0-9_.@/-])([0-9]{3,6}[A-Z]?|[A-Z][A-Z0-9&-]{0,11})"
_BEFORE_SUFFIX: Final = re.compile(rf"{_SUFFIXED}$")

LONGEST_NAME: Final = 60
"""Characters looked back over from a colon for an exchange's name."""


class Listing(NamedTuple):
    """A symbol in text, with the name of its exchange where that stands beside it."""

    start: int
    end: int
    symbol: Symbol


class _Exchange(NamedTuple):
    mic: str
    symbol: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Exchanges:
    """The table of exchanges, compiled."""

    name: re.Pattern[str]
    """Any exchange's name or label, longest first."""
    by_name: Mapping[str, tuple[_Exchange, ...]]
    """Exchanges by name, folded; for `exact` names as written."""
    suffixed: re.Pattern[str]
    """A symbol with a suffix that tells its exchange."""
    suffix: re.Pattern[str]
    """The point and the suffix: quicker to find than the symbol before them."""
    by_suffix: Mapping[str, _Exchange]
    tails: frozenset[str]
    """Last two letters of every name, folded: what stands before a colon is seldom worth a longer look."""
    none: frozenset[str]


def load_exchanges(table: Mapping[str, Any]) -> Exchanges:
    """Compile `config/entities/exchanges.toml`."""
    letters = table["symbols"]["letters"]
    exchanges = {}
    by_name: dict[str, list[_Exchange]] = {}
    by_suffix: dict[str, _Exchange] = {}
    exact: list[str] = []
    folded: list[str] = []
    for row in table["exchange"]:
        exchange = exchanges[row["mic"]] = _Exchange(row["mic"], re.compile(row.get("symbol", letters)))
        for name in row["names"]:
            by_name.setdefault(name.casefold(), []).append(exchange)
        for name in row.get("exact", ()):
            by_name.setdefault(name, []).append(exchange)
        for suffix in row.get("suffix", ()):
            by_suffix.setdefault(suffix, exchange)
        folded += row["names"]
        exact += row.get("exact", ())
    for row in table["label"]:
        found = [exchanges[mic] for mic in row["mics"]] or [_Exchange("", re.compile(table["symbols"]["any"]))]
        for name in row["names"]:
            by_name.setdefault(name.casefold(), []).extend(found)
        folded += row["names"]
    return Exchanges(
        name=re.compile(f"(?:(?i:{_any_of(folded)})|{_any_of(exact)})(?![A-Za-z\u00c0-\u024f\u0400-\u04ff])"),
        by_name={name: tuple(found) for name, found in by_name.items()},
        suffixed=re.compile(rf"{_SUFFIXED}\.({_any_of(by_suffix)})(?![A-Za-z0-9_@-]|\.[A-Za-z0-9])"),
        suffix=re.compile(rf"\.({_any_of(by_suffix)})(?![A-Za-z0-9_@-]|\.[A-Za-z0-9])"),
        by_suffix=by_suffix,
        tails=frozenset(name[-2:].casefold() for name in by_name),
        none=frozenset(table["none"]["words"]),
    )


def find_listings(text: str, exchanges: Exchanges) -> list[Listing]:
    """Find every listing, in order, none twice."""
    text = _MUTE.sub(" ", text)
    found: dict[tuple[int, str], Listing] = {}
    taken = bytearray(len(text))
    brackets = [match.span(1) for match in _BRACKET.finditer(text)]
    for start, end in brackets:
        for listing in _in_bracket(text, start, end, exchanges):
            found.setdefault((listing.end, listing.symbol.exchange), listing)
            taken[listing.start : listing.end] = b"1" * (listing.end - listing.start)
    for listing in (*_after_colons(text, exchanges), *_suffixed(text, brackets, exchanges)):
        if not any(taken[listing.start : listing.end]):
            found[listing.end, listing.symbol.exchange] = listing
            taken[listing.start : listing.end] = b"1" * (listing.end - listing.start)
    return sorted(found.values())


def _in_bracket(text: str, start: int, end: int, exchanges: Exchanges) -> Iterator[Listing]:
    """Read items one by one: `EXCHANGE: SYMBOL`, `EXCHANGE SYMBOL`, `SYMBOL.SUFFIX`, and bare symbols after them."""
    pending: list[tuple[int, tuple[_Exchange, ...]]] = []
    current: tuple[_Exchange, ...] = ()
    at = start
    while at < end:
        separator = _SEPARATOR.match(text, at, end)
        at = separator.end() if separator else at
        name = exchanges.name.match(text, at, end)
        if name:
            meant = _meant(name[0], exchanges)
            gap = _COLON_OR_BLANK.match(text, name.end(), end)
            after = gap.end() if gap else name.end()
            if pair := _symbol(text, after, end, meant, exchanges):
                for first, others in pending:
                    if shared := _symbol(text, after, end, others, exchanges):
                        yield Listing(first, shared[1], shared[0])
                yield Listing(at, pair[1], pair[0])
                pending, current, at = [], meant, pair[1]
                continue
            nested = exchanges.name.match(text, after, end)
            if nested or _END.match(text, name.end(), end):
                pending.append((at, meant))
                at = name.end()
                continue
        if match := exchanges.suffixed.match(text, at, end):
            yield Listing(at, match.end(), Symbol(exchange=exchanges.by_suffix[match[2]].mic, symbol=match[1]))
            at = match.end()
            continue
        if current and (pair := _symbol(text, at, end, current, exchanges)):
            yield Listing(at, pair[1], pair[0])
            at = pair[1]
            continue
        if listing := _symbol_first(text, at, end, exchanges):
            yield listing
            at = listing.end
            continue
        # Not a listing: on to what follows the next separator.
        pending, current = [], ()
        at = _next_item(text, at, end)


def _symbol_first(text: str, at: int, end: int, exchanges: Exchanges) -> Listing | None:
    """Read `AAPL: NASDAQ` or `2330, TWSE`, where the exchange comes last."""
    match = re.compile(r"([A-Z0-9][A-Z0-9.\-]{0,9})\s*[:：,，、]\s*").match(text, at, end)
    name = match and exchanges.name.match(text, match.end(), end)
    if not match or not name or not _END.match(text, name.end(), end):
        return None
    pair = _symbol(text, at, match.end(1), _meant(name[0], exchanges), exchanges)
    return Listing(at, name.end(), pair[0]) if pair and pair[1] == match.end(1) and pair[0].exchange else None


def _after_colons(text: str, exchanges: Exchanges) -> Iterator[Listing]:
    for colon in _COLON.finditer(text):
        line = text[max(0, colon.start() - LONGEST_NAME) : colon.start()].rstrip()
        if line[-2:].casefold() not in exchanges.tails:
            continue
        for begin in range(len(line)):
            meant = (
                ()
                if line[begin - 1 : begin].isascii() and line[begin - 1 : begin].isalpha()
                else _meant(line[begin:], exchanges)
            )
            if meant:
                if pair := _symbol(text, colon.end(), len(text), meant, exchanges):
                    yield Listing(max(0, colon.start() - LONGEST_NAME) + begin, pair[1], pair[0])
                break


def _suffixed(text: str, brackets: list[tuple[int, int]], exchanges: Exchanges) -> Iterator[Listing]:
    for suffix in exchanges.suffix.finditer(text):
        match = _BEFORE_SUFFIX.search(text, max(0, suffix.start() - 13), suffix.start())
        if match is None:
            continue
        exchange = exchanges.by_suffix[suffix[1]]
        before = bisect_right(brackets, (match.start(), len(text))) - 1
        bracketed = before >= 0 and match.start() < brackets[before][1]
        digits = match[1][0].isdigit() and exchange.symbol.fullmatch(match[1])
        # Letters before `.DE` or `.PA` are as often the name of a web site, `J.P` are initials: those need a bracket.
        if digits or (len(match[1]) + len(suffix[1]) > 4 and (bracketed or len(suffix[1]) == 2)):
            yield Listing(match.start(), suffix.end(), Symbol(exchange=exchange.mic, symbol=match[1]))


def _symbol(
    text: str, at: int, end: int, meant: tuple[_Exchange, ...], exchanges: Exchanges
) -> tuple[Symbol, int] | None:
    """Read a symbol that one of the meant exchanges could have given out, and where it ends."""
    if match := exchanges.suffixed.match(text, at, end):
        mic = exchanges.by_suffix[match[2]].mic
        if any(exchange.mic in {"", mic} for exchange in meant) and not _NOT_AFTER.match(text, match.end(), end):
            return Symbol(exchange=mic, symbol=match[1]), match.end()
    for exchange in meant:
        match = exchange.symbol.match(text, at, end)
        if match is None or match[0] in exchanges.none:
            continue
        short = match[0].isdecimal() or len(match[0]) == 1
        unlikely = (_NOT_AFTER_SHORT if short else _NOT_AFTER).match(text, match.end(), end)
        if not unlikely or (unlikely[0][0].isspace() and exchanges.name.match(text, match.end() + 1, end)):
            return Symbol(exchange=exchange.mic, symbol=match[0]), match.end()
    return None


def _meant(name: str, exchanges: Exchanges) -> tuple[_Exchange, ...]:
    """The exchanges that go by a name: as written, or whatever its case."""
    return exchanges.by_name.get(name, ()) + exchanges.by_name.get(name.casefold(), ())


def _next_item(text: str, at: int, end: int) -> int:
    match = re.compile(r"[,;/|，；、،؛]").search(text, at, end)
    return match.end() if match else end


def _any_of(words: Any) -> str:
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in sorted(set(words), key=len, reverse=True))
