"""The body of a request as it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect, Request

from callreel.errors import BadRecording

CHUNK: Final = 1 << 18
IDLE_SECONDS: Final = 60.0


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at most `CHUNK` bytes.

    Raises:
        BadRecording: nothing has come for `IDLE_SECONDS`.
        ClientDisconnect: the client went away.
    """
    more = True
    while more:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await request.receive()
        except TimeoutError as error:
            raise BadRecording("The body stood still for too long; send it again.") from error
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        received = message.get("body", b"")
        more = message.get("more_body", False)
        for start in range(0, len(received), CHUNK):
            yield received[start : start + CHUNK]
