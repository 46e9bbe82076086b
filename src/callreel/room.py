"""Room for so many at once: who comes when it is full is turned away at once, and may come again.

A queue that grows without bound answers nobody in time; one that is bounded answers those in it.
Those in it take turns by tenant: who asks for much waits for what itself asked for.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Generic, TypeVar

from callreel.errors import Unavailable

T = TypeVar("T")


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


class Queue(Generic[T]):
    """What waits: of one tenant in the order of its coming, and tenants take turns."""

    def __init__(self) -> None:
        self._of: dict[int, deque[T]] = {}

    def put(self, tenant: int, what: T) -> None:
        """Let it wait behind all else of its tenant."""
        self._of.setdefault(tenant, deque()).append(what)

    def take(self, may: Callable[[int], bool] = lambda _: True) -> T | None:
        """Return what is next of the tenants that may, which puts its tenant behind all others."""
        tenant = next((each for each in self._of if may(each)), None)
        if tenant is None:
            return None
        waiting = self._of.pop(tenant)
        found = waiting.popleft()
        if waiting:
            self._of[tenant] = waiting
        return found


class Lanes:
    """Lets so many work at once while the others wait. It counts within one process.

    Args:
        most: How many.
        share: How many of the same tenant, so that another's first need not wait for it.
    """

    def __init__(self, most: int, *, share: int) -> None:
        self._most = most
        self._share = share
        self._at_work: Counter[int] = Counter()
        self._waiting: Queue[tuple[int, asyncio.Future[None]]] = Queue()

    @asynccontextmanager
    async def entered(self, tenant: int) -> AsyncIterator[None]:
        """Wait for a lane, and be in it for as long as the context lasts."""
        if self._has_room_for(tenant):
            self._at_work[tenant] += 1
        else:
            await self._turn_of(tenant)
        try:
            yield
        finally:
            self._leave(tenant)

    def _has_room_for(self, tenant: int) -> bool:
        return self._at_work.total() < self._most and self._at_work[tenant] < self._share

    async def _turn_of(self, tenant: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.put(tenant, (tenant, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # its turn had come just then
                self._leave(tenant)
            raise

    def _leave(self, tenant: int) -> None:
        self._at_work[tenant] -= 1
        if not self._at_work[tenant]:
            del self._at_work[tenant]
        while (found := self._waiting.take(self._has_room_for)) is not None:
            begins, turn = found
            if not turn.done():  # else its client went away
                turn.set_result(None)
                self._at_work[begins] += 1
                return
