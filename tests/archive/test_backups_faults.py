from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.backed_up import BackedUp, available_in, names
from callreel.archive import Archive
from callreel.archive.backups import Item, back_up, copying, files
from callreel.archive.damage import Deed
from callreel.archive.repair import Repair
from callreel.archive.subset import EVERYTHING, subset_of
from callreel.archive.verify import Verification
from callreel.audio.folder import FolderStore
from callreel.catalog import snapshot
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import Misconfigured, StorageFull, Unavailable


def test_a_recording_that_is_deleted_while_the_backup_is_made_is_no_loss(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, goes, late = archive.add(1), archive.add(2), []
    put = archive.repository.destination.put

    def deleting(source: Path, item: Item) -> int | None:
        if goes in archive.sounds and archive.place(goes).name == item.sha256:
            archive.delete(goes)
            late.append(archive.add(3))
            del archive.sounds[goes]
        return put(source, item)

    monkeypatch.setattr(copying, "THREADS", 1)
    monkeypatch.setattr(archive.repository.destination, "put", deleting)
    place = archive.place(goes).name
    made = archive.back_up()
    assert made.manifest.without_audio == ()
    assert archive.held_by() == {stays, *late}
    assert place not in str(list(archive.repository.items(made.manifest)))


def test_a_recording_that_comes_and_goes_between_the_moment_and_the_copy_is_no_loss(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first moment does not know it, the second does, and the third does not any more."""
    stays = archive.add(1)
    moments: list[str] = []
    audio = snapshot.Snapshot.audio

    def told(self: snapshot.Snapshot) -> Any:
        moments.append("")
        found = list(audio(self))
        if len(moments) == 1:
            moments[0] = archive.add(2)
        if len(moments) == 2:
            archive.delete(moments[0])
        return iter(found)

    monkeypatch.setattr(snapshot.Snapshot, "audio", told)
    made = archive.back_up()
    monkeypatch.undo()
    assert made.manifest.without_audio == ()
    assert archive.held_by() == {stays}


def test_recordings_that_keep_going_end_the_backup_with_a_sentence(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def gone(_self: object) -> Iterator[tuple[int, str]]:
        nonlocal count
        count += 1
        yield 1, f"{count:064x}"

    monkeypatch.setattr(snapshot.Snapshot, "audio", gone)
    monkeypatch.setattr(back_up, "ROUNDS", 3)
    with pytest.raises(Unavailable, match="faster than they can be copied"):
        archive.back_up()
    monkeypatch.undo()
    assert archive.repository.ids() == []
    archive.back_up()
    assert len(names(archive.root / "backups")) == 1


@pytest.mark.parametrize("fault", ["gone", "changed", "short", "folder"])
def test_audio_that_the_archive_lost_is_named_and_the_rest_is_backed_up(
    archive: BackedUp, fault: str
) -> None:
    lost, stays = archive.add(1), archive.add(2)
    place = archive.data / archive.place(lost)
    content = place.read_bytes()
    place.unlink()
    if fault == "changed":
        place.write_bytes(content[:-1] + b"\x7f")
    elif fault == "short":
        place.write_bytes(content[:-1])
    elif fault == "folder":
        place.mkdir()

    made = archive.back_up()

    assert made.manifest.without_audio == (str(archive.place(lost)),)
    data, done = archive.restore()
    assert (done.is_done, done.missing, done.withdrawn) == (True, made.manifest.without_audio, 1)
    assert available_in(data) == {stays}


def test_audio_that_was_lost_since_an_earlier_backup_is_still_in_the_next(
    archive: BackedUp,
) -> None:
    first = archive.add(1)
    archive.back_up()
    (archive.data / archive.place(first)).unlink()
    assert archive.back_up().manifest.without_audio == ()
    (archive.data / archive.place(first)).write_bytes(b"other")
    assert archive.back_up().manifest.without_audio == ()
    assert archive.held_by() == {first}


@pytest.mark.parametrize("is_there", [True, False])
def test_audio_that_recordings_are_marked_to_miss_stays_in_the_backups_or_is_named(
    archive: BackedUp, *, is_there: bool
) -> None:
    lost, stays = archive.add(1), archive.add(2)
    if is_there:
        archive.back_up()
    (archive.data / archive.place(lost)).unlink()
    assert archive.house.run(repaired(archive.house.archive)) == {Deed.MARKED_MISSING: 1}

    made = archive.back_up(keep=1)

    assert made.manifest.without_audio == (() if is_there else (str(archive.place(lost)),))
    data, done = archive.restore()
    assert (done.is_done, done.withdrawn, done.marked) == (True, not is_there, is_there)
    assert available_in(data) == {stays}
    restored = opened(archive.house.archive, data)
    deeds = archive.house.run(repaired(restored))
    archive.house.run(restored.catalog.close())
    assert deeds == ({Deed.RESTORED: 1} if is_there else {Deed.MARKED_MISSING: 1, Deed.LEFT: 1})
    assert available_in(data) == ({lost, stays} if is_there else {stays})


def test_audio_that_an_older_version_left_out_as_missing_is_not_told_to_be_there_again(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, stays = archive.add(1), archive.add(2)
    archive.back_up()
    (archive.data / archive.place(lost)).unlink()
    archive.house.run(repaired(archive.house.archive))
    audio = snapshot.Snapshot.audio
    monkeypatch.setattr(
        snapshot.Snapshot,
        "audio",
        lambda self: (each for each in audio(self) if each not in set(self.marked())),
    )
    archive.back_up()
    data, done = archive.restore()
    assert (done.is_done, done.missing, done.withdrawn, done.marked) == (True, (), 0, 0)
    assert available_in(data) == {stays}


def opened(archive: Archive, data: Path) -> Archive:
    """Open another data folder with the means of an archive."""
    catalog = SqliteCatalog(data / "callreel.db")
    return replace(archive, catalog=catalog, audio=FolderStore(data / "audio", reserve_bytes=0))


async def repaired(archive: Archive) -> Counter[Deed | None]:
    """Repair an archive and return how often each was done."""
    work = Repair(Verification(archive))
    batches = [each async for each in work.of_records()] + [each async for each in work.of_files()]
    return Counter(each.deed for batch in batches for each in batch)


@pytest.mark.parametrize("is_gone", [False, True])
def test_audio_that_is_lost_here_and_damaged_there_is_named(
    archive: BackedUp, *, is_gone: bool
) -> None:
    first = archive.add(1)
    archive.back_up()
    copied = archive.root / archive.place(first)
    archive.rewrite(copied, copied.read_bytes()[:-1])
    (archive.data / archive.place(first)).unlink()
    if not is_gone:
        (archive.data / archive.place(first)).write_bytes(b"other")
    made = archive.back_up().manifest
    assert made.without_audio == (str(archive.place(first)),)
    assert (made.files, archive.restore()[1].withdrawn) == (0, 1)


def test_a_file_of_another_length_in_the_backups_is_copied_anew(archive: BackedUp) -> None:
    first = archive.add(1)
    archive.back_up()
    copied = archive.root / archive.place(first)
    archive.rewrite(copied, copied.read_bytes()[:-1])
    assert archive.back_up().copied == 1
    assert archive.held_by() == {first}


def damage(archive: BackedUp, place: Path) -> None:
    """Turn a bit of a file in the backups."""
    content = (archive.root / place).read_bytes()
    archive.rewrite(archive.root / place, content[:-1] + bytes([content[-1] ^ 1]))


def test_a_file_in_the_backups_that_is_damaged_is_copied_anew_where_it_is_read_again(
    archive: BackedUp,
) -> None:
    first, second = archive.add(1), archive.add(2)
    waiting = archive.data / "spool" / "freeswitch" / "1"
    waiting.mkdir(parents=True)
    (waiting / "abc.cdr.json").write_bytes(b"{}")
    older = archive.back_up().manifest.id
    (record,) = (each.relative_to(archive.root) for each in archive.root.glob("spool/*/*/*"))
    for each in (archive.place(first), record):
        damage(archive, each)
    made = archive.back_up()
    assert (made.copied, made.checked, made.mended) == (0, 0, 0)

    made = archive.back_up(check=EVERYTHING)

    assert (made.copied, made.checked, made.mended) == (2, 3, 2)
    assert archive.held_by(older) == archive.held_by() == {first, second}
    assert archive.back_up(check=EVERYTHING).mended == 0


@pytest.mark.parametrize("text", ["2/2", "1/2", "1K", "1%"])
def test_only_what_is_chosen_is_read_again(archive: BackedUp, text: str) -> None:
    for tone in range(1, 13):
        archive.add(tone)
    archive.back_up()
    with_slice = [int(archive.place(each).name[:15], 16) % 2 for each in archive.sounds]
    checked = archive.back_up(check=subset_of(text)).checked
    if text.endswith("/2"):
        assert checked == with_slice.count(int(text[0]) - 1)
    else:
        assert checked < len(with_slice)


def test_a_file_that_is_damaged_in_the_backups_and_lost_in_the_archive_is_named(
    archive: BackedUp,
) -> None:
    first = archive.add(1)
    archive.back_up()
    damage(archive, archive.place(first))
    (archive.data / archive.place(first)).write_bytes(archive.sounds[first][:-1] + b"\x7f")
    made = archive.back_up(check=EVERYTHING)
    assert made.manifest.without_audio == (str(archive.place(first)),)
    assert (made.checked, made.mended) == (1, 0)


def test_a_disk_that_gives_other_bytes_back_than_were_written_makes_no_backup(
    in_folder: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_folder.add(1)
    monkeypatch.setattr(files, "sha256_of", lambda _: "0" * 64)
    with pytest.raises(Misconfigured, match="what was written is not what is on the disk"):
        in_folder.back_up()
    monkeypatch.undo()
    assert in_folder.repository.ids() == []


def test_a_damaged_copy_of_the_database_makes_no_backup(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_up, "is_sound", lambda _: False)
    with pytest.raises(Unavailable, match="copy of the database is damaged"):
        archive.back_up()
    assert archive.repository.ids() == []


def test_a_full_disk_is_told_and_what_was_there_stays_whole(
    in_folder: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = in_folder.add(1)
    in_folder.back_up()
    in_folder.add(2)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write_all", full)
    with pytest.raises(StorageFull, match="The folder of backups has no room"):
        in_folder.back_up()
    monkeypatch.undo()
    assert in_folder.held_by() == {first}
    assert in_folder.back_up().copied == 1


def test_audio_that_may_not_be_read_is_no_lost_audio(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = archive.add(1)
    refused, opening = archive.place(first).name, os.open

    def open_(path: Path, *given: Any) -> int:
        if Path(path).name == refused:
            raise PermissionError(13, "Permission denied")
        return opening(path, *given)

    monkeypatch.setattr(os, "open", open_)
    with pytest.raises(Misconfigured, match="cannot be read: permission denied"):
        archive.back_up()


def backed_up_till(archive: BackedUp, count: int) -> int:
    """Make a backup in a process that is killed at a sync of the disk; return how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left, sync = count, os.fsync

    def dying(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    try:
        os.fsync = dying  # type: ignore[assignment]
        archive.back_up()
        os._exit(0)
    finally:
        os._exit(1)


def test_a_kill_at_any_sync_leaves_the_older_backups_whole_and_the_next_goes_on(
    in_folder: BackedUp,
) -> None:
    tones = iter(range(1, 1000))
    held = {in_folder.add(next(tones))}
    sure = {in_folder.back_up().manifest.id: set(held)}
    kills = 0
    for count in range(1, 100):
        held.update(in_folder.add(next(tones)) for _ in range(2 if count == 1 else 1))
        ended = backed_up_till(in_folder, count)
        assert ended in {0, -signal.SIGKILL}
        for each in in_folder.repository.ids():
            assert in_folder.held_by(each) == sure.setdefault(each, set(held))
        if ended == 0:
            break
        kills += 1
    assert kills > 10
    assert in_folder.back_up().copied == 0
    assert in_folder.held_by() == held
    assert names(in_folder.tmp) == {"first"}
