"""Follow a route of Newsmill with confluent-kafka: consume_confluent.py BOOTSTRAP TOPIC GROUP SCHEMA."""

import json
import signal
import sys
from pathlib import Path

from confluent_kafka import Consumer
from jsonschema import Draft202012Validator

REMEMBERED = 100_000  # ids of events: duplicates come within seconds of each other


def main(bootstrap: str, topic: str, group: str, schema: str) -> None:
    """Print a line for each release that is news and for each kill, until SIGTERM or Ctrl-C."""
    validator = Draft202012Validator(json.loads(Path(schema).read_text(encoding="utf-8")))
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.offset.store": False,  # an event counts as read once it is handled, not before
        }
    )
    consumer.subscribe([topic])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    seen: dict[str, None] = {}
    versions: dict[str, int] = {}
    try:
        while True:
            message = consumer.poll(1.0)
            if message is None or message.error():  # errors mend themselves, and are in the client's log
                continue
            ce_id = str(dict(message.headers() or ())["ce_id"])
            if ce_id not in seen:
                seen[ce_id] = None
                if len(seen) > REMEMBERED:
                    del seen[next(iter(seen))]
                handle(message.key() or b"", message.value(), validator, versions)
            consumer.store_offsets(message)
    finally:
        consumer.close()


def handle(key: bytes, value: bytes | None, validator: Draft202012Validator, versions: dict[str, int]) -> None:
    """What a service of yours would do."""
    release = None if value is None else json.loads(value)
    if release is None or release["pub_status"] == "canceled":
        print(json.dumps({"kill": key.decode()}), flush=True)
    elif fault := next(validator.iter_errors(release), None):
        print(f"{key.decode()}: {fault.message}", file=sys.stderr)
    elif release["version"] >= versions.get(release["id"], 0):
        versions[release["id"]] = release["version"]
        print(json.dumps({"id": release["id"], "version": release["version"], "title": release["title"]}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
