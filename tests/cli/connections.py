"""A server in this loop, and connections to it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from callreel.cli.protocol import BoundedProtocol
from callreel.cli.serving import AnnouncingServer, bound

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BEGIN = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: "
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body."""
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connection(
    app: ASGIApp = hello,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve in this loop and connect to it."""
    async with listening_at(app) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            yield reader, writer
        finally:
            writer.close()


@asynccontextmanager
async def listening_at(
    app: ASGIApp, most: int | None = None, keep_alive: float = 75, grace: int | None = None
) -> AsyncIterator[tuple[str, int]]:
    """Serve in this loop, so many connections at once, each kept for so many seconds.

    Where there is a grace, whoever takes longer when the server ends is cancelled.
    """
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        lifespan="off",
        log_config=None,
        limit_concurrency=most,
        timeout_graceful_shutdown=grace,
        callback_notify=BoundedProtocol.end_idle,
        timeout_notify=-1,
    )
    config.timeout_keep_alive = keep_alive  # type: ignore[assignment]  # a part of a second here
    ready = asyncio.Event()
    server = AnnouncingServer(config, ready.set)
    with bound("127.0.0.1", 0) as listening:
        host, port = listening.getsockname()
        await asyncio.to_thread(config.load)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await ready.wait()
        try:
            yield host, port
        finally:
            server.should_exit = True
            await serving


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def ends(line: Line) -> bool:
    """Say whether the server ends a connection without another byte."""
    try:
        return await asyncio.wait_for(line[0].read(1), timeout=0.3) == b""
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


async def answered(line: Line) -> bool:
    line[1].write(GET)
    whole = await asyncio.wait_for(line[0].readuntil(b"0\r\n\r\n"), timeout=10)
    return whole.startswith(b"HTTP/1.1 200")


@dataclass
class Timers:
    """The timers that a server set, by their seconds."""

    set: dict[float, list[asyncio.TimerHandle]] = field(default_factory=lambda: defaultdict(list))

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        begin = loop.call_later

        def call_later(delay: float, *rest: Any, **more: Any) -> asyncio.TimerHandle:
            timer = begin(delay, *rest, **more)
            self.set[delay].append(timer)
            return timer

        loop.call_later = call_later  # type: ignore[assignment,method-assign]  # watched, not replaced

    def running(self, seconds: float) -> int:
        return sum(not timer.cancelled() for timer in self.set[seconds])
