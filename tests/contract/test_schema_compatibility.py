"""What consumers have built on holds: against the last release, the schemas only grow."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from streams import codec
from streams.records import EnrichedRelease, RawRelease
from tools.write_schemas import CURE, breaks, released

WORD = codec.schema_word(EnrichedRelease)
RAW = codec.schema_word(RawRelease)

Schemas = dict[str, dict[str, Any]]


def test_the_schemas_only_grew_since_the_last_release() -> None:
    found = list(breaks(released(), codec.schemas()))
    assert not found, "\n".join((*found, CURE))


def removed_property(now: Schemas) -> None:
    del now[WORD]["properties"]["title"]


def other_type(now: Schemas) -> None:
    now[WORD]["properties"]["version"]["type"] = "string"


def null_allowed(now: Schemas) -> None:
    now[WORD]["$defs"]["Contact"]["properties"]["name"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def another_word_in_an_enum(now: Schemas) -> None:
    now[WORD]["$defs"]["Entity"]["properties"]["type"]["enum"].append("EVENT")


def required(now: Schemas) -> None:
    now[WORD]["required"] = ["title"]


def other_default(now: Schemas) -> None:
    now[WORD]["properties"]["language"]["default"] = ""


def gone(now: Schemas) -> None:
    del now[RAW]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (removed_property, f"{WORD}: $.properties.title is gone"),
        (other_type, f'{WORD}: $.properties.version.type was "integer" and is "string"'),
        (null_allowed, f"{WORD}: $.$defs.Contact.properties.name.type is gone"),
        (another_word_in_an_enum, f"{WORD}: $.$defs.Entity.properties.type.enum was "),
        (required, f'{WORD}: $.required was [] and is ["title"]'),
        (other_default, f'{WORD}: $.properties.language.default was "und" and is ""'),
        (gone, f"{RAW}: the record is gone"),
    ],
)
def test_a_break_is_named_by_its_path(change: Callable[[Schemas], None], path: str) -> None:
    now = deepcopy(codec.schemas())
    change(now)
    assert any(found.startswith(path) for found in breaks(codec.schemas(), now))


def another_field(now: Schemas) -> None:
    now[WORD]["properties"]["mood"] = {"$ref": "#/$defs/Mood"}
    now[WORD]["$defs"]["Mood"] = {"type": "object", "properties": {}, "required": []}


def other_words(now: Schemas) -> None:
    now[WORD]["properties"]["title"]["description"] = "What it is called."


def next_version(now: Schemas) -> None:
    now[RAW.replace(".v1", ".v2")] = now.pop(RAW) | {"required": ["id"]}


@pytest.mark.parametrize("change", [another_field, other_words, next_version])
def test_growth_breaks_nobody(change: Callable[[Schemas], None]) -> None:
    now = deepcopy(codec.schemas())
    change(now)
    assert list(breaks(codec.schemas(), now)) == []
