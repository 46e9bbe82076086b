from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from callreel.audio import syscalls

BEGIN = """
import ctypes, os, signal, socket, subprocess, sys, threading
from callreel.audio import syscalls
ours, theirs = socket.socketpair()
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
assert syscalls.forbid()
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN + program], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "forbidden",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "subprocess.run(['/bin/true'])",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), signal.SIGCONT)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "ours.send(b'x')",
        "signal.pidfd_send_signal(os.pidfd_open(os.getppid()), signal.SIGCONT)",
    ],
)
def test_a_forbidden_call_fails_and_the_process_goes_on(forbidden: str) -> None:
    ran = run(f"try:\n    {forbidden}\nexcept PermissionError:\n    print('refused')\n")
    assert (ran.stdout, ran.stderr) == ("refused\n", "")


def test_files_pipes_and_what_is_open_can_be_used(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"x")
    ran = run(
        f"assert open({str(there)!r}, 'rb').read() == b'x'\n"
        f"open({str(there)!r}, 'wb').write(b'y')\n"
        "os.write(ours.fileno(), b'z')\n"
        "print(os.read(theirs.fileno(), 1))\n"
    )
    assert (ran.stdout, ran.stderr) == ("b'z'\n", "")
    assert there.read_bytes() == b"y"


def test_an_abort_still_ends_the_process() -> None:
    assert run("os.abort()").returncode in {-6, -11}


def test_a_machine_whose_calls_are_not_known_is_left_alone() -> None:
    assert not syscalls.forbid("vax")
