"""How our own clients reach the broker: one place for addresses, TLS, SASL and what their errors mean."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from streams.errors import Exit, Fatal
from streams.runtime.fetching import tolerate_header_names
from streams.runtime.settings import Broker

CLIENT_ID = "newsmill"

HEADROOM_BYTES = 65_536
"""Above the largest message: Kafka counts keys, headers and batch framing against the limit, too."""


def security(broker: Broker) -> dict[str, Any]:
    """TLS and SASL arguments for aiokafka's clients."""
    arguments: dict[str, Any] = {"security_protocol": broker.protocol}
    if broker.protocol.endswith("SSL"):
        arguments["ssl_context"] = ssl_context(broker)
    if broker.protocol.startswith("SASL"):
        arguments |= {
            "sasl_mechanism": broker.sasl_mechanism,
            "sasl_plain_username": broker.sasl_username,
            "sasl_plain_password": broker.sasl_password.get_secret_value(),
        }
    return arguments


def ssl_context(broker: Broker) -> ssl.SSLContext:
    """Verify the broker against the given or the system's authorities; show our certificate if there is one."""
    try:
        context = ssl.create_default_context(cafile=broker.ca_file or None)
        if broker.cert_file:
            context.load_cert_chain(broker.cert_file, broker.key_file)
    except (ssl.SSLError, OSError) as exc:
        raise Fatal(Exit.CONFIG, f"broker.ca_file, cert_file or key_file cannot be loaded: {exc}") from exc
    return context


def common(broker: Broker) -> dict[str, Any]:
    """What every client of ours is told."""
    return {
        "bootstrap_servers": [server.strip() for server in broker.bootstrap.split(",")],
        "client_id": CLIENT_ID,
        "request_timeout_ms": int(broker.request_seconds * 1000),
        **security(broker),
    }


def new_producer(broker: Broker, most_bytes: int) -> AIOKafkaProducer:
    """A producer that never reorders or doubles by its own retries: idempotent, acks from all in-sync replicas."""
    return AIOKafkaProducer(
        **common(broker),
        enable_idempotence=broker.idempotent,
        acks="all",
        compression_type=None if broker.compression == "none" else broker.compression,
        linger_ms=0,  # a window is handed over whole, and then waited for
        max_batch_size=262_144,
        max_request_size=most_bytes + HEADROOM_BYTES,
    )


@asynccontextmanager
async def admin(broker: Broker) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, once the broker answers. Raises `Fatal` when it does not within `startup_seconds`."""
    client = await _started(lambda: AIOKafkaAdminClient(**common(broker)), broker)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def consumer(broker: Broker, *topics: str, **arguments: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of ours beside Faust's: probes, tail, redrive. No group unless one is given."""
    tolerate_header_names()
    client = await _started(lambda: AIOKafkaConsumer(*topics, **common(broker), **arguments), broker)
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def producer(broker: Broker, most_bytes: int) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of ours for the commands that write."""
    client = await _started(lambda: new_producer(broker, most_bytes), broker)
    try:
        yield client
    finally:
        await client.stop()


async def _started(make: Any, broker: Broker) -> Any:
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type((KafkaConnectionError, OSError)),
            stop=stop_after_delay(broker.startup_seconds),
            wait=wait_fixed(0.5),
            reraise=True,
        ):
            with attempt:
                client = make()
                try:
                    await client.start()
                except BaseException:
                    await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
                    raise
        return client
    except (KafkaError, OSError) as exc:
        raise Fatal(
            Exit.UNAVAILABLE,
            f"no Kafka broker answers at {broker.bootstrap} ({type(exc).__name__}: {exc}). Is it running, and is "
            "broker.bootstrap right? For a development broker: newsmill demo --keep",
        ) from exc
