"""The contract as an AsyncAPI 3.1 document: what is on which topic, with which key and headers, for other teams' tools.

It follows from the topic table, the hops, the records and the headers' tables below, which a test holds to what
`events` really writes.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from streams import __version__, codec
from streams.errors import Reason
from streams.formats import FIELD_HEADERS, READERS, ninjs
from streams.records import RECORDS, RawRelease
from streams.runtime.events import CONNECT, CORRECTS, DLQ
from streams.runtime.hops import Hop, dead_letter_topic, plan, topic_of
from streams.runtime.routes import Routes
from streams.runtime.settings import Settings
from streams.runtime.topics import Topic, table

VERSION = "3.1.0"
KAFKA_BINDING = "0.5.0"

SASL = {"PLAIN": "plain", "SCRAM-SHA-256": "scramSha256", "SCRAM-SHA-512": "scramSha512"}

ABOUT = (
    "Raw releases in; language, clean body and entities out. Delivery is at least once. A consumer keeps three rules: "
    "it drops duplicates by the header `ce_id`; it forgets a release on a kill (a null value, or `pub_status: "
    "canceled`); of an id it keeps the highest `version`. Within a version, topics and records only grow: pass over "
    "fields that you do not know."
)

CLOUD_EVENT = {
    "ce_specversion": "Always `1.0`: CloudEvents in the binary mode of its Kafka binding.",
    "ce_id": "The same for the same event made again: drop what you have seen. 32 hex digits.",
    "ce_source": "The hop that made it: `/newsmill/<hop>`.",
    "ce_type": "The record, as in its `schema`; for a kill, `.kill` follows.",
    "ce_subject": "The release's id, like the key.",
    "ce_time": "When this event was made; RFC 3339.",
    "ce_dataschema": "The `$id` of the record's JSON Schema.",
    "content-type": "Of the value.",
}
"""Headers of every event of ours."""

NOT_OF_A_KILL = ("ce_dataschema", "content-type")

CARRIED = {
    "traceparent": "W3C trace context of the release's journey, where its producer or a worker began one.",
    "tracestate": "Goes with it.",
    "newsmill.attempt": "How often it was redriven from the dead letters.",
    "newsmill.redriven-from": "The dead letter that it was: PARTITION:OFFSET.",
    "newsmill.replay": "A re-run and no news: the name of the run of `newsmill replay` that it belongs to.",
}
"""Headers that an event has where the raw event had them."""

CORRECTION = {CORRECTS: "Of a correction: the version whose place this one takes, the last that went out."}

BY_PRODUCERS = {
    "content-encoding": "`gzip` or `zstd`, where the value is packed.",
    **{name: f"Fills `{field}` where the release itself leaves it open." for name, field in FIELD_HEADERS.items()},
}
"""Headers of a raw event besides its `content-type`."""

DEAD_LETTER = {
    "topic": "Where the event stood: its topic, …",
    "partition": "… its partition …",
    "offset": "… and its offset.",
    "reason": f"Why: {', '.join(Reason)}.",
    "detail": "Why, for people; of a bug, the traceback.",
    "stage": "The stage that could not go on; `parse` is before the first.",
    "group": "The consumer group that met it.",
    "timestamp": "Of the original event: milliseconds since 1970.",
    "time": "When it became a dead letter; RFC 3339.",
    "newsmill": "The version that could not process it.",
}
"""Headers of a dead letter after `newsmill.dlq.`."""

CONNECT_ERRORS = (
    "topic",
    "partition",
    "offset",
    "stage",
    "class.name",
    "exception.class.name",
    "exception.message",
)
"""The same as Kafka Connect's tools look for it, after `__connect.errors.`."""


def document(settings: Settings, routes: Routes) -> dict[str, Any]:
    """The contract of this configuration. Plain JSON values."""
    hops, topics = plan(settings), table(settings, routes)
    server, schemes = _server(settings)
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Newsmill",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": server},
        "channels": {topic.name: _channel(topic, settings, routes) for topic in topics},
        "operations": dict(_operations(hops, routes)),
        "components": {
            "messages": _messages(),
            "schemas": codec.components("#/components/schemas/{name}"),
            **({"securitySchemes": schemes} if schemes else {}),
        },
    }


