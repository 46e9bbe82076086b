"""Parts and versions of a file: `Range`, `If-Range` and `If-None-Match` (RFC 9110, 13 and 14)."""

from __future__ import annotations

import re
from typing import Final

from callreel.errors import RangeNotSatisfiable

_ONE_RANGE: Final = re.compile(r"bytes[ \t]*=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", re.IGNORECASE)
_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')
_ENOUGH_DIGITS: Final = 20  # more than any file's length has


def part_of(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last that are asked for, or None for all.

    One range of bytes is served; a list of ranges, another unit and what is ill-formed are
    ignored, as RFC 9110 lets a server do.

    Raises:
        RangeNotSatisfiable: the range is well-formed and lies outside of the file.
    """
    asked = _ONE_RANGE.fullmatch(header or "")
    if asked is None or not any(asked.groups()):
        return None
    first, last = asked.groups()
    if not first:
        start, end = max(0, size - _number(last)), size
    else:
        start = _number(first)
        end = min(size, _number(last) + 1) if last else size
        if last and _number(last) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return start, end


def is_unchanged(if_none_match: str | None, tag: str) -> bool:
    """Say whether the client has this version already; tags are compared weakly."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)


def may_resume(if_range: str | None, tag: str) -> bool:
    """Say whether a range may be served; a date never matches, as there is no such validator."""
    return if_range is None or if_range.strip() == tag


def _number(digits: str) -> int:
    return int(digits.lstrip("0")[:_ENOUGH_DIGITS] or "0")
