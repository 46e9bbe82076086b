from __future__ import annotations

import hashlib
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from archive.backed_up import BackedUp
from callreel.archive.backups import audio_item
from callreel.archive.backups.bucket import BucketDestination
from callreel.archive.backups.files import sha256_of
from callreel.archive.backups.repository import Repository
from callreel.bucket import PART, Bucket
from callreel.errors import CallreelError, Misconfigured, StorageFull, Unavailable
from endpoints.s3 import KEY_ID, SECRET, S3Server, s3_server


def refusing(status: int, code: str) -> type[BaseHTTPRequestHandler]:
    class Refusing(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = f"<Error><Code>{code}</Code><StringToSign>{SECRET}</StringToSign></Error>"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_PUT = answer  # noqa: N815 - as http.server has it

        def log_message(self, *_: object) -> None:
            pass

    return Refusing


@pytest.fixture
def at(s3: S3Server) -> Iterator[Callable[[int, str], Bucket]]:
    """Make a bucket of a server that answers everything with one error."""
    servers: list[ThreadingHTTPServer] = []

    def made(status: int, code: str) -> Bucket:
        server = ThreadingHTTPServer(("127.0.0.1", 0), refusing(status, code))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return s3.bucket("any", port=server.server_port)

    yield made
    for each in servers:
        each.shutdown()
        each.server_close()


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (507, "InsufficientStorage", StorageFull, "no room"),
        (403, "QuotaExceeded", StorageFull, "no room"),
        (503, "SlowDown", Unavailable, r"fails \(SlowDown\)"),
        (500, "InternalError", Unavailable, r"fails \(InternalError\)"),
        (403, "AccessDenied", Misconfigured, r"does not let us do this \(AccessDenied\)"),
        (301, "PermanentRedirect", Misconfigured, "AWS_REGION"),
    ],
)
def test_what_a_server_refuses_is_told_and_nothing_that_it_signed(
    at: Callable[[int, str], Bucket], status: int, code: str, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says) as told:
        at(status, code).put("a", b"x")
    assert SECRET not in str(told.value)


def test_a_wrong_key_no_bucket_and_a_server_that_is_away_are_told(s3: S3Server) -> None:
    s3.new_bucket("there-is-one")
    wrong = Bucket("s3://there-is-one", replace(s3.access(), secret="wrong"))
    unknown = Bucket("s3://there-is-one", replace(s3.access(), key_id="AKOTHER"))
    with socket.create_server(("127.0.0.1", 0)) as found:
        closed = found.getsockname()[1]
    for bucket, says in (
        (wrong, "does not let us"),
        (unknown, "does not let us"),
        (s3.bucket("none-here"), "There is no bucket none-here"),
        (s3.bucket("there-is-one", port=closed), "cannot be reached"),
    ):
        for ask in (bucket.objects(), bucket.read("x")):
            with pytest.raises(CallreelError, match=says) as told:
                next(ask)
            assert not any(each in str(told.value) for each in (KEY_ID, SECRET, "AKOTHER"))


def test_without_tls_nothing_is_sent_where_the_endpoint_does_not_say_so(s3: S3Server) -> None:
    encrypted = replace(s3.access(), endpoint=s3.endpoint.replace("http:", "https:"))
    with pytest.raises(Unavailable):
        list(Bucket("s3://there-is-one", encrypted).objects())


@pytest.mark.parametrize(
    "address", ["s3://", "s3://a", "s3:///x", "s3://bucket/../x", "s3://bucket/a b", "s3://b:c/x"]
)
def test_an_address_that_is_none_is_refused(s3: S3Server, address: str) -> None:
    with pytest.raises(Misconfigured, match="must be such as s3://bucket/prefix"):
        Bucket(address, s3.access())


