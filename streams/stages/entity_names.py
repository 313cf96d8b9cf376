"""Put right what a tagger of single sentences cannot know: company forms, aliases in brackets, the whole text."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

NameType = Literal["PERSON", "ORGANISATION", "PLACE"]


class Name(NamedTuple):
    """A name in text."""

    start: int
    end: int
    type: NameType


_FORM: Final = (
    r"(?:Inc|Incorporated|Corp|Corporation|Co\.,? Ltd|Co|Ltd|Limited(?! (?:Edition|Liability|Part|Time))|"
    r"LLC|L\.L\.C|LLP|L\.L\.P|LP|L\.P|PLC|plc|P\.L\.C|"
    r"GmbH(?: & Co\. KG(?:aA)?)?|AG(?: & Co\. KGaA)?|SE(?: & Co\. KGaA)?|KGaA|KG|OHG|e\.\s?V|eG|"
    r"S\.A\.B\. de C\.V|S\.A\. de C\.V|S\.A\.S|S\.A\.U|S\.A|SAS|SASU|SARL|S\.L\.U|S\.L|S/A|Ltda|SGPS|"
    r"S\.p\.A|SpA|S\.r\.l|N\.V|B\.V|A/S|ASA|Oyj|Berhad|Bhd|Sdn\.? Bhd|\(Persero\)(?: Tbk)?|Tbk|"
    r"Pte\.? Ltd|Pty\.? Ltd|Pvt\.? Ltd|JSC|PJSC|K\.K|Aktiengesellschaft|Holdings)"
)
_WORD: Final = r"(?:[a-z]?[A-Z\u00c0-\u00de\u0130][\w&'’\-]{0,40}+(?:\.\w{1,20}+)?|[A-Z]\.|\d{1,4}[A-Z]\w{0,20}+|&)"
_LINK: Final = r"(?:of(?: the)?|for|de(?: la| los)?|du|des|la|le|les|del|do|da|dos|das|für|der|van|von|di)"
_COMPANY: Final = re.compile(
    rf"(?<![A-Za-z0-9\u00c0-\u024f&'’])(?<![A-Za-z]-)(?:{_WORD}, ){{0,3}}{_WORD}(?: (?:{_LINK} )?{_WORD}){{0,7}}?"
    rf",? {_FORM}(?:\.(?![A-Za-z0-9])|\b)(?:,? {_FORM}(?:\.(?![A-Za-z0-9])|\b))?"
)
_HAS_FORM: Final = re.compile(rf" {_FORM}")
"""Cheap, where the pattern of a company tries every word of a line that holds none."""

_LEADING: Final = re.compile(
    r"(?:Today|Then|In|At|As|On|With|For|From|By|To|And|But|While|When|If|After|Since|Our|This|About|Under|Both|Join(?:ing)?|"
    r"Die|Der|Das|Den|Dem|Bei|Von|Mit|Für|Wie|Le|La|Les|Chez|Selon|Avec|El|Los|Según|Con|O|A|Os|As|Segundo|Da|Do|Na|No|Em|"
    r"Menurut|Di|Dari|Oleh|Dan|Theo) "
)
"""Capitals that begin a sentence and no company's name; `The` may."""

