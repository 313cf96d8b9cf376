"""Read dates and say them in ISO 8601: `3. November 2026`, `令和8年11月3日`, `3 พ.ย. 2569`, `Nov. 3`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

_YEAR: Final = r"(?:1[89]|2[0-6])\d\d"
"""1800 to 2699: Buddhist years are 543 ahead."""

_DIGITS: Final = re.compile(r"\d+|元(?=年)")
_CJK: Final = re.compile(
    r"(?:(?P<year>元|\d{1,4})\s?[年년][\s　]?)?(?P<month>\d{1,2})\s?[月월](?:[\s　]?(?P<day>\d{1,2})\s?[日号號일])?"
)
_NUMERIC: Final = re.compile(
    rf"(?<![\d.,/-])(?:(?P<y>{_YEAR})(?P<s>[-/.])\s?(?P<m>\d{{1,2}})(?P=s)\s?(?P<d>\d{{1,2}})"
    rf"|(?P<a>\d{{1,2}})(?P<t>[-/.])(?P<b>\d{{1,2}})(?P=t)(?P<z>{_YEAR}|\d\d(?=\)|$|\s)))(?![\d/-]|[.,]\d)"
)
_DAY: Final = re.compile(r"(?<![\d.,:/-])\d{1,2}(?![\d%:/]|[.,]\d)")
_AFTER_DAY: Final = re.compile(
    r"(?:st|nd|rd|th|er|º|ª|°|\.)?[ \u00a0]?(?:de |of |tháng |من |شهر |del )?"
    r"(?P<month>1[0-2]|0?[1-9](?!\d)|[^\W\d_][^\W\d_\u0e47-\u0e4e.]*\.?(?:[^\W\d_]\.)?(?: (?:الثاني|الأول))?)"
)
_WORD_MONTH: Final = re.compile(r"[ก-๎]+\.?(?:[ก-ฮ]\.)?")
_YEAR_AFTER: Final = re.compile(
    rf"(?:,? ?(?:de |del |năm |พ\.ศ\. ?|ค\.ศ\. ?|سنة |عام )?|/)(?P<year>{_YEAR})(?!\d)(?: г\.| года| год)?"
)
_BEFORE_DAY: Final = re.compile(r"(?P<month>[^\W\d_]{3,12})\.? $")
_YEARS: Final = re.compile(rf"(?<![\d.,-]){_YEAR}(?![\d%]|[.,/-]\d)")

CAPITAL_MONTHS: Final = frozenset({"en", "de", "id", "ms"})
"""Languages that write months with a capital: `5 may` is no date there."""


class Found(NamedTuple):
    """A date in text."""

    start: int
    end: int
    value: str
    """ISO 8601: a day, or a month where the text names no day."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The words of dates, compiled."""

    months: Mapping[str, int]
    eras: Mapping[str, int]
    relative: re.Pattern[str]
    days_from: Mapping[str, int]
    month_first: frozenset[str]


def load_calendar(table: Mapping[str, Any], cldr: Mapping[str, int]) -> Calendar:
    """Compile `config/entities/dates.toml` with the month names of CLDR."""
    months = {_fold(name): number for name, number in cldr.items()}
    months |= {_fold(name): int(number) for number, names in table["months"].items() for name in names}
    days_from = {word: int(days) for days, words in table["relative"].items() for word in words}
    spaced = [word for word in days_from if word[0] < "\u0e00"]
    glued = [word for word in days_from if word[0] >= "\u0e00"]
    return Calendar(
        months=months,
        eras=table["eras"],
        relative=re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, spaced))})(?!\w)|{'|'.join(map(re.escape, glued))}"),
        days_from=days_from,
        month_first=frozenset(table["month_first"]["languages"]),
    )


def find_dates(text: str, language: str, reference: date | None, calendar: Calendar) -> list[Found]:
    """Find dates, in order, none overlapping. Without a year, the one nearest to `reference` is meant."""
    found: list[Found] = []
    taken = bytearray(len(text))
    for reader in (_wide, _numeric, _worded, _month_and_year, _relative):
        for one in reader(text, language, reference, calendar):
            if not any(taken[one.start : one.end]):
                taken[one.start : one.end] = b"1" * (one.end - one.start)
                found.append(one)
    return sorted(found)


