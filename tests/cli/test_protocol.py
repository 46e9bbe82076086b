from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from callreel.cli import protocol
from callreel.cli.protocol import BoundedProtocol
from callreel.cli.serving import AnnouncingServer, bound


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve in this loop and connect to it."""
    config = uvicorn.Config(hello, http=BoundedProtocol, lifespan="off", log_config=None)
    ready = asyncio.Event()
    server = AnnouncingServer(config, ready.set)
    with bound("127.0.0.1", 0) as listening:
        host, port = listening.getsockname()
        await asyncio.to_thread(config.load)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await ready.wait()
        reader, writer = await asyncio.open_connection(host, port)
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_head_that_takes_too_long_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(protocol, "MAX_HEAD_SECONDS", 0.05)

    async def talk() -> bytes:
        async with connection() as (reader, writer):
            writer.write(begun)
            return await asyncio.wait_for(reader.read(), timeout=10)

    assert asyncio.run(talk()) == b""


def test_the_second_request_of_a_connection_has_a_deadline_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "MAX_HEAD_SECONDS", 0.2)

    async def talk() -> bytes:
        async with connection() as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = await reader.readuntil(b"hello")
            writer.write(b"GET / HT")
            return answer + await asyncio.wait_for(reader.read(), timeout=4)

    answer = asyncio.run(talk())

    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_a_request_in_pieces_is_answered() -> None:
    async def talk() -> bytes:
        async with connection() as (reader, writer):
            for piece in (b"GE", b"T / HTTP/1.1\r\nHo", b"st: a\r\nConnection: close\r\n", b"\r\n"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            return await asyncio.wait_for(reader.read(), timeout=10)

    assert b"hello" in asyncio.run(talk())
