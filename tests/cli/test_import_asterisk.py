"""`callreel import asterisk`, from the folder and the call records to the archive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_runs import Command
from importers.asterisk_rows import EPOCH, SAMPLES, master, row
from importers.monitor import put, wav

TAKEN = (
    "1772438405.10.wav",
    "20260302-091000-48600100201.wav",
    "48600100202-700-1772442000.30.wav",
    "1792891800.70.wav",
)
MEANING = "src,dst,start,duration,billsec,disposition,uniqueid"


@pytest.fixture
def arguments(tmp_path: Path) -> tuple[str, ...]:
    """Lay out the folder of a PBX beside its call records."""
    root = tmp_path / "monitor"
    for tone, name in enumerate((*TAKEN, "1772457000.81.wav", "lunch.wav")):
        put(root, name, wav(100, tone=tone))
    records = str(SAMPLES / "Master.csv")
    return ("import", "asterisk", str(root), "--cdr", records, "--timezone", "Europe/Warsaw")


def test_recordings_come_in_with_their_calls_and_twice_is_the_same_as_once(
    callreel: Command, arguments: tuple[str, ...]
) -> None:
    callreel("tenant", "create", "Acme")
    foreseen = callreel(*arguments, "--dry-run")
    first = callreel(*arguments)
    assert (foreseen.code, first.code) == (3, 3)
    assert foreseen.counts == first.counts
    assert "taken in\t4\nalready there\t0" in first.out
    assert "of the recordings\t7\ncalls without recording\t6" in first.out
    again = callreel(*arguments)
    assert "taken in\t0\nalready there\t4" in again.out
    assert "lunch.wav: This is audio without a call" in again.out


def test_the_report_tells_of_every_file_and_row(
    callreel: Command, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    path = tmp_path / "report.json"
    callreel(*arguments, "--json", str(path))
    report = json.loads(path.read_text())
    assert (report["files"]["seen"], report["files"]["added"]) == (6, 4)
    assert (report["rows"]["seen"], report["rows"]["refused"]) == (16, 3)
    kinds = {"bad_row": 2, "no_audio": 1, "bad_call": 1, "no_call": 1}
    assert report["kinds"] == kinds


def test_what_was_before_a_time_is_left_out(callreel: Command, arguments: tuple[str, ...]) -> None:
    callreel("tenant", "create", "Acme")
    ran = callreel(*arguments, "--since", "2026-10-01")
    assert "taken in\t1" in ran.out
    assert "of earlier calls\t3" in ran.out


def test_records_in_an_order_of_ones_own_are_read_by_its_names(
    callreel: Command, tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    put(tmp_path / "monitor", f"101-{EPOCH}.10.wav")
    records = str(master(tmp_path, row(MEANING.split(","))))
    begin = ("import", "asterisk", str(tmp_path / "monitor"), "--cdr", records)
    told = (*begin, "--timezone", "Europe/Warsaw", "--columns")
    ran = callreel(*told, MEANING)
    assert (ran.code, ran.err) == (0, "")
    assert "taken in\t1" in ran.out
    wrong = callreel(*told, "src,dst,when")
    assert wrong.code == 1
    assert "no columns of Asterisk: when; choose from accountcode, src, dst" in wrong.err
    untold = callreel(*told[:-1])
    assert untold.code == 1
    assert "name their columns with --columns" in untold.err
