"""The built-in load client, for machines without `wrk`: keep-alive connections on raw sockets.

`python bench/client.py URL --connections N --seconds S [--header 'Name: value']` prints the same
line of JSON as `report.lua`. It costs more processor time than `wrk`, which flatters a server
that is compared with a faster one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import cast
from urllib.parse import urlsplit

import uvloop

GIVE_UP_SECONDS = 60.0  # after the end, for answers that are under way


@dataclass
class Tally:
    """What all connections saw so far; times in microseconds."""

    ends_at: float
    times: list[float] = field(default_factory=list)
    failed: int = 0


class Asker(asyncio.BufferedProtocol):
    """One connection: asks, reads the answer to its end, asks again until the time is over."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._tally = tally
        self._buffer = memoryview(bytearray(1 << 18))
        self._transport: asyncio.Transport
        self._head = b""
        self._left = 0
        self._asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def get_buffer(self, _hint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        if self._left:
            self._left -= count
        else:
            self._read_head(bytes(self._buffer[:count]))
        if self._left == 0 and not self._head:
            self._answered()

    def _read_head(self, chunk: bytes) -> None:
        head, end, body = (self._head + chunk).partition(b"\r\n\r\n")
        if not end:
            self._head = head
            return
        self._head = b""
        if not head.startswith(b"HTTP/1.1 200 "):
            self._tally.failed += 1
        self._left = _content_length(head) - len(body)

    def _answered(self) -> None:
        now = time.perf_counter()
        self._tally.times.append((now - self._asked_at) * 1e6)
        if now < self._tally.ends_at:
            self._ask()
        else:
            self._transport.close()

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(self._request)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("the answer has no Content-Length")


async def ask(url: str, headers: Sequence[str], connections: int, seconds: float) -> Tally:
    """Ask for a URL over and over again and return what was seen."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", *headers, "", ""]
    request = "\r\n".join(lines).encode()
    loop = asyncio.get_running_loop()
    tally = Tally(time.perf_counter() + seconds)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    askers = [
        (await loop.create_connection(lambda: Asker(request, tally), host, port))[1]
        for _ in range(connections)
    ]
    closing = [asker.closed for asker in askers]
    _, pending = await asyncio.wait(closing, timeout=seconds + GIVE_UP_SECONDS)
    tally.failed += len(pending)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--header", action="append", default=[])
    given = parser.parse_args()
    began = time.perf_counter()
    tally = uvloop.run(ask(given.url, given.header, given.connections, given.seconds))
    seconds = time.perf_counter() - began
    cuts = (
        quantiles(tally.times or [0.0, 0.0], n=100) if len(tally.times) != 1 else tally.times * 99
    )
    report = {"requests": len(tally.times), "seconds": seconds, "failed": tally.failed}
    print(json.dumps(report | {"p50_us": cuts[49], "p99_us": cuts[98]}))


if __name__ == "__main__":
    main()
