"""Who called and who was called, in the words of Asterisk's dialplans."""

from __future__ import annotations

from typing import Final

from callreel.model import Direction

# What stands for a caller who is not known.
_NOBODY: Final = frozenset(
    {"", "unknown", "anonymous", "restricted", "private", "unavailable", "withheld", "s"}
)
_NO_NUMBERS: Final = frozenset(
    {"h", "i", "t", "o", "a", "fax", "failed", "hang", "hangup", "startmeetme", "~~s~~"}
)
_OUTBOUND_CONTEXTS: Final = ("from-internal", "outbound", "outrt-", "macro-dialout")
_INBOUND_CONTEXTS: Final = ("from-trunk", "from-pstn", "from-did", "from-dahdi", "ext-did")
_SHORTEST_OUTSIDE: Final = 7  # digits; what is shorter is an extension, a queue or a service


def known(number: str) -> str | None:
    """Return a number, or None for the words that stand for none."""
    return None if number.strip().lower() in _NOBODY else number.strip()


def first_number(*numbers: str | None) -> str | None:
    """Return the first that is a number and no name of a place in a dialplan, or None."""
    for number in numbers:
        if number is not None and known(number) and number.lower() not in _NO_NUMBERS:
            return known(number)
    return None


def is_outside(number: str) -> bool:
    """Say whether a number looks as one outside of the company."""
    return number.startswith("+") or sum(each.isdigit() for each in number) >= _SHORTEST_OUTSIDE


def direction_of_context(context: str) -> Direction | None:
    """Return the direction of what enters a dialplan's context, or None where it may be either."""
    if context.startswith(_OUTBOUND_CONTEXTS):
        return Direction.OUTBOUND
    return Direction.INBOUND if context.startswith(_INBOUND_CONTEXTS) else None
