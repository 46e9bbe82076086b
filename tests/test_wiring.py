from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock, patch

import pytest

from callreel.catalog.sqlite_db import open_writer
from callreel.errors import Misconfigured, StorageFull, Unavailable
from callreel.settings import Settings
from callreel.wiring import (
    existing,
    look_at_catalog,
    open_archive,
    open_catalog,
    sole_server,
)


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


def test_a_database_without_tables_is_none_while_there_is_audio(tmp_path: Path) -> None:
    make_archive(tmp_path)
    (tmp_path / "audio" / "1").mkdir()
    (tmp_path / "callreel.db").unlink()
    open_writer(tmp_path / "callreel.db").close()
    blank = (tmp_path / "callreel.db").read_bytes()
    assert blank

    with pytest.raises(Misconfigured, match=r"callreel\.db is gone"):
        open_archive(Settings(data=tmp_path))

    assert (tmp_path / "callreel.db").read_bytes() == blank
    (tmp_path / "audio" / "1").rmdir()
    asyncio.run(open_archive(Settings(data=tmp_path)).close())


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


TOO_LONG = "a" * 300
"""A name of a folder that no system can look at, as root too."""


@pytest.mark.parametrize("use", [existing, look_at_catalog, open_catalog, open_archive])
def test_a_folder_that_cannot_be_looked_at_is_a_clear_error(
    tmp_path: Path, use: Callable[[Settings], object]
) -> None:
    with pytest.raises(Misconfigured) as caught:
        use(Settings(data=tmp_path / TOO_LONG))

    assert caught.value.message == (
        "The data folder cannot be used: file name too long; check it and its permissions."
    )


def test_a_folder_that_cannot_be_locked_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "serve.lock").mkdir()

    with (
        pytest.raises(Misconfigured, match="cannot be used: is a directory"),
        sole_server(tmp_path),
    ):
        pass


def test_a_folder_of_audio_that_cannot_be_read_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_archive(tmp_path)
    refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    monkeypatch.setattr(Path, "iterdir", Mock(side_effect=refused))

    with pytest.raises(Misconfigured, match="cannot be used: permission denied"):
        open_archive(Settings(data=tmp_path))


def test_what_is_no_archive_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        existing(Settings(data=tmp_path))

    assert caught.value.message == (
        "There is no archive in the data folder; check CALLREEL_DATA, or make one with "
        "`callreel tenant create NAME`."
    )


def test_an_archive_that_exists_is_left_as_it_is_set(tmp_path: Path) -> None:
    make_archive(tmp_path)
    settings = Settings(data=tmp_path, port=9000)

    assert existing(settings) is settings


def test_only_a_look_changes_nothing(tmp_path: Path) -> None:
    assert look_at_catalog(Settings(data=tmp_path)) is None
    assert not list(tmp_path.iterdir())
    make_archive(tmp_path)

    async def look() -> list[str]:
        catalog = look_at_catalog(Settings(data=tmp_path))
        assert catalog is not None
        names = [tenant.name for tenant in await catalog.tenants()]
        with pytest.raises(Unavailable):
            await catalog.add_tenant("Other")
        await catalog.close()
        return names

    assert asyncio.run(look()) == ["Acme"]


def test_a_folder_of_audio_without_a_tenant_is_no_sign_of_an_older_archive(tmp_path: Path) -> None:
    (tmp_path / "audio" / "tmp").mkdir(parents=True)

    asyncio.run(open_archive(Settings(data=tmp_path)).close())

    assert (tmp_path / "callreel.db").stat().st_size


def test_a_database_beside_its_log_is_opened(tmp_path: Path) -> None:
    async def leave_the_log() -> bool:
        first = open_catalog(Settings(data=tmp_path))
        await first.add_tenant("Acme")
        has_log = (tmp_path / "callreel.db-wal").exists()
        await open_catalog(Settings(data=tmp_path)).close()
        await first.close()
        return has_log

    assert asyncio.run(leave_the_log())


def test_recordings_that_are_away_may_be_given_up(tmp_path: Path) -> None:
    make_archive(tmp_path)
    (tmp_path / "audio").rename(tmp_path / "away")
    (tmp_path / "audio.made").unlink()

    asyncio.run(open_archive(Settings(data=tmp_path)).close())

    assert (tmp_path / "audio.made").exists()


def test_the_message_about_audio_that_is_away_names_the_file_to_remove(tmp_path: Path) -> None:
    make_archive(tmp_path)
    (tmp_path / "audio").rename(tmp_path / "away")

    with pytest.raises(Misconfigured, match=r"remove the file audio\.made\.$") as caught:
        open_archive(Settings(data=tmp_path))

    assert str(tmp_path) not in caught.value.message
    assert not (tmp_path / "audio").exists()


def test_the_reserve_is_kept_free(tmp_path: Path) -> None:
    async def take_in() -> None:
        archive = open_archive(Settings(data=tmp_path, free_space_reserve=1 << 50))
        try:
            async with archive.audio.taking_in():
                with archive.audio.stage() as staged:
                    staged.write(b"sound")
        finally:
            await archive.close()

    with pytest.raises(StorageFull):
        asyncio.run(take_in())


def test_the_lock_is_for_its_owner_alone_and_survives_no_child(tmp_path: Path) -> None:
    with sole_server(tmp_path / "data"):
        lock = tmp_path / "data" / "serve.lock"
        assert lock.stat().st_mode & 0o777 == 0o600
        held = [
            each
            for each in Path("/proc/self/fd").iterdir()
            if each.exists() and each.samefile(lock)
        ]
        assert [os.get_inheritable(int(each.name)) for each in held] == [False]
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_server_that_fails_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), sole_server(tmp_path):
        raise RuntimeError
    with sole_server(tmp_path):
        pass


def test_servers_on_two_folders_are_none_of_each_others_business(tmp_path: Path) -> None:
    with sole_server(tmp_path / "a"), sole_server(tmp_path / "b"):
        assert (tmp_path / "b" / "serve.lock").exists()


def test_a_question_may_take_the_seconds_that_are_set(tmp_path: Path) -> None:
    with patch("callreel.wiring.SqliteCatalog", Mock()) as made:
        open_catalog(Settings(data=tmp_path, query_seconds=7))

    made.assert_called_once_with(tmp_path / "callreel.db", query_seconds=7)


def test_a_conversion_may_take_the_seconds_that_are_set(tmp_path: Path) -> None:
    with patch("callreel.wiring.ChildSoundWorker", Mock()) as made:
        archive = open_archive(Settings(data=tmp_path, convert_seconds=7))

    asyncio.run(archive.catalog.close())
    made.assert_called_once_with(convert_seconds=7)
