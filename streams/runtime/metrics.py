"""Every metric, declared together: base units, closed labels, one registry per worker."""

from collections.abc import Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from streams.errors import Reason
from streams.records import EntityType, Label
from streams.runtime.findings import LANGUAGES, Findings
from streams.runtime.gate import GATE
from streams.runtime.hops import Hop
from streams.runtime.settings import Counting
from streams.runtime.work import ENTRANCE

STAGE_BUCKETS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Seconds of one stage for one release: tenths of a millisecond to the whole time budget."""

AGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""Seconds from an event's Kafka timestamp to its outcome on the broker: a desk's milliseconds to a backlog's hour."""

WINDOW_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

KEPT_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Share of a release's text."""

NO_SOURCE, OTHER_SOURCE = "none", "other"
"""The classes of a release that names no source, and of one that no class is set for."""


class Metrics:
    """The metrics of one worker. `hop` is a hop's name, `stage` a stage's, `reason` a word of `errors.Reason`."""

    def __init__(self, registry: CollectorRegistry, counting: Counting | None = None) -> None:
        self.registry = registry
        self._low_confidence = counting.low_confidence if counting else 0.0
        self._classes = {
            name.casefold(): word
            for word, names in (counting.source_classes if counting else {}).items()
            for name in names
        }

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"news_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"news_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"news_{name}", text, labels, buckets=buckets, registry=registry)

        # Traffic: received = sent + dead letters + taken apart + holds + left + in flight, per hop.
        self.received = counter("received", "Events taken from the hop's topic.", "hop")
        self.sent = counter("sent", "Releases whose outcome is on the hop's target topic.", "hop")
        self.dead_letters = counter(
            "dead_letters", "Releases that became dead letters, by where they failed.", "hop", "stage", "reason"
        )
        self.taken_apart = counter(
            "taken_apart", "Events with several releases, sent back to their topic one by one.", "hop"
        )
        self.holds = counter("holds", "Releases held back until their hour, another version or a kill.", "hop")
        self.left = counter("left", "Events left to the new owner of their partition.", "hop")
        self.in_flight = gauge("in_flight", "Events taken and not yet acked.", "hop")
        self.kills = counter("kills", "Kills passed on: null values and canceled releases.", "hop")
        self.duplicates = counter("duplicates", "Events sent that the worker had sent before, by ce_id.", "hop")
        self.dead_letter_share = gauge(
            "dead_letter_share", "Share of the latest releases that count towards the dead-letter limit.", "hop"
        )
        self.dead_letter_limit_share = gauge(
            "dead_letter_limit_share", "Above this share the worker stops (dead_letter.limit_share).", "hop"
        )

        # Held releases.
        self.held = gauge("held", "Releases that this worker holds now.")
        self.released = counter("released", "Held releases let out at their hour.")
        self.release_late_seconds = histogram(
            "release_late_seconds", "From a held release's hour to its event on the broker.", AGE_BUCKETS
        )

        # Time.
        self.stage_seconds = histogram(
            "stage_duration_seconds", "One stage's work on one release that passed it.", STAGE_BUCKETS, "stage"
        )
        self.age_seconds = histogram(
            "age_seconds", "From the event's Kafka timestamp to its outcome on the broker.", AGE_BUCKETS, "hop"
        )
        self.end_to_end_seconds = histogram(
            "end_to_end_seconds", "From when a release first came in to its enriched event.", AGE_BUCKETS, "language"
        )
        self.delivery_seconds = histogram(
            "delivery_duration_seconds", "One window's outcomes to the broker.", AGE_BUCKETS, "hop"
        )
        self.delivery_retries = counter("delivery_retries", "Deliveries tried again after broker trouble.", "hop")

        # The worker's insides.
        self.window_releases = histogram("window_releases", "Events per window.", WINDOW_BUCKETS, "hop")
        self.pool_processes = gauge("pool_processes", "Processes of the pool.")
        self.pool_busy = gauge("pool_busy", "Processes with a window.")
        self.pool_queue = gauge("pool_queue", "Windows that wait for a process.")
        self.pool_restarts = counter(
            "pool_restarts", "Pool processes that ended at work, by cause (timeout, crash).", "hop", "cause"
        )
        self.loop_late_seconds = gauge(
            "loop_late_seconds", "How late the event loop came back from its last half second of sleep.", "hop"
        )
        self.commits = counter("commits", "Commits, by whether the broker took them (done, refused).", "hop", "result")
        self.rebalances = counter("rebalances", "Group rebalances that this worker took part in.", "hop")
        self.joined = gauge("joined", "1 when the hop has partitions or knows that it gets none.", "hop")

        # How far behind, as the broker says. Every worker reports all partitions: max before sum.
        self.lag_records = gauge(
            "lag_records", "Records on the broker that the group has not committed.", "hop", "partition"
        )
        self.lag_seconds = gauge(
            "lag_seconds", "Age of the oldest record that the group has not committed.", "hop", "partition"
        )
        self.stuck_seconds = gauge(
            "stuck_seconds", "Longest time that one of our partitions had lag and no commit.", "hop"
        )
        self.looked = gauge(
            "watchdog_look_timestamp_seconds", "When the watchdog last got an answer from the broker.", "hop"
        )

        # What the releases are like, after the last hop's stages.
        self.releases = counter(
            "releases", "Releases that went through the last hop's stages.", "language", "source_class"
        )
        self.low_confidence = counter(
            "low_confidence", "Releases whose language is less sure than metrics.low_confidence.", "language"
        )
        self.kept_share = histogram("kept_share", "Share of the text that the body keeps.", KEPT_BUCKETS, "language")
        self.empty_bodies = counter("empty_bodies", "Releases with text and without a body.", "language")
        self.segments = counter("segments", "Segments by what they are.", "label")
        self.entities = counter("entities", "Entities by type.", "language", "type")

        self.models = gauge(
            "stage_info", "1 for what each stage knows: version of models and data.", "stage", "version"
        )
        self.stopping = gauge("stopping", "1 when the worker ends, by exit code.", "code")
        self.info = Info("news_worker", "What this worker runs.", registry=registry)

    def expect(self, hop: Hop) -> None:
        """Show the hop's counters at zero from the start: an increase from nothing is none to Prometheus."""
        counted = (self.received, self.sent, self.taken_apart, self.kills, self.duplicates, self.holds, self.left)
        for each in (*counted, self.delivery_retries, self.rebalances, self.dead_letter_share):
            each.labels(hop.name)
        for stage in (ENTRANCE, *hop.stages, *((GATE,) if hop.last else ())):
            for reason in Reason:
                self.dead_letters.labels(hop.name, stage, reason.value)
        for cause in ("timeout", "crash"):
            self.pool_restarts.labels(hop.name, cause)
        for result in ("done", "refused"):
            self.commits.labels(hop.name, result)
        for stage in (ENTRANCE, *hop.stages):
            self.stage_seconds.labels(stage)
        if hop.last:
            self._expect_findings()

    def _expect_findings(self) -> None:
        for label in get_args(Label):
            self.segments.labels(label)
        for language in LANGUAGES:
            for each in (self.low_confidence, self.kept_share, self.empty_bodies, self.end_to_end_seconds):
                each.labels(language)
            for source_class in {NO_SOURCE, OTHER_SOURCE, *self._classes.values()}:
                self.releases.labels(language, source_class)
            for kind in get_args(EntityType):
                self.entities.labels(language, kind)

    def count_stages(self, stages: Sequence[str], parse_seconds: float, seconds: Sequence[float]) -> None:
        """Count the stages that a release passed, and how long each took."""
        if parse_seconds:
            self.stage_seconds.labels(ENTRANCE).observe(parse_seconds)
        for stage, took in zip(stages, seconds, strict=False):
            self.stage_seconds.labels(stage).observe(took)

    def count_findings(self, findings: Findings) -> None:
        """Count what a release is like."""
        language, source = findings.language, findings.source
        source_class = self._classes.get(source.casefold(), OTHER_SOURCE) if source else NO_SOURCE
        self.releases.labels(language, source_class).inc()
        if findings.confidence < self._low_confidence:
            self.low_confidence.labels(language).inc()
        if findings.kept_share is not None:
            self.kept_share.labels(language).observe(findings.kept_share)
            if not findings.kept_share:
                self.empty_bodies.labels(language).inc()
        for label, count in findings.segments:
            self.segments.labels(label).inc(count)
        for kind, count in findings.entities:
            self.entities.labels(language, kind).inc(count)
