"""`newsmill topics`."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from streams.errors import Exit
from streams.runtime import topics
from streams.runtime.terminal import err, globals_of, load_routes, out, print_json

group = typer.Typer(no_args_is_help=True, help="Make, check and list the topics of this configuration.")

Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


@group.command("create")
def create(context: typer.Context, json: Json = False) -> None:
    """Create the topics that are missing; touch none that exists."""
    settings = globals_of(context).settings()
    created, existing = asyncio.run(topics.create(settings, topics.table(settings, load_routes(settings))))
    if json:
        print_json({"created": created, "existing": existing})
        return
    for name in created:
        out.print(f"[green]created[/] {name}")
    for name in existing:
        out.print(f"[dim]exists[/]  {name}")


@group.command("verify")
def verify(context: typer.Context, json: Json = False) -> None:
    """Compare the broker's topics with the configuration; exit 1 with what to run when they differ."""
    settings = globals_of(context).settings()
    table = topics.table(settings, load_routes(settings))
    differences = asyncio.run(topics.verify(settings, table))
    if json:
        print_json([{"topic": d.topic, "problem": d.problem, "cure": d.cure} for d in differences])
    elif not differences:
        out.print(f"[green]All {len(table)} topics are as they should be.[/]")
    for difference in () if json else differences:
        err.print(f"[red]✗[/] {difference}", soft_wrap=True)
    if differences:
        raise typer.Exit(Exit.FAILED)


@group.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """Show the topic table: what each is for and how it is made. Needs no broker."""
    settings = globals_of(context).settings()
    wanted = topics.table(settings, load_routes(settings))
    if json:
        print_json(
            [
                {"name": t.name, "partitions": t.partitions, "replication": t.replication, "config": t.config}
                for t in wanted
            ]
        )
        return
    shown = Table("topic", "partitions", "replicas", "largest message", "purpose", box=None, pad_edge=False)
    for t in wanted:
        shown.add_row(t.name, str(t.partitions), str(t.replication), t.config["max.message.bytes"], t.purpose)
    out.print(shown)
