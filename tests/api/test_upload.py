from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from callreel.api import body as arriving
from callreel.api.limits import Limits
from callreel.server import Options
from forms import BOUNDARY, Part, form
from support import PATH, PROJECT, Running, a_call, a_sound, leftovers, serve


def call_part(**fields: Any) -> Part:
    return ("call", "", json.dumps(a_call(**fields)).encode())


def audio_part(audio: bytes) -> Part:
    return ("audio", '; filename="call.wav"\r\nContent-Type: audio/wav', audio)


def post(server: Running, body: bytes | Iterator[bytes], **headers: str) -> tuple[int, Any]:
    sent = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}", **headers}
    answer = server.ask("POST", PATH, data=body, headers=sent)
    return answer.status_code, answer.json()


def raw_head(server: Running, length: int, key: str = "all") -> bytes:
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {server.keys[key]}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n"
        f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
    ).encode()


def answer_to(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as stream:
        return stream.readline() + stream.read()


def total(server: Running) -> int:
    counted = server.ask("GET", PATH, params={"count": "true", "limit": "1"})
    return int(counted.headers["X-Total-Count"])


def test_a_recording_comes_out_as_it_went_in(server: Running, sound: bytes) -> None:
    answer = server.upload(sound, a_call(dialog_uuid="in and out"))
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert answer.headers["Location"] == f"{server.url}{PATH}/{data['recording_uuid']}"
    assert data.items() >= a_call(dialog_uuid="in and out").items()
    assert data["recording_size"] == len(sound)
    assert server.ask("GET", f"{PATH}/{data['recording_uuid']}/audio").content == sound
    assert data in server.ask("GET", PATH).json()["data"]


def test_the_same_again_changes_nothing(server: Running, sound: bytes) -> None:
    call = a_call(dialog_uuid="twice")
    first, count = server.add(sound, call), total(server)
    again = server.upload(sound, call)
    assert (again.status_code, again.json()["data"]) == (200, first)
    assert total(server) == count


def test_an_id_with_other_content_is_a_conflict(server: Running, sound: bytes) -> None:
    server.add(sound, a_call(recording_uuid="taken"))
    clash = server.upload(sound, a_call(recording_uuid="taken", talking_time=1))
    assert (clash.status_code, clash.json()["error"]["code"]) == (409, "conflict")


def test_a_narrowed_key_is_told_alike_of_a_taken_id_wherever_it_lies(
    server: Running, sound: bytes
) -> None:
    server.add(sound, a_call(recording_uuid="within", project_id=PROJECT))
    server.add(sound, a_call(recording_uuid="outside", project_id=PROJECT + 1, project_name="Hid"))

    told = []
    for name in ("within", "outside"):
        call = a_call(recording_uuid=name, project_id=PROJECT, talking_time=1)
        answer = server.upload(sound, call, key="narrowed")
        told.append((answer.status_code, answer.json()["error"] | {"request_id": ""}))

    assert told[0] == told[1]
    assert told[0][0] == 409


def test_the_parts_may_come_in_either_order(server: Running, sound: bytes) -> None:
    one = post(server, form(call_part(dialog_uuid="order"), audio_part(sound)))
    other = post(server, form(audio_part(sound), call_part(dialog_uuid="order")))
    assert (one[0], other[0]) == (201, 200)
    assert one[1] == other[1]


def test_a_body_in_chunks_without_a_length_is_taken(server: Running, sound: bytes) -> None:
    body = form(call_part(dialog_uuid="chunked"), audio_part(sound))
    status, _ = post(server, (body[at : at + 997] for at in range(0, len(body), 997)))
    assert status == 201


def test_what_follows_the_last_boundary_is_ignored(server: Running, sound: bytes) -> None:
    body = form(call_part(dialog_uuid="epilogue"), audio_part(sound))
    assert post(server, iter([body, b"and more"]))[0] == 201


BAD: dict[str, tuple[Callable[[bytes], bytes], int, str | None]] = {
    "nothing at all": (lambda _: b"", 422, None),
    "no part": (lambda _: form(), 422, "call"),
    "no call": (lambda sound: form(audio_part(sound)), 422, "call"),
    "no audio": (lambda _: form(call_part()), 422, "audio"),
    "empty audio": (lambda _: form(call_part(), audio_part(b"")), 422, "audio"),
    "a call twice": (lambda _: form(call_part(), call_part()), 422, "call"),
    "audio twice": (lambda sound: form(audio_part(sound), audio_part(sound)), 422, "audio"),
    "another part": (lambda sound: form(("more", "", b""), audio_part(sound)), 422, None),
    "a nameless part": (lambda sound: form(("", "", b""), audio_part(sound)), 422, None),
    "no boundary at the end": (
        lambda sound: form(call_part(), audio_part(sound))[: -len(BOUNDARY) - 6],
        422,
        None,
    ),
    "another boundary": (lambda _: form(call_part()).replace(BOUNDARY, b"other"), 422, None),
    "endless headers": (lambda _: form(("call", "; x=" + "x" * 9000, b"")), 413, None),
    "many headers": (lambda _: form(("call", "\r\nA: b" * 20, b"")), 413, None),
    "a header without UTF-8": (
        lambda _: form(("call", "", b"")).replace(b'"call"', b'"\xff"'),
        422,
        None,
    ),
    "base64": (
        lambda _: form(("audio", "\r\nContent-Transfer-Encoding: base64", b"AAAA")),
        422,
        "audio",
    ),
    "HTML": (lambda _: form(call_part(), audio_part(b"<script>1</script>" * 9)), 415, None),
    "a WAV of 44 bytes": (lambda sound: form(call_part(), audio_part(sound[:44])), 422, None),
    "half a WAV": (lambda sound: form(call_part(), audio_part(sound[:9000])), 422, None),
    "a long call": (lambda _: form(("call", "", b" " * 70_000)), 413, "call"),
    "no JSON": (lambda sound: form(("call", "", b"call"), audio_part(sound)), 422, "call"),
    "no UTF-8": (lambda sound: form(("call", "", b'"\xff"'), audio_part(sound)), 422, "call"),
    "a list": (lambda sound: form(("call", "", b"[]"), audio_part(sound)), 422, "call"),
    "deep": (lambda sound: form(("call", "", b"[" * 60_000), audio_part(sound)), 422, "call"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_upload_is_refused_and_leaves_nothing(
    server: Running, sound: bytes, name: str
) -> None:
    body, status, field = BAD[name]
    before = total(server)
    found, answer = post(server, body(sound))
    assert (found, answer["error"].get("field")) == (status, field)
    assert total(server) == before
    assert not leftovers(server)


BAD_CALLS: dict[str, str | dict[str, Any]] = {
    "an unknown field": {"tenant_id": 2},
    "a measured field": {"recording_sha256": "0" * 64},
    "the state": {"state": "available"},
    "a missing field": {"dialog_uuid": None},
    "a wrong type": {"talking_time": "61500"},
    "a fraction": {"talking_time": 1.5},
    "a whole fraction": {"talking_time": 1.0},
    "a truth value": {"talking_time": True},
    "a negative length": {"talking_time": -1},
    "a length of 2^53": {"talking_time": 1 << 53},
    "an id of 2^63": {"project_id": 1 << 63},
    "an unknown kind": {"dialog_type": "FAX"},
    "a moment that is none": {"start_time": "2025-02-30 00:00:00"},
    "a moment in other words": {"start_time": "2025-03-14T09:26:53Z"},
    "an end before the start": {"hangup_time": "2025-03-14 09:26:52"},
    "a start in 1999": {"start_time": "1999-12-31 23:59:59"},
    "an id with a slash": {"recording_uuid": "../audio"},
    "an id that is a folder": {"recording_uuid": ".."},
    "an empty id": {"recording_uuid": ""},
    "a NUL": {"operator_call_id": "a\0b"},
    "a name without its id": {"project_name": "Orders"},
    "half a character": '{"dialog_uuid": "\\ud800"',
    "a key twice": '{"dialog_uuid": "a", "dialog_uuid": "b"',
    "no number": '{"dialog_uuid": "a", "waiting_time": NaN',
    "an endless number": '{"dialog_uuid": "a", "waiting_time": ' + "9" * 5000,
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_bad_call_is_refused(server: Running, sound: bytes, name: str) -> None:
    bad = BAD_CALLS[name]
    rest = json.dumps({key: value for key, value in a_call().items() if key != "dialog_uuid"})
    text = json.dumps(a_call(**bad)) if isinstance(bad, dict) else f"{bad}, {rest[1:]}"
    before = total(server)
    status, answer = post(server, form(("call", "", text.encode()), audio_part(sound)))
    assert (status, answer["error"]["code"]) == (422, "bad_recording")
    assert total(server) == before
    assert not leftovers(server)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "multipart/mixed; boundary=x"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "multipart/form-data"}, 422),
        ({"Content-Type": "multipart/form-data; boundary="}, 422),
        ({"Content-Encoding": "gzip"}, 415),
    ],
)
def test_a_wrong_content_type_is_refused(
    server: Running, headers: dict[str, str], status: int
) -> None:
    assert post(server, form(call_part()), **headers)[0] == status


