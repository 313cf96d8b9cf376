"""`newsmill topology`."""

from typing import Annotated

import typer

from streams.runtime import hops
from streams.runtime.terminal import globals_of, load_routes, out, print_json


def topology(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="A Mermaid flowchart, for a wiki or README.")] = False,
) -> None:
    """Show how releases flow: topics, hops, consumer groups, routes. Needs no broker."""
    settings = globals_of(context).settings()
    planned, routes = hops.plan(settings), load_routes(settings)
    if json:
        print_json(
            {
                "hops": [
                    {
                        "name": hop.name,
                        "stages": hop.stages,
                        "reads": hop.source,
                        "writes": [hop.target, *(routes.topics() if hop.last else ())],
                        "dead_letters": hop.dead_letters,
                        "group": hop.group,
                    }
                    for hop in planned
                ]
            }
        )
    elif mermaid:
        lines = ["flowchart LR"]
        for hop in planned:
            lines.append(f'  {hop.source}[("{hop.source}")] --> {hop.name}["{" → ".join(hop.stages)}"]')
            lines.append(f'  {hop.name} --> {hop.target}[("{hop.target}")]')
            lines.append(f'  {hop.name} -. rejected .-> {hop.dead_letters}[("{hop.dead_letters}")]')
            lines.extend(f'  {hop.name} --> {topic}[("{topic}")]' for topic in (routes.topics() if hop.last else ()))
        out.print("\n".join(lines), soft_wrap=True)
    else:
        out.print(planned[0].source)
        for hop in planned:
            out.print(
                f"  [bold]→ {' → '.join(hop.stages)}[/]  [dim]group {hop.group}, rejected → {hop.dead_letters}[/]"
            )
            out.print(hop.target)
        for language, names in routes.by_language().items():
            out.print(f"  [dim]language {language} →[/] {', '.join(names)}")
