"""What is counted of a release that has all stages behind it: a few numbers instead of the release itself."""

from collections import Counter
from dataclasses import dataclass

from streams.records import CleanRelease, EnrichedRelease, EntityType, IdentifiedRelease, Label, RawRelease
from streams.stages.language_pool import FIFTEEN, MALAYIC

LANGUAGES = (*sorted(FIFTEEN - {MALAYIC}), "und", "other")
"""The languages that metrics tell apart: a detector knows two hundred, and each would be a series of its own."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Crosses from the pool with the outcome, so it holds no text."""

    language: str
    """One of `LANGUAGES`."""
    source: str
    """As the release says it; `Metrics` knows its class."""
    confidence: float
    kept_share: float | None = None
    """Characters of the body for each of the text, 0 to 1. None: no text, or nothing took boilerplate off."""
    segments: tuple[tuple[Label, int], ...] = ()
    entities: tuple[tuple[EntityType, int], ...] = ()
    """Empty where none was found."""
    received_at: float | None = None
    """Unix time."""


def find(record: RawRelease) -> Findings | None:
    """Sum up a release; None for one that nobody identified."""
    if not isinstance(record, IdentifiedRelease):
        return None
    language = record.language if record.language in LANGUAGES else "other"
    received_at = record.received_at.timestamp() if record.received_at else None
    if not isinstance(record, CleanRelease):
        return Findings(language, record.source, record.confidence, received_at=received_at)
    return Findings(
        language,
        record.source,
        record.confidence,
        len(record.body) / len(record.text) if record.text else None,
        tuple(Counter(segment.label for segment in record.segments).items()),
        tuple(Counter(entity.type for entity in record.entities).items())
        if isinstance(record, EnrichedRelease)
        else (),
        received_at,
    )
