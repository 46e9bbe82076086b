"""A connection that asks and waits, with little work: the server is to have the cores."""

from __future__ import annotations

import asyncio
import json
import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from faults.running import call_of
from support import PATH

GONE = 0
"""In place of a status, where the connection ended without an answer."""
MOST_BYTES = 1 << 22
FIRST_START: Final = datetime(2025, 3, 14, 9, 26, 53)  # noqa: DTZ001 - as the contract has times
LENGTH: Final = timedelta(seconds=70)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, and how long it took; seconds."""

    status: int
    seconds: float

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def waited(self) -> float:
        """Seconds until a good answer; without end where it was none, however soon it came."""
        return self.seconds if self.is_good else math.inf


@dataclass(slots=True)
class Line:
    """One connection, made again when it was ended."""

    address: tuple[str, int]
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = field(default=None)

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read the answer to its end."""
        began = time.perf_counter()
        try:
            status = await self._ask(request)
        except (OSError, asyncio.IncompleteReadError):
            status = GONE
            await self.close()
        return Answer(status, time.perf_counter() - began)

    async def _ask(self, request: bytes) -> int:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                *self.address, limit=MOST_BYTES
            )
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        await self._reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0]))
        if b"connection: close" in head:
            await self.close()
        return int(head[9:12])

    async def close(self) -> None:
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


async def over_new(address: tuple[str, int], request: bytes) -> Answer:
    """Ask over a connection of its own, and count the time that it takes to be accepted."""
    async with Line(address) as line:
        return await line.ask(request)


def get(path: str, key: str, more: str = "") -> bytes:
    """Return a request for a path."""
    return f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n{more}\r\n".encode()


def post(name: str, sound: bytes, key: str, number: int = 0) -> bytes:
    """Return the upload of a recording of this id, its call so many seconds after the first.

    Calls of a tenant spread over time; what many of one second cost would be another question.
    """
    start = FIRST_START + timedelta(seconds=number)
    call = call_of(name, start_time=str(start), hangup_time=str(start + LENGTH))
    body = (
        b'--x\r\nContent-Disposition: form-data; name="call"\r\n\r\n'
        + json.dumps(call).encode()
        + b'\r\n--x\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'
        + sound
        + b"\r\n--x--\r\n"
    )
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def quantile(seconds: list[float], share: float) -> float:
    """Return a quantile in milliseconds, or 0 of nothing."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
