"""Runs what a page tells its reader to type, in one shell, as a reader would."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from docs.pages import Block
from importers import vcons
from importers.monitor import put, wav
from importers.switch import Switch, fill

PORT: Final = "8080"
KEY: Final = "cr_…"
ELSEWHERE: Final = {
    "/var/lib/callreel": "data",
    "/var/spool/asterisk/monitor": "monitor",
    "/var/lib/freeswitch/recordings": "switch/recordings",
    "/var/log/freeswitch/json_cdr": "switch/json_cdr",
    "/srv/backup": "backup",
    "/srv/recordings": "recordings",
    "/srv/calls": "calls",
    "/srv/vcons": "vcons",
    "/opt/callreel/bin/": "bin/",
}
"""Places that pages speak of, and where they are in a test."""
_MONITOR: Final = {
    "in-48221234567-48600100200-20251026-014500-1761435900.10.wav": wav(1500),
    "exten-102-101-20251026-023000-1761442200.40.wav": wav(700, tone=2),
    "out-0048501502503-101-20251026-031000-1761444600.20.wav": wav(900, tone=1),
    "q-700-48700800900-20251026-090000-1761465600.30.wav": b"RIFF" + bytes(40),
}
"""What a PBX recorded on a day that began before the clock was put back."""
_RECORDS: Final = """\
calldate|src|dst|did|dcontext|duration|billsec|disposition|uniqueid|linkedid|recordingfile
2025-10-26 01:45:00|48600100200|101|48221234567|ext-local|75|60|ANSWERED|1761435900.10|\
1761435900.10|in-48221234567-48600100200-20251026-014500-1761435900.10.wav
2025-10-26 03:10:00|101|0048501502503||from-internal|130|121|ANSWERED|1761444600.20|\
1761444600.20|out-0048501502503-101-20251026-031000-1761444600.20.wav
2025-10-26 08:00:00|48600100201|104||ext-local|9|0|NO ANSWER|1761462000.50|1761462000.50|
"""
_CALLS: Final = {
    "20260302-090005-101-48600100200.wav": wav(1500),
    "20260302-091500-48600100201-48221234567.wav": wav(900),
}
"""What some other system recorded."""
_MIXED: Final = ("1761435900.10.wav", "1761444600.20.wav", "lunch.wav")
"""What a plain Asterisk recorded."""
_MASTER: Final = Path(__file__).parent / "samples" / "Master.csv"
"""And its call records."""
_SMALL_DEMO: Final = """\
import asyncio, pathlib, time
from callreel.demo.build import build
from callreel.settings import Settings
pathlib.Path('demo').mkdir()
asyncio.run(build(Settings(data=pathlib.Path('demo')), now=int(time.time()), calls=60, voiced=6))"""
"""Builds a demonstration of few calls, for `callreel demo` to find; the whole one takes long."""
_MARK: Final = "@@@ block"
_PRELUDE: Final = """\
set -euo pipefail
exec 2>&1
trap end_servers EXIT
await() { # until the server of the page answers
    for _ in $(seq 200); do
        if curl -sf "http://127.0.0.1:$CALLREEL_PORT/health"; then return; fi
        kill -0 $! || break
        sleep 0.1
    done >/dev/null
    cat server.log
    exit 1
}
end_servers() { # as Ctrl-C does, and well
    for job in $(jobs -p); do
        kill "$job"
        wait "$job"
    done
}
"""


def walk_through(page: Sequence[Block], folder: Path) -> list[str]:
    """Run the blocks of a page that are to be run; return what each printed."""
    _furnish(folder)
    port = str(_free_port())
    script = _script(page, folder, port)
    # The suite's own environment holds settings that a reader does not have.
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CALLREEL_")}
    path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{kept['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**kept, "PATH": path, "HOME": str(folder), "CALLREEL_PORT": port},
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"
    printed = ran.stdout.replace(f":{port}", f":{PORT}")
    return re.split(rf"^{_MARK}\n", printed, flags=re.MULTILINE)[1:]


def _script(page: Sequence[Block], folder: Path, port: str) -> str:
    parts = [_PRELUDE]
    for block in page:
        if not block.is_run:
            continue
        text = _put_in_place(block.text, folder, port)
        parts.append(f"echo; echo '{_MARK}'")
        if block.language == "python":
            parts.append(f"python3 - <<'THE_PAGE'\n{text}THE_PAGE")
        elif "server" in block.marks:
            parts.append("end_servers")
            parts.append(f"( exec {text} ) >server.log 2>&1 & await; cat server.log")
        elif block.exit_code:
            parts.append(f"code=0; ( {text} ) || code=$?; [ $code = {block.exit_code} ]")
        else:
            parts.append(text)
    return "\n".join(parts)


def _put_in_place(text: str, folder: Path, port: str) -> str:
    for place, here in ELSEWHERE.items():
        text = text.replace(place, f"{folder}/{here}")
    shown = text.replace(KEY, "$(grep -om1 'cr_[A-Za-z0-9_-]*' server.log)")
    return shown.replace(PORT, port)


def _furnish(folder: Path) -> None:
    """Lay out what a reader is said to have: commands, a checkout's `run`, a PBX's folder."""
    for name in ("bin", "backup"):
        (folder / name).mkdir()
    tools = Path(sys.executable).parent
    for name in ("python", "callreel"):
        _write_program(folder / "bin" / name, f'exec "{tools / name}" "$@"')
    _write_program(
        folder / "run",
        f'python -c "{_SMALL_DEMO}"; shift; exec callreel demo --port "$CALLREEL_PORT" --data demo',
    )
    for name, content in _MONITOR.items():
        put(folder / "monitor", name, content, day="2025/10/26")
    for name, content in _CALLS.items():
        put(folder / "calls", name, content, day=".")
    vcons.fill(folder / "vcons")
    for tone, name in enumerate(_MIXED):
        put(folder / "recordings", name, wav(600, tone=tone), day=".")
    (folder / "switch").mkdir()
    fill(Switch(folder / "switch"))
    shutil.copy(_MASTER, folder)
    (folder / "cdr.tsv").write_text(_RECORDS.replace("|", "\t"))


def _write_program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
