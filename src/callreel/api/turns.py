"""Turns on the event loop, for answers that are made on it and take it for a while each.

All requests that have come in are ready at once. Were they all answered before the loop looks for
new ones, a short question would wait for as long as hundreds of pages take.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Lets so much work begin before the event loop looks for what else came; the rest waits.

    A turn is over when its holder first waits for something.

    Args:
        most: How much, in whatever unit; what goes beyond it is begun where there is any left.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    async def take(self, work: int) -> None:
        """Wait for a turn; where nobody else is about, there is one at once.

        Args:
            work: How much there is to do, in the same unit; at least 1.
        """
        loop = asyncio.get_running_loop()
        if self._begun < self._most:
            if not self._begun:
                loop.call_soon(self._begin_again)
            self._begun += work
            return
        turn = loop.create_future()
        self._waiting.append((turn, work))
        await turn

    def _begin_again(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < self._most:
            turn, work = self._waiting.popleft()
            if not turn.done():  # else its client went away
                turn.set_result(None)
                self._begun += work
        if self._begun:
            asyncio.get_running_loop().call_soon(self._begin_again)
