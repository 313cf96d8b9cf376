"""The sentences that a reader marked are those that were marked, and a text that is not is noticed."""

import pytest

from tests.quality.entities import SENTENCES, TYPES
from tests.quality.sentence_names import marked_names, marked_sentences


def test_the_first_sentences_of_the_sets_are_marked() -> None:
    marks = marked_names()
    assert set(marks) == {"de.panx", "en.panx", "es.panx", "fr.panx", "ms.malaya", "ru.panx"}
    assert {len(sentences) for sentences in marks.values()} == {SENTENCES}
    assert {kind for its in marks.values() for _, names in its for *_, kind in names} == set(TYPES.values())


def test_what_was_not_marked_is_not_scored() -> None:
    with pytest.raises(ValueError, match=r"ru\.panx: sentence 0 is not the text"):
        marked_sentences("ru.panx", ["another text"], marked_names()["ru.panx"][:1])
