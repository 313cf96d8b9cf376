"""What `tag_entities` knows, loaded once for all tests: it takes seconds."""

from functools import cache

from streams.stage import StageConfig, config_directory
from streams.stages.tag_entities import EntityKit, prepare


@cache
def entity_kit() -> EntityKit:
    """The kit of the shipped configuration."""
    return prepare(StageConfig(config_directory()))
