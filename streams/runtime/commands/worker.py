"""`newsmill worker`."""

import asyncio
import sys
from typing import Annotated

import typer

from streams.errors import Exit, Fatal
from streams.runtime import hops
from streams.runtime.terminal import globals_of, load_routes


def worker(
    context: typer.Context,
    stage: Annotated[
        list[str] | None,
        typer.Option(help="Run only the hops of these stages (repeatable); without it, all. Scale each by itself."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(help="Pool processes: pool.processes. 0 works inline, without time budget.")
    ] = None,
) -> None:
    """Consume releases, work on them, publish: until SIGTERM or Ctrl-C.

    Ready when /readyz says so. Stops in under stop.deadline_seconds; what was in flight and not finished is done
    again by the next worker. Run as many workers as the topics have partitions.
    """
    # Here and not above: Faust is half of what loading this takes, and every other command and every pool process,
    # which imports the main module again, would wait for it.
    from streams.runtime import worker as runtime

    settings = globals_of(context).settings(**({"pool": {"processes": processes}} if processes is not None else {}))
    planned = hops.plan(settings, stage or ())
    routes = load_routes(settings)
    code = Exit.OK
    try:
        asyncio.run(runtime.run(settings, planned, routes, leave=runtime.leave_now))
    except Fatal as exc:
        code = exc.exit_code
        print(f"newsmill worker: {exc}", file=sys.stderr)  # noqa: T201 - the last word, even where logs go elsewhere
    sys.stdout.flush()
    sys.stderr.flush()
    # Faust's threads may still hang in a group join: do not wait for them.
    runtime.leave_now(code)
