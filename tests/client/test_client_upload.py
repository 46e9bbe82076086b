from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from callreel.client import NoAnswerError, Recording
from callreel.client.upload import Form, call_fields
from endpoints.original import BUSY, SILENCE
from endpoints.quick import QuickCallreel
from endpoints.scripted import Asked, Reply, ScriptedServer

STORED = Reply(b'{"data":{"recording_uuid":"r1","recording_size":3}}', 201)
CALL = {"dialog_uuid": "d1", "start_time": datetime(2025, 3, 1, 8, 30, tzinfo=UTC)}


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    path = tmp_path / 'zażółć "1".wav'
    path.write_bytes(b"\r\n--RIFF" * 100_000)
    return path


def parts_of(asked: Asked) -> dict[str, Message]:
    head = f"Content-Type: {asked.headers['Content-Type']}\r\n\r\n".encode()
    whole = message_from_bytes(head + asked.body)
    return {
        str(part.get_param("name", header="Content-Disposition")): part
        for part in whole.walk()
        if not part.is_multipart()
    }


def test_an_upload_has_the_call_as_json_and_the_audio_as_it_is(
    scripted: ScriptedServer, client: QuickCallreel, audio: Path
) -> None:
    scripted.play(lambda _: STORED)
    assert client.upload(CALL, audio) == Recording(recording_uuid="r1", recording_size=3)
    asked = scripted.asked[0]
    assert (asked.method, asked.path) == ("POST", "/cdr_dialog_recording")
    parts = parts_of(asked)
    assert list(parts) == ["call", "audio"]
    assert parts["call"].get_content_type() == "application/json"
    assert parts["audio"].get_content_type() == "application/octet-stream"
    call = parts["call"].get_payload(decode=True)
    assert isinstance(call, bytes)
    assert json.loads(call) == {"dialog_uuid": "d1", "start_time": "2025-03-01 08:30:00"}
    assert parts["audio"].get_payload(decode=True) == audio.read_bytes()
    assert 'filename="zażółć %221%22.wav"'.encode() in asked.body


def test_an_upload_that_a_busy_server_did_not_take_is_sent_whole_again(
    scripted: ScriptedServer, client: QuickCallreel, audio: Path
) -> None:
    turns = iter([BUSY])
    scripted.play(lambda _: next(turns, STORED))
    client.upload(CALL, audio)
    assert len(scripted.asked) == 2
    assert scripted.asked[0].body == scripted.asked[1].body


def test_an_upload_whose_answer_is_lost_is_left_to_the_caller(
    scripted: ScriptedServer, client: QuickCallreel, audio: Path
) -> None:
    scripted.play(lambda _: SILENCE)
    with pytest.raises(NoAnswerError):
        client.upload(CALL, audio)
    assert len(scripted.asked) == 1


def test_a_recording_of_another_server_is_handed_in_as_its_call_with_its_id() -> None:
    found = Recording(
        recording_uuid="r1",
        dialog_uuid="d1",
        machine_detected=True,
        custom_tag_id_list=(1, 2),
        recording_url="https://elsewhere.example/r1",
        recording_size=5,
    )
    assert call_fields(found) == {
        "recording_uuid": "r1",
        "dialog_uuid": "d1",
        "machine_detected": 1,
        "custom_tag_id_list": (1, 2),
    }


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"machine_detected": False}, {"machine_detected": 0}),
        ({"machine_detected": True, "talking_time": 0}, {"machine_detected": 1, "talking_time": 0}),
        ({"project_id": None, "custom_tag_id_list": []}, {"custom_tag_id_list": []}),
        (
            {"answer_time": datetime(2025, 3, 1, 8, 30, 0, 999_999, tzinfo=UTC)},
            {"answer_time": "2025-03-01 08:30:00"},
        ),
        ({"start_time": "as it is"}, {"start_time": "as it is"}),
    ],
)
def test_the_fields_of_a_call_are_written_as_the_endpoint_has_them(
    given: dict[str, object], sent: dict[str, object]
) -> None:
    assert json.dumps(call_fields(given)) == json.dumps(sent)


def test_a_time_without_zone_is_refused_before_anything_is_sent(
    scripted: ScriptedServer, client: QuickCallreel, audio: Path
) -> None:
    scripted.play(lambda _: STORED)
    with pytest.raises(ValueError, match="needs a time zone"):
        client.upload({"start_time": datetime(2025, 3, 1)}, audio)  # noqa: DTZ001 - it is what is refused
    assert scripted.asked == []


@pytest.mark.parametrize("size", [0, 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1])
def test_a_file_of_any_length_is_sent_as_long_as_was_said(tmp_path: Path, size: int) -> None:
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"s" * size)
    form = Form(CALL, audio)
    for _ in range(2):
        sent = b"".join(form.chunks())
        assert len(sent) == int(form.headers["Content-Length"])
        assert sent.count(b"s" * size) >= 1


def test_each_form_has_a_boundary_of_its_own(audio: Path) -> None:
    first, second = Form(CALL, audio), Form(CALL, audio)
    assert first.headers["Content-Type"] != second.headers["Content-Type"]
    boundary = first.headers["Content-Type"].partition("boundary=")[2].encode()
    assert b"".join(first.chunks()).count(b"--" + boundary) == 3


@pytest.mark.parametrize("now", [b"short", b"longer than it was"])
def test_a_file_that_changes_while_it_is_sent_is_not_sent_as_if_whole(
    tmp_path: Path, now: bytes
) -> None:
    audio = tmp_path / "growing.wav"
    audio.write_bytes(b"as it was")
    form = Form(CALL, audio)
    audio.write_bytes(now)
    sent: list[bytes] = []
    with pytest.raises(ValueError, match="changed while it was sent"):
        sent.extend(form.chunks())
    assert sent[0].startswith(b"--")
    assert len(b"".join(sent[1:])) <= len(b"as it was")


def test_a_file_that_is_not_there_is_said_by_the_system(
    client: QuickCallreel, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        client.upload(CALL, tmp_path / "none.wav")


def test_a_large_file_is_sent_in_small_pieces(tmp_path: Path) -> None:
    audio = tmp_path / "long.wav"
    with audio.open("wb") as file:
        file.truncate(50_000_000)
    form = Form(CALL, audio)
    sizes = [len(chunk) for chunk in form.chunks()]
    assert max(sizes) <= 1 << 18
    assert sum(sizes) == int(form.headers["Content-Length"])
