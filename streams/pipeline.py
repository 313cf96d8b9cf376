"""THE PIPELINE: which stages there are, in which order, and how a record goes through some of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streams import __version__
from streams.records import Enrichment, RawRelease
from streams.stage import Stage, StageConfig
from streams.stages.detect_language import DETECT_LANGUAGE
from streams.stages.strip_boilerplate import STRIP_BOILERPLATE
from streams.stages.tag_entities import TAG_ENTITIES

AnyStage = Stage[Any, Any, Any]

PIPELINE: tuple[AnyStage, ...] = (DETECT_LANGUAGE, STRIP_BOILERPLATE, TAG_ENTITIES)

STAGES: Mapping[str, AnyStage] = {stage.name: stage for stage in PIPELINE}


@dataclass(frozen=True, slots=True)
class Line:
    """Stages made ready in this process, in order, with the stamp their records get."""

    stages: tuple[tuple[AnyStage, Any], ...]
    """Each stage with its kit."""
    enrichment: Enrichment

    @property
    def reads(self) -> type[RawRelease]:
        """The record that goes in."""
        return self.stages[0][0].reads

    @property
    def writes(self) -> type[RawRelease]:
        """The record that comes out."""
        return self.stages[-1][0].writes


def prepare(names: Sequence[str], directory: Path, options: Mapping[str, Mapping[str, Any]], config: str) -> Line:
    """Load what the named stages know: seconds, once per process. `options` are the stages' own settings."""
    ready = []
    for name in names:
        stage = STAGES[name]
        ready.append((stage, stage.prepare(StageConfig(directory, options.get(name, {})))))
    models = {stage.name: kit.version for stage, kit in ready}
    return Line(tuple(ready), Enrichment(newsmill=__version__, models=models, config=config))


def run(record: RawRelease, line: Line) -> RawRelease:
    """Take one record through the line. Raises what the stages raise: the caller decides what a failure means."""
    for stage, kit in line.stages:
        record = stage.apply(record, kit)
    return stamp(record, line)


def stamp(record: RawRelease, line: Line) -> RawRelease:
    """Add which code, models and configuration made the record to what earlier hops wrote there."""
    models = {**record.enrichment.models, **line.enrichment.models}
    return replace(record, enrichment=replace(line.enrichment, models=models))
