"""Traffic as a newswire has it: samples in every language, some poison, and stages that fail on request."""

import asyncio
import itertools
import time
from collections.abc import Iterator

import orjson

from streams.stage import config_directory
from tests.support import hostile
from tests.support.house import House, Release

TICK_SECONDS = 0.5
PER_TICK = 12
"""More than a busy wire brings, and less than two cores can do."""

POISON = (b"\xff\xfe not text", b"{", b'{"text": 7}', b"{}")
"""Undecodable, invalid, empty: the sender's faults."""


def releases() -> Iterator[Release]:
    """Endless: the shipped samples, each time as another release; one in ten is poison, one in sixty a bug."""
    samples = [orjson.loads(p.read_bytes()) for p in sorted((config_directory() / "samples").glob("*-synthetic.json"))]
    for number in itertools.count():
        if number % 60 == 59:
            yield Release.of(f"bug{number}", f"{hostile.BUG} The plant opens on Monday.")
        elif number % 10 == 9:
            value = POISON[number // 10 % len(POISON)]
            yield Release(f"poison{number}".encode(), value, (("content-type", b"application/json"),))
        else:
            sample = samples[number % len(samples)]
            yield Release.of(f"r{number}", **{k: v for k, v in sample.items() if k not in ("id", "uri")})


async def play(house: House, wire: Iterator[Release], seconds: float, per_tick: int = PER_TICK) -> None:
    """Send releases at a steady pace for so long."""
    end = time.monotonic() + seconds
    async with house.producer() as producer:
        while time.monotonic() < end:
            for release in itertools.islice(wire, per_tick):
                await producer.send(house.raw, release.value, key=release.key, headers=list(release.headers))
            await asyncio.sleep(TICK_SECONDS)
