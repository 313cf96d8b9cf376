"""One Faust app per hop: its own consumer group, so that each hop scales, lags and rebalances by itself."""

import asyncio
from typing import Any

import faust
from faust.types import StreamT
from faust.types.auth import AuthProtocol

from streams.runtime import kafka
from streams.runtime.agents import Loop
from streams.runtime.consumer import App
from streams.runtime.fetching import tolerate_header_names
from streams.runtime.gatekeeper import Gatekeeper
from streams.runtime.hops import Hop
from streams.runtime.metrics import Metrics
from streams.runtime.settings import Broker, Settings

MAX_POLL_SECONDS = 3600.0
"""aiokafka leaves the group when nothing is polled for this long. A broker outage blocks the loop for as long as it
takes, and leaving would only add a rebalance; being stuck is the watchdog's business."""

COMMIT_SECONDS = 0.5
"""Between commits: what a killed worker does again, in seconds of work."""

REVOKE_SECONDS = 5.0
"""On a rebalance, wait this long for windows in flight, so that the next owner need not do them again."""

FETCH_BYTES = 4_194_304
"""Per partition and fetch; a larger single record still comes (KIP-74)."""


def create_app(settings: Settings, hop: Hop, loop: Loop, metrics: Metrics, gate: Gatekeeper | None = None) -> App:
    """Make the hop's app: it consumes the hop's topic into `loop`. Nothing connects before `start`."""
    broker = settings.broker
    tolerate_header_names()
    app = App(
        hop.group,
        broker=";".join(f"kafka://{server.strip()}" for server in broker.bootstrap.split(",")),
        broker_credentials=_credentials(broker),
        broker_client_id=kafka.CLIENT_ID,
        broker_session_timeout=broker.session_seconds,
        broker_rebalance_timeout=broker.session_seconds,
        broker_heartbeat_interval=broker.session_seconds / 4,
        broker_request_timeout=broker.request_seconds,
        broker_commit_interval=COMMIT_SECONDS,
        broker_max_poll_interval=MAX_POLL_SECONDS,
        broker_max_poll_records=4 * settings.window.releases,
        consumer_group_instance_id=settings.group.instance or None,
        consumer_auto_offset_reset="earliest",  # a new group starts where nothing is missed
        consumer_max_fetch_size=FETCH_BYTES,
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        stream_buffer_maxsize=4 * settings.window.releases,
        stream_wait_empty=False,  # the loop itself waits for what is in flight, with a limit
        topic_allow_declare=False,  # topics are ours to declare: streams/runtime/topics.py
        topic_disable_leader=True,  # it would want a topic of its own
        web_enabled=False,
        loghandlers=[],
    )
    app.on_commit = lambda done: metrics.commits.labels(hop.name, "done" if done else "refused").inc()
    source = app.topic(hop.source, key_type=bytes, value_type=bytes, allow_empty=True, internal=False)

    # No `on_error`: the loop raises nothing on account of an event, and what it does raise stops the worker.
    @app.agent(source, name=hop.name, concurrency=1)
    async def consume(stream: StreamT[Any]) -> None:
        await loop.consume(stream, app.own_consumer)

    @app.on_partitions_revoked.connect  # type: ignore[arg-type]
    async def settle(_app: Any, *_: Any, **__: Any) -> None:
        metrics.rebalances.labels(hop.name).inc()
        try:
            await loop.settled(min(REVOKE_SECONDS, broker.session_seconds / 2))
            await app.consumer.commit()
        finally:
            if gate is not None:
                gate.suspend()

    return app


async def stop(app: App, seconds: float) -> bool:
    """Stop the app, or give up after so long: Faust takes up to 45 s in the middle of a group join."""
    try:
        async with asyncio.timeout(seconds):
            await app.stop()
    except TimeoutError:
        return False
    return True


def _credentials(broker: Broker) -> Any:
    protocol = AuthProtocol(broker.protocol)
    if protocol is AuthProtocol.PLAINTEXT:
        return None
    context = kafka.ssl_context(broker) if broker.protocol.endswith("SSL") else None
    if protocol is AuthProtocol.SSL:
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=broker.sasl_username,
        password=broker.sasl_password.get_secret_value(),
        mechanism=broker.sasl_mechanism,
        ssl_context=context,
    )


def assignment(app: App) -> set[int]:
    """The partitions that the app's consumer holds now; empty before it has joined."""
    consumer = app._consumer
    return {tp.partition for tp in consumer.assignment()} if consumer is not None else set()


def owned(app: App) -> set[int] | None:
    """The partitions that are the app's; None while it has not joined or the group makes up its mind."""
    return assignment(app) if joined(app) else None


def in_session(app: App) -> bool:
    """Whether the app's partitions cannot have been given to others: false after it stood still for a session."""
    return app._consumer is not None and app.own_consumer.in_session(app.conf.broker_session_timeout)


def joined(app: App) -> bool:
    """Whether the app has been told its partitions, be they none."""
    return app._assignment is not None and not app.rebalancing