_FORM_AFTER: Final = re.compile(rf",? {_FORM}(?:\.(?![A-Za-z0-9])|\b)(?:,? {_FORM}(?:\.(?![A-Za-z0-9])|\b))?")
_ENDS_IN_FORM: Final = re.compile(rf"[ ,]{_FORM}$")
_ONLY_FORM: Final = re.compile(rf"{_FORM}\.?")
_UNCUT_FORM: Final = re.compile(
    r"[ ,](?:AG|SE|GmbH|KG|KGaA|OHG|eG|PLC|plc|LLC|LLP|LP|SAS|SASU|SARL|SpA|ASA|Oyj|Berhad|JSC|PJSC|Incorporated|"
    r"Corporation|Limited|Holdings|Aktiengesellschaft|S/A|A/S|SGPS)\.$"
)
"""A legal form that is no abbreviation, and the point of the sentence after it."""
_OTHER_COMPANIES: Final = re.compile(
    r"株式会社[\u30a0-\u30ff\u4e00-\u9fffA-Za-z0-9&＆・.\-]{2,24}"
    r"|(?:주식회사|\(주\)|㈜)\s?[가-힣A-Za-z0-9&]{2,15}"
    r"|บริษัท\s?[^\n,()]{2,60}?\s?จำกัด(?:\s?\(มหาชน\))?"
    r"|(?:ООО|ОАО|ЗАО|ПАО|АО|НАО|ФГУП|ГК|АНО|НКО)\s[«\"„“][^»\"“”\n]{2,60}[»\"“”]"
    r"|PT\.? (?:[A-Z][\w&.\-]*)(?: (?:dan )?(?:\(Persero\)|[A-Z][\w&.\-]*)){0,6}(?: Tbk\b\.?)?"
    r"|(?:Công ty|Tập đoàn|Ngân hàng|Tổng công ty)(?: (?:Cổ phần|cổ phần|CP|TNHH|MTV|TMCP|Thương mại))*"
    r"(?: [A-ZĐÀ-Ỹ][\w\-]*){1,8}"
)
_OTHER_FORMS: Final = (
    "株式会社", "주식회사", "(주)", "㈜", "บริษัท", "О", "ФГУП", "ГК", "PT", "Công ty", "Tập đoàn", "Ngân hàng",
    "Tổng công ty",
)  # fmt: skip
"""One of these stands in each of the other companies."""
_FORM_LAST: Final = re.compile(
    "股份有限公司|有限责任公司|有限責任公司|有限公司|株式会社|ホールディングス|주식회사|\\(주\\)|㈜"
)
_BEFORE_FORM: Final = re.compile(r"[\u30a0-\u30ff\u4e00-\u9fff가-힣A-Za-z0-9&＆・（）()]{2,20}[ \u3000]?$")
_CHINESE_STOP: Final = re.compile("[的和与與在由是及对對向于於为為让讓给給]|旗下|控股股东|通过|宣布|委托|收购")
"""What a Chinese company's name does not hold: a run of Han before its legal form begins after the last of these."""

_DEFINED: Final = re.compile(
    r"\s?[（(](?:以下(?:简称|簡稱)?|下称|下稱|简称|簡稱|이하|hereinafter|the|die|der|la|el|le|\"|“|”|„|«|「|『|『|‘|'|:|：|\s){0,6}"
    r"(?P<name>[^()（）\"“”„«»「」『』‘'，,;；\n]{2,40}?)[\"“”»」』’']?\s?"
    r"(?:[)）,，;；]| or | und | oder | y | o | e | ou )"
)
_THAI_PERSON: Final = re.compile(
    r"(?:นางสาว|น\.ส\.|นาง(?!แบบ|เอก|พยาบาล|งาม|สาว)|นาย(?!ก|ทะเบียน|จ้าง|หน้า|แพทย์|ทหาร|ตำรวจ|ทุน|พล|ประกัน|อำเภอ|ช่าง|ท่า))"
    r" ?[ก-๎]{2,18} [ก-๎]{3,22}(?=[ \n),]|$)"
)
"""Form of address, given name, blank, family name, blank: what a Thai release calls a person by at first."""

_BEFORE: Final[dict[str, tuple[NameType, re.Pattern[str]]]] = {
    "vi": (
        "PLACE",
        re.compile(
            r"\b(?:tỉnh|thành phố|quận|huyện|phường|xã|thị trấn|thị xã|đường|thôn|ấp|chợ|sân bay|cửa khẩu|cảng|đảo|"
            r"sông|núi) $"
        ),
    ),
    "th": ("PERSON", re.compile(r"(?:นางสาว|นาย|นาง|น\.ส\.|ด\.ช\.|ด\.ญ\.) ?$")),
}
"""Kinds of places in Vietnamese, forms of address in Thai: part of the name in the sets of both."""
_ACRONYM: Final = re.compile(
    r"[(（](?:the |die |der |das |la |le |el )?[\"“„«]?(?P<name>[^\W\d_a-z]{2,6})[\"”“»]?[)）]"
)
_HYPHENED: Final = re.compile(r"[^\s\-()（）,;.“”\"]+")
_LINKS: Final = re.compile(
    r"of|and|the|for|de|la|del|y|e|et|des|du|d|l|und|für|der|des|dan|da|do|dos|das|по|и|в|на|untuk|bagi|von|zu|to|in|on|&"
)
_GENERIC: Final = re.compile(
    r"(?i)(?:the )?(?:company|group|corporation|issuer|parent|buyer|seller|fund|bank|gesellschaft|unternehmen|gruppe|"
    r"société|groupe|compañía|empresa|sociedad|companhia|grupo|perseroan|syarikat|kumpulan|компания|общество|группа|الشركة|المجموعة|"
    r"公司|本公司|集团|集團|当社|同社|회사|당사|บริษัท|บริษัทฯ|công ty)"
)
_NOT_A_NAME: Final = re.compile(r"[\d\W_]*")

