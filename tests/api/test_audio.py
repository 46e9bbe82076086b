from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import AsyncGenerator, Callable, Iterator, MutableMapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest
import requests
import soundfile
import structlog
from hypothesis import given
from hypothesis import strategies as st

from callreel.api.audio import CHUNK, Stream, _read_file
from callreel.api.log import configure_log
from callreel.errors import Unavailable
from support import PATH, Running, a_call, a_sound

TAG = "ETag"
SIZE = 44 + 8000 * 4  # of the sound
PLACES = st.sampled_from([0, 1, SIZE - 1, SIZE]) | st.integers(0, SIZE + 9)


@pytest.fixture(scope="module")
def address(server: Running, sound: bytes) -> str:
    """Where the audio of a recording is."""
    data = server.add(sound, name="rozmowa świąteczna.wav")
    return f"{PATH}/{data['recording_uuid']}/audio"


@pytest.fixture(scope="module")
def session(server: Running) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = server.keys["listen"]
        yield session


def test_the_audio_is_what_was_handed_in(server: Running, address: str, sound: bytes) -> None:
    answer = server.ask("GET", address, "listen")
    assert (answer.status_code, answer.content) == (200, sound)
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["Content-Length"] == str(len(sound))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Vary"] == "Authorization"
    assert answer.headers["Content-Disposition"] == (
        'inline; filename="rozmowa swiateczna.wav"; '
        "filename*=UTF-8''rozmowa%20%C5%9Bwi%C4%85teczna.wav"
    )


def test_its_tag_is_the_digest_that_the_record_names(server: Running, address: str) -> None:
    record = server.ask("GET", address.removesuffix("/audio")).json()["data"]
    assert server.ask("GET", address).headers[TAG] == f'"{record["recording_sha256"]}"'
    assert record["recording_url"] == server.url + address


def test_a_head_tells_the_same_and_sends_nothing(server: Running, address: str) -> None:
    whole, head = server.ask("GET", address), server.ask("HEAD", address)
    assert (head.status_code, head.content) == (200, b"")
    own = {"date", "x-request-id"}
    assert {name: whole.headers[name] for name in whole.headers if name.lower() not in own} == {
        name: head.headers[name] for name in head.headers if name.lower() not in own
    }


def test_a_range_means_nothing_to_a_head(server: Running, address: str) -> None:
    head = server.ask("HEAD", address, headers={"Range": "bytes=0-9"})
    assert head.status_code == 200


@given(first=st.none() | PLACES, last=st.none() | PLACES)
def test_a_range_is_a_slice(
    server: Running,
    session: requests.Session,
    address: str,
    sound: bytes,
    *,
    first: int | None,
    last: int | None,
) -> None:
    asked = "-".join("" if each is None else str(each) for each in (first, last))
    answer = session.get(server.url + address, headers={"Range": f"bytes={asked}"})
    places = range(SIZE)
    if first is not None:
        places = places[first:] if last is None else places[first : last + 1]
    elif last is not None:
        places = places[SIZE - min(last, SIZE) :]
    if asked == "-" or (first is not None and last is not None and last < first):
        assert (answer.status_code, answer.content) == (200, sound)
    elif places:
        assert answer.status_code == 206
        assert answer.content == sound[places[0] : places[-1] + 1]
        assert answer.headers["Content-Range"] == f"bytes {places[0]}-{places[-1]}/{SIZE}"
    else:
        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
        assert answer.json()["error"]["code"] == "range_not_satisfiable"


def test_many_ranges_are_answered_with_the_whole(
    server: Running, address: str, sound: bytes
) -> None:
    many = ",".join(f"{place}-" for place in range(1000))
    answer = server.ask("GET", address, headers={"Range": f"bytes={many}"})
    assert (answer.status_code, answer.content) == (200, sound)


