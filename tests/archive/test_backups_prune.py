from __future__ import annotations

import hashlib
import resource
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.backed_up import BackedUp
from callreel.archive.backups import VERSION, Item, Manifest, audio_item, earlier, spool_item
from callreel.archive.backups.bucket import BucketDestination
from callreel.archive.backups.files import LostError
from callreel.archive.backups.folder import FolderDestination
from callreel.archive.backups.repository import Repository
from callreel.errors import Misconfigured
from endpoints.s3 import S3Server

DIGESTS = [f"{number:02x}" * 32 for number in (0, 1, 171, 255)]
ITEMS = st.one_of(
    st.builds(audio_item, st.sampled_from([1, 2, 10, 11, 100]), st.sampled_from(DIGESTS)),
    st.builds(
        spool_item,
        st.sampled_from(["a", "a-b", "b"]),
        st.sampled_from(["1", "10"]),
        st.sampled_from(["x.json", "x-y.json"]),
        st.sampled_from(DIGESTS),
    ),
)
SETS = st.sets(ITEMS, max_size=12)


def id_of(number: int) -> str:
    return f"20260101T00000{number}.000Z"


Place = tuple[Repository, Path]
"""Backups, and where their files are on the disk."""


def put_backup(place: Place, backup_id: str, items: set[Item]) -> None:
    """Make a backup of files without a database."""
    repository, root = place
    ordered = sorted(items, key=lambda each: each.path)
    text = "".join(each.line for each in ordered).encode()
    made = root / "backups" / backup_id
    made.mkdir(parents=True)
    (made / "files.sha256").write_bytes(text)
    for each in items:
        (root / each.path).parent.mkdir(parents=True, exist_ok=True)
        (root / each.path).touch()
    repository.publish(
        Manifest(
            version=VERSION,
            id=backup_id,
            taken_at=0,
            made_by="1",
            step=1,
            tenants=1,
            recordings=len(items),
            files=len(items),
            list_sha256=hashlib.sha256(text).hexdigest(),
            database_bytes=0,
            database_sha256="",
        )
    )


def files_of(root: Path) -> set[str]:
    found = (each for name in ("audio", "spool") for each in (root / name).rglob("*"))
    return {str(each.relative_to(root)) for each in found if each.is_file()}


def check_what_stays(place: Place, backups: list[set[Item]], left: set[Item], keep: int) -> None:
    repository, root = place
    with repository.writing():
        put_backup(place, id_of(0), left)
        for number, items in enumerate(backups, 1):
            put_backup(place, id_of(number), items)
        shutil.rmtree(root / "backups" / id_of(0))  # as of one that was cut short

        removed = repository.prune(keep)

    kept = backups[-keep:]
    assert removed == len(backups) - len(kept)
    assert repository.ids() == [id_of(number) for number in range(1, len(backups) + 1)][-keep:]
    assert files_of(root) == {item.path for items in kept for item in items}


@settings(max_examples=30, deadline=None)
@given(backups=st.lists(SETS, min_size=1, max_size=4), left=SETS, keep=st.integers(1, 5))
def test_what_any_backup_that_stays_has_stays_and_nothing_else(
    backups: list[set[Item]], left: set[Item], keep: int
) -> None:
    with tempfile.TemporaryDirectory() as made:
        place = Repository(FolderDestination(Path(made))), Path(made)
        check_what_stays(place, backups, left, keep)


@settings(max_examples=15, deadline=None)
@given(backups=st.lists(SETS, min_size=1, max_size=4), left=SETS, keep=st.integers(1, 5))
def test_what_any_backup_that_stays_has_stays_in_a_bucket_too(
    s3: S3Server, backups: list[set[Item]], left: set[Item], keep: int
) -> None:
    with tempfile.TemporaryDirectory() as made:
        name = f"prune-{secrets.token_hex(8)}"
        root = s3.new_bucket(name)
        destination = BucketDestination(s3.bucket(name), Path(made) / "uploading")
        check_what_stays((Repository(destination), root), backups, left, keep)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("back up"), SETS),
        st.tuples(st.just("back up earlier"), SETS),  # by a clock that stepped back
        st.tuples(st.just("prune"), st.integers(1, 4)),
        st.tuples(st.just("take away"), st.integers(0, 9)),
        st.tuples(st.just("spoil"), st.integers(0, 9)),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, keep=st.integers(1, 4))
def test_after_any_history_just_what_a_kept_backup_has_is_there(
    steps: list[tuple[str, Any]], keep: int
) -> None:
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        place = Repository(FolderDestination(root)), root
        with place[0].writing():
            check_history(place, [("back up", set()), *steps, ("prune", keep)])


