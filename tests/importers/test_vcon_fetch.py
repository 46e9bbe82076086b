"""Fetching audio by https: only what is public, whole and the one that is meant."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callreel.errors import BadRecording, StorageFull
from callreel.importers.items import Candidate, Fault, Refusal
from callreel.importers.source import Source
from callreel.importers.vcon import fetch
from callreel.importers.vcon.fetch import Fetcher, parts_of
from callreel.importers.vcon.importer import Vcon
from importers.vcons import SOUND, hash_of, items, outside, put, sound_of, vcon
from importers.web_of_audio import Reply, Web, certificate, serving
from programs import needed

AWAY = "The server of the audio cannot be reached, or did not answer rightly."
PRIVATE = "The address of the audio leads into a private network."


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    needed("openssl")
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def web(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("SSL_CERT_FILE", str(pair[1]))
    with serving(*pair) as served:
        served.replies["/a.wav"] = Reply(SOUND)
        yield served


@pytest.fixture
def anywhere(web: Web) -> Fetcher:
    """Return a fetcher that may reach this machine."""
    return Fetcher(lambda _: True)


def digests(content: bytes = SOUND) -> dict[str, bytes]:
    return {"sha512": hashlib.sha512(content).digest()}


def read(fetcher: Fetcher, url: str, expected: dict[str, bytes] | None = None) -> bytes:
    with fetcher.open(url, digests() if expected is None else expected) as stream:
        return b"".join(iter(lambda: stream.read(1 << 16), b""))


def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(BadRecording) as error:
        fetcher.open(url, digests())
    return error.value.message


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/a.wav", "ftp://a.example/a.wav", "HTTP://a.example", "gopher://a.example",
        "https://", "https:///a.wav", "https://user@a.example/", "https://a.example:99999/",
        "https://a.example:0/", "https://[::1/", "https://a.example/ż", "https://a.example/a b\n",
        "https://a.example/" + "a" * 4096, "https://a.example/\x7f",
    ],
)  # fmt: skip
def test_an_address_that_is_none_of_https_is_not_fetched(url: str) -> None:
    with pytest.raises(BadRecording, match="address of the audio"):
        parts_of(url)


def test_audio_is_fetched_and_compared(anywhere: Fetcher, web: Web) -> None:
    assert read(anywhere, web.url("/a.wav")) == SOUND
    both = digests() | {"sha256": hashlib.sha256(SOUND).digest()}
    web.replies["/b.wav?x=1&y="] = Reply(SOUND)
    assert read(anywhere, web.url("/b.wav?x=1&y="), both) == SOUND


def test_audio_is_fetched_once_for_two_looks(anywhere: Fetcher, web: Web) -> None:
    assert [read(anywhere, web.url("/a.wav")) for _ in range(2)] == [SOUND, SOUND]
    assert web.asked == ["/a.wav"]
    assert read(anywhere, web.url("/a.wav")) == SOUND
    assert web.asked == ["/a.wav"] * 2


def test_two_looks_at_once_disturb_neither(anywhere: Fetcher, web: Web) -> None:
    with anywhere.open(web.url("/a.wav"), digests()) as first:
        first.read(1000)
        with anywhere.open(web.url("/a.wav"), digests()) as second:
            assert second.read(4) == SOUND[:4]
            assert first.read(4) == SOUND[1000:1004]


def test_only_the_last_few_are_kept(anywhere: Fetcher, web: Web) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(9):
        web.replies[f"/{number}"] = Reply(SOUND)
        assert read(anywhere, web.url(f"/{number}")) == SOUND
    assert len(list(Path("/proc/self/fd").iterdir())) - before < 9
    assert len(anywhere._kept) == fetch.KEPT


@pytest.mark.parametrize(
    "body", [SOUND[:-1], SOUND + b"\0", b"", SOUND[:500] + b"\1" + SOUND[501:]]
)
def test_audio_that_is_another_is_refused(anywhere: Fetcher, web: Web, body: bytes) -> None:
    web.replies["/a.wav"] = Reply(body)
    assert refused(anywhere, web.url("/a.wav")) == (
        "The audio is not the one whose digest is given."
    )


def test_audio_that_ends_too_early_is_refused(anywhere: Fetcher, web: Web) -> None:
    web.replies["/a.wav"] = Reply(SOUND, headers={"Content-Length": str(len(SOUND) + 9)})
    assert read(Fetcher(lambda _: True), web.url("/a.wav")) == SOUND  # whole by its digest
    web.replies["/a.wav"] = Reply(SOUND[:9], headers={"Content-Length": str(len(SOUND))})
    assert "digest" in refused(anywhere, web.url("/a.wav"))


@pytest.mark.parametrize("status", [204, 206, 400, 401, 403, 404, 410, 500, 304])
def test_an_answer_that_is_not_the_audio_is_refused(
    anywhere: Fetcher, web: Web, status: int
) -> None:
    web.replies["/a.wav"] = Reply(b"", status)
    assert refused(anywhere, web.url("/a.wav")) == f"The server of the audio answered {status}."


def test_packed_audio_that_was_not_asked_for_is_refused(anywhere: Fetcher, web: Web) -> None:
    web.replies["/a.wav"] = Reply(SOUND, headers={"Content-Encoding": "gzip"})
    assert "packed" in refused(anywhere, web.url("/a.wav"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_followed(anywhere: Fetcher, web: Web, status: int) -> None:
    web.replies["/old/a.wav"] = Reply(b"", status, {"Location": "../a.wav"})
    assert read(anywhere, web.url("/old/a.wav")) == SOUND


def test_three_redirections_are_followed_and_no_more(anywhere: Fetcher, web: Web) -> None:
    for number in range(1, 5):
        location = "/a.wav" if number == 1 else f"/{number - 1}"
        web.replies[f"/{number}"] = Reply(b"", 302, {"Location": location})
    assert read(anywhere, web.url("/3")) == SOUND
    assert "from one address to the next" in refused(anywhere, web.url("/4"))


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("http://localhost/a.wav", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("//user@localhost/a.wav", "without a user"),
        ("/loop", "from one address to the next"),
        ("", "from one address to the next"),
        ("https://[", "did not answer rightly"),
    ],
)
def test_a_redirection_to_elsewhere_is_not_followed(
    anywhere: Fetcher, web: Web, location: str, says: str
) -> None:
    web.replies["/loop"] = Reply(b"", 302, {"Location": location} if location else {})
    assert says in refused(anywhere, web.url("/loop"))


def test_a_redirection_into_a_private_network_is_not_followed(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.replies["/a.wav"] = Reply(b"", 302, {"Location": "https://169.254.169.254/latest"})
    only_here = Fetcher(lambda address: address.is_loopback)
    assert refused(only_here, web.url("/a.wav")) == PRIVATE


def test_audio_that_is_too_large_is_refused(web: Web) -> None:
    small = Fetcher(lambda _: True, most_bytes=len(SOUND) - 1)
    assert refused(small, web.url("/a.wav")) == f"The audio is larger than {len(SOUND) - 1} bytes."
    assert read(Fetcher(lambda _: True, most_bytes=len(SOUND)), web.url("/a.wav")) == SOUND


def test_a_server_on_this_machine_is_not_reached(web: Web) -> None:
    assert refused(Fetcher(), web.url("/a.wav")) == PRIVATE
    assert refused(Fetcher(), f"https://127.0.0.1:{web.port}/a.wav") == PRIVATE
    assert refused(Fetcher(), f"https://[::1]:{web.port}/a.wav") == PRIVATE
    assert refused(Fetcher(), f"https://2130706433:{web.port}/a.wav") == PRIVATE
    assert web.asked == []


def test_a_name_with_one_private_address_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_up(*_: object, **__: object) -> list[Any]:
        return [(0, 0, 0, "", ("8.8.8.8", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    assert refused(Fetcher(), "https://both.example/") == PRIVATE


def test_a_name_is_looked_up_once(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def looked_up(host: Any, *arguments: Any, **named: Any) -> list[Any]:
        asked.append(host)
        return look_up("127.0.0.1" if host == "localhost" else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    assert read(Fetcher(lambda _: True), web.url("/a.wav")) == SOUND
    assert [each for each in asked if each == "localhost"] == ["localhost"]


def test_the_next_address_of_a_name_is_tried(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def looked_up(host: Any, *arguments: Any, **named: Any) -> list[Any]:
        if host != "localhost":
            return look_up(host, *arguments, **named)
        return [(0, 0, 0, "", (f"127.0.0.{last}", web.port)) for last in (9, 8, 1)]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    assert read(Fetcher(lambda _: True), web.url("/a.wav")) == SOUND


def test_a_name_without_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert (
        refused(Fetcher(), "https://nowhere.example/") == "The server of the audio has no address."
    )


def test_a_certificate_that_nobody_vouches_for_is_refused(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert refused(Fetcher(lambda _: True), web.url("/a.wav")) == AWAY


def test_a_certificate_for_another_name_is_refused(anywhere: Fetcher, web: Web) -> None:
    assert refused(anywhere, f"https://127.0.0.1:{web.port}/a.wav") == AWAY


def test_a_server_that_is_away_is_told(anywhere: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert refused(anywhere, f"https://localhost:{port}/a.wav") == AWAY


@pytest.mark.parametrize("limit", ["STILL_SECONDS", "MOST_SECONDS"])
def test_a_server_that_stops_within_the_audio_is_left(
    web: Web, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    done = threading.Event()

    waited: list[bool] = []

    def wait() -> None:
        waited.append(done.wait(20))

    monkeypatch.setattr(fetch, limit, 0.2)
    web.replies["/a.wav"] = Reply(SOUND[:9], headers={"Content-Length": "99999"}, trickle=wait)
    try:
        assert refused(Fetcher(lambda _: True), web.url("/a.wav"))
        assert not waited
    finally:
        done.set()


def test_a_full_disk_is_told_as_one(
    anywhere: Fetcher, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: Any) -> Any:
        return open("/dev/full", "r+b", buffering=0)  # noqa: PTH123 - stands in for a file

    monkeypatch.setattr(fetch, "TemporaryFile", full)
    with pytest.raises(StorageFull, match="no room for temporary files"):
        anywhere.open(web.url("/a.wav"), digests())


@pytest.mark.parametrize("kind", ["plain", "array", "other kinds too", "old"])
def test_a_recording_elsewhere_is_taken_where_that_is_allowed(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(Fetcher.__init__, "__defaults__", (lambda _: True, fetch.MOST_BYTES))
    kinds: dict[str, dict[str, Any]] = {
        "plain": {"content_hash": hash_of(SOUND)},
        "array": {"content_hash": [hash_of(SOUND), hash_of(SOUND, "sha256")]},
        "other kinds too": {"content_hash": ["blake-AAAA", hash_of(SOUND, "sha256")]},
        "old": {"alg": "SHA-512", "signature": hash_of(SOUND).partition("-")[2]},
    }
    put(tmp_path, vcon(outside(web.url("/a.wav"), **kinds[kind])))
    (found,) = items(tmp_path, fetch=True)
    assert isinstance(found, Candidate)
    assert (found.size, found.path) == (None, None)
    assert web.asked == []
    assert sound_of(found) == SOUND


def test_a_recording_elsewhere_that_is_another_cannot_be_opened(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fetcher.__init__, "__defaults__", (lambda _: True, fetch.MOST_BYTES))
    hashes = [hash_of(SOUND), hash_of(b"another", "sha256")]
    put(tmp_path, vcon(outside(web.url("/a.wav"), hashes)))
    (found,) = items(tmp_path, fetch=True)
    assert isinstance(found, Candidate)
    with pytest.raises(BadRecording, match="not the one"):
        found.open()


def test_nothing_is_fetched_unless_that_is_allowed(tmp_path: Path) -> None:
    put(tmp_path, vcon(outside("https://a.example/a.wav", hash_of(SOUND))))
    (found,) = Vcon(Source(root=tmp_path)).items()
    assert found == Refusal(
        "call.vcon",
        Fault.NO_AUDIO,
        "The audio is at an address of the web; allow that with --fetch.",
    )


@pytest.mark.parametrize(
    ("url", "content_hash", "says"),
    [
        ("https://a.example/a.wav", None, "no content_hash"),
        ("https://a.example/a.wav", [], "no content_hash"),
        ("https://a.example/a.wav", "sha512-AAAA", "no digest in base64url"),
        ("https://a.example/a.wav", "sha512", "no digest in base64url"),
        ("https://a.example/a.wav", "sha512-żółw", "no digest in base64url"),
        ("https://a.example/a.wav", ["sha256-AAAA", hash_of(SOUND)], "no digest in base64url"),
        ("https://a.example/a.wav", "md5-AAAA", "is of none of: sha256, sha384, sha512"),
        ("https://a.example/a.wav", 7, "no digest in base64url"),
        ("http://a.example/a.wav", hash_of(SOUND), "must begin with https://"),
        ("ftp://a.example/a.wav", hash_of(SOUND), "must begin with https://"),
        ("https://[", hash_of(SOUND), "is none"),
        ("https://u:p@a.example/a.wav", hash_of(SOUND), "without a user"),
    ],
)
def test_what_may_not_be_fetched_is_refused_before_anything_is(
    tmp_path: Path, url: str, content_hash: Any, says: str
) -> None:
    put(tmp_path, vcon(outside(url, content_hash)))
    (found,) = items(tmp_path, fetch=True)
    assert isinstance(found, Refusal)
    assert (found.fault, says in found.reason) == (Fault.BAD_CALL, True), found
