"""The body of a request as it comes in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect, Request

from callreel.errors import TooSlow

CHUNK: Final = 1 << 18
IDLE_SECONDS: Final = 60.0
LEAST_RATE: Final = 1024
"""Bytes a second that must come, over all of a body and beyond `IDLE_SECONDS` for its start."""


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at most `CHUNK` bytes.

    Raises:
        TooSlow: nothing has come for `IDLE_SECONDS`, or less than `LEAST_RATE`.
        ClientDisconnect: the client went away.
    """
    waited, size, more = 0.0, 0, True
    while more:
        began = time.monotonic()
        try:
            async with asyncio.timeout(
                min(IDLE_SECONDS, IDLE_SECONDS + size / LEAST_RATE - waited)
            ):
                message = await request.receive()
        except TimeoutError as error:
            raise TooSlow("The body came too slowly, or stood still; send it again.") from error
        waited += time.monotonic() - began  # what we do with a piece is not the client's fault
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        received = message.get("body", b"")
        size += len(received)
        more = message.get("more_body", False)
        for start in range(0, len(received), CHUNK):
            yield received[start : start + CHUNK]
