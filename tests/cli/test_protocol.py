from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from callreel.cli import protocol
from callreel.cli.protocol import BoundedProtocol
from callreel.cli.serving import AnnouncingServer, bound


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
    config = uvicorn.Config(app, http=BoundedProtocol, lifespan="off", log_config=None)
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


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 31\r\n", b"GET /again HTTP/1.1\r\nHost: a\r\n\r\n"[:31]),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n6\r\n there\r\n0\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("cut", [-1, 0, 3])
def test_the_body_of_a_request_that_asks_for_another_protocol_is_read_as_a_body(
    framing: bytes, body: bytes, cut: int
) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\n" + UPGRADE + framing + b"\r\n"
    sent = head + body + b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nnext"
    at = len(sent) if cut < 0 else len(head) + cut
    expected = body if b"Length" in framing else b"hello there"

    async def talk() -> list[bytes]:
        async with connection(echo) as (reader, writer):
            writer.write(sent[:at])
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(sent[at:])
            answers = []
            for length in (len(expected), 4):
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=10)
                answers.append(await asyncio.wait_for(reader.readexactly(length), timeout=10))
            return answers

    assert asyncio.run(talk()) == [expected, b"next"]


def test_a_thousand_requests_at_once_that_ask_for_another_protocol_are_answered() -> None:
    one = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    async def talk() -> bytes:
        async with connection() as (reader, writer):
            writer.write(one * 1_000 + last)
            return await asyncio.wait_for(reader.read(), timeout=20)

    assert asyncio.run(talk()).count(b"HTTP/1.1 200 OK") == 1_001


@pytest.mark.parametrize("more", [b"x", b"xx" * 400])
def test_a_client_that_sends_on_after_its_answer_does_not_keep_the_connection(
    monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    monkeypatch.setattr(protocol, "MAX_HEAD_SECONDS", 0.2)

    async def talk() -> bytes:
        async with connection() as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
            answer = await reader.readuntil(b"hello")
            writer.write(more)
            return answer + await asyncio.wait_for(reader.read(), timeout=4)

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 200 OK")


def test_the_rest_of_a_body_that_nobody_reads_comes_before_the_next_request() -> None:
    async def talk() -> bytes:
        async with connection() as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab")
            answer = await reader.readuntil(b"hello")
            writer.write(b"cdefGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return answer + await asyncio.wait_for(reader.read(), timeout=10)

    assert asyncio.run(talk()).count(b"HTTP/1.1 200 OK") == 2


def test_a_client_that_does_not_take_its_answer_does_not_keep_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "MAX_UNREAD_SECONDS", 0.1)
    gone = asyncio.Event()

    async def pour(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        left = asyncio.create_task(_disconnected(receive))
        while not left.done():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        gone.set()

    async def talk() -> None:
        async with connection(pour) as (_, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(gone.wait(), timeout=10)

    asyncio.run(talk())


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
