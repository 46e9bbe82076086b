"""The measures of importing and verifying, by the commands as users run them, with their bars."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pbx
from calm import calm
from stage import Stage
from table import Row, at_least, at_most

FEW_ROWS = 10_000
MANY_ROWS = 100_000
FILES = 1_500
FILE_SECONDS = 30
COMMAND = (sys.executable, "-m", "callreel")
MIB = 1 << 20
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Run:
    """What a process took.

    Attributes:
        seconds: On the clock.
        cpu: Seconds of processor time, its children's too.
        memory: The most resident memory of the process itself, bytes.
    """

    seconds: float
    cpu: float
    memory: int


def call_records(stage: Stage) -> Iterator[Row]:
    """Rows of a table of calls of which none was recorded."""
    with _folder(stage) as folder:
        turns = calm(
            lambda: [_import_rows(folder, rows) for rows in (FEW_ROWS, MANY_ROWS)], stage.rounds
        )
    rate = median(MANY_ROWS / many.seconds for _, many in turns)
    of_cpu = median(MANY_ROWS / many.cpu for _, many in turns)
    yield Row(
        measure="importing call records without audio",
        product=f"{rate:,.0f}/s, {of_cpu:,.0f} a second of CPU",
        figure=rate,
        bar=at_least(3_000, "/s"),
    )
    few, many = (median(each[at].memory for each in turns) for at in (0, 1))
    yield Row(
        measure=f"memory of importing {MANY_ROWS:,} rows",
        product=f"{many / MIB:.0f} MB",
        other=f"{FEW_ROWS:,} rows",
        other_figure=f"{few / MIB:.0f} MB",
        figure=many / few,
        bar=at_most(1.2),
    )


def _import_rows(folder: Path, rows: int) -> Run:
    table, audio = folder / "calls.csv", folder / "none"
    audio.mkdir(exist_ok=True)
    pbx.write_calls(table, rows)
    return _import(folder, audio, table)


def recordings(stage: Stage) -> Iterator[Row]:
    """Recordings with their calls, against the plainest copy and check of the same files."""
    with _folder(stage) as folder:
        audio, table = folder / "audio", folder / "calls.csv"
        size = pbx.write_audio(audio, FILES, FILE_SECONDS)
        pbx.write_calls(table, FILES, recorded=True)
        os.sync()
        turns = calm(lambda: (_copy(folder, audio), _import(folder, audio, table)), stage.rounds)
    copied, imported = (median(each[at].seconds for each in turns) for at in (0, 1))
    yield Row(
        measure=f"importing {FILES:,} recordings, {size / MIB:,.0f} MB",
        product=f"{size / MIB / imported:,.0f} MB/s, {FILES / imported:,.0f}/s",
        other="cp, then sha256sum",
        other_figure=f"{size / MIB / copied:,.0f} MB/s",
        figure=median(copy.seconds / taken.seconds for copy, taken in turns),
        bar=at_least(0.6),
    )


def verifying(stage: Stage) -> Iterator[Row]:
    """The same recordings, in the archive, against the plainest check of the same files."""
    with _folder(stage) as folder:
        audio, table, archive = folder / "audio", folder / "calls.csv", folder / "data"
        size = pbx.write_audio(audio, FILES, FILE_SECONDS)
        pbx.write_calls(table, FILES, recorded=True)
        _take_in(archive, audio, table)
        os.sync()
        turns = calm(lambda: (_check(archive), _verify(archive)), stage.rounds)
    checked, verified = (median(each[at].seconds for each in turns) for at in (0, 1))
    yield Row(
        measure=f"verifying {FILES:,} recordings, {size / MIB:,.0f} MB",
        product=f"{size / MIB / verified:,.0f} MB/s, {FILES / verified:,.0f}/s",
        other="sha256sum",
        other_figure=f"{size / MIB / checked:,.0f} MB/s",
        figure=median(check.seconds / verify.seconds for check, verify in turns),
        bar=at_least(0.8),
    )
    yield Row(
        measure="memory of verifying",
        product=f"{max(verify.memory for _, verify in turns) / MIB:.0f} MB",
        figure=max(verify.memory for _, verify in turns) / MIB,
    )


def _check(archive: Path) -> Run:
    script = 'find "$0" -type f -print0 | xargs -0 sha256sum > /dev/null'
    return _run(["bash", "-c", script, str(archive / "audio" / "1")], {})


def _verify(archive: Path) -> Run:
    return _run([*COMMAND, "verify"], {"CALLREEL_DATA": str(archive)})


def _copy(folder: Path, audio: Path) -> Run:
    script = 'cp -r "$0" "$1" && cd "$1"/* && sha256sum -- * > /dev/null'
    with _emptied(folder) as copy:
        return _run(["bash", "-c", script, str(audio), str(copy)], {})


def _import(folder: Path, audio: Path, table: Path) -> Run:
    with _emptied(folder) as data:
        return _take_in(data, audio, table)


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """Lend a new folder and give back the room of its files, which stay until all turns are over.

    For each new file ext4 passes over all inodes that were freed in the last minutes, one by one,
    so what one turn removes would cost the next one up to a sixth of its time.
    """
    lent = Path(tempfile.mkdtemp(dir=folder))
    os.sync()  # what others left to be written is not for this one to wait for
    yield lent
    for file in lent.rglob("*"):
        if file.is_file():
            file.chmod(0o600)
            os.truncate(file, 0)


def _take_in(data: Path, audio: Path, table: Path) -> Run:
    setting = {"CALLREEL_DATA": str(data)}
    _run([*COMMAND, "tenant", "create", "bench"], setting)
    options = ("--cdr", str(table), "--timezone", "UTC")
    return _run([*COMMAND, "import", "freepbx", str(audio), *options], setting)


def _run(command: Sequence[str], setting: dict[str, str]) -> Run:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **setting}, stdout=subprocess.DEVNULL, stderr=sys.stderr
    )
    ended, status, used = os.wait4(process.pid, os.WNOHANG)
    memory = 0
    while not ended:  # what the kernel tells at the end counts the process that started it, too
        memory = max(memory, _memory(process.pid))
        time.sleep(POLL_SECONDS)
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[-1]} ended with {process.returncode}.")
    seconds = time.perf_counter() - began
    return Run(seconds, used.ru_utime + used.ru_stime, memory)


def _memory(pid: int) -> int:
    """Return the most resident memory that a process had so far; 0 once it has ended."""
    status = Path(f"/proc/{pid}/status").read_text()
    lines = (line.split() for line in status.splitlines() if line.startswith("VmHWM:"))
    return next((int(line[1]) * 1024 for line in lines), 0)


@contextmanager
def _folder(stage: Stage) -> Iterator[Path]:
    """Lend an empty folder, which is removed afterwards."""
    folder = stage.out / "import"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