_PAIRS: Final = ("()", "（）", "«»", "“”", "„“", "「」", "『』", "[]", "《》")
_SIGNS: Final = frozenset("".join(_PAIRS))
_QUOTES: Final = "«“„「『《"
_EDGE: Final = " \u00a0\u3000\"'’‘“”„«»「」『』,，、。:：;；-–—()（）"
"""What a name neither begins nor ends with."""

_FULL_POINT: Final = re.compile(r"(?<=[^\W\d_\u0e00-\u0e7f]{6})\.$")
"""A full point after a whole word; one after a few letters, or Thai ones, is part of an abbreviation."""

MOST_RUNNING: Final = 4
"""Words of four letters and more in small letters; a name with more of them is a sentence."""

SHORTEST_WORD: Final = 7
"""Letters from which capitals in brackets are a word, no abbreviation."""

SHORTEST: Final = 3
"""Letters of a name that is looked for all over the text; two, where a letter is a syllable or a word."""

MOST_NAMES: Final = 400
"""Different names that are looked for all over the text: a text with more is a list."""


def refine(text: str, names: Iterable[Name], language: str, taken: bytearray, brackets: Sequence[int]) -> list[Name]:
    """Add companies by their form, brackets and aliases; settle overlaps; then carry each name through the whole text.

    `taken` marks characters that belong to listings, amounts and dates; `brackets` are the offsets of brackets that
    hold a listing: what stands before one is a company.
    """
    if language in _BEFORE:
        names = [_with_word_before(text, name, *_BEFORE[language]) for name in names]
    if language == "th":
        names = _without_overlap([*names, *(Name(*m.span(), "PERSON") for m in _THAI_PERSON.finditer(text))])
    names = _free(text, names, taken)
    kept = _without_overlap([*_free(text, _companies(text, names), taken), *names])
    kept = _without_overlap([*_before_brackets(text, kept, brackets), *_spelt_out(text, kept), *kept])
    defined = [name for name in _defined(text, kept) if not any(taken[name.start : name.end])]
    kept = _without_overlap([*defined, *kept])
    return sorted(_everywhere(text, kept, defined, language, taken))


def _free(text: str, names: Iterable[Name], taken: bytearray) -> list[Name]:
    """Trim names, and leave out those that a listing, an amount or a date stands in."""
    trimmed = (_trim(text, name) for name in names)
    return [name for name in trimmed if name and not any(taken[name.start : name.end])]


def _companies(text: str, names: Sequence[Name]) -> Iterator[Name]:
    """Companies with a legal form: by their pattern, or as the tagger saw them with the form that follows."""
    done = 0
    for form in _HAS_FORM.finditer(text):
        if form.start() < done:
            continue
        line = text.rfind("\n", done, form.start()) + 1 or done
        done = text.find("\n", form.end()) + 1 or len(text)
        for match in _COMPANY.finditer(text, line, done):
            leading = _LEADING.match(text, *match.span())
            start = leading.end() if leading else match.start()
            yield Name(_after_link(text, names, start, match.end()), match.end(), "ORGANISATION")
    if any(word in text for word in _OTHER_FORMS):
        for match in _OTHER_COMPANIES.finditer(text):
            yield Name(*match.span(), "ORGANISATION")
    for form in _FORM_LAST.finditer(text):
        if before := _BEFORE_FORM.search(text, max(0, form.start() - 20), form.start()):
            start = before.start()
            for stop in _CHINESE_STOP.finditer(text, start, form.start()):
                start = stop.end()
            if form.start() - start > 1:
                yield Name(start, form.end(), "ORGANISATION")
    for name, after in pairwise(sorted(names)):
        if text[name.end : after.start] == " & ":
            yield Name(name.start, after.end, "ORGANISATION")
    for name in names:
        if name.type != "PERSON" and (after_it := _FORM_AFTER.match(text, name.end)):
            yield Name(name.start, after_it.end(), "ORGANISATION")


def _after_link(text: str, names: Sequence[Name], start: int, end: int) -> int:
    """Where a company begins that the tagger saw after `of` or `der`: `Vorstand der Siemens AG` is not all name."""
    seen = [n.start for n in names if start < n.start < end and n.type == "ORGANISATION"]
    return next((at for at in seen if re.search(rf"\b{_LINK} $", text[start:at])), start)


