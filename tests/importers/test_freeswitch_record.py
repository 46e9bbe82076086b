from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.importers.freeswitch.record import MAX_RECORD, read_record
from callreel.importers.freeswitch.record_files import uuid_of
from callreel.importers.freeswitch.xml_text import MAX_DEPTH, read_xml
from callreel.importers.items import Candidate, Fault
from importers.switch import A, Switch, as_json, as_xml, encoded, flow, variables

SECRET = "what another file holds"
ODD = '"Jan + Ola" <sip:101@pbx.example> 100% ąę'


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path)


@pytest.mark.parametrize("is_encoded", [True, False])
def test_values_are_decoded_once_and_only_where_they_are_encoded(is_encoded: bool) -> None:
    told = read_record(as_json(variables(sip_full_from=ODD), is_encoded=is_encoded)).variables
    assert told["sip_full_from"] == ODD
    assert told["start_stamp"] == "2026-03-02 09:00:05"


def test_what_looks_encoded_in_a_plain_record_is_left_as_it_is() -> None:
    told = read_record(as_json(variables(note="100%25 %2B"), is_encoded=False)).variables
    assert told["note"] == "100%25 %2B"


def test_what_was_encoded_before_freeswitch_encoded_it_is_decoded_once() -> None:
    assert read_record(as_json({"uuid": A, "x": "%2541"})).variables["x"] == "%2541"
    assert encoded("%2541") == "%252541"


def test_a_plus_is_a_plus() -> None:
    told = read_record(as_json(variables(caller_id_number="+48600100200"))).variables
    assert told["caller_id_number"] == "+48600100200"


def test_values_in_xml_are_always_encoded_even_beside_a_bare_space() -> None:
    """As the fax scripts of FusionPBX write them."""
    content = (
        b"<cdr><variables><start_stamp>2026-03-02 09%3A00%3A05</start_stamp></variables></cdr>"
    )
    assert read_record(content).variables == {"start_stamp": "2026-03-02 09:00:05"}


def test_the_callflow_may_be_several_keys_of_one_object() -> None:
    """As FreeSWITCH wrote it before it became a list."""
    newest, oldest = flow(destination_number="101"), flow(destination_number="48221234567")
    once = json.loads(as_json(variables()))
    del once["callflow"]
    text = json.dumps(once)[:-1]
    text += f', "callflow": {json.dumps(newest)}, "callflow": {json.dumps(oldest)}}}'
    called = [each.names["destination_number"] for each in read_record(text.encode()).profiles]
    assert called == ["101", "48221234567"]


def test_fusionpbx_keeps_xml_as_json() -> None:
    whole = {
        "@attributes": {"core-uuid": A},
        "variables": {"uuid": A, "start_stamp": "2026-03-02%2009%3A00%3A05", "empty": {}},
        "app_log": {
            "application": [
                {"@attributes": {"app_name": "answer", "app_data": ""}},
                {"@attributes": {"app_name": "record_session", "app_data": "%2Frec%2F1.wav"}},
            ]
        },
        "callflow": {"@attributes": {"dialplan": "XML"}, **flow()},
    }
    record = read_record(json.dumps(whole).encode())
    assert record.variables == {"uuid": A, "start_stamp": "2026-03-02 09:00:05"}
    assert record.ran == (("answer", ""), ("record_session", "/rec/1.wav"))
    assert record.profiles[0].names["context"] == "public"


def test_both_forms_say_the_same() -> None:
    ran = [("answer", ""), ("record_session", "/rec/a b.wav")]
    flows = [flow(destination_number="101"), flow(caller_id_name='A & B <"x">')]
    from_json, from_xml = (
        read_record(write(variables(sip_full_from=ODD), *flows, ran=ran))
        for write in (as_json, as_xml)
    )
    assert from_json == from_xml


def test_numbers_that_are_no_text_are_read_as_text() -> None:
    whole = {"variables": {"start_epoch": 1772438405, "duration": 1e3, "on": True, "no": None}}
    assert read_record(json.dumps(whole).encode()).variables == {
        "start_epoch": "1772438405",
        "duration": "1000.0",
    }


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    assert read_record(b"\xef\xbb\xbf" + as_json(variables())).variables["uuid"] == A
    assert read_record(b"\xef\xbb\xbf" + as_xml(variables())).variables["uuid"] == A


