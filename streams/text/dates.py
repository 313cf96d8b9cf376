"""Calendar dates in running text, in fifteen languages and four calendars, as ISO 8601.

Buddhist (Thai) years count 543 ahead, Republic of China years 1911 behind; Hijri dates are turned by the tabular
Islamic calendar, which may differ by a day from a sighted one.
"""

import re
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

BUDDHIST_OFFSET = 543
ROC_OFFSET = 1911
ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "民國": 1911, "民国": 1911}
"""What is added to a year of an era."""
OLDEST, NEWEST = 1800, 2099
"""Gregorian years a release may speak of; outside them a number is no year."""

ISLAMIC_EPOCH = date(622, 7, 18)
"""1 Muharram of year 1, Thursday epoch, in the proleptic Gregorian calendar: nearer to the Umm al-Qura calendar."""

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹０１２３４５６７８９๐๑๒๓๔๕๖๗๘๙", "0123456789" * 4)
_ODD_DIGIT = re.compile("[٠-٩۰-۹０-９๐-๙]")

# One line per language, months in order, the spellings of a month separated by "|". Abbreviations that are plain words
# elsewhere (`mar`, `set`, `out`) are safe: a day or a year has to stand beside them.
_MONTHS = """
january|jan february|feb march|mar april|apr may june|jun july|jul august|aug september|sept|sep october|oct november|nov december|dec
januar|jänner februar|feber märz|mär|mrz april mai juni juli august september oktober|okt november dezember|dez
janvier|janv février|févr|fév|fevr mars avril|avr mai juin juillet|juil août septembre|sept octobre novembre décembre|déc
enero|ene febrero marzo abril|abr mayo junio julio agosto|ago septiembre|setiembre octubre noviembre diciembre|dic
janeiro fevereiro|fev março abril maio|mai junho julho agosto setembro|set outubro|out novembro dezembro
января|январь|янв февраля|февраль|февр|фев марта|март|мар апреля|апрель|апр мая|май июня|июнь|июн июля|июль|июл августа|август|авг сентября|сентябрь|сент|сен октября|октябрь|окт ноября|ноябрь|нояб|ноя декабря|декабрь|дек
januari februari|pebruari maret april mei juni juli agustus|agu|agt september oktober november|nopember desember|des
januari februari|feb mac april mei jun julai ogos|ogo september oktober november disember|dis
มกราคม|ม.ค. กุมภาพันธ์|ก.พ. มีนาคม|มี.ค. เมษายน|เม.ย. พฤษภาคม|พ.ค. มิถุนายน|มิ.ย. กรกฎาคม|ก.ค. สิงหาคม|ส.ค. กันยายน|ก.ย. ตุลาคม|ต.ค. พฤศจิกายน|พ.ย. ธันวาคม|ธ.ค.
يناير فبراير مارس أبريل|ابريل|إبريل مايو يونيو|يونيه يوليو|يوليه أغسطس|اغسطس سبتمبر أكتوبر|اكتوبر نوفمبر ديسمبر
جانفي فيفري مارس أفريل|افريل ماي جوان جويلية أوت|اوت سبتمبر أكتوبر نوفمبر ديسمبر
كانون‿الثاني شباط آذار|اذار نيسان أيار|ايار حزيران تموز آب أيلول|ايلول تشرين‿الأول تشرين‿الثاني كانون‿الأول
"""  # noqa: E501
_HIJRI = """
محرم صفر ربيع‿الأول|ربيع‿الاول ربيع‿الآخر|ربيع‿الثاني جمادى‿الأولى|جمادى‿الاولى جمادى‿الآخرة|جمادى‿الثانية رجب شعبان رمضان شوال ذو‿القعدة|ذي‿القعدة ذو‿الحجة|ذي‿الحجة
"""  # noqa: E501


class FoundDate(NamedTuple):
    """A date in a text."""

    start: int
    end: int
    iso: str
    """`2026-11-03`, or `--11-03` where the text gives no year."""


def find_dates(text: str, language: str = "") -> tuple[FoundDate, ...]:
    """Find the dates of a text, in order, without overlaps. Every date has digits, so only they are looked at: linear.

    The language settles what is open: English writes `11/03/2026` with the month first, Thai short years are Buddhist,
    German and English months have a capital.
    """
    plain = text if text.isascii() or not _ODD_DIGIT.search(text) else text.translate(_DIGITS)
    found: list[FoundDate] = []
    done = 0
    for number in _NUMBER.finditer(plain):
        start, end = number.span()
        if start < done or end - start > LONGEST_NUMBER:
            continue
        dated = _numeric(plain, number, language) or _named(plain, number, language)
        if dated and dated.start >= done:
            found.append(dated)
            done = dated.end
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


def _numeric(text: str, number: re.Match[str], language: str) -> FoundDate | None:
    """A date in figures, or with the words for year, month and day beside them as East Asian languages write it."""
    if not text.startswith(_AFTER_NUMBER, number.end()):
        return None
    for pattern, read in _SHAPES:
        if (match := pattern.match(text, number.start())) and (iso := read(match, language)):
            era = _ERA.search(text, max(0, number.start() - ERA_LENGTH), number.start())
            return FoundDate(era.start() if era else number.start(), match.end(), iso)
    return None


