"""Put right what a tagger of single sentences cannot know: company forms, aliases in brackets, the whole text."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Final

from streams.stages.entity_context import Context, Name, NameType, found_by_context, named_companies, put_in_context
from streams.stages.entity_gazetteer import Place

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
    rf"(?<![A-Za-z0-9\u00c0-\u024f&'’])(?<![A-Za-z]-)(?:(?:{_WORD}, ){{1,3}}(?=(?:{_WORD} ){{1,3}}& ))?"
    rf"{_WORD}(?: (?:{_LINK} )?{_WORD}){{0,7}}?"
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
    r"|(?:주식회사|\(주\)|㈜)\s?(?P<korean>[가-힣A-Za-z0-9&]{2,15})"
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
    r" ?[ก-๎]{2,18} (?!กล่าว|เปิดเผย|ระบุ|ชี้แจง|พร้อม|และ|ได้|เป็น|ซึ่ง|จาก|อายุ|รอง|ประธาน|กรรมการ|รัฐมนตรี|ปลัด|อธิบดี)"
    r"(?P<family>[ก-๎]{3,22})(?=[ \n),]|$)"
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
_OPENING: Final = {closing: opening for opening, closing in _PAIRS}
_SIGNS: Final = frozenset("".join(_PAIRS))
_QUOTES: Final = "«“„「『《"
_EDGE: Final = " \u00a0\u3000\"'’‘“”„«»「」『』,，、،。:：;；؛؟-–—()（）"
"""What a name neither begins nor ends with."""

_SINGLE: Final[dict[NameType, re.Pattern[str]]] = {
    "PLACE": re.compile("[日中韓韩朝印越台港澳沪滬京米美加英法德独俄露伊西葡豪]"),
    "PERSON": re.compile("[가-힣](?: ?씨| )"),
    "ORGANISATION": re.compile("[남북](?=[가-힣])"),
}
"""Names of one letter, with what follows: countries in Han, Koreans by their family name, North and South."""

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


def refine(
    text: str,
    names: Iterable[Name],
    language: str,
    taken: bytearray,
    brackets: Sequence[int],
    context: Context,
    places: Mapping[str, Place],
) -> list[Name]:
    """Add companies by their form, brackets and aliases; settle overlaps; then carry each name through the whole text.

    `taken` marks characters that belong to listings, amounts and dates; `brackets` are the offsets of brackets that
    hold a listing: what stands before one is a company. `places` are the names that lists know.
    """
    if language in _BEFORE:
        names = [_with_word_before(text, name, *_BEFORE[language]) for name in names]
    if language == "th":
        names = _without_overlap([*_thai_people(text), *names])
    names = put_in_context(text, _uncommon(text, _free(text, names, taken), language), language, context)
    names = list(_joined(text, _without_office(text, names), language))
    names = [part for name in names for part in _parts(text, name, language, places)]
    if language == "ar":
        names = [_without_clitic(text, name, places) for name in _arabic_people(text, names, places)]
    names = _without_overlap(_apart(text, names))
    sure = _free(text, _fitted(found_by_context(text, language, context), names, language), taken)
    sure = [name for name in sure if name.type == "ORGANISATION" or text[name.start : name.end] not in places]
    by_form = _free(text, [*_catalogued(text, names, places), *_companies(text, names)], taken)
    kept = _without_overlap([*by_form, *sure, *names])
    kept = _without_overlap(
        [*_before_brackets(text, kept, brackets), *_spelt_out(text, kept), *_spelt_after(text, kept), *kept]
    )
    defined = [name for name in _defined(text, kept) if not any(taken[name.start : name.end])]
    kept = _without_overlap([*defined, *kept])
    told = list(named_companies(text, kept, language, context))
    if language in {"zh-Hans", "zh-Hant"}:
        told += _chinese_short(text, kept, context, places)
    told = [name for name in _free(text, told, taken) if text[name.start : name.end] not in places]
    return sorted(
        _everywhere(text, _without_overlap([*kept, *told]), [*defined, *told], taken, language, context, places)
    )


def _uncommon(text: str, names: Iterable[Name], language: str) -> Iterator[Name]:
    """Names but the words that begin a sentence and stand in small letters elsewhere in the text: `Baru`, `baru`."""
    for name in names:
        word = text[name.start : name.end]
        small = word.lower()
        first = (
            word.istitle()
            and word.isalpha()
            and small in text
            and _BEGINS.search(text, max(0, name.start - 4), name.start)
        )
        if language == "de" or not first or not re.search(rf"(?<!\w){small}(?!\w)", text):
            yield name


_BEGINS: Final = re.compile(r"(?:\A|[.!?\n])[\s\"“«„'‘]{0,3}$")


def _catalogued(text: str, names: Sequence[Name], places: Mapping[str, Place]) -> Iterator[Name]:
    """People who have a line to themselves, as in lists and headings: `Shaw, George Bernard (1856-1950)`.

    The tagger must have seen a person there, and nothing else. What may be two places is left alone, so are two
    surnames: a given name does not stand elsewhere without the surname behind.
    """
    lines = [*islice(_CATALOGUED.finditer(text), MOST_NAMES)]
    if not lines:
        return
    seen = bytearray(len(text))
    for name in names:
        seen[name.start : name.end] = (b"P" if name.type == "PERSON" else b"?") * (name.end - name.start)
    for line in lines:
        last, first = line["last"], line["first"]
        marks = seen[line.start("name") : line.end("name")]
        alone = text.count(first) - text.count(f"{first} {last}") > 1
        if b"P" in marks and b"?" not in marks and not alone and last not in places and first not in places:
            yield Name(*line.span("name"), "PERSON")


def as_spoken(person: str) -> str:
    """What a person is called where a list has them by their last name: `George Bernard Shaw`."""
    listed = _CATALOGUED.fullmatch(person)
    return f"{listed['first']} {listed['last']}" if listed else person


_CATALOGUED: Final = re.compile(
    r"^(?P<name>(?P<last>[^\W\d_a-zа-яё][\w'’-]+) ?, ?"
    r"(?P<first>[^\W\d_a-zа-яё][\w.'’-]*(?: [\w.'’-]+){0,3}))(?= ?\(| ?$)",
    re.MULTILINE,
)


def _thai_people(text: str) -> Iterator[Name]:
    """People by their form of address, and others with the same family name."""
    families = set()
    for match in _THAI_PERSON.finditer(text):
        families.add(match["family"])
        yield Name(*match.span(), "PERSON")
    if families:
        kin = re.compile(rf"(?<![ก-๎])[ก-๎]{{2,18}} (?:{'|'.join(map(re.escape, sorted(families)))})(?=[ \n),]|$)")
        yield from (Name(*match.span(), "PERSON") for match in kin.finditer(text))


def _fitted(found: Iterable[Name], names: Sequence[Name], language: str) -> Iterator[Name]:
    """Names that are not within an organisation's that the tagger saw whole; with the beginning of one that it saw, and
    where words stand side by side only up to the person: `Partai Golkar Hajriyanto Tohari`."""
    names = sorted(names)
    starts, ends = [name.start for name in names], [name.end for name in names]
    for name in found:
        start, end = name.start, name.end
        touched = names[bisect_right(ends, start) : bisect_left(starts, end)]
        if name.type == "ORGANISATION":
            start = min([start, *(n.start for n in touched if n.type == "ORGANISATION")])
            people = [n.start for n in touched if n.type == "PERSON" and n.start > start]
            end = min([end, *people]) if language in {"id", "ms"} else end
        if not any(n.type == "ORGANISATION" and n.start <= start and n.end >= end for n in touched):
            yield name._replace(start=start, end=end)


def _apart(text: str, names: Sequence[Name]) -> Iterator[Name]:
    """People without the company behind them, where the text names it elsewhere: `하나 오카포르 루모라` 로보틱스."""
    spoken = {text[n.start : n.end] for n in names if n.type == "ORGANISATION"}
    firms = {firm.partition(" ")[0]: firm for firm in spoken if " " in firm}
    for name in names:
        start = text.rfind(" ", name.start, name.end) + 1
        firm = firms.get(text[start : name.end]) if name.type == "PERSON" and start else None
        if firm and text.startswith(firm, start):
            yield name._replace(end=start - 1)
            yield Name(start, start + len(firm), "ORGANISATION")
        else:
            yield name


def _without_office(text: str, names: Iterable[Name]) -> Iterator[Name]:
    """Organisations without the office that somebody holds in them: `CTO Traveloka`; an office alone is none."""
    for name in names:
        office = _OFFICE.match(text, name.start, name.end) if name.type == "ORGANISATION" else None
        start = office.end() if office else name.start
        if start < name.end:
            yield name._replace(start=start)


_OFFICE: Final = re.compile(r"C[EFTIOM]O\b ?")


def _joined(text: str, names: Iterable[Name], language: str) -> Iterator[Name]:
    """Parts of one name made one: `Ricardin St Jean`, `Marcelino Nunes de Oliveira`, `Печерского райсуда Киева`."""
    before: Name | None = None
    for name in names:
        if before and language == "ru" and _of_place(text, before, name):
            before = before._replace(end=name.end)
            continue
        if before and before.type == "PERSON" and name.start > before.end:
            between = text[before.end : name.start]
            family = language in {"pt", "es"} and name.type != "ORGANISATION" and _PARTICLE.fullmatch(between)
            if (family and " " in text[before.start : before.end]) or (
                name.type == "PERSON" and _WITHIN.fullmatch(between)
            ):
                before = before._replace(end=name.end)
                continue
        if before:
            yield before
        before = name
    if before:
        yield before


def _of_place(text: str, body: Name, place: Name) -> bool:
    """Whether a Russian body goes on with the place that it is of: `Печерского райсуда Киева`."""
    of = body.type == "ORGANISATION" and place.type == "PLACE" and text[body.end : place.start] == " "
    return of and _COMMON_NOUN.search(text, body.start, body.end) is not None


_COMMON_NOUN: Final = re.compile(r" [а-яё]{3,}$")


def _parts(text: str, name: Name, language: str, places: Mapping[str, Place]) -> Iterator[Name]:
    """A country as a place, and places that no comma parts one by one: `كوريا الشمالية موسكو`, `미국 중국 브라질`."""
    surface = text[name.start : name.end]
    if _is_country(surface, places):
        yield name._replace(type="PLACE")
        return
    byline = _BYLINE.fullmatch(surface) if language == "ja" and name.type == "PERSON" else None
    if byline and byline["place"] in places:
        yield Name(name.start, name.start + byline.end("place"), "PLACE")
        yield name._replace(start=name.start + byline.end("place"))
        return
    blanks = [m.start() for m in re.finditer(" ", surface)] if name.type == "PLACE" and surface not in places else []
    if language == "ar":
        cuts = [at for at in blanks if surface[:at] in places and surface[at + 1 :] in places][:1]
    else:
        cuts = blanks if all(_is_country(word, places) for word in surface.split(" ")) else []
    for start, end in pairwise([-1, *cuts, len(surface)]):
        yield name._replace(start=name.start + start + 1, end=name.start + end)


_BYLINE: Final = re.compile(r"(?P<place>[ァ-ヺー]{2,})[\u4e00-\u9fff]{2,5}")
"""`カイロ金子淳`, who reports from there."""


def _is_country(surface: str, places: Mapping[str, Place]) -> bool:
    place = places.get(surface)
    return place is not None and len(place.code) == len("DE") and not place.uri


def _arabic_people(text: str, names: Sequence[Name], places: Mapping[str, Place]) -> Iterator[Name]:
    """Two people that `and` makes one word of, and a person before a place, apart: `بوتين وكيم`, `كيم بكين`."""
    people = [text[name.start : name.end] for name in names if name.type == "PERSON"]
    known = {word for person in people for word in person.split(" ")}
    for name in names:
        first, blank, last = text[name.start : name.end].rpartition(" ")
        if name.type == "PERSON" and blank:
            start = name.end - len(last)
            if last[0] == "و" and last[1:] in known:
                yield name._replace(end=start - 1)
                yield name._replace(start=start + 1)
                continue
            if last == "الـ" or (first in people and last in places):
                yield name._replace(end=start - 1)
                if last in places:
                    yield Name(start, name.end, "PLACE")
                continue
        yield name


def _without_clitic(text: str, name: Name, places: Mapping[str, Place]) -> Name:
    """A listed place without the `and`, `by` or `for` written onto it, where the text has it bare as well."""
    bare = text[name.start + 1 : name.end]
    glued = text[name.start] in "وفبلك" and bare in places and text[name.start : name.end] not in places
    return name._replace(start=name.start + 1) if glued and re.search(rf"(?<!\w){re.escape(bare)}", text) else name


_PARTICLE: Final = re.compile(r" (?:de|da|do|dos|das|del|de la) ")
_WITHIN: Final = re.compile(r" (?:St|Saint|Ste|Sainte|bin|binti|bint|ibn|al|von|van|van der|ter|de|da|dos) ")
"""What stands within a family name."""


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
            glued = _korean_particle(text, match["korean"]) if match["korean"] else 0
            yield Name(match.start(), match.end() - glued, "ORGANISATION")
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


def _korean_particle(text: str, company: str) -> int:
    """How many letters at the end of a Korean company's name are particles: those that change from place to place."""
    particle = _ENDS_IN_PARTICLE.search(company, 2)
    if particle is None:
        return 0
    core = re.escape(company[: particle.start()])
    return len(particle[0]) if len(set(re.findall(rf"{core}({_KOREAN}?)(?![가-힣])", text))) > 1 else 0


