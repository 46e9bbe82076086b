"""The server's own log: JSON lines of what an operator should know; set up here alone."""

from __future__ import annotations

import sys
import traceback
from types import FrameType
from typing import TextIO

import structlog


def configure_log(stream: TextIO = sys.stderr) -> None:
    """Send every log line of the process as JSON to a stream."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def trace_of(error: BaseException) -> str:
    """Return where an error and those behind it arose: kinds, modules, lines, and nothing else.

    Neither what they say nor the values of variables nor paths: they may be private. So this goes
    into a log line, and never the error itself.
    """
    parts: list[str] = []
    behind: BaseException | None = error
    told: set[int] = set()
    while behind is not None and id(behind) not in told:  # errors can stand behind one another
        told.add(id(behind))
        parts += map(_place, traceback.walk_tb(behind.__traceback__))
        parts.append(type(behind).__qualname__)
        behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)
    return "\n".join(parts)


def _place(at: tuple[FrameType, int]) -> str:
    frame, line = at
    return f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
