"""Name what a release is about: people, organisations, places, listings, amounts of money and dates."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streams.codec import recast
from streams.records import CleanRelease, EnrichedRelease, EntityType, Mention, Symbol
from streams.stage import Stage, StageConfig, config_hash
from streams.stages.entity_context import Context, Name, NameType, load_context
from streams.stages.entity_crf import MARGIN, Crf, Lexicon, load
from streams.stages.entity_dates import Calendar, find_dates, load_calendar
from streams.stages.entity_encoder import NameTagger
from streams.stages.entity_encoder import load as load_encoder
from streams.stages.entity_gazetteer import Gazetteer, Place, load_gazetteer, load_lexicon
from streams.stages.entity_merge import Candidate, find_place, merge
from streams.stages.entity_money import Currencies, find_amounts, load_currencies
from streams.stages.entity_names import as_spoken, refine, without_form
from streams.stages.entity_tickers import Exchanges, Listing, find_listings, load_exchanges
from streams.text.tokens import Span, sentences, split_tokens

DEFAULT_TIER: Final = "fast"
"""Where nothing is said. The shipped settings say `accurate`."""

MAX_BODY: Final = 150_000
"""Characters of a body that are tagged; what lies past that names little that the first hundred pages did not.
`EnrichedRelease.untagged_from` says so."""

MAX_TITLE: Final = 2_000
"""Characters of a title that are tagged: a longer one is a body in the wrong place."""

GROUPS: Final = {
    "en": "latin", "de": "latin", "fr": "latin", "es": "latin", "pt": "latin", "id": "latin", "ms": "latin",
    "vi": "latin", "ru": "cyrillic", "ar": "arabic", "zh-Hans": "han", "zh-Hant": "han", "ja": "japanese",
    "ko": "korean", "th": "thai",
}  # fmt: skip
"""Language to model. Another language gets the model of its script, or `latin`: shapes and lists carry over."""

_SCRIPTS: Final = {
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]+"),
    "arabic": re.compile(r"[\u0600-\u06ff]+"),
    "thai": re.compile(r"[\u0e00-\u0e7f]+"),
    "korean": re.compile(r"[\uac00-\ud7af]+"),
    "japanese": re.compile(r"[\u3040-\u30ff]+"),
    "han": re.compile(r"[\u3400-\u9fff]+"),
}

_TYPES: Final[dict[str, NameType]] = {"PER": "PERSON", "ORG": "ORGANISATION", "LOC": "PLACE"}


TIERS: Final = ("accurate", "fast")
"""What may be asked for: the encoder with the CRFs' word, or the CRFs alone."""


@dataclass(frozen=True, slots=True)
class FastTagger:
    """Linear-chain CRFs, one a group of languages, fed by gazetteers."""

    models: Mapping[str, Crf]
    gazetteer: Gazetteer

    def names(self, text: str, language: str) -> list[Name]:
        """Tag each sentence with the model of its script, where that is not the release's own."""
        tokens = split_tokens(text)
        starts = np.zeros(len(tokens) + 1, np.intp)
        np.fromiter(map(len, tokens), np.intp, len(tokens)).cumsum(out=starts[1:])
        listed = np.append(self.gazetteer.mark(text, starts), np.uint32(0))
        batches: dict[str, list[Span]] = {}
        for start, end in sentences(text):
            batches.setdefault(_group(text[start:end], language), []).append((start, end))
        blank = np.fromiter(map(str.isspace, tokens), np.bool_, len(tokens))
        tokens.append("")
        found = []
        for group, spans in batches.items():
            model = self.models[group]
            laid = _lay_out(starts, spans, blank & (not model.letters))
            for first, last, kind in model.tag([tokens[i] for i in laid.tolist()], listed[laid]):
                found.append(Name(int(starts[laid[first]]), int(starts[laid[last - 1] + 1]), _TYPES[kind]))
        return sorted(found)