_KOREAN: Final = r"(?:은|는|이|가|을|를|의|에|와|과|도|로|측|에서|에게|으로|이다|다)"
_ENDS_IN_PARTICLE: Final = re.compile(rf"{_KOREAN}$")


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


def _spelt_after(text: str, names: Sequence[Name]) -> Iterator[Name]:
    """Organisations whose full name follows their initials in brackets: `Isis (Institute of Strategic Studies)`.

    Capitals alone abbreviate other things, too: there the tagger must have seen a name.
    """
    for bracket in _BRACKETED.finditer(text):
        short = _BEFORE_BRACKET.search(text, max(0, bracket.start() - 9), bracket.start())
        words = [word[0] for word in _HYPHENED.finditer(bracket["full"])] if short else []
        capitals = "".join(word[0] for word in words if word[0].isupper())
        if not short or capitals != short[0].upper():
            continue
        spelt = all(word[0].isupper() or _LINKS.fullmatch(word) for word in words)
        seen = not short[0].isupper() or any(n.start < bracket.end() and n.end > short.start() for n in names)
        if spelt and seen:
            yield Name(*short.span(), "ORGANISATION")
            yield Name(*bracket.span("full"), "ORGANISATION")


_BRACKETED: Final = re.compile(r" \((?P<full>[^\W\d_a-z][^()\n]{8,90})\)")
_BEFORE_BRACKET: Final = re.compile(r"(?<!\w)[A-Z\u00c0-\u00de\u0410-\u042f]\w{1,7}$")


