from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callreel.catalog.migrate import Migration, migrations
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import Misconfigured, Unavailable


def make(path: Path) -> None:
    async def run() -> None:
        catalog = SqliteCatalog(path)
        await catalog.add_tenant("Acme")
        await catalog.close()

    asyncio.run(run())


def test_it_is_read_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "callreel.db"
    make(path)
    before = path.read_bytes()

    async def look() -> list[str]:
        catalog = SqliteCatalog(path, read_only=True)
        try:
            with pytest.raises(Unavailable):
                await catalog.add_tenant("Other")
            return [tenant.name for tenant in await catalog.tenants()]
        finally:
            await catalog.close()

    assert asyncio.run(look()) == ["Acme"]
    assert path.read_bytes() == before


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        SqliteCatalog(tmp_path / "callreel.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_another_schema_is_not_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "callreel.db"
    make(path)
    later = Migration(len(migrations()) + 1, "later", "CREATE TABLE later (x)")
    with pytest.raises(Misconfigured, match="up to date"):
        SqliteCatalog(path, steps=[*migrations(), later], read_only=True)


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "callreel.db"
    path.write_bytes(b"")
    with pytest.raises(Misconfigured, match="not of this program"):
        SqliteCatalog(path, read_only=True)
