"""How fast a service is asked, and how waiting for it ends."""

from __future__ import annotations

import threading
import time

from callreel.errors import Unavailable


class Pace:
    """Lets requests through at a steady rate; several threads share it.

    Args:
        rate: Requests a second at most.
    """

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate
        self._next = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def turn(self) -> None:
        """Wait until the next request may be made.

        Raises:
            Unavailable: there will be none.
        """
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._gap
        self.wait(at - now)

    def wait(self, seconds: float) -> None:
        """Wait.

        Raises:
            Unavailable: the end came first.
        """
        if self._ended.wait(seconds):
            raise Unavailable("Mirroring was ended.")

    def end(self) -> None:
        """Let nobody wait any longer, and nobody make another request."""
        self._ended.set()
