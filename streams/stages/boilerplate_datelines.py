"""Inline datelines: `BUSAN, South Korea, Nov. 3, 2026 /PRNewswire/ --` at the head of a paragraph."""

import itertools
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from streams.records import Dateline
from streams.text.dates import LONGEST_MONTH, FoundDate, find_dates, with_year

MAX_DATELINE = 150
"""Characters: the longest seen has 96."""

MAX_PLACE = 48
"""Characters of a place before a bare dash: longer, and it is a clause."""

SHORTEST_CITY = 2
"""Characters: 台北."""

DATE_WITHIN = 60
"""Characters before a dateline's date."""

_WIRES = (
    r"SeaPRwire|PR\s?Newswire(?:-\w+)?|PRN|BUSINESS\s?WIRE|Business\s?Wire|GLOBE\s?NEWSWIRE|GlobeNewswire|Media\s?OutReach(?:\s?Newswire)?|"
    r"ACCESS(?:WIRE)?\s?Newswire|ACN\s?Newswire|EQS(?:\s?Newswire|-News)?|Newsfile(?:\s?Corp\.?)?|CNW(?:\s?Telbec)?|ots|OTS|iwr-pressedienst|"
    r"AsiaNet|Antara\s?News|美通社|亞洲美通社|亚洲美通社|뉴스와이어|美联社|法新社|路透社|新华社|新華社|中央社|中新社|共同|時事|連合ニュース|"
    r"연합뉴스|뉴시스|뉴스1|AP|AFP|Reuters|REUTERS|dpa(?:-\w+)?|EFE|ANSA|Bernama|BERNAMA|ANTARA|TASS|ТАСС|РИА Новости|Интерфакс|"  # noqa: E501
    r"Xinhua|Kyodo(?: News)?|Jiji|Yonhap|CNA|CNN|IANS|PTI|VNA|TTXVN|APA|KNA|epd|"
    r"EUROPA PRESS|Europa Press|Lusa|LUSA|中新网|ロイター|بزنيس واير|بي آر نيوزواير|واس|رويترز|أ ف ب|أ ?ب|الوئام|سبق"
)
_WIRE = re.compile(rf"(?<![A-Za-z])(?:{_WIRES})(?![A-Za-z])")
_DASHES = "-–—―"
_DASH = r"(?:--+|[–—―]|-(?=\s)|(?<=\s)-)"

