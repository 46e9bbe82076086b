"""Room for so many at once: who comes when it is full is turned away at once, and may come again.

A queue that grows without bound answers nobody in time; one that is bounded answers those in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from callreel.errors import Unavailable


class Room:
    """Lets so many in at once. It counts within one process and one event loop.

    Args:
        most: How many.
        says: What those are told who are turned away.
    """

    def __init__(self, most: int, says: str) -> None:
        self._most = most
        self._says = says
        self._inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside for as long as the context lasts.

        Raises:
            Unavailable: there is no room.
        """
        if self._inside >= self._most:
            raise Unavailable(self._says)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
