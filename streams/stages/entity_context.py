"""What stands beside a name, or in it, and tells what it is: evidence that a tagger does not have or does not weigh."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

NameType = Literal["PERSON", "ORGANISATION", "PLACE"]


class Name(NamedTuple):
    """A name in text."""

    start: int
    end: int
    type: NameType


_CAPITAL: Final = r"[A-Z\u00c0-\u00de\u0110ĂƠƯẠẢẤẦẨẬẮẰẲẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỘỚỜỞỢỤỦỨỪỬỰỲỶỸỴ][\w'’\-]*"
_AND: Final = r"(?:and|&|et|y|e|und)(?! [A-Z]{2,}\b)"
"""An abbreviation after it is the next one's name: `Instituto de Física y CSC`."""
_OF: Final = rf"(?:of(?: the)?|for|de(?: la| los| las)?|del|do|da|dos|das|du|des|d[’']|für|der|{_AND})"
_QUOTED: Final = r"[«“\"„](?P<quoted>[^«»“”\"„\n]{2,40})[»”\"“]"
_HAN: Final = r"[\u4e00-\u9fff]"


@dataclass(frozen=True, slots=True)
class Context:
    """The words of `config/entities/context.toml`, compiled."""

    heads: Mapping[str, re.Pattern[str]]
    nouns: Mapping[str, re.Pattern[str]]
    roles: Mapping[str, re.Pattern[str]]
    none: re.Pattern[str]
    alone: frozenset[str]
    landforms: re.Pattern[str]
    trades: re.Pattern[str]
    address: re.Pattern[str]
    russian_body: re.Pattern[str]
    japanese_office: re.Pattern[str]
    japanese_person: re.Pattern[str]
    people: Mapping[str, frozenset[str]]
    arabic_noun: re.Pattern[str]
    arabic_follows: re.Pattern[str]
    korean_person: re.Pattern[str]
    chinese_body: re.Pattern[str]
    chinese_named: re.Pattern[str]
    """Apart from the other: a pattern whose first letters are plain is tried only where one of them stands."""
    chinese_office: re.Pattern[str]
    chinese_person: re.Pattern[str]
    corporate: frozenset[str]
    """Chinese titles that only companies have."""
    titles: frozenset[str]
    """What people are called by before their names."""


def load_context(table: Mapping[str, Any], titles: Iterable[str]) -> Context:
    """Compile `config/entities/context.toml`; `titles` are those of `words.toml`."""
    linked, plain = table["heads"]["linked"], table["heads"]["plain"]
    chinese, korean = table["chinese"], table["korean"]
    people = chinese["people"]
    return Context(
        heads={
            language: re.compile(rf"(?:{_any_of(words)}) {_OF} ?{_CAPITAL}(?: (?:{_OF} ?)?{_CAPITAL})*")
            for language, words in linked.items()
        }
        | {
            language: re.compile(rf"(?:{_any_of([*words, *map(str.upper, words)])})(?: (?:dan )?{_CAPITAL})+")
            for language, words in plain.items()
        },
        nouns={
            lang: re.compile(rf"(?:{_any_of(words)}) (?:{_QUOTED}|(?P<name>{_CAPITAL}(?: {_CAPITAL}){{0,3}}))")
            for lang, words in table["nouns"].items()
        },
        roles={lang: _before(words) for lang, words in table["roles"].items()},
        none=re.compile(rf"(?:{_any_of(table['none']['begins'])})\b"),
        alone=frozenset(table["none"]["alone"]),
        landforms=re.compile(rf"(?:{_any_of(table['landforms']['ends'])})"),
        trades=re.compile(rf"(?:{_any_of(chinese['trades'])})+$"),
        russian_body=re.compile(
            rf" (?:{_any_of(table['russian']['bodies'])})(?:а|у|е|ом)?\b(?: [А-ЯЁ][а-яё]+[аыия]\b)?"
        ),
        japanese_office=re.compile(_any_of(table["japanese"]["titles"])),
        japanese_person=re.compile(
            rf"(?<![ァ-ヺー・＝])(?P<person>[ァ-ヺー]{{2,}}(?:[・＝][ァ-ヺー]+)*)"
            rf"(?:{_any_of(table['japanese']['between'])}){{0,2}}$"
        ),
        people={language: frozenset(words) for language, words in table["people"].items()},
        address=re.compile(rf"(?:(?:{_any_of(table['address']['words'])})(?:(?<=\.) ?| ))+(?=\w)"),
        arabic_noun=_before(table["nouns"]["ar"]),
        arabic_follows=re.compile(rf" (?:{_any_of(table['arabic']['follows'])})(?!\w)"),
        korean_person=re.compile(rf"(?<![가-힣])[{korean['family']}][가-힣]{{2}}(?= (?:{_any_of(korean['titles'])}))"),
        chinese_body=re.compile(
            rf"(?:{_any_of(chinese['begins'])}){_HAN}{{1,8}}?(?:{_any_of(chinese['ends'])})(?![长長员員])"
        ),
        chinese_named=re.compile(rf"(?:{_any_of(chinese['named'])})(?![长長员員])"),
        chinese_office=re.compile(_any_of(chinese["alone"])),
        chinese_person=re.compile(
            rf"(?P<title>{_any_of(people['titles'])})"
            rf"(?P<person>[{people['family']}]{_HAN}{{1,2}}?)(?=$|(?![·・•]|{_HAN})|{_any_of(people['follows'])})"
        ),
        corporate=frozenset(people["companies"]),
        titles=frozenset(titles),
    )


