"""Alerts, rules and dashboards against the metrics that a worker really has; promtool has the rules' cases.

tests/integration/test_observed.py asks a real Prometheus that scrapes a real worker.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from streams.errors import Reason
from streams.runtime import settings
from streams.runtime.hops import plan
from streams.runtime.metrics import Metrics
from tests.support.prometheus import tool
from tools import write_dashboards

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "config" / "prometheus"
CASES = sorted((Path(__file__).parent / "prometheus").glob("*.test.yml"))

DASHBOARDS: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in write_dashboards.rendered().items()}
PANELS = [
    (name, panel)
    for name, page in DASHBOARDS.items()
    for panel in page["panels"]
    if panel["type"] != "row" and name != "newsmill-runbook.json"
]
ASKED = [target["expr"] for _, panel in PANELS for target in panel.get("targets", ())]
GROUPS = yaml.safe_load((PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))["groups"]
RULES: dict[str, dict[str, Any]] = {r["alert"]: r for group in GROUPS for r in group["rules"] if "alert" in r}
ALERTS: dict[str, str] = {name: rule["expr"] for name, rule in RULES.items()}
RECORDED: dict[str, str] = {r["record"]: r["expr"] for group in GROUPS for r in group["rules"] if "record" in r}


@pytest.mark.parametrize("expression", [*RECORDED.values(), *ALERTS.values(), *ASKED])
def test_every_metric_that_is_asked_for_exists(expression: str) -> None:
    assert unknown_metrics(expression) == set()


def test_a_metric_that_does_not_exist_is_found() -> None:
    assert unknown_metrics("rate(news_sent[5m]) / rate(news_sent_total[5m])") == {"news_sent"}


def test_every_metric_is_on_a_dashboard() -> None:
    shown = " ".join(ASKED)
    registry = CollectorRegistry()
    Metrics(registry)
    assert [metric.name for metric in registry.collect() if metric.name not in shown] == []


def test_every_recorded_rule_that_is_asked_for_is_there() -> None:
    asked = set(re.findall(r"newsmill:\w+:\w+", " ".join([*ASKED, *ALERTS.values(), *RECORDED.values()])))
    assert asked == set(RECORDED)


@pytest.mark.parametrize("reasons", re.findall(r'reason=~"([^"]+)"', " ".join(ALERTS.values())))
def test_reasons_in_alerts_are_words_of_ours(reasons: str) -> None:
    assert set(reasons.split("|")) <= {reason.value for reason in Reason}


def test_a_stuck_stage_is_said_before_the_watchdog_ends_the_worker() -> None:
    (alarm,) = re.findall(r"news_stuck_seconds > (\d+)", ALERTS["NewsmillStuck"])
    assert int(alarm) < settings.load().watchdog.stuck_seconds


def test_the_dashboards_are_up_to_date() -> None:
    shown = {path.name: path.read_text(encoding="utf-8") for path in write_dashboards.FOLDER.glob("*.json")}
    assert shown == write_dashboards.rendered(), (
        "after a change of tools/write_dashboards.py or the runbook: make dashboards"
    )


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=[f"{name}: {panel['title']}" for name, panel in PANELS])
def test_every_panel_says_what_it_shows_and_links_to_what_to_do(name: str, panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    (link,) = panel["links"]
    number = int(link["url"].partition("viewPanel=panel-")[2])
    (heading,) = [p["title"] for p in DASHBOARDS["newsmill-runbook.json"]["panels"] if p["id"] == number]
    assert link["title"] == f"Runbook: {heading}"
    if panel["type"] != "text":
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_the_runbook_is_a_dashboard_with_every_alert() -> None:
    assert [panel["title"] for panel in DASHBOARDS["newsmill-runbook.json"]["panels"]] == list(ALERTS)


def test_every_alert_links_to_its_heading_in_the_runbook() -> None:
    headings = re.findall(r"(?m)^## (.+)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"))
    links = {name: rule["annotations"]["runbook_url"] for name, rule in RULES.items()}
    assert links == {name: f"docs/runbook.md#{name.lower()}" for name in RULES}
    assert headings == list(RULES), "one heading an alert, in their order"


def test_promtool_finds_no_fault_with_the_metrics() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.info.info({"version": "1"})
    for hop in plan(settings.load()):
        metrics.expect(hop)
    shown = generate_latest(metrics.registry)
    done = subprocess.run([tool("promtool"), "check", "metrics"], input=shown, capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_every_panel_that_the_runbook_names_is_there() -> None:
    titles = {panel["title"].partition(",")[0] for _, panel in PANELS}
    titles |= {page["title"].removeprefix("Newsmill ") for page in DASHBOARDS.values()}
    named = re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", write_dashboards.RUNBOOK.read_text(encoding="utf-8"))
    elsewhere = {"Status", "Target health", "Sizing", "Describe", "Read"}  # of Prometheus, the guide and Kafka
    assert {name.removeprefix("Newsmill ") for name in named} - titles - elsewhere == set()


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    done = subprocess.run(
        [tool("promtool"), "check", "config", PROMETHEUS / "prometheus.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.name)
def test_alerts_fire_when_they_should_and_not_on_a_good_day(cases: Path) -> None:
    done = subprocess.run([tool("promtool"), "test", "rules", cases], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_case() -> None:
    cases = [case for path in CASES for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]]
    fired = {t["alertname"] for case in cases for t in case["alert_rule_test"] if "exp_alerts" in t}
    silent = {t["alertname"] for t in cases[0]["alert_rule_test"]}
    assert fired == silent == set(ALERTS)


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
