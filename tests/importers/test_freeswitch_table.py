from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.errors import Misconfigured
from callreel.importers.freeswitch.importer import FreeSwitch
from callreel.importers.freeswitch.record_table import EXAMPLE
from callreel.importers.items import Candidate, Fault, Item, Refusal, Row, RowUse
from callreel.importers.source import Source
from callreel.model import Direction
from importers.switch import OTHER, START, WARSAW, A, B, Switch

ROW = {
    "caller_id_name": "Jan, Kowalski",
    "caller_id_number": "48600100200",
    "destination_number": "48221234567",
    "context": "public",
    "start_stamp": "2026-03-02 09:00:05",
    "answer_stamp": "2026-03-02 09:00:15",
    "end_stamp": "2026-03-02 09:01:20",
    "duration": "75",
    "billsec": "65",
    "hangup_cause": "NORMAL_CLEARING",
    "uuid": A,
    "bleg_uuid": B,
    "accountcode": "",
    "read_codec": "PCMA",
    "write_codec": "PCMA",
}


def line(names: Iterable[str] = EXAMPLE, **more: str) -> str:
    return ",".join(f'"{ {**ROW, **more}[name] }"' for name in names)


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path)


def items(
    switch: Switch, *lines: str, columns: str | None = None, zone: Any = WARSAW, **more: Any
) -> list[Item]:
    path = switch.records.parent / "Master.csv"
    path.write_text("".join(f"{each}\n" for each in lines))
    source = Source(root=switch.recordings, records=str(path), columns=columns, zone=zone, **more)
    return list(FreeSwitch(source).items())


def test_the_template_that_comes_with_freeswitch_is_known(switch: Switch) -> None:
    switch.audio(f"{A}.wav")
    row, candidate = items(switch, line())
    assert row == Row("Master.csv:1", RowUse.JOINED)
    assert isinstance(candidate, Candidate)
    call = candidate.call
    assert call.started_at == START
    assert datetime.fromtimestamp(call.hung_up_at, UTC).minute == 1
    assert (call.talking_ms, call.waiting_ms, call.direction) == (65_000, 10_000, Direction.INBOUND)
    assert (call.from_number, call.to_number) == ("48600100200", "48221234567")
    assert (call.dialog_id, call.end_cause) == (A, "NORMAL_CLEARING")


def test_the_recording_of_the_called_channel_is_found(switch: Switch) -> None:
    switch.audio(f"b/{B}.wav")
    assert isinstance(items(switch, line())[1], Candidate)


def test_columns_of_another_template_are_named(switch: Switch) -> None:
    switch.audio("rec/call.wav")
    told = f"{A},x,{START},{START + 60},{START + 10},/var/rec/call.wav"
    columns = "UUID,-, start_epoch,end_epoch,answer_epoch,cc_record_filename"
    _, candidate = items(switch, told, columns=columns, zone=None)
    assert isinstance(candidate, Candidate)
    assert (candidate.call.started_at, candidate.call.talking_ms) == (START, 50_000)


@pytest.mark.parametrize("names", [EXAMPLE, ("uuid", "end_stamp", "start_stamp")])
def test_a_header_names_the_columns(switch: Switch, names: tuple[str, ...]) -> None:
    switch.audio(f"{A}.wav")
    found = items(switch, ",".join(names), line(names))
    assert [type(each) for each in found] == [Row, Candidate]


def test_every_row_gets_an_item_and_none_ends_the_import(switch: Switch) -> None:
    switch.audio(f"{A}.wav")
    found = items(
        switch,
        line(),
        line(uuid=OTHER, bleg_uuid=""),
        line(uuid=""),
        line(start_stamp="today"),
        line(end_stamp="2026-03-01 09:00:00"),
        "1,2,3",
        '"open quote',
        line(uuid=OTHER, billsec="x\0"),
    )
    assert {each.where for each in found} == {
        *(f"Master.csv:{number}" for number in range(1, 9)),
        f"{A}.wav",
    }
    assert [each.fault for each in found if isinstance(each, Refusal)] == [Fault.BAD_ROW] * 6
    (unrecorded,) = [each for each in found if each.where == "Master.csv:2"]
    assert isinstance(unrecorded, Row)
    assert unrecorded.use is RowUse.UNRECORDED


@pytest.mark.parametrize(
    ("columns", "zone", "says"),
    [
        ("uuid,end_stamp", WARSAW, "columns uuid and start_stamp"),
        ("start_stamp,end_stamp", WARSAW, "columns uuid and start_stamp"),
        (None, None, "--timezone"),
    ],
)
def test_what_cannot_be_read_is_told_before_anything(
    switch: Switch, columns: str | None, zone: Any, says: str
) -> None:
    with pytest.raises(Misconfigured, match=says):
        items(switch, line(), columns=columns, zone=zone)


def test_only_a_table_has_columns(switch: Switch) -> None:
    with pytest.raises(Misconfigured, match="--columns"):
        switch.items(columns="uuid")


def test_a_watcher_is_told_of_rows_only_when_the_table_changed(switch: Switch) -> None:
    switch.audio(f"{A}.wav")
    found = items(switch, line(), is_news=lambda each: each.name.endswith(".wav"))
    assert [type(each) for each in found] == [Candidate]
    assert items(switch, line(), is_news=lambda _: False) == []


def test_a_table_among_the_recordings_is_spoken_of_once(switch: Switch) -> None:
    path = switch.audio("Master.csv", line().encode())
    source = Source(root=switch.recordings, records=str(path), zone=WARSAW)
    assert [each.where for each in FreeSwitch(source).items()] == ["Master.csv:1"]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\n\r")), min_size=1))
def test_any_lines_are_rows_or_refused(tmp_path_factory: Any, lines: list[str]) -> None:
    switch = Switch(tmp_path_factory.mktemp("any"))
    for item in items(
        switch, line(), *(each.encode("utf-8", "replace").decode() for each in lines)
    ):
        assert not isinstance(item, Candidate)
        assert item.where.startswith("Master.csv:")