@pytest.mark.parametrize("known", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
def test_what_the_client_has_is_not_sent_again(server: Running, address: str, known: str) -> None:
    tag = server.ask("HEAD", address).headers[TAG]
    headers = {"If-None-Match": known.format(tag.strip('"')), "Range": "bytes=0-9"}
    for method in ("GET", "HEAD"):
        answer = server.ask(method, address, headers=headers)
        assert (answer.status_code, answer.content, answer.headers[TAG]) == (304, b"", tag)


def test_another_version_is_sent_whole(server: Running, address: str, sound: bytes) -> None:
    tag = server.ask("HEAD", address).headers[TAG]
    part = server.ask("GET", address, headers={"Range": "bytes=5-9", "If-Range": tag})
    whole = server.ask("GET", address, headers={"Range": "bytes=5-9", "If-Range": '"old"'})
    assert (part.status_code, part.content) == (206, sound[5:10])
    assert (whole.status_code, whole.content) == (200, sound)


@pytest.mark.parametrize(
    ("name", "mime_type", "container"),
    [("opus", "audio/ogg", "OGG"), ("mp3", "audio/mpeg", "MP3"), ("wav", "audio/wav", "WAV")],
)
def test_converted_audio_is_served_like_any_other(
    server: Running, address: str, name: str, mime_type: str, container: str
) -> None:
    whole = server.ask("GET", f"{address}?format={name}")
    assert whole.status_code == 200
    assert whole.headers["Content-Type"] == mime_type
    assert soundfile.info(io.BytesIO(whole.content)).format == container
    assert name in whole.headers[TAG]
    again = server.ask("GET", f"{address}?format={name}", headers={"Range": "bytes=10-99"})
    assert (again.status_code, again.content) == (206, whole.content[10:100])
    assert again.headers[TAG] == whole.headers[TAG]
    known = {"If-None-Match": whole.headers[TAG]}
    assert server.ask("GET", f"{address}?format={name}", headers=known).status_code == 304
    extension = {"opus": "ogg"}.get(name, name)
    assert f'.{extension}"' in whole.headers["Content-Disposition"]


def test_audio_converted_again_is_another_version(server: Running, address: str) -> None:
    first = server.ask("GET", f"{address}?format=opus").headers[TAG]
    for each in (server.data / "audio" / "derived").rglob("*.opus"):
        each.unlink()
    assert server.ask("GET", f"{address}?format=opus").headers[TAG] != first


@pytest.mark.parametrize(
    "query", ["format=aac", "format=", "format=OPUS", "format=mp3&format=mp3", "f=mp3", "x", "%zz"]
)
def test_other_parameters_are_refused(server: Running, address: str, query: str) -> None:
    answer = server.ask("GET", f"{address}?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_parameter")


def test_the_peaks_of_each_channel_are_there(server: Running, address: str) -> None:
    answer = server.ask("GET", address.replace("/audio", "/peaks"))
    data = answer.json()["data"]
    assert (answer.status_code, data["channels"], len(data["peaks"])) == (200, 2, 2)
    assert all(0.4 < max(peaks) <= 0.5 for peaks in data["peaks"])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda place: os.truncate(place, 1000), "damaged in the archive: it has another length"),
        (lambda place: place.write_bytes(b""), "damaged in the archive: it has another length"),
        (Path.unlink, "missing in the archive"),
    ],
)
def test_damaged_audio_is_not_served_and_the_operator_is_told_once(
    server: Running,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    says: str,
    request: pytest.FixtureRequest,
) -> None:
    seed = sum(request.node.name.encode())
    data = server.add(a_sound(tmp_path, seed=seed))
    place = next((server.data / "audio").rglob(data["recording_sha256"]))
    place.chmod(0o600)
    spoil(place)
    log = io.StringIO()
    configure_log(log)
    try:
        for kind in ("audio", "audio?format=mp3", "peaks"):
            answer = server.ask("GET", f"{PATH}/{data['recording_uuid']}/{kind}")
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (503, "unavailable")
            assert says in error["message"]
            assert answer.headers["Retry-After"] == "3600"
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (line,) = [each for each in lines if "audio" in each["event"]]
    assert (line["level"], line["tenant"]) == ("error", 1)
    assert line["recording"] == data["recording_uuid"]


def turned(place: Path, at: int) -> None:
    """Turn a bit of a stored file."""
    place.chmod(0o600)
    content = bytearray(place.read_bytes())
    content[at] ^= 1
    place.write_bytes(content)


