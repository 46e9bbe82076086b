"""What clients do not read takes bounded memory, whatever the number of their connections."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from callreel.api.exchange import AT_ONCE
from callreel.api.wire import LIST_PATH
from callreel.catalog.sqlite import SqliteCatalog
from callreel.cli.protocol import BoundedProtocol
from callreel.cli.unread import Unread
from callreel.model import Recording
from callreel.wiring import DATABASE
from cli.connections import GET, connection, ends, listening_at
from exporting.exports import entry_of, many_calls, no_audio
from faults.running import new_key, served
from pressure.line import get
from pressure.soak import memory_mb

SIZE = 32 << 20
RECORDS, RECORD_BYTES = 100, 100_000
NEVER_READ = 60
MOST_MB = 450


class FakeTransport(asyncio.Transport):
    is_ended = False

    def abort(self) -> None:
        self.is_ended = True


def test_beyond_the_bound_those_end_that_have_waited_longest() -> None:
    unread, lines = Unread(100), [FakeTransport() for _ in range(4)]
    for each in lines[:3]:
        unread.add(each, 30)
    unread.drop(lines[0])  # which took its answer, so that it waits again after the others
    unread.add(lines[0], 30)
    assert not any(each.is_ended for each in lines)

    unread.add(lines[3], 60)
    assert [each.is_ended for each in lines] == [False, True, True, False]


def test_what_waits_alone_may_be_longer_than_the_bound() -> None:
    unread, first, second = Unread(100), FakeTransport(), FakeTransport()
    unread.add(first, 90)
    unread.add(first, 90)
    assert not first.is_ended
    unread.add(second, 1)
    assert (first.is_ended, second.is_ended) == (True, False)


async def whole(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as lists are answered."""
    headers = [(b"content-length", b"%d" % SIZE)]
    if scope["extensions"][AT_ONCE]["send"](200, headers, (bytes(SIZE),)):
        return
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(SIZE)})


def test_a_connection_that_leaves_its_answer_unread_ends_for_those_that_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unread = Unread(2 * SIZE)
    monkeypatch.setattr(BoundedProtocol, "_unread", unread)

    async def talk() -> list[bool]:
        async with listening_at(whole) as at:
            lines = [await asyncio.open_connection(*at) for _ in range(3)]
            for reader, writer in lines:
                writer.write(GET)
                await reader.readuntil(b"\r\n\r\n")
            told = []
            for reader, _ in lines:
                try:
                    await asyncio.wait_for(reader.readexactly(SIZE), timeout=10)
                    told.append(True)
                except (asyncio.IncompleteReadError, ConnectionResetError):
                    told.append(False)
            for _, writer in lines:
                writer.close()
            return told

    assert asyncio.run(talk()) == [False, True, True]
    assert not unread._bytes


def test_an_answer_that_waits_for_the_one_before_counts_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unread = Unread(10 * SIZE)
    monkeypatch.setattr(BoundedProtocol, "_unread", unread)

    async def talk() -> list[int]:
        async with connection(whole) as (reader, writer):
            writer.write(2 * GET)
            await reader.readuntil(b"\r\n\r\n")
            waiting = list(unread._bytes.values())
            await reader.readexactly(SIZE)
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(SIZE)
            assert not await ends((reader, writer))
            return waiting

    assert asyncio.run(talk()) == [2 * SIZE]
    assert not unread._bytes


def add_long_records(data: Path) -> None:
    """Put records into the catalog of which a page is as long as the longest usual ones."""
    more = b',"more":"%b"}' % (b"x" * RECORD_BYTES)
    made = (entry_of(Recording(each.dialog_id, each, no_audio())) for each in many_calls(RECORDS))
    entries = [replace(each, body=each.body.removesuffix(b"}") + more) for each in made]

    async def add() -> None:
        catalog = SqliteCatalog(data / DATABASE)
        await catalog.add(1, entries)
        await catalog.close()

    asyncio.run(add())


def test_readers_that_never_read_do_not_fill_the_memory(tmp_path: Path) -> None:
    key = new_key(tmp_path / "data")
    add_long_records(tmp_path / "data")
    asking = get(f"{LIST_PATH}?limit={RECORDS}", key)
    with served(tmp_path / "data", key) as server, ExitStack() as lines, server.session() as honest:
        for _ in range(NEVER_READ):
            line = lines.enter_context(socket.create_connection(server.asking.address, timeout=20))
            line.sendall(asking)
            line.recv(1)
        answer = honest.get(f"{server.list}?limit={RECORDS}", timeout=20)
        assert len(answer.json()["data"]) == RECORDS
        assert memory_mb(server.process.pid) < MOST_MB
