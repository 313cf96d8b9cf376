"""Routes: which topics an enriched event goes to besides the main one. First form: by language, in `routes.toml`."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streams.codec import decode
from streams.formats.ninjs import MEDIA_TYPE, STANDARD, write_ninjs
from streams.records import RECORDS, EnrichedRelease, IdentifiedRelease
from streams.runtime.events import Message
from streams.runtime.hops import dead_letter_topic, held_topic, state_topic, topic_of
from streams.runtime.settings import BadConfig, Fault

SHIPPED_PREFIX = "news.release"
"""What the shipped routes' topics begin with; `topics.prefix` takes its place."""


Format = Literal["enriched", "ninjs"]
"""What a route's topic carries: our record, or IPTC ninjs 3.1."""


class Route(BaseModel):
    """One rule: releases in these languages also go to this topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    topic: Annotated[str, Field(pattern=r"^([a-zA-Z0-9._-]|\{language\}){1,180}$")]
    format: Format
    languages: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$")], ...], Field(min_length=1)
    ]


class _RouteFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    route: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Routes:
    """An index from a release to its topics."""

    by_language: dict[str, tuple[str, ...]]
    formats: Mapping[str, Format] = field(default_factory=dict)
    """Topic to what it carries: `enriched`, if it is not named here."""

    def topics(self) -> tuple[str, ...]:
        """Every topic that a route can name: they are made and checked with the others."""
        return tuple(dict.fromkeys(topic for topics in self.by_language.values() for topic in topics))

    def match(self, release: IdentifiedRelease) -> tuple[str, ...]:
        """The topics this release goes to besides the main one.

        A kill goes to all of them: which ones the release once reached is not known from the kill alone.
        """
        if release.pub_status == "canceled":
            return self.topics()
        return self.by_language.get(release.language, ())

    def convert(self, topic: str, main: Message) -> Message:
        """Make of the main topic's message what another topic gets. A kill has no format."""
        if main.value is None or self.formats.get(topic) != "ninjs":
            return replace(main, topic=topic)
        value = write_ninjs(decode(EnrichedRelease, main.value))
        changed = {"content-type": MEDIA_TYPE.encode(), "ce_dataschema": STANDARD["schema"].encode()}
        headers = tuple((name, changed.get(name, said)) for name, said in main.headers)
        return replace(main, topic=topic, value=value, headers=headers)


def load(data: Path, prefix: str) -> Routes:
    """Read `routes.toml` in the data folder. Raises `BadConfig` with every fault."""
    path = data / "routes.toml"
    try:
        parsed = _RouteFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as exc:
        raise BadConfig((Fault(str(path), "(file)", "", f"cannot be read: {exc.strerror}"),)) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadConfig((Fault(str(path), "(file)", "", f"is not TOML: {exc}"),)) from exc
    except ValidationError as exc:
        faults = (Fault(str(path), ".".join(map(str, e["loc"])), repr(e["input"])[:80], e["msg"]) for e in exc.errors())
        raise BadConfig(tuple(faults)) from exc
    own = {
        *(topic_of(record, prefix) for record in RECORDS),
        dead_letter_topic(prefix),
        state_topic(prefix),
        held_topic(prefix),
    }
    if loops := sorted({topic for _, topic in _pairs(parsed.route, prefix)} & own):
        problem = f"{', '.join(loops)}: a route cannot lead to a topic of the pipeline itself"
        raise BadConfig((Fault(str(path), "route.topic", "", problem),))
    formats = _formats(parsed.route, prefix, path)
    index: dict[str, tuple[str, ...]] = {}
    for language, topic in _pairs(parsed.route, prefix):
        if topic not in index.get(language, ()):  # two rules may name one topic: it gets the release once
            index[language] = (*index.get(language, ()), topic)
    return Routes(index, formats)


def _formats(routes: tuple[Route, ...], prefix: str, path: Path) -> dict[str, Format]:
    formats: dict[str, Format] = {}
    for route in routes:
        for _, topic in _pairs((route,), prefix):
            if formats.setdefault(topic, route.format) != route.format:
                problem = f"{topic} has the format {formats[topic]} in another route, {route.format} in {route.name}"
                raise BadConfig((Fault(str(path), "route.format", route.format, problem),))
    return formats


def _pairs(routes: tuple[Route, ...], prefix: str) -> Iterator[tuple[str, str]]:
    for route in routes:
        topic = route.topic
        if topic.startswith(f"{SHIPPED_PREFIX}."):
            topic = prefix + topic.removeprefix(SHIPPED_PREFIX)
        for language in route.languages:
            yield language, topic.replace("{language}", language)
