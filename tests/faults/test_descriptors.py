from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from faults.running import Served, call_of, listed, new_key, served
from support import a_sound


@contextmanager
def no_descriptor_left(server: Served) -> Iterator[None]:
    """Let the server open nothing more for as long as the context lasts."""
    pid = server.process.pid
    taken = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
    lowest_free = min(set(range(len(taken) + 1)) - taken)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees a server's descriptors")
def test_without_a_descriptor_left_what_needs_one_waits_and_the_list_goes_on(
    tmp_path: Path,
) -> None:
    key = new_key(tmp_path / "data")
    sound = a_sound(tmp_path)
    with served(tmp_path / "data", key) as server, server.session() as session:
        server.asking.add(sound, call_of("there"))
        one = f"{server.list}/there"
        addresses = (one + "/audio", one + "/peaks", one + "/audio?format=wav")
        for each in addresses:
            assert session.get(each, timeout=20).status_code == 200

        with no_descriptor_left(server):
            for each in addresses:
                answer = session.get(each, timeout=20)
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
            taking_in = session.post(
                server.list, files={"call": (None, b"{}"), "audio": ("x.wav", sound)}, timeout=20
            )
            assert taking_in.status_code == 503
            assert listed(session, server).keys() == {"there"}

        assert server.asking.upload(sound, call_of("later")).status_code == 201
        for each in addresses:
            assert session.get(each, timeout=20).status_code == 200
        assert listed(session, server).keys() == {"there", "later"}


FEW = ("sh", "-c", 'ulimit -n 512; exec "$@"', "sh")


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nHo", b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"]
)
def test_more_connections_that_ask_nothing_than_there_are_descriptors_keep_nobody_out(
    tmp_path: Path, said: bytes
) -> None:
    key = new_key(tmp_path / "data")
    sound = a_sound(tmp_path)
    with served(tmp_path / "data", key, FEW) as server, ExitStack() as idle:
        at = urlsplit(server.asking.url)
        for _ in range(700):
            line = idle.enter_context(socket.create_connection((at.hostname, at.port), timeout=20))
            line.sendall(said)
        began = time.monotonic()
        assert server.asking.upload(sound, call_of("there")).status_code == 201
        with server.session() as session:
            assert session.get(f"{server.list}/there/audio", timeout=20).content == sound
        assert time.monotonic() - began < 2 * 2  # two requests
        for _ in range(20):
            with server.session() as session:
                began = time.monotonic()
                assert listed(session, server).keys() == {"there"}
                assert time.monotonic() - began < 2
