"""Holds each system call that writes to a folder, and decides what becomes of it.

`strace -e inject` counts the calls of each thread apart, so that with several threads some points
are never reached. Here one counter can see the calls of all threads and children in their order,
and only those that touch the folder.
"""

from __future__ import annotations

import os
import platform
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from typing import Final

import pytest

from faults import gated
from faults.gated import CALLS

_RECEIVE: Final = 0xC050_2100
_SEND: Final = 0xC018_2101
_QUESTION: Final = struct.Struct("=QIIiIQ6Q")
_ANSWER: Final = struct.Struct("=QqiI")
_GO_ON: Final = 1
_NAMES: Final = {number: name for name, number in CALLS.items()}
_BY_PATH: Final = {
    "openat": 1,
    "rename": 1,
    "mkdir": 0,
    "rmdir": 0,
    "link": 1,
    "unlink": 0,
    "mkdirat": 1,
    "unlinkat": 1,
    "renameat": 3,
    "renameat2": 3,
}
"""Which argument names the path, where one does; of `…at`, the one before names its folder."""
_PATH_BYTES: Final = 4096
_AT_ONCE: Final = 8
CHANGING: Final = frozenset(CALLS) - {"close"}
"""What a crash can come before or after; closing a file changes nothing on the disk."""


@dataclass(frozen=True, slots=True)
class Held:
    """A call that waits: its name, such as `fsync`, and the path that it touches."""

    name: str
    path: str


Decide = Callable[[Held], int]
"""Returns 0 to let a call go on, or the error that it is to fail with, such as `errno.EIO`."""


def let_go(_held: Held) -> int:
    return 0


class Gate:
    """The gate in front of a folder.

    Attributes:
        before: The command that runs another one behind this gate.
        decide: Decides of each call that writes to the folder; several threads may ask at once.
    """

    def __init__(self, folder: Path, door: Path) -> None:
        self.before = (sys.executable, str(gated.__file__), str(door))
        self.decide: Decide = let_go
        self._inside = f"{folder}/"
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(door))
        self._door.listen()
        self._work = ThreadPoolExecutor(_AT_ONCE)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let in nobody else."""
        self._door.close()
        self._work.shutdown(wait=False)

    def _accept(self) -> None:
        while True:
            try:
                asking, _ = self._door.accept()
            except OSError:
                return
            with asking:
                _, (listener,), _, _ = socket.recv_fds(asking, 1, 1)
            threading.Thread(target=self._listen, args=(listener,), daemon=True).start()

    def _listen(self, listener: int) -> None:
        """Take the questions of a command until it and all that it started are gone."""
        waiting = select.poll()
        waiting.register(listener, select.POLLIN)
        question = bytearray(_QUESTION.size)
        while not any(event & select.POLLHUP for _, event in waiting.poll()):
            question[:] = bytes(len(question))
            with suppress(OSError, RuntimeError):  # it was killed meanwhile, or the gate is closed
                ioctl(listener, _RECEIVE, question)
                self._work.submit(self._answer, listener, bytes(question))
        os.close(listener)

    def _answer(self, listener: int, question: bytes) -> None:
        number, process, _, call, _, _, *arguments = _QUESTION.unpack(question)
        try:
            path = _path_of(_NAMES[call], process, arguments)
        except OSError:  # gone already, or no file
            path = ""
        error = self.decide(Held(_NAMES[call], path)) if path.startswith(self._inside) else 0
        answer = _ANSWER.pack(number, 0, -error, 0 if error else _GO_ON)
        with suppress(OSError):
            ioctl(listener, _SEND, answer)


@contextmanager
def gate(folder: Path, scratch: Path) -> Iterator[Gate]:
    """Put a gate in front of a folder; skip the test where the kernel cannot hold calls."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("only Linux on x86-64 lets calls be held here")
    if os.geteuid() != 0:
        pytest.skip("only root sees which file a server's call is about")
    made = Gate(folder, scratch / "gate.socket")
    try:
        yield made
    finally:
        made.close()


def _path_of(name: str, process: int, arguments: list[int]) -> str:
    """Return the path that a call is about; nothing where it opens only to read."""
    at = _BY_PATH.get(name)
    if at is None:
        return _open_file(process, arguments[0])
    if name == "openat" and not arguments[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
        return ""
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        memory.seek(arguments[at])
        path = os.fsdecode(memory.read(_PATH_BYTES).split(b"\0", 1)[0])
    if path.startswith("/") or "at" not in name:
        return path
    return f"{_open_file(process, arguments[at - 1])}/{path}"


def _open_file(process: int, descriptor: int) -> str:
    return str(Path(f"/proc/{process}/fd/{descriptor}").readlink())
