"""Follow a route of Newsmill with aiokafka: consume_aiokafka.py BOOTSTRAP TOPIC GROUP SCHEMA."""

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from jsonschema import Draft202012Validator

REMEMBERED = 100_000  # ids of events: duplicates come within seconds of each other


async def main(bootstrap: str, topic: str, group: str, schema: str) -> None:
    """Print a line for each release that is news and for each kill, until SIGTERM or Ctrl-C."""
    validator = Draft202012Validator(json.loads(Path(schema).read_text(encoding="utf-8")))
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    seen: dict[bytes, None] = {}
    versions: dict[str, int] = {}
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    ) as consumer:
        while True:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    ce_id = dict(record.headers)["ce_id"]
                    if ce_id not in seen:
                        seen[ce_id] = None
                        if len(seen) > REMEMBERED:
                            del seen[next(iter(seen))]
                        handle(record.key, record.value, validator, versions)
                await consumer.commit()  # an event counts as read once it is handled, not before


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
    with suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
