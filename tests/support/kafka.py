"""A real Apache Kafka for tests: its Maven artifacts, fetched once into a cache, run as nodes of this process's own."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from xml.etree import ElementTree

from streams.runtime.embedded import HOST, Running, free_port, spawn, wait_until_answering

POM = Path(__file__).with_name("kafka") / "pom.xml"

MIN_JAVA = 17
"""What Kafka 4 brokers are compiled for."""

START_SECONDS = 60.0
"""One node answers within 1.2 s on an idle machine, three within 4 s; several test runs may share two cores."""

STOP_SECONDS = 60.0

ARCHIVE = "kafka.jsa"
"""The classes a broker loads on its way up, as the JVM maps them (class data sharing): halves the start."""

JAVA_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",  # with the next one: these brokers live for seconds, on cores which they share
    "-XX:TieredStopAtLevel=1",
    "-Dlog4j2.level=INFO",
)

BROKER_SETTINGS: Mapping[str, str | int] = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",  # as in production: a topic that is not declared is a bug
    "group.initial.rebalance.delay.ms": 0,  # else the first member of every group waits 3 s for others
    # A killed broker is missed after this, and may come back only then; with Kafka's own 9 s a test would mostly wait.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    # Fewer partitions and threads than a data centre wants: quicker to start, and fair to the other core users.
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 2,
    "num.network.threads": 2,
    "num.io.threads": 2,
    "background.threads": 2,
    "log.cleaner.backoff.ms": 500,  # so that a compaction can be waited for
}


def why_not() -> str | None:
    """Say in a sentence why a real Kafka cannot run here, or None when it can."""
    java = _java_version()
    if java is None:
        return f"a real Kafka needs Java {MIN_JAVA} or later, and there is no java on the path"
    if java < MIN_JAVA:
        return f"a real Kafka needs Java {MIN_JAVA} or later, and the java on the path is {java}"
    if not _home().is_dir() and shutil.which("mvn") is None:
        return f"fetching Kafka into {_home()} needs Maven, and there is no mvn on the path"
    return None


@dataclass
class Node:
    """One broker and controller: its files, its ports, and its process while there is one."""

    number: int
    folder: Path
    port: int
    controller_port: int
    running: Running | None = None

    @property
    def address(self) -> str:
        """Where clients reach it."""
        return f"{HOST}:{self.port}"

    @property
    def properties(self) -> Path:
        """Its `server.properties`."""
        return self.folder / "server.properties"

    @property
    def data(self) -> Path:
        """What it keeps over a restart."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """All that it has written, over all its starts."""
        return self.folder / "kafka.log"


class KafkaCluster:
    """Apache Kafka, KRaft, each node broker and controller at once; nodes are numbered from 1.

    A context manager, which blocks until all nodes know each other. The data goes at exit; the nodes die with the
    thread that started them. Raises `Fatal` with the last lines of the log when a node does not start.
    """

    def __init__(
        self,
        nodes: Literal[1, 3] = 1,
        settings: Mapping[str, str | int] | None = None,
        *,
        home: Path | None = None,
        java_options: Sequence[str] = (),
    ) -> None:
        """`settings` go over `BROKER_SETTINGS`; `home` and `java_options` are for making the cache."""
        self._home = home or kafka_home()
        self._java_options = java_options
        self._folder = tempfile.TemporaryDirectory(prefix="newsmill-kafka-", ignore_cleanup_errors=True)
        ports = _ports(2 * nodes)
        self._nodes = {
            number: Node(number, Path(self._folder.name, str(number)), ports.pop(), ports.pop())
            for number in range(1, nodes + 1)
        }
        self._settings = {
            **BROKER_SETTINGS,
            "offsets.topic.replication.factor": nodes,
            "transaction.state.log.replication.factor": nodes,
            "transaction.state.log.min.isr": min(nodes, 2),
            "controller.quorum.voters": ",".join(
                f"{node.number}@{HOST}:{node.controller_port}" for node in self._nodes.values()
            ),
            **(settings or {}),
        }

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, also of those that are down just now."""
        return ",".join(node.address for node in self._nodes.values())

    def __enter__(self) -> Self:
        try:
            self._format()
            running = [self._launch(node) for node in self._nodes.values()]
            wait_until_answering(self._nodes[1].address, running, START_SECONDS)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill all nodes, paused ones too, and remove their files."""
        for node in self._nodes.values():
            if node.running is not None:
                self.kill_node(node.number)
        self._folder.cleanup()

    def start_node(self, number: int) -> None:
        """Start a node again, on its old port and data, and wait until it answers."""
        node = self._nodes[number]
        wait_until_answering(node.address, [self._launch(node)], START_SECONDS)

    def stop_node(self, number: int) -> None:
        """Let a node hand over what it leads, and wait until it is gone (SIGTERM)."""
        self._end(number, signal.SIGTERM)

    def kill_node(self, number: int) -> None:
        """End a node at once (SIGKILL): its files are as a crash leaves them."""
        self._end(number, signal.SIGKILL)

    def pause_node(self, number: int) -> None:
        """Freeze a node (SIGSTOP): its connections stay open and nothing comes back on them."""
        self._signal(number, signal.SIGSTOP)

    def resume_node(self, number: int) -> None:
        """Let a paused node go on (SIGCONT)."""
        self._signal(number, signal.SIGCONT)

    def tool(self, main_class: str, *arguments: str) -> str:
        """Run one of Kafka's own command-line tools. Returns what it wrote to standard output."""
        command = self._java("-Dlog4j2.level=OFF", main_class, *arguments)
        return subprocess.run(command, cwd=self._home, capture_output=True, text=True, check=True).stdout

    def logs(self) -> str:
        """What the nodes have written so far."""
        return "\n".join(
            f"--- node {node.number}\n{node.log.read_text(encoding='utf-8', errors='replace')}"
            for node in self._nodes.values()
            if node.log.exists()
        )

    def _format(self) -> None:
        first, *others = self._nodes.values()
        for node in (first, *others):
            node.data.mkdir(parents=True)
            node.properties.write_text(self._properties(node), encoding="utf-8")
        command = self._java("kafka.tools.StorageTool", "format", "-t", _uuid(), "-c", str(first.properties))
        tool = subprocess.run(command, cwd=self._home, capture_output=True, text=True, check=False)
        if tool.returncode != 0:
            raise RuntimeError(f"Kafka's storage tool failed:\n{tool.stdout}{tool.stderr}")
        identity = (first.data / "meta.properties").read_text(encoding="utf-8")
        for node in others:  # by hand: the tool takes a third of a node's start
            shutil.copy(first.data / "bootstrap.checkpoint", node.data)
            own = re.sub("(?m)^node.id=.*", f"node.id={node.number}", identity)
            own = re.sub("(?m)^directory.id=.*", f"directory.id={_uuid()}", own)
            (node.data / "meta.properties").write_text(own, encoding="utf-8")

    def _properties(self, node: Node) -> str:
        own = {
            "node.id": node.number,
            "log.dirs": node.data,
            "listeners": f"PLAINTEXT://{node.address},CONTROLLER://{HOST}:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{node.address}",
        }
        return "".join(f"{key}={value}\n" for key, value in {**self._settings, **own}.items())

    def _launch(self, node: Node) -> Running:
        if node.running is not None:
            raise RuntimeError(f"node {node.number} is running")
        command = self._java(*self._java_options, "kafka.Kafka", str(node.properties))
        node.running = spawn(command, node.log, folder=self._home)
        return node.running

    def _java(self, *arguments: str) -> tuple[str, ...]:
        # Relative paths, sorted: the archive is only taken with the class path that it was made with.
        class_path = os.pathsep.join(sorted(f"libs/{jar.name}" for jar in (self._home / "libs").iterdir()))
        archive = (f"-XX:SharedArchiveFile={ARCHIVE}",) if (self._home / ARCHIVE).exists() else ()
        return ("java", *JAVA_OPTIONS, *archive, "-cp", class_path, *arguments)

    def _end(self, number: int, how: signal.Signals) -> None:
        self._signal(number, how)
        node = self._nodes[number]
        assert node.running is not None
        node.running.process.wait(STOP_SECONDS)
        node.running = None

    def _signal(self, number: int, which: signal.Signals) -> None:
        running = self._nodes[number].running
        if running is None:
            raise RuntimeError(f"node {number} is not running")
        running.process.send_signal(which)


