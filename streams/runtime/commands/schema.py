"""`newsmill schema`."""

from typing import Annotated

import typer

from streams import codec
from streams.errors import Exit, Fatal
from streams.runtime.terminal import out, print_json


def schema(
    record: Annotated[
        str | None, typer.Argument(help="raw, identified, cleaned or enriched (or the whole schema word).")
    ] = None,
) -> None:
    """Print the JSON Schema of a record; without a name, say which there are."""
    schemas = codec.schemas()
    if record is None:
        for word in schemas:
            out.print(word)
        return
    for word, found in schemas.items():
        if record in (word, word.split(".")[-2]):
            print_json(found)
            return
    raise Fatal(Exit.USAGE, f"no record is called {record!r}; there are {', '.join(schemas)}")
