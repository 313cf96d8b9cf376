"""Write Grafana's dashboards from what is said here: `make dashboards`.

Built with grafana-foundation-sdk, so that a word that Grafana does not know fails here and not on somebody's screen.
Each panel says what it shows, and links to the heading of the runbook that it is looked at for. The runbook is a
dashboard, too, made from docs/runbook.md: the link then works wherever Grafana does.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from grafana_foundation_sdk.builders import bargauge, common, stat, table, text, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as query
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import bargauge as bargauge_model  # noqa: F401 - registers the panel's options
from grafana_foundation_sdk.models import common as shape
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prometheus_model
from grafana_foundation_sdk.models import text as text_model

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "config" / "grafana" / "dashboards"
RUNBOOK = ROOT / "docs" / "runbook.md"

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
ON = 'instance=~"$instance"'
"""In every query of ours: the worker. The variable `group` narrows which workers there are to choose from."""
HOP = f'hop=~"$stage", {ON}'
RATE = "[$__rate_interval]"
WEEK = " offset 1w"

SOFT_MOST = {"percentunit": 0.05, "s": 0.1}
"""By unit: an axis reaches at least so far, or it would blow up what is next to nothing."""

Steps = Sequence[tuple[float | None, str]]
GOOD_BAD: Steps = ((None, "green"), (1, "red"))
PLAIN: Steps = ((None, "text"),)


@dataclass(frozen=True)
class Panel:
    """A panel, in our words. `width` is of 24 columns."""

    kind: Literal["stat", "lines", "stack", "bars", "table", "text"]
    title: str
    description: str
    queries: tuple[tuple[str, str], ...] = ()
    """PromQL and legend. A legend that ends in "last week" is drawn dashed and grey."""
    unit: str = "short"
    runbook: str = ""
    """The alert whose heading says what to do."""
    width: int = 8
    height: int = 8
    steps: Steps = PLAIN
    most: float | None = None
    decimals: int | None = None
    columns: dict[str, str] = field(default_factory=dict)
    """Of a table: label to heading, in order; others are left out."""
    content: str = ""
    words: dict[int, str] = field(default_factory=dict)
    """Of a stat: numbers that are shown as words."""


Row = tuple[str, tuple[Panel, ...]]


def number(
    title: str,
    description: str,
    expression: str,
    unit: str,
    runbook: str,
    width: int,
    steps: Steps,
    **more: Any,
) -> Panel:
    """One number that a glance takes in."""
    return Panel("stat", title, description, ((expression, ""),), unit, runbook, width, 4, steps, **more)


def lines(title: str, description: str, *queries: tuple[str, str], unit: str, runbook: str, **more: Any) -> Panel:
    """Lines over time, and the thresholds, where there are some."""
    return Panel("lines", title, description, queries, unit, runbook, **more)


def stack(title: str, description: str, *queries: tuple[str, str], unit: str, runbook: str, **more: Any) -> Panel:
    """Areas over time, one on the other."""
    return Panel("stack", title, description, queries, unit, runbook, **more)


def main() -> None:
    """Replace the dashboards by what is said here."""
    for name, content in rendered().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
        print(FOLDER / name)


def rendered() -> dict[str, str]:
    """File name to JSON of every dashboard."""
    pages = {
        "overview": (
            "Newsmill overview",
            "Is it running, how far behind, how slow, what fails: top row first.",
            OVERVIEW,
        ),
        "quality": (
            "Newsmill language and quality",
            "What the releases are like, against the same hour last week.",
            QUALITY,
        ),
        "dead-letters": (
            "Newsmill dead letters",
            "What could not be processed: why, where, and how to look at it.",
            DEAD,
        ),
        "workers": ("Newsmill workers", "The insides: pool, delivery, group, watchdog, machine.", WORKERS),
    }
    made = {f"newsmill-{key}.json": _json(_page(f"newsmill-{key}", *page)) for key, page in pages.items()}
    return made | {"newsmill-runbook.json": _json(_runbook())}


# --- What is shown --------------------------------------------------------------------------------------------------


def _none(label: str) -> str:
    """Zero, named "none": for where nothing is the good answer, and an empty panel would look broken."""
    return f'label_replace(vector(0), "{label}", "none", "", "")'


def _dead_by(label: str) -> str:
    return f"sum by ({label}) (rate(news_dead_letters_total{{{HOP}}}{RATE})) > 0 or on () {_none(label)}"


def _p99(metric: str, by: str, where: str = ON, share: float = 0.99) -> str:
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{{{where}}}{RATE})))"


def _share_of_language(metric: str, whole: str, offset: str = "") -> str:
    return (
        f"sum by (language) (increase({metric}{{{ON}}}[1h]{offset}))"
        f" / (sum by (language) (increase({whole}{{{ON}}}[1h]{offset})) > 0)"
    )


def _share(metric: str, whole: str, offset: str = "") -> str:
    return f"sum(increase({metric}[1h]{offset})) / (sum(increase({whole}[1h]{offset})) > 0)"


def _twice(expression: str) -> str:
    """The same, a week ago: every range gets the offset."""
    return re.sub(r"(\[1h\])", rf"\1{WEEK}", expression)


LAG_SECONDS = f"max by (hop) (news_lag_seconds{{{HOP}}})"
LAG_RECORDS = f"sum by (hop) (max by (hop, partition) (news_lag_records{{{HOP}}}))"
DEAD_SHARE = (
    f"(sum(rate(news_dead_letters_total{{{HOP}}}[5m])) or vector(0)) / "
    f"(sum(rate(news_received_total{{{HOP}}}[5m])) > 0) or vector(0)"
)
BUSY = f"sum(rate(news_stage_duration_seconds_sum{{{ON}}}{RATE})) / sum(news_pool_processes{{{ON}}})"
OURS = 'reason=~"bug|crashed|timeout"'
FIRING = 'ALERTS{alertname=~"Newsmill.*", alertstate="firing"}'

OVERVIEW: tuple[Row, ...] = (
    (
        "",
        (
            number(
                "Workers",
                "Workers that answer. Red: none does.",
                f'sum(up{{job="newsmill", {ON}}}) or vector(0)',
                "none",
                "NewsmillDown",
                3,
                ((None, "red"), (1, "green")),
            ),
            number(
                "Alerts",
                "Alerts that fire now; which, and what to do, is in the table below.",
                f"count({FIRING}) or vector(0)",
                "none",
                "NewsmillNoProgress",
                3,
                GOOD_BAD,
                words={0: "none"},
            ),
            number(
                "Enriched",
                "Releases a second that went through all stages.",
                f"sum(rate(news_releases_total{{{ON}}}{RATE}))",
                "suffix:/s",
                "NewsmillNoProgress",
                3,
                ((None, "blue"),),
            ),
            number(
                "Behind",
                "Age of the oldest release that waits, in the stage where it is oldest.",
                f"max(news_lag_seconds{{{HOP}}})",
                "s",
                "NewsmillLagGrowing",
                3,
                ((None, "green"), (10, "orange"), (60, "red")),
            ),
            number(
                "Waiting",
                "Releases on the stages' topics that nobody has done yet.",
                f"sum({LAG_RECORDS})",
                "short",
                "NewsmillLagGrowing",
                3,
                ((None, "blue"),),
            ),
            number(
                "End to end, p99",
                "99 of 100 releases are enriched within this long of coming in. Objective: 10 s.",
                _p99("news_end_to_end_seconds", ""),
                "s",
                "NewsmillLateFast",
                3,
                ((None, "green"), (5, "orange"), (10, "red")),
            ),
            number(
                "Dead letters",
                "Share of the releases of five minutes that became dead letters.",
                DEAD_SHARE,
                "percentunit",
                "NewsmillDeadLetters",
                3,
                ((None, "green"), (0.01, "orange"), (0.05, "red")),
            ),
            number(
                "Budget burn",
                "How fast the error budget (1 in 100 over 10 s) burned in the last hour: at 1 it lasts the "
                "month, at 14 two days.",
                "newsmill:late:share1h / 0.01",
                "none",
                "NewsmillLateFast",
                3,
                ((None, "green"), (1, "orange"), (14.4, "red")),
                decimals=1,
            ),
        ),
    ),
    (
        "What to do",
        (
            Panel(
                "table",
                "Firing now",
                "Every alert that fires, with the stage or worker it is about. Its name is its heading in the runbook.",
                ((FIRING, ""),),
                runbook="NewsmillNoProgress",
                width=11,
                height=6,
                columns={
                    "alertname": "Alert",
                    "severity": "Severity",
                    "hop": "Stage",
                    "reason": "Reason",
                    "language": "Language",
                },
            ),
            Panel(
                "bars",
                "Slowest languages",
                "End to end, p99, by language: a slow one is its stage's rules or its source.",
                ((f"topk(6, {_p99('news_end_to_end_seconds', 'language')} > 0)", "{{language}}"),),
                "s",
                "NewsmillLateFast",
                5,
                6,
                ((None, "green"), (5, "orange"), (10, "red")),
            ),
            Panel(
                "bars",
                "Failing where",
                "Dead letters of the last hour by stage and reason.",
                (
                    (
                        f"topk(6, sum by (stage, reason) (increase(news_dead_letters_total{{{HOP}}}[1h])) > 0)"
                        f" or on () {_none('reason')}",
                        "{{reason}} {{stage}}",
                    ),
                ),
                "short",
                "NewsmillDeadLetters",
                8,
                6,
                ((None, "orange"),),
                decimals=0,
            ),
        ),
    ),
    (
        "Traffic and errors",
        (
            lines(
                "Traffic in",
                "Events a second that each stage takes.",
                (f"sum by (hop) (rate(news_received_total{{{HOP}}}{RATE}))", "{{hop}}"),
                unit="suffix:/s",
                runbook="NewsmillNoProgress",
            ),
            lines(
                "Traffic out",
                "Releases a second whose outcome each stage has put on its topic.",
                (f"sum by (hop) (rate(news_sent_total{{{HOP}}}{RATE}))", "{{hop}}"),
                unit="suffix:/s",
                runbook="NewsmillNoProgress",
            ),
            stack(
                "Dead letters by reason",
                "Dead letters a second. Reasons bug, crashed and timeout are ours.",
                (_dead_by("reason"), "{{reason}}"),
                unit="suffix:/s",
                runbook="NewsmillDeadLetters",
            ),
        ),
    ),
    (
        "Latency",
        (
            lines(
                "End to end",
                "From when a release came in to its enriched event. The line is the objective.",
                *(
                    (_p99("news_end_to_end_seconds", "", share=share), name)
                    for share, name in ((0.5, "p50"), (0.99, "p99"))
                ),
                unit="s",
                runbook="NewsmillLateFast",
                steps=((None, "green"), (10, "red")),
            ),
            lines(
                "Age by stage, p99",
                "From the event's Kafka timestamp to its outcome, waiting included.",
                (_p99("news_age_seconds", "hop", HOP), "{{hop}}"),
                unit="s",
                runbook="NewsmillLateFast",
            ),
            lines(
                "Work by stage, p99",
                "The stage's own work on one release; parse is reading the bytes.",
                (_p99("news_stage_duration_seconds", "stage"), "{{stage}}"),
                unit="s",
                runbook="NewsmillLateFast",
            ),
        ),
    ),
    (
        "Lag and saturation",
        (
            lines(
                "Lag by stage",
                "Age of the oldest release that waits. Growing: more comes in than goes out.",
                (LAG_SECONDS, "{{hop}}"),
                unit="s",
                runbook="NewsmillLagGrowing",
                steps=((None, "green"), (60, "red")),
            ),
            lines(
                "Waiting by stage",
                "Releases that wait, on all partitions.",
                (LAG_RECORDS, "{{hop}}"),
                unit="short",
                runbook="NewsmillLagGrowing",
            ),
            lines(
                "Saturation",
                "Share of the pool's time that goes into stages. Near 1 with lag: add processes or workers.",
                (BUSY, "pool busy"),
                unit="percentunit",
                runbook="NewsmillLagGrowing",
                steps=((None, "green"), (0.9, "red")),
                most=1,
            ),
        ),
    ),
)

LANGUAGE_SHARE = (
    f"sum by (language) (increase(news_releases_total{{{ON}}}[1h]))"
    f" / on () group_left () (sum(increase(news_releases_total{{{ON}}}[1h])) > 0)"
)
KEPT = f"sum(increase(news_kept_share_sum{{{ON}}}[1h])) / (sum(increase(news_kept_share_count{{{ON}}}[1h])) > 0)"
ENTITIES = f"sum(increase(news_entities_total{{{ON}}}[1h])) / (sum(increase(news_releases_total{{{ON}}}[1h])) > 0)"
UND = _share(f'news_releases_total{{language="und", {ON}}}', f"news_releases_total{{{ON}}}")
LOW = _share(f"news_low_confidence_total{{{ON}}}", f"news_releases_total{{{ON}}}")
EMPTY = _share(f"news_empty_bodies_total{{{ON}}}", f"news_kept_share_count{{{ON}}}")

QUALITY: tuple[Row, ...] = (
    (
        "",
        (
            number(
                "Releases, last hour",
                "How many releases the shares on this page are of.",
                f"sum(increase(news_releases_total{{{ON}}}[1h]))",
                "short",
                "NewsmillLanguageShift",
                4,
                ((None, "blue"),),
                decimals=0,
            ),
            number(
                "Mix moved",
                "Share of the releases in other languages than in this hour last week.",
                "newsmill:language:shift1h or vector(0)",
                "percentunit",
                "NewsmillLanguageShift",
                4,
                ((None, "green"), (0.1, "orange"), (0.25, "red")),
            ),
            number(
                "No language",
                "Share of the releases that stay und.",
                UND,
                "percentunit",
                "NewsmillLanguageShift",
                4,
                ((None, "green"), (0.05, "orange"), (0.2, "red")),
            ),
            number(
                "Unsure",
                "Share of the releases whose language is less sure than metrics.low_confidence.",
                LOW,
                "percentunit",
                "NewsmillLanguageShift",
                4,
                ((None, "green"), (0.1, "orange"), (0.3, "red")),
            ),
            number(
                "Empty bodies",
                "Share of the releases with text whose body is empty.",
                EMPTY,
                "percentunit",
                "NewsmillEmptyBodies",
                4,
                ((None, "green"), (0.01, "orange"), (0.05, "red")),
            ),
            number(
                "Entities a release",
                "Mean number of entities.",
                ENTITIES,
                "none",
                "NewsmillLanguageShift",
                4,
                ((None, "blue"),),
                decimals=1,
            ),
        ),
    ),
    (
        "Language",
        (
            stack(
                "Share by language",
                "Of the releases of the last hour.",
                (f"{LANGUAGE_SHARE} > 0", "{{language}}"),
                unit="percentunit",
                runbook="NewsmillLanguageShift",
                width=12,
                height=13,
                most=1,
            ),
            Panel(
                "bars",
                "Against last week",
                "Share of each language now less its share in the same hour last week: right of zero "
                "there is more of it.",
                ((f"sort_desc(({LANGUAGE_SHARE}) - ({_twice(LANGUAGE_SHARE)}))", "{{language}}"),),
                "percentunit",
                "NewsmillLanguageShift",
                6,
                13,
                ((None, "orange"), (-0.05, "green"), (0.05, "orange")),
                decimals=1,
            ),
            Panel(
                "bars",
                "By source class",
                "Releases of the last hour by metrics.source_classes; none names no source.",
                ((f"sum by (source_class) (increase(news_releases_total{{{ON}}}[1h]))", "{{source_class}}"),),
                "short",
                "NewsmillLanguageShift",
                6,
                13,
                ((None, "blue"),),
                decimals=0,
            ),
            lines(
                "No language",
                "Share of und, and of it a week before.",
                (UND, "und"),
                (_twice(UND), "und, last week"),
                unit="percentunit",
                runbook="NewsmillLanguageShift",
            ),
            lines(
                "Unsure by language",
                "Share of each language's releases below metrics.low_confidence.",
                (_share_of_language("news_low_confidence_total", "news_releases_total"), "{{language}}"),
                unit="percentunit",
                runbook="NewsmillLanguageShift",
            ),
            lines(
                "End to end by language, p99",
                "A language that is slow alone: its rules, or the size of its releases.",
                (_p99("news_end_to_end_seconds", "language"), "{{language}}"),
                unit="s",
                runbook="NewsmillLateFast",
            ),
        ),
    ),
    (
        "Body and entities",
        (
            lines(
                "Text kept",
                "Mean share of the text that the body keeps, and a week before. A step is a rule or a source.",
                (KEPT, "kept"),
                (_twice(KEPT), "kept, last week"),
                unit="percentunit",
                runbook="NewsmillEmptyBodies",
                most=1,
            ),
            lines(
                "Text kept by language",
                "Mean share by language.",
                (_share_of_language("news_kept_share_sum", "news_kept_share_count"), "{{language}}"),
                unit="percentunit",
                runbook="NewsmillEmptyBodies",
                most=1,
            ),
            lines(
                "Empty bodies by language",
                "Share of each language's releases that lose their whole text. The line is the alert's.",
                (_share_of_language("news_empty_bodies_total", "news_kept_share_count"), "{{language}}"),
                unit="percentunit",
                runbook="NewsmillEmptyBodies",
                steps=((None, "green"), (0.05, "red")),
            ),
            lines(
                "Entities a release",
                "Mean number, and a week before.",
                (ENTITIES, "entities"),
                (_twice(ENTITIES), "entities, last week"),
                unit="none",
                runbook="NewsmillLanguageShift",
            ),
            stack(
                "Entities by type",
                "Entities a release by type.",
                (
                    f"sum by (type) (increase(news_entities_total{{{ON}}}[1h])) / on () group_left () "
                    f"(sum(increase(news_releases_total{{{ON}}}[1h])) > 0)",
                    "{{type}}",
                ),
                unit="none",
                runbook="NewsmillLanguageShift",
            ),
            stack(
                "Segments by label",
                "Segments a release by what they are.",
                (
                    f"sum by (label) (increase(news_segments_total{{{ON}}}[1h])) / on () group_left () "
                    f"(sum(increase(news_releases_total{{{ON}}}[1h])) > 0) > 0",
                    "{{label}}",
                ),
                unit="none",
                runbook="NewsmillEmptyBodies",
            ),
        ),
    ),
)

COMMANDS = """```sh
newsmill dead-letters list --since 1h              # what, why, where
newsmill dead-letters list --since 1h --reason bug # one reason
newsmill dead-letters show ID                      # one of them: detail, headers, bytes
newsmill dead-letters redrive --reason bug --since 1h --dry-run
```
**bug, crashed, timeout** are ours: report them, redrive after the upgrade. **undecodable, invalid, unsupported_format,
too_large, empty** are the sender's. **withheld, embargoed, superseded** are no faults. Nothing is lost: a dead letter
is the original, byte for byte."""

DEAD: tuple[Row, ...] = (
    (
        "",
        (
            number(
                "Last hour",
                "Dead letters of the last hour.",
                f"sum(increase(news_dead_letters_total{{{HOP}}}[1h])) or vector(0)",
                "short",
                "NewsmillDeadLetters",
                6,
                ((None, "green"), (1, "orange")),
                decimals=0,
            ),
            number(
                "Share",
                "Of the releases of five minutes.",
                DEAD_SHARE,
                "percentunit",
                "NewsmillDeadLetters",
                6,
                ((None, "green"), (0.01, "orange"), (0.05, "red")),
            ),
            number(
                "Ours",
                "Bugs, crashes and timeouts of the last hour: somebody must look at each.",
                f"sum(increase(news_dead_letters_total{{{OURS}, {HOP}}}[1h])) or vector(0)",
                "short",
                "NewsmillBug",
                6,
                GOOD_BAD,
                decimals=0,
            ),
            number(
                "Share of the limit",
                "How near the worker is to stopping itself (dead_letter.limit_share): at 100 % it does.",
                f"max(news_dead_letter_share{{{HOP}}} / news_dead_letter_limit_share{{{HOP}}})",
                "percentunit",
                "NewsmillDeadLetterLimit",
                6,
                ((None, "green"), (0.5, "orange"), (1, "red")),
            ),
        ),
    ),
    (
        "Why and where",
        (
            Panel(
                "table",
                "Reason by stage",
                "Dead letters of the last hour. parse is reading the bytes, gate what may go out.",
                (
                    (
                        f"sort_desc(sum by (stage, reason) (increase(news_dead_letters_total{{{HOP}}}[1h])) > 0) "
                        f"or on () {_none('reason')}",
                        "",
                    ),
                ),
                "short",
                "NewsmillDeadLetters",
                10,
                9,
                columns={"stage": "Stage", "reason": "Reason", "Value": "Dead letters"},
                decimals=0,
            ),
            Panel(
                "text",
                "Look at them",
                "Commands to see dead letters and to send them back.",
                runbook="NewsmillDeadLetters",
                width=14,
                height=9,
                content=COMMANDS,
            ),
            stack(
                "By reason",
                "Dead letters a second.",
                (_dead_by("reason"), "{{reason}}"),
                unit="suffix:/s",
                runbook="NewsmillDeadLetters",
                width=12,
            ),
            stack(
                "By stage",
                "Dead letters a second.",
                (_dead_by("stage"), "{{stage}}"),
                unit="suffix:/s",
                runbook="NewsmillDeadLetters",
                width=12,
            ),
        ),
    ),
    (
        "Near the limit; what else is kept back",
        (
            lines(
                "Towards the limit",
                "Share of the latest releases (dead_letter.limit_window) that count, and the limit.",
                (f"max by (hop) (news_dead_letter_share{{{HOP}}})", "{{hop}}"),
                (f"max(news_dead_letter_limit_share{{{HOP}}})", "limit"),
                unit="percentunit",
                runbook="NewsmillDeadLetterLimit",
                most=1,
            ),
            lines(
                "Held",
                "Releases that wait for their hour, and how many a second come and go.",
                (f"sum(news_held{{{ON}}})", "held now"),
                (f"sum(rate(news_holds_total{{{HOP}}}{RATE}))", "held, a second"),
                (f"sum(rate(news_released_total{{{ON}}}{RATE}))", "let out, a second"),
                unit="short",
                runbook="NewsmillDeadLetters",
            ),
            lines(
                "Kills, duplicates, let out late",
                "Kills and repeated events a second; seconds after their hour, p99.",
                (f"sum(rate(news_kills_total{{{HOP}}}{RATE}))", "kills"),
                (f"sum(rate(news_duplicates_total{{{HOP}}}{RATE}))", "duplicates"),
                (_p99("news_release_late_seconds", ""), "late, p99 (s)"),
                unit="short",
                runbook="NewsmillDeadLetters",
            ),
        ),
    ),
)

GAP = " - ".join(
    f"sum(news_{name}{{{HOP}}})"
    for name in (
        "received_total",
        "sent_total",
        "dead_letters_total",
        "holds_total",
        "taken_apart_total",
        "left_total",
        "in_flight",
    )
)

WORKERS: tuple[Row, ...] = (
    (
        "",
        (
            number(
                "Joined",
                "Stages that have their place in their group, of all on all workers.",
                f"sum(news_joined{{{HOP}}}) / count(news_joined{{{HOP}}})",
                "percentunit",
                "NewsmillNotJoined",
                4,
                ((None, "red"), (1, "green")),
            ),
            number(
                "Pool busy",
                "Share of the pool's time that goes into stages.",
                BUSY,
                "percentunit",
                "NewsmillLagGrowing",
                4,
                ((None, "green"), (0.7, "orange"), (0.9, "red")),
            ),
            number(
                "Pool restarts, 15 min",
                "Pool processes that ended at work.",
                f"sum(increase(news_pool_restarts_total{{{HOP}}}[15m]))",
                "short",
                "NewsmillPoolRestarts",
                4,
                ((None, "green"), (1, "orange"), (4, "red")),
                decimals=0,
            ),
            number(
                "Delivery retries, 5 min",
                "Deliveries that the broker did not take at first.",
                f"sum(increase(news_delivery_retries_total{{{HOP}}}[5m]))",
                "short",
                "NewsmillDeliveryRetries",
                4,
                GOOD_BAD,
                decimals=0,
            ),
            number(
                "No commit despite lag",
                "Longest of all; the worker ends itself at watchdog.stuck_seconds.",
                f"max(news_stuck_seconds{{{HOP}}})",
                "s",
                "NewsmillStuck",
                4,
                ((None, "green"), (30, "orange"), (60, "red")),
            ),
            number(
                "Unaccounted for",
                "Received less sent, dead letters, held, taken apart, left and in flight. Always 0; for a "
                "moment more while a scrape cuts through a window.",
                GAP,
                "none",
                "NewsmillNoProgress",
                4,
                ((None, "red"), (0, "green"), (1, "red")),
            ),
        ),
    ),
    (
        "Pool",
        (
            lines(
                "Pool",
                "Processes, how many have a window, and windows that wait for one.",
                (f"sum(news_pool_processes{{{ON}}})", "processes"),
                (f"sum(news_pool_busy{{{ON}}})", "busy"),
                (f"sum(news_pool_queue{{{ON}}})", "queue"),
                unit="none",
                runbook="NewsmillLagGrowing",
            ),
            stack(
                "Where the time goes",
                "Seconds of work a second, by stage.",
                (f"sum by (stage) (rate(news_stage_duration_seconds_sum{{{ON}}}{RATE}))", "{{stage}}"),
                unit="none",
                runbook="NewsmillLagGrowing",
            ),
            lines(
                "Pool restarts",
                "By cause: timeout is pool.release_seconds, crash a process that died.",
                (f"sum by (cause) (increase(news_pool_restarts_total{{{HOP}}}{RATE}))", "{{cause}}"),
                unit="short",
                runbook="NewsmillPoolRestarts",
            ),
            lines(
                "In flight by stage",
                "Events taken and not yet acked.",
                (f"sum by (hop) (news_in_flight{{{HOP}}})", "{{hop}}"),
                unit="short",
                runbook="NewsmillNoProgress",
            ),
            lines(
                "Releases a window",
                "Mean. Full windows: the pool is what is slow. Windows of one: there is time to spare.",
                (
                    f"sum by (hop) (rate(news_window_releases_sum{{{HOP}}}{RATE})) / "
                    f"sum by (hop) (rate(news_window_releases_count{{{HOP}}}{RATE}))",
                    "{{hop}}",
                ),
                unit="none",
                runbook="NewsmillLagGrowing",
            ),
            lines(
                "Event loop late",
                "How late the loop woke: above 100 ms the parent process is what is slow.",
                (f"max by (instance) (news_loop_late_seconds{{{HOP}}})", "{{instance}}"),
                unit="s",
                runbook="NewsmillLagGrowing",
            ),
        ),
    ),
    (
        "Broker",
        (
            lines(
                "Delivery, p99",
                "A window's outcomes to the broker, acknowledged by all in-sync replicas.",
                (_p99("news_delivery_duration_seconds", "hop", HOP), "{{hop}}"),
                unit="s",
                runbook="NewsmillDeliveryRetries",
            ),
            lines(
                "Delivery retries",
                "A second; above zero the broker is away or refuses.",
                (f"sum by (hop) (rate(news_delivery_retries_total{{{HOP}}}{RATE}))", "{{hop}}"),
                unit="suffix:/s",
                runbook="NewsmillDeliveryRetries",
            ),
            lines(
                "Commits and rebalances",
                "Commits a second by result, and rebalances.",
                (f"sum by (result) (rate(news_commits_total{{{HOP}}}{RATE}))", "commits {{result}}"),
                (f"sum(increase(news_rebalances_total{{{HOP}}}{RATE}))", "rebalances"),
                unit="short",
                runbook="NewsmillStuck",
            ),
            lines(
                "No commit despite lag",
                "By stage. The line is where the alert is.",
                (f"max by (hop) (news_stuck_seconds{{{HOP}}})", "{{hop}}"),
                unit="s",
                runbook="NewsmillStuck",
                steps=((None, "green"), (60, "red")),
            ),
            lines(
                "Watchdog's last look",
                "Seconds since the broker last told a worker its lag.",
                (f"time() - min by (hop) (news_watchdog_look_timestamp_seconds{{{HOP}}})", "{{hop}}"),
                unit="s",
                runbook="NewsmillBlind",
            ),
            lines(
                "Lag by partition",
                "Releases that wait. One partition alone: a key that everything has, or it is stuck.",
                (f"max by (hop, partition) (news_lag_records{{{HOP}}})", "{{hop}} {{partition}}"),
                unit="short",
                runbook="NewsmillLagGrowing",
            ),
        ),
    ),
    (
        "Machine and versions",
        (
            lines(
                "CPU of the parent",
                "Cores that the parent process uses; the pool's are in Where the time goes.",
                (f'rate(process_cpu_seconds_total{{job="newsmill", {ON}}}{RATE})', "{{instance}}"),
                unit="none",
                runbook="NewsmillLagGrowing",
                width=6,
            ),
            lines(
                "Memory of the parent",
                "Resident. Each pool process has some 200 MB of its own.",
                (f'process_resident_memory_bytes{{job="newsmill", {ON}}}', "{{instance}}"),
                unit="bytes",
                runbook="NewsmillRestarting",
                width=6,
            ),
            lines(
                "Taken apart, left to others",
                "A second: events with several releases; events whose partition moved.",
                (f"sum(rate(news_taken_apart_total{{{HOP}}}{RATE}))", "taken apart"),
                (f"sum(rate(news_left_total{{{HOP}}}{RATE}))", "left"),
                unit="suffix:/s",
                runbook="NewsmillStuck",
                width=6,
            ),
            lines(
                "Ends",
                "1 where a worker was seen ending, by exit code.",
                (f"max by (code) (news_stopping{{{ON}}}) or vector(0)", "{{code}}"),
                unit="none",
                runbook="NewsmillRestarting",
                width=6,
            ),
            Panel(
                "table",
                "Workers",
                "Who runs what. Two versions side by side: an upgrade on its way.",
                ((f"news_worker_info{{{ON}}}", ""),),
                runbook="NewsmillRestarting",
                width=12,
                height=7,
                columns={
                    "instance": "Worker",
                    "version": "Version",
                    "config": "Config",
                    "group": "Group",
                    "hops": "Stages",
                },
            ),
            Panel(
                "table",
                "Models",
                "What the stages know, by version: the same that enriched events carry.",
                ((f"max by (instance, stage, version) (news_stage_info{{{ON}}})", ""),),
                runbook="NewsmillLanguageShift",
                width=12,
                height=7,
                columns={"instance": "Worker", "stage": "Stage", "version": "Version"},
            ),
        ),
    ),
)


# --- How it becomes JSON --------------------------------------------------------------------------------------------


def _page(uid: str, title: str, description: str, rows: Sequence[Row]) -> build.Dashboard:
    page = (
        build.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["newsmill"])
        .timezone("browser")
        .refresh("10s")
        .time("now-1h", "now")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(
            build.DashboardLink("Newsmill")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags(["newsmill"])
            .include_vars(True)
            .keep_time(True)
        )
        .annotation(
            build.AnnotationQuery().name("Alerts").datasource(SOURCE).enable(True).icon_color("red").expr(FIRING)
        )
    )
    for variable in _variables():
        page.with_variable(variable)
    number = 0
    for name, panels in rows:
        if name:
            page.with_row(build.Row(name))
        for panel in panels:
            number += 1
            page.with_panel(_panel(panel, number))
    return page


def _variables() -> Iterator[Any]:
    yield build.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    asked = (
        ("group", "Group", "label_values(news_worker_info, group)"),
        ("instance", "Worker", 'label_values(news_worker_info{group=~"$group"}, instance)'),
        ("stage", "Stage", 'label_values(news_joined{instance=~"$instance"}, hop)'),
    )
    for name, label, ask in asked:
        yield (
            build.QueryVariable(name)
            .label(label)
            .datasource(SOURCE)
            .query({"query": ask, "refId": name})
            .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(model.VariableSort.ALPHABETICAL_ASC)
            .include_all(True)
            .all_value(".*")
            .multi(True)
            .current(model.VariableOption(text=["All"], value=["$__all"]))
        )


def _panel(panel: Panel, number: int) -> Any:
    made = _KINDS[panel.kind](panel)
    made.id(number).title(panel.title).description(panel.description).span(panel.width).height(panel.height)
    made.links([build.DashboardLink(f"Runbook: {panel.runbook}").url(_heading(panel.runbook))])
    if panel.kind != "text":
        made.datasource(SOURCE).unit(panel.unit)
        instant = panel.kind in ("bars", "table")
        for letter, (expression, legend) in zip("ABCDEF", panel.queries, strict=False):
            target = query.Dataquery().expr(expression).legend_format(legend).ref_id(letter)
            target = target.instant() if instant else target.range()
            made.with_target(target.format(prometheus_model.PromQueryFormat.TABLE) if panel.kind == "table" else target)
        made.thresholds(
            build.ThresholdsConfig()
            .mode(model.ThresholdsMode.ABSOLUTE)
            .steps([model.Threshold(value=value, color=color) for value, color in panel.steps])
        )
        made.no_value("nothing")
    if panel.decimals is not None:
        made.decimals(panel.decimals)
    return made


def _stat(panel: Panel) -> Any:
    made = (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(shape.BigValueColorMode.BACKGROUND_SOLID if len(panel.steps) > 1 else shape.BigValueColorMode.VALUE)
        .graph_mode(shape.BigValueGraphMode.AREA)
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    )
    if panel.words:
        options = {str(n): model.ValueMappingResult(text=word, index=0) for n, word in panel.words.items()}
        made.mappings([model.ValueMap(options=options)])
    return made


def _lines(panel: Panel) -> Any:
    made = (
        timeseries.Panel()
        .line_width(2)
        .fill_opacity(8)
        .gradient_mode(shape.GraphGradientMode.OPACITY)
        .show_points(shape.VisibilityMode.NEVER)
        .min(0)
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC))
        .tooltip(common.VizTooltipOptions().mode(shape.TooltipDisplayMode.MULTI).sort(shape.SortOrder.DESCENDING))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(shape.LegendDisplayMode.LIST)
            .placement(shape.LegendPlacement.BOTTOM)
        )
    )
    if panel.most is not None:
        made.max(panel.most)
    else:
        made.axis_soft_max(SOFT_MOST.get(panel.unit, 1))
    if panel.steps != PLAIN:
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(shape.GraphThresholdsStyleMode.DASHED))
    for _, legend in panel.queries:
        if legend.endswith("last week"):
            look = {"custom.lineStyle": {"fill": "dash", "dash": [6, 6]}, "custom.fillOpacity": 0}
            values = [model.DynamicConfigValue(key, value) for key, value in look.items()]
            grey = model.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": "text"})
            made.override_by_name(legend, [*values, grey])
    return made


def _stack(panel: Panel) -> Any:
    return _lines(panel).fill_opacity(35).stacking(common.StackingConfig().mode(shape.StackingMode.NORMAL))


def _bars(panel: Panel) -> Any:
    long = any("}} {{" in legend for _, legend in panel.queries)
    return (
        bargauge.Panel()
        .name_placement(shape.BarGaugeNamePlacement.TOP if long else shape.BarGaugeNamePlacement.LEFT)
        .orientation(shape.VizOrientation.HORIZONTAL)
        .display_mode(shape.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    )


def _table(panel: Panel) -> Any:
    names = {label: name for label, name in panel.columns.items() if label != name}
    kept = model.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(panel.columns)}})
    order = {label: place for place, label in enumerate(panel.columns)}
    named = model.DataTransformerConfig(
        id_val="organize", options={"excludeByName": {}, "indexByName": order, "renameByName": names}
    )
    return table.Panel().with_transformation(kept).with_transformation(named)


def _text(panel: Panel) -> Any:
    return text.Panel().mode(text_model.TextMode.MARKDOWN).content(panel.content)


_KINDS = {"stat": _stat, "lines": _lines, "stack": _stack, "bars": _bars, "table": _table, "text": _text}


def headings() -> dict[str, str]:
    """The runbook's alerts, in order, with what is said of each."""
    parts = re.split(r"(?m)^## (\w+)\n", RUNBOOK.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], (body.strip() for body in parts[2::2]), strict=True))


def _heading(alert: str) -> str:
    return f"/d/newsmill-runbook?viewPanel=panel-{list(headings()).index(alert) + 1}"


def _runbook() -> build.Dashboard:
    page = (
        build.Dashboard("Newsmill runbook")
        .uid("newsmill-runbook")
        .description("What each alert means, how to see it, what to do: docs/runbook.md.")
        .tags(["newsmill"])
        .timezone("browser")
    )
    for number, (alert, body) in enumerate(headings().items(), start=1):
        said = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", body).replace("\n**", "\n\n**")
        page.with_panel(_text(Panel("text", alert, "", content=said)).id(number).title(alert).span(12).height(8))
    return page


def _json(page: build.Dashboard) -> str:
    return str(JSONEncoder(sort_keys=True, indent=2).encode(page.build())) + "\n"


if __name__ == "__main__":
    main()