def _before_brackets(text: str, names: Sequence[Name], brackets: Sequence[int]) -> Iterator[Name]:
    """The company that a listing in brackets follows: the name there, whatever its type, or a run of capitals."""
    ends = {name.end: name for name in names}
    for bracket in brackets:
        end = len(text[:bracket].rstrip())
        if end and text[end - 1] in ")）":
            opening = max(text.rfind("(", 0, end), text.rfind("（", 0, end))
            end = len(text[: max(opening, 0)].rstrip())
        near = next((ends[e] for e in range(end, max(end - 3, 0), -1) if e in ends), None)
        if near:
            yield near._replace(type="ORGANISATION")
        elif run := re.search(rf"{_WORD}(?: (?:{_LINK} )?{_WORD}){{0,5}}$", text[max(0, end - 80) : end]):
            yield Name(end - len(run[0]), end, "ORGANISATION")


def _with_word_before(text: str, name: Name, kind: NameType, word: re.Pattern[str]) -> Name:
    """A name with the word before it that its language's annotators count in: `quận Tân Bình`, `นายสุรชัย`."""
    before = name.type == kind and word.search(text, max(0, name.start - 12), name.start)
    return name._replace(start=before.start()) if before else name


def _spelt_out(text: str, names: Sequence[Name]) -> Iterator[Name]:
    """Organisations whose initials follow in brackets: `Securities and Exchange Commission (the “SEC”)`."""
    places = {name.end for name in names if name.type == "PLACE"}
    for bracket in _ACRONYM.finditer(text):
        end = bracket.start() - (text[bracket.start() - 1 : bracket.start()] == " ")
        start = max(0, end - 100)
        words = list(_HYPHENED.finditer(text, text.rfind("\n", start, end) + 1 or start, end))
        initials = ""
        for word in reversed(words[-12:]):
            if word[0][0].isupper():
                initials = word[0][0] + initials
                listed = "," in text[word.start() : end]
                if initials == bracket["name"] and end not in places and not listed:
                    yield Name(word.start(), end, "ORGANISATION")
                    yield Name(*bracket.span("name"), "ORGANISATION")
                    break
            elif not _LINKS.fullmatch(word[0]):
                break
            if len(initials) >= len(bracket["name"]):
                break


def _defined(text: str, names: Sequence[Name]) -> Iterator[Name]:
    """Short names in brackets right after the full one: `(“Civitas” or the “Company”)`, `(ASB)`, `（简称“神达”）`."""
    for name in names:
        if name.type == "PLACE":
            continue
        match = _DEFINED.match(text, name.end)
        if not match or _GENERIC.fullmatch(match["name"].strip()):
            continue
        alias = match["name"]
        full = text[name.start : name.end]
        if alias.isupper() and len(alias) < SHORTEST_WORD and _abbreviates(alias, full):
            yield name._replace(type="ORGANISATION")
            yield Name(*match.span("name"), "ORGANISATION")
            continue
        if alias.isupper() or alias.casefold() in full.casefold() or match[0].lstrip()[1:2] in "\"“„«「『‘'":
            yield Name(*match.span("name"), name.type)


def _abbreviates(short: str, full: str) -> bool:
    """Whether the letters of `short` stand in `full` in their order, from its first on: `MHD`, Malteser Hilfsdienst."""
    letters = iter(full.casefold())
    return full[:1] == short[:1] and all(letter in letters for letter in short.casefold())


def _everywhere(
    text: str, names: Sequence[Name], defined: Sequence[Name], language: str, taken: bytearray
) -> list[Name]:
    """Tag every other place where a name stands, and give a name one type throughout: its definition's, or the most."""
    votes: dict[str, Counter[NameType]] = {}
    for name in names:
        votes.setdefault(text[name.start : name.end], Counter())[name.type] += 1
    settled = {surface: types.most_common(1)[0][0] for surface, types in votes.items()}
    settled |= {text[name.start : name.end]: name.type for name in defined}
    settled |= {core: "ORGANISATION" for surface in [*settled] if (core := _without_form(surface))}
    for surface, kind in list(settled.items()):
        words = surface.split()
        # A person's last name alone, later on: unless it is a name of something else by itself.
        if kind == "PERSON" and len(words) > 1 and len(words[-1]) >= SHORTEST and not words[-1][0].islower():
            settled.setdefault(words[-1], "PERSON")
    found = [name._replace(type=settled[text[name.start : name.end]]) for name in names]
    covered = bytearray(taken)
    for name in found:
        covered[name.start : name.end] = b"1" * (name.end - name.start)
    for surface in sorted(settled, key=len, reverse=True)[:MOST_NAMES]:
        if not _worth_finding(surface):
            continue
        at = text.find(surface)
        while at >= 0:
            end = _end_of(text, at, at + len(surface), language)
            if end and not any(covered[at:end]):
                found.append(Name(at, end, settled[surface]))
                covered[at:end] = b"1" * (end - at)
            at = text.find(surface, at + len(surface))
    return found


