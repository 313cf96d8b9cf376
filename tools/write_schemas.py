"""Write the JSON Schema of every record into config/schemas: `make schemas`, after a change of records.

The files are what consumers in other languages build on, so their diff is the review of a change on the wire. With
`--release` they are kept as the schemas of this version: what later ones must stay compatible with.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from streams import __version__, codec

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "config" / "schemas"
RELEASED = ROOT / "tests" / "golden" / "schemas"
"""A folder for each version that was released."""

FOR_PEOPLE = frozenset({"title", "description", "$comment", "examples"})
"""Keywords that no validator and no generated class depends on."""

CURE = (
    "Within a version a record only grows by optional properties: put it back as it was. If it must change, make a "
    "record of the next version (newsmill.release.….v2): it travels on a topic of its own beside the old one, until "
    "the last consumer has moved."
)


def main(arguments: list[str]) -> None:
    """Replace the folder's files by those of the records as they are now."""
    files = rendered()
    folders = [FOLDER]
    if arguments == ["--release"]:
        if found := list(breaks(released(), codec.schemas())):
            sys.exit("\n".join((*found, CURE)))
        folders.append(RELEASED / __version__)
    for folder in folders:
        folder.mkdir(exist_ok=True, parents=True)
        for stale in set(folder.glob("*.json")) - {folder / name for name in files}:
            stale.unlink()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
            print(folder / name)


def rendered() -> dict[str, str]:
    """File name to text of every schema."""
    return {
        f"{word}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for word, schema in codec.schemas().items()
    }


def released() -> dict[str, dict[str, Any]]:
    """The schemas of the last release, by schema word."""
    last = max(RELEASED.iterdir(), key=lambda folder: tuple(map(int, folder.name.split("."))))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(last.glob("*.json"))}


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Say what a consumer or producer that was built on `old` would stumble over; nothing when `new` only adds.

    Strict both ways, because topics hold events of both for a week: an old consumer reads new events, a new one reads
    old events. So no keyword may change that a validator heeds, in either direction, an enum's values included.
    """
    for word, schema in old.items():
        if word in new:
            yield from (f"{word}: {found}" for found in _breaks(schema, new[word], "$"))
        elif not any(_next(word, other) for other in new):
            yield f"{word}: the record is gone"


def _breaks(old: Any, new: Any, path: str) -> Iterator[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        if json.dumps(old) != json.dumps(new):  # a tuple is a list on the wire
            yield f"{path} was {json.dumps(old)} and is {json.dumps(new)}"
        return
    # Names of fields and definitions may be added (and may be called `title`); keywords may not.
    names = path.endswith((".properties", ".$defs"))
    for key in old if names else (old.keys() | new.keys()) - FOR_PEOPLE:
        if key not in new:
            yield f"{path}.{key} is gone"
        elif key not in old:
            yield f"{path}.{key} is new: {json.dumps(new[key])}"
        else:
            yield from _breaks(old[key], new[key], f"{path}.{key}")


def _next(old: str, new: str) -> bool:
    """Whether it is the same record in a later version."""
    parts = [re.fullmatch(r"(.+)\.v(\d+)", word) for word in (old, new)]
    return all(parts) and parts[0][1] == parts[1][1] and int(parts[0][2]) < int(parts[1][2])  # type: ignore[index]


if __name__ == "__main__":
    main(sys.argv[1:])
