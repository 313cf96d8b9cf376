"""The marked releases are those that were marked, and a text that is not is noticed."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.quality.release_names import HALVES, MARKS, marked_releases


def test_four_releases_a_language_two_of_each_half() -> None:
    marks = [line.split("\t") for line in MARKS.read_text(encoding="utf-8").splitlines()]
    halves = {fields[0]: fields[1] for fields in marks if fields[1] in HALVES}
    counts = Counter((identifier.rpartition("-")[0], half) for identifier, half in halves.items())
    assert len(halves) == 60
    assert set(counts.values()) == {2}


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([{"id": "ar-008", "lang": "ar", "title": "", "text": "x" * 2000}], "not the text that was marked"),
        ([], "no ar-008"),
    ],
    ids=["another text", "no text"],
)
def test_what_was_not_marked_is_not_scored(tmp_path: Path, records: list[dict[str, str]], complaint: str) -> None:
    corpus = tmp_path / "corpus" / "unlabelled" / "releases.jsonl.gz"
    corpus.parent.mkdir(parents=True)
    corpus.write_bytes(gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode()))
    with pytest.raises(ValueError, match=complaint):
        list(marked_releases(tmp_path))
