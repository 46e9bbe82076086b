from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from callreel.cli import serving
from callreel.cli.protocol import (
    MAX_HEAD_BYTES,
    MAX_HEAD_SECONDS,
    MAX_UNREAD_SECONDS,
    BoundedProtocol,
)
from callreel.cli.serving import AnnouncingServer, application, bound, end_well, url_of
from callreel.errors import Misconfigured
from callreel.settings import Settings

ASKED = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"

SOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what the server says of the request."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    seen = {"type": scope["type"], "scheme": scope.get("scheme"), "client": scope["client"][0]}
    body = json.dumps(seen).encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def answer_to(request: bytes) -> tuple[bytes, bytes]:
    """Return head and body of the answer of a server that is set up as the real one."""
    ready = asyncio.Event()
    server = AnnouncingServer(serving._config(mirror), ready.set)
    with bound("127.0.0.1", 0) as listening:
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await ready.wait()
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), timeout=10)
        writer.close()
        server.should_exit = True
        await task
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave this process its log, and put back what signals do to it."""
    monkeypatch.setattr(serving, "_log_of", lambda _level: None)
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)


@pytest.mark.parametrize(
    "said",
    [
        b"X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.9\r\n",
        SOCKET,
    ],
)
def test_the_server_itself_believes_no_header(apart: None, said: bytes) -> None:
    head, body = asyncio.run(answer_to(ASKED + said + b"\r\n"))

    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"\r\nserver:" not in head.lower()
    assert json.loads(body) == {"type": "http", "scheme": "http", "client": "127.0.0.1"}


def test_a_client_is_waited_for_long_enough_and_not_for_ever(apart: None) -> None:
    config = serving._config(mirror)

    assert 60 <= config.timeout_keep_alive <= 120
    assert config.callback_notify == BoundedProtocol.end_idle
    assert config.timeout_notify < -(365 * 86_400)  # the clock may be set back as far as it likes
    assert config.timeout_graceful_shutdown == 20
    assert config.backlog >= 1_024
    assert (MAX_HEAD_SECONDS, MAX_UNREAD_SECONDS, MAX_HEAD_BYTES) == (30, 120, 128 << 10)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_end_before_it_serves_ends_well(
    apart: None, ending: signal.Signals
) -> None:
    end_well()

    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(ending)

    assert ended.value.code == 0


def test_the_app_is_that_of_the_environment_where_nothing_is_given(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "configure_log", lambda **_: None)

    application()

    assert (data / "callreel.db").exists()


def test_the_app_is_that_of_the_settings_where_some_are_given(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "configure_log", lambda **_: None)

    application(Settings(data=data.with_name("other")))

    assert data.with_name("other").exists()
    assert not data.exists()


def test_figures_of_an_earlier_server_are_not_added_to_those_of_this_one(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_1.db").write_bytes(b"old")

    assert serving._fresh(folder) == folder

    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_port_that_is_taken_is_said_with_what_to_do() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured) as caught:
            bound("127.0.0.1", port)

    assert caught.value.message == (
        f"Port {port} of 127.0.0.1 cannot be had (address already in use); "
        "choose another with --port."
    )


def test_a_port_is_had_again_at_once_when_a_server_has_ended() -> None:
    with closing(bound("127.0.0.1", 0)) as first:
        first.listen()
        address = first.getsockname()
        with socket.create_connection(address) as client:
            first.accept()[0].close()  # our side ends it, so it is ours to wait
            client.recv(1)

    with closing(bound(*address)) as again:
        assert again.getsockname() == address


@pytest.mark.parametrize("host", [".example", "a" * 64, "10.0.0.1:80"])
def test_what_is_no_name_of_a_host_is_one_sentence(host: str) -> None:
    with pytest.raises(Misconfigured, match="cannot be had"):
        bound(host, 0)


def test_the_address_is_one_that_can_be_opened() -> None:
    with closing(bound("127.0.0.1", 0)) as waiting:
        assert url_of(waiting) == f"http://127.0.0.1:{waiting.getsockname()[1]}"


def test_no_socket_is_left_open_where_it_could_not_be_bound() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(3):
        with pytest.raises(Misconfigured):
            bound("192.0.2.1", 0)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
