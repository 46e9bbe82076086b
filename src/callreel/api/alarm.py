"""Tells the operator of refusals that only an operator can end, such as a full disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from callreel.api.log import cause_of
from callreel.errors import CallreelError, StorageFull, Unavailable

EVERY_SECONDS: Final = 60.0
_MOST_REMEMBERED: Final = 1_000
_log = structlog.get_logger(__name__)


class Alarm:
    """Logs each of these refusals, however often clients meet it, at most once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str | None], float] = {}

    def hear(self, error: CallreelError, request_id: str) -> None:
        """Log an error whose message asks for the operator; what asking again helps against is not.

        Neither its message nor the kinds of what lies behind it hold anything private.
        """
        if not isinstance(error, Unavailable | StorageFull) or "operator" not in error.message:
            return
        which, now = (error.message, cause_of(error)), self._clock()
        if now - self._told.get(which, -EVERY_SECONDS) < EVERY_SECONDS:
            return
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told[which] = now
        _log.error("the operator is asked for", why=which[0], cause=which[1], request_id=request_id)
