"""The server's own log: JSON lines of what an operator should know; set up here alone."""

from __future__ import annotations

import sys
from typing import TextIO

import structlog


def configure_log(stream: TextIO = sys.stderr) -> None:
    """Send every log line of the process as JSON to a stream.

    A traceback goes in as text: without the values of variables, which may be private.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
