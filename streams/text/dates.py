"""Calendar dates in running text, in fifteen languages and four calendars, as ISO 8601.

Buddhist (Thai) years count 543 ahead, Republic of China years 1911 behind; Hijri dates are turned by the tabular
Islamic calendar, which may differ by a day from a sighted one.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

BUDDHIST_OFFSET = 543
ROC_OFFSET = 1911
REIWA_OFFSET = 2018
OLDEST, NEWEST = 1900, 2099
"""Gregorian years a release may speak of; outside them a number is no year."""

ISLAMIC_EPOCH = date(622, 7, 18)
"""1 Muharram of year 1, Thursday epoch, in the proleptic Gregorian calendar: nearer to the Umm al-Qura calendar."""

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹０１２３４５６７８９๐๑๒๓๔๕๖๗๘๙", "0123456789" * 4)

# One line per language, months in order, the spellings of a month separated by "|". Abbreviations that are plain words
# elsewhere (`mar`, `set`, `out`) are safe: a day or a year has to stand beside them.
_MONTHS = """
january|jan february|feb march|mar april|apr may june|jun july|jul august|aug september|sept|sep october|oct november|nov december|dec
januar|jänner februar|feber märz|mär|mrz april mai juni juli august september oktober|okt november dezember|dez
janvier|janv février|févr|fév mars avril|avr mai juin juillet|juil août septembre|sept octobre novembre décembre|déc
enero|ene febrero marzo abril|abr mayo junio julio agosto|ago septiembre|setiembre octubre noviembre diciembre|dic
janeiro fevereiro|fev março abril maio|mai junho julho agosto setembro|set outubro|out novembro dezembro
января|январь|янв февраля|февраль|фев марта|март апреля|апрель|апр мая|май июня|июнь июля|июль августа|август|авг сентября|сентябрь|сен октября|октябрь|окт ноября|ноябрь|ноя декабря|декабрь|дек
januari februari maret april mei juni juli agustus|agu september oktober november desember|des
januari februari|feb mac april mei jun julai ogos|ogo september oktober november disember|dis
มกราคม|ม.ค. กุมภาพันธ์|ก.พ. มีนาคม|มี.ค. เมษายน|เม.ย. พฤษภาคม|พ.ค. มิถุนายน|มิ.ย. กรกฎาคม|ก.ค. สิงหาคม|ส.ค. กันยายน|ก.ย. ตุลาคม|ต.ค. พฤศจิกายน|พ.ย. ธันวาคม|ธ.ค.
يناير فبراير مارس أبريل|ابريل|إبريل مايو يونيو|يونيه يوليو|يوليه أغسطس|اغسطس سبتمبر أكتوبر|اكتوبر نوفمبر ديسمبر
جانفي فيفري مارس أفريل|افريل ماي جوان جويلية أوت|اوت سبتمبر أكتوبر نوفمبر ديسمبر
كانون‿الثاني شباط آذار|اذار نيسان أيار|ايار حزيران تموز آب أيلول|ايلول تشرين‿الأول تشرين‿الثاني كانون‿الأول
"""
_HIJRI = """
محرم صفر ربيع‿الأول|ربيع‿الاول ربيع‿الآخر|ربيع‿الثاني جمادى‿الأولى|جمادى‿الاولى جمادى‿الآخرة|جمادى‿الثانية رجب شعبان رمضان شوال ذو‿القعدة|ذي‿القعدة ذو‿الحجة|ذي‿الحجة
"""


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date in a text."""

    start: int
    end: int
    iso: str
    """`2026-11-03`, or `--11-03` where the text gives no year."""


def find_dates(text: str) -> tuple[FoundDate, ...]:
    """Find the dates of a text, in order, without overlaps. Linear in the length of the text."""
    plain = text.translate(_DIGITS) if not text.isascii() else text
    found = []
    for match in _pattern().finditer(plain):
        iso = _READERS[match.lastgroup or ""](match)
        if iso:
            found.append(FoundDate(match.start(), match.end(), iso))
    return tuple(found)


def with_year(iso: str, reference: str) -> str:
    """Give a yearless date the year of a reference date; empty where there is none."""
    if not iso.startswith("--"):
        return iso
    return f"{reference[:4]}-{iso[2:]}" if reference[:4].isdigit() else ""


def from_hijri(year: int, month: int, day: int) -> date:
    """Turn a date of the tabular Islamic calendar into a Gregorian one."""
    days = (year - 1) * 354 + (3 + 11 * year) // 30 + 29 * (month - 1) + month // 2 + day - 1
    return ISLAMIC_EPOCH + timedelta(days=days)


def gregorian_year(year: int) -> int:
    """Read a year of any calendar as a Gregorian one: 2563 is Buddhist, 106 is of the Republic of China; else 0."""
    if OLDEST <= year <= NEWEST:
        return year
    if OLDEST <= year - BUDDHIST_OFFSET <= NEWEST:
        return year - BUDDHIST_OFFSET
    if 80 <= year < 200:  # the Republic's years 80 to 199 are 1991 to 2110: smaller ones are other numbers
        return year + ROC_OFFSET
    return 0


