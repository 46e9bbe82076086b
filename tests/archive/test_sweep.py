from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from callreel.archive import delete
from callreel.archive.damage import Damage, Finding
from callreel.archive.facts import facts_reader
from callreel.archive.sweep import GRACE_SECONDS, sweep
from callreel.audio import AudioKey
from callreel.errors import NotFound, Unavailable
from callreel.model import Reach, State
from damage.trial import fill
from house import CALL, EVERYTHING, House, sound

ORPHAN = "0" * 64


async def swept(house: House, older_than: int = 0, *, is_dry: bool = False) -> list[Finding]:
    return await gathered(sweep(house.archive, older_than=older_than, is_dry=is_dry))


async def gathered(work: AsyncIterator[list[Finding]]) -> list[Finding]:
    return [each async for batch in work for each in batch]


def leave(house: House) -> list[Path]:
    """Leave what a crash leaves, and return it."""
    left = [
        house.root / "1" / "00" / ORPHAN,
        house.root / "derived" / "1" / "00" / f"{ORPHAN}.peaks",
        house.root / "tmp" / "half",
    ]
    for each in left:
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_bytes(b"left")
    return left


def let_a_day_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can set back when a file was put into place, so the clock is set forward."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + GRACE_SECONDS + 60)


def test_leftovers_are_removed_and_nothing_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.take_in()
    kept = set(house.files())
    left = leave(house)
    foreign = house.root / "notes.txt"
    foreign.write_text("mine")
    let_a_day_pass(monkeypatch)
    would = house.run(swept(house, GRACE_SECONDS, is_dry=True))
    assert all(each.exists() for each in left)
    found = house.run(swept(house, GRACE_SECONDS))
    assert {each.kind for each in found} == {
        Damage.ORPHAN_AUDIO,
        Damage.ORPHAN_DERIVED,
        Damage.STALE_UPLOAD,
    }
    assert {each.says for each in would} == {str(each.relative_to(house.root)) for each in left}
    assert set(house.files()) == kept | {foreign}
    assert house.run(swept(house, GRACE_SECONDS)) == []


def test_what_was_left_just_now_stays(house: House) -> None:
    left = leave(house)
    os.utime(left[0], (1, 1))  # an old date says little: it may have been put there just now
    assert house.run(swept(house, GRACE_SECONDS)) == []
    assert all(each.exists() for each in left)


def test_a_deletion_that_was_cut_short_is_ended(house: House) -> None:
    taken = house.id_of(house.take_in())
    read = facts_reader(house.archive.bodies)
    house.run(house.archive.catalog.withdraw(Reach(1), taken, State.DELETING, read))
    (would,) = house.run(swept(house, is_dry=True))
    assert (would.kind, would.recording) == (Damage.DELETION_UNFINISHED, taken)
    assert len(house.run(swept(house))) == 1
    with pytest.raises(NotFound):
        house.run(house.archive.catalog.find(Reach(1), taken))
    assert house.files() == []


@pytest.mark.parametrize("state", [State.SUSPECT, State.MISSING_AUDIO, State.QUARANTINED])
def test_the_audio_of_who_is_in_no_list_stays(house: House, state: State) -> None:
    taken = house.id_of(house.take_in())
    kept = set(house.files())
    read = facts_reader(house.archive.bodies)
    house.run(house.archive.catalog.withdraw(Reach(1), taken, state, read))
    assert house.run(swept(house)) == []
    assert set(house.files()) == kept


@pytest.mark.parametrize(
    "sql", ["DELETE FROM audio_use_new", "DELETE FROM entry", "UPDATE audio_use_new SET k = k + 1"]
)
def test_where_the_catalog_is_damaged_nothing_is_removed(
    house: House, tmp_path: Path, sql: str
) -> None:
    house.take_in()
    kept = set(house.files())
    connection = apsw.Connection(str(tmp_path / "callreel.db"))
    connection.execute(sql)
    connection.close()
    with pytest.raises(Unavailable, match="repair"):
        house.run(swept(house))
    assert set(house.files()) == kept


def left_over(house: House, count: int) -> list[Path]:
    """Leave so many files of audio that no recording has."""
    files = [house.root / "1" / "00" / f"{number:064x}" for number in range(count)]
    for each in files:
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_bytes(b"left")
    return files


def test_much_audio_without_a_recording_stays_unless_it_is_said(house: House) -> None:
    house.take_in()
    kept = set(house.files())
    left = left_over(house, 11)
    would = Counter(each.kind for each in house.run(swept(house, is_dry=True)))
    assert would == {Damage.CATALOG_BEHIND: 1, Damage.ORPHAN_AUDIO: 11}
    with pytest.raises(Unavailable, match=r"^No recording has 11 of 12 files of audio, .* --many"):
        house.run(swept(house))
    assert set(house.files()) == kept | set(left)
    said = sweep(house.archive, older_than=0, is_many=True)
    assert len(house.run(gathered(said))) == 11
    assert set(house.files()) == kept


def test_young_audio_counts_too_where_much_has_no_recording(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = left_over(house, 1)
    let_a_day_pass(monkeypatch)
    left = left_over(house, 12)[1:]
    for each in left:
        os.utime(each, (time.time(), time.time()))
    with pytest.raises(Unavailable, match="--many"):
        house.run(swept(house, GRACE_SECONDS))
    assert old[0].exists()


def test_few_in_ten_or_ten_in_all_are_left_over(house: House) -> None:
    house.run(fill(house.archive, 90, size=50))
    kept = set(house.files())
    left_over(house, len(kept) // 9)
    assert len(house.run(swept(house))) == len(kept) // 9 > 10
    assert set(house.files()) == kept
    left_over(house, len(kept) // 9 + 1)
    with pytest.raises(Unavailable, match="--many"):
        house.run(swept(house))


def test_what_is_taken_in_again_while_it_is_swept_is_never_lost(house: House) -> None:
    audio = sound()
    key = AudioKey(1, "")

    async def take_in_and_delete(worker: int) -> None:
        for number in range(6):
            call = replace(CALL, dialog_id=f"{worker}-{number}")
            taken = await house.taking_in(call, audio)
            recording = house.archive.bodies.parse(taken.body)
            place = replace(key, sha256=recording.audio.sha256)
            assert await house.archive.audio.size(place) == recording.audio.size
            assert await house.archive.audio.digests([place], lambda _: None) == [place.sha256]
            await delete.one(house.archive, EVERYTHING, recording.id)
            # What a crash of the deletion leaves: the file, and nothing that refers to it.
            path = house.root / "1" / place.sha256[:2] / place.sha256
            with suppress(FileExistsError), path.open("xb") as file:
                file.write(b"left")

    async def keep_sweeping(ended: asyncio.Event) -> None:
        while not ended.is_set():
            await swept(house)
            await asyncio.sleep(0)

    async def race() -> None:
        ended = asyncio.Event()
        sweeping = asyncio.create_task(keep_sweeping(ended))
        await asyncio.gather(*(take_in_and_delete(worker) for worker in range(3)))
        ended.set()
        await sweeping

    house.run(race())
