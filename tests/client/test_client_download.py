from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.client import (
    BadAnswerError,
    ClientError,
    DamagedAudioError,
    NoAnswerError,
    NotFoundError,
    Recording,
)
from endpoints.original import BUSY, SILENCE
from endpoints.quick import QuickCallreel
from endpoints.scripted import Asked, Reply, ScriptedServer

AUDIO = bytes(range(256)) * 3000
OTHER = AUDIO[::-1]
RECORDING = Recording(
    recording_uuid="r1",
    recording_size=len(AUDIO),
    recording_sha256=hashlib.sha256(AUDIO).hexdigest(),
)


def sound(asked: Asked, audio: bytes = AUDIO, tag: str = '"a"', *, ranges: bool = True) -> Reply:
    """Answer with audio as a server does that knows ranges, or one that does not."""
    headers = {"Content-Type": "audio/x-wav; rate=8000", "ETag": tag}
    asked_range = asked.headers.get("Range")
    if asked_range is None or not ranges or asked.headers.get("If-Range", tag) != tag:
        return Reply(audio, headers=headers)
    start = int(asked_range.removeprefix("bytes=").removesuffix("-"))
    headers["Content-Range"] = f"bytes {start}-{len(audio) - 1}/{len(audio)}"
    return Reply(audio[start:], 206, headers)


class Flaky:
    """Sends so many bytes of each answer and breaks off, until it may send all."""

    def __init__(self, cuts: Iterable[int], *, ranges: bool = True) -> None:
        self._cuts: Iterator[int] = iter(cuts)
        self._ranges = ranges

    def __call__(self, asked: Asked) -> Reply:
        return replace(sound(asked, ranges=self._ranges), cut=next(self._cuts, None))


def left_over(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(-1, 300_000), max_size=4), ranges=st.booleans())
def test_audio_arrives_whole_wherever_the_connection_breaks(
    scripted: ScriptedServer, cuts: list[int], ranges: bool
) -> None:
    scripted.play(Flaky(cuts, ranges=ranges))
    whole = io.BytesIO()
    with QuickCallreel(scripted.url) as client:
        client.download(RECORDING, whole)
    assert whole.getvalue() == AUDIO


