"""The schemas in a Schema Registry (Confluent's API), so that tools which look there find what our topics hold.

Events stay plain JSON: no magic byte and no schema id in front, so a consumer needs no registry to read them.
"""

import ssl
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
import orjson

from streams import codec
from streams.errors import Exit, Fatal, Unavailable
from streams.runtime.settings import SchemaRegistry
from streams.runtime.topics import Topic

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"

COMPATIBILITY = "FORWARD_TRANSITIVE"
"""Consumers with any older schema read new events. Not the registry's own BACKWARD: by its reading of JSON Schema, an
optional field that is new in an open object (PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL) breaks that one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A topic's entry in the registry."""

    name: str
    state: Literal["registered", "compatible", "new", "incompatible"]
    """The first when it was sent, the others when it was only asked."""
    id: int | None = None
    problem: str = ""


async def register(settings: SchemaRegistry, topics: Iterable[Topic], *, check: bool = False) -> list[Subject]:
    """Register the schema of every topic that carries a record; with `check`, only ask whether it could be.

    A subject without a compatibility of its own gets `COMPATIBILITY`. Raises `Unavailable` when the registry cannot be
    asked, `Fatal` when it refuses us.
    """
    schemas = codec.schemas()
    async with _session(settings) as session:
        done = []
        for topic in topics:
            if topic.carries:
                schema = {"schemaType": "JSON", "schema": orjson.dumps(schemas[topic.carries]).decode()}
                done.append(await (_check if check else _register)(session, f"{topic.name}-value", schema))
        return done


async def _register(session: aiohttp.ClientSession, subject: str, schema: dict[str, str]) -> Subject:
    config = f"config/{quote(subject, safe='')}"
    if (await _ask(session, "GET", config))[0] == 404:
        await _ask(session, "PUT", config, {"compatibility": COMPATIBILITY})
    status, answer = await _ask(session, "POST", f"subjects/{quote(subject, safe='')}/versions?normalize=true", schema)
    if status == 409:
        return Subject(subject, "incompatible", problem=str(answer.get("message", "")))
    return Subject(subject, "registered", id=int(answer["id"]))


async def _check(session: aiohttp.ClientSession, subject: str, schema: dict[str, str]) -> Subject:
    path = f"compatibility/subjects/{quote(subject, safe='')}/versions?verbose=true"
    status, answer = await _ask(session, "POST", path, schema)
    if status == 404:
        return Subject(subject, "new")
    if answer["is_compatible"]:
        return Subject(subject, "compatible")
    return Subject(subject, "incompatible", problem="; ".join(map(str, answer.get("messages", ()))))


def _session(settings: SchemaRegistry) -> aiohttp.ClientSession:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except (ssl.SSLError, OSError) as exc:
        raise Fatal(Exit.CONFIG, f"schema_registry.ca_file cannot be loaded: {exc}") from exc
    headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
    if settings.username:
        pair = f"{settings.username}:{settings.password.get_secret_value()}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return aiohttp.ClientSession(
        settings.url.rstrip("/") + "/",
        connector=aiohttp.TCPConnector(ssl=context),
        timeout=aiohttp.ClientTimeout(total=settings.request_seconds),
        headers=headers,
    )


async def _ask(
    session: aiohttp.ClientSession, method: str, path: str, body: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and answer: 200, 404 or 409. Raises what `register` raises."""
    data = None if body is None else orjson.dumps(body)
    try:
        async with session.request(method, path, data=data) as response:
            status, text = response.status, await response.text()
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise Unavailable(f"the schema registry does not answer: {type(exc).__name__} {exc}") from exc
    if status >= 500:
        raise Unavailable(f"the schema registry answers {status}: {text[:500]}")
    if status not in (200, 404, 409):
        raise Fatal(Exit.CONFIG, f"the schema registry refuses {method} {path}: {status} {text[:500]}")
    try:
        return status, orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise Fatal(Exit.CONFIG, f"schema_registry.url is no schema registry: {status} {text[:100]!r}") from exc
