"""Which system calls a process that reads hostile audio may not make, told to the kernel.

A filter of seccomp (Linux, `Documentation/userspace-api/seccomp_filter.rst`) holds for good, needs
no rights, and is there in containers too, where new namespaces mostly are not.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from typing import Final

_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF, classic, on 32-bit words
_NUMBER, _MACHINE = 0, 4  # offsets within `struct seccomp_data`
_REFUSE: Final = 0x00050000 | errno.EPERM
_ALLOW: Final = 0x7FFF0000
_OTHER_ABI: Final = 0x40000000  # numbers of x32 on x86-64; no machine has others as high

_FORBIDDEN: Final = {
    # By the kernel's tables: sockets, what sends through them, signals, new programs and processes,
    # and io_uring, which could do all of that unseen.
    "x86_64": (
        0xC000003E,
        {
            "socket": 41,
            "connect": 42,
            "accept": 43,
            "sendto": 44,
            "sendmsg": 46,
            "bind": 49,
            "listen": 50,
            "socketpair": 53,
            "clone": 56,
            "fork": 57,
            "vfork": 58,
            "execve": 59,
            "kill": 62,
            "ptrace": 101,
            "rt_sigqueueinfo": 129,
            "tkill": 200,
            "tgkill": 234,
            "accept4": 288,
            "rt_tgsigqueueinfo": 297,
            "sendmmsg": 307,
            "process_vm_writev": 311,
            "execveat": 322,
            "pidfd_send_signal": 424,
            "io_uring_setup": 425,
            "clone3": 435,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "ptrace": 117,
            "kill": 129,
            "tkill": 130,
            "tgkill": 131,
            "rt_sigqueueinfo": 138,
            "socket": 198,
            "socketpair": 199,
            "bind": 200,
            "listen": 201,
            "accept": 202,
            "connect": 203,
            "sendto": 206,
            "sendmsg": 211,
            "clone": 220,
            "execve": 221,
            "rt_tgsigqueueinfo": 240,
            "accept4": 242,
            "sendmmsg": 269,
            "process_vm_writev": 271,
            "execveat": 281,
            "pidfd_send_signal": 424,
            "io_uring_setup": 425,
            "clone3": 435,
        },
    ),
}
"""For each machine the number that the kernel knows it by, and its numbers of the calls."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def forbid(machine: str = platform.machine()) -> bool:
    """Forbid this process every new connection, program and process, for good.

    What is forbidden fails with EPERM. `PR_SET_NO_NEW_PRIVS` must have been set.

    Returns:
        Whether it holds: not on a machine whose calls are not known here, or an old kernel.
    """
    if machine not in _FORBIDDEN:
        return False
    steps = _steps(*_FORBIDDEN[machine])
    program = _Program(len(steps) // 8, steps)
    libc = ctypes.CDLL(None)
    done: int = libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)
    return done == 0


def _steps(machine: int, calls: dict[str, int]) -> bytes:
    """Return the filter: another machine's calls and those that are forbidden lead to the end."""
    numbers = sorted(calls.values())
    steps = [(_LOAD, 0, 0, _MACHINE), (_EQUAL, 0, len(numbers) + 3, machine)]
    steps += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, len(numbers) + 1, 0, _OTHER_ABI)]
    for index, number in enumerate(numbers):
        steps.append((_EQUAL, len(numbers) - index, 0, number))
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
