from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from callreel.errors import Misconfigured
from callreel.importers.formats import FORMATS, importer_for
from callreel.importers.freeswitch.importer import FreeSwitch
from callreel.importers.items import Candidate, Fault, Refusal, Row, RowUse
from callreel.importers.source import Source
from callreel.importers.tree import Found
from callreel.model import DialogType, Direction
from importers.monitor import wav
from importers.switch import OTHER, START, A, B, Switch, as_json, as_xml, flow, leg_b, variables

FOLDER = "/var/lib/freeswitch/recordings/pbx.example/archive/2026/Mar/02"
DAY = "pbx.example/archive/2026/Mar/02"


def shown(seconds: int | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path)


@pytest.fixture(params=["json", "plain json", "xml"])
def recorded(request: pytest.FixtureRequest, switch: Switch) -> Switch:
    """A system with one inbound call, told in each of the forms."""
    told = variables(
        record_path=FOLDER, record_name=f"{A}.wav", call_direction="inbound", dialed_user="101"
    )
    switch.audio(f"{DAY}/{A}.wav")
    if request.param == "xml":
        switch.record(f"a_{A}.cdr.xml", as_xml(told))
    else:
        switch.record(f"{A}.cdr.json", as_json(told, is_encoded=request.param == "json"))
    return switch


def test_a_call_is_told_by_its_record_in_every_form(recorded: Switch) -> None:
    candidate = recorded.only()
    call = candidate.complete(duration_ms=1)
    assert call.direction is Direction.INBOUND
    assert call.dialog_type is DialogType.CONSULTANT
    assert (call.from_number, call.to_number) == ("48600100200", "48221234567")
    assert shown(call.started_at) == "2026-03-02 08:00:05"
    assert shown(call.answered_at) == "2026-03-02 08:00:15"
    assert shown(call.served_at) == "2026-03-02 08:00:20"
    assert shown(call.hung_up_at) == "2026-03-02 08:01:20"
    assert (call.talking_ms, call.waiting_ms) == (59_500, 15_500)
    assert (call.dialog_id, call.source_call_id) == (A, A)
    assert call.end_cause == "NORMAL_CLEARING"
    assert (candidate.agent, candidate.queue, candidate.notes) == ("101", None, ())
    assert candidate.is_measured


def test_the_record_of_a_recording_is_joined(recorded: Switch) -> None:
    (row,) = (each for each in recorded.items() if isinstance(each, Row))
    assert row.use is RowUse.JOINED
    assert row.where.startswith("json_cdr/")


def test_the_audio_is_what_the_file_holds(recorded: Switch) -> None:
    candidate = recorded.only()
    with candidate.open() as stream:
        assert stream.read() == wav()
    assert (candidate.size, candidate.original_name) == (len(wav()), f"{A}.wav")
    assert candidate.where == f"{DAY}/{A}.wav"


def test_nothing_at_the_source_is_changed(recorded: Switch) -> None:
    before = {path: path.stat().st_mtime_ns for path in recorded.records.parent.rglob("*")}
    recorded.items()
    assert {path: path.stat().st_mtime_ns for path in recorded.records.parent.rglob("*")} == before


def test_the_leg_that_was_called_is_joined_and_the_callers_tells_of_the_call(
    switch: Switch,
) -> None:
    where = {"record_path": FOLDER, "record_name": "call.wav"}
    switch.audio(f"{DAY}/call.wav")
    switch.record(f"{B}.cdr.json", as_json(leg_b(**where)))
    switch.record(f"a_{A}.cdr.json", as_json(variables(**where)))
    items = switch.items()
    assert [each.use for each in items if isinstance(each, Row)] == [RowUse.JOINED] * 2
    assert switch.only().call.dialog_id == A


def test_a_called_leg_without_recording_is_joined(switch: Switch) -> None:
    assert switch.of_record(as_json(leg_b())) == Row(f"json_cdr/{A}.cdr.json", RowUse.JOINED)


def test_a_leg_with_an_originator_in_its_callflow_is_a_called_one(switch: Switch) -> None:
    called = flow()
    called["caller_profile"]["originator"] = {"originator_caller_profiles": [{"uuid": A}]}
    item = switch.of_record(as_json(variables(uuid=B), called))
    assert isinstance(item, Row)
    assert item.use is RowUse.JOINED


def test_a_recording_of_the_called_leg_alone_is_taken_in(switch: Switch) -> None:
    switch.audio(f"{DAY}/{B}.wav")
    switch.record(f"{B}.cdr.json", as_json(leg_b()))
    candidate = switch.only()
    assert (candidate.call.dialog_id, candidate.call.source_call_id) == (B, A)


