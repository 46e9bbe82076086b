"""How a server of S3 is reached: whose certificate is trusted, and what is sent to it."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from callreel.bucket import Access, Bucket
from callreel.errors import Misconfigured
from callreel.settings import Settings
from callreel.wiring import repository_at
from endpoints.s3 import KEY_ID, SECRET
from programs import needed

EMPTY = b"<ListBucketResult></ListBucketResult>"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass
class Asked:
    """A server by https, of which the certificate is from an authority of its own.

    Attributes:
        authority: The file of the authority's certificate.
        requests: The paths that were asked for, and the headers.
    """

    port: int
    authority: Path
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def access(self, host: str = "localhost") -> Access:
        endpoint = f"https://{host}:{self.port}"
        return Access(
            endpoint=endpoint, region="us-east-1", key_id=KEY_ID, secret=SECRET, patience=0.5
        )


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an authority and a certificate of it for `localhost`."""
    needed("openssl")
    at = tmp_path_factory.mktemp("authority")
    openssl(
        *("req", "-x509", *CURVE, "-subj", "/CN=Authority"),
        *("-keyout", at / "authority.key", "-out", at / "authority.pem"),
    )
    openssl(
        *("req", "-x509", *CURVE, "-subj", "/CN=localhost"),
        *("-CA", at / "authority.pem", "-CAkey", at / "authority.key"),
        *("-addext", "subjectAltName=DNS:localhost"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-keyout", at / "key.pem", "-out", at / "certificate.pem"),
    )
    return at


@pytest.fixture
def server(certified: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            named = {name.lower(): value for name, value in self.headers.items()}
            asked.requests.append((self.path, named))
            self.send_response(200)
            self.send_header("Content-Length", str(len(EMPTY)))
            self.end_headers()
            self.wfile.write(EMPTY)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified / "certificate.pem", certified / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        asked = Asked(listening.server_port, certified / "authority.pem")
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("SSL_CERT_FILE", str(asked.authority))
        yield asked
        listening.shutdown()


def objects(access: Access) -> list[object]:
    return list(Bucket("s3://calls/some/prefix", access).objects())


def test_the_authority_in_ssl_cert_file_is_trusted(server: Asked) -> None:
    assert objects(server.access()) == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_no_other_variable_lets_an_authority_be_trusted(
    server: Asked, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv(variable, str(server.authority))
    with pytest.raises(Misconfigured, match="name the file of its authority in SSL_CERT_FILE"):
        objects(server.access())
    assert server.requests == []


def test_a_certificate_of_another_name_is_refused(server: Asked) -> None:
    with pytest.raises(Misconfigured, match="not one that this machine trusts"):
        objects(server.access("127.0.0.1"))
    assert server.requests == []


def test_a_token_is_sent_and_signed(server: Asked) -> None:
    objects(replace(server.access(), token="of-an-hour"))
    ((_, headers),) = server.requests
    assert headers["x-amz-security-token"] == "of-an-hour"
    assert "x-amz-security-token" in headers["authorization"]


@pytest.mark.parametrize(("given", "sent"), [("of-an-hour", "of-an-hour"), ("", None)])
def test_the_token_in_the_environment_is_sent_unless_it_is_empty(
    server: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, sent: str | None
) -> None:
    key = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": given}
    for name, value in key.items():
        monkeypatch.setenv(name, value)
    settings = Settings(s3_endpoint=server.access().endpoint)
    assert repository_at("s3://calls/some/prefix", tmp_path, settings).ids() == []
    ((_, headers),) = server.requests
    assert headers.get("x-amz-security-token") == sent


def test_the_bucket_is_in_the_path_whatever_the_environment_says(
    server: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    objects(server.access())
    ((path, headers),) = server.requests
    assert path.startswith("/calls?")
    assert headers["host"] == f"localhost:{server.port}"