def found_by_context(text: str, language: str, context: Context) -> Iterator[Name]:
    """Names that a word in them or beside them makes sure of."""
    if head := context.heads.get(language):
        for match in head.finditer(text):
            if _begins(text, match) and not context.none.match(match[0]):
                yield Name(*match.span(), "ORGANISATION")
    if language == "ru":
        for body in context.russian_body.finditer(text):
            if adjective := _RUSSIAN_ADJECTIVE.search(text, max(0, body.start() - 60), body.start()):
                yield Name(adjective.start(), body.end(), "ORGANISATION")
    if language == "ja":
        for office in context.japanese_office.finditer(text):
            if before := context.japanese_person.search(text, max(0, office.start() - 30), office.start()):
                yield Name(*before.span("person"), "PERSON")
    if language == "ko":
        for match in context.korean_person.finditer(text):
            yield Name(*match.span(), "PERSON")
    if language in {"zh-Hans", "zh-Hant"}:
        yield from _chinese(text, context)


_RUSSIAN_ADJECTIVE: Final = re.compile(
    r"\b[А-ЯЁ][а-яё-]+ск(?:ий|ого|ому|ом|им)(?: [а-яё]+(?:ий|ый|ого|ому|ом|им|ым)){0,2}$"
)


def _chinese(text: str, context: Context) -> Iterator[Name]:
    bodies = [
        body.span() for pattern in (context.chinese_body, context.chinese_named) for body in pattern.finditer(text)
    ]
    offices = ((_clause(text, office.start()), office.end()) for office in context.chinese_office.finditer(text))
    for start, end in (*bodies, *((before.start("name"), end) for before, end in offices if before)):
        stops = [stop.end() for stop in _CHINESE_STOP.finditer(text, start, end - 3)]
        yield Name(max([start, *stops]), end, "ORGANISATION")
    for match in context.chinese_person.finditer(text):
        yield Name(*match.span("person"), "PERSON")
        before = _clause(text, match.start()) if match["title"] in context.corporate else None
        if before and len(before["name"]) > 1 and not _GENERIC_CHINESE.search(before["name"]):
            yield Name(*before.span("name"), "ORGANISATION")


def _begins(text: str, match: re.Match[str]) -> bool:
    """Whether a match begins a word. Asked of the few matches: a pattern that asks it first is tried everywhere."""
    return not text[match.start() - 1 : match.start()].isalnum()


def _clause(text: str, end: int) -> re.Match[str] | None:
    """What a clause begins with, up to an offset, where it is short."""
    return _CLAUSE.search(text, max(0, end - 7), end)


_CLAUSE: Final = re.compile(rf"(?:^|(?!{_HAN})[\s\S])(?P<name>{_HAN}{{1,6}})$")
_CHINESE_STOP: Final = re.compile("[的和与與在由及对對向从從日於于經经获獲]|要求|出席")
"""What stands before a body's name and never in it."""
_GENERIC_CHINESE: Final = re.compile(
    "轮值|輪值|公司|集團|集团|基金|企業|企业|前|現任|现任|副|兼|該|该|其|[的和與与是]|本"
)


def put_in_context(text: str, names: Iterable[Name], language: str, context: Context) -> Iterator[Name]:
    """Names with the type and the extent that their neighbours give them; without what is no name."""
    names = _whole_runs(text, names) if language == "ja" else _in_words(text, names, language)
    for name in _arabic_bodies(text, names, context) if language == "ar" else names:
        surface = text[name.start : name.end]
        if name.type == "ORGANISATION" and (
            context.none.match(surface) or surface in context.alone or _EVENT.search(surface)
        ):
            continue
        if name.type == "PERSON":
            yield from _person(text, name, language, context)
        elif name.type == "ORGANISATION" and context.landforms.search(surface, len(surface) - 3):
            yield name._replace(type="PLACE")
        else:
            yield name


_EVENT: Final = re.compile(r"\w[-–]\d{4}$")
"""`Евро-2016`, `Expo-2025`: no organisation."""


