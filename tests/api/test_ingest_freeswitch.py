from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.api.freeswitch import MOST_BYTES, unpacked
from callreel.api.limits import Limits
from callreel.archive import hand_in
from callreel.errors import BadRecording
from callreel.server import Options
from importers.switch import OTHER, A, B, as_json, as_xml, encoded, leg_b, variables
from support import Running, serve

ADDRESS = "/ingest/freeswitch"
RECORD = as_json(variables())
AS_XML = as_xml(variables())
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BASE64 = {"Content-Type": "application/x-www-form-base64-encoded"}
PLAIN = {"Content-Type": "application/x-www-form-plaintext"}
TEXT = {"Content-Type": "text/xml"}


@pytest.fixture
def spool(server: Running) -> Iterator[Path]:
    """The folder of the first tenant's records, emptied afterwards."""
    folder = server.data / "spool" / "freeswitch" / "1"
    yield folder
    for path in folder.glob("*"):
        path.unlink()


def post(
    server: Running,
    content: bytes,
    uuid: str = A,
    key: str | None = "ingest",
    **more: Any,
) -> requests.Response:
    path = f"{ADDRESS}?uuid={uuid}"
    return server.ask("POST", path, key, data=content, headers=more.pop("headers", JSON), **more)


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def kept(spool: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in spool.glob("*")}


def test_a_record_is_kept_as_it_came(server: Running, spool: Path) -> None:
    answer = post(server, RECORD)
    assert answer.status_code == 200
    assert answer.json() == {"data": {"uuid": A, "is_new": True}}
    assert kept(spool) == {f"{A}.cdr.json": RECORD}


@pytest.mark.parametrize(
    ("headers", "content", "record"),
    [
        (JSON, RECORD, RECORD),
        (JSON, as_json(variables(), is_encoded=False), as_json(variables(), is_encoded=False)),
        (FORM, b"cdr=" + encoded(as_xml({"uuid": A}).decode()).encode(), as_xml({"uuid": A})),
        (FORM, b"cdr=%7B%22variables%22%3A+%7B%22x%22%3A+%221%2B%22%7D%7D", None),
        (BASE64, b"cdr=" + base64.b64encode(RECORD), RECORD),
        (BASE64, b"cdr=" + base64.encodebytes(AS_XML), AS_XML),
        (PLAIN, b"cdr=" + AS_XML, AS_XML.strip()),
        (TEXT, AS_XML, AS_XML),
        (FORM, RECORD, RECORD),
        (FORM, AS_XML, AS_XML),
        ({"Content-Type": "text/xml; charset=utf-8"}, AS_XML, AS_XML),
        ({}, RECORD, RECORD),
    ],
)
def test_every_form_in_which_freeswitch_posts_is_taken(
    server: Running, spool: Path, headers: dict[str, str], content: bytes, record: bytes | None
) -> None:
    answer = post(server, content, headers=headers)
    assert answer.status_code == 200, answer.text
    (name, found), *more = kept(spool).items()
    assert not more
    assert found == (record or b'{"variables": {"x": "1+"}}')
    assert name == f"{A}.cdr.{'json' if found.startswith(b'{') else 'xml'}"


@pytest.mark.parametrize("uuid", [f"a_{A}", A.upper(), f"a_{A.upper()}"])
def test_the_prefix_of_the_callers_leg_and_capitals_name_the_same_channel(
    server: Running, spool: Path, uuid: str
) -> None:
    assert post(server, RECORD, uuid).json()["data"]["uuid"] == A
    assert list(kept(spool)) == [f"{A}.cdr.json"]


def test_the_same_again_is_answered_alike_and_changes_nothing(server: Running, spool: Path) -> None:
    post(server, RECORD)
    (path,) = spool.iterdir()
    before = path.stat()
    again = post(server, b"cdr=" + base64.b64encode(RECORD), f"a_{A}", headers=BASE64)
    assert (again.status_code, again.json()["data"]["is_new"]) == (200, False)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert kept(spool) == {f"{A}.cdr.json": RECORD}


def test_another_record_of_the_channel_replaces_nothing(server: Running, spool: Path) -> None:
    post(server, RECORD)
    for other in (as_json(variables(billsec="1")), RECORD[:-1] + b" }", RECORD + b" "):
        assert code_of(post(server, other)) == (409, "conflict")
    assert kept(spool) == {f"{A}.cdr.json": RECORD}


def test_a_channel_may_have_a_record_in_each_form(server: Running, spool: Path) -> None:
    post(server, RECORD)
    assert post(server, AS_XML, headers=TEXT).status_code == 200
    assert kept(spool).keys() == {f"{A}.cdr.json", f"{A}.cdr.xml"}


