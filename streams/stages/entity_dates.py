"""Resolve the dates of a release: `3. November 2026`, `Nov. 3`, `December 2018`, `yesterday` as ISO 8601."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from streams.text import dates
from streams.text.dates import ERAS, gregorian_year, month_of

_YEAR: Final = re.compile(r"(?:1[89]|2[0-6])\d\d(?<![\d.,-]\d{4})(?![\d%]|[.,/-]\d)")
"""1800 to 2699: Buddhist years are 543 ahead."""

_MONTH_BEFORE: Final = re.compile(
    r"(?<!\d )(?P<name>[^\W\d_]{3,14}(?: (?:الثاني|الأول))?)\.?,? (?:de |del |of )?$"
    r"|tháng (?P<number>\d{1,2})(?:/| năm |, )$"
    r"|(?<![ก-๎])(?P<thai>[ก-๎.]{4,12}) ?(?:พ\.ศ\. ?)?$"
)
_EAST_ASIAN: Final = re.compile(
    rf"(?:(?P<era>{'|'.join(ERAS)})\s?(?P<count>\d{{1,3}})|(?<!\d)(?P<year>\d{{3,4}}))\s?[年년]\s?"
    r"(?P<month>\d{1,2})\s?[月월](?!\s?\d{1,2}\s?[日일號号])"
)

LONGEST_MONTH: Final = 24
"""Characters before a year in which its month may stand."""


class Found(NamedTuple):
    """A date in text."""

    start: int
    end: int
    value: str
    """ISO 8601: a day, or a month where the text names no day."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The words for days that are told by where they stand from the release's own date, compiled."""

    spaced: re.Pattern[str]
    """Words with blanks around them; what stands before one is looked at only where one is found, which is quicker."""
    glued: re.Pattern[str]
    days_from: Mapping[str, int]


def load_calendar(table: Mapping[str, Any]) -> Calendar:
    """Compile `config/entities/dates.toml`."""
    days_from = {word: int(days) for days, words in table["relative"].items() for word in words}
    spaced = [re.escape(word) for word in days_from if word[0] < "\u0e00"]
    glued = [re.escape(word) for word in days_from if word[0] >= "\u0e00"]
    return Calendar(re.compile(rf"(?:{'|'.join(spaced)})(?!\w)"), re.compile("|".join(glued)), days_from)


def find_dates(text: str, language: str, reference: date | None, calendar: Calendar) -> list[Found]:
    """Find dates, in order, none overlapping. Without a year, the one nearest to `reference` is meant."""
    found: list[Found] = []
    taken = bytearray(len(text))
    for reader in (_days(text, language, reference), _months(text), _relative(text, reference, calendar)):
        for one in reader:
            if not any(taken[one.start : one.end]):
                taken[one.start : one.end] = b"1" * (one.end - one.start)
                found.append(one)
    return sorted(found)


def _days(text: str, language: str, reference: date | None) -> Iterator[Found]:
    for day in dates.find_dates(text, language):
        if value := _nearest(day.iso, reference) if day.iso.startswith("--") else day.iso:
            yield Found(day.start, day.end, value)


def _nearest(yearless: str, reference: date | None) -> str:
    """The day of that name nearest to the reference; nothing without one, or where a year has no such day."""
    if reference is None:
        return ""
    month, day = int(yearless[2:4]), int(yearless[5:])
    try:
        near = [date(reference.year + shift, month, day) for shift in (-1, 0, 1)]
    except ValueError:
        return ""
    return min(near, key=lambda each: abs(each - reference)).isoformat()


def _months(text: str) -> Iterator[Found]:
    if "年" in text or "년" in text:
        for match in _EAST_ASIAN.finditer(text):
            year = int(match["count"]) + ERAS[match["era"]] if match["era"] else gregorian_year(int(match["year"]))
            if year and 1 <= int(match["month"]) <= 12:
                yield Found(*match.span(), f"{year}-{int(match['month']):02}")
    for number in _YEAR.finditer(text):
        if before := _MONTH_BEFORE.search(text, max(0, number.start() - LONGEST_MONTH), number.start()):
            month = int(before["number"] or 0) or month_of(before["name"] or before["thai"])
            if 1 <= month <= 12 and (year := gregorian_year(int(number[0]))):
                yield Found(before.start(), number.end(), f"{year}-{month:02}")


def _relative(text: str, reference: date | None, calendar: Calendar) -> Iterator[Found]:
    if reference is None:
        return
    words = (match for match in calendar.spaced.finditer(text) if not text[match.start() - 1 : match.start()].isalnum())
    for match in (*words, *calendar.glued.finditer(text)):
        yield Found(*match.span(), (reference + timedelta(days=calendar.days_from[match[0]])).isoformat())
