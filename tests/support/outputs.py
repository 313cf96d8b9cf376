"""What the stages make of every release at hand, one hash a line: the same lines from two builds, the same results.

`python -m tests.support.outputs [--tier accurate] [STAGE ...]` goes over the samples, the golden files and the shared
corpus, where it is there, each text as it is and as one paragraph. For changes of speed, which must change nothing.
"""

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams import formats, pipeline
from streams.codec import encode, recast
from streams.records import IdentifiedRelease, RawRelease
from streams.stage import config_directory
from streams.stages.tag_entities import TIERS
from tests.quality.gate import shared_directory

GOLDEN = Path(__file__).parents[1] / "golden" / "strip_boilerplate"
RECEIVED = datetime(2026, 11, 24, tzinfo=UTC)
LIMIT = 5_000_000
"""Bytes."""


def main() -> None:
    """Print name and hash of what the stages make of each release."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", default=list(pipeline.STAGES))
    parser.add_argument("--tier", choices=TIERS, default="fast")
    arguments = parser.parse_args()
    options = {"tag_entities": {"tier": arguments.tier}}
    line = pipeline.prepare(arguments.stages, config_directory(), options, "")
    for name, record in _records():
        done = encode(pipeline.run(record, line))
        sys.stdout.write(f"{name} {hashlib.sha256(done).hexdigest()}\n")


def _records() -> Iterator[tuple[str, RawRelease]]:
    for path in sorted((config_directory() / "samples").glob("*-*")):
        raw = formats.parse(
            path.read_bytes(), content_type=None, key=path.name, received_at=RECEIVED, headers={}, limit_bytes=LIMIT
        )
        yield path.name, recast(raw, IdentifiedRelease)
    for name, release in _releases():
        text = release.get("text") or "\n".join(line["text"] for line in release["lines"])
        common = {"id": "urn:newsmill:output", "title": release.get("title", ""), "received_at": RECEIVED}
        language = release.get("lang") or release["language"]
        yield name, IdentifiedRelease(language=language, text=text, **common)
        yield f"{name} in one paragraph", IdentifiedRelease(language=language, text=" ".join(text.split()), **common)


def _releases() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(GOLDEN.glob("*.json")):
        yield path.name, json.loads(path.read_text(encoding="utf-8"))
    if (shared := shared_directory()) is None:
        return
    for path in sorted(shared.glob("corpus/*/*.json")):
        yield path.name, json.loads(path.read_text(encoding="utf-8"))
    with gzip.open(shared / "corpus" / "unlabelled" / "releases.jsonl.gz", "rt", encoding="utf-8") as rows:
        yield from ((f"unlabelled {number}", json.loads(row)) for number, row in enumerate(rows))


if __name__ == "__main__":
    main()
