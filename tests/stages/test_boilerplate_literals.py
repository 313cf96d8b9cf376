"""Words that a pattern cannot do without: by them no cue may be missed."""

import json
import re
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.native import matching_key
from streams.stage import StageConfig, config_directory
from streams.stages.boilerplate_cues import LOOSE, Cues, load_cues
from streams.stages.boilerplate_literals import needed

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "strip_boilerplate").glob("*.json"))


@cache
def cues() -> Cues:
    return load_cues(StageConfig(config_directory()))


def _of_one_letter(pattern: str) -> str:
    """A pattern with classes that `re` knows for those of letters and figures."""
    in_class = "[" in pattern
    return pattern.replace(r"\pL", "a-z" if in_class else "a").replace(r"\pN", "0-9" if in_class else "0")


def patterns() -> list[tuple[str, bool]]:
    """Every pattern of the cue files that `re` reads as well, and whether it is bound to the beginning."""
    config = StageConfig(config_directory())
    tables = [config.table(f"boilerplate/{path.name}") for path in sorted(config.path("boilerplate").glob("*.toml"))]
    return [
        (matching_key(_of_one_letter(pattern)), kind not in LOOSE)
        for kinds in chain.from_iterable(table.values() for table in tables)
        for kind, found in kinds.items()
        for pattern in found
        if r"\p{" not in pattern and r"\pM" not in pattern
    ]


@pytest.mark.parametrize(
    ("pattern", "anchored", "words", "at_start"),
    [
        ("press contacts?", True, {"press contact"}, True),
        ("(?:press|media) contact", True, {"press contact", "media contact"}, True),
        ("(?:more )?about .+", True, {"more about ", "about "}, True),
        (".*forward[- ]?looking.*", True, {"forward-looking", "forward looking", "forwardlooking"}, False),
        (r"\d{2}:\d{2} uhr", False, {" uhr"}, False),
        ("(?:is|are) (?:leading|largest)", False, {"is leading", "is largest", "are leading", "are largest"}, False),
        ("(?:a|b).{2,9}(?:known|famous)", False, {"known", "famous"}, False),
        ("ÜBER UNS", True, {"über uns"}, True),
        ("©", False, {"©"}, False),
        ("(?:abc)?(?:def)*", False, None, False),
        ("[a-z]+", False, None, False),
        ("a|leading", False, None, False),
        (r"\z(", False, None, False),
    ],
)
def test_the_words_of_a_pattern(pattern: str, anchored: bool, words: set[str] | None, at_start: bool) -> None:
    need = needed(pattern, anchored=anchored)
    assert (need and (set(need.words), need.at_start)) == (words and (words, at_start))


@given(st.sampled_from(patterns()), st.data())
@settings(max_examples=60, deadline=None)
def test_what_a_pattern_matches_has_one_of_its_words(pattern: tuple[str, bool], data: st.DataObject) -> None:
    text, anchored = pattern
    need = needed(text, anchored=anchored)
    match = data.draw(st.from_regex(re.compile(text, re.ASCII), fullmatch=True))
    assert need is None or need.are_in(match.lower())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_no_cue_is_missed_for_want_of_a_word(path: Path) -> None:
    text = json.loads(path.read_text(encoding="utf-8"))["text"]
    engine = cues().engine
    keys = [key for line in matching_key(text).split("\n") if (key := line.strip())]
    for key in [*keys, *(f"“{key}" for key in keys), *(key.upper() for key in keys)]:
        assert engine.found(key) == engine.found(key, every=True)


def test_only_few_patterns_have_no_word() -> None:
    assert sum(needed(pattern, anchored=anchored) is None for pattern, anchored in patterns()) < 10


def test_a_pattern_for_anywhere_needs_a_word(tmp_path: Path) -> None:
    (tmp_path / "boilerplate").mkdir()
    (tmp_path / "boilerplate" / "xx.toml").write_text("[about.anywhere]\n'[a-z]+' = \"nowhere\"\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"xx\.toml, about\.anywhere: \[a-z\]\+: it needs a word"):
        load_cues(StageConfig(tmp_path))
