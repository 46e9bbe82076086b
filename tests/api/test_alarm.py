"""What only an operator can end is told in the log, and not with every answer."""

from __future__ import annotations

import errno
import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from asgi import FakeCatalog, house
from callreel.api.alarm import EVERY_SECONDS, Alarm
from callreel.catalog.sqlite_db import PAGE_BYTES
from callreel.errors import CallreelError, StorageFull, Unavailable
from callreel.room import Room
from support import PATH, serve

ASKS = Unavailable("The store failed; tell the operator.")


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def damage(database: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        page = connection.execute(sql, (table,)).get
    with database.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES)


def test_a_damaged_database_is_told_to_the_operator_once(tmp_path: Path, log: io.StringIO) -> None:
    with serve(tmp_path / "data") as server:
        damage(server.data / "callreel.db", "recording")
        answers = [server.ask("GET", PATH) for _ in range(3)]
    assert {each.status_code for each in answers} == {503}
    (line,) = lines(log)
    assert line["level"] == "error"
    assert line["why"] == answers[0].json()["error"]["message"]
    assert line["cause"] == f"CorruptError {apsw.SQLITE_CORRUPT}"
    assert line["request_id"] == answers[0].headers["X-Request-ID"]


@pytest.mark.parametrize("table", ["entry", "by_number", "api_key"])
def test_a_server_whose_database_lacks_a_table_is_not_ready(
    tmp_path: Path, table: str, log: io.StringIO
) -> None:
    with serve(tmp_path / "data") as server:
        with closing(apsw.Connection(str(server.data / "callreel.db"))) as connection:
            connection.execute(f"DROP TABLE {table}")
        assert server.ask("GET", "/ready", None).status_code == 503
        if table == "api_key":
            assert server.ask("GET", PATH).status_code == 503
    assert {line["event"] for line in lines(log)} == {"the operator is asked for"}


@pytest.mark.parametrize("table", ["recording", "facts", "by_number", "api_key", "unrecorded"])
def test_a_server_with_a_damaged_database_is_not_ready(tmp_path: Path, table: str) -> None:
    with serve(tmp_path / "data") as server:
        damage(server.data / "callreel.db", table)
        assert server.ask("GET", "/ready", None).status_code == 503


def test_a_full_disk_is_told_with_the_systems_word_and_no_path(log: io.StringIO) -> None:
    error = StorageFull("There is no room; tell the operator.")
    error.__cause__ = OSError(errno.ENOSPC, "No space", "/private/48600700800")
    assert house(FakeCatalog(error=error)).ask().status == 507
    (line,) = lines(log)
    assert line["cause"] == "OSError ENOSPC"
    assert "private" not in log.getvalue()


def test_what_passes_by_itself_is_not_told(log: io.StringIO) -> None:
    house(FakeCatalog(error=Unavailable("The archive is busy; ask again in a moment."))).ask()
    with pytest.raises(Unavailable) as full, Room(0, "Come again.").entered():
        pytest.fail("there was no room")
    Alarm().hear(full.value, "1")
    Alarm().hear(CallreelError("Tell the operator."), "1")
    assert lines(log) == []


def test_each_is_told_again_after_a_minute(log: io.StringIO) -> None:
    now = [5.0]
    alarm = Alarm(lambda: now[0])
    alarm.hear(ASKS, "1")
    alarm.hear(StorageFull("There is no room; tell the operator."), "2")
    now[0] += EVERY_SECONDS - 1
    alarm.hear(ASKS, "3")
    now[0] += 1
    alarm.hear(ASKS, "4")
    assert [each["request_id"] for each in lines(log)] == ["1", "2", "4"]


def test_a_damaged_key_is_answered_503_and_told_to_the_operator(
    tmp_path: Path, log: io.StringIO
) -> None:
    with serve(tmp_path / "data") as server:
        with closing(apsw.Connection(str(server.data / "callreel.db"))) as connection:
            connection.execute("UPDATE api_key SET scopes = 'junk' WHERE label = 'all'")
        answer = server.ask("GET", PATH)
        assert answer.status_code == 503
        assert server.ask("GET", PATH, "read").status_code == 200
    (line,) = lines(log)
    assert line["why"] == answer.json()["error"]["message"]
