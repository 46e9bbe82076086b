"""Times as the vendor writes them: `YYYY-MM-DD HH:mm:ss`, UTC."""

from __future__ import annotations

import re
import time
from datetime import datetime
from functools import lru_cache
from typing import Final

from callreel.api.decoding import TIME_PATTERN

_TIME: Final = re.compile(TIME_PATTERN, re.ASCII)


def format_time(seconds: int) -> str:
    """Return seconds since 1970 UTC as the wire writes them."""
    day, rest = divmod(seconds, 86_400)
    hour, rest = divmod(rest, 3600)
    minute, second = divmod(rest, 60)
    return f"{_date(day)} {hour:02}:{minute:02}:{second:02}"


@lru_cache(maxsize=1024)
def _date(day: int) -> str:
    year, month, of_month = time.gmtime(day * 86_400)[:3]
    return f"{year:04}-{month:02}-{of_month:02}"


def parse_time(text: str) -> int:
    """Return the seconds since 1970 UTC that a time on the wire stands for.

    Raises:
        ValueError: it is not of the form `YYYY-MM-DD HH:mm:ss`, or there is no such moment.
    """
    if _TIME.fullmatch(text) is None:
        raise ValueError("not of the form YYYY-MM-DD HH:mm:ss")
    return int(datetime.fromisoformat(text + "+00:00").timestamp())
