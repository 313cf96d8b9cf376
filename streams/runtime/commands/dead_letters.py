"""`newsmill dead-letters`."""

import typer

group = typer.Typer(no_args_is_help=True, help="")
