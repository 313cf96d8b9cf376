"""The line stage of `strip_boilerplate` in Rust: native/."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

BULLETS: str
DECORATION: str
LONG: float
PROSE: float

Row = tuple[int, int, int, str, int, tuple[Any, ...], float, bool, bool, str]

class Cues:
    def __new__(
        cls,
        patterns: Sequence[tuple[Any, str, str, bool, Sequence[str], bool]],
        names: Sequence[str],
        months: Sequence[str],
        dated: Callable[[str], int],
    ) -> Cues: ...
    def found(self, key: str, *, every: bool = False) -> list[int]: ...
    def cues_of(self, numbers: Sequence[int]) -> tuple[Any, ...]: ...
    def is_in(self, number: int, text: str) -> bool: ...
    def read(
        self, text: str, title: str, markup: Mapping[int, Sequence[str]], model: LineModel, limit: int
    ) -> list[Row]: ...
    def spell(self, text: str, title: str, markup: Mapping[int, Sequence[str]]) -> list[list[str]]: ...

class LineModel:
    def __new__(
        cls,
        labels: Sequence[str],
        features: Sequence[str],
        weights: Sequence[Sequence[float]],
        transitions: Sequence[Sequence[float]],
    ) -> LineModel: ...
    def tag(self, lines: Sequence[Sequence[str]]) -> list[str]: ...

class Expression:
    def __new__(cls, pattern: str) -> Expression: ...
    def find(self, text: str) -> int | None: ...
    def group(self, text: str) -> str | None: ...

def matching_key(text: str) -> str: ...

class PatternError(ValueError):
    """The number of a pattern that is none, and what is wrong with it."""
