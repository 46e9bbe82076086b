from __future__ import annotations

import asyncio
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from archive.backed_up import BackedUp, names
from callreel.archive.backups import Item
from callreel.archive.backups.back_up import require_apart
from callreel.archive.backups.destination import MARKED, MARKER
from callreel.archive.backups.folder import FolderDestination
from callreel.archive.backups.repository import Repository
from callreel.catalog.migrate import migrations
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import Misconfigured, NotFound
from house import CALL


def test_each_backup_holds_what_there_was_and_copies_only_what_is_new(archive: BackedUp) -> None:
    first = archive.add(1)
    one = archive.back_up()
    second = archive.add(2)
    two = archive.back_up()
    three = archive.back_up()

    assert [each.copied for each in (one, two, three)] == [1, 1, 0]
    assert two.copied_bytes == len(archive.sounds[second])
    assert two.manifest.recordings == two.manifest.files == 2
    assert archive.held_by(one.manifest.id) == {first}
    assert archive.held_by(two.manifest.id) == {first, second}
    assert archive.held_by() == {first, second}


def test_what_was_deleted_is_in_older_backups_only(archive: BackedUp) -> None:
    first, second = archive.add(1), archive.add(2)
    before = archive.back_up().manifest.id
    archive.delete(first)
    after = archive.back_up().manifest.id

    assert archive.held_by(before) == {first, second}
    assert archive.held_by(after) == {second}


def test_coreutils_alone_can_check_a_backup(in_folder: BackedUp) -> None:
    first = in_folder.add(1)
    made = in_folder.back_up()
    check = ["sha256sum", "--check", "--quiet", f"backups/{made.manifest.id}/files.sha256"]
    subprocess.run(check, cwd=in_folder.root, check=True)
    for spoiled in (
        in_folder.root / in_folder.place(first),
        in_folder.of(made.manifest.id) / "callreel.db",
    ):
        kept = spoiled.read_bytes()
        spoiled.chmod(0o600)
        spoiled.write_bytes(b"other")
        assert subprocess.run(check, cwd=in_folder.root, check=False).returncode
        spoiled.write_bytes(kept)


def test_coreutils_can_check_a_backup_of_nothing_too(archive: BackedUp) -> None:
    made = archive.back_up().manifest
    assert made.files == 0
    check = ["sha256sum", "--check", "--quiet", f"backups/{made.id}/files.sha256"]
    subprocess.run(check, cwd=archive.root, check=True)


def test_call_records_that_wait_for_an_import_are_in_it(archive: BackedUp) -> None:
    waiting = archive.data / "spool" / "freeswitch" / "1"
    waiting.mkdir(parents=True)
    (waiting / "abc.cdr.json").write_bytes(b"{}")
    (waiting / "a folder").mkdir()
    (archive.data / "spool" / "tmp").mkdir()
    (archive.data / "spool" / "tmp" / "half").write_bytes(b"{")
    archive.back_up()
    (waiting / "abc.cdr.json").write_bytes(b'{"other": 1}')  # of another call, after it was emptied
    (waiting / "def.cdr.xml").write_bytes(b"<cdr/>")
    archive.back_up()

    assert archive.back_up().copied == 0
    one, two = archive.repository.ids()[:2]
    old = archive.restore(one)[0] / "spool" / "freeswitch" / "1"
    new = archive.restore(two)[0] / "spool" / "freeswitch" / "1"
    assert {each.name: each.read_bytes() for each in old.iterdir()} == {"abc.cdr.json": b"{}"}
    assert {each.name: each.read_bytes() for each in new.iterdir()} == {
        "abc.cdr.json": b'{"other": 1}',
        "def.cdr.xml": b"<cdr/>",
    }


def test_two_backups_at_once_into_one_folder_are_refused(archive: BackedUp) -> None:
    with archive.repository.writing(), pytest.raises(Misconfigured, match="Another backup"):
        archive.back_up()
    archive.back_up()


def with_another_archive(archive: BackedUp) -> BackedUp:
    """Make a new archive in a folder beside, which has its backups in the same place."""
    made = replace(archive, data=archive.new_folder(), sounds={})
    asyncio.run(SqliteCatalog(made.data / "callreel.db").close())
    return made


def told_of(root: Path) -> dict[Path, int]:
    """Return when each file of backups was written, but for what is on its way."""
    found = (each for each in root.rglob("*") if each.is_file() and each.parent != root / "tmp")
    return {each: each.stat().st_mtime_ns for each in found}


def test_the_backups_of_another_archive_are_left_alone(archive: BackedUp) -> None:
    first = archive.add(1)
    archive.back_up()
    other = with_another_archive(archive)
    before = told_of(archive.root)

    with pytest.raises(Misconfigured, match="are of another archive; take another place"):
        other.back_up(keep=1)

    assert told_of(archive.root) == before
    assert archive.held_by() == {first}
    archive.back_up(keep=1)


