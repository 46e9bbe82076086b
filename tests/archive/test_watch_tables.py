"""A watched folder whose call records are a table: of the table, only what is news is told."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from archive.watching import aged, counts, looked, watch_of
from callreel.archive.verdict import Became
from callreel.importers.audio_file import PATIENCE
from callreel.importers.call_news import CallNews
from callreel.importers.formats import importer_for
from callreel.importers.items import Candidate, Refusal
from callreel.importers.table import Table, TableRow
from house import House
from importers.calls_table import Made
from importers.monitor import put, source, wav

WARSAW = ZoneInfo("Europe/Warsaw")
COLUMNS = "calldate, src, dst, duration, billsec, disposition, uniqueid, recordingfile"


def name_of(second: int) -> str:
    return f"in-1-48600100200-20260302-0900{second:02}-17724384{second:02}.{second}.wav"


def records(folder: Path, *seconds: int, day: str = "2026-03-02") -> str:
    """Write the rows of calls into a database, and return its address."""
    path = folder / "cdr.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE IF NOT EXISTS cdr ({COLUMNS})")
        for second in seconds:
            database.execute(
                "INSERT INTO cdr VALUES (?, '48600100200', '101', 9, 9, 'ANSWERED', ?, ?)",
                (f"{day} 09:00:{second:02}", f"17724384{second:02}.{second}", name_of(second)),
            )
        database.commit()
    return f"sqlite:///{path}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    folder.mkdir()
    return folder


def test_rows_of_what_was_looked_at_before_are_not_told_again(
    house: House, root: Path, tmp_path: Path
) -> None:
    given = replace(source(root), records=records(tmp_path, 5, 6, 7))
    watch = watch_of(house, "freepbx", given)
    assert looked(house, watch) == []
    put(root, name_of(5), day="")
    assert looked(house, watch) == [("cdr:1", Became.JOINED), (name_of(5), Became.ADDED)]
    assert looked(house, watch) == []
    put(root, name_of(6), wav(tone=1), day="")
    assert looked(house, watch) == [("cdr:2", Became.JOINED), (name_of(6), Became.ADDED)]


def test_of_a_database_only_the_rows_of_the_last_day_are_read(
    house: House, root: Path, tmp_path: Path
) -> None:
    records(tmp_path, 3, day="2026-03-01")
    records(tmp_path, 4, day="2026-02-28")
    given = replace(source(root), records=records(tmp_path, 5))
    put(root, name_of(5), day="")
    assert looked(house, watch_of(house, "freepbx", given)) == [
        ("cdr:1", Became.JOINED),
        (name_of(5), Became.ADDED),
    ]


def test_a_recording_waits_for_its_row(house: House, root: Path, tmp_path: Path) -> None:
    given = replace(source(root), records=records(tmp_path))
    watch = watch_of(house, "freepbx", given)
    aged(put(root, name_of(5), day=""), 60)
    assert looked(house, watch) == [(name_of(5), Became.LATER)]
    assert watch.is_waiting
    records(tmp_path, 5)
    assert looked(house, watch) == [("cdr:1", Became.JOINED), (name_of(5), Became.ADDED)]
    assert not watch.is_waiting


def test_a_recording_whose_row_never_comes_is_taken_by_its_name(
    house: House, root: Path, tmp_path: Path
) -> None:
    given = replace(source(root), records=records(tmp_path, 7))
    aged(put(root, name_of(5), day=""), PATIENCE + 60)
    assert looked(house, watch_of(house, "freepbx", given)) == [(name_of(5), Became.ADDED)]


def test_a_recording_that_still_grows_does_not_make_the_table_be_read(
    house: House, root: Path, tmp_path: Path
) -> None:
    given = replace(source(root), records=records(tmp_path, 5))
    watch = watch_of(house, "freepbx", given)
    path = aged(put(root, name_of(5), day=""), 0)
    assert looked(house, watch) == [(name_of(5), Became.LATER)]
    aged(path, 60)
    assert looked(house, watch) == [("cdr:1", Became.JOINED), (name_of(5), Became.ADDED)]


def test_any_table_is_told_of_once_and_its_rows_may_come_late(house: House, tmp_path: Path) -> None:
    (tmp_path / "pbx").mkdir()
    made = Made(tmp_path / "pbx")
    made.rows({}, {"file": "gone.wav", "id": "8"})
    watch = watch_of(house, "csv", made.source())
    assert looked(house, watch) == []
    made.audio("a.wav", "b.wav")
    aged(made.root / "b.wav", 60)
    assert looked(house, watch) == [
        ("calls.csv:2", Became.JOINED),
        ("a.wav", Became.ADDED),
        ("b.wav", Became.LATER),
    ]
    made.rows({}, {"file": "b.wav", "id": "9"})
    (made.root / "b.wav").write_bytes(wav(tone=3))
    aged(made.root / "b.wav", 60)
    assert looked(house, watch) == [("calls.csv:3", Became.JOINED), ("b.wav", Became.ADDED)]
    made.audio("c.wav")
    assert looked(house, watch) == [("c.wav", Became.REFUSED)]
    assert looked(house, watch) == []


def ago(seconds: int) -> str:
    """Return a moment as a table of calls has it."""
    return f"{datetime.fromtimestamp(time.time() - seconds, WARSAW):%Y-%m-%d %H:%M:%S}"


def test_of_any_table_calls_without_recording_are_kept_once_and_when_they_are_over(
    house: House, tmp_path: Path
) -> None:
    (tmp_path / "pbx").mkdir()
    made = Made(tmp_path / "pbx")
    made.audio("a.wav")
    silent = {"file": "", "id": "8", "start": ago(6_000)}
    late = {"file": "", "id": "10", "start": ago(90)}
    missing = {"file": "gone.wav", "id": "9", "start": ago(4_000)}
    recorded = {"file": "a.wav", "id": "7", "start": ago(5_000)}
    made.rows(silent, missing, late, recorded, silent)
    watch = watch_of(house, "csv", replace(made.source(), calls=CallNews(0)))
    assert looked(house, watch) == [
        ("calls.csv:2", Became.CALL_ADDED),
        ("calls.csv:3", Became.CALL_ADDED),
        ("calls.csv:5", Became.JOINED),
        ("a.wav", Became.ADDED),
    ]
    assert looked(house, watch) == []
    assert counts(house) == (3, 1)
    made.rows(silent, missing, late, recorded, {"file": "", "id": "11", "start": ago(3_000)})
    assert looked(house, watch) == [("calls.csv:6", Became.CALL_ADDED)]


def test_a_file_of_calls_is_read_again_only_once_it_changed_or_a_call_in_it_is_old_enough(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, rows = [], Table.rows

    def counted(table: Table) -> Iterator[TableRow]:
        read.append(table.name)
        yield from rows(table)

    monkeypatch.setattr(Table, "rows", counted)
    (tmp_path / "pbx").mkdir()
    made = Made(tmp_path / "pbx")
    first, late = ({"file": "", "id": each, "start": ago(90 * 60)} for each in ("8", "9"))
    made.rows(first)
    watch = watch_of(house, "csv", replace(made.source(), calls=CallNews(0)))
    assert looked(house, watch) == [("calls.csv:2", Became.CALL_ADDED)]
    assert looked(house, watch) == looked(house, watch) == []
    assert len(read) == 1

    late["start"] = ago(90)
    made.rows(first, late)
    assert looked(house, watch) == looked(house, watch) == []
    assert len(read) == 3  # the call has to wait
    later = time.time() + 600
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: later)
        assert looked(house, watch) == [("calls.csv:3", Became.CALL_ADDED)]
        assert looked(house, watch) == []
    assert len(read) == 4

    aged(made.table, 3_600)
    assert looked(house, watch) == []
    assert len(read) == 5


@pytest.mark.parametrize(("age", "is_taken"), [(60, False), (PATIENCE + 60, True)])
def test_also_an_import_leaves_what_may_be_told_later(
    root: Path, tmp_path: Path, age: float, *, is_taken: bool
) -> None:
    given = replace(source(root), records=records(tmp_path, 7))
    aged(put(root, name_of(5), day=""), age)
    of_row, of_file = importer_for("freepbx", given).items()
    assert isinstance(of_row, Refusal)
    assert isinstance(of_file, Candidate) is is_taken
