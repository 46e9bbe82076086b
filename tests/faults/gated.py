"""Runs a command whose system calls that write are asked about first; see `gate`.

    python gated.py SOCKET COMMAND…

A filter of the kernel's (seccomp with user notification, no privilege needed) holds each such call
of the command, and of all that it starts, until whoever listens at SOCKET lets it go on.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from typing import Final

CALLS: Final = {
    "write": 1,
    "close": 3,
    "pwrite64": 18,
    "writev": 20,
    "fsync": 74,
    "fdatasync": 75,
    "ftruncate": 77,
    "rename": 82,
    "mkdir": 83,
    "rmdir": 84,
    "link": 86,
    "unlink": 87,
    "openat": 257,
    "mkdirat": 258,
    "unlinkat": 263,
    "renameat": 264,
    "fallocate": 285,
    "pwritev": 296,
    "renameat2": 316,
}
"""The numbers of what writes, on x86-64."""
_SECCOMP: Final = 317
_SET_FILTER: Final = 1
_NEW_LISTENER: Final = 1 << 3
_NO_NEW_PRIVILEGES: Final = 38
_LOAD, _IS_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ASK, _ALLOW = 0x7FC0_0000, 0x7FFF_0000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _filter() -> bytes:
    """Return the kernel's little program: ask about these calls, allow all others."""
    numbers = list(CALLS.values())
    steps = [(_LOAD, 0, 0, 0)]
    steps += [(_IS_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ASK)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _listener() -> int:
    """Put the filter on this process, and return what its questions are read from."""
    system, program = ctypes.CDLL(None, use_errno=True), _filter()
    system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    given = _Program(len(program) // 8, program)
    found = int(system.syscall(_SECCOMP, _SET_FILTER, _NEW_LISTENER, ctypes.byref(given)))
    if found < 0:
        raise OSError(ctypes.get_errno(), "this kernel does not let calls be held")
    return found


def main() -> None:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(sys.argv[1])
        socket.send_fds(asking, [b"f"], [_listener()])
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the server under test, and no shell


if __name__ == "__main__":
    main()