def test_the_id_stays_when_the_record_of_the_callers_leg_comes_later(switch: Switch) -> None:
    where = {"record_path": FOLDER, "record_name": "call.wav"}
    switch.audio(f"{DAY}/call.wav")
    switch.record(f"{B}.cdr.json", as_json(leg_b(**where)))
    first = switch.only()
    switch.record(f"a_{A}.cdr.json", as_json(variables(**where)))
    second = switch.only()
    assert first.call.dialog_id != second.call.dialog_id
    assert (first.native_id, first.native_time) == (second.native_id, second.native_time)


def test_a_call_without_recording_is_told_with_its_call(switch: Switch) -> None:
    item = switch.of_record(as_json(variables(cc_queue="sales@pbx.example", cc_agent="7")))
    assert isinstance(item, Row)
    assert item.use is RowUse.UNRECORDED
    assert item.call is not None
    assert item.call.talking_ms == 59_500
    assert (item.agent, item.queue) == ("7", "sales@pbx.example")


def test_a_call_that_nobody_answered_has_no_talk(switch: Switch) -> None:
    told = variables(
        answer_epoch="0", answer_uepoch="0", bridge_epoch="0", bridge_uepoch="0", billsec="0",
        hangup_cause="NO_ANSWER", record_name="call.wav", record_path=FOLDER,
    )  # fmt: skip
    never = flow()
    never["times"] |= {"answered_time": "0", "bridged_time": "0"}
    item = switch.of_record(as_json(told, never))
    assert isinstance(item, Row)
    assert item.call is not None
    assert (item.call.talking_ms, item.call.answered_at, item.call.waiting_ms) == (0, None, None)
    assert item.call.end_cause == "NO_ANSWER"


def test_a_recorded_call_whose_file_is_missing_is_refused(switch: Switch) -> None:
    refused = switch.refused(as_json(variables(record_path=FOLDER, record_name=f"{A}.wav")))
    assert refused.fault is Fault.NO_AUDIO
    assert "not in the folder" in refused.reason


def test_a_recording_that_was_too_short_to_keep_is_not_missed(switch: Switch) -> None:
    told = variables(record_path=FOLDER, record_name=f"{A}.wav", RECORD_DISCARDED="true")
    item = switch.of_record(as_json(told))
    assert isinstance(item, Row)
    assert item.use is RowUse.UNRECORDED


def test_audio_without_a_record_is_refused_as_audio_without_a_call(switch: Switch) -> None:
    switch.audio(f"{OTHER}.wav")
    (item,) = switch.items()
    assert isinstance(item, Refusal)
    assert (item.where, item.fault, item.fault.is_of_row) == (
        f"{OTHER}.wav", Fault.NO_CALL, False
    )  # fmt: skip
    assert "Audio without a call" in item.reason


def test_fresh_audio_waits_for_its_record(switch: Switch) -> None:
    switch.audio(f"{OTHER}.wav", age=600)
    (item,) = switch.items()
    assert isinstance(item, Refusal)
    assert item.fault is Fault.GROWING


def test_records_of_several_calls_that_name_one_file_are_no_guess(switch: Switch) -> None:
    where = {"record_path": FOLDER, "record_name": "last.wav"}
    switch.audio(f"{DAY}/last.wav")
    switch.record(f"{A}.cdr.json", as_json(variables(**where, bridge_uuid=None)))
    other = variables(**where, uuid=OTHER, call_uuid=OTHER, bridge_uuid=None)
    switch.record(f"{OTHER}.cdr.json", as_json(other))
    (refused,) = (each for each in switch.items() if isinstance(each, Refusal))
    assert refused.fault is Fault.BAD_CALL
    assert "several calls" in refused.reason


def test_every_recording_of_one_call_is_taken_in(switch: Switch) -> None:
    ran = [("record_session", f"{FOLDER}/1.wav"), ("record_session", f"{FOLDER}/2.wav")]
    switch.audio(f"{DAY}/1.wav", wav(tone=1))
    switch.audio(f"{DAY}/2.wav", wav(tone=2))
    switch.record(f"{A}.cdr.xml", as_xml(variables(), ran=ran))
    candidates = switch.candidates()
    assert [each.call.source_call_id for each in candidates] == [A, A]
    assert len({each.native_id for each in candidates}) == 2


def test_the_same_record_twice_is_one_call(switch: Switch) -> None:
    told = variables(record_path=FOLDER, record_name="call.wav")
    switch.audio(f"{DAY}/call.wav")
    switch.record(f"1/{A}.cdr.json", as_json(told))
    switch.record(f"2/a_{A}.cdr.xml", as_xml(told))
    assert switch.only().call.dialog_id == A


