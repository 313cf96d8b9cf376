"""Records to bytes and back: orjson on the wire, strict types at the door."""

import ast
import inspect
import itertools
import operator
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec
import orjson

from streams import records
from streams.errors import Reason, Unprocessable
from streams.records import RECORDS, RawRelease

Record = TypeVar("Record", bound=RawRelease)

SCHEMA_ID = "urn:newsmill:schema:"
"""Before a record's schema word: the `$id` of its JSON Schema, and the `ce_dataschema` of its events."""

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
    names, values = _SHARED[type(record), kind]
    return kind(**(dict(zip(names, values(record), strict=True)) | changes))


def loads(data: bytes) -> Any:
    """Parse JSON bytes. Raises `Unprocessable` with the position of the fault."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise Unprocessable(Reason.UNDECODABLE, f"not JSON: {exc}"[:MAX_DETAIL]) from exc


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) of every record, by the record's `schema` word."""
    return {schema_word(kind): _schema(kind) for kind in RECORDS}


def components(ref_template: str) -> dict[str, dict[str, Any]]:
    """The schemas of all records and of what they are made of, by class name, for a document that holds them all."""
    _, found = msgspec.json.schema_components(RECORDS, ref_template=ref_template)
    return {name: _described(schema, name) for name, schema in found.items()}


def schema_word(kind: type[RawRelease]) -> str:
    """The word that a record's events carry in `schema`, `newsmill.release.raw.v1`."""
    return kind().schema


def _schema(kind: type[RawRelease]) -> dict[str, Any]:
    _, parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    described = {name: _described(schema, name) for name, schema in parts.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_ID}{schema_word(kind)}",
        **described.pop(kind.__name__),
        "$defs": described,
    }


def _described(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema with what `records` says of each field: msgspec sees only what is said of the class."""
    said = _docstrings(getattr(records, name))
    properties = {
        field: part | ({"description": said[field]} if field in said else {})
        for field, part in schema["properties"].items()
    }
    return schema | {"properties": properties}


@cache
def _docstrings(kind: type) -> dict[str, str]:
    """What stands under each field of a record and of those it extends."""
    said: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        (body,) = (node.body for node in ast.parse(inspect.getsource(each)).body if isinstance(node, ast.ClassDef))
        for field, below in itertools.pairwise(body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    said[name] = inspect.cleandoc(text).replace("\n", " ")
    return said


def _shared(
    source: type[RawRelease], kind: type[RawRelease]
) -> tuple[tuple[str, ...], Callable[[RawRelease], tuple[Any, ...]]]:
    """Names of the fields that two kinds of record share, and what reads these of a record at once."""
    theirs = source.__dataclass_fields__.keys() - {"schema"}  # each record has its own word
    names = tuple(name for name in kind.__dataclass_fields__ if name in theirs)
    return names, operator.attrgetter(*names)


_SHARED = {(source, kind): _shared(source, kind) for source in RECORDS for kind in RECORDS}
