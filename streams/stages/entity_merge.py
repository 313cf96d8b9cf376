"""Make one entity of all mentions of a thing: full name and surname, bare and inflected, company and short form."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from streams.records import Entity, EntityType, Mention, Symbol
from streams.stages.entity_gazetteer import Place


class Candidate(NamedTuple):
    """A mention on its way into an entity."""

    mention: Mention
    type: EntityType
    value: str = ""
    uri: str = ""
    symbols: tuple[Symbol, ...] = ()
    name: str = ""
    """What the lists call the thing, without what the sentence put on it."""
    known: tuple[Symbol, ...] = ()
    """Listings that the list of companies has for the name: meant where the text prints none."""


_ENDINGS: Final = {
    "en": ("'s", "’s", "'", "’"),
    "de": ("'s", "’s", "es", "s", "'"),
    "id": ("nya", "-nya"),
    "ms": ("nya", "-nya"),
    "ko": ("은", "는", "이", "가", "을", "를", "의", "에", "에서", "에게", "로", "으로", "와", "과", "도", "만", "측",
           "씨", "서"),
    "ru": ("а", "у", "ом", "е", "ы", "и", "ой", "ого", "ому", "ым", "ю", "я", "ей", "ии", "ией", "ию", "ем", "ами",
           "ов", "ых", "ую", "ая"),
}  # fmt: skip
"""What a name takes on in a sentence, by language."""

_RUSSIAN_ENDINGS: Final = sorted(_ENDINGS["ru"], key=len, reverse=True)
_BARE_ENDINGS: Final = {"ru": ("", "а", "я", "й", "ь", "о", "ы", "и", "ия", "ий", "ая", "ый")}
"""What a name has in its first form instead."""

_PLACE_WORDS: Final = {
    "th": ("ประเทศ|จังหวัด|จ.|เมือง|กรุง|นคร", "ฯ"),
    "vi": ("tỉnh|TP.|TP|thành phố|quận|huyện|nước", ""),
    "id": ("Kota|Kabupaten|Provinsi|Pulau", ""),
    "ms": ("Bandar|Negeri|Pulau", ""),
    "ja": ("", "都|府|県|市|州|区|島"),
    "zh-Hans": ("", "市|省|县|州|区|岛"),
    "zh-Hant": ("", "市|省|縣|州|區|島"),
    "ko": ("", "시|도|군|주"),
    "ru": ("г.|город", ""),
    "ar": ("مدينة|دولة|جمهورية|مملكة", ""),
}
"""What a place is, written before or after its name, which the lists leave out."""

_ARABIC_CLITICS: Final = ("وال", "بال", "كال", "فال", "ولل", "لل", "و", "ف", "ب", "ل", "ك", "ال")

_COMPANY_FORM: Final = re.compile(
    r"(?i)(?:[,\s]+(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|llp|l\.?p|plc|gmbh|ag|se|kgaa|kg|e\.?\s?v|"
    r"s\.?a|s\.?a\.?s|s\.?p\.?a|s\.?r\.?l|n\.?v|b\.?v|a/s|asa|oyj|ab|bhd|berhad|sdn|tbk|persero|\(persero\)|ltda|s/a|holdings?|group|"
    r"pte|pty|pvt|jsc|k\.k)\.?)+$|股份有限公司$|有限责任公司$|有限責任公司$|有限公司$|株式会社$|주식회사$|\(주\)$|จำกัด(?:\s?\(มหาชน\))?$"
    r"|^(?:the|pt\.?|株式会社|주식회사|\(주\)|㈜|บริษัท|ооо|пао|оао|ао|зао|شركة|مجموعة|công ty|tập đoàn)\s*"
)
_QUOTES: Final = re.compile("[«»\"“”„'‘’「」『』]")

NEAR_TITLE, NEAR_TOP, OFTEN = 0.4, 0.3, 0.3
"""Shares of the salience: being in the title, coming early, coming often. Guesses that rank issuers first in the
development releases; nothing else rests on them."""


REMEMBERED: Final = 4096
"""Names and words whose forms are kept: a stream names the same things for days."""


@dataclass(slots=True)
class _Thing:
    type: EntityType
    candidates: list[Candidate] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


def merge(candidates: Sequence[Candidate], language: str, length: int) -> tuple[Entity, ...]:
    """Group candidates into entities, in the order of their first mentions; `length` is the body's, in characters."""
    things: list[_Thing] = []
    by_key: dict[tuple[str, str], _Thing] = {}
    # The fullest names first, so that a short one finds what it is short for.
    alike: dict[tuple[str, str, str], list[Candidate]] = {}
    for candidate in candidates:
        alike.setdefault((candidate.type, candidate.mention.surface, candidate.value), []).append(candidate)
    for group in sorted(alike.values(), key=lambda group: -len(group[0].mention.surface)):
        keys = _keys(group[0], language)
        thing = _known(group[0], keys, language, things, by_key)
        if thing is None:
            thing = _Thing(group[0].type)
            things.append(thing)
        thing.candidates += group
        for key in keys:
            by_key.setdefault((thing.type, key), thing)
            thing.keys.add(key)
    for thing in things:
        thing.candidates.sort(key=lambda c: (c.mention.field == "body", c.mention.start))
    things.sort(key=lambda t: (t.candidates[0].mention.field == "body", t.candidates[0].mention.start))
    most = max((len(thing.candidates) for thing in things), default=1)
    return tuple(_entity(f"e{i}", thing, language, length, most) for i, thing in enumerate(things, start=1))


