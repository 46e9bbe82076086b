from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from callreel.archive import Archive
from callreel.archive.damage import Damage, Deed, Finding
from callreel.archive.facts import facts_reader
from callreel.archive.repair import Repair
from callreel.archive.verify import Verification
from callreel.audio import AudioKey
from callreel.model import Reach, State
from damage.trial import damage, fill, findings, judge
from damage.ways import WAYS
from house import House

RECORDINGS = 130
DAMAGES = 3 * len(WAYS)


def test_every_damage_is_found_and_none_where_there_is_none(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        house = House(runner, tmp_path)
        runner.run(fill(house.archive, RECORDINGS, size=400))
        assert runner.run(findings(house.archive)) == []
        done = damage(tmp_path, DAMAGES, seed=7)
        trial = judge(done, runner.run(findings(house.archive)))
        runner.run(house.archive.close())
    assert set(trial.done.values()) == {3}
    assert trial.missed == []
    assert trial.false == []


def test_all_is_mended_or_marked_and_what_is_put_back_returns(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        house = House(runner, tmp_path)
        runner.run(fill(house.archive, RECORDINGS, size=400))
        listed = house.count()
        kept = tmp_path / "kept"
        shutil.copytree(tmp_path / "audio", kept)
        done = damage(tmp_path, DAMAGES, seed=8)
        foreseen = runner.run(repaired(house.archive, is_dry=True))
        assert runner.run(repaired(house.archive, is_dry=True)) == foreseen
        first = runner.run(repaired(house.archive))
        would = {(each.kind, each.recording, each.deed) for each in foreseen if each.recording}
        assert would <= {(each.kind, each.recording, each.deed) for each in first}
        assert {each.deed for each in first} == {
            Deed.MENDED,
            Deed.MARKED_MISSING,
            Deed.MARKED_SUSPECT,
            Deed.LEFT,
        }
        left_be = {each.kind for each in first if each.deed is Deed.LEFT}
        assert left_be == {Damage.CALL_UNREADABLE}
        marked = {each.recording for each in first if str(each.deed).startswith("marked")}
        assert house.count() == listed - len(marked)
        kinds = {each.kind for each in runner.run(findings(house.archive))}
        assert not kinds & {Damage.ROW_WRONG, Damage.ROW_SURPLUS, Damage.COUNT_WRONG}
        assert not kinds & {Damage.ENTRY_MISSING, Damage.STATE_WRONG}
        gone = runner.run(house.archive.catalog.deletions(None, (0, ""), 100))
        assert [each.call for each in gone] == [None] * 6
        runner.run(repaired(house.archive))
        before = house.count()
        put_back(kept, tmp_path / "audio")
        second = runner.run(repaired(house.archive))
        assert {each.deed for each in second if each.kind is Damage.MARKED} == {
            Deed.RESTORED,
            Deed.LEFT,
        }
        lost = {way for way, _ in done if way.endswith(("_body", "_state"))}
        restored = {each.recording for each in second if each.deed is Deed.RESTORED}
        assert house.count() == before + len(restored)
        assert house.count() == listed - 3 * len(lost)
        left = {each.kind for each in runner.run(findings(house.archive))}
        assert left <= {
            Damage.MARKED,
            Damage.BODY_DIFFERS,
            Damage.BODY_MISSING,
            Damage.BODY_UNREADABLE,
            Damage.CALL_UNREADABLE,
            Damage.ORPHAN_AUDIO,
            Damage.ORPHAN_DERIVED,
        }
        runner.run(house.archive.close())


def test_good_audio_that_is_handed_in_again_replaces_what_was_damaged(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        house = House(runner, tmp_path)
        house.take_in()
        (file,) = [each for each in (tmp_path / "audio" / "1").rglob("*") if each.is_file()]
        content = file.read_bytes()
        file.chmod(0o640)
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        (marked,) = runner.run(repaired(house.archive))
        assert marked.deed is Deed.MARKED_SUSPECT
        house.take_in()
        assert file.read_bytes() == content
        (mended,) = runner.run(repaired(house.archive))
        assert mended.deed is Deed.RESTORED
        assert house.count() == 1
        assert runner.run(findings(house.archive)) == []
        runner.run(house.archive.close())


def test_what_is_deleted_while_its_audio_is_read_is_not_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asyncio.Runner() as runner:
        house = House(runner, tmp_path)
        recording = house.id_of(house.take_in())
        catalog, digests = house.archive.catalog, house.archive.audio.digests
        read = facts_reader(house.archive.bodies)
        runner.run(catalog.withdraw(Reach(1), recording, State.SUSPECT, read))

        async def deleted_meanwhile(
            keys: Sequence[AudioKey], count: Callable[[int], None]
        ) -> list[str | None]:
            await catalog.withdraw(Reach(1), recording, State.DELETING, read)
            return await digests(keys, count)

        monkeypatch.setattr(house.archive.audio, "digests", deleted_meanwhile)
        (found,) = runner.run(repaired(house.archive))
        assert (found.kind, found.deed) == (Damage.MARKED, Deed.LEFT)
        assert runner.run(catalog.find(Reach(1), recording)).state is State.DELETING
        runner.run(house.archive.close())


async def repaired(archive: Archive, *, is_dry: bool = False) -> list[Finding]:
    """Return what repair finds and does."""
    work = Repair(Verification(archive), is_dry)
    found = []
    for part in (work.of_records(), work.of_files()):
        async for each in part:
            found += each
    return found


def put_back(kept: Path, audio: Path) -> None:
    """Put the files of a backup back where others are, or none."""
    for file in [each for each in kept.rglob("*") if each.is_file() and len(each.name) == 64]:
        place = audio / file.relative_to(kept)
        if place.is_dir() and not place.is_symlink():
            place.rmdir()
        place.unlink(missing_ok=True)
        shutil.copyfile(file, place)
