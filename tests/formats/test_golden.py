"""One file of bytes, one of what they are read as: `tests/golden/formats/NAME.in` and `NAME.json`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.codec import convert
from streams.formats import parse
from streams.records import RawRelease

GOLDEN = Path(__file__).parents[1] / "golden" / "formats"


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_reads_what_the_golden_file_says(name: str) -> None:
    case = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    release = parse(
        (GOLDEN / f"{name}.in").read_bytes(),
        content_type=case["content_type"],
        key="the-key",
        received_at=datetime(2026, 11, 3, tzinfo=UTC),
        headers=case["headers"],
        limit_bytes=100_000,
    )
    assert release == convert(RawRelease, case["release"])


def test_every_input_has_its_expectation() -> None:
    assert {path.stem for path in GOLDEN.glob("*.in")} == {path.stem for path in GOLDEN.glob("*.json")}
