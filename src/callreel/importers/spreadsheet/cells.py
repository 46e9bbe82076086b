"""Cells of a table of calls: dates, lengths of time and directions, in the ways that tables have.

Whatever cannot be read raises a ValueError with the end of a sentence: "… is no date".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_MS: Final = 31 * 86_400_000
ISO: Final = "iso"
RFC_2822: Final = "rfc2822"
EPOCH: Final = "epoch"
EPOCH_MS: Final = "epoch_ms"
DATE_WORDS: Final = (ISO, RFC_2822, EPOCH, EPOCH_MS)
HOURS: Final = "hh:mm:ss"
UNITS: Final = ("s", "ms", "min", HOURS)

_YEARS: Final = range(2000, 2136)
_NUMBER: Final = re.compile(r"[0-9]{1,16}(?:[.,][0-9]{1,9})?")
_HOURS: Final = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,5}):([0-9]{2}(?:[.,][0-9]{1,9})?)")
_MILLISECONDS: Final = {"s": 1000, "ms": 1, "min": 60_000}


def says_its_zone(form: str) -> bool:
    """Say whether each date of a form says its offset from UTC."""
    return form in {RFC_2822, EPOCH, EPOCH_MS} or "%z" in form


def date_of(text: str, forms: tuple[str, ...]) -> datetime:
    """Return a date in the first form that it has; with an offset from UTC where the form says it.

    Args:
        text: The cell.
        forms: `iso`, `rfc2822`, `epoch` (seconds), `epoch_ms`, or as `datetime.strptime` has it.

    Raises:
        ValueError: it has none of them, or lies outside of the years 2000 to 2135.
    """
    is_a_date = False
    for form in forms:
        try:
            moment = _date(text, form)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        if moment.year in _YEARS:
            return moment
        is_a_date = True
    if is_a_date:
        raise ValueError("is not in the years 2000 to 2135")
    raise ValueError("is no date in a form that dates names")


def _date(text: str, form: str) -> datetime:
    match form:
        case "iso":
            return datetime.fromisoformat(text)
        case "rfc2822":
            return parsedate_to_datetime(text)
        case "epoch":
            return datetime.fromtimestamp(float(_number(text)), UTC)
        case "epoch_ms":
            return datetime.fromtimestamp(float(_number(text) / 1000), UTC)
        case _:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added by `to_utc`


def length_of(text: str, unit: str) -> int:
    """Return a length of time in milliseconds.

    Args:
        text: The cell.
        unit: One of `UNITS`.

    Raises:
        ValueError: it is none, or more than 31 days.
    """
    length = _of_hours(text) if unit == HOURS else _number(text) * _MILLISECONDS[unit]
    if length > LONGEST_MS:
        raise ValueError("is more than 31 days")
    return int(length)


def _of_hours(text: str) -> Decimal:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise ValueError("is no length such as 0:01:30")
    seconds = int(match[1] or 0) * 3600 + int(match[2]) * 60 + Decimal(match[3].replace(",", "."))
    return seconds * 1000


def _number(text: str) -> Decimal:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("is no number")
    return Decimal(text.replace(",", "."))