def _iso(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def _year_first(match: re.Match[str]) -> str:
    year, month, day = (int(match[name]) for name in ("y1", "m1", "d1"))
    return _iso(gregorian_year(year), month, day)


def _year_last(match: re.Match[str]) -> str:
    first, second, year = (int(match[name]) for name in ("a2", "b2", "y2"))
    if year < 100:
        year += 2000
    year = gregorian_year(year)
    # Day first, as most of the world writes; the American order only where nothing else fits.
    return _iso(year, second, first) if second <= 12 else _iso(year, first, second)


def _east_asian(match: re.Match[str]) -> str:
    month, day = int(match["m3"]), int(match["d3"])
    if match["y3"] is None:
        return f"--{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else ""
    year = int(match["y3"]) + (REIWA_OFFSET if match["era"] == "令和" else 0)
    if match["era"] and year < 200:
        year += ROC_OFFSET
    return _iso(gregorian_year(year), month, day)


def _vietnamese(match: re.Match[str]) -> str:
    return _iso(gregorian_year(int(match["y4"])), int(match["m4"]), int(match["d4"]))


def _day_month(match: re.Match[str]) -> str:
    return _named(match["d5"], match["m5"], match["y5"])


def _month_day(match: re.Match[str]) -> str:
    return _named(match["d6"], match["m6"], match["y6"])


def _named(day: str, name: str, year: str | None) -> str:
    months = _months()
    month = months[_key(name)]
    if month > 12:  # Hijri months are numbered from 101
        return from_hijri(int(year), month - 100, int(day)).isoformat() if year and 1300 <= int(year) < 1600 else ""
    if year is None:
        return f"--{month:02}-{int(day):02}" if 1 <= int(day) <= 31 else ""
    return _iso(gregorian_year(int(year)), month, int(day))


_READERS = {
    "yearfirst": _year_first,
    "yearlast": _year_last,
    "eastasian": _east_asian,
    "vietnamese": _vietnamese,
    "daymonth": _day_month,
    "monthday": _month_day,
}


def _key(name: str) -> str:
    return " ".join(name.lower().split())


@cache
def _months() -> dict[str, int]:
    months = {}
    for table, base in ((_MONTHS, 0), (_HIJRI, 100)):
        for language in table.strip().split("\n"):
            for number, spellings in enumerate(language.split(" "), start=1):
                for spelling in spellings.split("|"):
                    months[spelling.replace("‿", " ")] = base + number
    return months


@cache
def _pattern() -> re.Pattern[str]:
    names = "|".join(re.escape(name).replace(r"\ ", r"\s") for name in sorted(_months(), key=len, reverse=True))
    # `31 آب/أغسطس` and `Nov.`: a second name after a slash and a dot are passed over.
    return re.compile(
        rf"""
        (?P<yearfirst>(?<!\d)(?P<y1>\d{{4}})\s?(?P<s1>[-/.])\s?(?P<m1>\d{{1,2}})\s?(?P=s1)\s?(?P<d1>\d{{1,2}})(?!\d))
        |(?P<yearlast>(?<![\d.])(?P<a2>\d{{1,2}})(?P<s2>[-/.])\s?(?P<b2>\d{{1,2}})(?P=s2)\s?(?P<y2>\d{{4}}|\d\d(?![\d.]))(?!\d))
        |(?P<eastasian>
            (?:(?P<era>中華民國|中华民国|民國|民国|令和)?\s?(?P<y3>(?<!\d)\d{{1,4}})\s?[年년]\s?)?
            (?<!\d)(?P<m3>\d{{1,2}})\s?[月월]\s?(?P<d3>\d{{1,2}})\s?[日일號号])
        |(?P<vietnamese>(?:ngày\s)?(?<!\d)(?P<d4>\d{{1,2}})\stháng\s(?P<m4>\d{{1,2}})(?:,|\snăm)?\s(?P<y4>\d{{4}}))
        |(?P<daymonth>(?<!\d)(?P<d5>\d{{1,2}})(?:st|nd|rd|th|er|º|ª|\.)?\s?(?:de\s|d’|-|of\s)?
            (?P<m5>{names})(?![^\W\d_])\.?(?:/[^\W\d_]+)?(?:(?:\sde(?:l)?|,|-|\sพ\.ศ\.)?\s?(?P<y5>\d{{4}})(?!\d))?)
        |(?P<monthday>(?<![^\W\d_])(?=[^\W\d_]+\.?\s(?:[^\W\d_]{{2,8}}\s)?\d)(?P<m6>{names})\.?\s(?P<d6>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?\s(?P<y6>\d{{4}})(?!\d))?)
        """,
        re.IGNORECASE | re.VERBOSE,
    )
