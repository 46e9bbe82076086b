"""`callreel import csv`, from a table and a folder to the archive."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli_runs import Command
from importers.calls_table import SAMPLES
from importers.monitor import put, wav

ZOFIA = "[Zofia Lis]_101-0048600100200_20260302090020(17).wav"
JAN = "[Jan Lis]_102-0048501502503_20260302091009(18).wav"


@pytest.fixture
def arguments(tmp_path: Path) -> tuple[str, ...]:
    """Lay out what a 3CX leaves behind."""
    root = tmp_path / "recordings"
    put(root, ZOFIA, wav(100), day="101")
    put(root, JAN, wav(100, tone=1), day="102")
    put(root, "lunch.wav", wav(100, tone=2), day="102")
    given = {"--cdr": SAMPLES / "3cx.csv", "--columns": SAMPLES / "3cx.toml"}
    told = (str(each) for option in given.items() for each in option)
    return ("import", "csv", str(root), *told)


def test_recordings_come_in_with_their_calls_and_twice_is_the_same_as_once(
    callreel: Command, arguments: tuple[str, ...]
) -> None:
    callreel("tenant", "create", "Acme")
    foreseen = callreel(*arguments, "--dry-run")
    first = callreel(*arguments)
    assert (foreseen.code, first.code) == (3, 3)
    assert foreseen.counts == first.counts
    assert "taken in\t2\nalready there\t0" in first.out
    assert "of the recordings\t2\ncalls without recording\t1" in first.out
    again = callreel(*arguments)
    assert "taken in\t0\nalready there\t2" in again.out
    assert "lunch.wav: No row of the table names the file." in again.out


def test_the_report_tells_of_every_file_and_row(
    callreel: Command, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    path = tmp_path / "report.json"
    callreel(*arguments, "--json", str(path))
    report = json.loads(path.read_text())
    assert (report["files"]["seen"], report["files"]["added"]) == (3, 2)
    assert (report["rows"]["seen"], report["rows"]["refused"]) == (5, 2)
    assert report["kinds"] == {"bad_row": 1, "no_audio": 1, "no_call": 1}


def test_a_mistake_in_the_meaning_is_one_sentence_with_its_key(
    callreel: Command, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    columns = tmp_path / "mine.toml"
    shutil.copy(SAMPLES / "3cx.toml", columns)
    columns.write_text(columns.read_text().replace('agent = "f', 'agnet = "f'))
    ran = callreel(*arguments[:-1], str(columns))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("callreel: mine.toml: columns.agnet is no key that is known; known")
    assert ran.err.count("\n") == 1


def test_records_come_from_a_database_whose_password_is_never_shown(
    callreel: Command, tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    name = "in-48221234567-48600100200-20260302-090005-1772438405.10.wav"
    put(tmp_path / "monitor", name, wav(100))
    with closing(sqlite3.connect(tmp_path / "cdr.db")) as database:
        columns = "calldate, src, dst, duration, billsec, disposition, uniqueid, recordingfile"
        database.execute(f"CREATE TABLE cdr ({columns})")
        row = ("2026-03-02 09:00:05", "48600100200", "101", 75, 60, "ANSWERED", "1772438405.10")
        database.execute("INSERT INTO cdr VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, name))
        database.commit()
    begin = ("import", "freepbx", str(tmp_path / "monitor"), "--timezone", "Europe/Warsaw")
    ran = callreel(*begin, "--cdr", f"sqlite:///{tmp_path / 'cdr.db'}")
    assert "taken in\t1" in ran.out
    assert "of the recordings\t1" in ran.out
    ran = callreel(*begin, "--cdr", "nosuch://anna:s3cret@127.0.0.1:1/asteriskcdrdb")
    assert ran.code == 1
    assert "There is no driver for nosuch databases" in ran.err
    assert "s3cret" not in ran.out + ran.err
