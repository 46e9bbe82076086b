"""Bodies without end are refused, and next to nothing of them is kept in memory meanwhile."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from faults.running import Served, new_key, served
from forms import BOUNDARY, form
from pressure.soak import memory_mb
from support import PATH

MIB = 1 << 20
FORM = f"multipart/form-data; boundary={BOUNDARY.decode()}"
MOST_AUDIO = 64
"""Mebibytes, which are written to the disk."""
MOST_SENT = 128
MOST_GROWTH_MB = 32
OPENED = len(b"\r\n--%b--\r\n" % BOUNDARY)
UUID = "6d59cb01-eeac-432a-b0aa-bfa4f26785ec"
ENDLESS = {
    "audio": ("POST", PATH, FORM, form(("audio", '; filename="a.wav"', b""))[:-OPENED]),
    "a call": ("POST", PATH, FORM, form(("call", "", b""))[:-OPENED] + b'{"a": "'),
    "what is before a form": ("POST", PATH, FORM, b""),
    "a head in a form": ("POST", PATH, FORM, form(("call", "; a=", b""))[: -OPENED - 4]),
    "an order": ("POST", "/export", "application/json", b'{"format": "'),
    "tags": ("PATCH", f"{PATH}/one", "application/json", b'{"custom_tag_id_list": ['),
    "a record": ("POST", f"/ingest/freeswitch?uuid={UUID}", "application/json", b'{"a": "'),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("endless") / "data"
    key = new_key(data)
    with served(data, key, ("env", f"CALLREEL_MAX_UPLOAD_BYTES={MOST_AUDIO * MIB}")) as found:
        yield found


@pytest.mark.parametrize("what", ENDLESS)
def test_a_body_without_end_is_refused_and_not_kept_in_memory(server: Served, what: str) -> None:
    method, path, kind, begins = ENDLESS[what]
    before = memory_mb(server.process.pid, "VmHWM")
    status, sent = answer_to_endless(server, method, path, kind, begins)
    assert status == b"413"
    assert sent < MOST_SENT
    assert memory_mb(server.process.pid, "VmHWM") - before < MOST_GROWTH_MB
    tmp = server.asking.data / "audio" / "tmp"
    assert [each for each in tmp.iterdir() if each.is_file()] == []


def answer_to_endless(
    server: Served, method: str, path: str, kind: str, begins: bytes
) -> tuple[bytes, int]:
    """Send until there is an answer; return its status, and how many mebibytes it took."""
    with socket.create_connection(server.asking.address, timeout=30) as line:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {server.asking.keys['all']}\r\n"
            f"Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        line.sendall(head.encode() + b"%x\r\n%b\r\n" % (len(begins), begins) * bool(begins))
        sent = 0
        with suppress(ConnectionError):  # the answer came in the midst of a piece
            while sent < MOST_SENT and not select.select([line], [], [], 0)[0]:
                line.sendall(b"%x\r\n%b\r\n" % (MIB, b"x" * MIB))
                sent += 1
        return line.recv(12)[-3:], sent
