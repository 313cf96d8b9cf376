"""Cut a mixed release where its language changes, and tell which language is the story's."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from streams.records import LanguageSpan
from streams.stages.language_letters import clean, names_in_latin
from streams.stages.language_pool import (
    CHINESE,
    MALAYIC,
    MIN_EVIDENCE,
    LanguageKit,
    Ranking,
    group,
    identify,
    part_chinese,
    part_malayic,
)
from streams.text.story import LEAD_WEIGHT, weigh_languages

WINDOW = 160
"""Characters: enough for every pair but Indonesian and Malay."""
SINIC_WIDTH = 3
"""Latin characters to one of a Chinese or Japanese line."""
MASS_OF_EVIDENCE = {"Latn": 1.0, "Hans": 0.75, "Hant": 0.75, "Jpan": 0.5, "Kore": 0.6}
OTHER_MASS = 0.5
"""Weighted letters to the letters that the same takes in Latin: there, names do not matter any more."""

CLEAR = 0.9
CLEAR_MASS = 40.0
"""Probability and mass from which a window proves that its language is there."""
MOSTLY_NAMES = 0.7
"""Of a window's Latin letters in capitalised words: it lists names, and proves no language."""
ENGLISH_WORDS = 2
"""Function words that prove English: what nothing speaks for is taken for English, too."""
SPAN_MASS = 60.0
SPAN_SHARE = 0.04
"""A second language with less, in mass or of the release, is a quotation or a name."""
LIKELY = 0.2
"""Probability from which a window is in one of the release's languages; below, it goes with the window before."""

TITLE_SURE = 0.7
TITLE_WEIGHT = 200.0
"""For the language of a title that is this sure: a paragraph."""


class Window(NamedTuple):
    """A piece of a release that is short enough to be in one language and long enough to tell in which."""

    start: int
    end: int
    language: str
    """`MALAYIC` and `CHINESE` for what only the whole can part; empty where nothing tells."""
    guesses: Mapping[str, float]
    letters: int
    mass: float
    """Its length as a Latin text would have it."""
    clear: bool
    """Proves that the language is there."""


def map_languages(
    text: str, title: str, ranking: Ranking, kit: LanguageKit
) -> tuple[tuple[LanguageSpan, ...], Ranking]:
    """Cut a release where its language changes. Returns no spans, and the ranking as it was, if it never does."""
    windows = [_look(text, start, end, kit) for start, end in cut(text)]
    windows = [window for window in windows if window.letters and window.mass >= MIN_EVIDENCE]
    total = sum(window.mass for window in windows)
    clear: defaultdict[str, float] = defaultdict(float)
    for window in windows:
        if window.clear:
            clear[window.language] += window.mass
    languages = {tag for tag, mass in clear.items() if mass >= max(SPAN_MASS, SPAN_SHARE * total)}
    if len(languages) < 2:
        return (), ranking
    told = _assign(windows, languages)
    primary = _primary(told, title, kit)
    rankings = {tag: _whole(text, tag, told, kit) for tag in languages}
    total_letters = sum(window.letters for window in told)
    spans = []
    for tag, windows_of in groupby(told, key=lambda window: window.language):
        run = list(windows_of)
        letters = sum(window.letters for window in run)
        sure = sum(window.letters * window.guesses.get(tag, 0.0) for window in run) / letters
        spans.append(
            LanguageSpan(
                start=run[0].start,
                end=run[-1].end,
                language=rankings[tag].guesses[0][0],
                script=rankings[tag].script,
                confidence=round(sure, 4),
                share=round(letters / total_letters, 4),
            )
        )
    return tuple(spans), rankings[primary]


def cut(text: str) -> Iterator[tuple[int, int]]:
    """Cut a text into windows: long lines at sentence ends, short ones together, never across a change of script."""
    start = end = 0
    kind = ""
    width = 0
    for match in _PIECE.finditer(text):
        first, last = match.span()
        piece = text[first:last]
        if piece.isspace():
            continue
        piece_kind = "" if piece.isascii() else "Jpan" if _KANA.search(piece) else "Hani" if _HAN.search(piece) else "x"
        piece_width = (last - first) * (1 if piece_kind in ("", "x") else SINIC_WIDTH)
        broken = "\n" in text[end:first] and piece_width >= WINDOW / 2
        if end > start and (width >= WINDOW or broken or piece_kind != kind):
            yield start, end
            start, width = first, 0
        elif end == start:
            start = first
        end, kind, width = last, piece_kind, width + piece_width
    if end > start:
        yield start, end


# A run of Latin in a line of another script; else a sentence; else what is left of the line.
_PIECE = re.compile(r"[A-Za-z][ -~‘-”–—]{99,400}|[^\n.!?。！？؟।]{1,400}[.!?。！？؟।\"'”’»)\]]*")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_HAN = re.compile("[\u3400-\u9fff]")


def _look(text: str, start: int, end: int, kit: LanguageKit) -> Window:
    piece = clean(text[start:end])
    ranking = identify(piece, kit)
    guesses: defaultdict[str, float] = defaultdict(float)
    for tag, p in ranking.guesses:
        guesses[group(tag)] += p
    language = max(guesses, key=lambda tag: guesses[tag], default="")
    mass = ranking.evidence * MASS_OF_EVIDENCE.get(ranking.script, OTHER_MASS)
    clear = mass >= CLEAR_MASS and guesses[language] >= CLEAR
    if clear and ranking.script == "Latn":
        clear = names_in_latin(piece) < MOSTLY_NAMES * ranking.letters
        clear = clear and (language != "en" or len(_ENGLISH.findall(piece)) >= ENGLISH_WORDS)
    return Window(start, end, language, guesses, ranking.letters, mass, clear)


_ENGLISH = re.compile(r"\b(?:the|of|and|to|in|for|is|are|was|with|that|by|on|as)\b")


def _assign(windows: Sequence[Window], languages: Iterable[str]) -> list[Window]:
    """Give every window one of the languages: its own, else its likeliest, else that of the window before."""
    before = next(window.language for window in windows if window.language in languages)
    told = []
    for window in windows:
        tag = max(languages, key=lambda tag: window.guesses.get(tag, 0.0))
        before = tag if window.guesses.get(tag, 0.0) >= LIKELY else before
        told.append(window._replace(language=before))
    return told


def _primary(windows: Sequence[Window], title: str, kit: LanguageKit) -> str:
    """Find the story's language: by place, by the first clear window, by the title."""
    scores = weigh_languages((window.language, window.mass) for window in windows)
    scores[next(window.language for window in windows if window.clear)] += LEAD_WEIGHT
    heading = identify(title, kit).guesses
    if heading and heading[0][1] >= TITLE_SURE:
        tag = group(heading[0][0])
        if tag in scores:
            scores[tag] += TITLE_WEIGHT
    return max(scores, key=lambda tag: scores[tag])


def _whole(text: str, tag: str, windows: Iterable[Window], kit: LanguageKit) -> Ranking:
    """Rank anew on all that is in one language: it parts Indonesian from Malay, Simplified from Traditional."""
    parts = clean(" ".join(text[w.start : w.end] for w in windows if w.language == tag))
    ranking = identify(parts, kit)
    guesses = ranking.guesses
    if guesses and group(guesses[0][0]) == tag:
        return ranking
    if tag == CHINESE:
        script, guesses = part_chinese(parts, Counter(parts), ranking.evidence, kit)
        return ranking._replace(script=script, guesses=guesses)
    sure = ((tag, CLEAR),)
    return ranking._replace(guesses=part_malayic(parts, sure, kit) if tag == MALAYIC else sure)
