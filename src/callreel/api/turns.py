"""Turns on the event loop, for answers that are made on it and take it for a while each.

All requests that have come in are ready at once. Were they all answered before the loop looks for
new ones, a short question would wait for as long as hundreds of pages take.
"""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar, Final

from callreel.room import Queue

WORK_SECONDS: Final = 0.02
"""For how long work goes on while connections come in."""
HELD_SECONDS: Final = 0.02
"""For how long it waits for them then; some hundred come in that time."""


class Turns:
    """Lets so much work begin before the event loop looks for what else came; the rest waits.

    A turn is over when its holder first waits for something.

    uvloop accepts one connection each time that it looks. Did work begin after each, a short
    question on a new connection would wait for as long as all pages that were asked for on earlier
    ones take. So after some work the rest waits until no more connections come.

    Args:
        most: How much, in whatever unit; what goes beyond it is begun where there is any left.
    """

    arrivals: ClassVar[int] = 0
    """Connections of this process so far, counted here by what accepts them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun = 0
        self._waiting: Queue[tuple[asyncio.Future[None], int]] = Queue()
        self._arrivals = 0
        self._working_since = time.perf_counter()
        self._held_since: float | None = None

    async def take(self, work: int, tenant: int = 0) -> None:
        """Wait for a turn; where nobody else is about, there is one at once.

        Args:
            work: How much there is to do, in the same unit; at least 1.
            tenant: Whose it is. Whoever asks for much waits behind others that ask for little.
        """
        loop = asyncio.get_running_loop()
        if self._begun < self._most:
            if not self._begun:
                loop.call_soon(self._begin_again)
            self._begun += work
            return
        turn = loop.create_future()
        self._waiting.put(tenant, (turn, work))
        await turn

    def _begin_again(self) -> None:
        if self._is_held():
            self._begun = self._most
            asyncio.get_running_loop().call_soon(self._begin_again)
            return
        self._begun = 0
        while self._begun < self._most and (found := self._waiting.take()) is not None:
            turn, work = found
            if not turn.done():  # else its client went away
                turn.set_result(None)
                self._begun += work
        if self._begun:
            asyncio.get_running_loop().call_soon(self._begin_again)

    def _is_held(self) -> bool:
        """Whether all is to wait for the connections that come in."""
        now = time.perf_counter()
        before, self._arrivals = self._arrivals, Turns.arrivals
        held = 0.0 if self._held_since is None else now - self._held_since
        if before == Turns.arrivals or held >= HELD_SECONDS:
            self._working_since, self._held_since = now, None
        elif self._held_since is None and now - self._working_since >= WORK_SECONDS:
            self._held_since = now
        return self._held_since is not None
