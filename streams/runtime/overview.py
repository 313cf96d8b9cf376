"""What workers did between two looks at their metrics: the figures of `newsmill top`."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Look:
    """Samples of one or more workers at one time, added up by name and labels."""

    at: float
    """Seconds, of a clock that never goes back."""
    samples: Mapping[Key, float]
    versions: frozenset[str] = frozenset()
    away: Mapping[str, str] = field(default_factory=dict)
    """Address to what is wrong, of workers that did not answer."""


def read_look(at: float, pages: Iterable[str], away: Mapping[str, str]) -> Look:
    """Add up the `/metrics` pages of workers."""
    samples: defaultdict[Key, float] = defaultdict(float)
    versions = set()
    for page in pages:
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                samples[sample.name, tuple(sorted(sample.labels.items()))] += sample.value
                if sample.name == "news_worker_info":
                    versions.add(sample.labels.get("version", ""))
    return Look(at, samples, frozenset(versions), away)


@dataclass(frozen=True, slots=True)
class HopFigures:
    """One hop: rates are per second, latencies seconds or NaN where nothing happened."""

    name: str
    received: float
    sent: float
    dead_letters: float
    in_flight: int
    lag: int
    p50: float
    p99: float
    stuck_seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything between two looks."""

    seconds: float
    versions: tuple[str, ...]
    away: Mapping[str, str]
    hops: tuple[HopFigures, ...]
    stages: Mapping[str, tuple[float, float]]
    """Stage to releases per second and seconds per release."""
    languages: Mapping[str, float]
    """Language to releases per second, the most first."""
    dead_letters: Mapping[str, Mapping[str, float]]
    """Hop to reason to dead letters since the workers started, the most first; without those that never were."""
    held: int


def compare(before: Look, after: Look) -> Figures:
    """Tell what happened between two looks. A worker that started in between counts from its start."""
    seconds = max(after.at - before.at, 1e-9)
    change = {
        key: value - (was if (was := before.samples.get(key, 0.0)) <= value else 0.0)
        for key, value in after.samples.items()
    }

    def rates(name: str, label: str) -> dict[str, float]:
        found = {value: amount / seconds for value, amount in _by(change, name, label).items()}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    received, sent, dead = (rates(f"news_{word}_total", "hop") for word in ("received", "sent", "dead_letters"))
    in_flight, lag = (_by(after.samples, name, "hop") for name in ("news_in_flight", "news_lag_records"))
    stuck = _by(after.samples, "news_stuck_seconds", "hop")
    counts = _by(change, "news_stage_duration_seconds_count", "stage")
    times = _by(change, "news_stage_duration_seconds_sum", "stage")
    return Figures(
        seconds=seconds,
        versions=tuple(sorted(after.versions)),
        away=after.away,
        hops=tuple(
            HopFigures(
                name=hop,
                received=received[hop],
                sent=sent.get(hop, 0.0),
                dead_letters=dead.get(hop, 0.0),
                in_flight=int(in_flight.get(hop, 0)),
                lag=int(lag.get(hop, 0)),
                p50=quantile(0.5, _buckets(change, hop)),
                p99=quantile(0.99, _buckets(change, hop)),
                stuck_seconds=stuck.get(hop, 0.0),
            )
            for hop in _by(after.samples, "news_received_total", "hop")
        ),
        stages={
            stage: (count / seconds, times.get(stage, 0.0) / count if count else math.nan)
            for stage, count in counts.items()
        },
        languages={language: rate for language, rate in rates("news_releases_total", "language").items() if rate},
        dead_letters=_dead_letters(after.samples),
        held=int(sum(value for (name, _), value in after.samples.items() if name == "news_held")),
    )


def quantile(share: float, buckets: Mapping[float, float]) -> float:
    """Estimate a quantile from the counts up to each bound, evenly spread within a bucket, as Prometheus does.

    NaN without observations; the last finite bound where the quantile lies beyond it.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if not total:
        return math.nan
    below, lower = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= share * total:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * (share * total - below) / (buckets[bound] - below)
        below, lower = buckets[bound], bound
    return lower


def _by(samples: Mapping[Key, float], name: str, label: str) -> dict[str, float]:
    """Sums by one label, in the order of the page."""
    found: dict[str, float] = {}
    for (sample, labels), value in samples.items():
        if sample == name:
            word = dict(labels).get(label, "")
            found[word] = found.get(word, 0.0) + value
    return found


def _buckets(samples: Mapping[Key, float], hop: str) -> dict[float, float]:
    found: dict[float, float] = {}
    for (name, labels), value in samples.items():
        if name == "news_age_seconds_bucket" and (had := dict(labels)).get("hop") == hop:
            bound = float(had["le"])
            found[bound] = found.get(bound, 0.0) + value
    return found


def _dead_letters(samples: Mapping[Key, float]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (name, labels), value in samples.items():
        if name == "news_dead_letters_total" and value:
            had = dict(labels)
            reasons = found.setdefault(had["hop"], {})
            reasons[had["reason"]] = reasons.get(had["reason"], 0.0) + value
    return {hop: dict(sorted(reasons.items(), key=lambda item: -item[1])) for hop, reasons in found.items()}