def _lay_out(starts: NDArray[np.intp], spans: Sequence[Span], skipped: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Tokens of sentences in a row, the token after the last for the blanks that part them."""
    first, end = np.searchsorted(starts, spans).T
    (kept,) = np.nonzero(~skipped)
    sentence = first.searchsorted(kept, side="right") - 1
    inside = (sentence >= 0) & (kept < end[sentence])
    kept, sentence = kept[inside], sentence[inside]
    laid = np.full(len(kept) + MARGIN * (len(spans) + 1), len(skipped))
    laid[np.arange(len(kept)) + MARGIN * (sentence + 1)] = kept
    return laid


@dataclass(frozen=True, slots=True)
class TieredTagger:
    """Another tagger for some languages than for the rest."""

    rest: NameTagger
    some: Mapping[str, NameTagger]

    def names(self, text: str, language: str) -> list[Name]:
        """Ask the tagger of the language."""
        return self.some.get(language, self.rest).names(text, language)


@dataclass(frozen=True, slots=True)
class EntityKit:
    """What the stage knows."""

    version: str
    tagger: NameTagger
    gazetteer: Gazetteer
    exchanges: Exchanges
    currencies: Currencies
    calendar: Calendar
    context: Context


def prepare(config: StageConfig) -> EntityKit:
    """Load models, lists and rules: one second, or two with the encoder."""
    tier, tiers = _tiers(config)
    gazetteer, lexicon = load_gazetteer(config), load_lexicon(config)
    return EntityKit(
        version=f"{tier}-{config_hash(config, 'entities')}",
        tagger=_tagger(config, FastTagger(_models(config, lexicon), gazetteer), tier, tiers),
        gazetteer=gazetteer,
        exchanges=load_exchanges(config.table("entities/exchanges.toml")),
        currencies=load_currencies(config.table("entities/money.toml")),
        calendar=load_calendar(config.table("entities/dates.toml")),
        context=load_context(config.table("entities/context.toml"), config.table("entities/words.toml")["title"]),
    )


def _tiers(config: StageConfig) -> tuple[str, dict[str, str]]:
    """The settings `tier` and `tiers`: that of most languages, and those of some."""
    tier, tiers = config.options.get("tier", DEFAULT_TIER), config.options.get("tiers", {})
    if unknown := {tier, *tiers.values()}.difference(TIERS):
        raise ValueError(f"stages.tag_entities: no tier {', '.join(map(repr, sorted(unknown)))}, only {TIERS}")
    if unknown := set(tiers).difference(GROUPS):
        raise ValueError(f"stages.tag_entities.tiers: no language {', '.join(sorted(unknown))}, only {tuple(GROUPS)}")
    return tier, tiers


def _tagger(config: StageConfig, fast: FastTagger, tier: str, tiers: Mapping[str, str]) -> NameTagger:
    """The taggers that are asked for; the encoder is loaded only where one is."""
    taggers: dict[str, NameTagger] = {"fast": fast}
    if "accurate" in {tier, *tiers.values()}:
        trust = config.table("entities/encoder/trust.toml")
        taggers["accurate"] = load_encoder(config.path("entities/encoder"), fast, trust)
    return TieredTagger(taggers[tier], {language: taggers[each] for language, each in tiers.items()})


def _models(config: StageConfig, lexicon: Lexicon) -> dict[str, Crf]:
    return {group: load(config.path(f"entities/crf/{group}.npz"), lexicon) for group in _SCRIPTS}


def tag_entities(release: CleanRelease, kit: EntityKit) -> EnrichedRelease:
    """Find the entities of title and body; a release without text passes as it is."""
    # As one text, so that a name means the same in both; the line end between them ends every sentence.
    title = release.title[:MAX_TITLE]
    text = f"{title}\n{release.body[:MAX_BODY]}"
    candidates = [] if text.isspace() else _candidates(text, len(title), release, kit)
    return recast(
        release,
        EnrichedRelease,
        entities=merge(candidates, release.language, len(release.body)),
        untagged_from=MAX_BODY if len(release.body) > MAX_BODY else 0,
    )


def _candidates(text: str, title: int, release: CleanRelease, kit: EntityKit) -> list[Candidate]:
    """Everything found in title and body, `title` being the length of the title."""
    language = release.language
    listings = find_listings(text, kit.exchanges)
    taken = bytearray(len(text))
    for start, end in _addresses(text):
        taken[start:end] = b"1" * (end - start)
    found = [*_ruled(text, listings, release, kit, taken)]
    tagged = kit.tagger.names(text, language)
    names = refine(text, tagged, language, taken, _brackets(text, listings), kit.context, kit.gazetteer.places)
    found += [_named(text, name, language, listings, kit) for name in names]
    placed = (_placed(candidate, title) for candidate in found)
    return [candidate for candidate in placed if candidate]


def _placed(candidate: Candidate, title: int) -> Candidate | None:
    """Move a mention to its own field; one that reaches over the end of the title is none."""
    mention = candidate.mention
    if mention.start > title:
        body = title + 1
        moved = replace(mention, start=mention.start - body, end=mention.end - body, field="body")
        return candidate._replace(mention=moved)
    return candidate._replace(mention=replace(mention, field="title")) if mention.end <= title else None


def _ruled(
    text: str, listings: Sequence[Listing], release: CleanRelease, kit: EntityKit, taken: bytearray
) -> Iterator[Candidate]:
    """What rules find, each where none before it did: listings, then money, then dates. Marks what is taken."""

    def candidate(kind: EntityType, start: int, end: int, value: str, symbols: tuple[Symbol, ...] = ()) -> Candidate:
        taken[start:end] = b"1" * (end - start)
        return Candidate(Mention(start=start, end=end, surface=text[start:end]), kind, value, symbols=symbols)

    for start, end, symbol in listings:
        if not any(taken[start:end]):
            yield candidate("TICKER", start, end, f"{symbol.exchange}:{symbol.symbol}", (symbol,))
    for start, end, currency, amount in find_amounts(text, release.language, kit.currencies):
        if not any(taken[start:end]):
            yield candidate("MONEY", start, end, f"{currency} {amount.normalize():f}")
    for start, end, value in find_dates(text, release.language, _issued(release), kit.calendar):
        if not any(taken[start:end]):
            yield candidate("DATE", start, end, value)


def _named(text: str, name: Name, language: str, listings: Sequence[Listing], kit: EntityKit) -> Candidate:
    surface = text[name.start : name.end]
    mention = Mention(start=name.start, end=name.end, surface=surface)
    if name.type == "PLACE" and (found := find_place(surface, language, kit.gazetteer.places)):
        listed, place = found
        return Candidate(mention, name.type, place.code, _uri(place), name=surface if surface.isupper() else listed)
    if name.type == "ORGANISATION":
        known = kit.gazetteer.companies.get(surface) or kit.gazetteer.companies.get(without_form(surface), ())
        return Candidate(mention, name.type, symbols=_printed(text, name, listings), known=known)
    return Candidate(mention, name.type, name=as_spoken(surface) if name.type == "PERSON" else "")


def _uri(place: Place) -> str:
    """GeoNames' address of a city, the ISO 3166 code as a URN for a country or a part of one."""
    city = place.uri.removeprefix("geonames:")
    return f"https://sws.geonames.org/{city}/" if city else f"urn:iso:std:iso:3166:{place.code}"


def _printed(text: str, name: Name, listings: Sequence[Listing]) -> tuple[Symbol, ...]:
    """The listings in the bracket right after a company."""
    bracket = _AFTER_NAME.match(text, name.end)
    if bracket is None:
        return ()
    first = bisect_left(listings, bracket.start(), key=lambda listing: listing.start)
    last = bisect_left(listings, bracket.end(), key=lambda listing: listing.start)
    return tuple(listing.symbol for listing in listings[first:last])


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    """Web and mail addresses: no names, no dates and no amounts stand in them."""
    if "://" in text or "www." in text:
        yield from (match.span() for match in _WEB_ADDRESS.finditer(text))
    if "@" in text:
        for host in _MAIL_HOST.finditer(text):
            if user := _MAIL_USER.search(text, max(0, host.start() - 64), host.start()):
                yield user.start(), host.end()


_WEB_ADDRESS: Final = re.compile(r"(?:https?://|www\.)[^\s<>«»“”\"()（）\u3000-\uffff]+")
_MAIL_HOST: Final = re.compile(r"@[\w-]+(?:\.[\w-]+)+")
_MAIL_USER: Final = re.compile(r"[\w.+%-]+$")

MAX_BRACKET: Final = 200
"""Characters after a company's name in which its listings may stand."""

_AFTER_NAME: Final = re.compile(r"(?:\s?[(（][^()（）\n]{0,120}[)）]){1,2}")


def _brackets(text: str, listings: Iterable[Listing]) -> list[int]:
    """Offsets of the brackets that open right before a listing."""
    found = []
    for listing in listings:
        opening = max(text.rfind(sign, max(0, listing.start - MAX_BRACKET), listing.start) for sign in "(（[【")
        if opening >= 0 and not set(text[opening : listing.start]) & set(")）]】\n"):
            found.append(opening)
    return list(dict.fromkeys(found))


def _issued(release: CleanRelease) -> date | None:
    """The day that `today` means in the release: its dateline's, else the day it was published."""
    if release.dateline and release.dateline.date:
        try:
            return date.fromisoformat(release.dateline.date)
        except ValueError:
            return None
    return release.published_at.date() if release.published_at else None


def _group(text: str, language: str) -> str:
    """The model for a sentence: its release's, unless most of its letters are of another script."""
    own = GROUPS.get(language, "")
    if text.isascii():
        return "latin"
    if own and 2 * sum(map(len, _SCRIPTS[own].findall(text))) > len(text):
        return own
    letters = {group: sum(map(len, pattern.findall(text))) for group, pattern in _SCRIPTS.items()}
    most = max(letters, key=letters.__getitem__)
    if own in {"han", "japanese", "korean"} and most in {"han", "japanese", "korean"}:
        return own
    if letters["japanese"] and most == "han":
        most = "japanese"
    return own if own and 2 * letters[own] >= letters[most] else most


TAG_ENTITIES: Stage[CleanRelease, EnrichedRelease, EntityKit] = Stage(
    "tag_entities", CleanRelease, EnrichedRelease, prepare, tag_entities
)
