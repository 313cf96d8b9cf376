"""`newsmill check-config`."""

from typing import Annotated

import orjson
import typer

from streams.errors import Exit
from streams.runtime import hops, kafka
from streams.runtime import routes as routing
from streams.runtime.settings import BadConfig, Fault
from streams.runtime.terminal import globals_of, out, print_json


def check_config(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the settings in force, passwords masked.")] = False,
) -> None:
    """Check all of the configuration and list every fault at once; exit 78 if there is one. Needs no broker."""
    faults: list[Fault] = []
    try:
        settings = globals_of(context).settings()
        kafka.security(settings.broker)
        hops.plan(settings)
        routing.load(settings.data, settings.topics.prefix)
    except BadConfig as exc:
        faults.extend(exc.faults)
        if not json:
            raise
    if json:
        print_json([{"origin": f.origin, "key": f.key, "value": f.value, "problem": f.problem} for f in faults])
        if faults:
            raise typer.Exit(Exit.CONFIG)
    elif show:
        out.print_json(orjson.dumps(settings.model_dump(mode="json")).decode())
    else:
        out.print("[green]The configuration is good.[/]")