def check_history(place: Place, steps: list[tuple[str, Any]]) -> None:
    repository, root = place
    held: dict[str, set[Item]] = {}
    for number, (what, value) in enumerate(steps):
        if what.startswith("back up"):
            name = f"2026010{1 if 'earlier' in what else 2}T0000{number:02d}.000Z"
            put_backup(place, name, value)
            held[name] = value
        elif what == "prune":
            repository.prune(value)
            held = {each: held[each] for each in sorted(held)[-value:]}
            assert repository.ids() == sorted(held)
            assert files_of(root) == {item.path for items in held.values() for item in items}
            if held:
                check_what_is_told(root, held)
        elif what == "take away" and value < len(held) - 1:
            gone = sorted(held)[value]
            shutil.rmtree(root / "backups" / gone)
            del held[gone]
        elif what == "spoil":
            for each in list((root / "earlier").glob("*"))[value : value + 1]:
                each.chmod(0o600)
                each.write_bytes(each.read_bytes()[:-90])


def check_what_is_told(root: Path, held: dict[str, set[Item]]) -> None:
    *older, newest = sorted(held)
    last = {item.path: each for each in older for item in held[each]}
    there = {item.path for item in held[newest]}
    (told,) = (root / "earlier").iterdir()
    assert told.name.startswith(f"{newest}.")
    lines = [f"{last[path]}  {path}" for path in sorted(last) if path not in there]
    assert told.read_text().splitlines() == lines


