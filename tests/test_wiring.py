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
