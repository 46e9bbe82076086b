"""The forms that a vCon file comes in: by version, signed, encrypted, packed, sound or not."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from callreel.errors import BadRecording
from callreel.importers.items import Fault
from importers.vcons import (
    SOUND,
    STARTED_AT,
    UUID,
    base64url,
    candidate,
    hash_of,
    outside,
    recording,
    refusal,
    row,
    sound_of,
    vcon,
)

UNVERIFIED = "The vCon is signed; its signature was not verified."


def signed(payload: bytes, **members: Any) -> dict[str, Any]:
    """Return a JWS in the general serialisation; nobody looks at its signature."""
    signature = {"header": {"alg": "RS256", "x5u": "https://a.example/"}, "signature": "c2ln"}
    return {"payload": base64url(payload), "signatures": [signature]} | members


def text_of(whole: dict[str, Any]) -> bytes:
    return json.dumps(whole).encode()


def test_a_recording_is_told_with_all_that_an_import_needs(tmp_path: Path) -> None:
    found = candidate(tmp_path, vcon(recording(filename="rozmowa.wav")))
    assert (found.where, found.original_name, found.source) == ("call.vcon", "rozmowa.wav", "vcon")
    assert (found.native_id, found.native_time) == (f"{UUID}/0", STARTED_AT)
    assert (found.path, found.size, found.notes) == (None, len(SOUND), ())
    assert sound_of(found) == SOUND
    assert sound_of(found) == SOUND


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 3000, 48_001, 48_002, 600_001])
@pytest.mark.parametrize("is_padded", [False, True])
def test_audio_of_any_length_comes_out_whole(tmp_path: Path, length: int, is_padded: bool) -> None:
    content = bytes(each * 7 % 256 for each in range(length))
    body = base64.urlsafe_b64encode(content).decode()
    found = candidate(tmp_path, vcon(recording(body=body if is_padded else body.rstrip("="))))
    assert sound_of(found) == content
    assert found.size == (length if length > 4096 else None)


@pytest.mark.parametrize("encoding", ["base64url", "base64", "BASE64URL", None])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_either_alphabet_of_base64_is_taken(
    tmp_path: Path, encoding: str | None, encode: Any
) -> None:
    content = bytes(range(256)) * 40
    found = candidate(tmp_path, vcon(recording(body=encode(content).decode(), encoding=encoding)))
    assert sound_of(found) == content


@pytest.mark.parametrize(
    ("plain", "written"),
    [("/", "\\/"), ("/", "\\u002f"), ("=", "\\u003d"), ("+", "\\u002B"), ("A", "A\\n"),
     ("B", "B\\r\\n")],
)  # fmt: skip
def test_a_body_that_was_escaped_or_broken_into_lines_is_taken(
    tmp_path: Path, plain: str, written: str
) -> None:
    content = bytes(range(256)) * 4000 + b"!"
    body = base64.b64encode(content).decode().replace(plain, written)
    text = json.dumps(vcon(recording(body="@"))).replace("@", body)
    found = candidate(tmp_path, text)
    assert (sound_of(found), found.size) == (content, None)


def wrong_body(text: str) -> str:
    return json.dumps(vcon(recording(body="@"))).replace("@", text)


@pytest.mark.parametrize("wrong", ["!", "====A", "ż", "é?"])
def test_a_long_body_that_is_no_base64_is_refused(tmp_path: Path, wrong: str) -> None:
    found = refusal(tmp_path, wrong_body("QUJD" * 5000 + wrong))
    assert (found.fault, found.reason) == (Fault.BROKEN, "The audio in it is no base64url.")


@pytest.mark.parametrize("count", [1, 5000, 200_000])
@pytest.mark.parametrize("wrong", ["A", "\\u00e9", "\\n\\u0021", "\\n=A", "\\n====\\nQUJD"])
def test_a_body_that_proves_to_be_no_base64_cannot_be_read(
    tmp_path: Path, wrong: str, count: int
) -> None:
    found = candidate(tmp_path, wrong_body("QUJD" * count + wrong))
    with pytest.raises(BadRecording, match="base64url"):
        sound_of(found)


def test_a_vcon_that_shrank_after_it_was_found_cannot_be_read(tmp_path: Path) -> None:
    found = candidate(tmp_path, vcon(recording()))
    path = tmp_path / "call.vcon"
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(BadRecording, match="The file ends within its audio"):
        sound_of(found)


@pytest.mark.parametrize("encoding", ["json", "none", "quoted-printable", 7])
def test_audio_in_another_encoding_is_refused(tmp_path: Path, encoding: Any) -> None:
    found = refusal(tmp_path, vcon(recording(encoding=encoding)))
    assert found.fault is Fault.BROKEN
    assert "base64url" in found.reason


@pytest.mark.parametrize(
    "members",
    [
        {"vcon": "0.0.1"},
        {"vcon": "0.0.2", "appended": None, "group": []},
        {"vcon": "0.3.0", "must_support": []},
        {"vcon": None},
        {"critical": []},
        {"critical": ["CC"], "extensions": ["CC", "other"]},
        {"redacted": {}},
        {"updated_at": "2026-03-03T00:00:00Z", "analysis": [{"type": "summary", "body": "x"}]},
    ],
)
def test_a_vcon_of_any_version_is_read(tmp_path: Path, members: dict[str, Any]) -> None:
    found = candidate(tmp_path, vcon(recording(), **members))
    assert (sound_of(found), found.notes) == (SOUND, ())


def test_a_media_type_may_have_its_old_name(tmp_path: Path) -> None:
    dialog = recording(mediatype=None, mimetype="video/x-mp4")
    assert refusal(tmp_path, vcon(dialog)).fault is Fault.NOT_AUDIO
    dialog = recording(mediatype=None, mimetype="audio/x-mp3")
    assert candidate(tmp_path, vcon(dialog)).size == len(SOUND)


@pytest.mark.parametrize("name", ["critical", "must_support"])
@pytest.mark.parametrize("value", [["lawful"], "lawful", ["CC", "lawful"], [None]])
def test_a_vcon_that_needs_an_unknown_extension_is_refused(
    tmp_path: Path, name: str, value: Any
) -> None:
    found = refusal(tmp_path, vcon(recording(), **{name: value}))
    assert found.fault is Fault.BROKEN
    assert "extension" in found.reason


@pytest.mark.parametrize("name", ["amended", "appended", "redacted"])
def test_that_a_vcon_comes_of_another_is_noted(tmp_path: Path, name: str) -> None:
    found = candidate(tmp_path, vcon(recording(), **{name: {"uuid": UUID}}))
    (note,) = found.notes
    assert "another recording" in note


def test_a_signed_vcon_is_taken_and_says_that_nobody_verified_it(tmp_path: Path) -> None:
    found = candidate(tmp_path, signed(text_of(vcon(recording()))))
    assert (found.native_id, found.size, found.notes) == (f"{UUID}/0", len(SOUND), (UNVERIFIED,))
    assert sound_of(found) == SOUND


def test_a_flattened_signature_and_a_tiny_payload_are_taken(tmp_path: Path) -> None:
    whole = text_of(vcon(recording(b"abc")))
    flat = {"payload": base64url(whole), "protected": "e30", "signature": "c2ln"}
    assert sound_of(candidate(tmp_path, flat)) == b"abc"


def test_a_vcon_that_was_signed_again_is_taken(tmp_path: Path) -> None:
    found = candidate(tmp_path, signed(text_of(signed(text_of(vcon(recording()))))))
    assert sound_of(found) == SOUND


def test_a_vcon_that_was_signed_over_and_over_is_refused(tmp_path: Path) -> None:
    whole = text_of(vcon(recording()))
    for _ in range(3):
        whole = text_of(signed(whole))
    assert refusal(tmp_path, whole).reason == "The vCon is signed over and over."


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_packed_vcon_is_taken(tmp_path: Path, is_signed: bool) -> None:
    packed = gzip.compress(text_of(vcon(recording())))
    found = candidate(tmp_path, signed(packed) if is_signed else packed)
    assert (sound_of(found), found.size) == (SOUND, len(SOUND))


@pytest.mark.parametrize("cut", [slice(0, -9), slice(0, 5), slice(0, 2)])
def test_a_packed_vcon_that_is_cut_off_is_refused(tmp_path: Path, cut: slice) -> None:
    packed = gzip.compress(text_of(vcon(recording())))
    assert refusal(tmp_path, packed[cut]).reason == "The packed vCon ends too early."


def test_a_packed_vcon_that_is_damaged_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(text_of(vcon(recording()))))
    packed[40] ^= 0xFF
    assert refusal(tmp_path, bytes(packed)).fault is Fault.BROKEN


def test_a_packed_vcon_of_more_than_is_taken_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callreel.importers.vcon.container.LARGEST", 100_000)
    packed = gzip.compress(text_of(vcon(recording(bytes(90_000)))))
    assert refusal(tmp_path, packed).reason == "The packed vCon holds more than is taken."


@pytest.mark.parametrize("payload", [b"no JSON", b"[]", b"{}", b"\xff", b""])
def test_a_signed_file_that_holds_no_vcon_is_refused(tmp_path: Path, payload: bytes) -> None:
    assert refusal(tmp_path, signed(payload)).fault is Fault.BROKEN


def test_an_encrypted_vcon_is_refused_with_what_to_do(tmp_path: Path) -> None:
    jwe = {"unprotected": {"enc": "A256CBC-HS512"}, "recipients": [], "iv": "a",
           "ciphertext": base64url(bytes(9000)), "tag": "b"}  # fmt: skip
    for whole in (jwe, signed(text_of(jwe))):
        assert refusal(tmp_path, whole).reason == (
            "The vCon is encrypted; let whoever has its key decrypt it first."
        )


@pytest.mark.parametrize(
    "members",
    [
        {"uuid": None}, {"uuid": 7}, {"uuid": ""}, {"uuid": "a" * 49}, {"uuid": "\u0000"},
        {"parties": {}}, {"parties": [1]}, {"dialog": {}}, {"dialog": ["x"]}, {"dialog": "x"},
    ],
)  # fmt: skip
def test_a_vcon_whose_members_are_none_is_refused(tmp_path: Path, members: dict[str, Any]) -> None:
    whole = vcon(recording()) | members
    found = refusal(tmp_path, {name: each for name, each in whole.items() if each is not None})
    assert found.fault is Fault.BROKEN


@pytest.mark.parametrize("dialogs", [None, []])
def test_a_vcon_without_dialogs_is_refused(tmp_path: Path, dialogs: list[Any] | None) -> None:
    found = refusal(tmp_path, vcon(dialog=dialogs))
    assert (found.fault, found.reason) == (Fault.EMPTY, "The vCon holds no dialog.")


@pytest.mark.parametrize("whole", [{"name": "package", "version": "1"}, {"uuid": UUID}])
def test_json_of_something_else_is_refused(tmp_path: Path, whole: dict[str, Any]) -> None:
    assert refusal(tmp_path, whole).reason == "This JSON is no vCon."


def test_a_recording_that_was_cut_out_of_a_redacted_vcon_is_a_call_without(tmp_path: Path) -> None:
    found = row(tmp_path, vcon(recording(body=None, encoding=None), redacted={"uuid": UUID}))
    assert found.call is not None
    assert (found.use.value, found.call.talking_ms) == ("unrecorded", 3000)


def test_a_recording_of_a_redacted_vcon_that_is_away_was_not_cut_out(tmp_path: Path) -> None:
    away = outside("https://a.example/a.wav", hash_of(SOUND))
    assert refusal(tmp_path, vcon(away, redacted={"uuid": UUID})).fault is Fault.NO_AUDIO


@pytest.mark.parametrize(
    ("filename", "name"),
    [("x" * 300, "x" * 255), (" a\n.wav", "a.wav"), ("", "call.vcon"), (7, "call.vcon")],
)
def test_a_recording_has_the_name_that_the_vcon_gives(
    tmp_path: Path, filename: Any, name: str
) -> None:
    assert candidate(tmp_path, vcon(recording(filename=filename))).original_name == name


def test_a_recording_without_audio_is_refused_where_nothing_was_cut_out(tmp_path: Path) -> None:
    found = refusal(tmp_path, vcon(recording(body=None, encoding=None)))
    assert (found.fault, found.reason) == (
        Fault.NO_AUDIO,
        "The recording has neither a body nor a url.",
    )


@pytest.mark.parametrize("body", [SOUND, b"short"])
def test_audio_inside_is_compared_with_its_digest_where_one_is_given(
    tmp_path: Path, body: bytes
) -> None:
    found = candidate(tmp_path, vcon(recording(body, content_hash=hash_of(body))))
    assert sound_of(found) == body
    found = candidate(tmp_path, vcon(recording(body, content_hash=[hash_of(b"other", "sha256")])))
    with pytest.raises(BadRecording, match="not the one whose digest"):
        sound_of(found)
    wrong = refusal(tmp_path, vcon(recording(body, content_hash="sha512-AAAA")))
    assert wrong.fault is Fault.BAD_CALL
