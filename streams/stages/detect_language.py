"""Name the language a release tells its story in."""

from dataclasses import dataclass

import pycld2

from streams.codec import recast
from streams.records import IdentifiedRelease, LanguageGuess, RawRelease
from streams.stage import Stage, StageConfig, config_hash

UNDETERMINED = "und"


@dataclass(frozen=True, slots=True)
class LanguageKit:
    """What the stage knows."""

    version: str


def prepare(config: StageConfig) -> LanguageKit:
    """Load the models and tables."""
    return LanguageKit(version=f"pycld2-{pycld2.VERSION}+{config_hash(config, 'language')}")


def detect_language(release: RawRelease, kit: LanguageKit) -> IdentifiedRelease:  # noqa: ARG001 - the kit comes next
    """Add language, confidence and alternatives; a release without text passes as `und`."""
    text = "".join(c for c in f"{release.title}\n{release.text}" if c.isprintable() or c == "\n")
    _, _, guesses = pycld2.detect(text.encode(errors="replace"), bestEffort=True)
    named = [
        LanguageGuess(language=_TAGS.get(code, code), confidence=percent / 100)
        for _, code, percent, _ in guesses
        if code != "un"
    ]
    return recast(
        release,
        IdentifiedRelease,
        html="",
        language=named[0].language if named else UNDETERMINED,
        confidence=named[0].confidence if named else 0.0,
        alternatives=tuple(named[1:]),
    )


_TAGS = {"zh": "zh-Hans", "iw": "he"}

DETECT_LANGUAGE: Stage[RawRelease, IdentifiedRelease, LanguageKit] = Stage(
    name="detect_language",
    reads=RawRelease,
    writes=IdentifiedRelease,
    prepare=prepare,
    apply=detect_language,
)
