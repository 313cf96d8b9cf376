"""Records to bytes and back: orjson on the wire, strict types at the door."""

from typing import Any, TypeVar

import msgspec
import orjson

from streams.errors import Reason, Unprocessable
from streams.records import RECORDS, RawRelease

Record = TypeVar("Record", bound=RawRelease)

MAX_DETAIL = 500
"""Characters of a dead letter's detail: enough for a person, and it fits a Kafka header many times over."""


def encode(record: RawRelease) -> bytes:
    """Write a record as JSON, dataclass field order kept. Raises `Unprocessable` on lone surrogates."""
    try:
        return orjson.dumps(record)
    except (TypeError, ValueError) as exc:
        raise Unprocessable(Reason.INVALID, f"{record.schema}: {exc}") from exc


def decode(kind: type[Record], data: bytes) -> Record:
    """Read a record from JSON. Unknown fields are passed over: a newer producer must not stop an older consumer."""
    return convert(kind, loads(data))


def convert(kind: type[Record], fields: object) -> Record:
    """Check plain JSON values against a record's types. Raises `Unprocessable` that names the field."""
    try:
        return msgspec.convert(fields, kind, strict=True)
    except msgspec.ValidationError as exc:
        raise Unprocessable(Reason.INVALID, f"{kind.__name__}: {exc}"[:MAX_DETAIL]) from exc


def recast(record: RawRelease, kind: type[Record], **changes: object) -> Record:
    """Make the next record from the last: every field they share is carried over, `changes` are set."""
    carried = {name: getattr(record, name) for name in _SHARED[kind] if hasattr(record, name)}
    return kind(**(carried | changes))


def loads(data: bytes) -> Any:
    """Parse JSON bytes. Raises `Unprocessable` with the position of the fault."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise Unprocessable(Reason.UNDECODABLE, f"not JSON: {exc}"[:MAX_DETAIL]) from exc


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) of every record, by the record's `schema` word."""
    return {_schema_word(kind): _schema(kind) for kind in RECORDS}


def _schema(kind: type[RawRelease]) -> dict[str, Any]:
    (reference,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    name = reference["$ref"].rpartition("/")[2]
    body = components.pop(name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:newsmill:schema:{_schema_word(kind)}",
        **body,
        "$defs": components,
    }


def _schema_word(kind: type[RawRelease]) -> str:
    return kind().schema


# `schema` is left out: each record has its own word.
_SHARED = {kind: tuple(name for name in kind.__dataclass_fields__ if name != "schema") for kind in RECORDS}
