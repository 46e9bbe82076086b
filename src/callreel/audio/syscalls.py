"""Which system calls a process that reads hostile audio may not make, told to the kernel.

A filter of seccomp (Linux, `Documentation/userspace-api/seccomp_filter.rst`) holds for good, needs
no rights, and is there in containers too, where new namespaces mostly are not.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import Final

_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF, classic, on words
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # offsets within `struct seccomp_data`, little-endian
_REFUSE: Final = 0x00050000 | errno.EPERM
_ALLOW: Final = 0x7FFF0000
_OTHER_ABI: Final = 0x40000000  # numbers of x32 on x86-64; no machine has others as high

_FORBIDDEN: Final = {
    # By the kernel's tables: sockets, what sends through them, signals, new programs and processes,
    # what reaches into other processes, what changes names, rights and times of files, and
    # io_uring, which could do much of that unseen. Of `openat2` no filter sees the flags.
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
            "truncate": 76,
            "rename": 82,
            "mkdir": 83,
            "rmdir": 84,
            "creat": 85,
            "link": 86,
            "unlink": 87,
            "symlink": 88,
            "chmod": 90,
            "fchmod": 91,
            "chown": 92,
            "fchown": 93,
            "lchown": 94,
            "ptrace": 101,
            "rt_sigqueueinfo": 129,
            "utime": 132,
            "mknod": 133,
            "setpriority": 141,
            "sched_setparam": 142,
            "sched_setscheduler": 144,
            "setxattr": 188,
            "lsetxattr": 189,
            "fsetxattr": 190,
            "removexattr": 197,
            "lremovexattr": 198,
            "fremovexattr": 199,
            "tkill": 200,
            "sched_setaffinity": 203,
            "tgkill": 234,
            "utimes": 235,
            "ioprio_set": 251,
            "mkdirat": 258,
            "mknodat": 259,
            "fchownat": 260,
            "futimesat": 261,
            "unlinkat": 263,
            "renameat": 264,
            "linkat": 265,
            "symlinkat": 266,
            "fchmodat": 268,
            "utimensat": 280,
            "accept4": 288,
            "rt_tgsigqueueinfo": 297,
            "open_by_handle_at": 304,
            "sendmmsg": 307,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "sched_setattr": 314,
            "renameat2": 316,
            "execveat": 322,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "setxattr": 5,
            "lsetxattr": 6,
            "fsetxattr": 7,
            "removexattr": 14,
            "lremovexattr": 15,
            "fremovexattr": 16,
            "ioprio_set": 30,
            "mknodat": 33,
            "mkdirat": 34,
            "unlinkat": 35,
            "symlinkat": 36,
            "linkat": 37,
            "renameat": 38,
            "truncate": 45,
            "fchmod": 52,
            "fchmodat": 53,
            "fchownat": 54,
            "fchown": 55,
            "utimensat": 88,
            "ptrace": 117,
            "sched_setparam": 118,
            "sched_setscheduler": 119,
            "sched_setaffinity": 122,
            "kill": 129,
            "tkill": 130,
            "tgkill": 131,
            "rt_sigqueueinfo": 138,
            "setpriority": 140,
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
            "open_by_handle_at": 265,
            "sendmmsg": 269,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "sched_setattr": 274,
            "renameat2": 276,
            "execveat": 281,
        },
    ),
}
"""For each machine the number that the kernel knows it by, and its numbers of the calls."""
_FORBIDDEN_EVERYWHERE: Final = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "clone3": 435,
    "openat2": 437,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "fchmodat2": 452,
    "setxattrat": 463,
    "removexattrat": 466,
    "file_setattr": 469,
}
"""The later ones: since 424 a call has one number on every machine."""

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_ANY: Final = 0xFFFFFFFF
_OF_OTHERS: Final = {
    "x86_64": [(302, 0, _ANY)],
    "aarch64": [(261, 0, _ANY)],
}
"""`prlimit64` of any process but the caller's own, which it may name 0: number, argument, bits."""
_OPENING: Final = {
    "x86_64": [(2, 1, _WRITING), (257, 2, _WRITING)],
    "aarch64": [(56, 2, _WRITING)],
}
"""`open` and `openat` with a flag that can change a file."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def forbid(machine: str = platform.machine()) -> bool:
    """Forbid this process, for good, what reaches beyond it.

    That is every new connection, program and process, what reaches into another process, and
    what changes the names, rights or times of files. What is forbidden fails with EPERM.
    `PR_SET_NO_NEW_PRIVS` must have been set.

    Returns:
        Whether it holds: not on a machine whose calls are not known here, or an old kernel.
    """
    if machine not in _FORBIDDEN:
        return False
    known_as, calls = _FORBIDDEN[machine]
    return _hand_over(
        _steps(known_as, sorted({**calls, **_FORBIDDEN_EVERYWHERE}.values()), _OF_OTHERS[machine])
    )


def forbid_writing(machine: str = platform.machine()) -> bool:
    """Forbid this process, for good, to open a file so that it could change or make one.

    What is open stays as it is. It can come after `forbid`, and returns the same.
    """
    if machine not in _OPENING:
        return False
    return _hand_over(_steps(_FORBIDDEN[machine][0], [], _OPENING[machine]))


def _hand_over(steps: bytes) -> bool:
    program = _Program(len(steps) // 8, steps)
    libc = ctypes.CDLL(None)
    done: int = libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)
    return done == 0


def _steps(machine: int, numbers: list[int], with_bits: list[tuple[int, int, int]]) -> bytes:
    """Return the filter: another machine's calls and those that are forbidden lead to the end.

    Args:
        machine: What the kernel knows the machine by.
        numbers: Calls that are forbidden whatever they are given.
        with_bits: Calls that are forbidden with any of some bits in an argument's low word.
    """
    steps = [(_EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    for number, argument, bits in reversed(with_bits):
        word = _ARGUMENTS + 8 * argument
        judged = [(_LOAD, 0, 0, word), (_ANY_OF, 0, 1, bits)]
        judged += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
        steps = [(_EQUAL, 0, len(judged), number), *judged, *steps]
    steps = [(_AT_LEAST, len(steps) - 1, 0, _OTHER_ABI), *steps]
    steps = [(_EQUAL, 0, len(steps), machine), (_LOAD, 0, 0, _NUMBER), *steps]
    steps = [(_LOAD, 0, 0, _MACHINE), *steps]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
