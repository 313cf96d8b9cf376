"""`newsmill asyncapi`."""

import typer

from streams.runtime.asyncapi import document
from streams.runtime.terminal import globals_of, load_routes, print_json


def asyncapi(context: typer.Context) -> None:
    """Print this configuration's topics, events and headers as an AsyncAPI 3.1 document. Needs no broker."""
    settings = globals_of(context).settings()
    print_json(document(settings, load_routes(settings)))
