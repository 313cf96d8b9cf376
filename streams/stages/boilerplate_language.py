"""The primary language, settled again on what is left of a mixed release: from its map, without another detection."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.records import IdentifiedRelease, LanguageSpan
from streams.text.scripts import script_of
from streams.text.story import LEAD_WEIGHT, weigh_languages

SINIC_WIDTH = 3.0
"""Latin letters to one of a script that writes in syllables or words."""
_WIDE = frozenset({"Hani", "Hira", "Kana", "Hang"})


class Settled(NamedTuple):
    """What a body is written in."""

    language: str
    script: str
    confidence: float


def settle_language(release: IdentifiedRelease, kept: Iterable[tuple[int, int]]) -> Settled | None:
    """Find the body's language among the spans of the release. None where it is the one that the release has already.

    `kept` are the offsets of the body's stretches in `text`, in order. The release's language stays unless the body
    speaks clearly for another: in a bilingual release both are in the body, and the lead has decided.
    """
    if not release.languages:
        return None
    parts = [
        (span, mass)
        for start, end in kept
        for span in release.languages
        if (mass := _mass(release.text[max(start, span.start) : min(end, span.end)]))
    ]
    scores = weigh_languages((span.language, mass) for span, mass in parts)
    if not scores:
        return None
    primary = next((span.language for span in release.languages if _same(span.language, release.language)), "")
    scores[primary] = scores.get(primary, 0.0) + (LEAD_WEIGHT if primary in scores else 0.0)
    best = max(scores, key=lambda language: scores[language])
    if best == primary or not scores[best]:
        return None
    return _settled([(span, mass) for span, mass in parts if span.language == best])


def _settled(parts: Sequence[tuple[LanguageSpan, float]]) -> Settled:
    total = sum(mass for _, mass in parts)
    confidence = sum(span.confidence * mass for span, mass in parts) / total
    return Settled(parts[0][0].language, parts[0][0].script, round(confidence, 4))


def _same(language: str, other: str) -> bool:
    """`pt` and `pt-BR`: the source's hint may have added a region."""
    return other == language or other.startswith(f"{language}-")


def _mass(text: str) -> float:
    return sum(SINIC_WIDTH if script in _WIDE else 1.0 for c in text if (script := script_of(c)))