def test_a_restored_archive_goes_on_with_the_same_backups(archive: BackedUp) -> None:
    first = archive.add(1)
    archive.back_up()
    restored = replace(archive, data=archive.restore()[0])
    assert restored.back_up(keep=1).removed == 1
    assert restored.held_by() == {first}


@pytest.mark.parametrize("content", [b"", MARKED])
def test_a_place_that_is_of_no_archive_yet_is_of_the_first_that_comes(
    archive: BackedUp, content: bytes
) -> None:
    archive.back_up()
    other = with_another_archive(archive)
    archive.rewrite(archive.root / MARKER, content)
    other.back_up()
    with pytest.raises(Misconfigured, match="are of another archive"):
        archive.back_up()
    assert (archive.root / MARKER).read_bytes().startswith(MARKED)
    other.back_up()


def test_an_archive_of_which_nobody_knows_the_id_does_not_go_on_with_one_that_has_it(
    archive: BackedUp,
) -> None:
    other = replace(archive, data=archive.new_folder())
    asyncio.run(SqliteCatalog(other.data / "callreel.db", steps=migrations()[:7]).close())
    assert other.id is None
    other.back_up()
    archive.back_up()
    with pytest.raises(Misconfigured, match="are of another archive"):
        other.back_up()


def test_a_folder_of_backups_that_is_a_file_is_a_clear_error(
    in_folder: BackedUp, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Misconfigured, match="The folder of backups cannot be used"):
        replace(in_folder, repository=Repository(FolderDestination(tmp_path / "file"))).back_up()


@pytest.mark.parametrize("where", [".", "audio", "..", "link/data/x"])
def test_a_backup_within_the_archive_is_refused(tmp_path: Path, where: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    folder = tmp_path / where if where.startswith("link") else data / where
    with pytest.raises(Misconfigured, match="must not lie in one another"):
        require_apart(data, folder)
    require_apart(data, tmp_path / "data-backups")


def test_what_is_asked_for_and_not_there_is_told(archive: BackedUp) -> None:
    with pytest.raises(NotFound, match="no backup in this place"):
        archive.repository.find()
    made = archive.back_up().manifest.id
    with pytest.raises(NotFound, match=f"there are 1, from {made} to {made}"):
        archive.repository.find("20200101T000000.000Z")
    assert archive.repository.find(made).id == made


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "cannot be read"),
        (b"[]", "cannot be read"),
        (b"{}", "cannot be read"),
        (b'{"version": 1}', "cannot be read"),
        (b'{"version": 2, "more": 1}', "newer version"),
    ],
)
def test_a_manifest_that_is_not_understood_is_told_and_nothing_is_thrown_away(
    archive: BackedUp, text: bytes, says: str
) -> None:
    archive.add(1)
    archive.back_up()
    strange = archive.of("20991231T000000.000Z")
    strange.mkdir()
    (strange / "manifest.json").write_bytes(text)
    for use in (archive.repository.find, lambda: archive.repository.prune(1)):
        with pytest.raises(Misconfigured, match=says):
            use()
    assert len(names(archive.root / "backups")) == 2


def test_what_is_copied_elsewhere_manifests_last_is_whole_once_it_has_one(
    in_folder: BackedUp, tmp_path: Path
) -> None:
    """As docs/how-to/back-up-and-restore.md has it for object storage."""
    first = in_folder.add(1)
    in_folder.back_up()
    root, there = in_folder.root, tmp_path / "there"

    def manifests(_folder: str, found: list[str]) -> list[str]:
        return [each for each in found if each == "manifest.json"]

    shutil.copytree(root, there, ignore=manifests)
    elsewhere = replace(in_folder, repository=Repository(FolderDestination(there)), root=there)
    assert elsewhere.repository.ids() == []
    shutil.copytree(root, there, dirs_exist_ok=True)
    assert elsewhere.held_by() == {first}


def test_the_items_of_a_backup_belong_somewhere_or_nowhere() -> None:
    digest = "ab" * 32
    assert Item(f"audio/12/ab/{digest}", digest).audio == (12, digest)
    assert Item(f"audio/12/ab/{digest}", digest).place == f"audio/12/ab/{digest}"
    assert Item(f"spool/f/1/{digest}.x.cdr.json", digest).place == "spool/f/1/x.cdr.json"
    assert Item(f"spool/f/1/{digest}.x.cdr.json", digest).audio is None
    for path in (f"../{digest}", "/etc/passwd", f"audio/../ab/{digest}", f"spool/f/1/{digest}..x"):
        assert Item(path, digest).place is None, path


def test_a_manifest_tells_what_a_person_wants_to_know(archive: BackedUp) -> None:
    archive.add(1, replace(CALL, dialog_id="other"))
    made = archive.back_up().manifest
    told = msgspec.json.decode((archive.of(made.id) / "manifest.json").read_bytes())
    assert (told["version"], told["recordings"], told["tenants"], told["files"]) == (1, 1, 1, 1)
    assert told["id"] == made.id
