"""The shipped releases: all can be read, and none of them gives a real person's contacts away."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.formats import parse
from streams.records import RawRelease
from streams.stage import config_directory

SAMPLES = sorted(path for path in (config_directory() / "samples").iterdir() if path.suffix != ".md")
LANGUAGES = {"ar", "de", "en", "es", "fr", "id", "ja", "ko", "ms", "pt", "ru", "th", "vi", "zh-Hans", "zh-Hant"}

E_MAIL = re.compile(r"[a-zA-Z0-9_.+-]+@([a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+)")
TELEPHONE = re.compile(r"(?<![\w/-])[+(]?\d[\d ().-]{6,}\d\+?")
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
MADE_UP = re.compile(r"555\D*0100|0100\D*555")
"""Also from the right: the Arabic release writes its number in that order."""


def read(path: Path) -> RawRelease:
    return parse(
        path.read_bytes(),
        content_type=None,
        key=path.name,
        received_at=datetime(2026, 11, 3, tzinfo=UTC),
        headers={},
        limit_bytes=100_000,
    )


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_read_as_what_its_name_says(path: Path) -> None:
    sample = read(path)
    expected = {".txt": ["text/plain"], ".html": ["text/html"], ".json": ["application/json", "text/html"]}
    assert sample.content_type in expected[path.suffix]
    assert len(sample.text) > 200


def test_there_are_samples_of_all_fifteen_languages() -> None:
    named = [re.match(r"zh-Han[st]|[a-z]{2}", path.name) for path in SAMPLES]
    assert {match[0] for match in named if match} == LANGUAGES


def test_the_seed_release_comes_first() -> None:
    assert SAMPLES[0].name == "ar-seed-release.txt"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_no_sample_holds_a_real_e_mail_address(path: Path) -> None:
    source = path.read_bytes().decode("latin-1")  # markup and all; addresses are ASCII in any charset used here
    assert [domain for domain in E_MAIL.findall(source) if not domain.endswith(".example")] == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_no_sample_holds_a_real_telephone_number(path: Path) -> None:
    numbers = [number for number in TELEPHONE.findall(read(path).text) if not ISO_DATE.fullmatch(number.strip())]
    assert [number for number in numbers if not MADE_UP.search(number)] == []


def test_every_sample_is_named_in_their_readme() -> None:
    readme = (config_directory() / "samples" / "README.md").read_text(encoding="utf-8")
    unnamed = [path.name for path in SAMPLES if not path.name.endswith("-synthetic.json") and path.name not in readme]
    assert unnamed == []
