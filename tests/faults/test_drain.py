"""`SIGTERM`: what was asked is answered, and nothing new is begun."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.running import Served, call_of, new_key, served
from support import a_sound

ASKING = 8
ENOUGH = 10 * ASKING
END = b"--x--\r\n"
EMPTY = b'{"data":[]}'
CALL_PART = b'--x\r\nContent-Disposition: form-data; name="call"\r\n\r\n%b\r\n'
AUDIO_PART = b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n%b\r\n'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    key = new_key(tmp_path / "data")
    with served(tmp_path / "data", key) as started:
        yield started


def head(server: Served, method: str, more: str = "", query: str = "") -> bytes:
    key = server.asking.keys["all"]
    path = f"/cdr_dialog_recording{query}"
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n{more}\r\n".encode()


def end(server: Served) -> None:
    """Tell it to end, and wait until it takes no new connection."""
    server.process.send_signal(signal.SIGTERM)
    with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
        while True:
            socket.create_connection(server.asking.address, timeout=20).close()


async def ask_until_told_to_stop(server: Served, query: str, seen: Counter[str]) -> None:
    """Ask on one connection without a pause, as long as the server leaves it open.

    Whoever gets the answer after which it is enough tells the server to end.
    """
    reader, writer = await asyncio.open_connection(*server.asking.address)
    said = b""
    while b"connection: close" not in said:
        writer.write(head(server, "GET", query=query))
        said = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(said.partition(b"content-length: ")[2].partition(b"\r")[0]))
        seen["answered"] += 1
        if seen["answered"] == ENOUGH:
            server.process.send_signal(signal.SIGTERM)
    seen["told"] += 1
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("clients", "query"), [(ASKING, ""), (1, ""), (1, "?limit=1"), (ASKING, "?limit=1")]
)
def test_no_request_is_lost_when_a_busy_server_is_told_to_end(
    server: Served, clients: int, query: str
) -> None:
    async def ask_and_end() -> Counter[str]:
        seen: Counter[str] = Counter()
        async with asyncio.timeout(60), asyncio.TaskGroup() as asking:
            for _ in range(clients):
                asking.create_task(ask_until_told_to_stop(server, query, seen))
        return seen

    seen = asyncio.run(ask_and_end())
    assert seen["told"] == clients
    assert server.process.wait(timeout=30) == 0


def test_an_upload_that_was_begun_ends_well(server: Served, tmp_path: Path) -> None:
    call = json.dumps(call_of("begun")).encode()
    body = CALL_PART % call + AUDIO_PART % a_sound(tmp_path) + END
    more = f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(server.asking.address, timeout=30) as client:
        client.sendall(head(server, "POST", more) + body[:1000])
        assert server.asking.ask("GET", "/health", None).status_code == 200
        end(server)
        client.sendall(body[1000:])
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert server.process.wait(timeout=30) == 0


def test_a_request_whose_head_was_begun_is_answered(server: Served) -> None:
    asked = head(server, "GET")
    with socket.create_connection(server.asking.address, timeout=30) as client:
        client.sendall(asked[:20])
        assert server.asking.ask("GET", "/health", None).status_code == 200
        end(server)
        client.sendall(asked[20:])
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert server.process.wait(timeout=30) == 0


def test_a_connection_on_which_nothing_comes_is_ended(server: Served) -> None:
    with (
        socket.create_connection(server.asking.address, timeout=30) as fresh,
        socket.create_connection(server.asking.address, timeout=30) as kept,
    ):
        kept.sendall(head(server, "GET"))
        with kept.makefile("rb") as answer:
            assert answer.readline().startswith(b"HTTP/1.1 200 ")
            while answer.readline() != b"\r\n":
                pass
            assert answer.read(len(EMPTY)) == EMPTY
        end(server)
        assert fresh.recv(1) == kept.recv(1) == b""
    assert server.process.wait(timeout=30) == 0
