"""Lists are begun without a task, and connections that nobody uses end together."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from callreel.api.wire import CALLS_PATH, LIST_PATH
from callreel.cli.protocol import BoundedProtocol
from cli.test_protocol import GET, Timers, answered, connection, ends, listening_at

ENDS_SOON = 0.2


def asking(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("sent", "is_task"),
    [
        (asking(LIST_PATH), False),
        (asking(f"{CALLS_PATH}?limit=1"), False),
        (asking(LIST_PATH, "HEAD"), True),
        (asking(LIST_PATH, "POST"), True),
        (asking(f"{LIST_PATH}/1"), True),
        (asking("/health"), True),
    ],
)
def test_a_list_alone_is_begun_without_a_task(sent: bytes, *, is_task: bool) -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(asyncio.current_task() is not None)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> bytes:
        async with connection(app) as (reader, writer):
            writer.write(sent)
            return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=10)

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 204")
    assert seen == [is_task]


@pytest.mark.parametrize("waits", [0, 1, 7])
def test_lists_that_come_together_are_answered_one_after_the_other(waits: int) -> None:
    """Whichever of them has to wait; so many would not fit on the stack, begun in each other."""
    many, asked = 3_000, []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        number = scope["query_string"]
        asked.append(number)
        if waits and len(asked) % waits == 0:
            await asyncio.sleep(0)
        headers = [(b"content-length", b"%d" % len(number))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": number})

    async def talk() -> list[bytes]:
        async with connection(app) as (reader, writer):
            writer.write(b"".join(asking(f"{LIST_PATH}?{each:04}") for each in range(many)))
            bodies = []
            for _ in range(many):
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=20)
                bodies.append(await reader.readexactly(4))
            return bodies

    expected = [b"%04d" % each for each in range(many)]
    assert asyncio.run(talk()) == expected
    assert asked == expected


def test_a_list_that_waits_is_done_before_the_server_ends() -> None:
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await may_go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> bytes:
        async with listening_at(app) as at:
            reader, writer = await asyncio.open_connection(*at)
            writer.write(asking(LIST_PATH))
            await begun.wait()
            asyncio.get_running_loop().call_later(0.3, may_go_on.set)
        answer = await reader.read()
        writer.close()
        return answer

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 204")


def test_no_answer_sets_a_timer() -> None:
    timers = Timers()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> int:
        async with connection(app) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            timers.watch(asyncio.get_running_loop())
            for path in (LIST_PATH, "/") * 3:
                writer.write(asking(path))
                await reader.readuntil(b"\r\n\r\n")
            return sum(map(len, timers.set.values()))

    assert asyncio.run(talk()) == 0


def test_connections_on_which_nothing_is_asked_end_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_work, may_end = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/long":
            at_work.set()
            await may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> list[bool]:
        async with listening_at(app, keep_alive=ENDS_SOON) as at:
            lines = [await asyncio.open_connection(*at) for _ in range(4)]
            idle, half, busy, late = lines
            for line in lines:
                assert await answered(line)
            half[1].write(b"GET / HTTP/1.1\r\nHo")  # which has a deadline of its own
            busy[1].write(asking("/long"))
            try:
                await at_work.wait()
                await asyncio.sleep(2 * ENDS_SOON)
                assert await answered(late)
                await BoundedProtocol.end_idle()
                return [await ends(each) for each in (idle, half, busy, late)]
            finally:
                may_end.set()
                for _, writer in lines:
                    writer.close()

    assert asyncio.run(talk()) == [True, False, False, False]
