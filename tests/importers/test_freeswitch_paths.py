from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.importers.freeswitch.files import Ambiguous, Files, stem_of
from callreel.importers.freeswitch.paths import paths_of
from callreel.importers.freeswitch.record import Record
from callreel.importers.items import Candidate, Fault, Refusal
from importers.monitor import wav
from importers.switch import OTHER, A, B, Switch, as_json, variables

REC = ("var", "rec")


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path)


def files(*paths: str) -> Files:
    found = Files()
    for path in paths:
        found.add(tuple(path.split("/")))
    return found


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ({"record_path": "/var/rec", "record_name": "1.wav"}, (*REC, "1.wav")),
        ({"record_path": "/var/rec/", "record_ext": "mp3"}, (*REC, f"{A}.mp3")),
        ({"record_path": "/var/rec"}, (*REC, f"{A}.wav")),
        ({"record_path": "/var/rec/1.wav"}, (*REC, "1.wav")),
        ({"execute_on_answer": "record_session /var/rec/a b.wav +20"}, (*REC, "a b.wav")),
        ({"execute_on_answer": "record_session::/var/rec/1.wav"}, (*REC, "1.wav")),
        ({"execute_on_answer": "sched_hangup +60"}, None),
        ({"record_name": "1.wav"}, ("1.wav",)),
        ({"cc_record_filename": "/var/rec/q.wav"}, (*REC, "q.wav")),
        ({"last_app": "record_session", "last_arg": "/var/rec/1.wav"}, (*REC, "1.wav")),
        ({"last_app": "record_session", "last_arg": "/var/rec/1.wav +60"}, (*REC, "1.wav")),
        ({"last_app": "record_session", "last_arg": "{a=b}/var/rec/1+2.wav"}, (*REC, "1+2.wav")),
        ({"last_app": "bridge", "last_arg": "user/101@pbx"}, None),
        ({"sofia_record_file": "/var/rec/s.wav"}, (*REC, "s.wav")),
        ({"api_on_answer": f"uuid_record {A} start /var/rec/1.wav"}, (*REC, "1.wav")),
        ({"api_on_answer": f"uuid_record {A} start /var/rec/1.wav 600"}, (*REC, "1.wav")),
        ({"api_on_answer": "uuid_kill x"}, None),
        ({"conference_recording": "/var/rec/c.wav"}, (*REC, "c.wav")),
        (
            {"current_application_data": f"[api_on_answer='uuid_record {A} start /var/rec/1.wav']"},
            (*REC, "1.wav"),
        ),
        (
            {
                "current_application": "record_session",
                "current_application_data": "/var/rec/1.wav",
            },
            (*REC, "1.wav"),
        ),
        ({"record_path": r"C:\rec", "record_name": "1.wav"}, ("C:", "rec", "1.wav")),
        ({"record_path": "/var//./rec", "record_name": "1.wav"}, (*REC, "1.wav")),
        ({}, None),
    ],
)
def test_a_path_is_found_in_each_place_that_may_hold_it(
    told: dict[str, str], path: tuple[str, ...] | None
) -> None:
    assert paths_of(Record(told), A) == (() if path is None else (path,))


def test_paths_come_in_the_order_of_their_sureness_and_once() -> None:
    told = {
        "conference_recording": "/7.wav",
        "api_on_answer": "uuid_record x start /6.wav",
        "sofia_record_file": "/5.wav",
        "last_app": "record_session",
        "last_arg": "/4.wav",
        "cc_record_filename": "/3.wav",
        "record_path": "/",
        "record_name": "1.wav",
    }
    ran = (("record_session", "/4.wav"), ("record_session", "/8.wav"), ("playback", "/9.wav"))
    found = paths_of(Record(told, ran=ran), A)
    assert [each[-1] for each in found] == [f"{n}.wav" for n in (1, 3, 4, 5, 6, 7, 8)]


@pytest.mark.parametrize("path", ["/a/../b", "..", r"C:\..\x.wav", "/rec/.."])
def test_a_path_that_leads_upwards_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="upwards"):
        paths_of(Record({"cc_record_filename": path}), A)


@pytest.mark.parametrize("below", ["1.wav", "rec/1.wav", "var/rec/1.wav", "mnt/pbx/var/rec/1.wav"])
def test_a_file_is_found_whichever_part_of_the_tree_was_copied(below: str) -> None:
    found = files(below, "other/1.wav").find((*REC, "1.wav"))
    assert found == tuple(below.split("/"))


