"""Read amounts of money: `US$1.5 billion`, `1,5 Mrd. Euro`, `1億2,000万円`, `500 ล้านบาท`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

_NUMBER: Final = (
    r"\d{1,3}(?:[.,\u00a0\u202f\u2009’'٬ ]\d{3})+(?![\d])(?:[.,٫]\d{1,4})?(?!\d)"  # 1,437,500.00
    r"|\d+(?:[.,٫]\d+)?"
)
_NUMBERS: Final = re.compile(rf"(?:{_NUMBER})")
_DIGITS: Final = re.compile(r"\d+")
_LINK: Final = r"(?:[ \u00a0\u202f]?(?:de |d['’]|di |of ))?"
"""What some languages put between `million` and the currency."""

LONGEST_BEFORE: Final = 8
"""Characters before a number in which its currency may stand."""


class Amount(NamedTuple):
    """An amount in text."""

    start: int
    end: int
    currency: str
    """ISO 4217."""
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Currencies:
    """The table of currencies and powers, compiled."""

    before: re.Pattern[str]
    before_codes: Mapping[str, str]
    after: re.Pattern[str]
    after_codes: Mapping[str, tuple[tuple[str, str], ...]]
    """Language (or empty) and code by what stands after an amount."""
    powers: re.Pattern[str]
    power: Mapping[str, int]
    power_in: Mapping[str, Mapping[str, int]]
    decimal_comma: frozenset[str]


def load_currencies(table: Mapping[str, Any]) -> Currencies:
    """Compile `config/entities/money.toml`."""
    before: dict[str, str] = {}
    after: dict[str, tuple[tuple[str, str], ...]] = {}
    for row in table["currency"]:
        before |= {unit: row["code"] for unit in row["before"] if unit not in before}
        for unit in row["after"]:
            after[unit] = after.get(unit, ()) + tuple((lang, row["code"]) for lang in row.get("languages", [""]))
    power = {word: int(exponent) for exponent, words in table["power"].items() for word in words}
    gap = r"[ \u00a0\u202f-]?"
    return Currencies(
        before=re.compile(rf"(?<![A-Za-z\u00c0-\u024f\u0400-\u04ff])(?:{_any_of(before)}){gap}$"),
        before_codes=before,
        after=re.compile(rf"{_LINK}{gap}({_any_of(after)})"),
        after_codes=after,
        powers=re.compile(rf"(?:{gap}({_any_of(power)}))"),
        power=power,
        power_in=table["power_in"],
        decimal_comma=frozenset(table["decimal_comma"]["languages"]),
    )


def find_amounts(text: str, language: str, currencies: Currencies) -> Iterator[Amount]:
    """Find amounts of money, in order."""
    done = at = 0
    for digits in _DIGITS.finditer(text):  # `_NUMBERS` would try its branches at every letter
        if digits.start() < at or (number := _NUMBERS.match(text, digits.start())) is None:
            continue
        at = number.end()
        if number.start() < done:
            continue
        before = currencies.before.search(text, max(0, number.start() - LONGEST_BEFORE), number.start())
        if before is None and not (
            currencies.after.match(text, number.end()) or currencies.powers.match(text, number.end())
        ):
            continue
        total, end = _value(text, number, language, currencies)
        code = currencies.before_codes[re.sub(r"[ \u00a0\u202f-]$", "", before[0])] if before else ""
        after = currencies.after.match(text, end)
        if after and _ends_word(text, after.end()):
            code = code or _code_after(after[1], language, currencies)
            end = after.end()
        if code and total is not None:
            yield Amount(before.start() if before else number.start(), end, code, total)
            done = end


def _value(text: str, number: re.Match[str], language: str, currencies: Currencies) -> tuple[Decimal | None, int]:
    """Add up `1億2,000万`: numbers with a power, each smaller than the one before."""
    total, end, smallest = Decimal(0), number.end(), 99
    match: re.Match[str] | None = number
    while match:
        power, after = _power(text, match.end(), language, currencies)
        value = _parse(match[0], language, currencies, scaled=power > 0)
        if value is None:
            return None, end
        if power >= smallest:
            break
        total, end, smallest = total + value.scaleb(power), after, power
        match = re.compile(rf" ?(?:{_NUMBER})").match(text, after) if power and _is_wide(text[after - 1]) else None
    return total, end


def _power(text: str, at: int, language: str, currencies: Currencies) -> tuple[int, int]:
    exponent = 0
    while match := currencies.powers.match(text, at):
        word = match[1]
        # `5 M€`, but not `5 B`: a letter apart is a power only before its currency.
        apart = len(match[0]) > len(word) == 1 and not _is_wide(word)
        if not _ends_word(text, match.end()) or (apart and not currencies.after.match(text, match.end())):
            break
        exponent += currencies.power_in.get(language, {}).get(word, currencies.power[word])
        at = match.end()
    return exponent, at


def _parse(number: str, language: str, currencies: Currencies, *, scaled: bool) -> Decimal | None:
    """Read a number by its own separators, and by the language where they leave it open (`1.500`)."""
    digits = re.sub(r"[\u00a0\u202f\u2009’'٬ ]", "", number.strip()).replace("٫", ".")
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        mark, fraction = digits[last], digits[last + 1 :]
        comma_is_decimal = language.partition("-")[0] in currencies.decimal_comma
        is_decimal = (mark == ",") == comma_is_decimal
        others = digits[:last].count(".") + digits[:last].count(",")
        grouped = digits.count(mark) > 1 or (len(fraction) == 3 and not others and not (scaled and is_decimal))
        whole = re.sub(r"[.,]", "", digits if grouped else digits[:last])
        digits = whole if grouped else f"{whole}.{fraction}"
    try:
        return Decimal(digits)
    except InvalidOperation:
        return None


def _code_after(unit: str, language: str, currencies: Currencies) -> str:
    codes = dict(currencies.after_codes[unit])
    return codes.get(language) or codes.get("") or next(iter(codes.values()))


def _ends_word(text: str, at: int) -> bool:
    """Whether a word of a spaced script ends here; unspaced scripts may end anywhere."""
    return at >= len(text) or _is_wide(text[at - 1]) or not text[at].isalpha() or _is_wide(text[at])


def _is_wide(letter: str) -> bool:
    return letter >= "\u0e00" and not "\u1e00" <= letter <= "\u1eff"


def _any_of(words: Any) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
