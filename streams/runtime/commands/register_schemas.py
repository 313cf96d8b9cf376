"""`newsmill register-schemas`."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from streams.errors import Exit, Fatal, Unavailable
from streams.runtime import registry, topics
from streams.runtime.terminal import globals_of, load_routes, out, print_json

COLOURS = {"registered": "green", "compatible": "green", "new": "yellow", "incompatible": "red"}


def register_schemas(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Ask whether it could be done, and change nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Register the JSON Schema of every topic with the Schema Registry at schema_registry.url.

    A worker does so when it starts, too. Exit 1 when the registry finds a schema incompatible with what it has.
    """
    settings = globals_of(context).settings()
    if not settings.schema_registry.url:
        raise Fatal(Exit.CONFIG, "schema_registry.url is empty: there is no registry to register with")
    table = topics.table(settings, load_routes(settings))
    try:
        subjects = asyncio.run(registry.register(settings.schema_registry, table, check=check))
    except Unavailable as exc:
        raise Fatal(Exit.UNAVAILABLE, exc.detail) from exc
    if json:
        print_json([asdict(subject) for subject in subjects])
    for subject in () if json else subjects:
        state = (f"{subject.state:<14}", COLOURS[subject.state])
        more = subject.problem if subject.id is None else f"id {subject.id}"
        out.print(Text.assemble(state, f"{subject.name}  ", (more, "dim")), soft_wrap=True)
    if any(subject.state == "incompatible" for subject in subjects):
        raise typer.Exit(Exit.FAILED)
