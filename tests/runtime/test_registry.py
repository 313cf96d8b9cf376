"""Schemas in a Schema Registry, over real HTTP."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from streams import codec
from streams.errors import Exit, Fatal, Unavailable
from streams.records import EnrichedRelease
from streams.runtime import registry, routes, settings, topics, worker
from streams.runtime.settings import SchemaRegistry
from tests.support.registry import Registry, schema_registry

LOADED = settings.load()
ROUTES = routes.load(LOADED.data, LOADED.topics.prefix)
TABLE = topics.table(LOADED, ROUTES)
SUBJECTS = [f"{topic.name}-value" for topic in TABLE if topic.carries]
ENRICHED = "news.release.enriched.v1-value"


@pytest.fixture
async def there() -> AsyncIterator[Registry]:
    """A registry with nothing in it."""
    async with schema_registry() as made:
        yield made


def at(there: Registry, **more: Any) -> SchemaRegistry:
    return LOADED.schema_registry.model_copy(update={"url": there.url, **more})


def older(**properties: Any) -> str:
    """The enriched record's schema of another day."""
    now = codec.schemas()[codec.schema_word(EnrichedRelease)]
    kept = {name: part for name, part in now["properties"].items() if name != "entities"}
    return orjson.dumps(now | {"properties": kept | properties}).decode()


async def test_every_topic_that_carries_a_record_gets_its_schema(there: Registry) -> None:
    done = await registry.register(at(there), TABLE)
    assert [subject.name for subject in done] == SUBJECTS == list(there.subjects)
    assert {subject.state for subject in done} == {"registered"}
    assert orjson.loads(there.subjects[ENRICHED][0])["$id"] == "urn:newsmill:schema:newsmill.release.enriched.v1"
    assert set(there.levels.values()) == {registry.COMPATIBILITY}
    assert not {"news.release.raw.v1-value", "news.release.dead-letter.v1-value"} & set(SUBJECTS), "these hold anything"


async def test_registering_again_changes_nothing(there: Registry) -> None:
    first = await registry.register(at(there), TABLE)
    there.levels[ENRICHED] = "NONE"
    assert await registry.register(at(there), TABLE) == first
    assert [len(versions) for versions in there.subjects.values()] == [1] * len(SUBJECTS)
    assert there.levels[ENRICHED] == "NONE", "what an operator chose stays"


async def test_a_schema_that_only_grew_is_the_next_version(there: Registry) -> None:
    there.subjects[ENRICHED] = [older()]
    await registry.register(at(there), TABLE)
    assert len(there.subjects[ENRICHED]) == 2


async def test_an_incompatible_schema_is_named_with_why(there: Registry) -> None:
    there.subjects[ENRICHED] = [older(version={"type": "string"})]
    for check in (True, False):
        done = await registry.register(at(there), TABLE, check=check)
        (refused,) = [subject for subject in done if subject.state == "incompatible"]
        assert (refused.name, refused.id, "TYPE_CHANGED version" in refused.problem) == (ENRICHED, None, True)
    assert len(there.subjects[ENRICHED]) == 1


async def test_a_check_changes_nothing(there: Registry) -> None:
    there.subjects[ENRICHED] = [older()]
    there.levels[ENRICHED] = "FORWARD"
    states = {subject.name: subject.state for subject in await registry.register(at(there), TABLE, check=True)}
    assert states == dict.fromkeys(SUBJECTS, "new") | {ENRICHED: "compatible"}
    assert there.subjects == {ENRICHED: [older()]}


async def test_who_asks_for_a_password_gets_it_and_nobody_else_sees_it() -> None:
    async with schema_registry(password="hunter2") as there:
        known = at(there, username="mill", password=SecretStr("hunter2"))
        assert len(await registry.register(known, TABLE)) == len(SUBJECTS)
        with pytest.raises(Fatal) as caught:
            await registry.register(at(there, username="mill", password=SecretStr("hunter3")), TABLE)
    assert caught.value.exit_code == Exit.CONFIG
    assert "401" in str(caught.value)
    assert "hunter" not in f"{caught.value}{known}"


async def test_a_registry_that_is_away_can_be_waited_for(there: Registry) -> None:
    there.broken = True
    with pytest.raises(Unavailable, match="503"):
        await registry.register(at(there), TABLE)
    with pytest.raises(Unavailable, match="does not answer"):
        await registry.register(LOADED.schema_registry.model_copy(update={"url": "http://127.0.0.1:9"}), TABLE)


async def test_a_worker_starts_without_its_registry_but_not_against_it(there: Registry) -> None:
    loaded = LOADED.model_copy(update={"schema_registry": at(there)})
    there.broken = True
    await worker._register_schemas(loaded, ROUTES)
    there.broken = False
    await worker._register_schemas(loaded, ROUTES)
    assert list(there.subjects) == SUBJECTS
    there.subjects[ENRICHED] = [older(version={"type": "string"})]
    with pytest.raises(Fatal, match=ENRICHED) as caught:
        await worker._register_schemas(loaded, ROUTES)
    assert caught.value.exit_code == Exit.CONFIG


async def test_without_an_address_nobody_is_asked(there: Registry) -> None:
    await worker._register_schemas(LOADED, ROUTES)
    assert there.asked == []


async def test_the_command_registers_and_says_what_is_refused(there: Registry) -> None:
    assert [each["id"] for each in orjson.loads((await run(there, "--json"))[1])] == [1, 2, *[3] * 16]
    there.subjects[ENRICHED] = [older(version={"type": "string"})]
    code, out = await run(there, "--check")
    assert code == Exit.FAILED
    assert f"incompatible  {ENRICHED}  TYPE_CHANGED version" in out


async def run(there: Registry, *arguments: str) -> tuple[int | None, str]:
    """Exit code and standard output of the command."""
    environment = {**os.environ, "NO_COLOR": "1", "NEWSMILL_SCHEMA_REGISTRY__URL": there.url}
    command = (sys.executable, "-m", "streams.runtime.cli", "register-schemas", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    out, _ = await process.communicate()
    return process.returncode, out.decode()
