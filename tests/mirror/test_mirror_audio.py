"""Audio of a service that breaks off, lies about itself or lies elsewhere."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callreel.client.download import Source
from callreel.client.mirror import audio
from callreel.client.mirror.audio import MOST_FAILURES, Library
from callreel.client.transport import Manners, Transport
from callreel.errors import BadRecording, Unavailable
from endpoints.original import ALL_FAULTS, KEY, SERVER_FAULT
from endpoints.scripted import Asked, Reply, ScriptedServer

SOUND = random.Random(1).randbytes(700_000)
PATH = "/files/1.wav"


def library(
    server: ScriptedServer, waits: list[float] | None = None, most: int = 1 << 20
) -> Library:
    noted = [] if waits is None else waits
    manners = Manners(3, 60, noted.append)
    return Library(Transport(server.url, KEY, 5, manners), most)


def source(server: ScriptedServer, size: int | None = None, sha256: str | None = None) -> Source:
    return Source(server.url + PATH, size, sha256)


def read(
    server: ScriptedServer,
    size: int | None = None,
    sha256: str | None = None,
    most: int = 1 << 20,
) -> bytes:
    with library(server, most=most).open(source(server, size, sha256)) as file:
        return file.read()


def ranged(asked: Asked, sound: bytes = SOUND, cut: int | None = None) -> Reply:
    """Answer with what was asked for, of which only so many bytes come."""
    begin = int(asked.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    if not begin:
        return Reply(sound, cut=cut)
    if begin >= len(sound):
        return Reply(b"", 416)
    told = {"Content-Range": f"bytes {begin}-{len(sound) - 1}/{len(sound)}"}
    return Reply(sound[begin:], 206, told, cut=cut)


@pytest.mark.parametrize("size", [None, len(SOUND)])
def test_audio_comes_whole_and_is_asked_for_once(
    scripted: ScriptedServer, size: int | None
) -> None:
    scripted.play(ranged)
    assert read(scripted, size, hashlib.sha256(SOUND).hexdigest()) == SOUND
    (asked,) = scripted.asked
    assert asked.headers["Authorization"] == KEY
    assert asked.headers["Accept-Encoding"] == "identity"


def test_a_connection_that_breaks_again_and_again_is_taken_up_where_it_broke(
    scripted: ScriptedServer,
) -> None:
    scripted.play(lambda asked: ranged(asked, cut=100_000))
    assert read(scripted) == SOUND
    begins = [asked.headers.get("Range") for asked in scripted.asked]
    assert begins == [None, *(f"bytes={n}00000-" for n in range(1, 7))]


def test_a_service_without_ranges_is_read_from_the_beginning_again(
    scripted: ScriptedServer,
) -> None:
    cuts = iter([10, 300_000, 0, 699_999])
    scripted.play(lambda _: Reply(SOUND, cut=next(cuts, None)))
    assert read(scripted) == SOUND


def test_audio_that_changes_meanwhile_is_refused(scripted: ScriptedServer) -> None:
    turns = iter([Reply(SOUND, cut=300_000)])
    scripted.play(lambda _: next(turns, Reply(b"x" + SOUND)))
    with pytest.raises(BadRecording, match="changed while it was fetched"):
        read(scripted)


def most_in_turn(plan: list[Reply | int]) -> int:
    """Return how many requests in turn failed at most, of which the first may have brought some."""
    most = failed = 0
    for each in plan:
        failed = 1 if isinstance(each, int) else failed + 1
        most = max(most, failed)
    return most


@settings(max_examples=40, deadline=None)
@given(
    plan=st.lists(st.sampled_from(ALL_FAULTS) | st.integers(1, len(SOUND) - 1), max_size=6),
    has_ranges=st.booleans(),
    is_told=st.booleans(),
)
@example(plan=[1, ALL_FAULTS[0], ALL_FAULTS[0], ALL_FAULTS[0]], has_ranges=True, is_told=False)
def test_what_comes_is_the_audio_or_an_error(
    scripted: ScriptedServer, plan: list[Reply | int], has_ranges: bool, is_told: bool
) -> None:
    turns = iter(plan)

    def answer(asked: Asked) -> Reply:
        turn = next(turns, None)
        if isinstance(turn, Reply) and turn.status != 200:
            return turn
        cut = turn if isinstance(turn, int) else None
        return ranged(asked, cut=cut) if has_ranges else Reply(SOUND, cut=cut)

    scripted.play(answer)
    came = b""
    with suppress(BadRecording):
        came = read(scripted, len(SOUND) if is_told else None)
    assert came == SOUND or (came == b"" and (most_in_turn(plan) > 3 or not has_ranges))


@pytest.mark.parametrize(
    ("reply", "size"),
    [
        (Reply(SOUND, headers={"Content-Length": "1000"}), len(SOUND)),
        (Reply(SOUND[:-9]), len(SOUND)),
        (Reply(SOUND), len(SOUND) - 9),
    ],
)
def test_audio_of_another_length_than_told_is_refused(
    scripted: ScriptedServer, reply: Reply, size: int
) -> None:
    scripted.play(lambda asked: Reply(b"", 416) if asked.headers.get("Range") else reply)
    with pytest.raises(BadRecording, match="not as long as the service says"):
        read(scripted, size)


def test_a_length_that_is_told_too_short_on_the_way_is_made_up_for(
    scripted: ScriptedServer,
) -> None:
    turns = iter([Reply(SOUND, headers={"Content-Length": "1000"})])
    scripted.play(lambda asked: next(turns, None) or ranged(asked))
    assert read(scripted, len(SOUND)) == SOUND


def test_audio_with_another_digest_than_told_is_refused(scripted: ScriptedServer) -> None:
    scripted.play(ranged)
    with pytest.raises(BadRecording, match="digest is not the one"):
        read(scripted, sha256="0" * 64)


@pytest.mark.parametrize("size", [None, len(SOUND)])
def test_audio_that_is_too_long_is_not_read_to_its_end(
    scripted: ScriptedServer, size: int | None
) -> None:
    scripted.play(ranged)
    with pytest.raises(BadRecording, match="more than 1,000 bytes; CALLREEL_MAX_UPLOAD_BYTES"):
        read(scripted, size, most=1_000)
    assert len(scripted.asked) == (0 if size else 1)


def test_audio_that_takes_too_long_is_given_up(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.play(ranged)
    monkeypatch.setattr(audio, "LONGEST_FETCH", -1)
    with pytest.raises(BadRecording, match="seconds to fetch"):
        read(scripted)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(b"", 404), "no audio at the address"),
        (Reply(b"", 410), "no audio at the address"),
        (Reply(SOUND, headers={"Content-Encoding": "br"}), "packed"),
        (Reply(b"", 403), "could not be fetched: The key may not do this."),
        (Reply(b'{"error":{"message":"bad\\u001b[1m"}}', 400), "fetched: bad\\\\x1b"),
        (Reply(SOUND, 206, {"Content-Range": "bytes 9-99/100"}), "another part"),
    ],
)
def test_what_a_service_answers_instead_is_told(
    scripted: ScriptedServer, reply: Reply, says: str
) -> None:
    scripted.play(lambda _: reply)
    with pytest.raises(BadRecording, match=says):
        read(scripted)


def test_a_busy_service_is_asked_again_after_the_time_that_it_names(
    scripted: ScriptedServer,
) -> None:
    turns = iter([Reply(b"", 429, {"Retry-After": "17"}), Reply(b"", 503, {"Retry-After": "9"})])
    scripted.play(lambda asked: next(turns, None) or ranged(asked))
    waits: list[float] = []
    with library(scripted, waits).open(source(scripted)) as file:
        assert file.read() == SOUND
    assert waits == [17, 9]


def test_where_audio_after_audio_fails_it_is_the_service_that_fails(
    scripted: ScriptedServer,
) -> None:
    shelf = library(scripted)

    def fetch() -> bytes:
        with shelf.open(source(scripted)) as file:
            return file.read()

    scripted.play(lambda _: SERVER_FAULT)
    for _ in range(MOST_FAILURES - 1):
        with pytest.raises(BadRecording, match="could not be fetched"):
            fetch()
    scripted.play(ranged)
    assert fetch() == SOUND
    scripted.play(lambda _: SERVER_FAULT)
    for _ in range(MOST_FAILURES - 1):
        with pytest.raises(BadRecording, match="could not be fetched"):
            fetch()
    with pytest.raises(Unavailable, match="The service gives no audio: "):
        fetch()


def test_audio_that_is_gone_is_no_failure_of_the_service(scripted: ScriptedServer) -> None:
    shelf = library(scripted)
    scripted.play(lambda _: Reply(b"", 404))
    for _ in range(2 * MOST_FAILURES):
        with shelf.open(source(scripted)) as file, pytest.raises(BadRecording):
            file.read()


@pytest.mark.parametrize("is_redirected", [True, False])
def test_the_key_goes_to_the_services_own_host_only(
    scripted: ScriptedServer, is_redirected: bool
) -> None:
    with ScriptedServer(ranged) as elsewhere:
        away = elsewhere.url + PATH
        scripted.play(lambda _: Reply(b"", 302, {"Location": away}))
        url = scripted.url + PATH if is_redirected else away
        with library(scripted).open(Source(url)) as file:
            assert file.read() == SOUND
        (asked,) = elsewhere.asked
        assert "Authorization" not in asked.headers
        assert KEY not in asked.headers.as_string()


def test_audio_is_never_whole_in_memory(scripted: ScriptedServer) -> None:
    sound = bytes(48 << 20)
    scripted.play(lambda asked: ranged(asked, sound))
    most, size = 0, 0
    with library(scripted, most=64 << 20).open(source(scripted)) as file:
        tracemalloc.start()
        try:
            while chunk := file.read(1 << 20):
                size += len(chunk)
                most = max(most, tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert size == len(sound)
    assert most < 8 << 20


def test_a_file_that_is_closed_early_lets_its_connection_go(scripted: ScriptedServer) -> None:
    scripted.play(ranged)
    file = library(scripted).open(source(scripted))
    assert file.read(10) == SOUND[:10]
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.read(1)