def _year_first(match: re.Match[str], language: str) -> str:
    del language
    year, month, day = (int(match[name]) for name in ("y", "m", "d"))
    return "" if _in_address(match) else _iso(gregorian_year(year), month, day)


def _year_last(match: re.Match[str], language: str) -> str:
    first, second, year = (int(match[name]) for name in ("a", "b", "y"))
    if _in_address(match) or (year < 100 and match["s"] == "." and len(match[0]) < len("01.02.03")):
        return ""  # `2.4.27` is a version
    if year < 100:
        year += 2500 if language == "th" else 2000
    year = gregorian_year(year)
    # Day first, as most of the world writes; the American order in English, or where nothing else fits.
    american = second > 12 or (language == "en" and match["s"] == "/" and first <= 12)
    return _iso(year, first, second) if american else _iso(year, second, first)


def _in_address(match: re.Match[str]) -> bool:
    """Whether a date in figures is part of a path or of a longer number."""
    text, start, end = match.string, match.start(), match.end()
    return text[start - 1 : start] in _BESIDE_PATHS or bool(_GOES_ON.match(text, end))


def _east_asian(match: re.Match[str], language: str) -> str:
    month, day = int(match["m"]), int(match["d"])
    era = _ERA.search(match.string, max(0, match.start() - ERA_LENGTH), match.start())
    if match["y"] is None:
        if era and era[2]:
            return _iso(ERAS[era[1][-2:]] + 1, month, day)
        # `元禄14年3月14日`: the year of an era that is not known here.
        return (
            "" if _UNREAD_YEAR.search(match.string, max(0, match.start() - 4), match.start()) else _yearless(month, day)
        )
    year = int(match["y"])
    if era and year < 200:
        return _iso(year + ERAS[era[1][-2:]], month, day)
    republic = language == "zh-Hant" and 0 < year < 80
    return _iso(year + ROC_OFFSET if republic else gregorian_year(year), month, day)


def _vietnamese(match: re.Match[str], language: str) -> str:
    del language
    month, day = int(match["m"]), int(match["d"])
    return _yearless(month, day) if match["y"] is None else _iso(gregorian_year(int(match["y"])), month, day)


def _named(text: str, number: re.Match[str], language: str) -> FoundDate | None:
    """A date with the month's name after the day or before it."""
    if number.end() - number.start() > 2:
        return None
    day = int(number[0])
    if (word := _DAY_AND_WORD.match(text, number.end())) and (month := _month_in(word)):
        value, end = month
        at = word.start(1)
        year = _YEAR_AFTER.match(text, end)
        written = year[1] if year else None
        if not year and THAI <= text[at] <= LAST_THAI and (year := _SHORT_YEAR_AFTER.match(text, end)):
            written = f"25{year[1]}"
        if iso := _if_written_so(text, at, language, _month_date(day, value, written)):
            # The dot of a shortened month belongs to the date; a full stop after it does not matter to anyone.
            return FoundDate(number.start(), year.end() if year else end, iso)
    start = number.start()
    if (
        not text[start - 1 : start].isspace()
        or text[max(0, start - 4) : start - 1].rstrip(".")[-2:].lower() not in _month_tails()
    ):
        return None
    before = _WORD_BEFORE.search(text, max(0, start - LONGEST_MONTH), start)
    if before and (value := month_of(before[1])):
        ordinal = _ORDINAL.match(text, number.end())
        at = ordinal.end() if ordinal else number.end()
        year = _YEAR_AFTER.match(text, at)
        if year is None and _FRACTION.match(text, at):
            return None  # `im November 1.246 Fälle`
        if iso := _if_written_so(text, before.start(1), language, _month_date(day, value, year[1] if year else None)):
            return FoundDate(before.start(1), year.end() if year else at, iso)
    return None


def _if_written_so(text: str, at: int, language: str, iso: str) -> str:
    """Nothing where a month without a capital and without a year is a word: `21 des Statuts`."""
    return "" if iso.startswith("--") and language in CAPITAL_MONTHS and text[at].islower() else iso


def month_of(name: str) -> int:
    """The number of the month of that name, whatever its case; 0 where there is none. Hijri ones are above 100."""
    months = _months()
    return months.get(name.lower(), 0) or months.get(name.lower().rstrip("."), 0)


def _month_in(token: re.Match[str]) -> tuple[int, int] | None:
    """The number of the month that a word after a day begins with, and where its name ends."""
    word = token[1].lower()
    if word[:2] not in _month_heads():
        return None
    months = _months()
    text, at = token.string, token.start(1)
    if word[0] >= ARABIC and (two := _TWO_TOKENS.match(text, at)) and (value := months.get(" ".join(two[0].split()))):
        return value, two.end()
    if value := months.get(word):
        return value, token.end()
    if value := months.get(bare := word.rstrip(".,;:)")):
        return value, at + len(bare)
    if value := months.get(word.partition("/")[0]):
        return value, token.end()
    if value := months.get(bare := word.partition("-")[0]):
        return value, at + len(bare)
    # In scripts without blanks the year or a word may be glued on.
    if word[0] >= THAI:
        return next(((value, at + len(name)) for name, value in _glued_months() if word.startswith(name)), None)
    return None


