from __future__ import annotations

import errno
import io
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from callreel.bucket import PART, Bucket
from callreel.errors import CallreelError, Misconfigured, NotFound, StorageFull, Unavailable
from endpoints.s3 import KEY_ID, SECRET, S3Server


def said(status: int, code: str) -> str:
    """Return what a server says: of S3 where there is a code, else of the web."""
    if not code:
        return f"<html>Nothing is here. {SECRET}</html>"
    if status == HTTPStatus.OK:
        key = f"<Key>some/prefix/a</Key><Code>{code}</Code><Message>{SECRET}</Message>"
        return f"<DeleteResult><Error>{key}</Error></DeleteResult>"
    return f"<Error><Code>{code}</Code><StringToSign>{SECRET}</StringToSign></Error>"


def refusing(status: int, code: str) -> type[BaseHTTPRequestHandler]:
    class Refusing(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = said(status, code)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_PUT = do_POST = answer  # noqa: N815 - as http.server has it

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


def tries(bucket: Bucket) -> dict[str, Callable[[], object]]:
    """Return one use of each kind of a bucket."""
    return {
        "list": lambda: list(bucket.objects()),
        "read": lambda: list(bucket.read("a")),
        "put": lambda: bucket.put("a", b"x"),
        "remove": lambda: bucket.remove(["a", "b"]),
    }


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("use", ["list", "read", "put", "remove"])
def test_what_is_no_s3_server_is_told_so(
    at: Callable[[int, str], Bucket], status: int, use: str
) -> None:
    with pytest.raises(Misconfigured, match=rf"is no S3 server \(status {status}\)") as told:
        tries(at(status, ""))[use]()
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    ("use", "kind"),
    [("list", Unavailable), ("read", NotFound), ("put", Unavailable), ("remove", Unavailable)],
)
def test_only_what_is_read_is_not_there(
    at: Callable[[int, str], Bucket], use: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        tries(at(404, "NoSuchKey"))[use]()


def test_one_object_that_may_not_be_removed_is_told(at: Callable[[int, str], Bucket]) -> None:
    with pytest.raises(Misconfigured, match=r"does not let us do this \(AccessDenied\)"):
        at(200, "AccessDenied").remove(["a", "b"])


class Failing(io.BufferedReader):
    """A file of which the disk gives the first bytes only."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def test_a_disk_of_ours_that_fails_is_not_the_server(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.new_bucket("unreadable")
    bucket = s3.bucket("unreadable")
    large = tmp_path / "large"
    with pytest.raises(FileNotFoundError):
        bucket.put("large", large)
    large.write_bytes(bytes(2 * PART + 1))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", lambda path, _mode: Failing(io.FileIO(path)))
        with pytest.raises(OSError, match="Input/output error") as told:
            bucket.put("large", large, parallel=4)
    assert told.value.errno == errno.EIO
    assert list(bucket.objects()) == []
    with pytest.raises(Unavailable, match="cannot be reached"):
        s3.bucket("unreadable", port=1).put("large", large)


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