def _defined(text: str, names: Sequence[Name]) -> Iterator[Name]:
    """Short names in brackets right after the full one: `(“Civitas” or the “Company”)`, `(ASB)`, `（简称“神达”）`."""
    for name in names:
        match = _DEFINED.match(text, name.end)
        if name.type == "ORGANISATION" and (thai := _THAI_SHORT.match(text, name.end)):
            yield from (Name(*thai.span(group), name.type) for group in ("short", "other") if thai[group])
        if match and text[name.start] >= "\u0e00" and _LATIN_NAME.fullmatch(match["name"]):
            yield Name(*match.span("name"), name.type)
        if name.type == "PLACE":
            continue
        if not match or _GENERIC.fullmatch(match["name"].strip()):
            continue
        alias = match["name"]
        full = text[name.start : name.end]
        short = len(alias) < SHORTEST_WORD and (alias.isupper() or alias[0] >= "\u0e00")
        if short and len(alias) < len(full) and _abbreviates(alias, full):
            yield name._replace(type="ORGANISATION")
            yield Name(*match.span("name"), "ORGANISATION")
            continue
        if alias.isupper() or alias.casefold() in full.casefold() or match[0].lstrip()[1:2] in "\"“„«「『‘'":
            yield Name(*match.span("name"), name.type)


