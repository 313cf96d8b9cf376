"""Alerts and dashboard against the metrics that a worker really has, and against a real Prometheus."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.errors import Reason
from streams.runtime import health, settings
from streams.runtime.embedded import free_port
from streams.runtime.metrics import Metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "config" / "prometheus"
ALERTS_TEST = Path(__file__).parent / "prometheus" / "alerts.test.yml"

DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "config" / "grafana" / "dashboards" / "newsmill-overview.json").read_text(encoding="utf-8")
)
PANELS = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
ALERTS: dict[str, str] = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load((PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}

SCRAPE_SECONDS = 0.2
RATE_SECONDS = 2
"""What Grafana puts in for $__rate_interval: at least four scrapes."""
PATIENCE_SECONDS = 30.0


def tool(name: str) -> str:
    """Find a program of Debian's `prometheus` package; skip the test without it, except in CI."""
    found = shutil.which(name)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            f"there is no {name} on the path: apt-get install prometheus"
        )
    return found


@pytest.mark.parametrize("expression", [*ALERTS.values(), *(e for _, e in PANELS)])
def test_every_metric_that_is_asked_for_exists(expression: str) -> None:
    assert unknown_metrics(expression) == set()


def test_a_metric_that_does_not_exist_is_found() -> None:
    assert unknown_metrics("rate(news_sent[5m]) / rate(news_sent_total[5m])") == {"news_sent"}


@pytest.mark.parametrize("reasons", re.findall(r'reason=~"([^"]+)"', " ".join(ALERTS.values())))
def test_reasons_in_alerts_are_words_of_ours(reasons: str) -> None:
    assert set(reasons.split("|")) <= {reason.value for reason in Reason}


def test_the_stuck_line_is_where_the_watchdog_ends_the_worker() -> None:
    limit = settings.load().watchdog.stuck_seconds
    (panel,) = [panel for panel in DASHBOARD["panels"] if panel["title"] == "No commit despite lag"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"] == limit
    (alarm,) = re.findall(r"news_stuck_seconds > (\d+)", ALERTS["NewsmillStuck"])
    assert int(alarm) < limit, "the alert should come before the end"


def test_panels_do_not_overlap_and_all_ask_the_provisioned_prometheus() -> None:
    taken: set[tuple[int, int]] = set()
    provisioned = yaml.safe_load(
        (ROOT / "config/grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    )["datasources"][0]["uid"]
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["type"] == "row" or panel["datasource"]["uid"] == provisioned


def test_the_operations_guide_says_what_to_do_on_every_alert() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [alert for alert in ALERTS if f"`{alert}`" not in guide] == []


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    done = subprocess.run(
        [tool("promtool"), "check", "config", PROMETHEUS / "prometheus.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should_and_not_on_a_good_day() -> None:
    done = subprocess.run([tool("promtool"), "test", "rules", ALERTS_TEST], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_case() -> None:
    cases = yaml.safe_load(ALERTS_TEST.read_text(encoding="utf-8"))["tests"]
    fired = {t["alertname"] for case in cases for t in case["alert_rule_test"] if "exp_alerts" in t}
    silent = {t["alertname"] for t in cases[0]["alert_rule_test"]}
    assert fired == silent == set(ALERTS)


async def test_every_panel_and_rule_gets_its_answer_from_a_real_prometheus(tmp_path: Path) -> None:
    async with _scraped(tmp_path) as url:
        empty = {title for title, expression in PANELS if not await asyncio.to_thread(_ask, url, expression)}
        rules = (await asyncio.to_thread(_get, f"{url}/api/v1/rules"))["data"]["groups"][0]["rules"]
    assert empty == set()
    assert {rule["name"]: rule["health"] for rule in rules} == dict.fromkeys(ALERTS, "ok")


@asynccontextmanager
async def _scraped(folder: Path) -> AsyncIterator[str]:
    """A worker's listener with something in every metric, and a Prometheus that has seen it change."""
    program = tool("prometheus")
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.info.info({"version": "1", "config": "c", "hops": "h"})
    http = settings.load().http.model_copy(update={"port": free_port()})
    async with health.listener(http, registry, dict, dict) as worker:
        config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = {"scrape_interval": f"{int(SCRAPE_SECONDS * 1000)}ms", "evaluation_interval": "1s"}
        config["rule_files"] = [str(PROMETHEUS / "rules.yml")]
        config["scrape_configs"][0]["static_configs"] = [{"targets": [worker.removeprefix("http://")]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        with (folder / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    program,
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={address}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            url = f"http://{address}"
            # Until a rate over the whole window is there, and the rules have been looked at.
            while not await asyncio.to_thread(_evaluated, url):
                assert process.poll() is None, (folder / "prometheus.log").read_text()
                assert time.monotonic() < deadline, (folder / "prometheus.log").read_text()
                _move(metrics)
                await asyncio.sleep(SCRAPE_SECONDS)
            yield url
        finally:
            process.kill()
            process.wait()


def _move(metrics: Metrics) -> None:
    """Let something happen to every metric."""
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            names = metric._labelnames
            child = metric.labels(*(f"a {name}" for name in names)) if names else metric
            if isinstance(child, Histogram):
                child.observe(0.01)
            else:
                child.inc()


def _evaluated(url: str) -> bool:
    try:
        rules = _get(f"{url}/api/v1/rules")["data"]["groups"][0]["rules"]
        return all(rule["health"] != "unknown" for rule in rules) and bool(
            _ask(url, "sum(rate(news_sent_total[$__rate_interval]))")
        )
    except OSError:
        return False


def _ask(url: str, expression: str) -> list[Any]:
    """The answer to a panel's query, with Grafana's variables filled in."""
    query = expression.replace("$hop", ".*").replace("$__rate_interval", f"{RATE_SECONDS}s")
    return list(_get(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}")["data"]["result"])


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def unknown_metrics(expression: str) -> set[str]:
    """The names of ours in an expression that no worker exposes."""
    registry = CollectorRegistry()
    Metrics(registry)
    return set(re.findall(r"\bnews_\w+", expression)) - set(_exposed(registry))


def _exposed(registry: CollectorRegistry) -> Iterator[str]:
    suffixes = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"], "info": ["_info"]}
    for metric in registry.collect():
        for suffix in suffixes[metric.type]:
            yield metric.name + suffix
