"""Logs: one event a line on standard error, for what an operator must do; the rest is counted."""

import logging
import os
import sys
from typing import Any

import structlog

from streams.runtime.settings import Log

NOISY = {
    "aiokafka": logging.ERROR,
    "aiokafka.consumer.group_coordinator": logging.ERROR,
    "faust": logging.ERROR,
    "mode": logging.ERROR,
    "asyncio": logging.ERROR,
    "pebble": logging.ERROR,
    "streams.runtime.consumer": logging.ERROR,  # Faust names its logger after the subclass's module
}
"""Libraries that report their ordinary retries as warnings: their errors are ours, their chatter is not."""


def configure(settings: Log) -> None:
    """Send our logs and the libraries' through one formatter. JSON unless a person is looking."""
    human = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"))]
        if human
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name, level in NOISY.items():
        logging.getLogger(name).setLevel(max(level, root.level) if root.level > logging.DEBUG else logging.DEBUG)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
