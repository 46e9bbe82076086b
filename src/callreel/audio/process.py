"""A child process as its parent sees it: it is started, asked, and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import Any, Final, Self

import msgspec

from callreel.audio.limits import Limits
from callreel.errors import Unavailable

_START_SECONDS: Final = 30
_DYING_SECONDS: Final = 5
_LONGEST_ANSWER: Final = 1 << 20
_RECEIVE: Final = 1 << 16
_PASSED_ON: Final = ("PYTHONPATH", "LD_LIBRARY_PATH")  # how Python finds itself, where it needs it


class ChildLostError(Exception):
    """The child ended, or talked nonsense, before it answered.

    Attributes:
        signal: What killed it, or None.
    """

    def __init__(self, returncode: int | None) -> None:
        super().__init__(f"a child process ended with {returncode}")
        self.signal = signal.Signals(-returncode) if returncode and returncode < 0 else None


class Child:
    """A child process that does one job at a time.

    It talks over a plain socket, so that it outlives an event loop that comes to its end.

    Attributes:
        is_held: Whether the kernel holds it to the system calls that it may make; known once it
            is ready.
    """

    is_held = False

    def __init__(self, limits: Limits) -> None:
        """Start the process; call `ready` before the first job.

        Raises:
            OSError: it cannot be started.
        """
        ours, theirs = socket.socketpair()
        with ExitStack() as failed, theirs:
            failed.callback(ours.close)
            self._process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                [sys.executable, "-s", "-P", "-m", "callreel.audio.child", *_arguments(limits)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # libmpg123 writes there what files make it write
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
            failed.pop_all()
        ours.setblocking(False)
        self._socket = ours

    @classmethod
    async def ready(cls, limits: Limits) -> Self:
        """Start a process and return it when it can be asked.

        Raises:
            Unavailable: it did not come up.
        """
        try:
            child = cls(limits)
        except OSError as error:
            raise _no_worker() from error
        is_up = False
        try:
            async with asyncio.timeout(_START_SECONDS):
                child.is_held = (await child._answer()).get("is_held") is True
            is_up = True
        except (ChildLostError, TimeoutError) as error:
            raise _no_worker() from error
        finally:
            if not is_up:
                await child.end()
        return child

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    async def ask(self, job: dict[str, str]) -> dict[str, Any]:
        """Hand in a job and return its answer.

        After any error, being cancelled too, the child is of no more use: end it.

        Raises:
            ChildLostError: it ended first.
        """
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._socket, msgspec.json.encode(job) + b"\n")
        except OSError as error:
            raise ChildLostError(await self._returncode()) from error
        return await self._answer()

    async def _answer(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        line = b""
        while not line.endswith(b"\n"):
            try:
                received = await loop.sock_recv(self._socket, _RECEIVE)
            except OSError as error:
                raise ChildLostError(await self._returncode()) from error
            line += received
            if not received or len(line) > _LONGEST_ANSWER:
                raise ChildLostError(await self._returncode())
        return _read(line)

    async def _returncode(self) -> int | None:
        try:
            return await asyncio.to_thread(self._process.wait, _DYING_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    async def end(self) -> None:
        """Kill the process and give back what it held."""
        self._socket.close()
        self._process.kill()
        await asyncio.to_thread(self._process.wait)


def _read(line: bytes) -> dict[str, Any]:
    """Read an answer; a child that hostile audio took over may send anything."""
    try:
        answer = msgspec.json.decode(line)
    except (ValueError, RecursionError) as error:
        raise ChildLostError(None) from error
    if not isinstance(answer, dict):
        raise ChildLostError(None)
    return answer


def _arguments(limits: Limits) -> tuple[str, str]:
    return msgspec.json.encode(limits).decode(), str(os.getpid())


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}


def _no_worker() -> Unavailable:
    return Unavailable("Audio cannot be read just now; tell the operator.", retry_after=5)
