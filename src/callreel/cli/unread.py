"""What clients leave unread, bounded for all connections of a process together."""

from __future__ import annotations

import asyncio
from typing import Final

MAX_UNREAD_BYTES: Final = 1 << 27
"""Some twelve of the longest lists; a process with as much unread was seen to take 0.4 GB."""


class Unread:
    """Knows which answers wait for their clients to take them, and ends the slowest beyond a bound.

    One is always kept, so that an answer that is longer than the bound can be had.

    Args:
        most: Bytes that may wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes: dict[asyncio.Transport, int] = {}  # those that have waited longest come first
        self._all = 0

    def add(self, transport: asyncio.Transport, size: int) -> None:
        """Note that so many bytes, or so many more, wait for the client of a connection."""
        self._bytes[transport] = self._bytes.get(transport, 0) + size
        self._all += size
        while self._all > self._most and len(self._bytes) > 1:
            longest = next(iter(self._bytes))
            self.drop(longest)
            longest.abort()

    def drop(self, transport: asyncio.Transport) -> None:
        """Note that nothing waits any longer."""
        self._all -= self._bytes.pop(transport, 0)
