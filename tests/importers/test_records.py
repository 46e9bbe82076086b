"""Call records are read alike from a table as text, a dump and a database."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from callreel.errors import Misconfigured
from callreel.importers import database as database_module
from callreel.importers import records
from callreel.importers.asterisk.records import open_calls
from callreel.importers.database import DatabaseTable
from callreel.importers.dump import Dump
from callreel.importers.records import open_records
from callreel.importers.table import Table, TableRow
from importers.asterisk_rows import row

NEEDED = frozenset({"calldate", "src"})
CALLS = [
    ("2026-03-02 08:00:05", "101", None, 75),
    ("2026-03-02 09:00:00", " 102 ", "śrubka", 0),
    ("2026-03-03 00:00:00", "103", "it's", 12),
]
CELLS = [
    {"calldate": "2026-03-02 08:00:05", "src": "101", "dst": "", "billsec": "75"},
    {"calldate": "2026-03-02 09:00:00", "src": "102", "dst": "śrubka", "billsec": "0"},
    {"calldate": "2026-03-03 00:00:00", "src": "103", "dst": "it's", "billsec": "12"},
]
COLUMNS = "CallDate datetime, src text, dst text, billsec int"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "calls of all.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"CREATE TABLE cdr ({COLUMNS})")
        made.executemany("INSERT INTO cdr VALUES (?, ?, ?, ?)", CALLS)
        made.commit()
    return path


def address(database: Path) -> str:
    return f"sqlite:///{database}"


def of_database(where: str, known: frozenset[str] | None = None) -> DatabaseTable:
    opened = open_records(where, NEEDED, known=known)
    assert isinstance(opened, DatabaseTable)
    return opened


def test_a_database_is_read_as_its_export_would_be(database: Path) -> None:
    opened = open_records(address(database), NEEDED)
    assert (opened.name, opened.columns) == ("cdr", ["calldate", "src", "dst", "billsec"])
    assert list(opened.rows()) == [TableRow(i, cells) for i, cells in enumerate(CELLS, start=1)]
    assert [row.cells for row in opened.rows()] == CELLS


def test_a_dump_of_the_database_reads_as_the_database(tmp_path: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as made:
        dump = "\n".join(made.iterdump())
    path = tmp_path / "dump.txt"
    path.write_text(dump, "utf-8")
    opened = open_records(str(path), NEEDED)
    assert isinstance(opened, Dump)
    assert (opened.name, opened.columns) == ("dump.txt", ["calldate", "src", "dst", "billsec"])
    assert [row.cells for row in opened.rows()] == CELLS


def test_a_file_that_is_no_dump_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "cdr.csv"
    path.write_text("calldate,src,dst,billsec\n2026-03-02 08:00:05,101,NULL,75\n", "utf-8")
    opened = open_records(str(path), NEEDED)
    assert isinstance(opened, Table)
    assert [row.cells for row in opened.rows()] == CELLS[:1]


@pytest.mark.parametrize(
    "text",
    [
        "calldate,src\n2026-03-02 08:00:05,101\n",
        "CREATE TABLE cdr (calldate text, src text);\nINSERT INTO cdr VALUES ('a', 'b');\n",
        row(),
    ],
    ids=["table", "dump", "master"],
)
def test_a_file_is_known_by_a_name_that_can_be_printed_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / os.fsdecode(b"cdr\xff.csv")
    path.write_text(text, "utf-8")
    opened = open_calls(str(path), None) if text == row() else open_records(str(path), NEEDED)
    assert opened.name == r"cdr\xff.csv"


def test_of_a_database_only_the_columns_that_are_known_are_asked_for(database: Path) -> None:
    opened = of_database(address(database), known=frozenset({"billsec", "linkedid"}))
    assert opened.columns == ["calldate", "src", "billsec"]
    assert [list(row.cells) for row in opened.rows()] == [opened.columns] * 3


@pytest.mark.parametrize(
    ("since", "lines"),
    [
        (datetime(2026, 3, 2, 8, 0, 5), 3),  # noqa: DTZ001 - a clock without zone
        (datetime(2026, 3, 2, 8, 0, 6), 2),  # noqa: DTZ001
        (datetime(2026, 3, 3, 0, 0, 0), 1),  # noqa: DTZ001
        (datetime(2026, 3, 3, 0, 0, 1), 0),  # noqa: DTZ001
    ],
)
def test_a_database_can_be_asked_for_later_calls_only(
    database: Path, since: datetime, lines: int
) -> None:
    read = list(of_database(address(database)).rows(since=since))
    assert [row.cells for row in read] == CELLS[3 - lines :]


def test_another_table_is_read_where_it_is_named(database: Path) -> None:
    with closing(sqlite3.connect(database)) as made:
        made.execute('CREATE TABLE "my calls" (start text, "end" text)')
        made.execute("INSERT INTO \"my calls\" VALUES ('a', 'b')")
        made.commit()
    opened = open_records(address(database), frozenset({"end"}), table="main.my calls")
    assert list(opened.rows()) == [TableRow(1, {"start": "a", "end": "b"})]


def test_bytes_that_are_no_text_stay_what_they_are_and_nul_is_a_fault(database: Path) -> None:
    with closing(sqlite3.connect(database)) as made:
        made.execute("DELETE FROM cdr")
        made.execute("INSERT INTO cdr (src) VALUES (CAST(x'b3f3' AS text))")
        made.execute("INSERT INTO cdr (src) VALUES (x'b3f3')")
        made.execute("INSERT INTO cdr (src) VALUES (CAST(x'310032' AS text))")
        made.commit()
    first, second, third = of_database(address(database)).rows()
    assert first.cells["src"].encode("utf-8", "surrogateescape") == b"\xb3\xf3"
    assert second.cells["src"] == first.cells["src"]
    assert third == TableRow(3, {}, "The row holds a NUL character.")


def test_a_database_is_only_read_and_none_is_made(tmp_path: Path) -> None:
    missing = tmp_path / "none.db"
    with pytest.raises(Misconfigured, match="cannot be read: unable to open database file"):
        open_records(address(missing), NEEDED)
    assert not missing.exists()


def test_a_table_or_column_that_is_not_there_is_named(database: Path) -> None:
    with pytest.raises(Misconfigured, match="no such table: calls"):
        open_records(address(database), NEEDED, table="calls")
    with pytest.raises(Misconfigured, match="The table cdr has no column answer, end; it is"):
        open_records(address(database), frozenset({"src", "end", "answer"}))


def test_a_file_that_is_no_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"calldate,src\n" * 100)
    with pytest.raises(Misconfigured, match="cannot be read: file is not a database"):
        open_records(address(path), NEEDED)


def test_a_database_that_goes_away_is_told_in_a_sentence(database: Path) -> None:
    opened = of_database(address(database))
    with closing(sqlite3.connect(database)) as made:
        made.execute("DROP TABLE cdr")
    with pytest.raises(Misconfigured, match="no such table: cdr"):
        list(opened.rows())


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("mysql://anna:s3cret@host:port/db", "cannot be understood"),
        ("://anna:s3cret@host/db", "cannot be understood"),
        ("nosql://anna:s3cret@host/db", "There is no driver for nosql databases"),
        ("mysql+nosuch://anna:s3cret@host/db", r"There is no driver for mysql\+nosuch databases"),
        ("sqlite+aiosqlite:////anna:s3cret@host/db", "cannot be read"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_without_repeating_it(
    where: str, says: str
) -> None:
    with pytest.raises(Misconfigured, match=says) as caught:
        open_records(where, NEEDED)
    assert "s3cret" not in caught.value.message
    assert caught.value.__suppress_context__


def test_without_the_packages_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, database: Path
) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(records, "import_module", missing)
    with pytest.raises(Misconfigured, match=r"pip install 'callreel\[sql\]'"):
        open_records(address(database), NEEDED)


def test_what_a_driver_makes_of_odd_arguments_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, database: Path
) -> None:
    def broken(_engine: object) -> object:
        raise AttributeError("'NoneType' object has no attribute 'encoding'")

    monkeypatch.setattr("sqlalchemy.Engine.connect", broken)
    with pytest.raises(Misconfigured, match="what follows the question mark in its address"):
        open_records(address(database), NEEDED)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (" a ", "a"),
        (0, "0"),
        (True, "1"),
        (Decimal("1.50"), "1.50"),
        (b"\xff ", "\udcff"),
        (datetime(2026, 3, 2, 8, 0, 5, 999_999), "2026-03-02 08:00:05"),  # noqa: DTZ001
        (datetime(2026, 3, 2, 8, 0, 5, tzinfo=UTC), "2026-03-02 08:00:05+00:00"),
        (date(2026, 3, 2), "2026-03-02"),
        (timedelta(hours=30, seconds=5), "30:00:05"),
    ],
)
def test_a_value_of_any_type_is_text_as_an_export_has_it(value: object, text: str) -> None:
    assert database_module._text(value) == text
