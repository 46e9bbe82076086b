"""How often a key may ask, and how many wrong keys may come from an address."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from callreel.errors import TooManyRequests

MAX_REMEMBERED: Final = 10_000
MINUTE: Final = 60

Clock = Callable[[], float]


class _Buckets:
    """A bucket of tokens for each name, filled steadily.

    It counts within one process: with several, each has buckets of its own.
    """

    def __init__(self, size: int, a_second: float, clock: Clock) -> None:
        self._size = float(size)
        self._rate = a_second
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> bool:
        """Take a token; say whether there was one."""
        now = self._clock()
        tokens, since = self._buckets.get(name, (self._size, now))
        tokens = min(self._size, tokens + (now - since) * self._rate)
        if tokens < 1:
            return False
        if len(self._buckets) >= MAX_REMEMBERED:
            self._buckets.clear()
        self._buckets[name] = (tokens - 1, now)
        return True


class RateLimit:
    """Lets each key make so many requests a second, and as many at once after a pause."""

    def __init__(self, a_second: int, clock: Clock = time.monotonic) -> None:
        self._rate = a_second
        self._buckets = _Buckets(a_second, a_second, clock)

    def take(self, key_id: str) -> None:
        """Count one request of a key.

        Raises:
            TooManyRequests: it was one too many.
        """
        if not self._buckets.take(key_id):
            raise TooManyRequests(
                f"This key may ask {self._rate} times a second; ask again later.", retry_after=1
            )


class Guesses:
    """Lets each address send so many wrong keys a minute, and as many at once after a pause.

    Only wrong keys are counted and refused, so nobody with a good one is locked out, whoever else
    is behind the same address. That a key cannot be guessed is the work of its 256 random bits.
    """

    def __init__(self, a_minute: int, clock: Clock = time.monotonic) -> None:
        self._wait = -(-MINUTE // a_minute)
        self._buckets = _Buckets(a_minute, a_minute / MINUTE, clock)

    def add(self, address: str) -> None:
        """Count a wrong key from an address.

        Raises:
            TooManyRequests: it was one too many.
        """
        if not self._buckets.take(address):
            raise TooManyRequests(
                "Too many wrong keys came from this address; correct the key, and ask again later.",
                retry_after=self._wait,
            )