@pytest.mark.parametrize("below", ["log/1.wav", "rec/other/1.wav", "x/rec/1.wav", "2.wav"])
def test_a_file_elsewhere_is_another_recording(below: str) -> None:
    assert files(below).find((*REC, "1.wav")) is None


def test_the_file_with_more_of_the_path_is_meant() -> None:
    there = files("1.wav", "rec/1.wav")
    assert there.find((*REC, "1.wav")) == ("rec", "1.wav")


def test_a_recording_that_was_converted_is_found() -> None:
    assert files("rec/1.mp3").find((*REC, "1.wav")) == ("rec", "1.mp3")
    assert files("rec/1.mp3", "rec/1.wav").find((*REC, "1.wav")) == ("rec", "1.wav")


def test_two_conversions_are_no_guess() -> None:
    with pytest.raises(Ambiguous):
        files("rec/1.mp3", "rec/1.ogg").find((*REC, "1.wav"))


def test_a_name_with_a_uuid_is_found_wherever_it_was_moved() -> None:
    there = files(f"2026/cold/101_{A}.wav")
    assert there.find((*REC, f"101_{A}.wav")) == ("2026", "cold", f"101_{A}.wav")
    with pytest.raises(Ambiguous):
        files(f"a/{A}.wav", f"b/{A}.wav").find((*REC, f"{A}.wav"))


def test_only_a_uuid_finds_a_file_without_a_path() -> None:
    there = files(f"a/b/{A}.mp3", "7.wav")
    assert there.find_by_uuid(A) == ("a", "b", f"{A}.mp3")
    assert there.find_by_uuid(B) is None
    assert there.find_by_uuid("7") is None


def test_what_is_no_audio_by_its_name_is_no_recording() -> None:
    there = files("rec/1.txt", "rec/1")
    assert there.find((*REC, "1.wav")) is None
    assert not there.has(("rec", "1.txt"))
    assert stem_of("1.txt") == "1.txt"


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["a/1.wav", "1.wav", "b/a/1.mp3", f"{A}.wav", f"x/{A}.ogg"])),
    st.lists(st.sampled_from(["a", "b", "var"]), max_size=3),
    st.sampled_from(["1.wav", "1.mp3", f"{A}.wav", "2.wav"]),
)
def test_what_is_found_is_there_and_alike_as_far_as_both_paths_go(
    there: list[str], folders: list[str], name: str
) -> None:
    path = (*folders, name)
    try:
        found = files(*set(there)).find(path)
    except Ambiguous:
        found = None
    if found is not None:
        assert "/".join(found) in there
        assert stem_of(found[-1]) == stem_of(name)
        ends = zip(reversed(found[:-1]), reversed(path[:-1]), strict=False)
        assert A in name or all(one == other for one, other in ends)


def test_nothing_outside_of_the_folder_is_ever_opened(switch: Switch, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav())
    told = variables(last_app="record_session", last_arg=str(secret))
    refused = switch.refused(as_json(told))
    assert refused.fault is Fault.NO_AUDIO
    assert str(tmp_path) not in refused.reason


def test_a_record_that_could_mean_several_files_is_refused_and_so_are_they(
    switch: Switch,
) -> None:
    switch.audio(f"a/{A}.wav")
    switch.audio(f"b/{A}.wav")
    switch.record(f"{A}.cdr.json", as_json(variables()))
    items = switch.items()
    assert [each.fault for each in items if isinstance(each, Refusal)] == [
        Fault.BAD_ROW,
        Fault.NO_CALL,
        Fault.NO_CALL,
    ]


def test_the_recording_named_by_the_other_channel_is_found(switch: Switch) -> None:
    switch.audio(f"pbx.example/archive/2026/Mar/02/{B}.mp3")
    switch.record(f"{A}.cdr.json", as_json(variables(bridge_uuid=B)))
    switch.record(f"{OTHER}.cdr.json", as_json(variables(uuid=OTHER, bridge_uuid="None")))
    (candidate,) = (each for each in switch.items() if isinstance(each, Candidate))
    assert candidate.call.dialog_id == A


def test_a_domain_takes_no_recording_of_another(switch: Switch) -> None:
    told = variables(record_path="/rec/a.example", record_name="101.wav")
    switch.audio("b.example/101.wav")
    switch.record(f"{A}.cdr.json", as_json(told))
    assert {each.fault for each in switch.items() if isinstance(each, Refusal)} == {
        Fault.NO_AUDIO,
        Fault.NO_CALL,
    }
