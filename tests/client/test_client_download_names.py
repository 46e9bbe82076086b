"""Under which name audio is saved, from where it is fetched, and what is left when it fails."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from msgspec import structs

from callreel.client import DamagedAudioError, Recording
from endpoints.quick import QuickCallreel
from endpoints.scripted import Asked, Reply, ScriptedServer

AUDIO = b"0123456789"
DIGEST = hashlib.sha256(AUDIO).hexdigest()


def in_pieces(asked: Asked, tag: str = "") -> Reply:
    """Answer with what is asked for, of which four bytes come before the connection breaks."""
    start = int(asked.headers.get("Range", "bytes=0-")[6:-1])
    headers = {"ETag": tag}
    if start:
        headers["Content-Range"] = f"bytes {start}-9/10"
    return Reply(AUDIO[start:], 206 if start else 200, headers, cut=4)


@pytest.mark.parametrize(
    ("media_type", "extension"),
    [
        ("audio/wav", "wav"),
        ("audio/x-wav", "wav"),
        ("audio/mpeg", "mp3"),
        ("audio/ogg", "ogg"),
        ("audio/opus", "opus"),
        ("audio/flac", "flac"),
        ("audio/mp4", "m4a"),
        ("audio/webm", "webm"),
        ("Audio/MPEG ; codecs=mp3", "mp3"),
        ("text/html", "bin"),
        ("", "bin"),
    ],
)
def test_the_name_ends_in_what_the_media_type_says(
    scripted: ScriptedServer,
    client: QuickCallreel,
    tmp_path: Path,
    media_type: str,
    extension: str,
) -> None:
    scripted.play(lambda _: Reply(AUDIO, headers={"Content-Type": media_type}))
    assert client.download("r1", tmp_path) == tmp_path / f"r1.{extension}"


def test_without_an_id_the_name_is_made_of_the_address_and_stays_the_same(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path
) -> None:
    scripted.play(lambda _: Reply(AUDIO, headers={"Content-Type": "audio/wav"}))
    url = f"{scripted.url}/files/1"
    saved = client.download(Recording(recording_url=url), tmp_path)
    assert saved == tmp_path / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.wav"
    assert client.download(Recording(recording_url="/files/1"), tmp_path) == saved
    assert client.download(Recording(recording_url="/files/2"), tmp_path) != saved


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_a_tag_that_does_not_name_the_bytes_is_not_sent_back(
    scripted: ScriptedServer, client: QuickCallreel, tag: str
) -> None:
    scripted.play(lambda asked: in_pieces(asked, tag))
    whole = io.BytesIO()
    client.download("r1", whole)
    assert whole.getvalue() == AUDIO
    asked = [(each.headers.get("Range"), each.headers.get("If-Range")) for each in scripted.asked]
    assert asked == [(None, None), ("bytes=4-", None), ("bytes=8-", None)]


def test_audio_is_asked_for_as_it_is(scripted: ScriptedServer, client: QuickCallreel) -> None:
    scripted.play(lambda _: Reply(AUDIO, headers={"Content-Encoding": "identity"}))
    whole = io.BytesIO()
    client.download("r1", whole)
    assert scripted.asked[0].headers["Accept-Encoding"] == "identity"
    assert whole.getvalue() == AUDIO


def test_what_came_whole_is_not_asked_for_again_though_the_connection_broke(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(AUDIO, headers={"Content-Length": "12"}, cut=10))
    whole = io.BytesIO()
    client.download(Recording(recording_uuid="r1", recording_size=10), whole)
    assert whole.getvalue() == AUDIO
    assert len(scripted.asked) == 1


def test_audio_that_shrank_meanwhile_leaves_nothing_of_the_longer_one(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    turns = iter([Reply(AUDIO, cut=6)])
    scripted.play(lambda _: next(turns, Reply(b"new")))
    whole = io.BytesIO()
    client.download("r1", whole)
    assert whole.getvalue() == b"new"


@pytest.mark.parametrize(
    ("size", "digest"),
    [(10, DIGEST), (10, DIGEST.upper()), (None, DIGEST), (10, None), (None, None), (None, "")],
)
def test_audio_that_is_what_is_told_of_it_is_kept(
    scripted: ScriptedServer, client: QuickCallreel, size: int | None, digest: str | None
) -> None:
    scripted.play(lambda _: Reply(AUDIO))
    whole = io.BytesIO()
    told = Recording(recording_uuid="r1", recording_size=size, recording_sha256=digest)
    client.download(told, whole)
    assert whole.getvalue() == AUDIO


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (Recording(recording_size=9), "not as long"),
        (Recording(recording_size=11, recording_sha256=DIGEST), "not as long"),
        (Recording(recording_size=0), "not as long"),
        (Recording(recording_size=10, recording_sha256="0" * 64), "digest"),
        (Recording(recording_sha256=DIGEST[:-1]), "digest"),
    ],
)
def test_audio_that_differs_in_what_is_told_of_it_is_not_kept(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path, told: Recording, says: str
) -> None:
    scripted.play(lambda _: Reply(AUDIO))
    with pytest.raises(DamagedAudioError, match=says):
        client.download(structs.replace(told, recording_uuid="r1"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_open_goes_on_where_it_stands(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(AUDIO))
    whole = io.BytesIO()
    whole.write(b"before ")
    client.download("r1", whole)
    client.download("r1", whole)
    assert whole.getvalue() == b"before " + AUDIO * 2


def test_a_relative_address_is_one_below_the_address_of_the_server(
    scripted: ScriptedServer,
) -> None:
    scripted.play(lambda _: Reply(AUDIO))
    with QuickCallreel(f"{scripted.url}/behind/a/proxy") as client:
        for url in ("files/1.wav", "/files/1.wav"):
            client.download(Recording(recording_url=url), io.BytesIO())
    assert [each.path for each in scripted.asked] == [
        "/behind/a/proxy/files/1.wav",
        "/files/1.wav",
    ]


def test_a_format_needs_an_id_though_there_is_an_address(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(AUDIO))
    with pytest.raises(ValueError, match="no id to ask for it by"):
        client.download(Recording(recording_url="/1.wav"), io.BytesIO(), format="wav")
    assert scripted.asked == []


def test_an_address_of_the_endpoints_form_with_an_escaped_id_is_asked_for_here(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(AUDIO))
    url = "https://calls.example.org/behind/cdr_dialog_recording/a%3Ab/audio?x=1"
    client.download(Recording(recording_uuid="a:b", recording_url=url), io.BytesIO())
    assert scripted.asked[0].path == "/cdr_dialog_recording/a%3Ab/audio"
    assert scripted.asked[0].query == {}


def test_a_folder_in_the_place_of_the_file_is_said_by_the_system_and_nothing_is_left(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path
) -> None:
    (tmp_path / "r1.bin").mkdir()
    scripted.play(lambda _: Reply(AUDIO))
    with pytest.raises(IsADirectoryError):
        client.download("r1", tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["r1.bin"]