def test_of_many_at_once_one_is_new(server: Running, spool: Path) -> None:
    found: list[bool] = []

    def send() -> None:
        found.append(post(server, RECORD).json()["data"]["is_new"])

    working = [threading.Thread(target=send) for _ in range(8)]
    for each in working:
        each.start()
    for each in working:
        each.join()
    assert sorted(found) == [False] * 7 + [True]
    assert list((server.data / "spool" / "tmp").iterdir()) == []


@pytest.mark.parametrize("user", ["cr_12345678", "freeswitch", "", "ąę"])
def test_the_key_may_be_the_password_of_basic(server: Running, spool: Path, user: str) -> None:
    given = basic(user, server.keys["ingest"])
    assert post(server, RECORD, key=given).status_code == 200
    assert post(server, RECORD, key=given.replace("Basic", "bAsIc")).status_code == 200


def test_curl_sends_the_key_as_freeswitch_does(server: Running, spool: Path) -> None:
    answer = requests.post(
        f"{server.url}{ADDRESS}?uuid={A}",
        data=RECORD,
        headers=JSON,
        auth=("freeswitch", server.keys["ingest"]),
        timeout=20,
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic ====",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"user:").decode(),
        "Basic " + base64.b64encode(b":\xff\xfe\x00").decode(),
        basic("user", "wrong"),
        basic("user", "cr_00000000_" + "A" * 43),
        'Digest username="x", realm="callreel"',
        "Bearer wrong",
    ],
)
def test_a_wrong_key_is_refused_with_the_ways_to_send_one(
    server: Running, spool: Path, given: str | None
) -> None:
    answer = post(server, RECORD, key=given)
    assert code_of(answer) == (401, "not_authenticated")
    assert {"Basic realm", "Bearer realm"} <= {
        each.strip().partition("=")[0] for each in answer.headers["WWW-Authenticate"].split(",")
    }
    assert kept(spool) == {}


def test_a_key_that_was_given_as_user_name_is_none(server: Running, spool: Path) -> None:
    assert post(server, RECORD, key=basic(server.keys["ingest"], "x")).status_code == 401


def test_a_pair_that_is_no_base64_to_its_last_sign_is_none(server: Running, spool: Path) -> None:
    given = basic("user", server.keys["ingest"])
    assert post(server, RECORD, key=given).status_code == 200
    for broken in (given[:20] + "!" + given[20:], given + "=\t=", given[:20]):
        assert post(server, RECORD, key=broken).status_code == 401


def test_no_other_route_takes_basic(server: Running) -> None:
    given = basic("user", server.keys["all"])
    answer = server.ask("GET", "/cdr_dialog_recording", given)
    assert answer.status_code == 401
    assert "Basic" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("key", ["read", "listen", "manage"])
def test_a_key_without_the_scope_hands_in_nothing(server: Running, spool: Path, key: str) -> None:
    assert code_of(post(server, RECORD, key=key)) == (403, "not_allowed")
    assert code_of(post(server, RECORD, key=basic("x", server.keys[key]))) == (403, "not_allowed")
    assert kept(spool) == {}


def test_a_narrowed_key_hands_in_nothing(server: Running, spool: Path) -> None:
    answer = post(server, RECORD, key="narrowed")
    assert code_of(answer) == (403, "not_allowed")
    assert "not narrowed" in answer.json()["error"]["message"]
    assert kept(spool) == {}


def test_each_tenant_has_records_of_its_own(server: Running, spool: Path) -> None:
    theirs = as_json(variables(billsec="1"))
    assert post(server, RECORD).json()["data"]["is_new"]
    assert post(server, theirs, key="other").json()["data"]["is_new"]
    assert kept(spool) == {f"{A}.cdr.json": RECORD}
    assert kept(spool.with_name("2")) == {f"{A}.cdr.json": theirs}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?uuid=",
        "?uuid=a_",
        "?uuid=7",
        f"?uuid={A}x",
        f"?uuid=b_{A}",
        f"?uuid=a_a_{A}",
        f"?uuid={A}%00",
        f"?uuid={A}%0a",
        f"?uuid=../{A}",
        f"?uuid=..%2f..%2f{A}",
        "?uuid=../../../etc/cron.d/x",
        f"?uuid={A}/../{B}",
        f"?uuid=a_..%5c{A}",
        f"?uuid={'٣' * 8}{A[8:]}",
        f"?uuid={A}&uuid={A}",
        f"?uuid={A}&name=x",
    ],
)
def test_what_is_no_uuid_is_refused_and_never_a_path(
    server: Running, spool: Path, query: str
) -> None:
    before = {path for path in server.data.rglob("*") if path.is_file()}
    answer = server.ask("POST", ADDRESS + query, "ingest", data=RECORD, headers=JSON)
    assert code_of(answer) == (400, "bad_parameter")
    assert {path for path in server.data.rglob("*") if path.is_file()} == before


