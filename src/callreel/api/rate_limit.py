"""How often a key may ask: a bucket of tokens for each, filled steadily."""

from __future__ import annotations

import time
from collections.abc import Callable

from callreel.errors import TooManyRequests

MAX_REMEMBERED = 10_000


class RateLimit:
    """Lets each key make so many requests a second, and as many at once after a pause.

    It counts within one process: with several, a key may make that many in each.
    """

    def __init__(self, a_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = a_second
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key_id: str) -> None:
        """Count one request of a key.

        Raises:
            TooManyRequests: it was one too many.
        """
        now = self._clock()
        tokens, since = self._buckets.get(key_id, (float(self._rate), now))
        tokens = min(float(self._rate), tokens + (now - since) * self._rate)
        if tokens < 1:
            raise TooManyRequests(
                f"This key may ask {self._rate} times a second; ask again later.", retry_after=1
            )
        if len(self._buckets) >= MAX_REMEMBERED:
            self._buckets.clear()
        self._buckets[key_id] = (tokens - 1, now)