# Each shape is anchored and bounded, so that a paragraph is looked at once and only at its head.
_SLASHED = re.compile(rf"[^\n.!?。]?.{{0,110}}?/\s?(?:{_WIRES})[^/\n]{{0,24}}/\s*{_DASH}?\s*")
_BRACKETED_WIRE = re.compile(
    rf"[^\n(（]{{0,90}}[(（]\s?(?:{_WIRES})[^)）\n]{{0,24}}[)）]\s*\.?{_DASH}[\s-]*|"
    rf"(?:[^\n(（]{{2,60}}-)?[(（]\s?(?:{_WIRES})[^)）\n]{{0,24}}[)）]\s?[:：]\s*"
)
_DASHED_WIRE = re.compile(rf"[^\n.!?。]{{2,60}}?\s?{_DASH}\s?(?:{_WIRES})\s?{_DASH}\s*")
_WIRE_AFTER = re.compile(rf"[(/]?\s?(?:{_WIRES})\s?[)/]?[\s.:–—-]+")
_CJK_BRACKET = re.compile(r"[【（(\[〔][^】）)\]〕\n]{2,70}[】）)\]〕]\s*(?:[–—-]+\s*)?")
_BRACKETS = frozenset("【（([〔")
_KOREAN = re.compile(
    r"[(\[（][^)\]）=\n]{1,20}=[^)\]）\n]{2,20}[)\]）]\s*(?:[가-힣]{2,4}(?:\s?[가-힣]{2,4})?\s?(?:기자|특파원)\s*=\s*)?"
)
_CHINESE = re.compile(
    r"(?:新华社|新華社|中新社|中新网|中央社|人民网|据新华社|央视网)?\s?[\u4e00-\u9fffA-Za-z·]{0,14}\s?(?:\d{2,4}年)?\d{1,2}月\d{1,2}日\s?[电電讯訊]"
    r"\s*(?:/[^/\n]{2,14}/\s*)?(?:--+|[—–]+)?\s*(?:题：[^\n]{2,60}?\s)?"
)
_SHAPES = (
    ("/", _SLASHED),
    ("(（", _BRACKETED_WIRE),
    ("=", _KOREAN),
    ("月", _CHINESE),
    (_DASHES, _DASHED_WIRE),
)
"""Each after the signs one of which it cannot do without."""
_LEADING = re.compile(rf"\s*(?:{_DASH}|[:：.،]|,(?=\s))[\s-]*")
_PLACE_DASH = re.compile(
    rf"([^\n.!?。:：;]{{2,{MAX_PLACE}}}?(?:[A-Z][a-z]{{0,4}}\.|[A-Z]\.[A-Z]\.|, [A-Z]\w+\.(?:com|id|co\.id))?)"
    rf"\s?(?:{_DASH}|[:：])\s+(?=\S)"
)
_AFTER_PLACES = f"{_DASHES}:："
_DIGIT = re.compile(r"\d")
_DATE_TAIL = re.compile(r"\s*(?:г\.|년|[,)]?\s?\([^()\n]{2,30}\)|[,)]?\s?\(?[A-Za-z]{0,12}\)?)?\)?")
_DATE_DASH = re.compile(rf"\s*(?:هـ|م|г\.)?\s*{_DASH}[\s-]*")
_CITY_BESIDE = re.compile(r"\s*[:()–—]\s*|\s-\s")
_REPORTER = re.compile(r"記者|记者|特派|記者[\u4e00-\u9fff]{2,4}")
_ANNOUNCES = re.compile(r"(?:[電电訊讯]|報導|报道)\s*[）)】〕]?\s*$|[訊讯][，、,]")
_HIJRI_TWIN = re.compile(r"\s*(?:هـ|ه)?\s*(?:الموافق|\(|/)\s*")
_ERA_LETTER = re.compile(r"\s*(?:هـ|م|г\.?|năm)(?!\w)\s*\)?")
_BEFORE_DATE = re.compile(r"(?i)[\s,،]+(?:den|le|am|on|em|el|a|ngày|tanggal|pada|วันที่|في)\s*$")
_NO_PLACE = re.compile(
    r"記者[\u4e00-\u9fff]{2,3}|记者[\u4e00-\u9fff]{2,3}(?=[\u4e00-\u9fff]{2})|\d{1,2}日|[電电訊讯](?![\u4e00-\u9fff])|報導|报道|"
    r"请即发稿|請即發稿"
)
_PLACE_AFTER = re.compile(rf"\s*[，,]\s*([^\n，。,.]{{2,20}}?)\s*(?:{_DASH})[\s—-]*")
_AFTER_PLACE = re.compile(r"[,，、،(（/]")
_TRIM = " \t\n：,،、，.:;-–—―/／()（）[]【】〔〕=·&"


def inline_dateline(paragraph: str, cities: AbstractSet[str]) -> int:
    """Say how many characters at the head of a paragraph are its dateline: 0 where there is none."""
    head = paragraph[:MAX_DATELINE]
    for needed, shape in _SHAPES:
        if any(map(head.__contains__, needed)) and (match := shape.match(head)) and match.end() < len(paragraph):
            return match.end() + _date_after(head[match.end() :])
    match = _CJK_BRACKET.match(head) if head[:1] in _BRACKETS else None
    if match and match.end() < len(paragraph):
        inside = match.group()
        dash = inside.rstrip()[-1:] in "-–—"
        if (
            find_dates(inside)
            or _ANNOUNCES.search(inside.rstrip(" -–—"))
            or (dash and _is_place(inside.strip(_TRIM), cities))
            or ((dash or inside[0] == "【") and _WIRE.search(inside))
        ):
            return match.end()
    return _by_date(head, cities) or (_by_place(head, cities) if any(map(head.__contains__, _AFTER_PLACES)) else 0)


