"""How long a head may take and be, and what is told where it is none."""

from __future__ import annotations

import asyncio
import io
import json
import re

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from callreel.cli import protocol
from cli.connections import BEGIN, GET, Timers, connection, disconnected, echo, hello


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


def exchanged(*parts: bytes, app: ASGIApp = hello) -> bytes:
    """Send parts, each of which the server reads alone, and return all that it answers."""

    async def talk() -> bytes:
        async with connection(app) as (reader, writer):
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
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: a\r\nTransfer-Encoding: b\r\n\r\n",
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


def test_a_request_that_came_whole_is_under_no_deadline() -> None:
    timers = Timers()
    reached = asyncio.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        reached.set()
        await disconnected(receive)

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


@pytest.mark.parametrize("between", [b"", GET])
def test_what_is_no_request_breaks_into_no_answer_to_what_came_before(
    between: bytes, log: io.StringIO
) -> None:
    async def talk() -> bytes:
        goes_on = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            headers = [(b"content-length", b"10")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"hello", "more_body": True})
            await goes_on.wait()
            await send({"type": "http.response.body", "body": b"there"})

        async with connection(slow) as (reader, writer):
            writer.write(GET + between)
            found = await reader.readuntil(b"hello")
            for _ in range(2):
                writer.write(b"HELO example.org\r\n\r\n")
                await asyncio.sleep(0.05)
            goes_on.set()
            return found + await asyncio.wait_for(reader.read(), timeout=10)

    answers = asyncio.run(talk())
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(b"hellothere") == 1 + bool(between)
    assert b" 400 " not in answers[: answers.rindex(b"hellothere")]
    assert len(log.getvalue().splitlines()) == 1


def test_a_body_that_is_broken_is_told_so_though_its_request_is_being_read() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = exchanged(head, b"no length\r\n", app=echo)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
