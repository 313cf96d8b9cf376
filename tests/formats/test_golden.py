"""One file of bytes, one of what they are read as: `tests/golden/formats/NAME.in` and `NAME.json`.

The inputs are our own, on the model of the IPTC's examples; their ids, names and numbers are made up.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streams.codec import convert
from streams.errors import Unprocessable
from streams.formats import read
from streams.formats.xml import Part
from streams.records import RawRelease

GOLDEN = Path(__file__).parents[1] / "golden" / "formats"


def _read(data: bytes, case: dict[str, Any]) -> RawRelease | tuple[Part, ...]:
    return read(
        data,
        content_type=case["content_type"],
        key="the-key",
        received_at=datetime(2026, 11, 3, tzinfo=UTC),
        headers=case["headers"],
        limit_bytes=100_000,
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_reads_what_the_golden_file_says(name: str) -> None:
    case = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    found = _read((GOLDEN / f"{name}.in").read_bytes(), case)
    if isinstance(found, RawRelease):
        assert found == convert(RawRelease, case["release"])
        return
    assert [part.id for part in found] == [part["id"] for part in case["parts"]]
    for part, expected in zip(found, case["parts"], strict=True):
        if "refused" in expected:
            with pytest.raises(Unprocessable, match=expected["refused"]):
                _read(part.data, case)
        else:
            assert _read(part.data, case) == convert(RawRelease, expected["release"])


def test_every_input_has_its_expectation() -> None:
    assert {path.stem for path in GOLDEN.glob("*.in")} == {path.stem for path in GOLDEN.glob("*.json")}
