"""Hops: lists of stages between two topics, and the names that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streams.errors import Exit, Fatal
from streams.pipeline import STAGES
from streams.records import RawRelease
from streams.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Hop:
    """Some stages in a row, what they read and where the result goes."""

    stages: tuple[str, ...]
    source: str
    """The topic it reads."""
    target: str
    """The topic it writes."""
    dead_letters: str
    group: str
    """Its consumer group: one per hop, so that each scales, lags and rebalances by itself."""
    last: bool
    """Whether what it writes leaves the pipeline: routes and the gate are here."""
    gate: tuple[str, ...] = ()
    """Of the last hop: the topics of what is remembered and of what is held."""

    @property
    def name(self) -> str:
        """The stage's name, or first and last of several: the word for it in metrics, logs and group ids."""
        return self.stages[0] if len(self.stages) == 1 else f"{self.stages[0]}..{self.stages[-1]}"


def topic_of(record: type[RawRelease], prefix: str) -> str:
    """The topic that carries a record: `newsmill.release.raw.v1` travels on `<prefix>.raw.v1`."""
    return f"{prefix}.{record().schema.removeprefix('newsmill.release.')}"


def dead_letter_topic(prefix: str) -> str:
    """Where dead letters go."""
    return f"{prefix}.dead-letter.v1"


def state_topic(prefix: str) -> str:
    """Where the gate remembers what became of each release; compacted."""
    return f"{prefix}.state.v1"


def held_topic(prefix: str) -> str:
    """Where the gate holds what may not go out yet; compacted."""
    return f"{prefix}.held.v1"


def plan(settings: Settings, only: Sequence[str] = ()) -> tuple[Hop, ...]:
    """The hops to run: all of them, or those made of the stages in `only`.

    Raises `Fatal` when `only` would cut a hop in two.
    """
    prefix = settings.topics.prefix
    hops = []
    for number, stages in enumerate(settings.hops, start=1):
        hop = Hop(
            stages=stages,
            source=topic_of(STAGES[stages[0]].reads, prefix),
            target=topic_of(STAGES[stages[-1]].writes, prefix),
            dead_letters=dead_letter_topic(prefix),
            group="",
            last=number == len(settings.hops),
            gate=(state_topic(prefix), held_topic(prefix)) if number == len(settings.hops) else (),
        )
        hops.append(_named(hop, settings.group.id))
    if not only:
        return tuple(hops)
    if unknown := set(only) - set(STAGES):
        raise Fatal(Exit.USAGE, f"no stage is called {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    chosen = tuple(hop for hop in hops if set(hop.stages) & set(only))
    if cut := [hop for hop in chosen if not set(hop.stages) <= set(only)]:
        raise Fatal(
            Exit.USAGE,
            f"--stage would cut the hop {list(cut[0].stages)} in two: name all of its stages, or give each a hop of "
            "its own in the setting `hops`",
        )
    return chosen


def _named(hop: Hop, group: str) -> Hop:
    return replace(hop, group=f"{group}.{hop.name}")