def test_without_the_package_it_is_said_what_to_install(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(Misconfigured, match=r"pip install 'callreel\[s3\]'"):
        s3.bucket("any")


def test_the_key_is_in_no_description(s3: S3Server) -> None:
    assert SECRET not in repr(s3.access())
    assert KEY_ID not in repr(s3.access())


def cutting(server: S3Server, cuts: list[int]) -> int:
    """Stand before a server and break answers off after so many bytes, one after the other."""
    listening = socket.create_server(("127.0.0.1", 0))

    def pass_on(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", server.port)) as there:
            threading.Thread(target=send, args=(client, there), daemon=True).start()
            told, end = 0, cuts[0] if cuts else 1 << 40
            with suppress(OSError):
                while chunk := there.recv(65_536):
                    client.sendall(chunk)
                    told += len(chunk)
                    if told > end:
                        cuts.pop(0)
                        break
                client.shutdown(socket.SHUT_RDWR)  # the other thread still reads from both
                there.shutdown(socket.SHUT_RDWR)

    def send(client: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while chunk := client.recv(65_536):
                there.sendall(chunk)

    def accept() -> None:
        while True:
            threading.Thread(target=pass_on, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    port: int = listening.getsockname()[1]
    return port


def test_an_answer_that_breaks_off_is_gone_on_with(s3: S3Server) -> None:
    s3.new_bucket("breaks-off")
    content = bytes(range(256)) * (3 * PART // 256)
    s3.bucket("breaks-off").put("large", content)
    cuts = [2_000_000, 6_000_000]
    through = s3.bucket("breaks-off", port=cutting(s3, cuts))
    assert b"".join(through.read("large")) == content
    assert cuts == []


def test_a_large_file_goes_in_parts_and_comes_back(s3: S3Server, tmp_path: Path) -> None:
    s3.new_bucket("in-parts")
    content = bytes(range(256)) * (2 * PART // 256) + b"more"
    (tmp_path / "large").write_bytes(content)
    destination = BucketDestination(s3.bucket("in-parts"), tmp_path / "uploading")
    item = audio_item(1, sha256_of(tmp_path / "large"))
    with destination.writing():
        assert destination.put(tmp_path / "large", item) == len(content)
    assert b"".join(destination.read(item.path)) == content
    assert [each.size() for each in destination.walk("audio")] == [len(content)]


def test_what_was_sent_when_a_backup_was_cut_short_is_read_before_it_is_believed(
    in_bucket: BackedUp,
) -> None:
    first, second = in_bucket.add(1), in_bucket.add(2)
    destination = in_bucket.repository.destination
    items = [
        audio_item(1, hashlib.sha256(in_bucket.sounds[each]).hexdigest())
        for each in (first, second)
    ]
    with destination.writing():
        destination.coming(items)
    for item, each in zip(items, (first, second), strict=True):
        path = in_bucket.root / item.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(in_bucket.sounds[each] if each == first else bytes(2_500))
    assert in_bucket.back_up().copied == 1
    assert in_bucket.held_by() == {first, second}
    assert not (in_bucket.root / "tmp" / "coming").exists()


def test_a_server_that_keeps_other_bytes_makes_no_backup(
    in_bucket: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_bucket.add(1)
    put = Bucket.put

    def other(self: Bucket, path: str, content: bytes | Path, **given: Any) -> None:
        if path.startswith("audio/") and isinstance(content, bytes):
            content = content[:-1] + b"!"
        put(self, path, content, **given)

    monkeypatch.setattr(Bucket, "put", other)
    with pytest.raises(Unavailable, match="not what it was sent"):
        in_bucket.back_up()
    monkeypatch.undo()
    assert in_bucket.repository.ids() == []
    assert in_bucket.back_up().copied == 1


def test_two_backups_of_one_archive_at_once_are_refused(in_bucket: BackedUp) -> None:
    other = BucketDestination(in_bucket.repository.destination._bucket, in_bucket.tmp)  # type: ignore[attr-defined]
    with (
        in_bucket.repository.writing(),
        pytest.raises(Misconfigured, match="Another backup"),
        other.writing(),
    ):
        pass


def test_a_kill_of_the_server_at_many_a_step_leaves_older_backups_whole_and_the_next_goes_on(
    in_bucket: BackedUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server(tmp_path / "mortal") as server:
        root = server.new_bucket("mortal")
        bucket = server.bucket("mortal", patience=0.3)
        in_bucket.repository.destination = BucketDestination(bucket, tmp_path / "data/uploading")
        archive = replace(in_bucket, root=root)
        tones = iter(range(1, 1000))
        held = {archive.add(next(tones))}
        sure = {archive.back_up().manifest.id: set(held)}
        kills, ended = 0, False
        while not ended:
            held.add(archive.add(next(tones)))
            with monkeypatch.context() as patched:
                _kill_at(4 * kills + 1, server, patched)
                try:
                    archive.back_up(keep=3)
                    ended = True
                except Unavailable:
                    kills += 1
            server.kill()
            server.start()
            *older, newest = archive.repository.ids()
            assert sure.keys() >= {*older}
            assert archive.held_by(newest) == sure.setdefault(newest, set(held))
        for each in archive.repository.ids():
            assert archive.held_by(each) == sure[each]
        assert kills > 5
        assert archive.back_up().copied == 0
        assert archive.held_by() == held


def _kill_at(count: int, server: S3Server, patched: pytest.MonkeyPatch) -> None:
    """Kill the server before the call of its bucket that has this number."""
    left = [count]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                server.kill()
            return call(*given, **named)

        return made

    for name in ("put", "read", "remove", "objects"):
        patched.setattr(Bucket, name, counted(getattr(Bucket, name)))


def test_backups_in_a_folder_that_are_copied_into_a_bucket_are_used_there(
    in_folder: BackedUp, s3: S3Server, tmp_path: Path
) -> None:
    first = in_folder.add(1)
    in_folder.back_up()
    root = s3.new_bucket("copied")
    shutil.copytree(in_folder.root, root)
    bucket = BucketDestination(s3.bucket("copied"), tmp_path / "data" / "uploading")
    copied = replace(in_folder, repository=Repository(bucket), root=root)
    assert copied.held_by() == {first}
    assert copied.back_up(keep=1).copied == 0
    assert copied.held_by() == {first}
