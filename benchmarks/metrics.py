"""What counting costs: the share of a release's work that goes into metrics, in one run on one process.

    python -m benchmarks.metrics [--releases 400] [--rounds 5]

The same releases go through all stages and then through everything that is counted of them: the summing up in the
pool's process, and the counters and histograms in the parent. Both are timed in turn within the same run, so that their
ratio holds on a busy machine, too. The parent works beside the pool: where there are cores to spare its part costs no
throughput, so the sum is the upper bound. Results are kept by hand in benchmarks/RESULTS.md.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry

from benchmarks.pipeline import incoming, releases
from streams.runtime import events, findings, hops, routes, settings, work
from streams.runtime.duplicates import Recent
from streams.runtime.events import Done
from streams.runtime.metrics import Metrics

FUSED = (("detect_language", "strip_boilerplate", "tag_entities"),)


def main() -> None:
    """Time the stages and the counting in turn, and print the ratio."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--releases", type=int, default=400)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    shipped = settings.load(overrides={"hops": FUSED})
    (hop,) = hops.plan(shipped)
    worker = work.prepare(work.task_of(hop, shipped, routes.load(shipped.data, shipped.topics.prefix)))
    metrics = Metrics(CollectorRegistry(), shipped.metrics)
    metrics.expect(hop)
    recent = Recent()
    window = [incoming(number, release) for number, release in enumerate(releases(options.releases))]

    def count(outcomes: Sequence[events.Outcome]) -> None:
        """What `agents.Loop` does of it for each event, from taking it in to acking it."""
        now = time.time()
        for outcome in outcomes:
            assert isinstance(outcome, Done)
            assert outcome.findings is not None
            metrics.received.labels(hop.name).inc()
            metrics.in_flight.labels(hop.name).set(1)
            metrics.age_seconds.labels(hop.name).observe(0.1)
            metrics.count_stages(hop.stages, outcome.parse_seconds, outcome.stage_seconds)
            metrics.count_findings(outcome.findings)
            metrics.sent.labels(hop.name).inc()
            recent.again(events.header(outcome.messages[0].headers, "ce_id"))
            metrics.end_to_end_seconds.labels(outcome.findings.language).observe(
                max(0.0, now - (outcome.findings.received_at or now))
            )

    working, summing, counting = [], [], []
    for number in range(options.rounds + 1):
        seconds, outcomes = _timed(work.process_window, worker, window)
        records = [worker._read(each, each.value or b"") for each in window]
        finished = [_through(worker, record) for record in records]
        summed, _ = _timed(list, map(findings.find, finished))
        counted, _ = _timed(count, outcomes)
        if number:  # the first round warms up
            working.append(seconds)
            summing.append(summed / seconds)
            counting.append(counted / (seconds + counted))
    each = statistics.median(working) / options.releases
    print(f"a release: {each * 1e3:.2f} ms of work, summing up included")
    print(f"summing up in the pool: {statistics.median(summing):.2%} of it")
    print(f"counting in the parent: {statistics.median(counting):.2%} of work and counting")


def _through(worker: work.Worker, record: Any) -> Any:
    for stage, kit in worker.line.stages:
        record = stage.apply(record, kit)
    return record


def _timed(call: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    began = time.process_time()
    result = call(*arguments)
    return time.process_time() - began, result


if __name__ == "__main__":
    main()
