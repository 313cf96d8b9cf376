"""What every command shares: settings from the global options, output for people and for scripts, one way to fail."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import typer
from rich.console import Console

from streams.runtime import logs, routes, settings
from streams.runtime.routes import Routes
from streams.runtime.settings import Settings

out = Console(highlight=False)
"""Results. Rich honours NO_COLOR and drops colours where nobody looks."""

err = Console(stderr=True, highlight=False)
"""Progress, notes and faults, so that a script can pipe the results."""


@dataclass
class Globals:
    """The options before the command's name, and the settings they lead to."""

    file: Path | None = None
    overrides: dict[str, Any] = field(default_factory=dict)

    def settings(self, **overrides: Any) -> Settings:
        """Load the settings once more over everything else. Raises `BadConfig` with every fault. Sets up the logs."""
        merged = self.overrides | {
            table: {**self.overrides.get(table, {}), **values} if isinstance(values, dict) else values
            for table, values in overrides.items()
        }
        loaded = settings.load(self.file, merged)
        logs.configure(loaded.log)
        return loaded


def globals_of(context: typer.Context) -> Globals:
    """The global options, from any command."""
    found = context.find_root().obj
    assert isinstance(found, Globals)
    return found


def load_routes(loaded: Settings) -> Routes:
    """The routes of these settings. Raises `BadConfig`."""
    return routes.load(loaded.data, loaded.topics.prefix)


def print_json(value: object) -> None:
    """One JSON document on one line."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
