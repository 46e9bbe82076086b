from __future__ import annotations

from pathlib import Path

import pytest

from callreel.errors import Misconfigured
from callreel.importers.freeswitch.importer import FreeSwitch
from callreel.importers.items import Candidate, Fault, Refusal, Row, RowUse
from callreel.importers.source import Source
from callreel.model import Direction
from importers.monitor import wav
from importers.switch import SAMPLES, A, B, Switch, as_json, leg_b, variables

QUEUE = "pbx.example/archive/2026/Mar/02/3b0c1d7e-91f4-4a0e-8a2f-5d6e7f809102.mp3"
INSIDE = "2014-04-08-21-10-21_1002_1001.wav"
OUT = "2026/03/02/out 7.wav"


@pytest.fixture
def found(tmp_path: Path) -> dict[str, Candidate]:
    """What becomes of the recordings of three whole records, by their places."""
    switch = Switch(tmp_path)
    for tone, place in enumerate((QUEUE, INSIDE, OUT)):
        switch.audio(place, wav(tone=tone))
    items = list(FreeSwitch(Source(root=switch.recordings, records=str(SAMPLES))).items())
    assert [each.use for each in items if isinstance(each, Row)] == [RowUse.JOINED] * 3
    assert len(items) == 6
    return {each.where: each for each in items if isinstance(each, Candidate)}


def test_a_call_by_a_queue_of_fusionpbx(found: dict[str, Candidate]) -> None:
    candidate = found[QUEUE]
    call = candidate.call
    assert (call.direction, call.end_cause) == (Direction.INBOUND, "NORMAL_CLEARING")
    assert (call.from_number, call.to_number) == ("+48600100200", "48221234567")
    assert (candidate.agent, candidate.queue) == ("101@pbx.example", "8000@pbx.example")
    assert (call.started_at, call.answered_at) == (1_772_438_405, 1_772_438_406)
    assert (call.served_at, call.hung_up_at) == (1_772_438_447, 1_772_438_607)
    assert (call.talking_ms, call.waiting_ms) == (159_500, 42_500)
    assert call.first_queue_waiting_ms == 32_000


def test_a_call_inside_of_an_old_freeswitch(found: dict[str, Candidate]) -> None:
    candidate = found[INSIDE]
    call = candidate.call
    assert call.direction is Direction.OUTBOUND
    assert (call.from_number, call.to_number, candidate.agent) == ("1001", "*81002", "1001")
    assert (call.talking_ms, call.waiting_ms) == (14_519, 6_459)
    assert call.dialog_id == "86cfd6e2-dbda-45a3-b59d-f683ec368e8b"
    assert candidate.native_id.endswith("2014-04-08-21-10-21_1002_1001")


def test_the_called_leg_of_an_outbound_call_with_values_not_encoded(
    found: dict[str, Candidate],
) -> None:
    call = found[OUT].call
    assert call.direction is Direction.OUTBOUND
    assert (call.from_number, call.to_number) == ("101", "0048501502503")
    assert (call.dialog_id, call.source_call_id) == (
        "c4a1b2d3-e5f6-4708-8910-1a2b3c4d5e6f",
        "b39f0e1c-2d4a-4b5c-8d6e-7f8091a2b3c4",
    )
    assert (call.talking_ms, call.waiting_ms) == (89_500, 8_550)


def test_audio_that_appears_while_the_import_runs_is_left_for_later(tmp_path: Path) -> None:
    switch = Switch(tmp_path)
    switch.record(f"{A}.cdr.json", as_json(variables()))
    items = FreeSwitch(switch.source()).items()
    next(items)
    switch.audio(f"{B}.wav")
    (late,) = items
    assert isinstance(late, Refusal)
    assert late.fault is Fault.GROWING


def test_records_that_vanish_while_the_import_runs_end_nothing_else(tmp_path: Path) -> None:
    switch = Switch(tmp_path)
    switch.record(f"{B}.cdr.json", as_json(leg_b()))
    switch.record(f"{A}.cdr.json", as_json(variables()))
    items = FreeSwitch(switch.source()).items()
    next(items)
    (switch.records / f"{A}.cdr.json").unlink()
    (gone,) = items
    assert isinstance(gone, Refusal)
    assert (gone.fault, "vanished" in gone.reason) == (Fault.BAD_ROW, True)


def test_a_table_that_vanishes_ends_the_import(tmp_path: Path) -> None:
    switch = Switch(tmp_path)
    path = switch.record("Master.csv", b"uuid,start_epoch,end_epoch\n")
    importer = FreeSwitch(Source(root=switch.recordings, records=str(path)))
    path.unlink()
    with pytest.raises(Misconfigured, match="vanished"):
        list(importer.items())
