"""Moments on the command line, in UTC."""

from __future__ import annotations

from callreel.api.wire_time import parse_time
from callreel.errors import Misconfigured
from callreel.model import EVERYTHING, Span


def span_of(since: str | None, until: str | None) -> Span:
    """Return the seconds UTC from `--since` up to, not including, `--until`.

    Raises:
        Misconfigured: one of them is no moment.
    """
    low = None if since is None else _moment("since", since)
    high = None if until is None else _moment("until", until) - 1
    return EVERYTHING.narrowed(low, high)


def _moment(option: str, text: str) -> int:
    try:
        return parse_time(text if " " in text else f"{text} 00:00:00")
    except ValueError as error:
        raise Misconfigured(
            f"--{option} needs a day such as 2026-03-01, or a time in UTC such as "
            '"2026-03-01 14:00:00".'
        ) from error
