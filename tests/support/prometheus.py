"""A real Prometheus (Debian's package) with our rules, sped up to the pace of a test."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.runtime.embedded import free_port

FOLDER = Path(__file__).parents[2] / "config" / "prometheus"

SCRAPE_SECONDS = 0.5
RATE_SECONDS = 5
"""What Grafana puts in for $__rate_interval: at least four scrapes."""
FASTER = 60
"""Every duration in the rules, divided: minutes become seconds."""
SHORTEST_SECONDS = 2
"""Of a rate: some scrapes."""
WEEK_SECONDS = 10
"""What "last week" is to a test."""
START_SECONDS = 20.0

_DURATION = re.compile(r"(?<=[\[: ])(\d+)([smhdw])(?=[\]:)\s]|$)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def tool(name: str) -> str:
    """Find a program of Debian's `prometheus` package; skip the test without it, except in CI."""
    found = shutil.which(name)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            f"there is no {name} on the path: apt-get install prometheus"
        )
    return found


@dataclass(frozen=True)
class Prometheus:
    """One that runs."""

    url: str

    def ask(self, expression: str) -> list[Any]:
        """The samples that the expression gives now."""
        found = self._get(f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        return list(found["data"]["result"])

    def firing(self) -> set[str]:
        """The alerts that fire."""
        return {
            a["labels"]["alertname"] for a in self._get("/api/v1/alerts")["data"]["alerts"] if a["state"] == "firing"
        }

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health."""
        return [rule for group in self._get("/api/v1/rules")["data"]["groups"] for rule in group["rules"]]

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def prometheus(folder: Path, targets: Sequence[str], *, faster: int = FASTER) -> Iterator[Prometheus]:
    """Run one that scrapes the targets (`host:port`) and evaluates our rules, `faster` times as fast."""
    program = tool("prometheus")
    rules = hasten((FOLDER / "rules.yml").read_text(encoding="utf-8"), faster)
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    config.pop("alerting", None)
    config["global"] = {"scrape_interval": f"{int(SCRAPE_SECONDS * 1000)}ms", "evaluation_interval": "1s"}
    config["rule_files"] = ["rules.yml"]
    config["scrape_configs"] = [{"job_name": "newsmill", "static_configs": [{"targets": list(targets)}]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    log = folder / "prometheus.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--web.cors.origin=.*",
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        made = Prometheus(f"http://{address}")
        deadline = time.monotonic() + START_SECONDS
        while not _ready(made):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield made
    finally:
        process.kill()
        process.wait()


def hasten(text: str, faster: int = FASTER) -> str:
    """Rules or an expression with every duration so much shorter, and thresholds in seconds of waiting with them."""
    shorter = _DURATION.sub(lambda m: f"{_shortened(int(m[1]), m[2], faster)}s", text)
    waits = r"(news_stuck_seconds|newsmill:lag:seconds|news_watchdog_look_timestamp_seconds) > (\d+)"
    return re.sub(waits, lambda m: f"{m[1]} > {int(m[2]) // faster}", shorter)


def _shortened(number: int, unit: str, faster: int) -> int:
    return WEEK_SECONDS if unit == "w" else max(SHORTEST_SECONDS, number * _SECONDS[unit] // faster)


def filled_in(expression: str) -> str:
    """A panel's expression with Grafana's variables filled in."""
    return re.sub(r"\$(instance|stage|group)\b", ".*", expression).replace("$__rate_interval", f"{RATE_SECONDS}s")


def _ready(made: Prometheus) -> bool:
    try:
        with urllib.request.urlopen(f"{made.url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