def _wide(text: str, language: str, reference: date | None, calendar: Calendar) -> Iterator[Found]:
    if "月" not in text and "월" not in text:
        return
    for match in _matches(_CJK, text):
        year, month, day = match.group("year", "month", "day")
        start = match.start()
        full = 1 if year == "元" else int(year) if year else 0
        before = text[max(0, start - 3) : start].rstrip()[-2:]
        if year and before in calendar.eras:
            full += calendar.eras[before]
            start = text.rindex(before, 0, start)
        elif year and full < 200 and language == "zh-Hant":
            full += calendar.eras["民國"]
        if not (year or day):
            continue
        if value := _iso(full, int(month), int(day or 0), reference):
            yield Found(start, match.end(), value)


def _numeric(text: str, language: str, reference: date | None, calendar: Calendar) -> Iterator[Found]:
    for match in _matches(_NUMERIC, text):
        if match["y"]:
            year, month, day = int(match["y"]), int(match["m"]), int(match["d"])
        else:
            year, day, month = int(match["z"]), int(match["a"]), int(match["b"])
            if year < 100:
                year += 2500 if language == "th" else 2000
            if month > 12 or (language in calendar.month_first and match["t"] == "/" and day <= 12):
                day, month = month, day
        if value := _iso(year, month, day, reference):
            yield Found(*match.span(), value)


def _worded(text: str, language: str, reference: date | None, calendar: Calendar) -> Iterator[Found]:
    """Day and month name in either order, the year after them if it is there."""
    capital = language in CAPITAL_MONTHS
    for number in _matches(_DAY, text):
        start, end = number.span()
        month = 0
        if after := _AFTER_DAY.match(text, end):
            word = after["month"]
            if word.isdecimal():
                month = int(word) if "tháng" in after[0] else 0
            elif "\u0e01" <= word[0] <= "\u0e4e" and (thai := _thai_month(text, after.start("month"), calendar)):
                month, stop = thai
            else:
                month = 0 if capital and word[0].islower() else calendar.months.get(_fold(word), 0)
            if month:
                end = stop if not word.isdecimal() and "\u0e01" <= word[0] <= "\u0e4e" else after.end()
        if not month and (before := _BEFORE_DAY.search(text, max(0, start - 14), start)):
            word = before["month"]
            month = 0 if capital and word[0].islower() else calendar.months.get(_fold(word), 0)
            start = before.start()
            if month and (ordinal := re.compile("st|nd|rd|th").match(text, end)):
                end = ordinal.end()
        if not month:
            continue
        year = _YEAR_AFTER.match(text, end)
        if value := _iso(int(year["year"]) if year else 0, month, int(number[0]), reference):
            yield Found(start, year.end() if year else end, value)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Find a pattern that begins with a digit (or 元, the first year): tried only where one is."""
    done = 0
    for digits in _DIGITS.finditer(text):
        if digits.start() >= done and (match := pattern.match(text, digits.start())):
            done = match.end()
            yield match


def _thai_month(text: str, at: int, calendar: Calendar) -> tuple[int, int] | None:
    """The Thai month name that begins here (no blank need follow it), and where it ends."""
    for length in range(10, 2, -1):
        if month := calendar.months.get(_fold(text[at : at + length])):
            return month, at + length + (text[at + length : at + length + 1] == ".")
    return None


def _month_and_year(text: str, language: str, reference: date | None, calendar: Calendar) -> Iterator[Found]:
    del language
    linked = re.compile(r"(?<!\d )([^\W\d_]{3,14}(?: (?:الثاني|الأول))?)\.?,? (?:de |del |of )?$")
    vietnamese = re.compile(r"tháng (\d{1,2})(?:/| năm |, )$")
    for year in _matches(_YEARS, text):
        window = max(0, year.start() - 24), year.start()
        if match := vietnamese.search(text, *window):
            month = int(match[1])
        elif match := linked.search(text, *window):
            month = calendar.months.get(_fold(match[1]), 0)
        if match and month and (value := _iso(int(year[0]), month, 0, reference)):
            yield Found(match.start(), year.end(), value)


def _relative(text: str, language: str, reference: date | None, calendar: Calendar) -> Iterator[Found]:
    del language
    if reference is None:
        return
    for match in calendar.relative.finditer(text):
        yield Found(*match.span(), (reference + timedelta(days=calendar.days_from[match[0]])).isoformat())


def _iso(year: int, month: int, day: int, reference: date | None) -> str:
    """Write a date in ISO 8601, or nothing where there is no such day or its year cannot be told."""
    if year > 2400:
        year -= 543
    try:
        if year:
            return date(year, month, day or 1).isoformat()[: 10 if day else 7]
        if reference is None or not day:
            return ""
        near = [date(reference.year + shift, month, day) for shift in (-1, 0, 1)]
    except ValueError:
        return ""
    return min(near, key=lambda d: abs(d - reference)).isoformat()


def _fold(name: str) -> str:
    return name.casefold().rstrip(".").strip()