def test_every_file_and_every_record_gets_one_item(switch: Switch) -> None:
    switch.audio(f"{DAY}/{A}.wav")
    switch.audio("notes.txt", b"text")
    switch.audio("empty.wav", b"RIFF")
    switch.audio(f"{DAY}/{OTHER}.mp3")
    switch.record(f"a_{A}.cdr.json", as_json(variables()))
    switch.record(f"{B}.cdr.json", as_json(leg_b()))
    switch.record("broken.cdr.json", b'{"variables": {')
    switch.record("readme.txt", b"hello")
    items = switch.items()
    assert sorted(each.where for each in items) == [
        "empty.wav",
        f"json_cdr/{B}.cdr.json",
        f"json_cdr/a_{A}.cdr.json",
        "json_cdr/broken.cdr.json",
        "json_cdr/readme.txt",
        "notes.txt",
        f"{DAY}/{OTHER}.mp3",
        f"{DAY}/{A}.wav",
    ]
    faults = {each.where: each.fault for each in items if isinstance(each, Refusal)}
    assert faults == {
        "empty.wav": Fault.EMPTY,
        "notes.txt": Fault.NOT_AUDIO,
        f"{DAY}/{OTHER}.mp3": Fault.NO_CALL,
        "json_cdr/broken.cdr.json": Fault.BAD_ROW,
        "json_cdr/readme.txt": Fault.BAD_ROW,
    }
    assert FreeSwitch(switch.source()).count() == 4


def test_records_among_the_recordings_are_spoken_of_once(switch: Switch) -> None:
    switch.audio(f"{A}.wav")
    switch.audio(f"{A}.cdr.json", as_json(variables()))
    source = Source(root=switch.recordings, records=str(switch.recordings))
    items = list(FreeSwitch(source).items())
    assert [type(each) for each in items] == [Row, Candidate]


def test_one_file_of_records_is_enough(switch: Switch) -> None:
    switch.audio(f"{A}.wav")
    path = switch.record(f"{A}.cdr.json", as_json(variables()))
    switch.record(f"{OTHER}.cdr.json", b"not looked at")
    items = list(FreeSwitch(Source(root=switch.recordings, records=str(path))).items())
    assert [type(each) for each in items] == [Row, Candidate]


def test_beside_one_record_among_the_recordings_the_others_are_no_audio(switch: Switch) -> None:
    switch.audio(f"{A}.wav")
    path = switch.audio(f"{A}.cdr.json", as_json(variables()))
    switch.audio(f"{OTHER}.cdr.json", as_json(variables(uuid=OTHER)))
    items = list(FreeSwitch(Source(root=switch.recordings, records=str(path))).items())
    faults = {each.where: each.fault for each in items if isinstance(each, Refusal)}
    assert faults == {f"{OTHER}.cdr.json": Fault.NOT_AUDIO}
    assert len(items) == 3


def test_a_record_that_is_being_written_is_left_for_later(switch: Switch) -> None:
    switch.record(f"{A}.cdr.json", as_json(variables())[:200], age=0)
    (item,) = switch.items()
    assert isinstance(item, Refusal)
    assert (item.fault, item.is_row) == (Fault.GROWING, True)


def test_links_are_followed_neither_to_audio_nor_to_records(switch: Switch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.wav").write_bytes(wav())
    (tmp_path / "elsewhere.json").write_bytes(as_json(variables()))
    (switch.recordings / f"{A}.wav").symlink_to(tmp_path / "elsewhere.wav")
    (switch.records / f"{A}.cdr.json").symlink_to(tmp_path / "elsewhere.json")
    items = switch.items()
    assert [each.fault for each in items if isinstance(each, Refusal)] == [Fault.NOT_PLAIN] * 2
    assert len(items) == 2


def test_a_watcher_is_told_of_news_only_and_knows_the_records_of_before(switch: Switch) -> None:
    switch.audio(f"{A}.wav")
    switch.record(f"{A}.cdr.json", as_json(variables()))
    switch.record(f"{OTHER}.cdr.json", as_json(variables(uuid=OTHER, record_name="gone.wav")))

    def audio_alone(found: Found) -> bool:
        return found.name.endswith(".wav")

    items = switch.items(is_news=audio_alone)
    assert [type(each) for each in items] == [Candidate]
    assert switch.items(is_news=lambda _: False) == []


def test_it_needs_records(switch: Switch, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--cdr"):
        importer_for("freeswitch", Source(root=switch.recordings))
    with pytest.raises(Misconfigured, match="--cdr"):
        importer_for("freeswitch", Source(root=switch.recordings, records=str(tmp_path / "no")))


def test_the_format_is_known_by_its_name() -> None:
    assert FORMATS["freeswitch"] is FreeSwitch
    assert START == 1_772_438_405
