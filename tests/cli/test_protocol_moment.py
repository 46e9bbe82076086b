"""Lists that come in together share a moment of the catalog, and none is asked for after it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from callreel.api.wire import LIST_PATH
from callreel.catalog.sqlite import SqliteCatalog
from callreel.cli.protocol import BoundedProtocol
from cli.connections import listening_at

WHOLE = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % LIST_PATH.encode()
ADD_TENANT = "INSERT INTO tenant (number, name) VALUES (2, 'two')"


@pytest.mark.parametrize("sent_before", [0, 20, len(WHOLE)])
def test_what_was_sent_after_a_change_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent_before: int
) -> None:
    """Another process makes a change and tells of it while the event loop reads what came."""
    catalog = SqliteCatalog(tmp_path / "callreel.db")
    other = apsw.Connection(str(tmp_path / "callreel.db"))
    read = BoundedProtocol.data_received
    to_do: list[Callable[[], object]] = []

    def read_and_do(self: BoundedProtocol, data: bytes) -> None:
        read(self, data)
        while to_do:
            to_do.pop()()

    async def count(_scope: Scope, _receive: Receive, send: Send) -> None:
        body = b"%d" % len(await catalog.tenants())
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def ask() -> list[int]:
        """Ask over two connections at once; once the first was read, there is a change."""
        await catalog.add_tenant("one")
        async with listening_at(count) as at:
            with (
                closing(socket.create_connection(at)) as first,
                closing(socket.create_connection(at)) as second,
            ):
                await asyncio.sleep(0.1)
                to_do.append(lambda: second.sendall(WHOLE[sent_before:]))
                to_do.append(lambda: other.execute(ADD_TENANT))
                first.sendall(WHOLE)
                second.sendall(WHOLE[:sent_before])
                await asyncio.sleep(0.2)
                return [int(each.recv(4096)[-1:]) for each in (first, second)]

    monkeypatch.setattr(BoundedProtocol, "data_received", read_and_do)
    try:
        found = uvloop.run(ask())
    finally:
        asyncio.run(catalog.close())
    # All was read before any was answered, so whoever asks with the second sees the change, too.
    assert found == [2, 2]