_THAI_SHORT: Final = re.compile(
    r" ?(?:\((?P<short>(?:[ก-ฮ]{1,2}\.){1,5}|[ก-ฮ]{2,6}\.?)\))?(?: ?หรือ (?P<other>[A-Z][\w\-]*(?: [A-Z][\w\-]*){0,4}))?"
)
"""What a Thai organisation is called for short: `(ธพว.) หรือ SME D Bank`."""
_LATIN_NAME: Final = re.compile(r"[A-Z][a-z]+(?: [A-Z][a-z]+){0,3}")
"""What a name of another script is glossed with."""


def _chinese_short(text: str, names: Sequence[Name], context: Context, places: Mapping[str, Place]) -> Iterator[Name]:
    """What Chinese companies are called for short: `神達` and `神達投控` of 神達投資控股股份有限公司."""
    done: set[str] = set()
    for name in names:
        form = _FORM_LAST.search(text, name.start, name.end)
        if name.type != "ORGANISATION" or form is None or form.end() != name.end or text[name.start] < "\u4e00":
            continue
        core = context.trades.sub("", text[name.start : form.start()])
        if len(core) < 2 or core in places or core in done:
            continue
        done.add(core)
        at = text.find(core)
        while at >= 0:
            if name.start <= at < name.end:
                at = text.find(core, name.end)
                continue
            end, rest = at + len(core), text[name.start + len(core) : form.start()]
            while end < len(text) and (letter := rest.find(text[end])) >= 0:
                end, rest = end + 1, rest[letter + 1 :]
            yield Name(at, end, "ORGANISATION")
            at = text.find(core, end)


