"""A row whose recording is not there waits for it as long as a file waits for its row."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from archive.watching import aged, counts, looked, watch_of
from callreel.archive import imports
from callreel.archive.foresee import Foreseer
from callreel.archive.verdict import Became, Verdict
from callreel.importers.audio_file import PATIENCE, missing
from callreel.importers.call_news import CallNews
from callreel.importers.formats import importer_for
from callreel.importers.items import Candidate, Fault, Item, Refusal
from callreel.importers.source import Source
from house import House
from importers import manifests
from importers.asterisk_rows import SOUND, master, row
from importers.calls_table import Made
from importers.monitor import wav
from importers.pbx_table import PbxTable, leg
from importers.switch import A, Switch, as_json, variables

LASTS = 20
Make = Callable[[Path, int], tuple[str, Source, Path]]


def freepbx(folder: Path, ended: int) -> tuple[str, Source, Path]:
    table = PbxTable(folder, is_database=False)
    begun = ended - LASTS
    name = f"in-700-48600100200-{datetime.fromtimestamp(begun, UTC):%Y%m%d-%H%M%S}-{begun}.1.wav"
    told = leg(1, age=int(time.time()) - begun, billsec=9, file=name)
    table.write(told | {"uniqueid": f"{begun}.1", "linkedid": f"{begun}.1"})
    return "freepbx", table.source(), table.root / name


def asterisk(folder: Path, ended: int) -> tuple[str, Source, Path]:
    begun = datetime.fromtimestamp(ended - LASTS, UTC)
    identity = f"{ended - LASTS}.1"
    cells = {
        "start": f"{begun:%Y-%m-%d %H:%M:%S}",
        "answer": "",
        "end": "",
        "duration": str(LASTS),
        "billsec": "9",
        "uniqueid": identity,
        "linkedid": identity,
        "userfield": f"{identity}.wav",
    }
    (folder / "monitor").mkdir()
    records = master(folder, row(**(SOUND | cells)))
    given = Source(root=folder / "monitor", records=str(records), zone=ZoneInfo("UTC"))
    return "asterisk", given, folder / "monitor" / f"{identity}.wav"


def table(folder: Path, ended: int) -> tuple[str, Source, Path]:
    made = Made(folder)
    begun = datetime.fromtimestamp(ended - LASTS, ZoneInfo("Europe/Warsaw"))
    made.rows({"start": f"{begun:%Y-%m-%d %H:%M:%S}", "length": str(LASTS)})
    return "csv", made.source(), made.root / "a.wav"


def freeswitch(folder: Path, ended: int) -> tuple[str, Source, Path]:
    switch = Switch(folder)
    moments = {"start": LASTS, "answer": 10, "bridge": 9, "end": 0}
    told = {f"{name}_epoch": str(ended - ago) for name, ago in moments.items()}
    told |= {f"{name}_uepoch": f"{ended - ago}000000" for name, ago in moments.items()}
    told |= {"record_path": "/rec", "record_name": f"{A}.wav"}
    switch.record(f"{A}.cdr.json", as_json(variables(**told)))
    return "freeswitch", switch.source(), switch.recordings / f"{A}.wav"


def manifest(folder: Path, ended: int) -> tuple[str, Source, Path]:
    told = manifests.line("a.wav", started_at=ended - LASTS, hung_up_at=ended, talking_ms=9_000)
    manifests.put_lines(folder, told)
    return "manifest", Source(root=folder), folder / "a.wav"


def sidecar(folder: Path, ended: int) -> tuple[str, Source, Path]:
    told = manifests.line(None, started_at=ended - LASTS, hung_up_at=ended, talking_ms=9_000)
    path = folder / "a.wav.json"
    path.write_text(json.dumps(told))
    aged(path, 60)
    return "manifest", Source(root=folder), folder / "a.wav"


TABLES = (freepbx, asterisk, table)
EVERY = (*TABLES, freeswitch, manifest, sidecar)


@pytest.fixture
def pbx(tmp_path: Path) -> Path:
    """Return a folder apart from the archive's."""
    folder = tmp_path / "pbx"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("ago", [40, PATIENCE - 60])
