"""A stage is data: what it reads, what it writes, how it gets ready and what it does."""

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from streams.records import RawRelease


class Kit(Protocol):
    """What a stage knows: models, tables, compiled patterns. Made once per process, never changed after."""

    @property
    def version(self) -> str:
        """Names the models and data inside, for the enrichment stamp."""


In = TypeVar("In", bound=RawRelease)
Out = TypeVar("Out", bound=RawRelease)
K = TypeVar("K", bound=Kit)


@dataclass(frozen=True, slots=True)
class StageConfig:
    """What a stage may ask of the configuration: data files of `config/`, and its own table of settings."""

    directory: Path
    """The folder of `default.toml` and the data files."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The stage's table `[stages.<name>]` of the settings."""

    def path(self, name: str) -> Path:
        """The path of a data file, for libraries that read their models themselves."""
        return self.directory / name

    def table(self, name: str) -> dict[str, Any]:
        """A TOML file of the data folder, parsed."""
        return tomllib.loads(self.path(name).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Stage(Generic[In, Out, K]):
    """One step of the pipeline. `apply` is pure: same record and kit, same answer."""

    name: str
    """A verb and its object: the word for it in topics, metrics, settings and on the command line."""
    reads: type[In]
    writes: type[Out]
    prepare: Callable[[StageConfig], K]
    """Load what the stage knows. Called once per process; the only place where a stage reads files."""
    apply: Callable[[In, K], Out]
    """Raises `Unprocessable` where the release can never pass; anything else it raises counts as a bug."""


@cache
def config_directory() -> Path:
    """Find the shipped `config/`: inside the package when installed, beside it in a checkout."""
    package = Path(str(resources.files("streams")))
    inside = package / "config"
    return inside if inside.is_dir() else package.parent / "config"


def config_hash(config: StageConfig, data: str) -> str:
    """Hash a stage's options and its data folder `config/<data>`, for the enrichment stamp: 12 hex digits."""
    digest = hashlib.sha256(repr(sorted(config.options.items())).encode())
    for path in sorted(p for p in config.path(data).rglob("*") if p.is_file()):
        digest.update(path.relative_to(config.directory).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
