from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from archive.backed_up import BackedUp, available_in, whole_in
from callreel.api.wire import Bodies
from callreel.archive.backups.files import sha256_of
from callreel.archive.backups.restore import RESTORING
from callreel.catalog.migrate import migrations
from callreel.catalog.snapshot import Snapshot
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import Misconfigured, StorageFull
from callreel.model import CallFilter, Reach, State


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def spoil(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"\x00" + path.read_bytes()[1:])


def step_of(path: Path) -> int:
    with Snapshot(path) as found:
        return found.held().step


def test_a_folder_that_is_new_gets_everything_and_nothing_is_left_of_the_work(
    archive: BackedUp,
) -> None:
    first = archive.add(1)
    archive.back_up()
    data, done = archive.restore()
    assert (done.files, done.missing, done.is_done, done.withdrawn) == (1, (), True, 0)
    assert names(data) == {"callreel.db", "audio"}
    assert (data / "callreel.db").stat().st_mode & 0o777 == 0o600
    assert (data / archive.place(first)).read_bytes() == archive.sounds[first]
    assert (data / archive.place(first)).stat().st_mode & 0o777 == 0o440


@pytest.mark.parametrize("there", ["callreel.db", "audio", "notes.txt"])
def test_a_folder_with_something_in_it_is_refused_and_left_as_it_is(
    archive: BackedUp, there: str
) -> None:
    archive.back_up()
    data = archive.new_folder()
    (data / there).mkdir()
    with pytest.raises(Misconfigured, match="something in the data folder already"):
        archive.restore(to=data)
    assert names(data) == {there}


def test_a_lock_and_what_a_new_disk_has_are_nothing(archive: BackedUp) -> None:
    first = archive.add(1)
    archive.back_up()
    data = archive.new_folder()
    (data / "serve.lock").touch()
    (data / "lost+found").mkdir()
    archive.restore(to=data)
    assert whole_in(data) == {first}


@pytest.mark.parametrize("fault", ["gone", "damaged"])
def test_without_a_file_nothing_is_restored_unless_the_rest_is_asked_for(
    archive: BackedUp, fault: str
) -> None:
    lost, stays = archive.add(1), archive.add(2)
    archive.back_up()
    copied = archive.root / archive.place(lost)
    if fault == "gone":
        copied.unlink()
    else:
        spoil(copied)

    data, done = archive.restore()
    assert (done.is_done, done.missing) == (False, (str(archive.place(lost)),))
    assert names(data) == set()

    data, done = archive.restore(partial=True)
    assert (done.is_done, done.missing, done.withdrawn) == (True, (str(archive.place(lost)),), 1)
    catalog = SqliteCatalog(data / "callreel.db")

    async def look() -> tuple[int, State, State]:
        lost_one = await catalog.find(Reach(1), lost)
        other = await catalog.find(Reach(1), stays)
        return await catalog.count(Reach(1), CallFilter()), lost_one.state, other.state

    assert asyncio.run(look()) == (1, State.MISSING_AUDIO, State.AVAILABLE)
    asyncio.run(catalog.close())
    assert not (data / archive.place(lost)).exists()
    assert names(data) == {"callreel.db", "audio"}


def test_all_recordings_of_an_audio_that_is_missing_are_not_available(archive: BackedUp) -> None:
    lost = archive.add(1)
    archive.add(1, replace(Bodies().parse(_body(archive, lost)).call, dialog_id="other"))
    archive.back_up()
    (archive.root / archive.place(lost)).unlink()
    data, done = archive.restore(partial=True)
    assert done.withdrawn == 2
    assert available_in(data) == set()


def _body(archive: BackedUp, recording_id: str) -> bytes:
    return archive.house.run(archive.house.archive.catalog.find(Reach(1), recording_id)).body


def test_a_call_record_that_is_missing_takes_no_recording_with_it(archive: BackedUp) -> None:
    first = archive.add(1)
    waiting = archive.data / "spool" / "freeswitch" / "1"
    waiting.mkdir(parents=True)
    (waiting / "abc.cdr.json").write_bytes(b"{}")
    archive.back_up()
    (record,) = (archive.root / "spool").rglob("*.json")
    record.unlink()
    assert archive.restore()[1].is_done is False
    data, done = archive.restore(partial=True)
    assert (done.withdrawn, whole_in(data)) == (0, {first})


def test_a_damaged_database_is_refused_also_in_part(archive: BackedUp) -> None:
    made = archive.back_up().manifest.id
    database = archive.of(made) / "callreel.db"
    spoil(database)
    with pytest.raises(Misconfigured, match=f"database of the backup {made} is damaged"):
        archive.restore(partial=True)
    database.unlink()
    with pytest.raises(Misconfigured, match="is damaged"):
        archive.restore(partial=True)


@pytest.mark.parametrize("text", ["", "no list\n", "00 ../x\n"])
def test_a_list_that_was_changed_is_refused(archive: BackedUp, text: str) -> None:
    archive.add(1)
    made = archive.back_up().manifest.id
    archive.rewrite(archive.of(made) / "files.sha256", text.encode())
    with pytest.raises(Misconfigured, match="list of the backup"):
        archive.restore(partial=True)


def forge(archive: BackedUp, line: str) -> None:
    """Put another list into the newest backup, of which the manifest knows."""
    made = archive.repository.find()
    place = archive.of(made.id) / "files.sha256"
    archive.rewrite(place, line.encode())
    with archive.repository.writing(archive.id):
        archive.repository.publish(replace(made, list_sha256=sha256_of(place)))