def test_many_backups_are_thrown_away_with_as_few_reads_as_one(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = archive.repository, archive.root
    destination, read = archive.repository.destination, []
    reading = destination.read

    def counted(path: str) -> Iterator[bytes]:
        read.append(path)
        return reading(path)

    items = [audio_item(1, f"{number:064x}") for number in range(60)]
    with archive.repository.writing():
        for number in range(40):
            put_backup(place, f"20260101T0000{number:02d}.000Z", {*items[number : number + 20]})
        assert archive.repository.prune(30) == 10
        monkeypatch.setattr(destination, "read", counted)
        put_backup(place, "20260102T000000.000Z", {items[59]})
        assert archive.repository.prune(30) == 1
        few = len(read)
        put_backup(place, "20260102T000001.000Z", {items[58]})
        assert archive.repository.prune(2) == 29
    assert few < 20
    assert len(read) == 2 * few
    assert files_of(archive.root) == {items[58].path, items[59].path}
    assert len(list((archive.root / "earlier").iterdir())) == 1


def test_few_files_are_open_however_many_backups_are_kept(in_folder: BackedUp) -> None:
    place = in_folder.repository, in_folder.root
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    with in_folder.repository.writing():
        for number in range(40):
            put_backup(place, f"20260101T0000{number:02d}.000Z", {audio_item(1, DIGESTS[0])})
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 12, hard))
            assert in_folder.repository.prune(39) == 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_list_that_is_lost_while_it_is_read_is_told_and_the_new_backup_is_made(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = archive.add(1)
    old = archive.back_up().manifest.id
    destination, times = archive.repository.destination, []
    reading = destination.read

    def lost(path: str) -> Iterator[bytes]:
        if path == f"backups/{old}/files.sha256":
            times.append(path)
            if len(times) > 1:
                raise LostError
        yield from reading(path)

    monkeypatch.setattr(destination, "read", lost)
    made = archive.back_up(keep=2)
    assert f"list of the backup {old} is damaged" in made.not_pruned
    monkeypatch.undo()
    assert archive.held_by(old) == archive.held_by(made.manifest.id) == {first}


def test_what_is_told_of_earlier_backups_and_lost_is_told_and_nothing_goes(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = archive.add(1)
    old = [archive.back_up().manifest.id for _ in range(2)]
    archive.delete(first)

    def lost(_self: earlier.Earlier, _path: str) -> Iterator[earlier.Past]:
        yield from ()
        raise LostError

    monkeypatch.setattr(earlier.Earlier, "read", lost)
    made = archive.back_up(keep=1)
    assert archive.repository.ids() == [*old, made.manifest.id]
    assert made.not_pruned == (
        "What is told of older backups is lost; the next backup makes it again."
    )
    assert archive.held_by(old[0]) == archive.held_by(old[1]) == {first}
    monkeypatch.undo()
    assert archive.back_up(keep=1).removed == 3
    assert not (archive.root / archive.place(first)).exists()


def test_what_was_deleted_is_gone_from_the_backups_once_the_old_ones_are(
    archive: BackedUp,
) -> None:
    first, second = archive.add(1), archive.add(2)
    archive.back_up()
    archive.delete(first)
    assert archive.back_up(keep=2).removed == 0
    assert (archive.root / archive.place(first)).exists()

    assert archive.back_up(keep=1).removed == 2

    assert not (archive.root / archive.place(first)).exists()
    assert archive.held_by() == {second}


def test_a_damaged_list_of_a_backup_that_stays_keeps_every_file(archive: BackedUp) -> None:
    archive.add(1)
    archive.back_up()
    made = archive.back_up().manifest.id
    before = files_of(archive.root)
    archive.rewrite(archive.of(made) / "files.sha256", b"")

    with pytest.raises(Misconfigured, match=f"list of the backup {made} is damaged"):
        archive.repository.prune(1)

    assert files_of(archive.root) == before


def test_old_backups_are_thrown_away_while_no_other_backup_can_be_made(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def pruning(_repository: Repository, _keep: int) -> int:
        with pytest.raises(Misconfigured, match="Another backup"):
            archive.back_up()
        tried.append(1)
        return 0

    monkeypatch.setattr(Repository, "prune", pruning)
    archive.back_up(keep=1)
    assert tried == [1]


@pytest.mark.parametrize("keep", [None, 1])
def test_a_folder_with_something_else_in_it_is_refused_and_left_as_it_is(
    archive: BackedUp, keep: int | None
) -> None:
    archive.add(1)
    root = archive.root
    others = ["backups/laptop/photo.jpg", "tmp/mine.txt", "audio/song.mp3", "spool/mail/x"]
    for each in others:
        (root / each).parent.mkdir(parents=True)
        (root / each).touch()
    with pytest.raises(Misconfigured, match=r"something (in the folder|at the address) already"):
        archive.back_up(keep=keep)
    assert {str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()} == {*others}


def test_what_others_put_into_a_folder_of_backups_later_stays(archive: BackedUp) -> None:
    archive.add(1)
    archive.back_up()
    others = ["backups/laptop/photo.jpg", "tmp/mine.txt", "audio/song.mp3", "spool/mail/x", "note"]
    for each in others:
        (archive.root / each).parent.mkdir(parents=True, exist_ok=True)
        (archive.root / each).touch()
    (archive.tmp / ("0" * 32)).touch()  # as of a copy that was cut short

    assert archive.back_up(keep=1).removed == 1

    assert all((archive.root / each).exists() for each in others)
    assert not (archive.tmp / ("0" * 32)).exists()


def test_a_new_disk_is_an_empty_folder(archive: BackedUp) -> None:
    (archive.root / "lost+found").mkdir(parents=True)
    assert archive.repository.ids() == []
    first = archive.add(1)
    archive.back_up()
    assert archive.held_by() == {first}


def test_a_list_that_is_damaged_is_found_before_any_backup_goes_and_the_new_one_is_told(
    archive: BackedUp,
) -> None:
    first = archive.add(1)
    old = archive.back_up().manifest.id
    damaged = archive.back_up().manifest.id
    archive.rewrite(archive.of(damaged) / "files.sha256", b"")

    made = archive.back_up(keep=2)

    assert made.removed == 0
    assert f"list of the backup {damaged} is damaged" in made.not_pruned
    assert archive.repository.ids() == [old, damaged, made.manifest.id]
    assert archive.held_by(old) == archive.held_by() == {first}


def test_a_manifest_that_cannot_be_read_is_in_the_way_of_no_other_backup(
    archive: BackedUp,
) -> None:
    first = archive.add(1)
    damaged, old = archive.back_up().manifest.id, archive.back_up().manifest.id
    archive.rewrite(archive.of(damaged) / "manifest.json", b"{")

    assert archive.held_by(old) == archive.held_by() == {first}
    with pytest.raises(Misconfigured, match=f"manifest of the backup {damaged} cannot be read"):
        archive.repository.find(damaged)

    made = archive.back_up(keep=3)  # which files it has is not known, so none may go
    assert f"{damaged} cannot be read" in made.not_pruned
    assert len(archive.repository.ids()) == 3
    made = archive.back_up(keep=3)  # it is the oldest, and goes
    assert (made.removed, made.not_pruned) == (1, "")
    assert damaged not in archive.repository.ids()
    assert archive.held_by(old) == archive.held_by() == {first}


def test_a_backup_with_another_name_keeps_every_file(archive: BackedUp) -> None:
    archive.add(1)
    made = archive.back_up().manifest.id
    shutil.copytree(archive.of(made), archive.root / "backups" / "before-upgrade")
    told = archive.back_up(keep=1)
    assert told.removed == 0
    assert "backup in the folder before-upgrade has another name" in told.not_pruned
    assert archive.repository.ids() == [made, told.manifest.id]
