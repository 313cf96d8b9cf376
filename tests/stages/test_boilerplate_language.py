"""After the boilerplate is off, the body's language counts: read from the map, not detected again."""

import pytest

from streams.records import IdentifiedRelease, LanguageSpan, RawRelease
from streams.stage import StageConfig, config_directory
from streams.stages.boilerplate_language import settle_language
from streams.stages.detect_language import DETECT_LANGUAGE
from streams.stages.strip_boilerplate import STRIP_BOILERPLATE

GERMAN = "Der Umsatz stieg im dritten Quartal auf zwölf Millionen Euro, teilte das Unternehmen am Montag mit. "
ENGLISH = "Acme is a leading provider of compressed air systems for industry and hospitals in nine countries. "
CHINESE = "公司第三季度营业收入增长百分之十二，管理层预计全年业绩将超过此前的预期。"


def mixed(*parts: tuple[str, str], language: str, script: str = "Latn") -> IdentifiedRelease:
    """A release of one line a part, its map as given."""
    text, spans = "", []
    for tag, part in parts:
        spans.append((len(text), len(text) + len(part), tag))
        text += part + "\n"
    total = sum(end - start for start, end, _ in spans)
    return IdentifiedRelease(
        id="r",
        text=text,
        language=language,
        script=script,
        confidence=0.9,
        languages=tuple(
            LanguageSpan(
                start=start,
                end=end,
                language=tag,
                script="Hans" if tag == "zh-Hans" else "Latn",
                confidence=0.97,
                share=(end - start) / total,
            )
            for start, end, tag in spans
        ),
    )


def test_a_release_in_one_language_is_left_as_it_is() -> None:
    release = IdentifiedRelease(id="r", text=GERMAN, language="de")
    assert settle_language(release, [(0, len(GERMAN))]) is None


def test_where_the_primary_language_was_all_boilerplate_the_body_decides() -> None:
    release = mixed(("en", 4 * ENGLISH), ("de", 2 * GERMAN), language="en")
    start, end = release.languages[1].start, release.languages[1].end
    assert settle_language(release, [(start, end)]) == ("de", "Latn", 0.97)


def test_the_script_goes_with_the_language() -> None:
    release = mixed(("en", 4 * ENGLISH), ("zh-Hans", 3 * CHINESE), language="en")
    span = release.languages[1]
    assert settle_language(release, [(span.start, span.end)]) == ("zh-Hans", "Hans", 0.97)


def test_a_bilingual_release_keeps_the_language_it_leads_with() -> None:
    release = mixed(("en", 3 * ENGLISH), ("de", 3 * GERMAN), language="en")
    assert settle_language(release, [(0, len(release.text))]) is None


def test_a_language_with_a_region_is_the_same_language() -> None:
    release = mixed(("pt", 3 * GERMAN), ("en", ENGLISH), language="pt-BR")
    assert settle_language(release, [(0, len(release.text))]) is None


@pytest.mark.parametrize("kept", [[], [(0, 0)], [(10_000, 20_000)]])
def test_without_a_body_nothing_changes(kept: list[tuple[int, int]]) -> None:
    assert settle_language(mixed(("en", ENGLISH), ("de", GERMAN), language="en"), kept) is None


def test_the_stages_settle_it_together() -> None:
    """English legal notes above a German story: the detector cannot know that they are no story."""
    config = StageConfig(config_directory())
    detect, strip = DETECT_LANGUAGE.prepare(config), STRIP_BOILERPLATE.prepare(config)
    disclaimer = (
        "Forward-looking statements\n"
        "This press release contains forward-looking statements within the meaning of the Private Securities "
        "Litigation Reform Act of 1995. These statements involve risks and uncertainties that could cause actual "
        "results to differ materially from those expressed. The company undertakes no obligation to update them.\n"
    )
    text = f"{disclaimer}{disclaimer}{GERMAN}{GERMAN}\n{GERMAN}\n"
    identified = DETECT_LANGUAGE.apply(RawRelease(id="r", text=text), detect)
    assert identified.language == "en"
    assert {span.language for span in identified.languages} == {"de", "en"}
    cleaned = STRIP_BOILERPLATE.apply(identified, strip)
    assert "forward-looking" not in cleaned.body
    assert (cleaned.language, cleaned.language_basis) == ("de", "body")
