"""docker-compose.yml and the Dockerfile against the project they run: no Docker needed, so that they cannot drift."""

import asyncio
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from jsonschema import Draft202012Validator
from prometheus_client import CollectorRegistry

from streams.runtime import health, settings
from streams.runtime.embedded import free_port
from streams.runtime.settings import Settings
from tests.support import house
from tests.support.kafka import POM, KafkaCluster, kafka_home, why_not

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
OURS = ["topics", "worker"]
"""The services that run our image."""

CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"
"""Any will do: 16 bytes in base64."""

VARIABLE = re.compile(r"\$\{\w+:-(.*)\}")
"""Compose's own variables with a default."""


@pytest.fixture
def compose_settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that the worker gets from the Compose file, over the defaults."""
    for name, value in environment("worker").items():
        monkeypatch.setenv(name, value)
    return settings.load()


def test_the_file_is_valid_by_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose" / "compose-spec.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(COMPOSE)


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_a_tag_that_stays(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert image
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)


def test_the_broker_is_the_one_that_the_tests_run_on() -> None:
    pom = ElementTree.parse(POM).getroot()
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{pom.findtext('{*}version')}"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source = volume.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).is_dir()
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_can_come_true(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        match wait["condition"]:
            case "service_healthy":
                assert "healthcheck" in SERVICES[other]
            case "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no"
            case condition:
                pytest.fail(f"{other}: {condition} says nothing")


def test_topics_are_made_once_the_broker_answers_and_before_the_worker_starts() -> None:
    assert SERVICES["topics"]["command"] == ["topics", "create"]
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert SERVICES["worker"]["depends_on"]["topics"] == {"condition": "service_completed_successfully"}
    assert environment("topics") == environment("worker")


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    assert unknown_settings(environment(name)) == []


def test_a_variable_that_is_no_setting_is_found() -> None:
    assert unknown_settings({"NEWSMILL_BROKER__BOOTSTRAPS": "", "NEWSMILL_HTTP__PORT": ""}) == [
        "NEWSMILL_BROKER__BOOTSTRAPS"
    ]


def test_the_worker_takes_its_settings(compose_settings: Settings) -> None:
    advertised = dict(listener.split("://") for listener in _kafka()["advertised.listeners"].split(","))
    assert compose_settings.broker.bootstrap == advertised["INSIDE"]
    assert compose_settings.http.bind == "0.0.0.0"
    assert compose_settings.hops == settings.load().hops


def test_commands_on_this_machine_reach_the_broker_by_default() -> None:
    advertised = dict(listener.split("://") for listener in _kafka()["advertised.listeners"].split(","))
    assert settings.load().broker.bootstrap == advertised["OUTSIDE"]
    assert SERVICES["kafka"]["ports"] == [f"{advertised['OUTSIDE']}:9092"]


def test_the_worker_has_the_time_to_stop(compose_settings: Settings) -> None:
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > compose_settings.stop.deadline_seconds


def test_the_workers_port_is_the_listeners(compose_settings: Settings) -> None:
    port = compose_settings.http.port
    assert SERVICES["worker"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"EXPOSE {port}" in DOCKERFILE
    assert f"127.0.0.1:{port}/readyz" in SERVICES["worker"]["healthcheck"]["test"][-1]


@pytest.mark.parametrize(("problem", "healthy"), [("", True), ("has not joined", False)])
async def test_the_health_check_tells_ready_from_not_ready(
    problem: str, healthy: bool, compose_settings: Settings
) -> None:
    http = compose_settings.http.model_copy(update={"port": free_port()})
    async with health.listener(http, CollectorRegistry(), dict, lambda: {"a hop": problem}):
        assert await asyncio.to_thread(_health_check, http.port) == healthy


def test_prometheus_scrapes_the_worker(compose_settings: Settings) -> None:
    (job,) = _yaml("config/prometheus/prometheus.yml")["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"worker:{compose_settings.http.port}"]}]
    assert job.get("metrics_path", "/metrics") == "/metrics"
    assert (
        f"--config.file={mounted('prometheus', './config/prometheus')}/prometheus.yml"
        in (SERVICES["prometheus"]["command"])
    )


def test_prometheus_finds_the_alertmanager() -> None:
    (found,) = _yaml("config/prometheus/prometheus.yml")["alerting"]["alertmanagers"]
    assert found["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    assert SERVICES["alertmanager"]["ports"] == ["127.0.0.1:9093:9093"]
    folder = mounted("alertmanager", "./config/alertmanager")
    assert f"--config.file={folder}/alertmanager.yml" in SERVICES["alertmanager"]["command"]


@pytest.mark.skipif(
    shutil.which("amtool") is None and "CI" not in os.environ, reason="needs amtool (Debian: prometheus-alertmanager)"
)
def test_the_alertmanagers_settings_are_what_it_takes() -> None:
    file = ROOT / "config" / "alertmanager" / "alertmanager.yml"
    ran = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_alerts_are_told_apart_by_labels_that_the_rules_give() -> None:
    rules = [rule for group in _yaml("config/prometheus/rules.yml")["groups"] for rule in group["rules"]]
    severities = {rule["labels"]["severity"] for rule in rules if "alert" in rule}
    settings_of = (ROOT / "config" / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'severity!?="(\w+)"', settings_of)) <= severities
    named = re.search(r'alertname=~"([\w|]+)"', settings_of)
    assert named
    assert set(named[1].split("|")) <= {rule["alert"] for rule in rules if "alert" in rule}


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    (source,) = _yaml("config/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (provider,) = _yaml("config/grafana/provisioning/dashboards/newsmill.yml")["providers"]
    dashboards = mounted("grafana", "./config/grafana/dashboards")
    home = Path(environment("grafana")["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert source["url"] == "http://prometheus:9090"
    assert SERVICES["prometheus"]["ports"] == ["127.0.0.1:9090:9090"]
    assert mounted("grafana", "./config/grafana/provisioning") == "/etc/grafana/provisioning"
    assert provider["options"]["path"] == dashboards
    assert str(home.parent) == dashboards
    assert (ROOT / "config/grafana/dashboards" / home.name).is_file()


def test_the_dockerfile_copies_what_is_there_and_may_be_copied() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    copied = [
        source
        for arguments in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in arguments.split()[:-1]
    ]
    assert "*" in ignored
    assert {"streams", "config", "pyproject.toml"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed), f"{source} is in .dockerignore"


def test_the_image_runs_the_worker_as_nobody_in_particular() -> None:
    *_, final = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert 'ENTRYPOINT ["newsmill"]' in final
    assert 'CMD ["worker"]' in final
    assert "STOPSIGNAL SIGTERM" in final
    assert not re.search(r"\bpip\b|apt-get|gcc", final), "tools belong to the builder"


def test_the_images_python_is_one_that_the_project_supports() -> None:
    minors = set(re.findall(r"^FROM python:3\.(\d+)-", DOCKERFILE, re.MULTILINE))
    assert len(minors) == 1
    assert minors <= {"11", "12", "13"}


def test_every_variable_of_the_image_is_a_setting() -> None:
    named = re.findall(r"\b(NEWSMILL_\w+)=", DOCKERFILE)
    assert "NEWSMILL_HTTP__BIND" in named
    assert unknown_settings(dict.fromkeys(named, "")) == []


@pytest.mark.parametrize("pins", ["runtime.txt", "build.txt", "dev.txt"])
def test_every_pin_has_its_hashes_and_names_no_index(pins: str) -> None:
    text = (ROOT / "requirements" / pins).read_text(encoding="utf-8").replace("\\\n", " ")
    requirements = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,]+\])?==", requirement)
        assert "--hash=sha256:" in requirement
        assert "://" not in requirement


def test_every_dependency_is_pinned() -> None:
    text = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    assert pinned >= {re.split(r"[\[<>=]", each)[0] for each in _project()["dependencies"]}


def test_every_dependency_is_accounted_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [each for group in project["dependency-groups"].values() for each in group if isinstance(each, str)]
    optional = [each for extra in project["project"]["optional-dependencies"].values() for each in extra]
    wanted = [re.split(r"[\[<>=]", each)[0] for each in (*project["project"]["dependencies"], *optional, *groups)]
    crates = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text(encoding="utf-8"))["dependencies"]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([\w-]+) \| .+ \| .+ \|$", page, re.MULTILINE)
    assert sorted(name for name in listed if name not in {"package", "crate"}) == sorted([*wanted, *crates])


def test_the_brokers_properties_are_ones_that_kafka_takes(tmp_path: Path) -> None:
    """All of them, listeners too, by Kafka's own check; `test_it_runs` needs other addresses."""
    if why := why_not():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    properties = tmp_path / "server.properties"
    lines = [f"{name}={value}\n" for name, value in (_kafka() | {"log.dirs": str(tmp_path / "data")}).items()]
    properties.write_text("".join(lines), encoding="utf-8")
    libraries = str(kafka_home() / "libs" / "*")
    command = ["java", "-cp", libraries, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.kafka
async def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose's own settings on a real Kafka: topics are made, the worker gets healthy, a release comes out."""
    async with _running(tmp_path, monkeypatch) as (running, worker):
        assert _health_check(int(worker.url.rpartition(":")[2]))
        await running.send(house.Release.of("composed"))
        assert (await running.outcomes(1)).enriched.keys() == {b"composed"}
        code, seconds = worker.stop()
        assert code == 0
        assert seconds < int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))


