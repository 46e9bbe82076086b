"""What a child process may use, and how it binds itself to it."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from dataclasses import dataclass
from typing import Final

from callreel.audio import syscalls

_OPEN_FILES: Final = 32
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child process may use.

    Attributes:
        cpu_seconds: Processor time that each job may take.
        memory_bytes: Address space.
        file_bytes: Length of a file that it writes; 0 where it writes none.
        targets_stay: Whether it may open a target for each job, not for the first alone. What took
            it over could then write to any file.
    """

    cpu_seconds: int
    memory_bytes: int
    file_bytes: int
    targets_stay: bool = False


def confine(limits: Limits, parent: int) -> bool:
    """Bind this process to its limits, for good; call it before it reads what may be hostile.

    Args:
        limits: What it may use.
        parent: The process that it must not outlive.

    Returns:
        Whether the kernel holds it to the system calls that it may make.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the parent process is gone")
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it; here it shall end us
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    hide_memory()
    is_held = syscalls.forbid()
    if limits.file_bytes == 0:
        return syscalls.forbid_writing() and is_held
    return is_held


def hide_memory() -> None:
    """Keep other processes of the same user out of this one's memory and descriptors, for good.

    Only root can look into it then, and it leaves no core dump (PR_SET_DUMPABLE of prctl(2)).
    """
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def allow_processor_time(seconds: int) -> None:
    """Let this process run for so many more seconds; the system ends it with SIGXCPU then."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + seconds, hard))
