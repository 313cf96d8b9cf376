"""The Kubernetes manifests: valid by Kubernetes' own schemas, and in step with the settings, the hops and the image."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError, validate

from streams.runtime import hops, settings
from streams.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
KUBERNETES = "1.33"
CUSTOM = {"ScaledObject", "ServiceMonitor", "Kustomization"}
"""Kinds that Kubernetes itself does not know."""

MANIFESTS: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))
}


@pytest.fixture
def deployed() -> Settings:
    """The settings of the workers, all faults checked."""
    return settings.load(FOLDER / "newsmill.toml")


def pod(name: str) -> Any:
    return MANIFESTS[name]["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", [name for name, m in MANIFESTS.items() if m["kind"] not in CUSTOM])
def test_a_manifest_is_valid_by_kubernetes_schemas(name: str) -> None:
    validate(MANIFESTS[name], KUBERNETES, strict=True)


def test_a_manifest_with_a_misspelt_field_is_not() -> None:
    broken = MANIFESTS["service"] | {"spec": MANIFESTS["service"]["spec"] | {"clusterIp": "None"}}
    with pytest.raises(ValidationError):
        validate(broken, KUBERNETES, strict=True)


def test_kustomize_takes_every_manifest() -> None:
    assert {f"{name}.yaml" for name in MANIFESTS} == {"kustomization.yaml", *MANIFESTS["kustomization"]["resources"]}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert MANIFESTS["kustomization"]["images"] == [{"name": "newsmill", "newTag": version}]


@pytest.mark.parametrize("name", ["worker", "topics"])
def test_a_pod_is_nobody_and_may_nothing(name: str) -> None:
    spec = pod(name)
    (container,) = spec["containers"]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    security = spec["securityContext"]
    assert (security["runAsNonRoot"], str(security["runAsUser"]), str(security["runAsGroup"])) == (True, *user)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"].keys() == {"memory"}


def test_the_worker_is_asked_where_it_answers_and_has_the_time_to_stop(deployed: Settings) -> None:
    (container,) = pod("worker")["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": deployed.http.port}]
    assert deployed.http.bind == "0.0.0.0"
    assert {p: container[f"{p}Probe"]["httpGet"]["path"] for p in ("startup", "readiness", "liveness")} == {
        "startup": "/readyz",
        "readiness": "/readyz",
        "liveness": "/livez",
    }
    assert pod("worker")["terminationGracePeriodSeconds"] > deployed.stop.deadline_seconds
    assert MANIFESTS["service"]["spec"]["ports"][0]["port"] == deployed.http.port


def test_every_variable_is_a_setting(deployed: Settings) -> None:
    for name in ("worker", "topics"):
        for variable in pod(name)["containers"][0]["env"]:
            table, _, key = variable["name"].removeprefix("NEWSMILL_").lower().partition("__")
            assert variable["name"] == "NEWSMILL_CONFIG" or hasattr(getattr(deployed, table), key)


def test_keda_scales_on_the_lag_of_every_hop_up_to_one_worker_a_partition(deployed: Settings) -> None:
    spec = MANIFESTS["scaledobject"]["spec"]
    assert spec["maxReplicaCount"] == deployed.topics.partitions
    assert spec["scaleTargetRef"]["name"] == MANIFESTS["worker"]["metadata"]["name"]
    seen = [(t["type"], t["metadata"]["topic"], t["metadata"]["consumerGroup"]) for t in spec["triggers"]]
    assert seen == [("kafka", hop.source, hop.group) for hop in hops.plan(deployed)]
    assert {t["metadata"]["bootstrapServers"] for t in spec["triggers"]} == {deployed.broker.bootstrap}
    # What the workers do when a group is new (streams/runtime/app.py): KEDA must count from there.
    assert {t["metadata"]["offsetResetPolicy"] for t in spec["triggers"]} == {"earliest"}


def test_everything_selects_the_workers_pods() -> None:
    labels = MANIFESTS["worker"]["spec"]["template"]["metadata"]["labels"]
    assert MANIFESTS["worker"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["poddisruptionbudget"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["service"]["spec"]["selector"] == labels
    assert MANIFESTS["servicemonitor"]["spec"]["selector"]["matchLabels"] == MANIFESTS["service"]["metadata"]["labels"]
    assert MANIFESTS["topics"]["spec"]["template"]["metadata"]["labels"] != labels


def test_prometheus_calls_the_job_as_the_rules_do() -> None:
    monitor = MANIFESTS["servicemonitor"]
    job = monitor["metadata"]["labels"][monitor["spec"]["jobLabel"]]
    rules = (ROOT / "config" / "prometheus" / "rules.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'job="([^"]+)"', rules)) == {job}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["path"]) == (MANIFESTS["service"]["spec"]["ports"][0]["name"], "/metrics")
