"""Folders that were made to harm whoever imports them."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from cli_runs import COMMAND, Command

MEMORY_KIB = 900_000
LONG = b"x" * (32 << 20)
SECRET = "not to be taken in"
CDR = b"calldate,src,dst,duration,billsec,disposition,uniqueid,recordingfile\n"
LAUGHS = b"".join(b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
UUID = "6d59cb01-eeac-432a-b0aa-bfa4f26785ec"
ROW = b'"2025-01-01 00:00:00",1,2,%b,5,ANSWERED,1.1,%b\n'
FORMATS: dict[str, dict[str, bytes]] = {
    "manifest": {
        "manifest.jsonl": b'{"audio":"'
        + LONG
        + b'"}\n\xff\xfe\0\n[[[[\n{"audio":"../secret.wav"}\n{"audio":"/etc/passwd"}\n'
        + b'{"audio":"link.wav"}\n{"audio":"fifo.wav"}\n{"audio":'
        + b"[" * 100_000
    },
    "vcon": {
        "long.vcon.json": b'{"vcon":"0.0.1","parties":[{"name":"' + LONG,
        "deep.vcon.json": b'{"vcon":"0.0.1","dialog":' + b"[" * 1_000_000,
        "odd.vcon.json": b"\xef\xbb\xbf\0\xff",
        "away.vcon.json": b'{"vcon":"0.0.1","uuid":"%b","parties":[],"dialog":[{"type":"recording",'
        b'"start":"2025-01-01T00:00:00Z","parties":[],"url":"file:///etc/passwd"}]}'
        % UUID.encode(),
    },
    "freeswitch": {
        f"a_{UUID}.cdr.xml": b'<!DOCTYPE cdr [<!ENTITY l0 "ha">%b]><cdr>&l9;</cdr>' % LAUGHS,
        "b.cdr.xml": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><cdr>&b;</cdr>',
        "c.cdr.xml": b"<cdr><variables><uuid>" + LONG,
        "d.cdr.json": b'{"variables":' + b"[" * 1_000_000,
    },
    "freepbx": {
        "cdr.csv": CDR
        + ROW % (b"5", LONG)
        + ROW % (b"-5", b"../secret.wav")
        + ROW % (b"9" * 5_000, b"/etc/passwd")
        + ROW % (b"NaN", b"a\0b.wav")
        + b"\xff\xfe\0"
    },
}
MORE = {"freeswitch": ("--cdr", "."), "freepbx": ("--cdr", "cdr.csv")}


def hostile_folder(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    (folder.parent / "secret.wav").write_text(SECRET)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    os.mkfifo(folder / "fifo.wav")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "socket.wav"))
    for name, target in (
        ("link.wav", "../secret.wav"),
        ("zero.wav", "/dev/zero"),
        ("itself.wav", "itself.wav"),
        ("up", ".."),
        ("environment.wav", "/proc/self/environ"),
    ):
        (folder / name).symlink_to(target)
    for odd in ("new\nline.wav", "..\\..\\x.wav", "\x1b[31mred.wav", "-rf.wav", "$(id).wav"):
        (folder / odd).write_bytes(b"RIFF")


@pytest.mark.parametrize("form", FORMATS)
def test_a_hostile_folder_is_refused_in_bounded_memory_and_harms_nothing(
    callreel: Command, data: Path, tmp_path: Path, form: str
) -> None:
    callreel("tenant", "create", "Acme")
    hostile_folder(tmp_path / "folder", FORMATS[form])
    ran = subprocess.run(
        [
            *("bash", "-c", f'ulimit -v {MEMORY_KIB}; exec "$@"', "bash", *COMMAND),
            *("import", form, str(tmp_path / "folder"), "--timezone", "UTC", "--settle", "0"),
            *(each for each in MORE.get(form, ())),
        ],
        env={**os.environ, "CALLREEL_DATA": str(data)},
        cwd=tmp_path / "folder",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 3, ran.stderr
    assert "Traceback" not in ran.stderr
    assert "taken in\t0\n" in ran.stdout
    assert "\x1b" not in ran.stdout + ran.stderr
    kept = [path for path in (data / "audio").rglob("*") if path.is_file() and path.stat().st_size]
    assert kept == []