@pytest.mark.parametrize(
    ("seconds", "at"), [(1, 0), (1, 8_000), (1, -1), (40, 0), (40, 300_000), (40, -1)]
)
def test_whole_audio_in_which_a_bit_turned_is_not_given_out_as_whole(
    server: Running, tmp_path: Path, seconds: int, at: int
) -> None:
    sound = a_sound(tmp_path, seed=1_000 * seconds + at, seconds=seconds)
    data = server.add(sound)
    url = f"{PATH}/{data['recording_uuid']}/audio"
    assert server.ask("GET", url).content == sound
    turned(next((server.data / "audio").rglob(data["recording_sha256"])), at)
    log = io.StringIO()
    configure_log(log)
    try:
        if len(sound) <= CHUNK:
            answer = server.ask("GET", url)
            assert answer.status_code == 503
            assert "it has other bytes" in answer.json()["error"]["message"]
        else:
            with pytest.raises(requests.exceptions.ChunkedEncodingError):  # it broke off
                server.ask("GET", url)
        part = server.ask("GET", url, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, sound[100:200])
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (line,) = [each for each in lines if "audio damaged" in each["event"]]
    assert line["recording"] == data["recording_uuid"]


def test_audio_in_which_a_bit_turned_is_not_converted(server: Running, tmp_path: Path) -> None:
    sound = a_sound(tmp_path, seed=77, seconds=1)
    data = server.add(sound)
    url = f"{PATH}/{data['recording_uuid']}/audio?format=wav"
    place = next((server.data / "audio").rglob(data["recording_sha256"]))
    turned(place, -9)
    answer = server.ask("GET", url)
    assert answer.status_code == 503
    assert "it has other bytes" in answer.json()["error"]["message"]
    turned(place, -9)
    assert server.ask("GET", url).status_code == 200


class Watched:
    """Chunks without end that know whether they were given up."""

    def __init__(self) -> None:
        self.given = 0
        self.closed = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                self.given += 1
                yield b"chunk"
        finally:
            self.closed = True


async def play_until_left(watched: Watched, after: int) -> None:
    sent = 0
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        nonlocal sent
        sent += 1
        if sent == after:
            left.set()
        await asyncio.sleep(0)

    await Stream(watched.chunks(), 200, {})({"type": "http", "method": "GET"}, receive, send)


def test_what_cannot_be_read_is_found_out_before_anything_is_sent() -> None:
    sent: list[object] = []

    async def broken() -> AsyncGenerator[bytes, None]:
        for chunk in list[bytes]():
            yield chunk
        raise Unavailable("The audio cannot be read.")

    async def receive() -> dict[str, Any]:
        return await asyncio.Future()

    async def send(message: object) -> None:
        sent.append(message)

    with pytest.raises(Unavailable):
        asyncio.run(Stream(broken(), 200, {})({"type": "http", "method": "GET"}, receive, send))
    assert sent == []


def test_a_conversion_that_was_made_anew_meanwhile_is_not_served_in_its_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.opus"
    path.write_bytes(b"made once")
    made = path.stat()
    read = partial(_read_file, path, made, 0, made.st_size)

    async def whole() -> bytes:
        return b"".join([chunk async for chunk in read()])

    assert asyncio.run(whole()) == b"made once"
    path.write_bytes(b"made anew")
    os.utime(path, ns=(made.st_atime_ns, made.st_mtime_ns + 1))
    with pytest.raises(Unavailable):
        asyncio.run(whole())


def test_no_more_is_read_once_the_client_has_left() -> None:
    watched = Watched()
    asyncio.run(asyncio.wait_for(play_until_left(watched, 5), 10))
    assert watched.closed
    assert watched.given < 10


def test_a_slow_client_is_waited_for() -> None:
    watched = Watched()

    async def slowly() -> None:
        async def receive() -> dict[str, Any]:
            return await asyncio.Future()

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Future()

        await Stream(watched.chunks(), 200, {})({"type": "http", "method": "GET"}, receive, send)

    async def played() -> None:
        playing = asyncio.create_task(slowly())
        for _ in range(50):
            await asyncio.sleep(0)
        assert watched.given == 1
        playing.cancel()
        await asyncio.wait([playing])

    asyncio.run(played())
    assert watched.closed


@pytest.mark.parametrize(("method", "is_heard"), [("HEAD", False), ("GET", True)])
def test_who_gets_the_audio_has_heard_it(
    server: Running, sound: bytes, method: str, is_heard: bool
) -> None:
    recording_id = server.add(sound, a_call(dialog_uuid=f"heard-{method}"))["recording_uuid"]
    assert server.ask(method, f"{PATH}/{recording_id}/audio", "listen").status_code == 200
    with closing(apsw.Connection(str(server.data / "callreel.db"))) as connection:
        sql = "SELECT count(*) FROM touched t JOIN entry e ON e.k = t.k WHERE e.id = ?"
        assert connection.execute(sql, (recording_id,)).get == is_heard
