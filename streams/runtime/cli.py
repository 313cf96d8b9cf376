"""The `newsmill` command."""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from streams import __version__
from streams.errors import Exit, Fatal, Unprocessable
from streams.runtime.commands import (
    asyncapi,
    check_config,
    dead_letters,
    demo,
    ingest,
    inspect,
    register_schemas,
    replay,
    routes,
    schema,
    tail,
    top,
    topics,
    topology,
)
from streams.runtime.commands import worker as worker_command
from streams.runtime.settings import BadConfig
from streams.runtime.terminal import Globals, err

EXIT_CODES = """\
Exit codes: 0 done · 1 failed, or what was checked is not all well · 2 wrong usage · 66 a named file is not there ·
69 broker or topic unavailable · 74 dead letters cannot be produced · 75 stuck (start again) · 76 dead-letter limit ·
78 configuration · 130 interrupted."""

cli = typer.Typer(
    name="newsmill",
    help="Newsmill: raw releases in; language, clean body and entities out; on Kafka.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        print(f"newsmill {__version__}")  # noqa: T201 - the answer itself
        raise typer.Exit


@cli.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file over the defaults; else $NEWSMILL_CONFIG. All settings: config/default.toml."),
    ] = None,
    bootstrap: Annotated[
        str | None, typer.Option(help="Kafka address, host:port[,host:port]: broker.bootstrap.")
    ] = None,
    _version_: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", help="Print the version and leave.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options that every command takes stand before its name."""
    context.obj = Globals(config, {"broker": {"bootstrap": bootstrap}} if bootstrap else {})


cli.command("demo")(demo.demo)
cli.command("worker")(worker_command.worker)
cli.command("ingest")(ingest.ingest)
cli.command("tail")(tail.tail)
cli.command("inspect")(inspect.inspect)
cli.add_typer(topics.group, name="topics")
cli.add_typer(routes.group, name="routes")
cli.add_typer(dead_letters.group, name="dead-letters")
cli.command("top")(top.top)
cli.command("replay")(replay.replay_)
cli.command("schema")(schema.schema)
cli.command("asyncapi")(asyncapi.asyncapi)
cli.command("register-schemas")(register_schemas.register_schemas)
cli.command("topology")(topology.topology)
cli.command("check-config")(check_config.check_config)


def main() -> None:
    """Run the command line; the one place where errors become words and exit codes."""
    try:
        cli()
    except BadConfig as exc:
        err.print(f"[bold red]The configuration has {len(exc.faults)} fault{'s' * (len(exc.faults) > 1)}:[/]")
        for fault in exc.faults:
            err.print(f"  {escape(str(fault))}", soft_wrap=True)
        sys.exit(exc.exit_code)
    except Fatal as exc:
        err.print(f"[bold red]newsmill:[/] {escape(str(exc))}", soft_wrap=True)
        sys.exit(exc.exit_code)
    except Unprocessable as exc:
        err.print(f"[bold red]newsmill:[/] {escape(str(exc))}", soft_wrap=True)
        sys.exit(Exit.FAILED)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        # Whoever read our output has left: quietly follow, and keep the interpreter from flushing into the void.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.FAILED)


if __name__ == "__main__":
    main()
