"""The line stage in Rust: it sees a text as Python does, and its faults are exceptions like others."""

import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams import native
from streams.stage import StageConfig, config_directory
from streams.stages.boilerplate_lines import read_lines, spell_lines
from streams.stages.strip_boilerplate import BoilerplateKit, prepare
from streams.text.dates import find_dates, month_names

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
"""What a release may hold once its lone surrogates are gone."""

BLANKS = "\n\n \t\x0b\x1c\x85\xa0\u2028\u3000"


@cache
def kit() -> BoilerplateKit:
    return prepare(StageConfig(config_directory()))


@given(st.lists(TEXT | st.sampled_from(BLANKS), max_size=20).map("".join))
@example("\u200b\n\x1c\n a \n\n")
@example("About 😀\n𝐀𝐁 ·\n" + "İ" * 300)
@settings(deadline=None)
def test_lines_cover_any_text_and_hold_its_characters(text: str) -> None:
    lines = read_lines(text, kit().cues, kit().model, text[:50])
    assert [line.text for line in lines] == [stripped for line in text.split("\n") if (stripped := line.strip())]
    assert all(text[line.at : line.at + len(line.text)] == line.text for line in lines)
    edges = [0, *(line.start for line in lines[1:]), len(text)]
    assert not lines or [(line.start, line.end) for line in lines] == list(pairwise(edges))
    assert [line.number for line in lines] == [n for n, line in enumerate(text.split("\n")) if line.strip()]
    assert len(spell_lines(text, kit().cues)) == len(lines)


def test_characters_are_what_python_calls_them() -> None:
    known = [chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) not in {"Cn", "Cs", "Co"}]
    signs = [sign for sign in known if not sign.isspace()]
    starts = [_said(features, "start=") for features in spell_lines("\n".join(signs), kit().cues)]
    kinds: dict[str, Callable[[str], bool]] = {
        "upper": lambda c: c.isalpha() and c.isupper(),
        "lower": lambda c: c.isalpha() and c.islower(),
        "caseless": lambda c: c.isalpha() and not c.isupper() and not c.islower(),
    }
    for kind, is_one in kinds.items():
        found = {c for c, start in zip(signs, starts, strict=True) if start == kind}
        # Rust's Unicode is newer by some versions, in which a few letters changed their case.
        assert len(found ^ {c for c in signs if is_one(c)}) < 20 < len(found)
    digits = {c for c, start in zip(signs, starts, strict=True) if start == "digit"}
    assert {c for c in signs if c.isdecimal()} <= digits <= {c for c in signs if c.isdigit()}


DATES = st.one_of(
    st.builds("{} {} {}".format, st.integers(1, 31), st.sampled_from(month_names()), st.integers(1990, 2030)),
    st.builds("{} {}, {}".format, st.sampled_from(month_names()), st.integers(1, 31), st.integers(1990, 2030)),
    st.builds("{0}{3}{1}{3}{2}".format, *[st.integers(1, 31)] * 2, st.integers(90, 2030), st.sampled_from("-/. ")),
    st.builds("{2}{3}{1}{3}{0}".format, *[st.integers(1, 31)] * 2, st.integers(90, 2030), st.sampled_from("-/. ")),
    st.builds("{}年{}月{}日".format, st.integers(90, 2600), st.integers(1, 13), st.integers(1, 31)),
    st.builds("{}월 {}일 {}".format, st.integers(1, 13), st.integers(1, 31), st.integers(100, 3000)),
    st.builds("ngày {} tháng {} năm {}".format, st.integers(1, 31), st.integers(1, 12), st.integers(1990, 2030)),
)


@given(DATES, st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), max_size=8))
@settings(max_examples=400, deadline=None)
def test_python_is_asked_about_every_line_with_a_date(date: str, beside: str) -> None:
    line = f"{beside} {date.title() if len(beside) % 2 else date} {beside}".strip()
    counted = sum(c in "0123456789" for c in line) > 2
    (features,) = spell_lines(line, kit().cues)
    assert bool(_said(features, "date=")) == (counted and bool(find_dates(line)))


def test_a_fault_in_rust_is_an_exception_like_others() -> None:
    with pytest.raises(RuntimeError, match="native line stage: index out of bounds"):
        kit().cues.engine.cues_of([10**6])


def test_a_fault_of_what_is_asked_comes_through() -> None:
    def asked(line: str) -> int:
        raise LookupError(line)

    cues = native.Cues([], [], ["may"], asked)
    with pytest.raises(LookupError, match="5 May 2026"):
        cues.spell("5 May 2026", "", {})


def _said(features: list[str], name: str) -> str:
    return next((feature.removeprefix(name) for feature in features if feature.startswith(name)), "")