def test_bytes_and_halves_of_characters_that_are_none_do_no_harm(switch: Switch) -> None:
    plain = as_json(variables(caller_id_number="XX", hangup_cause="YY"), is_encoded=False)
    content = plain.replace(b"XX", b"\\ud800\\udc00\\ud83d 5").replace(b"YY", b"\xff\xfe!")
    switch.audio(f"{A}.wav")
    switch.record(f"{A}.cdr.json", content)
    call = switch.only().call
    for text in (call.from_number, call.end_cause):
        assert text is not None
        text.encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "neither JSON nor XML"),
        (b"calls: 1", "neither JSON nor XML"),
        (b"[]", "neither JSON nor XML"),
        (b'{"variables": {"uuid": "1"', "no JSON: line 1"),
        (b'{"variables": {"uuid": "1"}} {}', "no JSON"),
        (b"{}", "no variables"),
        (b'{"variables": []}', "no variables"),
        (b'{"variables": {"uuid": {}}}', "no variables"),
        (b'{"variables":' + b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"<cdr><variables><uuid>1</uuid></cdr>", "no well-formed XML: line 1"),
        (b"<cdr><variables><1st>1</1st></variables></cdr>", "no well-formed XML"),
        (b"<cdr/>", "no variables"),
        (b"<cdr>&unknown;</cdr>", "no well-formed XML"),
        (b"<cdr><variables><a>\x00</a></variables></cdr>", "no well-formed XML"),
        (b"<?xml version='1.0' encoding='klingon'?><cdr/>", "no well-formed XML"),
        (b"<a>" * (MAX_DEPTH + 1), "levels deep"),
        (b"<!DOCTYPE cdr><cdr/>", "document type"),
    ],
)
def test_what_is_no_record_is_refused_with_the_reason(
    switch: Switch, content: bytes, says: str
) -> None:
    refused = switch.refused(content)
    assert refused.fault is Fault.BAD_ROW
    assert says in refused.reason


def test_a_record_without_end_is_not_read_to_it(switch: Switch) -> None:
    path = switch.record(f"{A}.cdr.json", as_json(variables()))
    os.truncate(path, 1 << 40)
    (item,) = switch.items()
    assert f"more than {MAX_RECORD} bytes" in str(item)


def test_entities_are_never_expanded(switch: Switch) -> None:
    declared = '<!ENTITY e0 "ha">' + "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)
    )
    bomb = f"<!DOCTYPE cdr [{declared}]><cdr><variables><uuid>&e11;</uuid></variables></cdr>"
    refused = switch.refused(bomb.encode())
    assert "document type" in refused.reason
    assert "haha" not in str(refused)


@pytest.mark.parametrize("kind", ["SYSTEM", "PUBLIC 'x'"])
def test_nothing_outside_is_ever_fetched(switch: Switch, tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret").write_text(SECRET)
    address = (tmp_path / "secret").as_uri()
    for declared in (f"[<!ENTITY x {kind} '{address}'>]", f"{kind} '{address}'"):
        text = f"<!DOCTYPE cdr {declared}><cdr><variables><uuid>&x;</uuid></variables></cdr>"
        refused = switch.refused(text.encode())
        assert "document type" in refused.reason
        assert SECRET not in str(refused)


def test_the_five_entities_that_xml_has_itself_are_read() -> None:
    assert read_xml(b"<a><b>&lt;&amp;&gt;&#65;</b></a>") == {"b": "<&>A"}


@pytest.mark.parametrize(
    ("name", "uuid"),
    [
        (f"{A}.cdr.json", A),
        (f"a_{A}.cdr.xml", A),
        (f"{A}.xml", A),
        (f"{A}.json", A),
        ("call-7.cdr.json", "call-7"),
        (f"{A}.cdr.json.part", None),
        (f"{A}.wav", None),
        (".json", None),
    ],
)
def test_records_are_known_by_their_names(name: str, uuid: str | None) -> None:
    assert uuid_of(name) == uuid


def test_the_uuid_of_the_name_stands_in_for_one_that_is_missing(switch: Switch) -> None:
    switch.audio(f"{A}.wav")
    switch.record(f"a_{A}.cdr.json", as_json(variables(uuid=None, call_uuid=None)))
    assert switch.only().call.dialog_id == A


VALUE = st.none() | st.integers() | st.text(max_size=8) | st.sampled_from(["0", str(10**16), "%2"])
NAME = st.sampled_from([*variables(), "app_name", "app_data", "times", "caller_profile"])
OBJECT = st.dictionaries(NAME, VALUE, max_size=4)
INSIDE = VALUE | OBJECT | st.lists(OBJECT, max_size=2)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "variables": VALUE | st.dictionaries(NAME, INSIDE, max_size=6),
        "callflow": INSIDE | st.lists(st.dictionaries(NAME, INSIDE, max_size=3), max_size=2),
        "app_log": INSIDE | st.dictionaries(NAME, INSIDE, max_size=2),
    },
)


@settings(deadline=None)
@given(PARTS)
def test_any_json_is_a_record_or_refused(tmp_path_factory: Any, parts: dict[str, Any]) -> None:
    switch = Switch(tmp_path_factory.mktemp("any"))
    switch.record(f"{A}.cdr.json", json.dumps(parts).encode())
    (item,) = switch.items()
    assert not isinstance(item, Candidate)
    assert item.where == f"json_cdr/{A}.cdr.json"


@settings(deadline=None)
@given(st.binary() | st.text().map(lambda text: f"<cdr>{text}</cdr>".encode("utf-8", "replace")))
def test_any_bytes_are_a_record_or_refused_in_one_sentence(content: bytes) -> None:
    said = ""
    try:
        read_record(content)
    except ValueError as error:
        said = str(error)
    assert re.fullmatch(r"([^\n]+\.)?", said)


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), st.text(), min_size=1))
def test_whatever_values_freeswitch_encodes_come_back(values: dict[str, str]) -> None:
    told = {**values, "start_stamp": "2026-03-02 09:00:05"}
    assert read_record(as_json(told)).variables == told
    assert read_record(as_json(told, is_encoded=False)).variables == told
