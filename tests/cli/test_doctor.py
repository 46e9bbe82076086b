from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import apsw
import pytest

from callreel.archive import noted
from callreel.archive.noted import LastVerify
from callreel.catalog.migrate import migrations
from callreel.catalog.sqlite import SqliteCatalog
from callreel.doctor import examine, ok
from callreel.wiring import sole_server
from cli_runs import Command
from contracts.catalog_case import known_of
from contracts.catalog_reference import entry_of


@pytest.fixture(autouse=True)
def _sound_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at audio elsewhere: child processes for each of these tests would take long."""

    async def look(_sound: object) -> object:
        return ok("audio", "It can be read.")

    monkeypatch.setattr(examine, "look_at_sound", look)
    monkeypatch.setattr(examine, "look_at_child", look)
    monkeypatch.setattr(
        "callreel.doctor.disk.MOUNTS", Mock(read_text=lambda **_: "1 1 0:1 / / rw - ext4 x rw")
    )


@pytest.fixture
def made(data: Path, callreel: Command) -> Path:
    callreel("tenant", "create", "Acme")
    return data


def found(callreel: Command) -> dict[str, dict[str, Any]]:
    return {each["what"]: each for each in callreel("doctor", "--json").json()}


def names_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def contents_of(folder: Path) -> dict[str, bytes]:
    """Return what each file holds, but for the index of SQLite's log, which readers write to."""
    files = [each for each in folder.iterdir() if each.is_file() and each.suffix != ".db-shm"]
    return {each.name: each.read_bytes() for each in files}


def test_of_a_new_archive_all_is_well_and_nothing_is_changed(made: Path, callreel: Command) -> None:
    before = (names_in(made), contents_of(made))
    told = callreel("doctor")
    assert (told.code, told.err) == (0, "")
    rows = [line.split("\t") for line in told.out.splitlines()]
    assert rows[0] == ["what", "level", "says"]
    assert {level for _, level, _ in rows[1:]} == {"ok"}
    assert [
        "durability",
        "ok",
        "journal_mode=wal: what was answered with success is on the disk.",
    ] in rows
    assert (names_in(made), contents_of(made)) == before


def test_warnings_have_a_code_of_their_own(made: Path, callreel: Command) -> None:
    made.chmod(0o755)
    told = callreel("doctor")
    assert (told.code, told.err) == (3, "callreel: 1 to be warned of.\n")


