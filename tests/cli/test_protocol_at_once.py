"""Answers that go out in one step, by the offer that `exchange.AT_ONCE` names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from callreel.api.exchange import AT_ONCE, Exchange
from callreel.cli import protocol
from cli.connections import connection

PLAIN = (b"content-type", b"text/plain")


class Answers:
    """Answers by the offer, and in two messages where it is not taken; keeps which it was."""

    def __init__(self, body: bytes = b"hello", *headers: tuple[bytes, bytes]) -> None:
        self.body = body
        self.headers = [*(headers or (PLAIN,)), (b"content-length", b"%d" % len(body))]
        self.taken: list[bool] = []
        self.second = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = scope["extensions"][AT_ONCE]["send"](200, self.headers, (self.body,))
        self.taken.append(taken)
        if len(self.taken) == 2:
            self.second.set()
        if not taken:
            await self.in_two(send)

    async def in_two(self, send: Send) -> None:
        kept = [each for each in self.headers if each[0] in {b"connection", b"content-length"}]
        await send({"type": "http.response.start", "status": 200, "headers": [PLAIN, *kept]})
        await send({"type": "http.response.body", "body": self.body})


def said(app: Any, sent: bytes, until: int) -> bytes:
    """Return what is answered, up to so many bodies."""

    async def talk() -> bytes:
        async with connection(app) as (reader, writer):
            writer.write(sent)
            answer = b""
            for _ in range(until):
                answer += await asyncio.wait_for(reader.readuntil(b"hello"), timeout=10)
            return answer

    return asyncio.run(talk())


def test_a_whole_answer_has_its_status_its_headers_and_its_body() -> None:
    app = Answers()

    head, _, body = said(app, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1).partition(b"\r\n\r\n")

    assert app.taken == [True]
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert {b"content-type: text/plain", b"content-length: 5"} < set(lines)
    assert any(line.startswith(b"date: ") for line in lines)
    assert body == b"hello"


def test_of_headers_that_never_recur_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = protocol._Lines()
    monkeypatch.setattr(protocol, "MOST_RECURRING", 10)
    for number in range(1_000):
        name = b"x-%d" % number
        assert lines[name, b"a"] == name + b": a\r\n"
        assert lines[name, b"a" * 200] == name + b": " + b"a" * 200 + b"\r\n"
        assert lines[name, b"\x01" * 200] == b""
        assert lines[b"x-request-id", name] == b"x-request-id: " + name + b"\r\n"
    assert 0 < len(lines) <= 10
    assert {len(value) for _, value in lines} == {1}


def test_requests_that_come_together_are_answered_one_after_the_other() -> None:
    app = Answers()

    answer = said(app, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3, 3)

    assert app.taken == [True] * 3
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    ],
)
def test_the_last_answer_of_a_connection_says_that_it_is(sent: bytes) -> None:
    app = Answers()

    answer = said(app, sent, 1)

    assert app.taken == [False]
    assert b"\r\nconnection: close\r\n" in answer


def test_what_is_answered_before_its_body_came_is_followed_by_the_next_request() -> None:
    app = Answers()
    first = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"

    async def talk() -> bytes:
        async with connection(app) as (reader, writer):
            writer.write(first)
            answer = await asyncio.wait_for(reader.readuntil(b"hello"), timeout=10)
            writer.write(b"GET /body" + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return answer + await asyncio.wait_for(reader.readuntil(b"hello"), timeout=10)

    answer = asyncio.run(talk())

    assert app.taken == [True, True]
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2


def test_who_waits_to_be_told_to_go_on_is_answered_without_the_body() -> None:
    app = Answers()
    ask = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"

    answer = said(app, ask, 1)

    assert app.taken == [True]
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_answer_that_ends_its_connection_does_so() -> None:
    app = Answers(b"hello", PLAIN, (b"connection", b"close"))

    async def talk() -> bytes:
        async with connection(app) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return await asyncio.wait_for(reader.read(), timeout=10)

    answer = asyncio.run(talk())

    assert app.taken == [False]
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize("control", [*range(9), *range(10, 32), 127])
@pytest.mark.parametrize("of_name", [True, False])
def test_a_header_with_a_control_character_is_not_sent(control: int, *, of_name: bool) -> None:
    hostile = b"a" + bytes([control]) + b"b: c"
    header = (hostile, b"x") if of_name else (b"link", hostile)
    app = Answers(b"hello", header)

    answer = said(app, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1)

    assert app.taken == [False]
    assert hostile not in answer


def test_an_answer_waits_while_the_client_does_not_read() -> None:
    app = Answers(b"-" * 8_000_000 + b"hello")

    async def talk() -> None:
        async with connection(app) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
            await asyncio.wait_for(app.second.wait(), timeout=10)
            assert app.taken == [True, False]
            for _ in range(2):
                read = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=10)
                assert b"content-length: 8000005" in read
                whole = await asyncio.wait_for(reader.readexactly(8_000_005), timeout=30)
                assert whole == app.body

    asyncio.run(talk())


def test_whole_answers_take_the_offer_and_that_to_a_head_does_not() -> None:
    """The list is asked through the real app in `tests/api`; here, that it goes this way at all."""
    offers: list[tuple[int, tuple[bytes, ...]]] = []
    sent: list[str] = []

    def offer(status: int, headers: list[tuple[bytes, bytes]], body: tuple[bytes, ...]) -> bool:
        assert (b"content-length", b"2") in headers
        offers.append((status, body))
        return True

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def answer(method: str) -> None:
        state = {"request_id": "r"}
        scope = {"state": state, "method": method, "path": "/"}
        scope["extensions"] = {AT_ONCE: {"send": offer}}
        await Exchange(scope, send).finish(200, [], b"{}")

    asyncio.run(answer("GET"))
    asyncio.run(answer("POST"))
    assert (offers, sent) == ([(200, (b"{}",))] * 2, [])
    asyncio.run(answer("HEAD"))
    assert len(offers) == 2
    assert sent == ["http.response.start", "http.response.body"]
