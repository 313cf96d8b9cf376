"""A Schema Registry small enough to read: what Confluent's answers to the calls that we make, over real HTTP."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


@dataclass
class Registry:
    """What it holds, and what it was asked."""

    url: str = ""
    password: str = ""
    """Asked of everybody who comes, where there is one; the user is `mill`."""
    broken: bool = False
    """Answer 503 to everything."""
    subjects: dict[str, list[str]] = field(default_factory=dict)
    """Schema texts, version by version."""
    levels: dict[str, str] = field(default_factory=dict)
    """Compatibility of the subjects that have one of their own."""
    ids: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def config(self, request: web.Request) -> web.Response:
        subject = request.match_info["subject"]
        if request.method == "PUT":
            self.levels[subject] = (await request.json(loads=orjson.loads))["compatibility"]
            return _answer({"compatibility": self.levels[subject]})
        if subject not in self.levels:
            return _answer({"error_code": 40408, "message": "no subject-level compatibility"}, 404)
        return _answer({"compatibilityLevel": self.levels[subject]})

    async def check(self, request: web.Request) -> web.Response:
        subject, schema = request.match_info["subject"], await _schema(request)
        if subject not in self.subjects:
            return _answer({"error_code": 40401, "message": "subject not found"}, 404)
        faults = self._faults(subject, schema)
        return _answer({"is_compatible": not faults, "messages": faults})

    async def register(self, request: web.Request) -> web.Response:
        subject, schema = request.match_info["subject"], await _schema(request)
        versions = self.subjects.setdefault(subject, [])
        if schema not in versions:
            if faults := self._faults(subject, schema):
                return _answer({"error_code": 409, "message": f"incompatible: {faults}"}, 409)
            versions.append(schema)
        return _answer({"id": self.ids.setdefault(schema, len(self.ids) + 1)})

    def _faults(self, subject: str, schema: str) -> list[str]:
        """As Confluent's reads JSON Schema: backwards, a field that is new in an open object is a fault, too."""
        new = orjson.loads(schema)["properties"]
        found = []
        for old in (orjson.loads(text)["properties"] for text in self.subjects[subject]):
            found += [
                f"TYPE_CHANGED {name}" for name in old.keys() & new.keys() if _type(old[name]) != _type(new[name])
            ]
            if not self.levels.get(subject, "BACKWARD").startswith("FORWARD"):
                found += [f"PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL {name}" for name in new.keys() - old.keys()]
        return found

    @web.middleware
    async def door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if self.broken:
            return _answer({"error_code": 50003, "message": "no leader"}, 503)
        pair = b64encode(f"mill:{self.password}".encode()).decode()
        if self.password and request.headers.get("Authorization") != f"Basic {pair}":
            return _answer({"error_code": 401, "message": "Unauthorized"}, 401)
        if request.headers["Accept"] != MEDIA_TYPE:
            return _answer({"error_code": 406, "message": "HTTP 406 Not Acceptable"}, 406)
        answer: web.StreamResponse = await handler(request)
        return answer


@asynccontextmanager
async def schema_registry(password: str = "") -> AsyncIterator[Registry]:
    """One that listens on a port of its own, for a test."""
    registry = Registry(password=password)
    app = web.Application(middlewares=[registry.door])
    app.router.add_route("*", "/config/{subject}", registry.config)
    app.router.add_post("/compatibility/subjects/{subject}/versions", registry.check)
    app.router.add_post("/subjects/{subject}/versions", registry.register)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        registry.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield registry
    finally:
        await runner.cleanup()


async def _schema(request: web.Request) -> str:
    assert request.content_type == MEDIA_TYPE
    body = await request.json(loads=orjson.loads)
    assert body["schemaType"] == "JSON"
    return str(body["schema"])


def _answer(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type=MEDIA_TYPE)


def _type(schema: dict[str, Any]) -> Any:
    return {name: value for name, value in schema.items() if name not in ("description", "default")}
