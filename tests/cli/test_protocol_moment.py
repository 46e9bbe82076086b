"""Lists that come in together share a moment of the catalog, and none is asked for after it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from callreel.api.wire import LIST_PATH
from callreel.catalog.sqlite import SqliteCatalog
from callreel.cli.protocol import BoundedProtocol

WHOLE = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % LIST_PATH.encode()
ADD_TENANT = "INSERT INTO tenant (number, name) VALUES (2, 'two')"


@pytest.mark.parametrize("sent_before", [0, 20, len(WHOLE)])
def test_what_was_sent_after_a_change_finds_it(tmp_path: Path, sent_before: int) -> None:
    """Another process makes a change and tells of it while the event loop reads what came."""
    catalog = SqliteCatalog(tmp_path / "callreel.db")
    other = apsw.Connection(str(tmp_path / "callreel.db"))

    def change_and_send_the_rest(second: socket.socket) -> None:
        other.execute(ADD_TENANT)
        second.sendall(WHOLE[sent_before:])

    try:
        first_found, second_found = uvloop.run(
            asked(catalog, change_and_send_the_rest, sent_before)
        )
    finally:
        asyncio.run(catalog.close())
    # All was read before any was answered, so whoever asks with the second sees the change, too.
    assert (first_found, second_found) == (2, 2)


async def asked(
    catalog: SqliteCatalog, do: Callable[[socket.socket], None], sent_before: int
) -> list[int]:
    """Ask over two connections at once, and do something once the first was read."""
    loop = asyncio.get_running_loop()
    to_do = [do]

    async def count(_scope: Scope, _receive: Receive, send: Send) -> None:
        body = b"%d" % len(await catalog.tenants())
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    class Reading(BoundedProtocol):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if to_do:
                to_do.pop()(second)

    config = uvicorn.Config(count, ws="none", log_level="critical")
    await catalog.add_tenant("one")
    server = await loop.create_server(
        lambda: Reading(config, ServerState(), {}, loop), "127.0.0.1", 0
    )
    async with server:
        at = server.sockets[0].getsockname()
        with (
            closing(socket.create_connection(at)) as first,
            closing(socket.create_connection(at)) as second,
        ):
            await asyncio.sleep(0.1)
            first.sendall(WHOLE)
            second.sendall(WHOLE[:sent_before])
            await asyncio.sleep(0.2)
            return [int(each.recv(4096)[-1:]) for each in (first, second)]
