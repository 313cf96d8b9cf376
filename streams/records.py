"""The facts that travel: one frozen record per topic, each holding all that the one before it held.

Text offsets are Python string indices (Unicode code points), start inclusive, end exclusive. Empty strings and
empty tuples mean "not there"; instants are aware datetimes, ISO 8601 on the wire.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

Instant = Annotated[datetime, Meta(tz=True)]
"""A point in time with its offset from UTC."""

PubStatus = Literal["usable", "withheld", "canceled"]
"""IPTC ninjs `pubStatus`. `canceled` is a kill: it passes every stage and reaches every topic that got the release."""

Label = Literal[
    "headline", "subheadline", "dateline", "body", "about", "contact", "disclaimer", "safe_harbor", "source_line",
    "distributor_boilerplate", "sectors", "copyright", "caption", "navigation", "other",
]  # fmt: skip
"""What a segment of a release is. Only `body` segments make up `CleanRelease.body`."""

LanguageBasis = Literal["text", "hint", "region", "body"]
"""What decided a release's language: its text; the source's hint, where the text left it open; the text, with a region
that only the source can know; or the text that was left when the boilerplate was off."""

EntityType = Literal["PERSON", "ORGANISATION", "PLACE", "TICKER", "MONEY", "DATE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """What the HTML said about one line of `text`: evidence for the boilerplate stage."""

    line: int
    """Index of the line in `text.split("\\n")`."""
    tag: str = ""
    """Nearest block element, lower case (`p`, `h1`, `li`, `td`, `figcaption`, ...)."""
    words: str = ""
    """Class names and ids of the element and its ancestors, lower case, blank-separated."""
    link_density: float = 0.0
    """Share of the line's letters inside `<a>`, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrichment:
    """Which code, models and configuration made this record, so that a re-run is traceable."""

    newsmill: str = ""
    models: dict[str, str] = field(default_factory=dict)
    """Stage name to the version of what it knows."""
    config: str = ""
    """Hash of the configuration that the stages saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageGuess:
    """A language the text might be in."""

    language: str
    """BCP 47."""
    confidence: float
    """0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageSpan:
    """A stretch of `text` in one language; the spans of a release do not overlap and stand in order."""

    start: int
    end: int
    language: str
    confidence: float
    share: float
    """Of the release's letters, 0 to 1."""
    script: str = ""
    """ISO 15924."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A labelled stretch of `text`. The segments of a release cover every character exactly once, in order."""

    start: int
    end: int
    label: Label
    sub: str = ""
    """A finer label: `media_contact`, `byline`, `translator`, `embargo`, ..."""
    evidence: str = ""
    """What decided the label, so that an editor can correct the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dateline:
    """Where and when the release says it was issued."""

    city: str = ""
    date: str = ""
    """ISO 8601 calendar date, in the Gregorian calendar whatever calendar the release used."""
    wire: str = ""
    """The wire or distributor named in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a release says about its issuer in general."""

    organisation: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask."""

    role: str = ""
    """`media`, `investor` or empty."""
    name: str = ""
    organisation: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What stood below a picture."""

    text: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """One place where an entity is named: `getattr(release, field)[start:end] == surface`."""

    start: int
    end: int
    surface: str
    field: Literal["body", "title"] = "body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A listing."""

    exchange: str
    """ISO 10383 market identifier code (MIC), or the exchange's name as printed where none is known."""
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A thing the release names, with every mention of it."""

    id: str
    """Unique within the release."""
    type: EntityType
    name: str
    """The canonical, usually longest, form."""
    mentions: tuple[Mention, ...]
    count: int
    salience: float
    """How much the release is about it, 0 to 1."""
    symbols: tuple[Symbol, ...] = ()
    value: str = ""
    """Normalised value: an ISO date, `USD 1437500`, an ISO 3166 or GeoNames code for a place."""
    uri: str = ""
    """A stable identifier outside this release (Wikidata, GeoNames, ISO 3166), where one is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the release's format says of it beside its text, kept as it was said whatever the stages find."""

    format: str = ""
    """Name and version of the format it was said in: `NewsML-G2 2.34`. Empty where nothing was said."""
    properties: dict[str, Any] = field(default_factory=dict)
    """In the words and shapes of IPTC ninjs 3.1: `by`, `located`, `subjects`, `copyrightNotice`, `altIds`, ...
    `bodies` holds those that `text` was not read from, and the one it was read from if that has markup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A field that format and text say different things of, or the format alone: both, and which of them it holds."""

    field: str
    """The record's field: `language`, `byline`, ..."""
    declared: str
    """What the format says."""
    found: str
    """What the text shows; empty where it shows nothing."""
    chosen: Literal["declared", "found"]
    why: str
    """For people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRelease:
    """A release as it came in, in one shape whatever its format was. Topic: news.release.raw.v1."""

    id: str = ""
    """The release's own identifier (uri); the key of every event about it."""
    version: int = 1
    """Counts up with corrections of the same release."""
    pub_status: PubStatus = "usable"
    source: str = ""
    """The feed or wire it came by."""
    content_type: str = ""
    """The media type it was read as."""
    title: str = ""
    text: str = ""
    """Plain text, lines separated by "\\n"."""
    html: str = ""
    """Instead of `text`, on the way in only: read into `text` and `markup`."""
    markup: tuple[Markup, ...] = ()
    language_hint: str = ""
    """BCP 47, as the producer declared it."""
    published_at: Instant | None = None
    embargoed_until: Instant | None = None
    received_at: Instant | None = None
    """When Newsmill first saw it; without it, the Kafka record's timestamp."""
    headers: dict[str, str] = field(default_factory=dict)
    """What else the producer wants carried through."""
    declared: Declared = Declared()
    decisions: tuple[Decision, ...] = ()
    """Where what is declared and what the text shows are not the same. Stages add to it."""
    enrichment: Enrichment = Enrichment()
    schema: str = "newsmill.release.raw.v1"


