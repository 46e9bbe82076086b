from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from callreel.audio import syscalls

BEGIN = """
import ctypes, os, resource, signal, socket, struct, subprocess, sys, threading
from callreel.audio import syscalls
ours, theirs = socket.socketpair()
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
libc = ctypes.CDLL(None, use_errno=True)
def raw(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), 'refused')
assert syscalls.forbid()
"""


def run(program: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    # What measures coverage would want to write when the process ends, which it may not.
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, "-c", BEGIN + program],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def tried(forbidden: str) -> str:
    return f"try:\n    {forbidden}\nexcept PermissionError:\n    print('refused')\n"


def laid_out(folder: Path) -> dict[str, tuple[object, ...]]:
    """Make a file and a folder to try things on."""
    (folder / "there").write_bytes(b"x")
    (folder / "folder").mkdir()
    return looked_at(folder)


def looked_at(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return what a call could have changed of a folder and all that is in it."""
    found = {str(each.relative_to(folder)): each.stat() for each in [folder, *folder.iterdir()]}
    return {name: (at.st_mode, at.st_size, at.st_mtime_ns) for name, at in found.items()}


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
        "os.unlink('there')",
        "os.rename('there', 'elsewhere')",
        "os.link('there', 'elsewhere')",
        "os.symlink('there', 'elsewhere')",
        "os.mkdir('elsewhere')",
        "os.rmdir('folder')",
        "os.mkfifo('elsewhere')",
        "os.truncate('there', 0)",
        "os.chmod('there', 0)",
        "os.fchmod(os.open('there', os.O_RDONLY), 0)",
        "os.chown('there', -1, -1)",
        "os.utime('there')",
        "os.setxattr('there', 'user.x', b'x')",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 1)",
        "os.sched_setaffinity(os.getppid(), {0})",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0))",
    ],
)
def test_a_forbidden_call_fails_and_the_process_goes_on(tmp_path: Path, forbidden: str) -> None:
    before = laid_out(tmp_path)
    ran = run(tried(forbidden), tmp_path)
    assert (ran.stdout, ran.stderr) == ("refused\n", "")
    assert looked_at(tmp_path) == before


@pytest.mark.parametrize(
    "forbidden",
    [
        "open('there', 'wb')",
        "open('there', 'r+b')",
        "open('there', 'ab')",
        "open('new', 'xb')",
        "os.open('there', os.O_RDONLY | os.O_TRUNC)",
        "os.open('new', os.O_RDONLY | os.O_CREAT)",
        "os.open('.', os.O_RDWR | os.O_TMPFILE)",
        "open('/proc/self/mem', 'r+b')",
        "raw(85, b'there', 0o600)",  # creat
        "raw(2, b'there', os.O_WRONLY)",  # open
        "raw(437, -100, b'there', struct.pack('QQQ', os.O_WRONLY, 0, 0), 24)",  # openat2
    ],
)
def test_who_shall_not_write_opens_no_file_to_write_it(tmp_path: Path, forbidden: str) -> None:
    if forbidden.startswith(("raw(85", "raw(2,")) and platform.machine() != "x86_64":
        pytest.skip("this machine has no such call")
    before = laid_out(tmp_path)
    ran = run(
        "opened = open('open', 'wb', buffering=0)\n"
        "assert syscalls.forbid_writing()\n"
        "assert open('there').read() == 'x'\n"
        "opened.write(b'y')\n" + tried(forbidden),
        tmp_path,
    )
    assert (ran.stdout, ran.stderr) == ("refused\n", "")
    assert (tmp_path / "open").read_bytes() == b"y"
    (tmp_path / "open").unlink()
    assert {**before, ".": ()} == {**looked_at(tmp_path), ".": ()}


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
    assert not syscalls.forbid_writing("vax")
