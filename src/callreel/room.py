"""Room for so many at once: who comes when it is full is turned away at once, and may come again.

A queue that grows without bound answers nobody in time; one that is bounded answers those in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from callreel.errors import Unavailable


class Room:
    """Lets so many in at once. It counts within one process and one event loop.

    Args:
        most: How many.
        says: What those are told who are turned away.
        share: How many of the same tenant, where not as many as there is room for.
    """

    def __init__(self, most: int, says: str, *, share: int | None = None) -> None:
        self._most = most
        self._says = says
        self._share = most if share is None else share
        self._inside = 0
        self._of: Counter[int] = Counter()

    @contextmanager
    def entered(self, tenant: int = 0) -> Iterator[None]:
        """Be inside for as long as the context lasts.

        Args:
            tenant: The number of whose share it takes.

        Raises:
            Unavailable: there is no room.
        """
        if self._inside >= self._most or self._of[tenant] >= self._share:
            raise Unavailable(self._says)
        self._inside += 1
        self._of[tenant] += 1
        try:
            yield
        finally:
            self._inside -= 1
            self._of[tenant] -= 1
            if not self._of[tenant]:
                del self._of[tenant]