def _month_date(day: int, month: int, year: str | None) -> str:
    if month > HIJRI:
        return from_hijri(int(year), month - HIJRI, day).isoformat() if year and 1300 <= int(year) < 1600 else ""
    return _yearless(month, day) if year is None else _iso(gregorian_year(int(year)), month, day)


def _yearless(month: int, day: int) -> str:
    return f"--{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else ""


def month_names() -> tuple[str, ...]:
    """All months' names that dates are read with, in small letters."""
    return tuple(_months())


@cache
def _months() -> dict[str, int]:
    """Names of months, lower case, to their numbers; Hijri ones are numbered from 101."""
    months = {}
    for table, base in ((_MONTHS, 0), (_HIJRI, HIJRI)):
        for language in table.strip().split("\n"):
            for number, spellings in enumerate(language.split(" "), start=1):
                for spelling in spellings.split("|"):
                    months[spelling.replace("‿", " ")] = base + number
    return months


@cache
def _month_heads() -> frozenset[str]:
    """The two letters that names of months begin with: most words beside a number do not."""
    return frozenset(name[:2] for name in _months())


@cache
def _month_tails() -> frozenset[str]:
    """The two letters that they end with, their dot aside."""
    return frozenset(name.rstrip(".")[-2:] for name in _months())


@cache
def _glued_months() -> tuple[tuple[str, int], ...]:
    """The months of languages without blanks."""
    return tuple((name, value) for name, value in _months().items() if name >= THAI)


ARABIC = "\u0600"
"""The first letter of the only script that has months of two words."""

THAI = "\u0e01"
"""The first letter of the only such script here that has names for its months; the later ones count them."""

LAST_THAI = "\u0e5b"

HIJRI = 100
LONGEST_NUMBER = 4
"""Figures: a year has as many."""
ERA_LENGTH = 9
CAPITAL_MONTHS = frozenset({"en", "de"})
"""Languages that write months with a capital and have other words spelt like them."""
LONGEST_MONTH = 16
"""Characters."""

_NUMBER = re.compile(r"\d+")
_AFTER_NUMBER = (*"-/.年년月월", " 年", " 년", " 月", " 월", " /", " -", " .", " tháng")
_ERA = re.compile(r"(中華民國|中华民国|民國|民国|令和|平成|昭和|大正)\s?(元年\s?)?$")
_UNREAD_YEAR = re.compile(r"\d\s?[年년]\s?$")
_BESIDE_PATHS = frozenset("/=_.-")
_FRACTION = re.compile(r"[.,:]\d")
_GOES_ON = re.compile(r"[/_]|[-.]\d")
_SHAPES = (
    (re.compile(r"(?P<y>\d{4})\s?(?P<s>[-/.])\s?(?P<m>\d{1,2})\s?(?P=s)\s?(?P<d>\d{1,2})(?!\d)"), _year_first),
    (
        re.compile(r"(?<!\d\.)(?P<a>\d{1,2})(?P<s>[-/.])\s?(?P<b>\d{1,2})(?P=s)\s?(?P<y>\d{4}|\d\d(?![\d.]))(?!\d)"),
        _year_last,
    ),
    (re.compile(r"(?:(?P<y>\d{1,4})\s?[年년]\s?)?(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日일號号]"), _east_asian),
    (re.compile(r"(?P<d>\d{1,2})\stháng\s(?P<m>\d{1,2})(?:(?:,\snăm|,|\snăm)?\s(?P<y>\d{4}))?(?!\d)"), _vietnamese),
)
_DAY_AND_WORD = re.compile(
    r"(?:st|nd|rd|th|er|º|ª|\.)?+\s?+(?:de\s|d’|d'|-|of\s)?+([^\s\d,()（）«»]{3,16})", re.IGNORECASE
)
_TWO_TOKENS = re.compile(r"[\u0600-\u06ff]{2,8}\s[\u0600-\u06ff]{3,8}")
_YEAR_AFTER = re.compile(
    r"[.,]?(?:\sde(?:l)?|,|-|\sพ\.ศ\.|\sค\.ศ\.|\sพุทธศักราช|\sسنة|\sعام)?\s?(\d{4})(?!\d)(?:\s(?:г\.|года?\b))?",
    re.IGNORECASE,
)
_SHORT_YEAR_AFTER = re.compile(r"\s?(?:พ\.ศ\.\s?)?[’']?([67]\d)(?!\d)")
"""Thai print: `5 มิ.ย. 63` is 2563, 2020."""
_WORD_BEFORE = re.compile(r"(?<![^\W\d_])([^\W\d_]{3,10})\.?\s$")
_ORDINAL = re.compile(r"st|nd|rd|th", re.IGNORECASE)
