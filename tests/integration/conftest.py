"""Fixtures of the integration tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.house import House, house
from tests.support.kafka import KafkaCluster

EMBEDDED_SESSION_SECONDS = 1.0
"""The development broker lets a group join after about half of it, and a restarted worker after all of it and more."""


HouseMaker = Callable[..., House]


@pytest.fixture
def new_house(request: pytest.FixtureRequest, broker: str, tmp_path: Path, unique_prefix: str) -> HouseMaker:
    """Makes a house on either broker; the embedded one has no idempotent producer."""
    embedded = "embedded" in request.node.callspec.id
    kind = {"idempotent": False, "session_seconds": EMBEDDED_SESSION_SECONDS} if embedded else {}
    return _maker(request, broker, tmp_path, unique_prefix, kind)


@pytest.fixture
def kafka_house(request: pytest.FixtureRequest, kafka: KafkaCluster, tmp_path: Path, unique_prefix: str) -> HouseMaker:
    """Makes a house on Apache Kafka: for what the embedded broker cannot show.

    It makes a deleted topic anew when somebody asks for it, and its end offsets are not the topic's end.
    """
    return _maker(request, kafka.bootstrap, tmp_path, unique_prefix, {})


def _maker(
    request: pytest.FixtureRequest, bootstrap: str, folder: Path, prefix: str, kind: dict[str, Any]
) -> HouseMaker:
    def make(**overrides: Any) -> House:
        overrides["broker"] = {**kind, **overrides.get("broker", {})}
        manager = house(bootstrap, folder, prefix, **overrides)
        made = manager.__enter__()
        request.addfinalizer(made.close)
        return made

    return make


@pytest.fixture
def own_kafka(request: pytest.FixtureRequest) -> Callable[..., KafkaCluster]:
    """Starts a cluster for one test, because the test stops it."""

    def start(nodes: Any) -> KafkaCluster:
        cluster = KafkaCluster(nodes)
        request.addfinalizer(cluster.close)
        return cluster.__enter__()

    return start
