"""A watched folder of a plain Asterisk: of its call records, only what is news is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archive.watching import aged, looked, watch_of
from callreel.archive.verdict import Became
from callreel.importers.audio_file import PATIENCE
from callreel.importers.source import Source
from house import House
from importers.asterisk_rows import EPOCH, ORDER, SOUND, WARSAW, master, row
from importers.monitor import put, wav

INSERT = "INSERT INTO cdr VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"


def name_of(number: int) -> str:
    return f"{EPOCH + number}.1.wav"


def call(number: int, start: str = "2026-03-02 09:00:05") -> dict[str, str]:
    """Return the cells of a call that began some seconds later."""
    identity = f"{EPOCH + number}.1"
    return SOUND | {"uniqueid": identity, "linkedid": identity, "start": start}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    folder.mkdir()
    return folder


def test_rows_are_told_once_and_those_of_other_calls_not_at_all(
    house: House, root: Path, tmp_path: Path
) -> None:
    records = master(tmp_path, *(row(**call(number)) for number in (5, 6, 7)), "broken")
    watch = watch_of(house, "asterisk", Source(root=root, records=str(records), zone=WARSAW))
    assert looked(house, watch) == []
    put(root, name_of(5), day=".")
    taken = [("Master.csv:1", Became.JOINED), (name_of(5), Became.ADDED)]
    assert looked(house, watch) == taken
    assert looked(house, watch) == []
    put(root, name_of(6), wav(tone=1), day=".")
    assert looked(house, watch)[0] == ("Master.csv:2", Became.JOINED)


def test_a_recording_waits_for_its_row_which_is_written_after_the_call(
    house: House, root: Path, tmp_path: Path
) -> None:
    records = master(tmp_path, row(**call(1)))
    watch = watch_of(house, "asterisk", Source(root=root, records=str(records), zone=WARSAW))
    aged(put(root, name_of(5), day="."), 60)
    assert looked(house, watch) == [(name_of(5), Became.LATER)]
    master(tmp_path, row(**call(1)), row(**call(5)))
    assert looked(house, watch) == [
        ("Master.csv:2", Became.JOINED),
        (name_of(5), Became.ADDED),
    ]


def test_a_recording_whose_row_never_comes_is_refused_after_an_hour(
    house: House, root: Path, tmp_path: Path
) -> None:
    records = master(tmp_path, row(**call(1)))
    watch = watch_of(house, "asterisk", Source(root=root, records=str(records), zone=WARSAW))
    aged(put(root, name_of(5), day="."), PATIENCE + 60)
    assert looked(house, watch) == [(name_of(5), Became.REFUSED)]


def test_of_a_database_only_the_rows_of_the_last_day_are_read(
    house: House, root: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cdr.db"
    starts = ("2026-02-28 09:00:05", "2026-03-01 09:30:00", "2026-03-02 09:00:10")
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE cdr ({', '.join(f'`{name}`' for name in ORDER)})")
        for start in starts:
            cells = [call(5, start)[name] for name in ORDER]
            database.execute(INSERT, cells)
        database.commit()
    put(root, name_of(5), day=".")
    given = Source(root=root, records=f"sqlite:///{path}", zone=WARSAW)
    rows = [where for where, became in looked(house, watch_of(house, "asterisk", given))
            if became is Became.JOINED]  # fmt: skip
    assert rows == ["cdr:1", "cdr:2"]


def test_the_two_sides_of_a_call_are_known_for_that_although_one_was_looked_at_before(
    house: House, root: Path, tmp_path: Path
) -> None:
    records = master(tmp_path, row(**call(5)))
    watch = watch_of(house, "asterisk", Source(root=root, records=str(records), zone=WARSAW))
    one, other = f"{EPOCH + 5}.1-in.wav", f"{EPOCH + 5}.1-out.wav"
    put(root, one, day=".")
    aged(put(root, other, day="."), 0)
    found = looked(house, watch)
    assert found[-2:] == [(one, Became.REFUSED), (other, Became.LATER)]
    aged(root / other, 60)
    assert looked(house, watch)[-1] == (other, Became.REFUSED)
