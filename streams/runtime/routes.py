"""Routes: which topics an enriched event goes to besides the main one, by the rules in `routes.toml`."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streams.codec import decode
from streams.formats.ninjs import MEDIA_TYPE, STANDARD, write_ninjs
from streams.records import RECORDS, EnrichedRelease, EntityType, IdentifiedRelease
from streams.runtime.events import Message
from streams.runtime.hops import dead_letter_topic, held_topic, state_topic, topic_of
from streams.runtime.matching import Index, Met, Rule, index, languages
from streams.runtime.settings import BadConfig, Fault

SHIPPED_PREFIX = "news.release"
"""What the shipped routes' topics begin with; `topics.prefix` takes its place."""

Format = Literal["enriched", "ninjs"]
"""What a route's topic carries: our record, or IPTC ninjs 3.1."""

PLACEHOLDER = re.compile(r"\{(language|source|sector)\}")
"""In a route's topic: the release's own."""

Text = Annotated[str, Field(min_length=1, max_length=300)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$")]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,180}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(_Part):
    """An entity: all that is said must be true of one entity of the release."""

    name: Text | None = None
    uri: Text | None = None
    symbol: Text | None = None
    """`NVDA`, or with its exchange, `XNAS:NVDA`."""
    type: EntityType | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Named":
        if not self.keys():
            raise ValueError("name, uri, symbol or type: at least one of them")
        return self

    def keys(self) -> frozenset[str]:
        """What such an entity has, as keys of `matching`."""
        said = {"name": self.name and self.name.casefold(), "uri": self.uri, "symbol": self.symbol, "type": self.type}
        return frozenset(f"{word}={value}" for word, value in said.items() if value)


class Route(_Part):
    """One rule. What is listed is one of several; what is not listed does not matter."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    topic: Annotated[str, Field(pattern=r"^([a-zA-Z0-9._-]|\{(language|source|sector)\}){1,180}$")]
    format: Format
    languages: Annotated[tuple[Language, ...] | None, Field(min_length=1)] = None
    sectors: Annotated[tuple[Text, ...] | None, Field(min_length=1)] = None
    sources: Annotated[tuple[Text, ...] | None, Field(min_length=1)] = None
    entities: Annotated[tuple[Named, ...] | None, Field(min_length=1)] = None
    statuses: Annotated[tuple[Literal["usable", "canceled"], ...], Field(min_length=1)] = ("usable",)

    def rule(self) -> Rule:
        """The same for the index."""
        asks = (
            [f"source={source.casefold()}" for source in self.sources or ()],
            [f"sector={sector.casefold()}" for sector in self.sectors or ()],
            [f"language={language}" for language in self.languages or ()],
            [f"status={status}" for status in self.statuses],
        )
        return Rule(
            name=self.name,
            topic=self.topic,
            asks=tuple(frozenset(keys) for keys in asks if keys),
            entities=tuple(dict.fromkeys(entity.keys() for entity in self.entities or ())),
        )


class _RouteFile(_Part):
    topics: tuple[TopicName, ...] = ()
    route: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that a release meets, and where it leads."""

    met: Met
    topics: tuple[str, ...]
    unlisted: tuple[str, ...]
    """Topics that its template makes of this release and that nobody has listed: it does not go there."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The rules, and the topics that they may lead to."""

    index: Index = field(default_factory=Index)
    listed: tuple[str, ...] = ()
    formats: Mapping[str, Format] = field(default_factory=dict)
    """Topic to what it carries: `enriched`, if it is not named here."""

    def topics(self) -> tuple[str, ...]:
        """Every topic that a release may go to besides the main one: they are made and checked with the others."""
        return self.listed

    def match(self, release: IdentifiedRelease) -> tuple[str, ...]:
        """The topics that this release goes to besides the main one, by itself: where it went before is the gate's."""
        return tuple(dict.fromkeys(topic for found in self.find(release) for topic in found.topics))

    def find(self, release: IdentifiedRelease) -> Iterator[Found]:
        """Yield the rules that this release meets, and why."""
        for met in self.index.meet(release):
            topics, unlisted = self._expand(met.rule.topic, release)
            yield Found(met, topics, unlisted)

    def by_language(self) -> dict[str, tuple[str, ...]]:
        """Language to the topics of a release of which nothing else is known, for all that a topic or a rule names."""
        templates = dict.fromkeys(rule.topic for rule in self.index.rules if "{language}" in rule.topic)
        patterns = [_pattern(template) for template in templates]
        named = [found["language"] for topic in self.listed for each in patterns if (found := each.fullmatch(topic))]
        asked = (key for rule in self.index.rules for keys in rule.asks for key in sorted(keys))
        named += [key.removeprefix("language=") for key in asked if key.startswith("language=")]
        found_topics = {language: self.match(IdentifiedRelease(language=language)) for language in dict.fromkeys(named)}
        return {language: topics for language, topics in found_topics.items() if topics}

    def convert(self, topic: str, main: Message) -> Message:
        """Make of the main topic's message what another topic gets. A kill has no format."""
        if main.value is None or self.formats.get(topic) != "ninjs":
            return replace(main, topic=topic)
        value = write_ninjs(decode(EnrichedRelease, main.value))
        changed = {"content-type": MEDIA_TYPE.encode(), "ce_dataschema": STANDARD["schema"].encode()}
        headers = tuple((name, changed.get(name, said)) for name, said in main.headers)
        return replace(main, topic=topic, value=value, headers=headers)

    def _expand(self, template: str, release: IdentifiedRelease) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if "{" not in template:
            return (template,), ()
        topics: list[str] = []
        unlisted: list[str] = []
        for names in _expansions(template, release):
            found = next((name for name in names if name in self.formats), None)
            if found is not None:
                topics.append(found)
            elif names:
                unlisted.append(names[0])
        return tuple(topics), tuple(unlisted)


def _pattern(template: str) -> re.Pattern[str]:
    """What a template can make; a group for each placeholder."""
    literal, *rest = PLACEHOLDER.split(template)
    pattern, groups = re.escape(literal), set[str]()
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        pattern += f"(?P={name})" if name in groups else f"(?P<{name}>[A-Za-z0-9-]*)"
        pattern += re.escape(text)
        groups.add(name)
    return re.compile(pattern)


def _expansions(template: str, release: IdentifiedRelease) -> Iterator[list[str]]:
    """The topics that a template makes of a release, those of one sector together, the narrowest language first."""
    sectors = release.sectors if isinstance(release, EnrichedRelease) else ()
    for sector in sectors if "{sector}" in template else ("",):
        named = template.replace("{source}", word(release.source)).replace("{sector}", word(sector))
        yield list(dict.fromkeys(named.replace("{language}", language) for language in languages(release.language)))


def word(text: str) -> str:
    """A source or sector as it stands in a topic's name: `Auto Parts & Supply` is `auto-parts-supply`."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")


def load(data: Path, prefix: str) -> Routes:
    """Read `routes.toml` in the data folder. Raises `BadConfig` with every fault."""
    path = data / "routes.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadConfig((Fault(str(path), "(file)", "", f"cannot be read: {exc.strerror}"),)) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadConfig((Fault(str(path), "(file)", "", f"is not TOML: {exc}"),)) from exc
    return read(document, prefix, str(path))


def read(document: Mapping[str, Any], prefix: str, origin: str = "routes.toml") -> Routes:
    """Check what a routes file says. Raises `BadConfig` with every fault."""
    try:
        parsed = _RouteFile.model_validate(document)
    except ValidationError as exc:
        faults = (Fault(origin, ".".join(map(str, e["loc"])), repr(e["input"])[:80], e["msg"]) for e in exc.errors())
        raise BadConfig(tuple(faults)) from exc
    listed = tuple(dict.fromkeys(_named(topic, prefix) for topic in parsed.topics))
    routes = [route.model_copy(update={"topic": _named(route.topic, prefix)}) for route in parsed.route]
    if problems := list(_problems(listed, routes, prefix)):
        raise BadConfig(tuple(Fault(origin, key, value, problem) for key, value, problem in problems))
    formats: dict[str, Format] = dict.fromkeys(listed, "enriched")
    formats |= {topic: kind for (topic, kind), _ in _uses(listed, routes).items()}
    return Routes(index(route.rule() for route in routes), listed, formats)


def _named(topic: str, prefix: str) -> str:
    return prefix + topic.removeprefix(SHIPPED_PREFIX) if topic.startswith(f"{SHIPPED_PREFIX}.") else topic


def _problems(listed: tuple[str, ...], routes: Iterable[Route], prefix: str) -> Iterator[tuple[str, str, str]]:
    """What is wrong with topics and routes that are well-formed by themselves: key, value and problem."""
    own = {*(topic_of(record, prefix) for record in RECORDS), dead_letter_topic(prefix), state_topic(prefix)}
    for topic in sorted({*own, held_topic(prefix)} & {*listed}):
        yield "topics", topic, "a route cannot lead to a topic of the pipeline itself"
    uses = _uses(listed, routes)
    leading: set[str] = set()
    for names in uses.values():
        leading.update(names)
    seen: set[str] = set()
    for number, route in enumerate(routes):
        if route.name in seen:
            yield f"route.{number}.name", route.name, "another route has this name"
        seen.add(route.name)
        if route.name not in leading:
            yield f"route.{number}.topic", route.topic, "leads to no topic that is listed under `topics`"
    kinds: dict[str, Format] = {}
    for (topic, kind), names in uses.items():
        if kinds.setdefault(topic, kind) != kind:
            other = uses[topic, kinds[topic]][0]
            yield "route.format", kind, f"{topic} has the format {kinds[topic]} in {other} and {kind} in {names[0]}"


def _uses(listed: tuple[str, ...], routes: Iterable[Route]) -> dict[tuple[str, Format], list[str]]:
    """Topic and format to the routes that may lead there so."""
    uses: dict[tuple[str, Format], list[str]] = {}
    reached: dict[str, list[str]] = {topic: [topic] for topic in listed}
    for route in routes:
        if route.topic not in reached:
            pattern = _pattern(route.topic)
            reached[route.topic] = [topic for topic in listed if pattern.fullmatch(topic)]
        for topic in reached[route.topic]:
            uses.setdefault((topic, route.format), []).append(route.name)
    return uses
