"""Any table of calls: rows find their audio, and everything gets one verdict."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from callreel.errors import Misconfigured
from callreel.importers.formats import importer_for
from callreel.importers.items import Candidate, Fault, Refusal, Row, RowUse
from callreel.importers.source import Source
from callreel.importers.spreadsheet.importer import Spreadsheet
from callreel.model import Direction
from importers.calls_table import CALL, MEANING, SAMPLES, Made, shown
from importers.monitor import put, refusals, wav

ZOFIA = "101/[Zofia Lis]_101-0048600100200_20260302090020(17).wav"
JAN = "102/[Jan Lis]_102-0048501502503_20260302091009(18).wav"
RECORDINGS = (
    "RE557ce644e5ab84fa21cc21112e22c485",
    "RE41331862605f3d662488fdafda2e175f",
    "RE50358f2565ad3c542e004161c3aecfd2",
)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def sample(folder: Path, name: str) -> Made:
    made = Made(folder, (SAMPLES / f"{name}.toml").read_text("utf-8"))
    shutil.copy(SAMPLES / f"{name}.csv", made.table)
    return made


def test_calls_of_3cx_are_told_by_their_columns(tmp_path: Path) -> None:
    made = sample(tmp_path, "3cx")
    made.audio(ZOFIA, JAN)
    taken = made.taken()
    call = taken[ZOFIA].complete(57_000)
    assert (call.dialog_id, call.source_call_id) == ("00000192B8A1_201", "Call 201")
    assert shown(call.started_at) == "2026-03-02 08:00:05"
    assert shown(call.answered_at) == "2026-03-02 08:00:20"
    assert shown(call.hung_up_at) == "2026-03-02 08:01:20"
    assert (call.talking_ms, call.waiting_ms) == (60_000, 15_000)
    assert (call.from_number, call.to_number) == ("0048600100200", "10001")
    assert (call.direction, taken[ZOFIA].agent) == (Direction.INBOUND, "101")
    out = taken[JAN].call
    assert (out.from_number, out.to_number, out.direction) == (
        "102",
        "0048501502503",
        Direction.OUTBOUND,
    )


def test_every_row_and_file_of_3cx_gets_one_verdict(tmp_path: Path) -> None:
    made = sample(tmp_path, "3cx")
    made.audio(ZOFIA, JAN, "103/lost.wav")
    items = made.items()
    uses = {item.where: item.use for item in items if isinstance(item, Row)}
    assert uses == {
        "calls.csv:2": RowUse.JOINED,
        "calls.csv:3": RowUse.JOINED,
        "calls.csv:4": RowUse.UNRECORDED,
    }
    assert {where: item.fault for where, item in refusals(items).items()} == {
        "calls.csv:5": Fault.NO_AUDIO,
        "calls.csv:6": Fault.BAD_ROW,
        "103/lost.wav": Fault.NO_CALL,
    }
    assert len(items) == 5 + 3
    (missed,) = [item for item in items if isinstance(item, Row) and item.call is not None]
    assert missed.call is not None
    assert (missed.call.talking_ms, missed.call.hung_up_at - missed.call.started_at) == (0, 31)
    assert missed.agent == "101"


def test_calls_of_twilio_need_no_time_zone_and_find_audio_by_its_address(tmp_path: Path) -> None:
    made = sample(tmp_path, "twilio")
    made.audio(f"{RECORDINGS[0]}.mp3", f"2026/{RECORDINGS[1]}.wav", f"{RECORDINGS[2]}.wav")
    taken = made.taken()
    first = taken[f"{RECORDINGS[0]}.mp3"].call
    assert (shown(first.started_at), first.talking_ms) == ("2026-03-02 08:00:05", 60_000)
    assert (first.dialog_id, first.source_call_id) == (
        RECORDINGS[0],
        "CA9f1c2d3e4a5b6c7d8e9f0a1b2c3d4e5f",
    )
    assert (first.direction, first.end_cause) == (Direction.INBOUND, "completed")
    second = taken[f"2026/{RECORDINGS[1]}.wav"].call
    assert (shown(second.started_at), second.direction) == (
        "2026-03-29 01:30:00",
        Direction.OUTBOUND,
    )
    third = taken[f"{RECORDINGS[2]}.wav"]
    assert (third.agent, third.call.from_number) == ("zofia", "client:zofia")
    assert [item for item in made.items() if isinstance(item, Refusal)] == [
        Refusal(
            "calls.csv:6",
            Fault.BAD_ROW,
            "The column direction holds a word that directions does not name.",
        )
    ]


@pytest.mark.parametrize(
    ("named", "file"),
    [
        ("a.wav", "a.wav"),
        ("a.wav", "2026/03/a.wav"),
        ("03/a.wav", "2026/03/a.wav"),
        ("/var/lib/old/2026/a.wav", "2026/a.wav"),
        ("C:\\Recordings\\2026\\a.wav", "2026/a.wav"),
        ("\\\\server\\share\\a.wav", "a.wav"),
        ("./a.wav", "a.wav"),
        ("a", "a.wav"),
        ("a.gsm", "a.mp3"),
        ("A.WAV", "a.wav"),
        ("2026/A.wav", "2026/a.wav"),
        ("call.1", "call.1.wav"),
        ("https://example.org/v1/a.wav?token=x/b.wav", "deep/er/a.wav"),
        ("https://example.org/v1/a%20b", "a b.wav"),
        ("s3://bucket/2026/a.wav", "a.wav"),
    ],
)
def test_a_row_finds_its_audio_wherever_it_lay_before(made: Made, named: str, file: str) -> None:
    made.rows({"file": named})
    made.audio(file)
    assert list(made.taken()) == [file]


@pytest.mark.parametrize(
    ("named", "file"),
    [
        ("2025/a.wav", "2026/a.wav"),
        ("a.wav", "b.wav"),
        ("../a.wav", "x/a.wav"),
        ("a.1", "a.2.wav"),
        ("https://[bad/a.wav", "a.wav"),
        ("/", "a.wav"),
    ],
)
def test_a_row_takes_no_audio_that_may_be_another_calls(made: Made, named: str, file: str) -> None:
    made.rows({"file": named})
    made.audio(file)
    found = refusals(made.items())
    assert {where: item.fault for where, item in found.items()} == {
        "calls.csv:2": Fault.NO_AUDIO,
        file: Fault.NO_CALL,
    }


def test_a_name_that_several_files_have_finds_none_of_them(made: Made) -> None:
    made.rows({}, {"file": "x/a.wav"}, {"file": "b"}, {"file": "b.mp3"})
    made.audio("x/a.wav", "y/a.wav", "b.wav", "b.mp3")
    found = refusals(made.items())
    assert {where: item.fault for where, item in found.items()} == {
        "calls.csv:2": Fault.BAD_ROW,
        "calls.csv:4": Fault.BAD_ROW,
        "y/a.wav": Fault.NO_CALL,
        "b.wav": Fault.NO_CALL,
    }
    assert "Several files" in found["calls.csv:2"].reason


@pytest.mark.parametrize(
    ("pattern", "file"),
    [
        ("{date}/{id}.wav", "2026-03-02/7.wav"),
        ("{date}/{id}", "2026-03-02/7.mp3"),
        ("{started:%Y/%m/%d}/{time}-{from}.wav", "2026/03/02/090005-+48600100200.wav"),
        ("{date:%d.%m.%y}_{to}_{id}.wav", "02.03.26_101_7.wav"),
        ("{Folder}/rec-{ID}.wav", "north/rec-7.wav"),
        ("call {{{id}}}.wav", "call {7}.wav"),
        ("{date}/{id}.wav", "archive/2026-03-02/7.wav"),
    ],
)
def test_a_pattern_makes_the_name_of_the_audio(tmp_path: Path, pattern: str, file: str) -> None:
    made = Made(tmp_path, MEANING.replace('column = "file"', f'pattern = "{pattern}"'))
    made.rows({"folder": "north"})
    made.audio(file)
    assert list(made.taken()) == [file]


def test_a_pattern_takes_no_file_of_another_day(tmp_path: Path) -> None:
    made = Made(tmp_path, MEANING.replace('column = "file"', 'pattern = "{date}/{id}.wav"'))
    made.rows({}, {"id": ""}, {"start": "soon"})
    made.audio("2026-03-01/7.wav", "7.wav")
    found = refusals(made.items())
    assert {where: item.fault for where, item in found.items()} == {
        "calls.csv:2": Fault.NO_AUDIO,
        "calls.csv:4": Fault.BAD_ROW,
        "2026-03-01/7.wav": Fault.NO_CALL,
        "7.wav": Fault.NO_CALL,
    }


def test_of_several_rows_of_a_file_the_longest_talk_counts(made: Made) -> None:
    made.rows({"length": "10", "id": "1"}, {"length": "70", "id": "2"}, {"length": "x"})
    made.audio("a.wav")
    assert made.taken()["a.wav"].call.dialog_id == "2"
    uses = [item.use for item in made.items() if isinstance(item, Row)]
    assert uses == [RowUse.JOINED, RowUse.JOINED]


def test_a_file_whose_only_row_is_broken_is_refused_with_its_reason(made: Made) -> None:
    made.rows({"length": "x"}, {"start": ""})
    made.audio("a.wav")
    found = refusals(made.items())
    assert found["a.wav"].fault is Fault.BAD_CALL
    assert found["a.wav"].reason == (
        "Its row of the table cannot be used (calls.csv:2): The column length is no number."
    )
    assert found["calls.csv:3"].reason == "The column start is empty."


def test_a_broken_row_does_not_stop_the_others(made: Made) -> None:
    made.rows({})
    made.table.write_text(made.table.read_text() + "1\t2\n", "utf-8")
    made.audio("a.wav")
    items = made.items()
    assert "cells" in refusals(items)["calls.csv:3"].reason
    assert len([item for item in items if isinstance(item, Candidate)]) == 1


def test_without_any_length_the_call_is_as_long_as_its_audio(tmp_path: Path) -> None:
    made = Made(tmp_path, MEANING.replace('duration = "length"\n', ""))
    made.rows({}, {"file": "gone.wav", "id": "8"}, {"file": "", "id": "9"})
    made.audio("a.wav")
    taken = made.taken()["a.wav"]
    call = taken.complete(1500)
    assert not taken.is_measured
    assert (call.talking_ms, call.hung_up_at - call.started_at) == (1500, 2)
    items = made.items()
    assert refusals(items)["calls.csv:3"].fault is Fault.NO_AUDIO
    (row,) = [item for item in items if isinstance(item, Row) and item.use is RowUse.UNRECORDED]
    assert row.where == "calls.csv:4"


def test_a_recording_without_id_is_known_by_its_place(tmp_path: Path) -> None:
    made = Made(tmp_path, MEANING.replace('id = "id"\n', ""))
    made.rows({"file": "x/a.wav"}, {"file": ""})
    made.audio("x/a.wav")
    taken = made.taken()["x/a.wav"]
    assert (taken.native_id, taken.call.dialog_id) == ("x/a.wav", "x/a.wav")
    assert taken.call.source_call_id is None
    assert Row("calls.csv:3", RowUse.UNRECORDED, source="csv") in made.items()


def test_what_identifies_a_recording_does_not_depend_on_the_time_zone(made: Made) -> None:
    made.rows({})
    made.audio("a.wav")
    warsaw, berne = made.taken()["a.wav"], made.taken("Asia/Tokyo")["a.wav"]
    assert (warsaw.native_id, warsaw.native_time) == (berne.native_id, berne.native_time)
    assert warsaw.call.started_at - berne.call.started_at == 8 * 3600


def test_a_night_of_the_clock_leaves_a_note(made: Made) -> None:
    made.rows({"start": "2026-10-25 02:30:00"})
    made.audio("a.wav")
    taken = made.taken()["a.wav"]
    assert shown(taken.call.started_at) == "2026-10-25 00:30:00"
    assert "occurs twice in Europe/Warsaw" in taken.notes[0]


def test_files_are_looked_at_before_their_rows(made: Made) -> None:
    made.rows({}, {"file": "b.gsm"}, {"file": "c.wav"}, {"file": "d.wav"})
    made.audio("a.txt", "b.gsm")
    made.audio("c.wav", content=b"x" * 44)
    made.audio("d.wav")
    os.utime(made.root / "d.wav", (time.time(), time.time()))
    faults = {where: item.fault for where, item in refusals(made.items()).items()}
    assert faults == {
        "calls.csv:2": Fault.NO_AUDIO,
        "a.txt": Fault.NOT_AUDIO,
        "b.gsm": Fault.NOT_AUDIO,
        "c.wav": Fault.EMPTY,
        "d.wav": Fault.GROWING,
    }


def test_a_file_that_appears_after_the_rows_were_read_is_left_for_later(made: Made) -> None:
    made.rows({})
    made.audio("a.wav")
    importer = Spreadsheet(made.source())
    assert importer.count() == 1
    made.audio("b.wav")
    assert refusals(importer.items())["b.wav"].fault is Fault.GROWING


def test_the_audio_is_the_files(made: Made) -> None:
    made.rows({})
    made.audio("a.wav", content=wav(300, tone=3))
    taken = made.taken()["a.wav"]
    with taken.open() as stream:
        assert stream.read() == wav(300, tone=3)
    assert (taken.size, taken.original_name, taken.source) == (len(wav(300)), "a.wav", "csv")
    assert taken.path == made.root.resolve() / "a.wav"


def test_a_link_is_never_followed(made: Made) -> None:
    made.rows({})
    (made.folder / "secret.wav").write_bytes(wav())
    (made.root / "a.wav").symlink_to(made.folder / "secret.wav")
    assert refusals(made.items())["a.wav"].fault is Fault.NOT_PLAIN


@pytest.mark.parametrize("form", ["address", "dump"])
def test_the_table_may_be_in_a_database_or_a_dump(made: Made, form: str) -> None:
    path = made.folder / "calls.db"
    names = ", ".join(f'"{name}" text' for name in CALL)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f'CREATE TABLE "call log" ({names})')
        database.execute('INSERT INTO "call log" VALUES (?, ?, ?, ?, ?, ?)', [*CALL.values()])
        database.commit()
        made.table.write_text("\n".join(database.iterdump()), "utf-8")
    made.columns.write_text(f'table = "call log"\n{MEANING}', "utf-8")
    made.audio("a.wav")
    records = f"sqlite:///{path}" if form == "address" else str(made.table)
    given = Source(root=made.root, records=records, columns=str(made.columns))
    items = list(Spreadsheet(given).items())
    assert [item.where for item in items if isinstance(item, Candidate)] == ["a.wav"]


def test_what_is_missing_is_asked_for(made: Made) -> None:
    made.rows({})
    with pytest.raises(Misconfigured, match="--cdr"):
        importer_for("csv", Source(root=made.root))
    with pytest.raises(Misconfigured, match="--columns"):
        importer_for("csv", Source(root=made.root, records=str(made.table)))
    made.columns.write_text(MEANING.replace('timezone = "Europe/Warsaw"', ""), "utf-8")
    with pytest.raises(Misconfigured, match="--timezone"):
        Spreadsheet(made.source())
    made.columns.write_text(MEANING.replace('"file"', '["file", "Path"]'), "utf-8")
    with pytest.raises(Misconfigured, match="has no column path;"):
        Spreadsheet(made.source())


def test_the_folder_must_be_there(made: Made) -> None:
    made.rows({})
    shutil.rmtree(made.root)
    with pytest.raises(Misconfigured, match="folder"):
        Spreadsheet(made.source())


def test_odd_bytes_in_a_name_do_no_harm(made: Made) -> None:
    put(made.root, b"a\xff\n.wav", day="")
    made.rows({})
    assert [item.where for item in made.items()] == ["calls.csv:2", "a\\xff\\n.wav"]
