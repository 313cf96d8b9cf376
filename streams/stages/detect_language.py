"""Name the language a release tells its story in, and every other language it holds.

The pool ranks, the map cuts, the source's hint decides what they leave open. docs/language.md has the reasons.
"""

import re

from streams.codec import recast
from streams.records import IdentifiedRelease, LanguageBasis, LanguageGuess, LanguageSpan, RawRelease
from streams.stage import Stage
from streams.stages.language_letters import clean
from streams.stages.language_map import map_languages
from streams.stages.language_pool import CHINESE, Guesses, LanguageKit, Ranking, group, identify, prepare

UNDETERMINED = "und"

MAX_CHARACTERS = 100_000
"""Of a release that are looked at: thirty times a long one. The slowest that were found take 0.3 s."""
MAX_TITLE = 1_000
"""Characters."""
SHORT = 200
"""Characters: a text below is read together with its title."""

MIN_PROBABILITY = 0.45
"""Of the best guess, or its pair: below, `und`. Lower, and more other languages pass for the fifteen (slices)."""
OPEN = 0.8
"""The text leaves two languages open where the likelier is below this and the other above the rest."""
HINTED = 0.6
"""Confidence in a language that the hint decided."""
MAX_ALTERNATIVES = 3
MIN_ALTERNATIVE = 0.01
"""Of confidence: less is no alternative."""


def detect_language(release: RawRelease, kit: LanguageKit) -> IdentifiedRelease:
    """Add language, script, confidence, alternatives and, where there are several languages, the map of them."""
    text = release.text[:MAX_CHARACTERS]
    cleaned = clean(text)
    if len(cleaned) < SHORT and release.title:
        cleaned = f"{clean(release.title[:MAX_TITLE])} {cleaned}"
    ranking = identify(cleaned, kit)
    spans: tuple[LanguageSpan, ...] = ()
    if ranking.mixed:
        spans, ranking = map_languages(text, clean(release.title[:MAX_TITLE]), ranking, kit)
    guesses, basis = settle(ranking, release.language_hint, kit)
    language, confidence = guesses[0]
    return recast(
        release,
        IdentifiedRelease,
        html="",
        language=language,
        script=ranking.script,
        confidence=round(confidence, 4),
        language_basis=basis,
        alternatives=tuple(
            LanguageGuess(language=tag, confidence=round(p, 4))
            for tag, p in guesses[1 : 1 + MAX_ALTERNATIVES]
            if p >= MIN_ALTERNATIVE
        ),
        languages=spans,
    )


def settle(ranking: Ranking, hint: str, kit: LanguageKit) -> tuple[Guesses, LanguageBasis]:
    """Let the source's hint decide what the text leaves open, and nothing else. Returns one guess or more."""
    guesses = ranking.guesses
    basis: LanguageBasis = "text"
    hinted, region = _read_hint(hint, kit)
    if hinted and _left_open(ranking, hinted):
        guesses = ((hinted, HINTED), *(guess for guess in guesses if guess[0] != hinted))
        basis = "hint"
    elif sum(p for tag, p in guesses if group(tag) == group(guesses[0][0])) < MIN_PROBABILITY:
        guesses = ((UNDETERMINED, 0.0), *guesses)
    (tag, p), *others = guesses
    regional = f"{hinted}-{region}"
    if tag == hinted and regional in kit.regions:
        return ((regional, p), *others), "region" if basis == "text" else basis
    return guesses, basis


def _left_open(ranking: Ranking, hinted: str) -> bool:
    if not ranking.guesses:
        return ranking.evidence > 0
    best, p = ranking.guesses[0]
    return best != hinted and p < OPEN and dict(ranking.guesses).get(hinted, 0.0) >= 1 - OPEN


def _read_hint(hint: str, kit: LanguageKit) -> tuple[str, str]:
    match = _HINT.match(hint)
    if not match:
        return "", ""
    language = match["language"].lower()
    script, region = (match["script"] or "").title(), (match["region"] or "").upper()
    language = kit.canonical.get(language, language)
    if language == CHINESE:
        script = script or _CHINESE_REGIONS.get(region, "")
        return (f"{CHINESE}-{script}" if script in ("Hans", "Hant") else ""), region
    return (language if language in kit.tags else ""), region


_HINT = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:[-_](?P<script>[A-Za-z]{4}))?(?:[-_](?P<region>[A-Za-z]{2}))?(?![A-Za-z])"
)
_CHINESE_REGIONS = {"CN": "Hans", "SG": "Hans", "HK": "Hant", "MO": "Hant", "TW": "Hant"}


DETECT_LANGUAGE: Stage[RawRelease, IdentifiedRelease, LanguageKit] = Stage(
    name="detect_language",
    reads=RawRelease,
    writes=IdentifiedRelease,
    prepare=prepare,
    apply=detect_language,
)
