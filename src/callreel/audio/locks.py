"""A lock that many may share or one may hold alone, over threads and processes."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from callreel.audio.staged import translated

_FIRST_WAIT: Final = 0.001
_LONGEST_WAIT: Final = 0.05


class SharedLock:
    """Locks on two files: the lock itself, and the turn to ask for it.

    Whoever wants it passes through the turn. Who wants it alone keeps the turn while waiting,
    so that a stream of sharers that never ends cannot keep it out.
    """

    def __init__(self, lock: Path, turn: Path) -> None:
        """Make the files where they are not.

        Raises:
            OSError: they cannot be made.
        """
        self._lock = lock
        self._turn = turn
        for path in (lock, turn):
            os.close(_open(path, os.O_CREAT))

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Hold it together with others."""
        async with AsyncExitStack() as held:
            async with _locked(self._turn, fcntl.LOCK_SH):
                await held.enter_async_context(_locked(self._lock, fcntl.LOCK_SH))
            yield

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold it while nobody else does."""
        async with _locked(self._turn, fcntl.LOCK_EX), _locked(self._lock, fcntl.LOCK_EX):
            yield


def _open(path: Path, creating: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | creating, 0o640)


@asynccontextmanager
async def _locked(path: Path, kind: int) -> AsyncIterator[None]:
    """Hold a file's lock; a descriptor of its own lets it work within one process too.

    The file is not made again: where it is missing, so is the disk that the lock is about.
    """
    with translated():
        descriptor = _open(path)
    try:
        wait = _FIRST_WAIT
        while not _try_lock(descriptor, kind):
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        yield
    finally:
        os.close(descriptor)  # which gives the lock back


def _try_lock(descriptor: int, kind: int) -> bool:
    with translated():
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
