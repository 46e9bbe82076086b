"""Reading no faster than others leave room for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Throttle:
    """Holds up who reads, in whichever threads, so that together they stay below a rate."""

    def __init__(
        self, bytes_per_second: float | None, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        """Begin; None lets everybody read as fast as they can."""
        self._rate = bytes_per_second
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = time.monotonic()

    def read(self, count: int) -> None:
        """Take note that so many bytes were read, and return when more may be."""
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + count / self._rate
            wait = self._free_at - now
        self._sleep(wait)