def test_an_import_leaves_a_row_for_later_whose_audio_may_still_come_and_then_takes_it(
    tmp_path: Path, make: Make, ago: int
) -> None:
    format_name, given, audio = make(tmp_path, int(time.time()) - ago)
    (item,) = importer_for(format_name, given).items()
    assert isinstance(item, Refusal)
    assert (item.fault, item.fault.is_of_row) == (Fault.WAITING_FOR_AUDIO, True)
    assert item.reason.endswith("not in the folder yet; an import in an hour looks again.")
    audio.write_bytes(wav(40))
    aged(audio, 30)
    _, taken = importer_for(format_name, given).items()
    assert isinstance(taken, Candidate)


@pytest.mark.parametrize("make", EVERY)
def test_audio_that_did_not_come_within_an_hour_is_missing(tmp_path: Path, make: Make) -> None:
    format_name, given, _ = make(tmp_path, int(time.time()) - PATIENCE - 60)
    (item,) = importer_for(format_name, given).items()
    assert isinstance(item, Refusal)
    assert item.fault is Fault.NO_AUDIO
    assert item.reason.endswith("that is not in the folder.")


@pytest.mark.parametrize("ahead", [-PATIENCE - 1, PATIENCE + 60])
def test_a_clock_that_is_far_ahead_makes_nothing_wait(ahead: int) -> None:
    assert missing("a:1", "The row names a file", time.time() + ahead).fault is Fault.NO_AUDIO
    assert missing("a:1", "The row names a file", None).fault is Fault.NO_AUDIO


@pytest.mark.parametrize("make", TABLES)
def test_a_watch_keeps_such_a_call_some_minutes_after_it_ended(
    house: House, tmp_path: Path, make: Make
) -> None:
    for ago, number in ((40, 0), (400, 1)):
        folder = tmp_path / str(ago)
        folder.mkdir()
        format_name, given, _ = make(folder, int(time.time()) - ago)
        watch = watch_of(house, format_name, replace(given, calls=CallNews(0)))
        assert [became for _, became in looked(house, watch)] == [Became.CALL_ADDED] * number
        assert not watch.is_waiting
        assert counts(house) == (number, 0)


@pytest.mark.parametrize("make", [freeswitch, manifest, sidecar])
def test_a_watch_tells_of_a_lone_record_at_once_and_takes_its_audio_when_it_comes(
    house: House, pbx: Path, make: Make
) -> None:
    format_name, given, audio = make(pbx, int(time.time()) - 40)
    watch = watch_of(house, format_name, given)
    assert [became for _, became in looked(house, watch)] == [Became.REFUSED]
    assert looked(house, watch) == []
    audio.write_bytes(wav(40))
    aged(audio, 30)
    assert looked(house, watch)[-1] == (audio.name, Became.ADDED)


@pytest.mark.parametrize(("ago", "became"), [(40, Became.LATER), (PATIENCE + 60, Became.REFUSED)])
@pytest.mark.parametrize("make", [*TABLES, freeswitch])
def test_the_words_say_what_becomes_of_the_call_and_a_dry_run_says_the_same(
    house: House, pbx: Path, make: Make, ago: int, became: Became
) -> None:
    format_name, given, _ = make(pbx, int(time.time()) - ago)
    archive = house.archive

    def items() -> Iterator[Item]:
        return importer_for(format_name, given).items()

    async def play() -> list[Verdict]:
        foreseer = Foreseer(archive.sound, archive.bodies, archive.catalog, 1)
        foreseen = [each async for each in foreseer.verdicts(items())]
        made = [each async for each in imports.run(archive, 1, format_name, items())]
        return foreseen + made

    for says, adds in (
        ("The call is kept without it.", True),
        ("The call is here already.", False),
    ):
        foreseen, made = house.run(play())
        assert foreseen == made
        assert (made.became, made.adds_call, made.is_row) == (became, adds, True)
        assert made.reason is not None
        assert made.reason.endswith(says)
        assert counts(house) == (1, 0)
