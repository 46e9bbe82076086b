from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callreel.catalog.migrate import migrations
from callreel.catalog.sqlite import SqliteCatalog
from callreel.wiring import sole_server
from cli_runs import Command

COMMANDS = [
    ("tenant", "create", "Acme"),
    ("key", "list"),
    ("gc",),
    ("export", "csv", "-"),
]


@pytest.fixture
def older(data: Path) -> Path:
    """Make the database of an older version and return it."""
    data.mkdir()
    path = data / "callreel.db"
    catalog = SqliteCatalog(path, steps=migrations()[:-1])
    asyncio.run(catalog.add_tenant("one"))
    asyncio.run(catalog.close())
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_the_schema_is_not_changed_under_a_server_of_an_older_version(
    data: Path, older: Path, callreel: Command, command: tuple[str, ...]
) -> None:
    before = older.read_bytes()
    with sole_server(data):
        told = callreel(*command)
    assert told.code
    assert told.err.startswith("callreel: A server of an older version runs on this data folder")
    assert older.read_bytes() == before
    assert callreel(*command).code == 0
    with sole_server(data):
        assert callreel("key", "list").code == 0