def _server(settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    broker, schemes = settings.broker, {}
    if broker.protocol.startswith("SASL"):
        schemes["sasl"] = {"type": SASL[broker.sasl_mechanism]}
    elif broker.cert_file:
        schemes["certificate"] = {"type": "X509"}
    server: dict[str, Any] = {
        "host": broker.bootstrap.replace(" ", ""),
        "protocol": "kafka-secure" if broker.protocol.endswith("SSL") else "kafka",
    }
    if schemes:
        server["security"] = [{"$ref": f"#/components/securitySchemes/{name}"} for name in schemes]
    if url := settings.schema_registry.url:
        registry = {"schemaRegistryUrl": url, "schemaRegistryVendor": "confluent", "bindingVersion": KAFKA_BINDING}
        server["bindings"] = {"kafka": registry}
    return server, schemes


def _channel(topic: Topic, settings: Settings, routes: Routes) -> dict[str, Any]:
    if topic.name == topic_of(RawRelease, settings.topics.prefix):
        messages = ["raw", "raw-other", "kill-raw"]
    elif topic.name == dead_letter_topic(settings.topics.prefix):
        messages = ["dead-letter"]
    elif topic.carries:
        messages = [_word(topic.carries), "kill"]
    elif routes.formats.get(topic.name) == "ninjs":
        messages = ["ninjs", "kill"]
    else:
        messages = []
    return {
        "address": topic.name,
        "description": topic.purpose,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "replicas": topic.replication,
                "topicConfiguration": {name: _value(name, value) for name, value in topic.config.items()},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _operations(hops: Iterable[Hop], routes: Routes) -> Iterable[tuple[str, dict[str, Any]]]:
    for hop in hops:
        group = {"groupId": {"type": "string", "enum": [hop.group]}, "bindingVersion": KAFKA_BINDING}
        yield f"{hop.name}.receive", _operation("receive", hop.source) | {"bindings": {"kafka": group}}
        for topic in (hop.target, *(routes.topics() if hop.last else ())):
            yield f"{hop.name}.send.{topic}", _operation("send", topic)
        yield f"{hop.name}.reject", _operation("send", hop.dead_letters)


def _operation(action: str, topic: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}


def _messages() -> dict[str, Any]:
    others = [media_type for media_type in READERS if media_type != "application/json"]
    dead = {f"{DLQ}{name}": said for name, said in DEAD_LETTER.items()} | {
        f"{CONNECT}{name}": "The same for Kafka Connect's tools." for name in CONNECT_ERRORS
    }
    made = {
        "raw": _message(
            "A release as JSON",
            {"content-type": "`application/json`; without it, the bytes are looked at."} | BY_PRODUCERS | CARRIED,
            {"$ref": "#/components/schemas/RawRelease"},
            required=(),
        ),
        "raw-other": _message(
            "A release in another format",
            {"content-type": f"One of {', '.join(others)}; without it, the bytes are looked at."}
            | BY_PRODUCERS
            | CARRIED,
            {"description": "The bytes of the release in that format."},
            required=(),
        )
        | {"contentType": "application/octet-stream"},
        "kill-raw": _message("Kill the release that the key names", CARRIED, {"type": "null"}, required=()),
        "kill": _message(
            "The release that the key names is dead: forget it",
            {name: said for name, said in CLOUD_EVENT.items() if name not in NOT_OF_A_KILL} | CARRIED,
            {"type": "null"},
            required=[name for name in CLOUD_EVENT if name not in NOT_OF_A_KILL],
        ),
        "ninjs": _message(
            "A release ready to route by, as IPTC ninjs 3.1",
            CLOUD_EVENT | CORRECTION | CARRIED,
            {"type": "object", "description": f"Valid against {ninjs.STANDARD['schema']}"},
            required=CLOUD_EVENT,
        )
        | {"contentType": ninjs.MEDIA_TYPE},
        "dead-letter": _message(
            "What could not be processed, byte for byte, with the headers it came with and why",
            dead,
            {"description": "The original value."},
            required=dead,
        )
        | {"contentType": "application/octet-stream"},
    }
    for record in RECORDS[1:]:
        summary = (record.__doc__ or "").partition(".")[0]
        payload = {"$ref": f"#/components/schemas/{record.__name__}"}
        headers = CLOUD_EVENT | (CORRECTION if record is RECORDS[-1] else {}) | CARRIED
        made[_word(codec.schema_word(record))] = _message(summary, headers, payload, required=CLOUD_EVENT)
    return made


def _message(
    summary: str, headers: Mapping[str, str], payload: Mapping[str, Any], required: Iterable[str]
) -> dict[str, Any]:
    return {
        "summary": summary,
        "headers": {
            "type": "object",
            "properties": {
                name: {"type": "string", **({"description": said} if said else {})} for name, said in headers.items()
            },
            "required": list(required),
        },
        "payload": payload,
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The release's id, in UTF-8."},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _word(schema_word: str) -> str:
    """`newsmill.release.enriched.v1` is `enriched` among the messages."""
    return schema_word.split(".")[-2]


def _value(name: str, value: str) -> Any:
    if name == "cleanup.policy":
        return value.split(",")
    return int(value) if value.lstrip("-").isdecimal() else value