@asynccontextmanager
async def _running(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[house.House, house.Worker]]:
    """The services kafka, topics and worker as processes; only addresses differ from the containers'."""
    addresses = {"listeners", "advertised.listeners", "controller.quorum.voters", "node.id", "log.dirs"}
    broker = {name: value for name, value in _kafka().items() if name not in addresses}
    # The fixture's listener has one name, the Compose file's have two.
    broker |= {"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"}
    broker |= {"inter.broker.listener.name": "PLAINTEXT"}
    with KafkaCluster(settings=broker) as kafka:
        for name, value in environment("worker").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("NEWSMILL_BROKER__BOOTSTRAP", kafka.bootstrap)
        newsmill = [sys.executable, "-m", "streams.runtime.cli"]
        subprocess.run([*newsmill, *SERVICES["topics"]["command"]], check=True, cwd=ROOT)
        running = house.House(kafka.bootstrap, folder)
        try:
            yield running, running.start(module="streams.runtime.cli")
        finally:
            running.close()


def environment(service: str) -> dict[str, str]:
    """A service's variables as the container gets them, when nobody sets Compose's own."""
    return {name: VARIABLE.sub(r"\1", str(value)) for name, value in SERVICES[service]["environment"].items()}


def mounted(service: str, source: str) -> str:
    """Where a folder of ours is in the container."""
    (target,) = [v.split(":")[1] for v in SERVICES[service]["volumes"] if v.startswith(f"{source}:")]
    return str(target)


def unknown_settings(variables: Mapping[str, str]) -> list[str]:
    """The variables that name no setting."""
    known = set(_known(Settings.model_fields))
    return [name for name in variables if name.removeprefix("NEWSMILL_").lower() not in known]


def _known(fields: Mapping[str, Any], table: str = "") -> Iterator[str]:
    for name, field in fields.items():
        yield table + name
        yield from _known(getattr(field.annotation, "model_fields", {}), f"{table}{name}__")


def _kafka() -> dict[str, str]:
    """The broker's properties as the image derives them from its variables."""
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value for name, value in environment("kafka").items()
    }


def _health_check(port: int) -> bool:
    """Run the worker's health check as the container would, against a port of ours."""
    how, command, *arguments = SERVICES["worker"]["healthcheck"]["test"]
    assert (how, command) == ("CMD", "python")
    arguments = [argument.replace(":9464/", f":{port}/") for argument in arguments]
    return subprocess.run([sys.executable, *arguments], capture_output=True, timeout=20).returncode == 0


def _yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def _project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
