"""The server's own log: JSON lines of what an operator should know; set up here alone."""

from __future__ import annotations

import logging
import sys
import traceback
from errno import errorcode
from types import FrameType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from callreel.api.levels import USUAL_LEVEL
from callreel.api.masking import masked

_log = structlog.get_logger(__name__)


def libraries(level: str = USUAL_LEVEL) -> dict[str, Any]:
    """Return how what libraries log becomes lines of ours, for `logging.config.dictConfig`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"lines": {"class": "callreel.api.log.Lines"}},
        "root": {"handlers": ["lines"], "level": level.upper()},
    }


def configure_log(stream: TextIO = sys.stderr, level: str = USUAL_LEVEL) -> None:
    """Send every log line of the process as JSON to a stream.

    Args:
        stream: Where to.
        level: The least of `levels.LEVELS` that is written.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _mask,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Each line in one piece, its end too: processes that share the stream write between pieces.
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


class Lines(logging.Handler):
    """Writes what a library logs: its words and where an error arose, but no values.

    The words are the first line before anything is put into it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line of the server's own log."""
        told = {"logger": record.name}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            told["trace"] = trace_of(error)
        _log.log(_level_of(record), str(record.msg).partition("\n")[0], **told)


def _level_of(record: logging.LogRecord) -> int:
    known = (logging.ERROR, logging.WARNING)
    return next((each for each in known if record.levelno >= each), logging.INFO)


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: masked(each) if isinstance(each, str) else each for name, each in event.items()}


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


def cause_of(error: BaseException) -> str | None:
    """Return the kind of what lies at the bottom of an error, and the code of it, or None.

    The code is the system's, by name, or SQLite's, by number. What it says may be private.
    """
    behind = error.__cause__
    while behind is not None and behind.__cause__ is not None:
        behind = behind.__cause__
    if behind is None:
        return None
    code = getattr(behind, "extendedresult", None)
    if isinstance(behind, OSError):
        code = errorcode.get(behind.errno or 0)
    return f"{type(behind).__qualname__} {code or ''}".rstrip()


def _place(at: tuple[FrameType, int]) -> str:
    frame, line = at
    return f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