def _known(
    candidate: Candidate,
    keys: Sequence[str],
    language: str,
    things: Sequence[_Thing],
    by_key: Mapping[tuple[str, str], _Thing],
) -> _Thing | None:
    for key in keys:
        if thing := by_key.get((candidate.type, key)):
            return thing
    test = _SHORT_FOR.get(candidate.type)
    if test is None:
        return None
    fuller = [
        thing
        for thing in things
        if thing.type == candidate.type and any(test(short, full, language) for short in keys for full in thing.keys)
    ]
    # A surname that two people share is told by none.
    return fuller[0] if len(fuller) == 1 else None


def _keys(candidate: Candidate, language: str) -> list[str]:
    """The forms under which a mention is the same thing as another; the first is its own."""
    if candidate.type in {"TICKER", "MONEY", "DATE"}:
        return [candidate.value]
    if candidate.uri:
        return [candidate.uri]
    folded = _fold(candidate.name or candidate.mention.surface)
    keys = [folded, *_bare(folded, language)]
    if candidate.type == "ORGANISATION":
        core = _core(folded)
        keys += [core, *_bare(core, language)]
    return list(dict.fromkeys(key for key in keys if key))


@lru_cache(REMEMBERED)
def _fold(surface: str) -> str:
    return " ".join(_QUOTES.sub("", surface).casefold().split())


@lru_cache(REMEMBERED)
def _core(folded: str) -> str:
    """A company's name without its legal form."""
    return _COMPANY_FORM.sub("", _COMPANY_FORM.sub("", folded)).strip(" ,.") or folded


def _bare(folded: str, language: str) -> list[str]:
    """A name without what the sentence put on it."""
    if language == "ar":
        return [folded.removeprefix(c) for c in _ARABIC_CLITICS if folded.startswith(c) and len(folded) - len(c) >= 3]
    if language == "th":
        return [folded.removeprefix(title) for title in _THAI_TITLES if folded.startswith(title) and folded != title]
    if language == "ru":
        # With and without an ending: `Газпром` looks like an instrumental and is none.
        return ["~" + folded, "~" + " ".join(_stem(word) for word in folded.split())]
    return [
        folded.removesuffix(ending)
        for ending in _ENDINGS.get(language, ())
        if folded.endswith(ending) and len(folded) - len(ending) >= (2 if language == "ko" else 3)
    ]


_THAI_TITLES: Final = ("นางสาว", "นาย", "นาง", "น.ส.", "ดร.", "คุณ", "อ.")


@lru_cache(REMEMBERED)
def _stem(word: str) -> str:
    for ending in _RUSSIAN_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word.rstrip("йьо") if len(word) > 4 else word


def find_place(surface: str, language: str, places: Mapping[str, Place]) -> tuple[str, Place] | None:
    """A name as listed and its place: as printed, else in a form that it may be listed under, countries first."""
    if place := places.get(surface):
        return surface, place
    found = [(form, places[form]) for form in _place_forms(surface, language) if form in places]
    return min(found, key=lambda pair: bool(pair[1].uri), default=None)


