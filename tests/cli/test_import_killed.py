"""An import of calls without recording that was killed is finished by the next."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import apsw

from callreel.archive.take_in_batch import BATCH_ROWS
from callreel.wiring import DATABASE
from cli_runs import Command, Start
from importers.manifests import line, put_lines

CALLS = 9 * BATCH_ROWS // 2
DEADLINE = 60


def kept(data: Path) -> list[tuple[str, str]]:
    """Return the calls that are kept, and the body of each, as a list has them."""
    path = str(data / DATABASE)
    with closing(apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)) as database:
        database.set_busy_timeout(10_000)
        return [
            (str(dialog), bytes(body).decode() if isinstance(body, bytes) else str(body))
            for dialog, body in database.execute("SELECT dialog, body FROM unrecorded ORDER BY k")
        ]


def kill_once(process: subprocess.Popen[str], data: Path, enough: int) -> None:
    """Kill a process as soon as the archive holds so many calls."""
    end = time.monotonic() + DEADLINE
    while len(kept(data)) < enough and process.poll() is None and time.monotonic() < end:
        os.sched_yield()
    process.kill()
    process.wait()
    assert process.returncode == -signal.SIGKILL


def test_calls_are_kept_once_though_their_import_was_killed_again_and_again(
    callreel: Command, start: Start, data: Path, tmp_path: Path
) -> None:
    root = tmp_path / "calls"
    began = 1_772_440_000
    put_lines(root, *(line(None, dialog_id=f"d{n}", started_at=began + n) for n in range(CALLS)))
    arguments = ("import", "manifest", str(root))
    callreel("tenant", "create", "Acme")
    for enough in (0, 1, BATCH_ROWS + 1):
        kill_once(start(*arguments), data, enough)
        assert len(kept(data)) in {*range(0, CALLS, BATCH_ROWS), CALLS}
    assert callreel(*arguments).code == 0
    disturbed = kept(data)
    assert len({dialog for dialog, _ in disturbed}) == len(disturbed) == CALLS

    data.rename(data.parent / "disturbed")
    callreel("tenant", "create", "Acme")
    assert callreel(*arguments).code == 0
    assert kept(data) == disturbed
