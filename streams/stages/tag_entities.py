"""Name what a release is about: people, organisations, places, listings, amounts and dates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import ahocorasick_rs
from babel import Locale

from streams.codec import recast
from streams.records import CleanRelease, EnrichedRelease, Entity, Mention, Symbol
from streams.stage import Stage, StageConfig

LANGUAGES = ("en", "ko", "ja", "ar", "zh_Hans", "zh_Hant", "vi", "th", "id", "ms", "de", "ru", "fr", "es", "pt")

_SURROGATE = re.compile("[\ud800-\udfff]")
_BRACKET = re.compile(r"[(（]\s*([A-Z][A-Za-z]{1,9})\s*[:：]\s*([A-Z0-9]{1,6})\s*[)）]")


@dataclass(frozen=True, slots=True)
class EntityKit:
    """What the tagger knows."""

    version: str
    places: ahocorasick_rs.AhoCorasick
    codes: tuple[str, ...]
    """ISO 3166 code of each pattern of `places`."""
    names: dict[str, str]


def prepare(config: StageConfig) -> EntityKit:
    """Load country names in the fifteen languages."""
    del config
    codes: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha() and len(name) > 1:
                codes.setdefault(name, code)
    english = Locale.parse("en").territories
    return EntityKit(
        version="countries-1",
        places=ahocorasick_rs.AhoCorasick(list(codes), matchkind=ahocorasick_rs.MatchKind.LeftmostLongest),
        codes=tuple(codes.values()),
        names={code: english[code] for code in set(codes.values()) if code in english},
    )


def tag_entities(release: CleanRelease, kit: EntityKit) -> EnrichedRelease:
    """Find the entities of body and title; a release without text passes as it is."""
    found: dict[tuple[str, str], list[Mention]] = {}
    for key, mention in _mentions(release, kit):
        found.setdefault(key, []).append(mention)
    total = sum(map(len, found.values()))
    entities = tuple(
        _entity(f"e{i}", key, mentions, total, kit) for i, (key, mentions) in enumerate(found.items(), start=1)
    )
    return recast(release, EnrichedRelease, entities=entities)


def _mentions(release: CleanRelease, kit: EntityKit) -> Iterator[tuple[tuple[str, str], Mention]]:
    fields: tuple[tuple[Literal["title", "body"], str], ...] = (("title", release.title), ("body", release.body))
    for field, text in fields:
        for match in _BRACKET.finditer(text):
            start, end = match.span()
            mention = Mention(start=start, end=end, surface=text[start:end], field=field)
            yield ("TICKER", f"{match[1]}:{match[2]}"), mention
        for index, start, end in kit.places.find_matches_as_indexes(_SURROGATE.sub("\ufffd", text)):
            if not (text[start - 1 : start].isalnum() and text[start].isascii()):
                yield ("PLACE", kit.codes[index]), Mention(start=start, end=end, surface=text[start:end], field=field)


def _entity(name: str, key: tuple[str, str], mentions: list[Mention], total: int, kit: EntityKit) -> Entity:
    kind, value = key
    exchange, _, symbol = value.partition(":")
    return Entity(
        id=name,
        type=kind,  # type: ignore[arg-type]
        name=kit.names.get(value, value) if kind == "PLACE" else value,
        mentions=tuple(mentions),
        count=len(mentions),
        salience=len(mentions) / total,
        symbols=(Symbol(exchange=exchange, symbol=symbol),) if kind == "TICKER" else (),
        value=value,
        uri=f"urn:iso:std:iso:3166:{value}" if kind == "PLACE" else "",
    )


TAG_ENTITIES: Stage[CleanRelease, EnrichedRelease, EntityKit] = Stage(
    "tag_entities", CleanRelease, EnrichedRelease, prepare, tag_entities
)
