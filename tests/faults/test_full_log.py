from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import StorageFull
from faults.disks import fill, in_memory

MOST = 3_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Lend a disk that has room for far less than the log may grow to."""
    with in_memory(tmp_path, "size=12m") as root:
        yield root


@asynccontextmanager
async def opened(disk: Path) -> AsyncIterator[SqliteCatalog]:
    catalog = SqliteCatalog(disk / "callreel.db")
    try:
        yield catalog
    finally:
        await catalog.close()


async def write(catalog: SqliteCatalog, number: int) -> None:
    """Change one and the same page, so that the log grows and the file does not."""
    sql = "UPDATE tenant SET longest_call = ? WHERE number = 1"
    await catalog._db.write(lambda db: db.execute(sql, (number,)).get)


async def kept(catalog: SqliteCatalog) -> object:
    return await catalog._db.read(lambda db: db.execute("SELECT longest_call FROM tenant").get)


async def write_until_full(catalog: SqliteCatalog) -> int:
    """Return what was kept last."""
    for number in range(MOST):
        try:
            await write(catalog, number)
        except StorageFull:
            return number - 1
    raise AssertionError("the disk never got full")


def test_a_disk_that_the_log_alone_fills_is_written_to_again_at_once(disk: Path) -> None:
    async def play() -> None:
        async with opened(disk) as catalog:
            await catalog.add_tenant("one")
        async with opened(disk) as catalog:  # all that there is is in the file by now
            assert await write_until_full(catalog) == await kept(catalog)
            for number in range(3):
                await write(catalog, number)
            assert await kept(catalog) == 2

    asyncio.run(play())


def test_a_little_room_that_is_made_elsewhere_is_enough_however_long_the_log_is(
    disk: Path,
) -> None:
    async def play() -> None:
        ballast, log = disk / "ballast", disk / "callreel.db-wal"
        async with opened(disk) as catalog:
            await catalog.add_tenant("one")
            ballast.write_bytes(bytes(1_500_000))
            last = await write_until_full(catalog)
            fill(disk / "filling")
            for _ in range(3):
                with pytest.raises(StorageFull):
                    await write(catalog, MOST)
            assert await kept(catalog) == last
            long = log.stat().st_size
            ballast.unlink()
            for number in range(400):  # which would be more than there is room for
                await write(catalog, number)
            assert await kept(catalog) == 399
            assert log.stat().st_size < long / 2

    asyncio.run(play())