def kafka_home() -> Path:
    """Find the folder of Kafka's artifacts; fetch them when this is the first time (about 15 s)."""
    home = _home()
    if not home.is_dir():
        _fetch(home)
    return home


def _fetch(home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{home.name}-", dir=home.parent) as folder:
        new = Path(folder, home.name)
        goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={new / 'libs'}")
        maven = subprocess.run(("mvn", "-q", "-B", "-f", POM, *goal), capture_output=True, text=True, check=False)
        if maven.returncode != 0:
            raise RuntimeError(f"Maven could not fetch Kafka:\n{maven.stdout}{maven.stderr}")
        with KafkaCluster(home=new, java_options=(f"-XX:ArchiveClassesAtExit={ARCHIVE}",)) as cluster:
            cluster.stop_node(1)  # the JVM writes the archive on its way out
        try:
            new.rename(home)
        except OSError:
            if not home.is_dir():  # else another test process was quicker, and its copy is as good
                raise


@cache
def _home() -> Path:
    version = ElementTree.parse(POM).findtext("{*}version")
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches, "newsmill", f"kafka-{version}")


@cache
def _java_version() -> int | None:
    java = shutil.which("java")
    if java is None:
        return None
    said = subprocess.run((java, "-version"), capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    return int(version[1]) if version else None


def _uuid() -> str:
    # The zero byte: base64 may else begin with a dash, which the tool takes for an option.
    return urlsafe_b64encode(b"\0" + secrets.token_bytes(15)).decode().rstrip("=")


def _ports(count: int) -> set[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return ports
