"""What audio can do that took over the child which reads it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

WITHOUT_PTRACE = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 19, 0, 0, 0)  # not even root may look into other processes then
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""
PARENT = """
import subprocess, sys
from callreel.audio.worker import ChildSoundWorker
ChildSoundWorker()
for length in "01":
    subprocess.run([sys.executable, "-c", sys.argv[1], length], check=True)
"""
LOOKING = """
import os, sys
from callreel.audio.limits import Limits, confine
confine(Limits(5, 1 << 30, int(sys.argv[1])), os.getppid())
for flags in (os.O_RDONLY, os.O_RDWR):
    try:
        os.open(f"/proc/{os.getppid()}/mem", flags)
        print("opened")
    except PermissionError:
        print("refused")
"""
CONVERTING = """
import os, sys
from callreel.audio import child, convert
from callreel.audio.limits import Limits
from callreel.errors import BadRecording
def taken_over(path):
    try:
        os.open(path, os.O_WRONLY | os.O_TRUNC)
    except PermissionError:
        raise BadRecording("refused")
convert.opened = taken_over
child.main(Limits(5, 1 << 30, 1 << 20), os.getppid())
"""


def test_it_cannot_look_into_its_parent() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_PTRACE, PARENT, LOOKING],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["refused"] * 4


def test_while_it_is_converted_it_can_write_to_its_target_alone(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"x")
    job = {"path": str(other), "target": str(tmp_path / "target"), "to": "wav"}
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        subprocess.Popen([sys.executable, "-c", CONVERTING], stdin=theirs.fileno()) as child,
    ):
        ours.sendall(json.dumps(job).encode() + b"\n")
        ours.shutdown(socket.SHUT_WR)
        assert child.wait(20) == 0
        answers = ours.recv(1 << 16).splitlines()
    assert json.loads(answers[-1])["message"] == "refused"
    assert other.read_bytes() == b"x"