def _abbreviates(short: str, full: str) -> bool:
    """Whether the letters of `short` stand in `full` in their order, from its first on: `MHD`, Malteser Hilfsdienst."""
    letters = iter(full.casefold())
    return full[:1] == short[:1] and all(letter in letters for letter in short.casefold())


def _everywhere(
    text: str,
    names: Sequence[Name],
    defined: Sequence[Name],
    taken: bytearray,
    language: str,
    context: Context,
    places: Mapping[str, Place],
) -> list[Name]:
    """Tag every other place where a name stands, and give a name one type throughout: its definition's, or the most."""
    votes = Counter((text[start:end], kind) for start, end, kind in names)
    settled: dict[str, NameType] = {}
    for (surface, kind), _ in votes.most_common():
        settled.setdefault(surface, kind)
    settled |= {text[name.start : name.end]: name.type for name in defined}
    settled |= {core: "ORGANISATION" for surface in [*settled] if (core := without_form(surface))}
    firms = {surface.split()[0] for surface, kind in settled.items() if kind == "ORGANISATION" and " " in surface}
    for surface, kind in list(settled.items()):
        words = as_spoken(surface).split() if kind == "PERSON" else []
        if len(words) < 2:
            continue
        # Their last name alone, later on, also where the tagger took it for a company; not where a place or a company
        # has it: `Ford` beside `Ford Motor`.
        last = words[-1]
        if len(last) >= SHORTEST and not last[0].islower():
            another = last in places or last in firms or last.isupper()
            settled[last] = settled.get(last, "PERSON") if another else "PERSON"
        first = _THAI_TITLE.sub("", words[0])
        if language in _BY_FIRST_NAME and len(first) >= SHORTEST and first.lower() not in context.titles:
            settled.setdefault(first, "PERSON")
            if first != words[0]:
                settled.setdefault(surface[len(words[0]) - len(first) :], "PERSON")
    found = [Name(start, end, settled[text[start:end]]) for start, end, _ in names]
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


_THAI_TITLE: Final = re.compile(r"^(?:นางสาว|นาย|นาง|น\.ส\.|ดร\.)(?=[ก-๎]{3})")
_BY_FIRST_NAME: Final = frozenset({"id", "ms", "th"})
"""Languages whose news calls people by their first names."""


def without_form(surface: str) -> str:
    """What a company with a legal form is called without it; nothing where that is too short to stand alone."""
    form = _ENDS_IN_FORM.search(surface.rstrip("."))
    core = surface[: form.start()].rstrip(" ,") if form else ""
    return re.sub(r"^The |\.(?:com|net|io|ai)$", "", core) if len(core) > SHORTEST else ""


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
    end = max(start, start + len(surface.strip(_EDGE)))
    closing = text[end : end + 1]
    # `ПАО «Газпром»`, `PT Pertamina (Persero)`: the sign closes what the name opened.
    if closing in _OPENING and text[start:end].count(_OPENING[closing]) == text[start:end].count(closing) + 1:
        end += 1
    if text.endswith(".", start, end) and (
        _FULL_POINT.search(text, start, end) or _UNCUT_FORM.search(text, start, end)
    ):
        end -= 1
    elif text[end : end + 1] == "." and _ENDS_IN_FORM.search(text, start, end):
        end += not _UNCUT_FORM.search(text, start, end + 1)
    surface = text[start:end]
    if (
        _NOT_A_NAME.fullmatch(surface)
        or _ONLY_FORM.fullmatch(surface)
        or (len(surface) == 1 and not _SINGLE[kind].match(text, start))
        or not surface
    ):
        return None
    running = sum(word[0].islower() and len(word) > 3 for word in surface.split())
    if running > MOST_RUNNING:
        return None
    return Name(start, end, kind)


def _without_overlap(names: Iterable[Name]) -> list[Name]:
    """Keep names in the order given, each only where none before it stands."""
    names, kept = list(names), []
    taken = bytearray(max((name.end for name in names), default=0))
    for name in names:
        if taken.find(1, name.start, name.end) < 0:
            kept.append(name)
            taken[name.start : name.end] = b"\1" * (name.end - name.start)
    return kept
