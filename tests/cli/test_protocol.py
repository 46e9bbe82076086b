from __future__ import annotations

import asyncio
import io
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

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
def test_a_client_that_sends_on_after_its_answer_does_not_keep_the_connection(more: bytes) -> None:
    async def talk() -> bytes:
        async with listening_at(hello, keep_alive=0.1) as at:
            reader, writer = await asyncio.open_connection(*at)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
            answer = await reader.readuntil(b"hello")
            writer.write(more)
            answer += await asyncio.wait_for(reader.read(), timeout=4)
            writer.close()
            return answer

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


def body_of(answer: bytes) -> bytes:
    """Return the body of an answer that says that nothing comes after it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")[1:]
    assert sorted(lines) == [
        b"cache-control: no-store",
        b"connection: close",
        b"content-length: %d" % len(body),
        b"content-security-policy: default-src 'none'; frame-ancestors 'none'",
        b"content-type: application/json",
        b"referrer-policy: no-referrer",
        b"x-content-type-options: nosniff",
        b"x-request-id: %b" % json.loads(body)["error"]["request_id"].encode(),
    ]
    return body


def exchanged(*parts: bytes) -> bytes:
    """Send parts, each of which the server reads alone, and return all that it answers."""

    async def talk() -> bytes:
        async with connection() as (reader, writer):
            for part in parts:
                writer.write(part)
                await writer.drain()
                for _ in range(20):
                    await asyncio.sleep(0)
            return await asyncio.wait_for(reader.read(), timeout=10)

    return asyncio.run(talk())


@pytest.mark.parametrize(
    "sent",
    [
        b"HELO example.org\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_no_request_is_told_so_and_the_connection_ends(
    sent: bytes, log: io.StringIO
) -> None:
    answer = exchanged(sent)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    error = json.loads(body_of(answer))["error"]
    assert error["code"] == "bad_parameter"
    assert error["message"]
    assert re.fullmatch("[0-9a-f]{32}", error["request_id"])
    (line,) = map(json.loads, log.getvalue().splitlines())
    told = (line["why"], line["client"], line["request_id"])
    assert told == (error["message"], "127.0.0.1", error["request_id"])


BEGIN = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: "


@pytest.mark.parametrize(("more", "is_answered"), [(-1, True), (0, True), (1, False)])
def test_a_head_may_be_as_long_as_is_said(
    monkeypatch: pytest.MonkeyPatch, more: int, is_answered: bool
) -> None:
    monkeypatch.setattr(protocol, "MAX_HEAD_BYTES", 1_000)

    answer = exchanged(BEGIN, b"a" * 500, b"a" * (500 + more), b"\r\n\r\n")

    if is_answered:
        assert answer.startswith(b"HTTP/1.1 200 OK")
        return
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert json.loads(body_of(answer))["error"]["message"] == (
        "The address and headers take more than 1000 bytes."
    )


def test_a_body_is_no_part_of_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_HEAD_BYTES", 1_000)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4000\r\n\r\n"

    async def talk() -> bytes:
        async with connection(echo) as (reader, writer):
            for part in (head[:20], head[20:] + b"b" * 1_000, b"b" * 3_000):
                writer.write(part)
                for _ in range(20):
                    await asyncio.sleep(0)
            return await asyncio.wait_for(reader.read(), timeout=10)

    assert asyncio.run(talk()).endswith(b"\r\n\r\n" + b"b" * 4_000)


def test_every_request_of_a_connection_has_a_head_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "MAX_HEAD_BYTES", 1_000)
    one = (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 900, b"\r\n\r\n")
    last = (BEGIN, b"a" * 900, b"\r\n\r\n")

    assert exchanged(*one, *one, *last).count(b"HTTP/1.1 200 OK") == 3


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


def test_a_connection_that_ended_leaves_no_timer() -> None:
    timers = Timers()

    async def talk() -> None:
        timers.watch(asyncio.get_running_loop())
        async with connection() as (_, writer):
            writer.write(b"GET / HT")

    asyncio.run(talk())

    assert timers.set[protocol.MAX_HEAD_SECONDS]
    assert timers.running(protocol.MAX_HEAD_SECONDS) == 0


def test_a_request_that_came_whole_is_under_no_deadline() -> None:
    timers = Timers()
    reached = asyncio.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        reached.set()
        await _disconnected(receive)

    async def talk() -> int:
        timers.watch(asyncio.get_running_loop())
        async with connection(wait) as (_, writer):
            writer.write(b"GET / HTTP/1.1\r\nHo")
            for _ in range(20):
                await asyncio.sleep(0)
            writer.write(b"st: a\r\n\r\n")
            await asyncio.wait_for(reached.wait(), timeout=10)
            return timers.running(protocol.MAX_HEAD_SECONDS)

    assert asyncio.run(talk()) == 0


def test_a_client_that_takes_its_answer_late_keeps_the_connection() -> None:
    timers = Timers()
    size = 16 << 20

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"%d" % size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(size)})

    async def talk() -> int:
        timers.watch(asyncio.get_running_loop())
        async with connection(large) as (reader, writer):
            for _ in range(2):
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await reader.readuntil(b"\r\n\r\n")
                assert timers.running(protocol.MAX_UNREAD_SECONDS) == 1
                await reader.readexactly(size)
            return timers.running(protocol.MAX_UNREAD_SECONDS)

    assert asyncio.run(talk()) == 0
    assert len(timers.set[protocol.MAX_UNREAD_SECONDS]) == 2


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


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


def test_beyond_the_limit_that_connection_ends_which_has_waited_longest() -> None:
    async def talk() -> None:
        async with listening_at(hello, 4) as at:
            lines = [await asyncio.open_connection(*at) for _ in range(3)]
            lines[1][1].write(b"GET / HTTP/1.1\r\nHo")  # half a request is none
            assert await answered(lines[0])  # so that it waits again, after the others
            lines += [await asyncio.open_connection(*at) for _ in range(3)]
            assert [await ends(each) for each in lines] == [False, True, True, False, False, False]
            assert [await answered(each) for each in (lines[0], *lines[3:])] == [True] * 4
            for _, writer in lines:
                writer.close()

    asyncio.run(talk())
    assert not BoundedProtocol._waiting


def test_who_comes_while_all_are_at_work_is_told_to_come_again() -> None:
    at_work, may_end = asyncio.Semaphore(0), asyncio.Event()

    async def work(scope: Scope, receive: Receive, send: Send) -> None:
        at_work.release()
        await may_end.wait()
        await hello(scope, receive, send)

    async def talk() -> bytes:
        async with listening_at(work, 2) as at:
            lines = [await asyncio.open_connection(*at) for _ in range(2)]
            for _, writer in lines:
                writer.write(GET)
            for _ in lines:
                await at_work.acquire()
            reader, late = await asyncio.open_connection(*at)
            told = await asyncio.wait_for(reader.read(), timeout=10)
            may_end.set()
            for each, _ in lines:
                assert await asyncio.wait_for(each.readuntil(b"hello"), timeout=10)
            for writer in (late, *(writer for _, writer in lines)):
                writer.close()
            return told

    head, _, body = asyncio.run(talk()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n")
    assert json.loads(body)["error"]["code"] == "unavailable"
