"""The client against a real server, which is known to it under another address than its own."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.client import (
    BadRecordingError,
    BadRequestError,
    Callreel,
    ConflictError,
    KeyRefusedError,
    NotFoundError,
    Recording,
)
from endpoints.calls import BEGIN, COMPANY, CUSTOMERS, call, write_audio
from support import PATH, Running

Holds = Callable[[Any, Any], bool]


@pytest.fixture(scope="module")
def calls(server: Running, stored: list[Recording]) -> Iterator[Callreel]:
    with Callreel(server.url, server.keys["all"], page_size=7) as client:
        yield client


def bare(number: str | None) -> str:
    kept = "".join(each for each in number or "" if each.isalnum() or each in ":@")
    return kept.removeprefix("00").casefold()


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def some(*values: object) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), max_size=3)


def any_number(recording: Recording, asked: str | list[str]) -> bool:
    sides = {bare(recording.from_display_target), bare(recording.to_display_target)}
    return not sides.isdisjoint(map(bare, listed(asked)))


LENGTHS = st.sampled_from([0, 1, 6_999, 7_000, 7_001, 19_000])
MOMENTS = st.integers(-2, 50).map(
    lambda minute: (BEGIN + timedelta(minutes=minute)).astimezone(ZoneInfo("Europe/Warsaw"))
)
FILTERS: dict[str, tuple[st.SearchStrategy[Any], Holds]] = {
    "project_id": (some(1, 2, 3, 99), lambda r, asked: r.project_id in listed(asked)),
    "tenant_user_id": (some(10, 11, 99), lambda r, asked: r.tenant_user_id in listed(asked)),
    "talking_time_gt": (LENGTHS, lambda r, ms: r.talking_time > ms),
    "talking_time_gte": (LENGTHS, lambda r, ms: r.talking_time >= ms),
    "talking_time_lt": (LENGTHS, lambda r, ms: r.talking_time < ms),
    "talking_time_lte": (LENGTHS, lambda r, ms: r.talking_time <= ms),
    "talking_time_eq": (LENGTHS, lambda r, ms: r.talking_time == ms),
    "start_time_gte": (MOMENTS, lambda r, at: r.started >= at),
    "start_time_lte": (MOMENTS, lambda r, at: r.started <= at),
    "hangup_time_gte": (MOMENTS, lambda r, at: r.hung_up >= at),
    "hangup_time_lte": (MOMENTS, lambda r, at: r.hung_up <= at),
    "number": (some(*CUSTOMERS, COMPANY, "48221234567", "22 123 45 67"), any_number),
    "tag": (some(1, 2), lambda r, asked: bool(set(listed(asked)) & set(r.custom_tag_id_list))),
}
ONE_TO_THREE = st.lists(st.sampled_from(sorted(FILTERS)), min_size=1, max_size=3, unique=True)


@settings(max_examples=80, deadline=None)
@given(names=ONE_TO_THREE, data=st.data())
def test_filters_find_and_count_what_they_say_in_order(
    calls: Callreel, stored: list[Recording], names: list[str], data: st.DataObject
) -> None:
    asked = {name: data.draw(FILTERS[name][0], label=name) for name in names}
    in_order = sorted(stored, key=lambda each: each.start_time or "")
    expected = [r for r in in_order if all(FILTERS[n][1](r, v) for n, v in asked.items())]
    assert list(calls.recordings(**asked)) == expected
    assert calls.count(**asked) == len(expected)


def test_all_recordings_are_walked_in_the_order_asked_for(
    calls: Callreel, stored: list[Recording]
) -> None:
    found = list(calls.recordings(sort=["-talking_time", "start_time"]))
    assert sorted(found, key=repr) == sorted(stored, key=repr)
    keys = [(-(each.talking_time or 0), each.start_time) for each in found]
    assert keys == sorted(keys)
    assert list(calls.recordings(sort=["-talking_time", "start_time"], limit=10)) == found[:10]


def test_a_recording_is_what_was_handed_in_with_what_was_measured(
    calls: Callreel, stored: list[Recording], tmp_path: Path
) -> None:
    audio = write_audio(tmp_path / "5.wav", 5).read_bytes()
    handed_in = call(5)
    found = stored[5]
    started = handed_in["start_time"]
    assert isinstance(started, datetime)
    assert found.started == started
    assert found.answered == started + timedelta(seconds=3)
    assert (found.project_name, found.tenant_user_id) == (handed_in["project_name"], 12)
    assert found.machine_detected is True
    assert (found.recording_duration, found.recording_channels) == (100, 2)
    assert found.recording_size == len(audio)
    assert found.recording_sha256 == hashlib.sha256(audio).hexdigest()
    assert found.recording_url is not None
    assert found.recording_url.startswith("https://calls.example.org/cdr_dialog_recording/")
    assert calls.recording(found.recording_uuid or "") == found


def test_audio_is_saved_as_it_was_handed_in_and_converted(
    calls: Callreel, stored: list[Recording], tmp_path: Path
) -> None:
    found = stored[5]
    expected = write_audio(tmp_path / "5.wav", 5).read_bytes()
    folder = tmp_path / "saved"
    folder.mkdir()
    assert calls.download(found, folder) == folder / f"{found.recording_uuid}.wav"
    calls.download(found.recording_uuid or "", folder / "by-id")
    calls.download(found, folder / "a.ogg", format="opus")
    whole = io.BytesIO()
    calls.download(found, whole)
    assert (folder / f"{found.recording_uuid}.wav").read_bytes() == expected
    assert (folder / "by-id").read_bytes() == whole.getvalue() == expected
    assert (folder / "a.ogg").read_bytes().startswith(b"OggS")


def test_handing_in_twice_is_once_and_other_content_is_a_conflict(
    calls: Callreel, stored: list[Recording], tmp_path: Path
) -> None:
    audio = write_audio(tmp_path / "5.wav", 5)
    assert calls.upload(call(5), audio) == stored[5]
    with pytest.raises(ConflictError):
        calls.upload({**call(6), "recording_uuid": stored[5].recording_uuid}, audio)
    assert calls.count() == len(stored)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dialog_uuid": None}, "dialog_uuid"),
        ({"talking_time": -1}, "talking_time"),
        ({"no_such_field": 1}, "no_such_field"),
        ({"hangup_time": "2025-01-01 00:00:00"}, "hangup_time"),
    ],
)
def test_a_call_that_cannot_be_is_refused_with_the_field_at_fault(
    calls: Callreel, tmp_path: Path, change: dict[str, object], field: str
) -> None:
    with pytest.raises(BadRecordingError) as caught:
        calls.upload(call(1) | change, write_audio(tmp_path / "1.wav", 1))
    assert caught.value.field == field


def test_a_file_that_is_no_audio_is_refused(calls: Callreel, tmp_path: Path) -> None:
    page = tmp_path / "page.wav"
    page.write_bytes(b"<!doctype html><p>no sound</p>" * 20)
    with pytest.raises(BadRecordingError):
        calls.upload(call(1), page)


def test_tags_are_replaced_and_found_by(server: Running, tmp_path: Path) -> None:
    server.ask("POST", "/custom_tag", "other", json={"id": 7, "name": "praise"})
    with Callreel(server.url, server.keys["other"]) as others:
        found = others.upload(call(99), write_audio(tmp_path / "99.wav", 99))
        recording_id = found.recording_uuid or ""
        assert others.set_tags(recording_id, [7, 7]).custom_tag_id_list == (7,)
        assert [each.recording_uuid for each in others.recordings(tag=7)] == [recording_id]
        with pytest.raises(BadRecordingError, match="8"):
            others.set_tags(recording_id, [8])
        assert others.set_tags(recording_id, []).custom_tag_id_list == ()
        assert others.count(tag=7) == 0


def test_recordings_move_from_one_server_to_another(
    server: Running, calls: Callreel, stored: list[Recording], tmp_path: Path
) -> None:
    with Callreel(server.url, server.keys["other"]) as target:
        for each in stored[:5]:
            assert target.upload(each, calls.download(each, tmp_path)) == each
            assert target.recording(each.recording_uuid or "") == each


def test_what_the_key_does_not_reach_is_not_there(
    server: Running, stored: list[Recording], tmp_path: Path
) -> None:
    with Callreel(server.url, server.keys["other"]) as strangers:
        recording_id = stored[9].recording_uuid or ""
        with pytest.raises(NotFoundError):
            strangers.recording(recording_id)
        with pytest.raises(NotFoundError):
            strangers.download(recording_id, tmp_path)
        with pytest.raises(NotFoundError):
            strangers.set_tags(recording_id, [])


def test_a_wrong_key_is_refused(server: Running) -> None:
    with (
        Callreel(server.url, "wrong") as nobody,
        pytest.raises(KeyRefusedError) as caught,
    ):
        nobody.count()
    assert caught.value.request_id


def test_what_the_server_does_not_take_is_said_with_the_parameter(calls: Callreel) -> None:
    with pytest.raises(BadRequestError) as caught:
        list(calls.recordings(number="9" * 65))
    assert caught.value.field == "filter"


def test_calls_are_found_and_counted_with_recording_and_without(
    calls: Callreel, stored: list[Recording], server: Running, tmp_path: Path
) -> None:
    in_order = sorted(stored, key=lambda each: each.start_time or "")
    assert list(calls.calls()) == in_order
    inbound = [each for each in in_order if each.business_direction == "INBOUND"]
    assert list(calls.calls(business_direction="INBOUND", sort="start_time")) == inbound
    assert calls.count_calls(business_direction="INBOUND", project_id=[1, 2]) == sum(
        each.project_id in {1, 2} for each in inbound
    )
    assert list(calls.calls(call_request_agent_id="7")) == []
    assert calls.count_calls(dialog_type=[]) == 0
    with Callreel(server.url, server.keys["other"]) as other:
        made = other.upload(call(3) | {"dialog_uuid": "left"}, write_audio(tmp_path / "3.wav", 3))
        server.ask("DELETE", f"{PATH}/{made.recording_uuid}", "other")
        (left,) = [each for each in other.calls() if each.dialog_uuid == made.dialog_uuid]
    assert (left.dialog_uuid, left.recording_uuid) == (made.dialog_uuid, None)