def test_a_record_of_another_channel_is_refused(server: Running, spool: Path) -> None:
    answer = post(server, as_json(leg_b()))
    assert code_of(answer) == (422, "bad_recording")
    assert answer.json()["error"]["field"] == "uuid"
    assert code_of(post(server, RECORD, OTHER)) == (422, "bad_recording")
    assert kept(spool) == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "neither JSON nor XML"),
        (b"hello", "neither JSON nor XML"),
        (b"cdr=", "neither JSON nor XML"),
        (b"cdr=***", "neither a record nor base64"),
        (b"cdr=" + base64.b64encode(b"hello"), "neither JSON nor XML"),
        (RECORD[:-5], "no JSON"),
        (b"{}", "no variables"),
        (b'{"variables":' + b"[" * 100_000, "nested too deeply"),
        (AS_XML[:-9], "no well-formed XML"),
        (b"<a>" * 1000, "levels deep"),
        (
            b"<!DOCTYPE a [<!ENTITY x 'y'>]><cdr><variables><uuid>&x;</uuid></variables></cdr>",
            "doc",
        ),
        (b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><cdr/>", "document type"),
    ],
)
def test_what_is_no_record_is_refused_with_the_reason(
    server: Running, spool: Path, content: bytes, says: str
) -> None:
    answer = post(server, content)
    assert code_of(answer) == (422, "bad_recording")
    assert says in answer.json()["error"]["message"]
    assert kept(spool) == {}


def test_a_form_that_freeswitch_spoiled_says_what_to_set(server: Running, spool: Path) -> None:
    """Its encoder leaves what looks encoded alone, so quotes in values end up bare."""
    spoiled = json.dumps({"variables": {"uuid": A, "caller_id": '"Jan" <101>'}})
    content = b"cdr=" + encoded(spoiled.replace('\\"', '"')).encode()
    answer = post(server, content, headers=FORM)
    assert code_of(answer) == (422, "bad_recording")
    assert "encode" in answer.json()["error"]["message"]


def test_a_record_may_be_as_large_as_the_limit_and_no_larger(server: Running, spool: Path) -> None:
    room = hand_in.MOST_BYTES - len(RECORD)
    assert post(server, RECORD + b" " * room).status_code == 200
    assert code_of(post(server, RECORD + b" " * (room + 1))) == (413, "too_large")
    packed = b"cdr=" + base64.b64encode(RECORD + b" " * (room + 1))
    assert code_of(post(server, packed, headers=BASE64)) == (413, "too_large")


def test_a_body_without_end_is_not_read_to_it(server: Running, spool: Path) -> None:
    head = (
        f"POST {ADDRESS}?uuid={A} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: {server.keys['ingest']}\r\nContent-Length: {10 * MOST_BYTES}\r\n\r\n"
    )
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(head.encode() + b" " * (MOST_BYTES + 1))
        with connection.makefile("rb") as stream:
            assert stream.readline().split()[1] == b"413"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "text/plain"},
        {**JSON, "Content-Encoding": "gzip"},
    ],
)
def test_another_kind_of_body_is_refused(
    server: Running, spool: Path, headers: dict[str, str]
) -> None:
    assert code_of(post(server, RECORD, headers=headers)) == (415, "unsupported_media")
    assert kept(spool) == {}


def test_only_post_is_answered(server: Running) -> None:
    answer = server.ask("GET", f"{ADDRESS}?uuid={A}", "all")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@settings(deadline=None)
@given(st.binary())
def test_any_body_is_unpacked_or_refused(content: bytes) -> None:
    for body in (content, b"cdr=" + content):
        try:
            found = unpacked(body)
        except BadRecording:
            continue
        assert len(found) <= len(body)
    assert unpacked(b"cdr=" + base64.b64encode(content)) == content or not content.strip()


def test_a_record_too_many_at_once_is_turned_away_to_be_sent_again(tmp_path: Path) -> None:
    with serve(tmp_path / "data", Options(limits=Limits(max_uploads=1))) as server:
        head = (
            f"POST {ADDRESS}?uuid={A} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: {server.keys['ingest']}\r\nContent-Length: {len(RECORD)}\r\n\r\n"
        )
        with socket.create_connection(server.address, timeout=20) as stalled:
            stalled.sendall(head.encode() + RECORD[:9])
            answer = post(server, RECORD)
            while answer.status_code == 200:  # the one that is stalled has not been read yet
                answer = post(server, RECORD)
            assert code_of(answer) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
        while post(server, RECORD).status_code != 200:  # it has not been seen yet that it is gone
            pass
