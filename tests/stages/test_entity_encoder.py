"""The encoder: what it finds, that its answers hold for any text and do not hang on what is beside a sentence."""

import math
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.records import CleanRelease
from streams.stage import StageConfig, config_directory
from streams.stages import entity_encoder
from streams.stages.entity_context import Name
from streams.stages.entity_crf import LABELS
from streams.stages.entity_encoder import MAX_PIECES, MAX_TEXT, EncoderTagger, NameTagger
from streams.stages.entity_pieces import OFFSETS, cut_pieces
from streams.stages.tag_entities import GROUPS, MAX_BODY, FastTagger, TieredTagger, prepare, tag_entities

FOLDER = config_directory() / "entities" / "encoder"
RELEASE_SECONDS = tomllib.loads((config_directory() / "default.toml").read_text(encoding="utf-8"))["pool"][
    "release_seconds"
]


class Silent:
    """A tagger that has nothing to say, or always says the same."""

    def __init__(self, *names: Name) -> None:
        self.said = list(names)

    def names(self, text: str, language: str) -> list[Name]:
        return self.said


def load(other: NameTagger, trust: float = 0.0) -> EncoderTagger:
    return entity_encoder.load(FOLDER, other, dict.fromkeys(GROUPS, trust))


@pytest.fixture(scope="module")
def tagger() -> EncoderTagger:
    return load(Silent())


def found(tagger: NameTagger, text: str, language: str) -> set[tuple[str, str]]:
    return {(text[name.start : name.end], name.type) for name in tagger.names(text, language)}


@pytest.mark.parametrize(
    ("language", "text", "names"),
    [
        ("en", "Apple Inc. said Tim Cook will visit Berlin.", {"Tim Cook": "PERSON", "Berlin": "PLACE"}),
        ("vi", "Ông Phạm Minh Chính đã đến Hà Nội.", {"Phạm Minh Chính": "PERSON", "Hà Nội": "PLACE"}),
        ("ar", "قال محمود عباس إن الأمم المتحدة في نيويورك", {"محمود عباس": "PERSON", "نيويورك": "PLACE"}),
        ("zh-Hans", "习近平在北京会见了马克龙。", {"习近平": "PERSON", "北京": "PLACE", "马克龙": "PERSON"}),
        ("ko", "삼성전자는 서울에서 발표했다.", {"삼성전자": "ORGANISATION", "서울": "PLACE"}),
        ("th", "นายกรัฐมนตรี ประยุทธ์ จันทร์โอชา เดินทางไปเชียงใหม่", {"เชียงใหม่": "PLACE"}),
    ],
)
def test_names_are_found_with_their_true_ends(
    tagger: EncoderTagger, language: str, text: str, names: dict[str, str]
) -> None:
    assert set(names.items()) <= found(tagger, text, language)


def test_a_sentence_gets_the_same_whatever_stands_beside_it(tagger: EncoderTagger) -> None:
    sentence = "Siemens Energy opened a plant in Erfurt, said Christian Bruch."
    alone = found(tagger, sentence, "en")
    assert alone
    many = " ".join(f"Madrid opened {n} schools." for n in range(1000))
    others = ["No names here at all.", "北京とソウル。", "Madrid. " * 30, "a " * 300, many, sentence]
    for other in others:
        text = f"{other}\n{sentence}"
        at = len(other) + 1
        beside = {
            (text[n.start : n.end], n.type) for n in tagger.names(text, "en") if n.start >= at and n.end <= len(text)
        }
        assert beside == alone


def test_the_upper_layers_read_only_what_may_hold_a_name(tagger: EncoderTagger) -> None:
    tokens = [["They", "went", "home", "and", "waited", "."], ["Angela", "Merkel", "flew", "to", "Paris", "."]]
    sentences = [cut_pieces(words, [True] * len(words), tagger.cut) for words in tokens]
    none, some = tagger.encoder.score(sentences)
    assert {tuple(row) for row in none.tolist()} == {(0.0, *[-8.0] * (len(LABELS) - 1))}
    read_by_all = tagger.encoder.score(sentences, quiet=-math.inf)
    assert np.array_equal(some, read_by_all[1])
    assert not np.array_equal(none, read_by_all[0])
    assert read_by_all[0].argmax(axis=1).tolist() == [0] * len(tokens[0])


