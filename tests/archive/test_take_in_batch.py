from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.imports import EPOCH, HEADER, Machine, fill, name_of, taken_in, tally
from callreel.api.wire import Bodies
from callreel.archive import Archive
from callreel.archive.facts import facts_of
from callreel.archive.take_in_batch import BATCH_ROWS, groups
from callreel.archive.verdict import Became, Verdict
from callreel.errors import StorageFull
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Candidate, Fault, Refusal
from callreel.model import Facts, Reach, State
from importers.monitor import put, source, wav


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "monitor"


def test_every_item_gets_its_verdict_in_order(machine: Machine, root: Path, tmp_path: Path) -> None:
    fill(root, 3)
    put(root, "greeting.wav")
    put(root, "broken-1-2-20260302-090005-1772438405.9.wav", wav(500)[:2000])
    put(root, "html-1-2-20260302-090005-1772438405.9.wav", b"<html>" * 20)
    items = list(FreePbx(source(root)).items())
    verdicts = machine.take_in(tmp_path / "data", items)
    assert [verdict.where for verdict in verdicts] == [item.where for item in items]
    assert tally(verdicts) == {Became.ADDED: 3, Became.REFUSED: 3}
    faults = {verdict.where.split("/")[-1].split("-")[0]: verdict.fault for verdict in verdicts}
    assert faults == {
        "in": None,
        "greeting.wav": Fault.BAD_NAME,
        "broken": Fault.BROKEN,
        "html": Fault.NOT_AUDIO,
    }


