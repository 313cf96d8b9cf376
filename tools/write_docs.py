"""Write the pages that follow from the code into docs (commands, metrics, the contract): `make docs`."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from streams.runtime import asyncapi, routes
from streams.runtime.findings import LANGUAGES
from streams.runtime.metrics import Metrics
from streams.runtime.settings import Settings
from streams.stage import config_directory

FOLDER = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Replace the pages by what the code says now."""
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)


def rendered() -> dict[str, str]:
    """File name to text of every page."""
    contract = rendered_contract()
    return {
        "commands.md": _commands(),
        "metrics.md": _metrics(),
        "asyncapi.json": contract,
        "asyncapi.md": "\n".join(_page(json.loads(contract))) + "\n",
    }


def _commands() -> str:
    command = (sys.executable, "-m", "typer", "streams.runtime.cli", "utils", "docs", "--name", "newsmill")
    plain = os.environ | {"NO_COLOR": "1", "COLUMNS": "120"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=plain).stdout.strip() + "\n"


def _metrics() -> str:
    lines = [
        "# Metrics",
        "",
        "What a worker shows on `/metrics`. `hop` is a hop's name, `stage` a stage's (or `parse`, reading the bytes, "
        "or `gate`), `reason` a word of `streams.errors.Reason`, `cause` is `timeout` or `crash`, `language` one of "
        f"{', '.join(LANGUAGES)}, `source_class` a class of `metrics.source_classes`, `other` or `none`. No label "
        "takes a value from a release, so their number is bounded. Durations are seconds.",
        "",
        "Per hop, received = sent + dead letters + holds + taken apart + left + in flight. Per stage, what it received "
        "is the count of `news_stage_duration_seconds` (passed) + its dead letters.",
        "",
        "Every worker reports the lag of all partitions: take `max by (hop, partition)` before a sum. All else is the "
        "worker's own: sum it. Beside these there are the client's `process_*` of the parent process; Faust's are off.",
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


def rendered_contract() -> str:
    """The AsyncAPI document of the shipped settings alone, whatever the environment of whoever writes it says."""
    data = config_directory()
    shipped = Settings(**tomllib.loads((data / "default.toml").read_text(encoding="utf-8")))
    contract = asyncapi.document(shipped, routes.load(data, shipped.topics.prefix))
    return json.dumps(contract, indent=2, ensure_ascii=False) + "\n"


def _page(contract: Mapping[str, Any]) -> Iterator[str]:
    """The AsyncAPI document for people: topics, messages with their headers, records with their fields."""
    yield "# Topics, events and records"
    yield from ("", contract["info"]["description"], "")
    yield (
        "This page is made from [asyncapi.json](asyncapi.json), an AsyncAPI "
        f"{contract['asyncapi']} document for tools. It shows the shipped settings; `newsmill asyncapi` prints yours."
    )
    yield from (
        "",
        "## Topics",
        "",
        "| topic | what for | messages | partitions | largest message |",
        "|---|---|---|--:|--:|",
    )
    for topic in contract["channels"].values():
        kafka = topic["bindings"]["kafka"]
        messages = ", ".join(f"[{name}](#{name})" for name in topic["messages"])
        most = kafka["topicConfiguration"]["max.message.bytes"]
        yield f"| `{topic['address']}` | {topic['description']} | {messages} | {kafka['partitions']} | {most:,} |"
    yield from ("", "## Messages", "", "The key of every message is the release's id, in UTF-8. So are header values.")
    shown: dict[str, Any] = {}
    for name, message in contract["components"]["messages"].items():
        headers = message["headers"]
        yield from ("", f"### {name}", "", f"{message['summary']}. Value: {_type(message['payload'])}.")
        if like := next((other for other, seen in shown.items() if seen == headers), ""):
            yield f"Headers: as of [{like}](#{like})."
            continue
        shown[name] = headers
        yield from ("", "| header | always there | |", "|---|---|---|")
        for header, schema in headers["properties"].items():
            always = "yes" if header in headers["required"] else ""
            yield f"| `{header}` | {always} | {schema['description']} |"
    yield from (
        "",
        "## Records",
        "",
        "A field may be missing, and then has its default; pass over those you do not know.",
    )
    parts: Mapping[str, Any] = contract["components"]["schemas"]
    last = ""
    for name, schema in parts.items():
        own = schema["properties"]
        yield from ("", f"### {name}", "", schema["description"].replace("\n", " "))
        if last and parts[last]["properties"].keys() < own.keys():
            yield f"It has all fields of [{last}](#{last.lower()}), and:"
            own = {field: part for field, part in own.items() if field not in parts[last]["properties"]}
        if "schema" in schema["properties"]:
            last = name
        yield from ("", "| field | type | default | |", "|---|---|---|---|")
        for field, part in own.items():
            plain = "$ref" in part or part.get("default") in ("", None, [], ())
            default = "" if plain else f"`{json.dumps(part['default'])}`"
            yield f"| `{field}` | {_type(part)} | {default} | {part.get('description', '')} |"


def _type(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema['items'])}"
        case "object" if "additionalProperties" in schema:
            return f"map to {_type(schema['additionalProperties'])}"
        case None:
            return schema["description"].rstrip(".")[0].lower() + schema["description"].rstrip(".")[1:]
        case kind:
            return schema.get("format") or str(kind)


if __name__ == "__main__":
    main()
