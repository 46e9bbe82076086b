"""Lists are begun without a task, and connections that nobody uses end together."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from asgi import TEXT, house
from callreel.api import turns
from callreel.api.wire import CALLS_PATH, LIST_PATH
from callreel.cli import protocol
from callreel.cli.protocol import BoundedProtocol
from cli.connections import BEGIN, GET, Timers, answered, connection, ends, hello, listening_at

ENDS_SOON = 0.2


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


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
        await nothing(scope, receive, send)

    async def talk() -> bytes:
        async with connection(app) as (reader, writer):
            writer.write(sent)
            return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=10)

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 204")
    assert seen == [is_task]


@pytest.mark.parametrize(
    "waits",
    [
        lambda _number: False,
        lambda _number: True,
        lambda number: number % 7 == 0,
        lambda number: number == 1,
        lambda number: number == 2,
    ],
    ids=["none", "each", "some", "the first", "the second"],
)
def test_lists_that_come_together_are_answered_one_after_the_other(
    waits: Callable[[int], bool],
) -> None:
    """Whichever of them has to wait; so many would not fit on the stack, begun in each other."""
    many, asked = 3_000, []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        number = scope["query_string"]
        asked.append(number)
        if waits(len(asked)):
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


def test_lists_that_come_together_do_not_hold_up_the_event_loop() -> None:
    many, turns = 1_000, 0
    seen = []

    def count() -> None:
        nonlocal turns
        turns += 1
        asyncio.get_running_loop().call_soon(count)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(turns)
        await nothing(scope, receive, send)

    async def talk() -> None:
        async with connection(app) as (reader, writer):
            count()
            writer.write(asking(LIST_PATH) * many)
            for _ in range(many):
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=20)

    asyncio.run(talk())
    assert len(seen) == many
    assert max(Counter(seen).values()) <= 2  # one that ends, and one that is begun


def test_a_new_connection_waits_for_a_few_of_the_lists_that_were_asked_for_on_earlier_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On uvloop, as a server of ours is, which accepts one connection each time that it looks."""
    monkeypatch.setattr(turns, "WORK_SECONDS", 0)
    monkeypatch.setattr(turns, "HELD_SECONDS", 60)
    many, begun_before = 50, list[int]()

    async def router(scope: Scope, receive: Receive, send: Send) -> None:
        begun_before.append(len(made.catalog.asked))
        await nothing(scope, receive, send)

    made = house(router=router)
    head = f"HTTP/1.1\r\nHost: a\r\nAuthorization: {TEXT}\r\n\r\n"

    def asked(at: tuple[str, int], path: str) -> socket.socket:
        line = socket.create_connection(at)
        line.sendall(f"GET {path} {head}".encode())
        return line

    async def talk() -> None:
        async with listening_at(made.app) as at:
            lines = [asked(at, f"{LIST_PATH}?limit=2000") for _ in range(many)]
            lines.append(asked(at, "/health"))  # the server has not looked since the first
            for line in lines:
                line.setblocking(False)
                answer = await asyncio.get_running_loop().sock_recv(line, 12)
                assert answer.startswith(b"HTTP/1.1 20")
                line.close()

    uvloop.run(talk())
    assert len(made.catalog.asked) == many
    assert begun_before[0] < 5


@pytest.mark.parametrize("has_begun_before", [False, True])
def test_a_server_that_ends_tells_who_asks_for_a_list(*, has_begun_before: bool) -> None:
    async def talk() -> bytes:
        async with listening_at(hello) as at:
            reader, writer = await asyncio.open_connection(*at)
            if has_begun_before:
                assert await answered((reader, writer))
            await asyncio.sleep(0.05)
            (server_side,) = BoundedProtocol._waiting
            server_side.shutdown()
            writer.write(asking(LIST_PATH))
            answer = await asyncio.wait_for(reader.read(), timeout=10)
            writer.close()
            return answer

    assert asyncio.run(talk()).lower().count(b"connection: close") == 1


def test_an_answer_under_way_outlives_a_head_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "MAX_HEAD_SECONDS", 0.1)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)
        await hello(scope, receive, send)

    async def talk() -> bytes:
        async with connection(app) as (reader, writer):
            writer.write(GET + b"GET / HTTP/1.1\r\nHo")
            return await asyncio.wait_for(reader.read(), timeout=10)

    answer = asyncio.run(talk())
    assert b"hello" in answer
    assert answer.lower().count(b"connection: close") == 1


def test_a_long_body_before_the_next_head_is_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "MAX_HEAD_BYTES", 1_000)
    head, rest = b"POST / HTTP/1.1\r\nHost: a\r\n", b"Content-Length: 4000\r\n\r\n" + b"b" * 4_000

    async def talk() -> bytes:
        async with connection() as (reader, writer):
            for part in (head, rest + BEGIN[:9], BEGIN[9:] + b"\r\n\r\n"):
                writer.write(part)
                await writer.drain()
                for _ in range(20):
                    await asyncio.sleep(0)
            return await asyncio.wait_for(reader.read(), timeout=10)

    assert asyncio.run(talk()).count(b"HTTP/1.1 200 OK") == 2


def test_a_list_that_waits_too_long_for_a_server_that_ends_is_cancelled() -> None:
    begun, seen = asyncio.Event(), []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except BaseException as error:
            seen.append(type(error))
            raise

    async def talk() -> None:
        async with listening_at(app, grace=1) as at:
            _, writer = await asyncio.open_connection(*at)
            writer.write(asking(LIST_PATH))
            await begun.wait()
        await asyncio.sleep(0)
        writer.close()

    asyncio.run(talk())
    assert seen == [asyncio.CancelledError]


def test_a_server_ends_connections_on_which_nothing_is_asked() -> None:
    async def talk() -> bytes:
        async with listening_at(hello, keep_alive=ENDS_SOON) as at:
            reader, writer = await asyncio.open_connection(*at)
            assert await answered((reader, writer))
            end = await asyncio.wait_for(reader.read(), timeout=10)
            writer.close()
            return end

    assert asyncio.run(talk()) == b""


def test_a_list_that_waits_is_done_before_the_server_ends() -> None:
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await may_go_on.wait()
        await nothing(scope, receive, send)

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

    async def talk() -> int:
        async with connection(nothing) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            timers.watch(asyncio.get_running_loop())
            for path in (LIST_PATH, "/") * 3:
                writer.write(asking(path))
                await reader.readuntil(b"\r\n\r\n")
            return sum(map(len, timers.set.values()))

    assert asyncio.run(talk()) == 0


def test_connections_on_which_nothing_is_asked_end_and_no_others() -> None:
    at_work, may_end = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/long":
            at_work.set()
            await may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> list[bool]:
        async with listening_at(app) as at:
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
                for seconds in (ENDS_SOON, 75):  # short for no longer than this takes
                    for each in BoundedProtocol._waiting:
                        each.timeout_keep_alive = seconds  # type: ignore[assignment]
                    await BoundedProtocol.end_idle()
                return [await ends(each) for each in (idle, half, busy, late)]
            finally:
                may_end.set()
                for _, writer in lines:
                    writer.close()

    assert asyncio.run(talk()) == [True, False, False, False]
