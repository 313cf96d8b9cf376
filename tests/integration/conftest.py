"""Fixtures of the integration tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.house import House, house
from tests.support.kafka import KafkaCluster

EMBEDDED_SESSION_SECONDS = 1.0
"""The development broker lets a group join after about half of it, and a restarted worker after all of it and more."""


@pytest.fixture
def new_house(request: pytest.FixtureRequest, broker: str, tmp_path: Path, unique_prefix: str) -> Callable[..., House]:
    """Makes a house on the broker under test, whose embedded kind has no idempotent producer."""
    embedded = "embedded" in request.node.callspec.id
    kind = {"idempotent": False, "session_seconds": EMBEDDED_SESSION_SECONDS} if embedded else {}

    def make(**overrides: Any) -> House:
        overrides["broker"] = {**kind, **overrides.get("broker", {})}
        manager = house(broker, tmp_path, unique_prefix, **overrides)
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
