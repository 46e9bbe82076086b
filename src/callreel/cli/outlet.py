"""Where the access log goes: a stream that never holds up who writes to it."""

from __future__ import annotations

import errno
import json
import os
import select
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Final

import structlog

from callreel.disk import NO_ROOM

MOST_BYTES: Final = 1 << 25
"""Some 100,000 lines."""
END_SECONDS: Final = 2.0
SILENT_SECONDS: Final = 60.0
"""Between two complaints of lines that are lost."""
FULL_SECONDS: Final = 1.0
"""Between two tries to write to a file on a full disk."""
_FULL: Final = NO_ROOM - {errno.EFBIG}
"""What passes once somebody makes room; a file that may be no longer stays so."""
_STANDARD_ERROR: Final = 2
_log = structlog.get_logger(__name__)


class Outlet:
    """Writes to a descriptor in a thread of its own.

    Whoever reads a pipe slowly, or not at all, would else stop the server once the pipe is full.
    What waits to be written is bounded: lines beyond that are lost and counted, and a line tells
    how many they were once there is room again.
    """

    def __init__(self, descriptor: int, most: int = MOST_BYTES) -> None:
        """Begin to write to a descriptor; at most so many bytes wait."""
        self._descriptor = descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._most = most
        self._waiting = SimpleQueue[bytes]()
        # Each is counted by one thread alone.
        self._given = 0
        self._written = 0
        self._lost = 0
        self._silent_until = 0.0
        threading.Thread(target=self._work, name="access-log", daemon=True).start()

    def write(self, lines: bytes, /) -> None:
        """Let lines be written soon."""
        if self._given - self._written + len(lines) > self._most:
            self._lost += lines.count(b"\n")
            self._complain()
            return
        self._tell_lost()
        self._put(lines)

    def flush(self) -> None:
        """Wait until all is written, two seconds at most: nobody may ever read it."""
        self._tell_lost()
        end = time.monotonic() + END_SECONDS
        while self._written < self._given and time.monotonic() < end:
            time.sleep(0.005)

    def _tell_lost(self) -> None:
        if self._lost:
            self._put(_told(self._lost))
            self._lost = 0

    def _complain(self) -> None:
        """Tell the operator, unless that would wait: both streams may go to the same reader."""
        now = time.monotonic()
        if now >= self._silent_until and _takes_more(_STANDARD_ERROR, 0):
            self._silent_until = now + SILENT_SECONDS
            _log.error("the access log is not read: lines of it are lost")

    def _put(self, lines: bytes) -> None:
        self._given += len(lines)
        self._waiting.put(lines)

    def _work(self) -> None:
        while True:
            lines = self._waiting.get()
            with suppress(OSError):  # there is nobody left to read them, and nowhere to tell
                # Each piece makes this thread and the event loop wait for one another.
                for piece in (lines,) if self._is_file else _pieces(lines):
                    self._write_out(piece)
            self._written += len(lines)

    def _write_out(self, piece: bytes) -> None:
        while piece:
            try:
                piece = piece[os.write(self._descriptor, piece) :]
            except BlockingIOError:  # who else has the stream may have made it one that never waits
                _takes_more(self._descriptor, None)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                time.sleep(FULL_SECONDS)  # lines wait for room as for a reader, and none is torn


def _pieces(lines: bytes) -> Iterator[bytes]:
    """Yield lines in pieces that a pipe takes whole, so that no other process writes into one."""
    start = 0
    while start < len(lines):
        end = lines.rfind(b"\n", start, start + select.PIPE_BUF) + 1
        end = end or lines.find(b"\n", start) + 1 or len(lines)
        yield lines[start:end]
        start = end


def _takes_more(descriptor: int, wait: float | None) -> bool:
    """Say whether a line could be written now, or after so many milliseconds, None for any."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(wait))


def _told(lost: int) -> bytes:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"time": now, "lost_lines": lost}).encode() + b"\n"
