from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callreel.errors import Misconfigured
from callreel.settings import Settings
from callreel.wiring import open_archive, open_catalog, sole_server


def test_an_archive_is_made_where_there_is_none(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "deep" / "data")

    async def use() -> None:
        archive = open_archive(settings)
        await archive.catalog.check()
        await archive.audio.check()
        await archive.close()

    asyncio.run(use())

    assert (settings.data / "callreel.db").is_file()
    assert (settings.data / "audio").is_dir()
    assert settings.data.stat().st_mode & 0o777 == 0o700


def test_what_was_written_is_there_when_opened_again(tmp_path: Path) -> None:
    async def write_and_read() -> list[str]:
        catalog = open_catalog(Settings(data=tmp_path))
        await catalog.add_tenant("Acme")
        await catalog.close()
        again = open_catalog(Settings(data=tmp_path))
        names = [tenant.name for tenant in await again.tenants()]
        await again.close()
        return names

    assert asyncio.run(write_and_read()) == ["Acme"]


def test_a_file_in_the_folders_place_is_a_clear_error(tmp_path: Path) -> None:
    taken = tmp_path / "data"
    taken.write_text("")

    with pytest.raises(Misconfigured, match="The data folder cannot be used: file exists"):
        open_archive(Settings(data=taken))


def make_archive(data: Path) -> None:
    async def make() -> None:
        archive = open_archive(Settings(data=data))
        await archive.catalog.add_tenant("Acme")
        await archive.close()

    asyncio.run(make())


@pytest.mark.parametrize("left", [[], [b""]])
def test_a_database_that_is_gone_is_not_replaced_while_there_is_audio(
    tmp_path: Path, left: list[bytes]
) -> None:
    make_archive(tmp_path)
    (tmp_path / "audio" / "1").mkdir()
    (tmp_path / "callreel.db").unlink()
    for content in left:
        (tmp_path / "callreel.db").write_bytes(content)

    with pytest.raises(Misconfigured, match=r"callreel\.db is gone"):
        open_archive(Settings(data=tmp_path))


def test_a_database_that_is_gone_is_not_replaced_while_there_is_its_log(tmp_path: Path) -> None:
    (tmp_path / "callreel.db-wal").write_bytes(b"changes")

    with pytest.raises(Misconfigured, match=r"callreel\.db is gone"):
        open_catalog(Settings(data=tmp_path))

    assert (tmp_path / "callreel.db-wal").read_bytes() == b"changes"


@pytest.mark.parametrize("is_mount_point", [False, True])
def test_a_folder_of_audio_that_is_away_is_not_replaced(
    tmp_path: Path, is_mount_point: bool
) -> None:
    make_archive(tmp_path)
    away = (tmp_path / "audio").rename(tmp_path / "away")
    if is_mount_point:
        (tmp_path / "audio").mkdir()

    with pytest.raises(Misconfigured, match="mount it"):
        open_archive(Settings(data=tmp_path))

    if is_mount_point:
        (tmp_path / "audio").rmdir()
    away.rename(tmp_path / "audio")
    asyncio.run(open_archive(Settings(data=tmp_path)).close())


def test_one_server_at_a_time_has_the_folder(tmp_path: Path) -> None:
    with (
        sole_server(tmp_path),
        pytest.raises(Misconfigured, match="Another server"),
        sole_server(tmp_path),
    ):
        pass


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    with sole_server(tmp_path):
        pass
    with sole_server(tmp_path):
        pass


def test_an_error_inside_is_not_taken_for_the_lock(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), sole_server(tmp_path):
        raise BlockingIOError