def _by_date(head: str, cities: AbstractSet[str]) -> int:
    """`24 de septiembre de 2020 — `, `Düsseldorf, 22. November 2022. `, `กรุงเทพฯ 17 เมษายน 2563 - `."""
    dates = find_dates(head) if _DIGIT.search(head, 0, DATE_WITHIN + LONGEST_MONTH + 1) else ()
    if not dates or dates[0].start > DATE_WITHIN:
        return 0
    end = dates[0].end
    if len(dates) > 1 and _HIJRI_TWIN.fullmatch(head, end, dates[1].start):
        end = dates[1].end
    before = head[: dates[0].start]
    place = _BEFORE_DATE.sub(",", before)
    if era := _ERA_LETTER.match(head, end):
        end = era.end()
    if before.strip(_TRIM) and (wire := _WIRE_AFTER.match(head, end)) and _is_place(place.strip(_TRIM), cities):
        return wire.end()
    after = None if before.strip(_TRIM) else _PLACE_AFTER.match(head, end)
    if after and _is_place(after[1].strip(_TRIM), cities):
        return after.end()
    tail = _DATE_TAIL.match(head, end)
    offset = tail.end() if tail and _LEADING.match(head, tail.end()) else end
    lead = _LEADING.match(head, offset)
    if not lead:
        return 0
    mark = lead.group().strip()
    if not before.strip(_TRIM):
        return lead.end() if mark[:1] in "-–—―:：" and len(mark) else 0
    strong = mark[:1] in "-–—―" or (mark[:1] in ".:" and place.rstrip().endswith((",", "(", "،")))
    if not strong or not _is_place(place.strip(_TRIM), cities):
        return 0
    wire = _WIRE_AFTER.match(head, lead.end())
    return wire.end() if wire else lead.end()


def _by_place(head: str, cities: AbstractSet[str]) -> int:
    """`CHARLOTTE, N.C. — `, `Jakarta - `, `BEIJING: `."""
    match = _PLACE_DASH.match(head)
    if not match:
        return 0
    place = match[1]
    known = _first(place).casefold() in cities
    colon = match.group().rstrip()[-1] in ":："
    if place.isupper() and (known or ("," in place and not colon)) and not any(map(str.isdigit, place)):
        return match.end()
    if colon:
        return match.end() if known and place.isupper() else 0
    if known and ("," in place or len(place.split()) <= 3):
        return match.end() + _date_after(head[match.end() :])
    parts = place.split(",")
    return match.end() if len(parts) == 2 and parts[0].isupper() and len(parts[1].strip()) <= 14 else 0


def _date_after(rest: str) -> int:
    """`الرياض – 24 جمادى الأولى 1448 هـ – `: a date between a place's dash and another one."""
    dates = find_dates(rest[:MAX_PLACE])
    if not dates or rest[: dates[0].start].strip(_TRIM):
        return 0
    lead = _DATE_DASH.match(rest, dates[0].end)
    return lead.end() if lead else 0


def _is_place(text: str, cities: AbstractSet[str]) -> bool:
    """Say whether a text of some words can be a place: every word that is longer than a preposition has a capital."""
    if not text or len(text) > MAX_PLACE or any(map(str.isdigit, text)):
        return False
    if _first(text).casefold() in cities:
        return True
    words = [word for word in re.split(r"[\s,，、،/]+", text) if len(word) > 3 or word.isupper()]
    return len(words) <= 5 and all(not word[0].islower() for word in words)


def _first(place: str) -> str:
    return _AFTER_PLACE.split(place, maxsplit=1)[0].strip(_TRIM)