def test_what_was_imported_is_kept_with_its_origin(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    (path,) = fill(root, 1)
    data = tmp_path / "data"
    machine.take_in(data, FreePbx(source(root)).items())
    body = machine.listed(data).decode()
    assert '"from_display_target":"48600100000"' in body
    assert '"talking_time":60' in body
    assert path.read_bytes() == wav(60)

    async def original(archive: Archive) -> tuple[str | None, str]:
        record = archive.bodies.parse(body.removeprefix("{").encode())
        entry = await archive.catalog.find(Reach(1), record.id)
        return entry.original_name, entry.source

    assert machine.on(data, original) == (name_of(0), "freepbx")


def test_a_second_import_changes_nothing(machine: Machine, root: Path, tmp_path: Path) -> None:
    fill(root, 4)
    data = tmp_path / "data"
    machine.take_in(data, FreePbx(source(root)).items())
    before = machine.listed(data)
    again = machine.take_in(data, FreePbx(source(root)).items())
    assert tally(again) == {Became.SAME: 4}
    assert machine.listed(data) == before


def test_the_same_recording_in_two_places_is_taken_once(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    put(root, name_of(0))
    put(root, name_of(0), day="copies")
    verdicts = machine.take_in(tmp_path / "data", FreePbx(source(root)).items())
    assert tally(verdicts) == {Became.ADDED: 1, Became.SAME: 1}


def test_other_call_data_for_a_recording_that_is_there_is_reported(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    put(root, name_of(0))
    data = tmp_path / "data"
    machine.take_in(data, FreePbx(source(root)).items())
    before = machine.listed(data)
    records = tmp_path / "cdr.csv"
    row = f"2026-03-02 09:00:01,1,2,50,40,ANSWERED,{EPOCH}.0,{name_of(0)}"
    records.write_text(f"{HEADER}\n{row}\n")
    verdicts = machine.take_in(data, FreePbx(source(root, records)).items())
    assert [verdict.fault for verdict in verdicts if not verdict.is_row] == [Fault.CONFLICT]
    assert machine.listed(data) == before


def test_lost_audio_is_put_back_by_another_import(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 1)
    data = tmp_path / "data"
    machine.take_in(data, FreePbx(source(root)).items())
    (kept,) = [path for path in (data / "audio" / "1").rglob("*") if path.is_file()]
    kept.unlink()
    assert tally(machine.take_in(data, FreePbx(source(root)).items())) == {Became.SAME: 1}
    assert kept.read_bytes() == wav(60)


def test_a_withdrawn_recording_stays_withdrawn(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 1)
    data = tmp_path / "data"
    machine.take_in(data, FreePbx(source(root)).items())
    body = machine.listed(data)

    async def withdraw(archive: Archive) -> None:
        record = archive.bodies.parse(body.removeprefix(b"{"))
        reach = Reach(1)

        def read(text: bytes) -> Facts:
            return facts_of(archive.bodies.parse(text).call)

        await archive.catalog.withdraw(reach, record.id, State.QUARANTINED, read)

    machine.on(data, withdraw)
    assert tally(machine.foresee(data, FreePbx(source(root)).items())) == {Became.SAME: 1}
    assert tally(machine.take_in(data, FreePbx(source(root)).items())) == {Became.SAME: 1}
    assert machine.listed(data) == b""


def test_a_file_that_changes_or_goes_after_it_was_found_is_left_or_refused(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    grown, gone, kept = fill(root, 3)
    items = list(FreePbx(source(root)).items())
    grown.write_bytes(wav(80))
    gone.unlink()
    verdicts = machine.take_in(tmp_path / "data", items)
    assert [verdict.became for verdict in verdicts] == [
        Became.LATER,
        Became.REFUSED,
        Became.ADDED,
    ]
    assert verdicts[1].fault is Fault.UNREADABLE
    assert kept.exists()


def test_nothing_of_an_import_stays_in_the_temporary_folder(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 2)
    put(root, "html-1-2-20260302-090005-1772438405.9.wav", b"<html>" * 20)
    machine.take_in(tmp_path / "data", FreePbx(source(root)).items())
    assert list((tmp_path / "data" / "audio" / "tmp").iterdir()) == []


def test_a_full_disk_ends_the_import_with_one_error(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 5)
    with pytest.raises(StorageFull):
        machine.take_in(tmp_path / "data", FreePbx(source(root)).items(), reserve=1 << 60)
    assert tally(machine.take_in(tmp_path / "data", FreePbx(source(root)).items())) == {
        Became.ADDED: 5
    }


def test_groups_are_bounded_in_number_and_bytes(root: Path) -> None:
    fill(root, 1)
    (candidate,) = FreePbx(source(root)).items()
    assert isinstance(candidate, Candidate)
    many = [Refusal(str(number), Fault.EMPTY, "") for number in range(2 * BATCH_ROWS + 1)]
    assert [len(group) for group in groups(many)] == [BATCH_ROWS, BATCH_ROWS, 1]
    heavy = replace(candidate, size=40 << 20)
    assert [len(group) for group in groups([heavy, heavy, heavy])] == [2, 1]


def test_what_is_foreseen_is_what_happens_and_nothing_is_written(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 3)
    data = tmp_path / "data"
    machine.take_in(data, FreePbx(source(root)).items())
    put(root, name_of(7), wav(70))
    put(root, "html-1-2-20260302-090005-1772438405.9.wav", b"<html>" * 20)
    before = _files(data)

    foreseen = machine.foresee(data, FreePbx(source(root)).items())
    assert tally(foreseen) == {Became.SAME: 3, Became.ADDED: 1, Became.REFUSED: 1}
    assert _files(data) == before
    happened = machine.take_in(data, FreePbx(source(root)).items())
    assert [replace(each, recording=None) for each in happened] == [
        replace(each, recording=None) for each in foreseen
    ]


def _files(data: Path) -> dict[Path, int]:
    """Return when each file was written to; SQLite's side files come and go with its readers."""
    files = [path for path in data.rglob("*") if path.is_file()]
    return {path: path.stat().st_mtime_ns for path in files if "callreel.db-" not in path.name}


@pytest.fixture(scope="module")
def ready(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Return a folder of recordings, some of one second, and what a whole import lists."""
    folder = tmp_path_factory.mktemp("ready")
    fill(folder / "monitor", 8)
    machine.take_in(folder / "data", FreePbx(source(folder / "monitor")).items())
    return folder / "monitor", machine.listed(folder / "data")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=st.lists(st.lists(st.integers(0, 7), max_size=8), min_size=1, max_size=3))
def test_any_order_any_split_any_repetition_gives_the_same_archive(
    machine: Machine, ready: tuple[Path, bytes], plan: list[list[int]]
) -> None:
    root, whole = ready
    items = list(FreePbx(source(root)).items())
    data = Path(tempfile.mkdtemp())
    try:
        for part in plan:
            machine.take_in(data, [items[number] for number in part])
        verdicts = machine.take_in(data, items)
        fresh = len(items) - len({number for part in plan for number in part})
        assert tally(verdicts)[Became.ADDED] == fresh
        assert tally(verdicts)[Became.SAME] == len(items) - fresh
        assert _ids(machine.listed(data)) == _ids(whole)
    finally:
        shutil.rmtree(data)


def _ids(bodies: bytes) -> list[bytes]:
    """Return the records without what their order within a second decides: commas between."""
    assert bodies
    return sorted(bodies.replace(b"},{", b"}\n{").split(b"\n"))


def test_two_imports_at_once_take_each_recording_once(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 12)

    async def both(archive: Archive) -> list[Verdict]:
        imports = (taken_in(archive, FreePbx(source(root)).items()) for _ in range(2))
        first, second = await asyncio.gather(*imports)
        return first + second

    verdicts = machine.on(tmp_path / "data", both)
    assert tally(verdicts) == {Became.ADDED: 12, Became.SAME: 12}
    assert len(_ids(machine.listed(tmp_path / "data"))) == 12


@pytest.mark.parametrize(
    ("extension", "form", "coding", "mime_type"),
    [
        ("WAV", "WAV", "GSM610", "audio/wav"),
        ("wav", "WAV", "ALAW", "audio/wav"),
        ("mp3", "MP3", "MPEG_LAYER_III", "audio/mpeg"),
        ("ogg", "OGG", "OPUS", "audio/ogg"),
    ],
)
def test_what_systems_record_in_is_measured(  # noqa: PLR0917 - fixtures and a row of the table
    machine: Machine,
    root: Path,
    tmp_path: Path,
    extension: str,
    form: str,
    coding: str,
    mime_type: str,
) -> None:
    path = put(root, name_of(0).removesuffix("wav") + extension)
    quiet = np.zeros(8000 * 2) if form != "MP3" else np.zeros(16_000 * 2)
    soundfile.write(path, quiet, len(quiet) // 2, format=form, subtype=coding)
    (verdict,) = machine.take_in(tmp_path / "data", FreePbx(source(root, settle=0)).items())
    assert verdict.became is Became.ADDED
    record = Bodies().parse(machine.listed(tmp_path / "data").removeprefix(b"{"))
    assert record.audio.mime_type == mime_type
    assert record.call.talking_ms == pytest.approx(2000, abs=150)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    fill(root, 1)[0].chmod(0)
    (verdict,) = machine.take_in(tmp_path / "data", FreePbx(source(root)).items())
    assert verdict.fault is Fault.UNREADABLE
