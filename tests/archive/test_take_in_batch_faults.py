"""Imports in which something goes wrong on the way: what was said holds, and the rest goes on."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from archive.imports import HEADER, Machine, fill, found, name_of, taken_in, tally, until_halt
from callreel.archive import Archive
from callreel.archive.look import id_of
from callreel.archive.take_in import PEAKS
from callreel.archive.take_in_batch import (
    AT_ONCE,
    BATCH_BYTES,
    BATCH_ITEMS,
    groups,
)
from callreel.archive.verdict import Became, Verdict
from callreel.audio import AudioKey, Inspection, SoundWorker, Staged
from callreel.audio.folder import FolderStore
from callreel.catalog import NewEntry, Outcome
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import BadRecording, CallreelError, StorageFull, Unavailable
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Fault, Item, Refusal
from importers.monitor import put, source, wav


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "monitor"


class Filling(FolderStore):
    """A folder on a disk that has room for so many recordings more."""

    room = 0

    async def keep_all(
        self, arriving: Sequence[tuple[Staged, AudioKey]]
    ) -> list[StorageFull | Unavailable | None]:
        fitting, rest = arriving[: self.room], arriving[self.room :]
        self.room -= len(fitting)
        kept = await super().keep_all(fitting)
        return [*kept, *(StorageFull("There is no room for more recordings.") for _ in rest)]


class Choosy(SqliteCatalog):
    """A catalog that cannot take one of the recordings, and with it none that come along."""

    refused = ""
    asked: list[int]

    async def add(
        self, tenant: int, entries: Sequence[NewEntry], *, deleted_too: bool = False
    ) -> list[Outcome]:
        self.asked.append(len(entries))
        if any(entry.original_name == self.refused for entry in entries):
            raise BadRecording("Too many calls of this tenant start in one second.")
        return await super().add(tenant, entries, deleted_too=deleted_too)


class Late(SqliteCatalog):
    """A catalog that notes, as entries come, whether their audio was synced in its place."""

    store: Path
    synced: set[int]
    found: list[bool]

    async def add(
        self, tenant: int, entries: Sequence[NewEntry], *, deleted_too: bool = False
    ) -> list[Outcome]:
        for entry in entries:
            digest = entry.digest.hex()
            place = self.store / str(tenant) / digest[:2] / digest
            self.found.append({place.stat().st_ino, place.parent.stat().st_ino} <= self.synced)
        return await super().add(tenant, entries, deleted_too=deleted_too)


@dataclass
class Busy:
    """Measures with another worker, and notes how many ask at once; after some it is away."""

    sound: SoundWorker
    away_after: int = 1_000_000
    running: int = 0
    most: int = 0
    asked: int = field(default=0)

    async def inspect(self, path: Path) -> Inspection:
        self.asked += 1
        if self.asked > self.away_after:
            raise Unavailable("Nothing can be measured just now.")
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await self.sound.inspect(path)
        finally:
            self.running -= 1


def test_what_was_taken_in_before_the_disk_was_full_is_said_and_kept(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 5)
    items: list[Item] = [Refusal("a.txt", Fault.NOT_AUDIO, "No."), *found(root)]
    data = tmp_path / "data"

    async def work(archive: Archive) -> tuple[list[Verdict], CallreelError | None]:
        store = Filling(data / "audio", reserve_bytes=0)
        store.room = 2
        return await until_halt(replace(archive, audio=store), items)

    verdicts, error = machine.on(data, work)
    assert isinstance(error, StorageFull)
    assert [each.became for each in verdicts] == [Became.REFUSED, Became.ADDED, Became.ADDED]
    assert tally(machine.take_in(data, items)) == {
        Became.REFUSED: 1,
        Became.SAME: 2,
        Became.ADDED: 3,
    }


def test_an_import_ends_with_one_error_when_nothing_can_be_measured(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 6)

    async def work(archive: Archive) -> tuple[list[Verdict], CallreelError | None, int]:
        busy = Busy(archive.sound, away_after=0)
        halted = replace(archive, sound=cast("SoundWorker", busy))
        return (*await until_halt(halted, found(root)), busy.asked)

    verdicts, error, asked = machine.on(tmp_path / "data", work)
    assert verdicts == []
    assert isinstance(error, Unavailable)
    assert asked <= AT_ONCE  # those that had begun; no other file is read any more


def test_no_more_files_than_so_many_are_in_work_at_once(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 3 * AT_ONCE)

    async def work(archive: Archive) -> int:
        busy = Busy(archive.sound)
        await taken_in(replace(archive, sound=cast("SoundWorker", busy)), found(root))
        return busy.most

    assert 1 <= machine.on(tmp_path / "data", work) <= AT_ONCE


def test_audio_and_its_name_are_on_the_disk_before_the_catalog_hears_of_it(
    machine: Machine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, 7)
    data = tmp_path / "data"
    fsync, synced = os.fsync, set[int]()

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    async def work(archive: Archive) -> list[bool]:
        late = Late(data / "callreel.db")
        late.store, late.synced, late.found = data / "audio", synced, []
        monkeypatch.setattr(os, "fsync", noted)
        try:
            await taken_in(replace(archive, catalog=late), found(root))
        finally:
            await late.close()
        return late.found

    assert machine.on(data, work) == [True] * 7


@pytest.mark.parametrize(
    ("count", "asked"), [(1, [1]), (4, [4, 1, 1, 1, 1])], ids=["alone", "among others"]
)
def test_a_recording_that_the_catalog_cannot_take_costs_no_other(
    machine: Machine, root: Path, tmp_path: Path, count: int, asked: list[int]
) -> None:
    fill(root, count)
    data = tmp_path / "data"

    async def work(archive: Archive) -> tuple[list[Verdict], list[int]]:
        choosy = Choosy(data / "callreel.db")
        choosy.refused, choosy.asked = name_of(0), []
        try:
            return await taken_in(replace(archive, catalog=choosy), found(root)), choosy.asked
        finally:
            await choosy.close()

    verdicts, really = machine.on(data, work)
    assert really == asked
    assert (verdicts[0].became, verdicts[0].fault) == (Became.REFUSED, Fault.BAD_CALL)
    assert verdicts[0].reason == "Too many calls of this tenant start in one second."
    assert [each.became for each in verdicts[1:]] == [Became.ADDED] * (count - 1)


def test_the_waveform_of_what_was_imported_is_kept_with_it(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 1)
    with found(root)[0].open() as file:
        digest = hashlib.sha256(file.read()).hexdigest()

    async def work(archive: Archive) -> Path | None:
        await taken_in(archive, found(root))
        return await archive.audio.derived(AudioKey(1, digest), PEAKS)

    kept = machine.on(tmp_path / "data", work)
    assert kept is not None
    assert kept.stat().st_size > 0


def test_an_import_of_nothing_new_does_not_write_to_the_catalog(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 2)
    data = tmp_path / "data"
    machine.take_in(data, found(root))

    async def work(archive: Archive) -> tuple[list[Verdict], list[int]]:
        choosy = Choosy(data / "callreel.db")
        choosy.asked = []
        try:
            return await taken_in(replace(archive, catalog=choosy), found(root)), choosy.asked
        finally:
            await choosy.close()

    verdicts, asked = machine.on(data, work)
    assert tally(verdicts) == {Became.SAME: 2}
    assert asked == []


class Unreadable(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


def opening(
    first: Callable[[], BinaryIO], *later: Callable[[], BinaryIO]
) -> Callable[[], BinaryIO]:
    turns = iter([first, *later])

    def turn() -> BinaryIO:
        return next(turns)()

    return turn


@pytest.mark.parametrize("sound_reads", [0, 1])
def test_a_file_that_cannot_be_read_to_its_end_is_refused_and_the_next_taken(
    machine: Machine, root: Path, tmp_path: Path, sound_reads: int
) -> None:
    fill(root, 2)
    first, second = found(root)
    if sound_reads:  # a recording from the same second is there: whether it is this one is read
        machine.take_in(tmp_path / "data", [replace(first, native_id="other")])
    broken = replace(first, open=opening(*[first.open] * sound_reads, Unreadable))
    verdicts = machine.take_in(tmp_path / "data", [broken, second])
    assert [each.became for each in verdicts] == [Became.REFUSED, Became.ADDED]
    assert (verdicts[0].fault, verdicts[0].reason) == (
        Fault.UNREADABLE,
        "The file cannot be read to its end.",
    )
    assert list((tmp_path / "data" / "audio" / "tmp").iterdir()) == []


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_of_another_length_than_was_found_is_left_for_later(
    machine: Machine, root: Path, tmp_path: Path, change: int
) -> None:
    fill(root, 1)
    (candidate,) = found(root)
    changed = replace(candidate, size=(candidate.size or 0) + change)
    (verdict,) = machine.take_in(tmp_path / "data", [changed])
    assert (verdict.became, verdict.fault) == (Became.LATER, Fault.GROWING)
    assert verdict.reason == "The file changed while it was read; the next import takes it."
    assert machine.listed(tmp_path / "data") == b""


def test_a_verdict_tells_the_size_and_the_notes_of_what_is_in_the_archive(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 1)
    (candidate,) = (replace(each, notes=("a note",)) for each in found(root))
    for became in (Became.ADDED, Became.SAME):
        (verdict,) = machine.take_in(tmp_path / "data", [candidate])
        assert verdict.recording
        assert replace(verdict, recording=None) == Verdict(
            where=candidate.where, became=became, notes=("a note",), size=len(wav(60))
        )


def test_a_conflict_says_that_the_archive_keeps_what_it_has(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    put(root, name_of(0))
    (candidate,) = found(root)
    machine.take_in(tmp_path / "data", [candidate])
    other = replace(candidate, call=replace(candidate.call, from_number="1"))
    (verdict,) = machine.take_in(tmp_path / "data", [other])
    assert (verdict.became, verdict.fault) == (Became.REFUSED, Fault.CONFLICT)
    assert verdict.reason == (
        "The archive has this recording with other data of the call, which it keeps."
    )


def test_a_call_that_cannot_be_is_refused_and_its_audio_not_kept(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 1)
    (candidate,) = found(root)
    call = replace(candidate.call, hung_up_at=candidate.call.started_at - 1)
    (verdict,) = machine.take_in(
        tmp_path / "data", [replace(candidate, call=call, is_measured=True)]
    )
    assert verdict.fault is Fault.BAD_CALL
    assert verdict.reason
    audio = tmp_path / "data" / "audio"
    assert [path for path in audio.rglob("*.wav") if path.is_file()] == []


def test_the_id_holds_what_lasts_and_nothing_else(root: Path) -> None:
    fill(root, 1)
    (candidate,) = found(root)
    name = id_of(candidate, "a" * 64)
    more = replace(candidate.call, from_number="1", started_at=1, dialog_id="x", talking_ms=9)
    assert id_of(replace(candidate, call=more, notes=("n",)), "a" * 64) == name
    others = [
        id_of(candidate, "b" * 64),
        id_of(replace(candidate, native_id="other"), "a" * 64),
        id_of(replace(candidate, native_time=candidate.native_time + 1), "a" * 64),
        id_of(replace(candidate, source="other"), "a" * 64),
    ]
    assert len({name, *others}) == 5


def test_a_group_ends_with_the_item_that_reaches_a_bound(root: Path) -> None:
    fill(root, 1)
    (candidate,) = found(root)
    half = replace(candidate, size=BATCH_BYTES // 2)
    under = replace(candidate, size=BATCH_BYTES // 2 - 1)
    assert [len(group) for group in groups([half, half, half, under, half])] == [2, 3]
    assert [len(group) for group in groups([under, half, under])] == [3]
    assert [len(group) for group in groups([candidate] * BATCH_ITEMS)] == [BATCH_ITEMS]
    assert list(groups([])) == []
    assert (BATCH_ITEMS, BATCH_BYTES) == (100, 64 << 20)


def test_rows_and_files_get_their_verdicts_in_order(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 2)
    records = tmp_path / "cdr.csv"
    rows = (
        "2026-03-02 09:00:00,1,2,5,0,BUSY,9.9,",
        "2026-03-02 09:00:00,1,2,5,4,ANSWERED,9.8,x.wav",
    )
    records.write_text("\n".join((HEADER, *rows)) + "\n")
    verdicts = machine.take_in(tmp_path / "data", FreePbx(source(root, records)).items())
    assert [(each.became, each.is_row) for each in verdicts] == [
        (Became.CALL_ADDED, True),
        (Became.REFUSED, True),
        (Became.ADDED, False),
        (Became.ADDED, False),
    ]


def test_waveforms_that_cannot_be_kept_cost_no_recording(
    machine: Machine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_args: object) -> None:
        raise StorageFull("No room.")

    fill(root, 2)
    monkeypatch.setattr(FolderStore, "keep_derived_all", refuse)
    verdicts, error = machine.on(
        tmp_path / "data", lambda archive: until_halt(archive, found(root))
    )
    assert error is None
    assert [each.became for each in verdicts] == [Became.ADDED, Became.ADDED]
