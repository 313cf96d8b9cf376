"""TLS and SASL against an Apache Kafka that asks for them."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streams.errors import Exit
from streams.runtime.embedded import HOST, free_port
from tests.support.house import FUSED, Release, house
from tests.support.kafka import KafkaCluster, Node

pytestmark = pytest.mark.kafka

USER, PASSWORD = "mill", "not-a-secret"


@dataclass(frozen=True)
class Certificates:
    """An authority of the test's own, and what it signed."""

    authority: Path
    broker: Path
    """Certificate, chain and key in one file, as Kafka wants it."""
    client: Path
    client_key: Path


class SecureKafka(KafkaCluster):
    """One node with three more listeners: SASL over TLS, TLS with client certificates, and SASL in the clear."""

    def __init__(self, certificates: Certificates, **arguments: Any) -> None:
        self._certificates = certificates
        self.addresses = {name: f"{HOST}:{free_port()}" for name in ("SASL_SSL", "SSL", "SASL_PLAINTEXT")}
        super().__init__(**arguments)

    def _properties(self, node: Node) -> str:
        lines = []
        for line in super()._properties(node).splitlines():
            also = "".join(f",{name}://{address}" for name, address in self.addresses.items())
            lines.append(line + also if line.startswith(("listeners=", "advertised.listeners=")) else line)
        names = ("PLAINTEXT", *self.addresses)
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
        own = {
            "listener.security.protocol.map": ",".join(f"{n}:{n}" for n in names) + ",CONTROLLER:PLAINTEXT",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self._certificates.broker,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self._certificates.authority,
            "listener.name.ssl.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        }
        for name in ("sasl_ssl", "sasl_plaintext"):
            own[f"listener.name.{name}.plain.sasl.jaas.config"] = f'{plain} required user_{USER}="{PASSWORD}";'
            scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
            own[f"listener.name.{name}.scram-sha-512.sasl.jaas.config"] = f"{scram} required;"
        return "\n".join([*lines, *(f"{key}={value}" for key, value in own.items())]) + "\n"

    def add_scram_user(self) -> None:
        """Give the user a SCRAM password, as an operator would."""
        node = self._nodes[1]
        value = f"SCRAM-SHA-512=[password={PASSWORD}]"
        whom = ("--entity-type", "users", "--entity-name", USER)
        command = self._java(
            "kafka.admin.ConfigCommand", "--bootstrap-server", node.address, "--alter", "--add-config", value, *whom
        )
        subprocess.run(command, cwd=self._home, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made by openssl, good for a day."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(("openssl", *arguments), cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
    openssl("req", "-x509", *new, "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")
    for name in ("broker", "client"):
        openssl("req", "-new", *new[:-2], "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (folder / "names.cnf").write_text(f"subjectAltName=IP:{HOST}\n")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-extfile", "names.cnf")
        openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")
    whole = folder / "broker-all.pem"
    whole.write_text("".join((folder / part).read_text() for part in ("broker.key", "broker.pem", "ca.pem")))
    return Certificates(folder / "ca.pem", whole, folder / "client.pem", folder / "client.key")


@pytest.fixture(scope="module")
def secure(certificates: Certificates) -> Iterator[SecureKafka]:
    """The cluster, for all tests of this file."""
    with SecureKafka(certificates) as cluster:
        cluster.add_scram_user()
        yield cluster


Ways = Callable[[Certificates], dict[str, Any]]

WAYS: dict[str, Ways] = {
    "SASL_SSL, SCRAM": lambda c: {
        "protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": USER, "sasl_password": PASSWORD,
        "ca_file": str(c.authority),
    },
    "SASL_SSL, PLAIN": lambda c: {
        "protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": USER, "sasl_password": PASSWORD,
        "ca_file": str(c.authority),
    },
    "SSL, client certificate": lambda c: {
        "protocol": "SSL", "ca_file": str(c.authority), "cert_file": str(c.client), "key_file": str(c.client_key),
    },
    "SASL_PLAINTEXT, asked for by name": lambda _: {
        "protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": USER,
        "sasl_password": PASSWORD, "allow_plaintext_sasl": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_a_worker_does_its_job_over(
    secure: SecureKafka, certificates: Certificates, unique_prefix: str, tmp_path: Path, way: str
) -> None:
    broker = WAYS[way](certificates)
    with house(secure.addresses[broker["protocol"]], tmp_path, unique_prefix, hops=FUSED, broker=broker) as home:
        await home.create_topics()
        home.start()
        await home.send(Release.of("story"), Release(b"bad", b"{", (("content-type", b"application/json"),)))
        outcomes = await home.outcomes(2)
        assert set(outcomes.enriched) == {b"story"}
        assert outcomes.reason(b"bad") == "undecodable"
        await home.wait_committed()


async def test_a_wrong_password_is_said_and_shown_to_nobody(
    secure: SecureKafka, certificates: Certificates, unique_prefix: str, tmp_path: Path
) -> None:
    broker = WAYS["SASL_SSL, SCRAM"](certificates) | {"sasl_password": "wr0ng", "startup_seconds": 3.0}
    with house(secure.addresses["SASL_SSL"], tmp_path, unique_prefix, hops=FUSED, broker=broker) as home:
        worker = home.start(ready=False)
        assert worker.wait(60) == Exit.UNAVAILABLE
        assert "uthentication" in worker.output()
        assert "wr0ng" not in worker.output()


async def test_a_broker_that_our_authority_did_not_sign_is_refused(
    secure: SecureKafka, certificates: Certificates, unique_prefix: str, tmp_path: Path
) -> None:
    broker = WAYS["SASL_SSL, SCRAM"](certificates) | {"ca_file": "", "startup_seconds": 3.0}
    with house(secure.addresses["SASL_SSL"], tmp_path, unique_prefix, hops=FUSED, broker=broker) as home:
        worker = home.start(ready=False)
        assert worker.wait(60) == Exit.UNAVAILABLE
        assert "CERTIFICATE_VERIFY_FAILED" in worker.output()