def _in_words(text: str, names: Iterable[Name], language: str) -> Iterator[Name]:
    """Names that do not end within a word: `Narrell-Mead`, `Gandi.net`; two places in one, apart: `Berlin/Bonn`."""
    for name in names:
        double = name.type == "PERSON" and (language != "de" or " " in text[name.start : name.end])
        if double and (rest := _DOUBLE.match(text, name.end)):
            yield name._replace(end=rest.end())
        elif language == "de" and _COMPOUND.match(text, name.end):
            continue  # `US-Anbieter` is no place, it tells what kind
        elif domain := _DOMAIN.match(text, name.end):
            yield Name(name.start, domain.end(), "ORGANISATION")
        elif name.type == "PLACE" and (pair := _PAIR.fullmatch(text, name.start, name.end)):
            yield name._replace(end=pair.end(1))
            yield name._replace(start=pair.start(2))
        else:
            yield name


def _whole_runs(text: str, names: Iterable[Name]) -> Iterator[Name]:
    """Japanese names that neither begin nor end within a run of katakana: `トランプ`, not `ト`."""
    for name in names:
        start, end = name.start, name.end
        while start and _KATAKANA.fullmatch(text, start - 1, start + 1):
            start -= 1
        while _KATAKANA.fullmatch(text, end - 1, end + 1):
            end += 1
        yield name._replace(start=start, end=end)


_KATAKANA: Final = re.compile("[ァ-ヺー]{2}")
_COMPOUND: Final = re.compile(r"-[^\W\d_]")
_DOUBLE: Final = re.compile(r"(?:-[A-Z\u00c0-\u00deА-ЯЁĆČĐŁŚŠŻŽ]\w+)+")
_DOMAIN: Final = re.compile(r"\.(?:com|net|org|io|ai|co)\b(?![./@])")
_PAIR: Final = re.compile(r"([^\W\d_]{2,}[a-z])/([^\W\d_]{2,}[a-z])")


def _arabic_bodies(text: str, names: Iterable[Name], context: Context) -> Iterator[Name]:
    """Organisations with what they are for: `الاتحاد السعودي لكرة القدم`."""
    for name in names:
        follows = context.arabic_follows.match(text, name.end) if name.type == "ORGANISATION" else None
        yield name._replace(end=follows.end()) if follows else name


def _person(text: str, name: Name, language: str, context: Context) -> Iterator[Name]:
    """A person's name with the initials before it, without the office before it, apart from their company's name."""
    start, end, _ = name
    if language not in _WITH_ADDRESS and (called := context.address.match(text, start, end)):
        start = called.end()
    if office := _OFFICE.match(text, start, end):
        yield Name(start, office.end("place"), "PLACE")
        start = office.end()
    if text[start:end] in context.people.get(language, ()):
        return
    role = context.roles.get(language)
    if role and role.fullmatch(f"{text[start:end]} "):
        return  # an office, and nobody's name
    words = text[start:end].split(" ")
    if role and len(words) > 2 and role.search(text, max(0, start - 24), start) and text.count(words[0]) > 1:
        yield Name(start, start + len(words[0]), "ORGANISATION")
        start += len(words[0]) + 1
    elif initials := (_BARE_INITIALS if language == "ms" else _INITIALS).search(text, max(0, start - 8), start):
        start = initials.start()
    if start < end:
        yield Name(start, end, "PERSON")


_WITH_ADDRESS: Final = frozenset({"th", "vi"})
"""Languages whose annotators count forms of address in."""
_OFFICE: Final = re.compile(r"(?P<place>[A-Z]\w+(?: [A-Z]\w+)?) (?:Gov|Sen|Rep|Lt|Atty|Supt)\b\.? ?")
_INITIALS: Final = re.compile(r"(?<![\w.&])(?:[A-Z]\. ?){1,2}(?<= )$")
_BARE_INITIALS: Final = re.compile(r"(?<![\w.&])(?:[A-Z]\. ?|[B-HJ-Z] ){1,2}(?<= )$")
"""`V Shanmughanathan`, as Malay writes; elsewhere a letter alone is an article or a word more often."""


def named_companies(text: str, names: Iterable[Name], language: str, context: Context) -> Iterator[Name]:
    """Companies that a noun before them tells (`société Varel`, `صحيفة لوموند`), in Russian the quotes around them."""
    if noun := context.nouns.get(language):
        for match in noun.finditer(text):
            if _begins(text, match):
                yield Name(*match.span("quoted" if match["quoted"] else "name"), "ORGANISATION")
    if language == "ar":
        for name in names:
            before = context.arabic_noun.search(text, max(0, name.start - 12), name.start)
            if before and name.type != "ORGANISATION":
                yield name._replace(type="ORGANISATION")
    if language == "ru":
        for name in names:
            if text[name.start - 1 : name.start] == "«" and text[name.end : name.end + 1] == "»":
                yield name._replace(type="ORGANISATION")


def _before(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{_any_of(words)}) $")


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