# Records extend the record they enrich: the one place with inheritance beside errors, because the alternative is the
# same fifteen fields written four times. They stay flat on the wire.
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiedRelease(RawRelease):
    """A release whose language is known. Topic: news.release.identified.v1."""

    language: str = "und"
    """BCP 47: `ar`, `zh-Hans`, `pt`; `und` where the text does not tell."""
    script: str = ""
    """ISO 15924: `Latn`, `Arab`, `Hans`, ..."""
    confidence: float = 0.0
    """0 to 1, calibrated: of the releases at .9, nine in ten are right."""
    language_basis: LanguageBasis = "text"
    alternatives: tuple[LanguageGuess, ...] = ()
    languages: tuple[LanguageSpan, ...] = ()
    """The language map: only where the release is mixed."""
    schema: str = "newsmill.release.identified.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanRelease(IdentifiedRelease):
    """A release with every character of its text labelled and its body apart. Topic: news.release.cleaned.v1."""

    segments: tuple[Segment, ...] = ()
    body: str = ""
    """The `body` segments, each stripped, joined by "\\n"."""
    subtitle: str = ""
    dateline: Dateline | None = None
    byline: str = ""
    about: tuple[About, ...] = ()
    contacts: tuple[Contact, ...] = ()
    source_line: str = ""
    distributor: str = ""
    syndicated: bool = False
    """Distributed on somebody else's behalf (third-party disclaimer or distributor paragraph seen)."""
    disclaimers: tuple[str, ...] = ()
    safe_harbor: bool = False
    sectors: tuple[str, ...] = ()
    captions: tuple[Caption, ...] = ()
    copyright: str = ""
    embargo_notice: str = ""
    """An embargo or immediate-release line as printed; `embargoed_until` says when, if the text does."""
    translation_notice: str = ""
    correction_notice: str = ""
    text_gaps: tuple[int, ...] = ()
    """Offsets in `body` where link text was lost upstream."""
    only_boilerplate: bool = False
    """There is text, and nothing of it is a body: that is why `body` is empty."""
    schema: str = "newsmill.release.cleaned.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichedRelease(CleanRelease):
    """A release ready to route by. Topic: news.release.enriched.v1."""

    entities: tuple[Entity, ...] = ()
    untagged_from: int = 0
    """Offset in `body` from which on nothing was tagged: it is too long. 0 where all of it was."""
    schema: str = "newsmill.release.enriched.v1"


RECORDS: tuple[type[RawRelease], ...] = (RawRelease, IdentifiedRelease, CleanRelease, EnrichedRelease)