def test_the_other_tagger_is_heard_as_far_as_it_is_trusted() -> None:
    text = "They were told to wait until the morning."
    morning = Name(text.index("morning"), text.index("morning") + len("morning"), "ORGANISATION")
    assert found(load(Silent(morning), 0), text, "en") == set()
    assert found(load(Silent(morning), 50), text, "en") == {("morning", "ORGANISATION")}


@pytest.mark.parametrize("text", ["", " \n\t ", "12.5 % (3,141)", "!" * 5000, "\ud800\udfff", "\x00", "\u200b" * 300])
def test_text_without_letters_has_no_names(tagger: EncoderTagger, text: str) -> None:
    assert tagger.names(text, "en") == []


def test_a_word_or_a_sentence_of_any_length_is_tagged(tagger: EncoderTagger) -> None:
    word, sentence = "x" * 50_000, "東京都は" * 2 * MAX_PIECES
    assert isinstance(tagger.names(word, "en"), list)
    assert len(tagger.names(sentence, "ja")) > MAX_PIECES


def test_past_its_limit_the_other_tagger_is_taken_at_its_word() -> None:
    word = "waiting "
    text = word * (MAX_TEXT // len(word) + 10)
    late = Name(MAX_TEXT + 2 * len(word), MAX_TEXT + 3 * len(word) - 1, "PLACE")
    assert load(Silent(late), 0).names(text, "en") == [late]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.sampled_from("Ab é.\n!ﷺ½ﾊﾟ\u0e33กี่\ud800\u200d東京은는ع\u0301 ¨0"), max_size=300),
    language=st.sampled_from(["en", "ja", "th", "ko", "ar", "xx"]),
)
def test_names_lie_in_the_text_in_order_and_apart(tagger: EncoderTagger, text: str, language: str) -> None:
    names = tagger.names(text, language)
    ends = [0, *(name.end for name in names)]
    assert all(end <= name.start < name.end <= len(text) for end, name in zip(ends, names, strict=False))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["word", "東", "京", "กี", "ำ", "ﷺ", "U.S.", "\x00", "¨"]), st.booleans())))
def test_every_token_has_a_share_in_a_piece(tagger: EncoderTagger, tokens: list[tuple[str, bool]]) -> None:
    pieces = cut_pieces([token for token, _ in tokens], [spaced for _, spaced in tokens], tagger.cut)
    assert [*dict.fromkeys(token for token, _, _ in pieces.links)] == [*range(len(tokens))]
    assert {piece for _, piece, _ in pieces.links} == set(range(len(pieces.numbers)))
    assert all(0 <= offset < OFFSETS for _, _, offset in pieces.links)


def test_a_megabyte_of_unlike_sentences_is_tagged_well_within_the_time_of_a_release() -> None:
    kit = prepare(StageConfig(config_directory(), {"tier": "accurate"}))
    body = " ".join(f"Anna Smith of Acme {n} met Bob Jones in Berlin." for n in range(21_000))
    assert len(body) > 1_000_000
    started = time.process_time()
    enriched = tag_entities(CleanRelease(id="x", language="en", body=body), kit)
    assert time.process_time() - started < RELEASE_SECONDS
    assert enriched.untagged_from == MAX_BODY
    last = max(mention.end for entity in enriched.entities for mention in entity.mentions)
    assert MAX_BODY - 100 < last <= MAX_BODY


def test_settings_choose_the_tier_of_a_language() -> None:
    text = "Bà Nguyễn Thị Hồng, Thống đốc Ngân hàng Nhà nước, nói tại Đà Lạt."
    tagger = prepare(StageConfig(config_directory(), {"tier": "fast", "tiers": {"vi": "accurate"}})).tagger
    assert isinstance(tagger, TieredTagger)
    assert isinstance(tagger.rest, FastTagger)
    assert isinstance(tagger.some["vi"], EncoderTagger)
    assert tagger.names(text, "id") == tagger.rest.names(text, "id")
    assert ("Nguyễn Thị Hồng", "PERSON") in found(tagger, text, "vi")


@pytest.mark.parametrize("options", [{"tier": "best"}, {"tiers": {"th": "quick"}}, {"tiers": {"zz": "fast"}}])
def test_a_tier_or_language_that_is_none_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"stages\.tag_entities"):
        prepare(StageConfig(config_directory(), options))


def test_weights_stay_small() -> None:
    folder: Path = config_directory() / "entities"
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 80e6