def test_a_wrong_setting_is_bad(callreel: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREEL_PORT", "http")
    told = callreel("doctor", "--json")
    assert (told.code, told.err) == (1, "callreel: 1 bad, 0 to be warned of.\n")
    (only,) = told.json()
    assert (only["what"], only["level"]) == ("settings", "bad")
    assert only["says"].startswith("CALLREEL_PORT must be a whole number from 1 to 65535. ")


def test_a_folder_without_an_archive_is_bad_and_stays_without(
    data: Path, callreel: Command
) -> None:
    assert found(callreel)["data folder"]["level"] == "bad"
    assert not data.exists()
    data.mkdir()
    assert found(callreel)["database"]["level"] == "bad"
    assert names_in(data) == set()


def test_a_folder_that_cannot_be_looked_at_is_bad(
    made: Path, callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine, "is_served", Mock(side_effect=PermissionError(13, "No Way")))
    assert found(callreel)["data folder"] == {
        "what": "data folder",
        "level": "bad",
        "says": "It cannot be used: no way; check it and its permissions.",
    }


def test_a_file_that_is_no_database_is_bad(made: Path, callreel: Command) -> None:
    (made / "callreel.db").write_bytes(b"no database at all" * 100)
    assert found(callreel)["database"]["level"] == "bad"


def test_a_server_that_runs_is_told_and_not_disturbed(made: Path, callreel: Command) -> None:
    assert "None runs" in found(callreel)["server"]["says"]
    with sole_server(made):
        assert "One runs" in found(callreel)["server"]["says"]
    with sole_server(made):
        pass


def test_what_the_schema_is_waiting_for_is_told_and_not_done(made: Path, callreel: Command) -> None:
    shutil.rmtree(made)
    made.mkdir()
    path, newest = made / "callreel.db", migrations()[-1].number
    SqliteCatalog(path, steps=migrations()[:-1])._db.close()
    says = f"It is at step {newest - 1}; the next start brings it to {newest}."
    for _ in range(2):
        assert found(callreel)["schema"] == {"what": "schema", "level": "ok", "says": says}
    callreel("tenant", "list")
    assert found(callreel)["schema"]["says"] == f"It is at step {newest}, the newest."
    assert found(callreel)["copy"]["says"].startswith(f"callreel.db.before-{newest:04d} is")


def test_a_newer_schema_and_a_foreign_file_are_bad(made: Path, callreel: Command) -> None:
    database = apsw.Connection(str(made / "callreel.db"))
    database.execute("INSERT INTO migration VALUES (9000, 'later', 0)")
    assert found(callreel)["schema"]["level"] == "bad"
    for sql in ("DELETE FROM migration", "DROP TABLE migration"):
        database.execute(sql)
        assert "not of this program" in found(callreel)["schema"]["says"]
    database.close()


@pytest.mark.parametrize(
    ("sql", "lacks"),
    [
        ("DROP TABLE by_kind", "by_kind"),
        ("DROP TABLE entry", "entry, entry_id, entry_import"),
        ("ALTER TABLE tenant DROP COLUMN longest_call", "tenant.longest_call"),
        ("DROP INDEX entry_id; DROP VIEW call_facts", "call_facts, entry_id"),
    ],
)
def test_a_part_of_the_schema_that_is_missing_is_bad(
    made: Path, callreel: Command, sql: str, lacks: str
) -> None:
    database = apsw.Connection(str(made / "callreel.db"))
    database.execute(sql)
    database.close()
    newest = migrations()[-1].number
    says = f"It is at step {newest} and lacks {lacks}; restore the database from a backup."
    assert found(callreel)["schema"] == {"what": "schema", "level": "bad", "says": says}
    for command in ("verify", "repair"):
        told = callreel(command, "--json")
        assert (told.code, told.out) == (2, "")
        assert told.err == f"callreel: The database lacks {lacks}; restore it from a backup.\n"


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_folder_of_audio_that_is_away_is_bad(
    made: Path, callreel: Command, is_gone: bool
) -> None:
    (made / "audio.made").touch()
    if not is_gone:
        (made / "audio").mkdir()
    told = found(callreel)["folder of audio"]
    assert told["level"] == "bad"
    assert told["says"].startswith("The folder audio in the data folder is gone or empty; ")


def test_an_old_sqlite_is_warned_of(
    made: Path, callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    assert found(callreel)["SQLite"]["level"] == "warning"
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.3")
    assert found(callreel)["SQLite"]["level"] == "ok"


def test_a_database_that_is_less_durable_is_bad(made: Path, callreel: Command) -> None:
    database = apsw.Connection(str(made / "callreel.db"))
    database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    assert found(callreel)["durability"] == {
        "what": "durability",
        "level": "bad",
        "says": "journal_mode is not wal: recordings can be lost; use a file system with locks.",
    }


def test_a_database_that_this_user_may_not_write_to_is_bad(
    made: Path, callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    says = "It cannot be written to; check it and its permissions."
    assert found(callreel)["database"] == {"what": "database", "level": "bad", "says": says}


@pytest.mark.parametrize("log", [None, b"changes"])
def test_an_empty_database_is_bad_and_stays_empty(
    made: Path, callreel: Command, log: bytes | None
) -> None:
    (made / "callreel.db").write_bytes(b"")
    if log is not None:
        (made / "callreel.db-wal").write_bytes(log)
    before = contents_of(made)
    told = found(callreel)["database"]
    assert told["level"] == "bad"
    assert told["says"].startswith("callreel.db in the data folder is an empty file; put")
    (made / "audio" / "1").mkdir(parents=True)
    assert "callreel.db is gone" in found(callreel)["database"]["says"]
    assert contents_of(made) == before


def test_what_a_crash_left_in_the_log_is_looked_at_and_left_there(
    made: Path, callreel: Command
) -> None:
    database = apsw.Connection(str(made / "callreel.db"))
    database.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    database.execute("INSERT INTO migration VALUES (9000, 'later', 0)")
    database.close()
    before = contents_of(made)
    assert before["callreel.db-wal"]
    assert found(callreel)["schema"]["says"].startswith("It is at step 9000")
    assert contents_of(made) == before


@pytest.mark.parametrize(
    ("damages", "level", "says"), [(0, "ok", "and was whole."), (3, "warning", "was damaged: 3;")]
)
def test_what_came_of_the_last_verify_is_told(
    made: Path, callreel: Command, damages: int, level: str, says: str
) -> None:
    catalog = SqliteCatalog(made / "callreel.db")
    asyncio.run(catalog.add(1, [entry_of(each) for each in known_of(1, seed=1, tenants=1)]))
    asyncio.run(catalog.close())
    assert "never" in found(callreel)["verify"]["says"]
    noted.note(made / "verified.json", LastVerify(1_790_000_000, damages))
    told = found(callreel)["verify"]
    assert told["level"] == level
    assert "2026-09-21 14:13:20 UTC" in told["says"]
    assert says in told["says"]


def test_audio_on_a_disk_of_its_own_is_looked_at_too(
    made: Path, callreel: Command, tmp_path: Path
) -> None:
    (made / "audio").symlink_to("/proc", target_is_directory=True)
    assert "folder of audio" in found(callreel)