@pytest.mark.parametrize(
    ("line", "says"),
    [("garbage\n", "cannot be read"), (f"{'0' * 64}  ../../x\n", "belongs nowhere")],
)
def test_a_list_that_leads_elsewhere_is_refused(archive: BackedUp, line: str, says: str) -> None:
    archive.back_up()
    forge(archive, line)
    with pytest.raises(Misconfigured, match=says):
        archive.restore(partial=True)


def test_a_backup_of_a_newer_version_is_refused(archive: BackedUp) -> None:
    made = archive.back_up().manifest
    with archive.repository.writing(archive.id):
        archive.repository.publish(replace(made, step=9000, made_by="9.9"))
    with pytest.raises(Misconfigured, match=r"is at step 9000 and .* that made it, 9\.9, or"):
        archive.restore()


def test_a_backup_of_an_older_version_is_brought_up_to_date_at_the_next_start(
    tmp_path: Path, archive: BackedUp
) -> None:
    old = tmp_path / "old"
    old.mkdir()
    catalog = SqliteCatalog(old / "callreel.db", steps=migrations()[:-1])
    asyncio.run(catalog.add_tenant("Old"))
    asyncio.run(catalog.close())
    older = replace(archive, data=old)
    assert older.back_up().manifest.step == migrations()[-1].number - 1
    assert step_of(old / "callreel.db") == migrations()[-1].number - 1

    data, _ = older.restore()
    assert step_of(data / "callreel.db") == migrations()[-1].number - 1
    catalog = SqliteCatalog(data / "callreel.db")
    assert [each.name for each in asyncio.run(catalog.tenants())] == ["Old"]
    asyncio.run(catalog.close())
    assert step_of(data / "callreel.db") == migrations()[-1].number


def restore_till(archive: BackedUp, data: Path, count: int) -> int:
    """Restore in a process that is killed at a rename or a sync; return how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = count

    def deadly(call: Callable[..., None]) -> Callable[..., None]:
        def counted(*given: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            call(*given)

        return counted

    try:
        for name in ("fsync", "rename"):
            setattr(os, name, deadly(getattr(os, name)))
        archive.restore(to=data)
        os._exit(0)
    finally:
        os._exit(1)


def test_a_kill_at_any_time_leaves_no_archive_or_all_of_it_and_the_next_try_goes_well(
    in_folder: BackedUp,
) -> None:
    held = {in_folder.add(1), in_folder.add(2)}
    waiting = in_folder.data / "spool" / "freeswitch" / "1"
    waiting.mkdir(parents=True)
    (waiting / "abc.cdr.json").write_bytes(b"{}")
    in_folder.back_up()
    kills = 0
    for count in range(1, 100):
        data = in_folder.new_folder()
        ended = restore_till(in_folder, data, count)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        kills += 1
        if (data / "callreel.db").exists():
            assert whole_in(data) == held
            assert (data / "spool" / "freeswitch" / "1" / "abc.cdr.json").exists()
        else:
            assert RESTORING in names(data)
            in_folder.restore(to=data)
            assert whole_in(data) == held
            assert names(data) == {"callreel.db", "audio", "spool"}
    assert kills > 10


def test_an_interruption_ends_it_at_once_and_leaves_nothing(archive: BackedUp) -> None:
    archive.add(1)
    archive.back_up()
    data = archive.new_folder()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background has none
    with pytest.raises(KeyboardInterrupt):
        archive.restore(to=data, tell=lambda: signal.raise_signal(signal.SIGINT))
    assert names(data) == set()


@pytest.mark.parametrize("what", ["rename", "fsync"])
def test_an_interruption_at_any_time_restores_nothing_or_is_too_late(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    held = {archive.add(1)}
    archive.back_up()
    call, left, ends = getattr(os, what), 0, []

    def interrupted(*given: Any) -> None:
        nonlocal left
        left -= 1
        call(*given)
        if not left:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, what, interrupted)
    for count in range(1, 30):
        data, left = archive.new_folder(), count
        try:
            archive.restore(to=data)
        except KeyboardInterrupt:
            assert not (data / "callreel.db").exists()
            archive.restore(to=data)
            ends.append("nothing")
        else:
            ends.append("restored")
        assert whole_in(data) == held
        assert names(data) == {"callreel.db", "audio"}
        if left > 0:
            break
    assert ends.count("nothing") >= 3
    assert ends[-2:] == ["restored", "restored"]  # one of these was interrupted, too late


def test_a_full_disk_is_told_and_leaves_nothing(
    archive: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.add(1)
    archive.back_up()
    data = archive.new_folder()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("callreel.archive.backups.files._write_all", full)
    with pytest.raises(StorageFull, match="The data folder has no room"):
        archive.restore(to=data)
    assert names(data) == set()


def test_people_and_their_keys_are_restored(archive: BackedUp) -> None:
    archive.house.run(archive.house.archive.catalog.add_tag(1, "urgent", 5))
    archive.back_up()
    data, _ = archive.restore()
    connection = apsw.Connection(str(data / "callreel.db"))
    tables = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    ]
    original = apsw.Connection(str(archive.data / "callreel.db"))
    for table in tables:
        question = f"SELECT * FROM {table}"  # noqa: S608 - a name of ours
        assert connection.execute(question).fetchall() == original.execute(question).fetchall()
    assert (1, "custom_tag", 5, "urgent") in original.execute("SELECT * FROM named").fetchall()
    connection.close()
    original.close()
