"""Which of a release's languages is the one its story is told in."""

import math
from collections import defaultdict
from collections.abc import Iterable

FADE = 600.0
"""Mass over which a release's weight for its main language falls to a third: half the length of a short story."""
ENGLISH_WEIGHT = 0.5
"""English beside another language is boilerplate or a translation more often than the story."""
LEAD_WEIGHT = 80.0
"""For the language of what stands first and is clear: it settles two halves of one length."""


def weigh_languages(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Weigh languages by where they stand: what comes first weighs most, for boilerplate and translations stand below.

    Takes the parts of a release in order, each its language and its mass: letters, as many as Latin would have.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    seen = 0.0
    for language, mass in parts:
        weight = FADE * (math.exp(-seen / FADE) - math.exp(-(seen + mass) / FADE))
        scores[language] += weight * (ENGLISH_WEIGHT if language == "en" else 1.0)
        seen += mass
    return dict(scores)
