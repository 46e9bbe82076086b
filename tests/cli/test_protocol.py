from __future__ import annotations

import asyncio
import json

import pytest
from starlette.types import Receive, Scope, Send

from callreel.cli import protocol
from callreel.cli.protocol import BoundedProtocol
from cli.connections import (
    GET,
    Timers,
    answered,
    connection,
    disconnected,
    echo,
    ends,
    hello,
    listening_at,
)

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
        left = asyncio.create_task(disconnected(receive))
        while not left.done():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        gone.set()

    async def talk() -> None:
        async with connection(pour) as (_, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(gone.wait(), timeout=10)

    asyncio.run(talk())


def test_a_connection_that_ended_leaves_no_timer() -> None:
    timers = Timers()

    async def talk() -> None:
        timers.watch(asyncio.get_running_loop())
        async with connection() as (_, writer):
            writer.write(b"GET / HT")

    asyncio.run(talk())

    assert timers.set[protocol.MAX_HEAD_SECONDS]
    assert timers.running(protocol.MAX_HEAD_SECONDS) == 0


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