def test_a_download_goes_on_where_it_broke_off(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path
) -> None:
    scripted.play(Flaky([100_000, 300_000]))
    client.download("r1", tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes() == AUDIO
    asked = [(each.headers.get("Range"), each.headers.get("If-Range")) for each in scripted.asked]
    assert asked == [(None, None), ("bytes=100000-", '"a"'), ("bytes=400000-", '"a"')]


def test_audio_that_changed_meanwhile_is_fetched_from_its_start(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path
) -> None:
    cuts = iter([5])

    def changing(asked: Asked) -> Reply:
        cut = next(cuts, None)
        return replace(sound(asked), cut=cut) if cut else sound(asked, OTHER, '"b"')

    scripted.play(changing)
    client.download("r1", tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes() == OTHER


def test_a_file_is_replaced_only_by_whole_audio(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"before")
    scripted.play(lambda asked: replace(sound(asked), cut=10))
    with pytest.raises(NoAnswerError):
        client.download(RECORDING, path)
    assert path.read_bytes() == b"before"
    assert left_over(tmp_path) == ["a.wav"]
    scripted.play(sound)
    assert client.download(RECORDING, str(path)) == path
    assert path.read_bytes() == AUDIO


@pytest.mark.parametrize(
    ("sent", "says"), [(AUDIO[:-1], "not as long"), (OTHER, "digest"), (b"", "not as long")]
)
def test_audio_that_is_not_what_the_recording_tells_of_is_not_kept(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path, sent: bytes, says: str
) -> None:
    scripted.play(lambda asked: sound(asked, sent))
    file = io.BytesIO()
    with pytest.raises(DamagedAudioError, match=says):
        client.download(RECORDING, tmp_path / "a.wav")
    with pytest.raises(DamagedAudioError, match=says):
        client.download(RECORDING, file)
    assert left_over(tmp_path) == []
    assert file.getvalue() == b""


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(b"x", 206), "another part"),
        (Reply(b"x", 206, {"Content-Range": "bytes 9-9/10"}), "another part"),
        (Reply(b"x", headers={"Content-Encoding": "gzip"}), "packed"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_not_kept(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path, reply: Reply, says: str
) -> None:
    scripted.play(lambda _: reply)
    with pytest.raises(BadAnswerError, match=says):
        client.download("r1", tmp_path / "a.wav")
    assert left_over(tmp_path) == []


def test_a_refused_download_leaves_nothing(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path
) -> None:
    scripted.play(lambda _: Reply(b"", 404))
    with pytest.raises(NotFoundError):
        client.download("r1", tmp_path)
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    ("recording_id", "name"),
    [("r1", "r1.wav"), ("../../up", "..%2F..%2Fup.wav"), ("..", "...wav"), ("a b", "a%20b.wav")],
)
def test_in_a_folder_the_file_is_named_after_the_id_and_stays_inside(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path, recording_id: str, name: str
) -> None:
    scripted.play(sound)
    assert client.download(recording_id, tmp_path) == tmp_path / name
    assert left_over(tmp_path) == [name]


def test_a_folder_that_is_not_there_is_said_by_the_system(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path
) -> None:
    scripted.play(sound)
    with pytest.raises(FileNotFoundError):
        client.download("r1", tmp_path / "no" / "a.wav")


def test_a_format_is_asked_for_and_not_held_against_the_stored_audio(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path
) -> None:
    scripted.play(lambda asked: sound(asked, OTHER))
    client.download(RECORDING, tmp_path / "a.mp3", format="mp3")
    assert scripted.asked[0].path == "/cdr_dialog_recording/r1/audio"
    assert scripted.asked[0].query == {"format": "mp3"}
    assert (tmp_path / "a.mp3").read_bytes() == OTHER


def test_the_address_that_a_recording_gives_is_used_as_it_is(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(sound)
    for url in (f"{scripted.url}/files/1.wav?sig=a%2Fb", "/files/1.wav?sig=a%2Fb"):
        scripted.asked.clear()
        client.download(Recording(recording_url=url), io.BytesIO())
        asked = scripted.asked[0]
        assert (asked.path, asked.query) == ("/files/1.wav", {"sig": "a/b"})
        assert "Authorization" in asked.headers


def test_the_key_does_not_go_along_to_another_server(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    with ScriptedServer(sound) as storage:
        scripted.play(lambda _: Reply(b"", 302, {"Location": f"{storage.url}/x"}))
        client.download(Recording(recording_url=f"{storage.url}/1.wav"), io.BytesIO())
        client.download(Recording(recording_url=f"{scripted.url}/1.wav"), io.BytesIO())
        assert [each.path for each in storage.asked] == ["/1.wav", "/x"]
        assert not any("Authorization" in each.headers for each in storage.asked)
        assert "Authorization" in scripted.asked[0].headers


def test_a_server_that_calls_itself_by_another_name_is_asked_where_it_was_found(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(sound)
    url = "https://calls.example.org/cdr_dialog_recording/r1/audio"
    client.download(Recording(recording_uuid="r1", recording_url=url), io.BytesIO())
    assert "Authorization" in scripted.asked[0].headers


def test_a_server_that_redirects_for_ever_is_given_up(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(b"", 302, {"Location": "/again"}))
    with pytest.raises(NoAnswerError, match="redirects too often"):
        client.download("r1", io.BytesIO())


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "javascript:alert(1)", "ftp://h/x", "http://[h/x"]
)
def test_an_address_that_is_not_on_the_web_is_refused(client: QuickCallreel, url: str) -> None:
    with pytest.raises(ClientError, match="on the web"):
        client.download(Recording(recording_url=url), io.BytesIO())


def test_a_recording_without_address_and_id_is_refused(client: QuickCallreel) -> None:
    with pytest.raises(ValueError, match="no id"):
        client.download(Recording(talking_time=5), io.BytesIO())


def test_threads_share_a_client(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path
) -> None:
    scripted.play(lambda asked: sound(asked, asked.path.encode() * 1000))
    with ThreadPoolExecutor(8) as threads:
        saved = list(threads.map(lambda n: client.download(f"r{n}", tmp_path), range(40)))
    assert [each.read_bytes() for each in saved] == [
        f"/cdr_dialog_recording/r{n}/audio".encode() * 1000 for n in range(40)
    ]


def test_a_busy_server_is_asked_again_for_the_audio(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    turns = iter([BUSY, SILENCE])
    scripted.play(lambda asked: next(turns, None) or sound(asked))
    whole = io.BytesIO()
    client.download(RECORDING, whole)
    assert whole.getvalue() == AUDIO