def _without_form(surface: str) -> str:
    """What a company with a legal form is called without it; nothing where that is too short to stand alone."""
    form = _ENDS_IN_FORM.search(surface.rstrip("."))
    core = surface[: form.start()].rstrip(" ,") if form else ""
    return core.removeprefix("The ") if len(core) > SHORTEST else ""


def _worth_finding(surface: str) -> bool:
    wide = surface[0] >= "\u0e00"
    if len(surface) < (2 if wide else SHORTEST):
        return False
    return wide or surface[0].isupper() or surface[0].isdigit() or surface.lower() == surface.upper()


def _end_of(text: str, start: int, end: int, language: str) -> int:
    """Where a name that was found at an offset ends, with its case ending; 0 where it is only part of a word."""
    # Arabic writes `and`, `by`, `for` and `as` onto the name.
    clitic = (
        language == "ar"
        and text[start - 1 : start] in set("وفبلك")
        and not text[max(start - 2, 0) : start - 1].isalnum()
    )
    if text[start] < "\u0e00" and (text[start - 1 : start].isalnum() and not clitic):
        return 0
    # Nor within an address or a compound: `wiki/Muck_(Film)`, `Friedrich-Ebert-Straße`.
    if text[start - 1 : start] in _JOINTS or (text[end : end + 1] in _JOINTS and text[end + 1 : end + 2].isalnum()):
        return 0
    if text[end - 1] >= "\u0e00" or not text[end : end + 1].isalnum():
        return end
    ending = _ENDINGS[language].match(text, end) if language in _ENDINGS else None
    return (ending.end() if language in {"de", "ru"} else end) if ending else 0


_JOINTS: Final = frozenset("_/@#-")
_ENDINGS: Final = {
    "de": re.compile(r"e?s(?!\w)"),
    "ru": re.compile(r"(?:а|у|ом|е|ы|и|ой|ого|ому|ым|ю|я|ем|ей)(?!\w)"),
    "id": re.compile(r"nya(?!\w)"),
    "ms": re.compile(r"nya(?!\w)"),
}
"""What may be written onto a name: part of it as a case ending, a word of its own as Indonesian `-nya`."""


def _trim(text: str, name: Name) -> Name | None:
    """Cut a name at a bracket or quote that has no partner in it; drop what is no name at all."""
    start, end, kind = name
    for opening, closing in () if _SIGNS.isdisjoint(text[start:end]) else _PAIRS:
        inside = text[start:end]
        if opening in inside and closing not in inside[inside.index(opening) :]:
            cut = start + inside.index(opening)
            # `company «Name`: the name is what is quoted.
            start, end = (cut + 1, end) if opening in _QUOTES and 2 * (cut - start) <= end - start else (start, cut)
        elif closing in inside and opening not in inside[: inside.index(closing)]:
            end = start + inside.index(closing)
    surface = text[start:end]
    start += len(surface) - len(surface.lstrip(_EDGE))
    end = start + len(surface.strip(_EDGE))
    if _FULL_POINT.search(text, start, end) or _UNCUT_FORM.search(text, start, end):
        end -= 1
    elif text[end : end + 1] == "." and _ENDS_IN_FORM.search(text, start, end):
        end += not _UNCUT_FORM.search(text, start, end + 1)
    surface = text[start:end]
    if (
        _NOT_A_NAME.fullmatch(surface)
        or _ONLY_FORM.fullmatch(surface)
        or (len(surface) == 1 and surface < "\u0e00")
        or not surface
    ):
        return None
    running = sum(word[0].islower() and len(word) > 3 for word in surface.split())
    if running > MOST_RUNNING:
        return None
    return Name(start, end, kind)


def _without_overlap(names: Iterable[Name]) -> list[Name]:
    """Keep names in the order given, each only where none before it stands."""
    kept: list[Name] = []
    taken: set[int] = set()
    for name in names:
        if taken.isdisjoint(range(name.start, name.end)):
            kept.append(name)
            taken.update(range(name.start, name.end))
    return kept