def read_dateline(text: str, cities: AbstractSet[str], reference: str = "") -> Dateline:
    """Take a dateline apart. `reference` is an ISO date whose year a yearless one gets."""
    dates = find_dates(text)
    wire = _WIRE.search(text)
    # Of a Hijri date and its Gregorian twin, the latter is exact.
    twin = len(dates) > 1 and _HIJRI_TWIN.fullmatch(text, dates[0].end, dates[1].start)
    iso = dates[1 if twin else 0].iso if dates else _day_only(text, reference)
    if iso.startswith("--"):
        iso = f"{reference[:4]}-{iso[2:]}" if reference else ""
    return Dateline(city=_city(text, dates, wire, cities), date=iso, wire=wire.group() if wire else "")


def _city(text: str, dates: Sequence[FoundDate], wire: re.Match[str] | None, cities: AbstractSet[str]) -> str:
    """What a dateline names beside its dates and its wire."""
    place = text
    for start, end in sorted([*((d.start, d.end) for d in dates), *([wire.span()] if wire else [])], reverse=True):
        place = f"{place[:start]}\n{place[end:]}"
    place = _NO_PLACE.sub("\n", place)
    named, _, rest = place.partition("\n")
    place = f"{_BEFORE_DATE.sub('', named)}\n{rest}"
    city = next(
        (first for part in place.split("\n") if len(first := _first(part.strip(_TRIM))) > 1 and not first.isdigit()), ""
    )
    if "=" in text and city.casefold() not in cities:
        city = ""  # Korean papers print a column there, agencies a city
    # A release without line breaks has its headline before the city: `Acme opens plant BUSAN, Nov. 3`.
    if len(words := city.split()) > 3:
        shouted = list(itertools.takewhile(str.isupper, reversed(words)))
        city = " ".join(reversed(shouted)) if shouted and len(shouted) < len(words) else city
    return _known_part(city, cities)


def read_date_lines(lines: Sequence[str], cities: AbstractSet[str], reference: str = "") -> Dateline:
    """Read lines of their own: dates, or `Hamburg, 2. November 2021`, or city and author as Arabic papers print them.

    Here only a city that is known is one.
    """
    isos: list[str] = []
    city = wire = ""
    for line in lines:
        dates = find_dates(line)
        named = _WIRE.search(line)
        isos += [date.iso for date in dates[:1]]
        wire = wire or (named.group() if named else "")
        city = city or _known_city(line, dates, named, cities)
    whole = next((iso for iso in isos if not iso.startswith("--")), "")
    return Dateline(city=city, date=whole or (with_year(isos[0], reference) if isos else ""), wire=wire)


def _known_city(line: str, dates: Sequence[FoundDate], wire: re.Match[str] | None, cities: AbstractSet[str]) -> str:
    """The city that a date line names, or one of the parts that it falls into."""
    if len(line) - sum([date.end - date.start for date in dates]) < SHORTEST_CITY:
        return ""
    if (city := _city(line, dates, wire, cities)).casefold() in cities:
        return city
    parts = _CITY_BESIDE.split(line)
    if len(parts) < 2:
        return ""
    named = (_city(part, find_dates(part), _WIRE.search(part), cities) for part in parts if part.strip())
    return next((city for city in named if city.casefold() in cities), "")


def _known_part(place: str, cities: AbstractSet[str]) -> str:
    """Without blanks between words, a country stands glued before its city: 韩国釜山. In Thai a blank parts them."""
    if place.casefold() in cities or place.isascii():
        return place
    glued = (place[start:] for start in range(1, len(place) - 1))
    words = place.split()
    known = next((part for part in (*words[:1], *glued) if part.casefold() in cities), "")
    return known if known and not place[0].isupper() else place


def _day_only(text: str, reference: str) -> str:
    """`台北21日電`: the day of the month that the release is dated in."""
    day = re.search(r"(?<!\d)(\d{1,2})日[電电]", text)
    return f"{reference[:8]}{int(day[1]):02}" if day and reference else ""