def _place_forms(surface: str, language: str) -> Iterable[str]:
    if language == "ar":
        yield from (surface.removeprefix(c) for c in _ARABIC_CLITICS if surface.startswith(c))
        yield from ("ال" + surface.removeprefix(c) for c in ("لل", "ولل") if surface.startswith(c))
    for ending in _ENDINGS.get(language, ()):
        if surface.endswith(ending) and len(surface) - len(ending) >= 2:
            stem = surface.removesuffix(ending)
            yield from (stem + bare for bare in _BARE_ENDINGS.get(language, ("",)))
    before, after = _PLACE_WORDS.get(language, ("", ""))
    for word in filter(None, before.split("|")):
        if surface.startswith(word) and len(surface) > len(word) + 1:
            yield surface.removeprefix(word).strip()
    for word in filter(None, after.split("|")):
        if surface.endswith(word) and len(surface) > len(word) + 1:
            yield surface.removesuffix(word).strip()
    if surface.isupper() and len(surface) > 3:
        yield surface.title()


def _is_short_person(short: str, full: str, language: str) -> bool:
    """Surname or first name of a full name; in unspaced scripts, its beginning."""
    words, short_words = full.split(), short.split()
    if len(words) > len(short_words):
        ends = (words[-len(short_words) :], words[: len(short_words)])
        if short_words in ends:
            return True
        stems = [_stem(w) for w in short_words]
        return language == "ru" and any([_stem(w) for w in end] == stems for end in ends)
    return short >= "\u3000" and len(short) >= 2 and len(full) > len(short) and full.startswith(short)


def _is_short_organisation(short: str, full: str, language: str) -> bool:
    """First words of a company's name, its initials, or the beginning of an unspaced one."""
    del language
    short, full = _core(short), _core(full)
    begins = len(short) >= 2 and len(full) > len(short) and full.startswith(short)
    if begins and (short >= "\u3000" or (len(short) > 2 and full[len(short)] == " ")):
        return True
    return 2 < len(short) <= 6 and short.isalpha() and short[0] == full[0] and short in _initials(full)


def _initials(full: str) -> tuple[str, str]:
    """The first letters of all words, and of all but the small ones."""
    words = [word for word in re.split(r"[\s\-]+", full) if word]
    return "".join(word[0] for word in words if word[0].isalpha()), "".join(w[0] for w in words if w not in _LINKS)


_LINKS: Final = frozenset(
    {"of", "and", "the", "for", "de", "la", "del", "y", "e", "et", "des", "du", "und", "für", "der", "dan", "&"}
)


_SHORT_FOR: Final[dict[str, Callable[[str, str, str], bool]]] = {
    "PERSON": _is_short_person,
    "ORGANISATION": _is_short_organisation,
}


def _entity(name: str, thing: _Thing, language: str, length: int, most: int) -> Entity:
    mentions = tuple(candidate.mention for candidate in thing.candidates)
    first = next((m.start for m in mentions if m.field == "body"), 0)
    in_title = any(m.field == "title" for m in mentions)
    salience = in_title * NEAR_TITLE + NEAR_TOP * (1 - first / max(length, 1)) + OFTEN * len(mentions) / most
    printed = dict.fromkeys(symbol for candidate in thing.candidates for symbol in candidate.symbols)
    known = dict.fromkeys(symbol for candidate in thing.candidates for symbol in candidate.known)
    return Entity(
        id=name,
        type=thing.type,
        name=_canonical(thing, language),
        mentions=mentions,
        count=len(mentions),
        salience=round(min(1.0, salience), 3),
        symbols=tuple(printed or known),
        value=next((c.value for c in thing.candidates if c.value), ""),
        uri=next((c.uri for c in thing.candidates if c.uri), ""),
    )


def _canonical(thing: _Thing, language: str) -> str:
    """The form with the most words, not in capitals if it can be helped, then the most frequent, then the longest.

    Without what a sentence put on it, where the lists or another mention have it bare.
    """
    counts = Counter([candidate.name or candidate.mention.surface for candidate in thing.candidates])
    best, *others = counts
    if others:
        folded = {_fold(surface) for surface in counts}
        bare = {s for s in counts if language in {"ru", "th"} or folded.isdisjoint(_bare(_fold(s), language))}
        best = max(
            bare or counts, key=lambda s: (len(s.split()), not (s.isupper() and len(s) > 5), counts[s], len(s), s)
        )
    if language == "th" and thing.type == "PERSON":
        return next((form for form in _bare(best, language) if " " in form), best)
    return best
