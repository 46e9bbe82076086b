from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from cli_runs import Command, Start
from importers.monitor import put, wav
from importers.pbx_table import PbxTable, leg

EPOCH = 1_772_438_405
DEADLINE = 60


def name_of(number: int) -> str:
    return f"in-48221234567-486{number:06d}-20260302-090005-{EPOCH + number}.{number}.wav"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    folder.mkdir()
    return folder


@pytest.fixture
def arguments(root: Path) -> tuple[str, ...]:
    return ("watch", "freepbx", str(root), "--timezone", "Europe/Warsaw", "--poll", "1")


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_what_appears_is_taken_in_over_kills_and_restarts(
    callreel: Command, start: Start, root: Path, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    done = tmp_path / "done"
    put(root, name_of(1), wav(60))
    first = start(*arguments)
    assert line_of(first).endswith(f"taken in 2026/03/02/{name_of(1)}")
    put(root, name_of(2), wav(70))
    assert line_of(first).endswith(f"taken in 2026/03/02/{name_of(2)}")
    first.kill()
    first.wait(DEADLINE)
    put(root, name_of(3), wav(80))
    second = start(*arguments, "--move-to", str(done))
    third = f"2026/03/02/{name_of(3)}"
    assert any(line_of(second).endswith(f"taken in {third}") for _ in range(3))
    put(root, name_of(4), wav(90))
    assert line_of(second).endswith(f"taken in 2026/03/02/{name_of(4)}")
    second.send_signal(signal.SIGTERM)
    _, told = second.communicate(timeout=DEADLINE)
    assert second.returncode == 0
    assert told == "callreel: watching for Acme; Ctrl-C ends it.\n"
    assert (done / third).exists()
    runs = callreel("imports", "list", "--json").json()
    assert [run["ended"] is None for run in runs] == [False, True]
    assert sum(run["files"]["added"] for run in runs) == 4


def test_calls_without_recording_are_kept_as_they_come_into_the_table(
    callreel: Command, start: Start, tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    table = PbxTable(tmp_path, is_database=True)
    table.write(leg(1))
    given = ("--timezone", "UTC", "--cdr", table.address, "--poll", "1")
    watching = start("watch", "freepbx", str(table.root), *given)
    assert line_of(watching).endswith("call without recording cdr:1")
    table.write(leg(2))
    assert line_of(watching).endswith("call without recording cdr:2")


def test_what_is_wrong_with_the_command_is_told_at_once(
    callreel: Command, arguments: tuple[str, ...], root: Path
) -> None:
    callreel("tenant", "create", "Acme")
    ran = callreel("watch", "freepbx", str(root / "absent"), "--timezone", "Europe/Warsaw")
    assert ran.code == 1
    assert ran.err.startswith("callreel: The folder to import from cannot be opened")
    assert callreel("watch", "no-such", str(root)).code == 1
    assert callreel(*arguments, "--tenant", "Nobody").code == 1


@pytest.mark.parametrize("target", [".", "in", "in/deep", "../monitor", "..", "link", "link/in"])
def test_what_is_safe_is_not_moved_into_the_watched_folder_nor_above_it(
    callreel: Command, arguments: tuple[str, ...], root: Path, target: str
) -> None:
    (root.parent / "link").symlink_to(root)
    base = root.parent if target.startswith("link") else root
    ran = callreel(*arguments, "--move-to", str(base / target))
    assert ran.code == 1
    assert ran.err == (
        "callreel: The folder of --move-to and the watched one must not lie in each other; "
        "name one beside it.\n"
    )
