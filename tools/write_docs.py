"""Write the pages that follow from the code, docs/commands.md and docs/metrics.md: `make docs`."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from streams.runtime.metrics import Metrics

FOLDER = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Replace the pages by what the code says now."""
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)


def rendered() -> dict[str, str]:
    """File name to text of every page."""
    return {"commands.md": _commands(), "metrics.md": _metrics()}


def _commands() -> str:
    command = (sys.executable, "-m", "typer", "streams.runtime.cli", "utils", "docs", "--name", "newsmill")
    plain = os.environ | {"NO_COLOR": "1", "COLUMNS": "120"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=plain).stdout.strip() + "\n"


def _metrics() -> str:
    lines = [
        "# Metrics",
        "",
        "What a worker shows on `/metrics`. `hop` is a hop's name, `stage` a stage's, `reason` a word of "
        "`streams.errors.Reason`, `cause` is `timeout` or `crash`. Durations are seconds. Received = sent + "
        "dead letters + in flight, per hop.",
        "",
        "| metric | type | labels | what it counts or measures |",
        "|---|---|---|---|",
    ]
    metrics = Metrics(CollectorRegistry())
    for metric in vars(metrics).values():
        if hasattr(metric, "describe"):
            for family in metric.describe():
                labels = ", ".join(f"`{label}`" for label in metric._labelnames)
                suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
                lines.append(f"| `{family.name}{suffix}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