def test_a_query_is_refused(server: Running, sound: bytes) -> None:
    files = {"audio": ("a.wav", sound)}
    assert server.ask("POST", PATH + "?overwrite=1", files=files).status_code == 400


def test_an_upload_of_other_projects_is_refused_to_a_narrowed_key(
    server: Running, sound: bytes
) -> None:
    inside = server.upload(sound, a_call(project_id=9, dialog_uuid="narrow"), key="narrowed")
    outside = server.upload(sound, a_call(project_id=8, dialog_uuid="narrow"), key="narrowed")
    assert (inside.status_code, outside.status_code) == (201, 422)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that takes no more than 40,000 bytes of audio."""
    limits = Limits(max_upload_bytes=40_000, max_call_bytes=1000)
    folder = tmp_path_factory.mktemp("small") / "data"
    with serve(folder, Options(limits=limits)) as running:
        yield running


def test_audio_up_to_the_limit_is_taken_and_a_byte_more_is_not(
    small: Running, tmp_path: Path
) -> None:
    exact = a_sound(tmp_path, seconds=(40_000 - 44) / 32_000)
    assert len(exact) == 40_000
    assert small.upload(exact).status_code == 201
    answer = small.upload(exact + b"\0")
    assert answer.status_code == 413
    assert answer.json()["error"]["field"] == "audio"
    assert not leftovers(small)


def test_a_length_above_the_limit_is_refused_before_the_body_comes(small: Running) -> None:
    with socket.create_connection(small.address) as connection:
        connection.sendall(raw_head(small, 1 << 40))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_length_that_is_spelled_at_length_is_read(server: Running, sound: bytes) -> None:
    body = form(call_part(dialog_uuid="zeros"), audio_part(sound))
    head = raw_head(server, len(body)).replace(b"Length: ", b"Length: " + b"0" * 5_000)
    with socket.create_connection(server.address) as connection:
        connection.sendall(head + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 201 ")


def test_an_endless_body_without_a_length_is_refused(small: Running) -> None:
    head = form(call_part(), audio_part(b""))[: -len(BOUNDARY) - 8]
    chunks = iter([head, *[b"\0" * 10_000] * 30])
    assert post(small, chunks)[0] == 413
    assert not leftovers(small)


def test_an_endless_preamble_is_refused(small: Running) -> None:
    assert post(small, iter([b"\0" * 10_000] * 30))[0] == 413


def test_a_connection_cut_in_the_middle_leaves_nothing(server: Running, sound: bytes) -> None:
    body = form(call_part(dialog_uuid="cut"), audio_part(sound))
    before = total(server)
    for sent in (0, 1, 60, 500, len(body) // 2, len(body) - 1):
        with socket.create_connection(server.address) as connection:
            connection.sendall(raw_head(server, len(body)) + body[:sent])
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(10)
            assert connection.recv(1000) == b""
    assert total(server) == before
    assert not leftovers(server)


def test_a_length_shorter_than_the_body_ends_the_upload_there(
    server: Running, sound: bytes
) -> None:
    body = form(call_part(dialog_uuid="short"), audio_part(sound))
    before = total(server)
    with socket.create_connection(server.address) as connection:
        connection.sendall(raw_head(server, len(body) - 100) + body)
        connection.shutdown(socket.SHUT_WR)
        assert answer_to(connection)[:13] in {b"HTTP/1.1 422 ", b"HTTP/1.1 400 "}
    assert total(server) == before
    assert not leftovers(server)


def test_an_upload_that_stands_still_is_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "IDLE_SECONDS", 0.05)
    with socket.create_connection(server.address) as connection:
        connection.sendall(raw_head(server, 10_000) + form(call_part())[:100])
        answer = answer_to(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert not leftovers(server)


def test_an_upload_that_drips_is_given_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "IDLE_SECONDS", 0.3)
    body = form(call_part())
    with socket.create_connection(server.address) as connection:
        connection.sendall(raw_head(server, len(body)))
        sent = 0
        while not select.select([connection], [], [], 0.02)[0]:
            connection.sendall(body[sent : sent + 1])
            sent += 1
        assert answer_to(connection).startswith(b"HTTP/1.1 408 ")
    assert sent < 100
    assert not leftovers(server)


def test_a_slow_upload_that_is_faster_than_the_least_rate_is_taken(
    server: Running, sound: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "IDLE_SECONDS", 0.3)
    body = form(call_part(), audio_part(sound))
    with socket.create_connection(server.address) as connection:
        connection.sendall(raw_head(server, len(body)))
        began = time.monotonic()
        for start in range(0, len(body), 1_000):
            connection.sendall(body[start : start + 1_000])
            time.sleep(0.02)
        assert time.monotonic() - began > 0.3
        assert answer_to(connection).startswith(b"HTTP/1.1 201 ")


def test_a_full_disk_is_told_and_reading_goes_on(tmp_path: Path, sound: bytes) -> None:
    with serve(tmp_path / "data", free_space_reserve=1 << 60) as full:
        answer = full.upload(sound)
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
        assert full.ask("GET", PATH).json() == {"data": []}
        assert full.ask("GET", "/ready", None).status_code == 503


def test_an_upload_too_many_is_turned_away_at_once_and_other_questions_go_on(
    tmp_path: Path, sound: bytes
) -> None:
    body = form(call_part(), audio_part(sound))
    with serve(tmp_path / "data", Options(limits=Limits(max_uploads=1))) as server:
        with socket.create_connection(server.address, timeout=20) as first:
            first.sendall(raw_head(server, len(body)) + body[:100])
            while not leftovers(server):
                time.sleep(0.01)
            turned_away = server.upload(sound, a_call())
            assert turned_away.status_code == 503
            assert int(turned_away.headers["Retry-After"]) >= 1
            assert turned_away.json()["error"]["code"] == "unavailable"
            assert total(server) == 0
            first.sendall(body[100:])
            assert b"201" in first.recv(1000)
        assert server.upload(sound, a_call(dialog_uuid="later")).status_code == 201


def test_one_tenant_holds_at_most_half_of_the_uploads_with_whatever_keys(
    tmp_path: Path, sound: bytes
) -> None:
    body = form(call_part(), audio_part(sound))
    with (
        serve(tmp_path / "data", Options(limits=Limits(max_uploads=4))) as server,
        ExitStack() as held,
    ):
        for key in ("all", "ingest"):
            stalled = held.enter_context(socket.create_connection(server.address, timeout=20))
            stalled.sendall(raw_head(server, len(body), key) + body[:100])
        while len(leftovers(server)) < 2:
            time.sleep(0.01)
        turned_away = server.upload(sound, a_call())
        assert turned_away.status_code == 503
        assert int(turned_away.headers["Retry-After"]) >= 1
        assert server.upload(sound, a_call(), key="other").status_code == 201
