"""Every metric, declared together: base units, closed labels, one registry per worker."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from streams.errors import Reason

STAGE_BUCKETS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Seconds of one stage for one release: tenths of a millisecond to the whole time budget."""

AGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""Seconds from an event's Kafka timestamp to its outcome on the broker: a desk's milliseconds to a backlog's hour."""

WINDOW_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The metrics of one worker. `hop` is a hop's name, `stage` a stage's, `reason` a word of `errors.Reason`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"news_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"news_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"news_{name}", text, labels, buckets=buckets, registry=registry)

        self.received = counter("received", "Events taken from the hop's topic.", "hop")
        self.sent = counter("sent", "Releases whose outcome is on the hop's target topic.", "hop")
        self.dead_letters = counter("dead_letters", "Releases that became dead letters.", "hop", "reason")
        self.in_flight = gauge("in_flight", "Events taken and not yet acked.", "hop")
        self.holds = counter("holds", "Releases held back until their hour, another version or a kill.", "hop")
        self.held = gauge("held", "Releases that this worker holds now.")
        self.released = counter("released", "Held releases let out at their hour.")
        self.release_late_seconds = histogram(
            "release_late_seconds", "From a held release's hour to its event on the broker.", AGE_BUCKETS
        )
        self.left = counter("left", "Events left to the new owner of their partition.", "hop")
        self.languages = counter("languages", "Releases sent by the last hop, by language.", "language")
        self.taken_apart = counter(
            "taken_apart", "Events with several releases, sent back to their topic one by one.", "hop"
        )
        self.kills = counter("kills", "Tombstones passed on.", "hop")
        self.stage_seconds = histogram(
            "stage_duration_seconds", "One stage's work on one release.", STAGE_BUCKETS, "stage"
        )
        self.age_seconds = histogram(
            "age_seconds", "From the event's Kafka timestamp to its outcome on the broker.", AGE_BUCKETS, "hop"
        )
        self.window_releases = histogram("window_releases", "Events per window.", WINDOW_BUCKETS, "hop")
        self.delivery_seconds = histogram(
            "delivery_duration_seconds", "One window's outcomes to the broker.", AGE_BUCKETS, "hop"
        )
        self.delivery_retries = counter("delivery_retries", "Deliveries tried again after broker trouble.", "hop")
        self.pool_restarts = counter(
            "pool_restarts", "Pool processes that ended at work, by cause (timeout, crash).", "hop", "cause"
        )
        self.rebalances = counter("rebalances", "Group rebalances that this worker took part in.", "hop")
        self.lag_records = gauge(
            "lag_records", "Records on the broker that the group has not committed.", "hop", "partition"
        )
        self.stuck_seconds = gauge(
            "stuck_seconds", "Longest time that one of our partitions had lag and no commit.", "hop"
        )
        self.joined = gauge("joined", "1 when the hop has partitions or knows that it gets none.", "hop")
        self.info = Info("news_worker", "What this worker runs.", registry=registry)

    def expect(self, hop: str, stages: tuple[str, ...]) -> None:
        """Show the hop's counters at zero from the start: an increase from nothing is none to Prometheus."""
        counted = (self.received, self.sent, self.taken_apart, self.kills, self.holds, self.left)
        for each in (*counted, self.delivery_retries, self.rebalances):
            each.labels(hop)
        for reason in Reason:
            self.dead_letters.labels(hop, reason.value)
        for cause in ("timeout", "crash"):
            self.pool_restarts.labels(hop, cause)
        for stage in stages:
            self.stage_seconds.labels(stage)
