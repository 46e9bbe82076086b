from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest

from callreel.outside import Line, addresses_of, is_public, parts_of

HTTPS = frozenset({"https"})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1",
        "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:c0a8:101::", "2001:db8::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_public_network_is_told(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_a_public_address_is_told(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/in",
        "ftp://example.org/in",
        "http://example.org/in",
        "https://",
        "https:///in",
        "https://example.org:0/in",
        "https://example.org:99999/in",
        "https://user:word@example.org/in",
        "https://example.org/in\r\nX: y",
        "https://example.org/a b",
        "https://exämple.org/in",
        "https://example.org/" + "a" * 4096,
    ],
)
def test_what_is_no_address_that_can_be_asked_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parts_of(url, HTTPS)


def test_an_address_keeps_its_parts() -> None:
    parts = parts_of("https://example.org:8443/in?for=us", HTTPS)
    assert (parts.hostname, parts.port, parts.path, parts.query) == (
        "example.org",
        8443,
        "/in",
        "for=us",
    )


def test_a_host_of_which_one_address_is_private_is_not_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def two(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with pytest.raises(PermissionError):
        addresses_of(urlsplit("https://example.org/"), is_public)
    assert addresses_of(urlsplit("https://example.org/"), lambda _: True) == ["8.8.8.8", "10.0.0.1"]


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".org"])
def test_a_host_without_an_address_is_an_error_of_the_system(host: str) -> None:
    with pytest.raises(OSError, match=r"."):
        addresses_of(urlsplit(f"https://{host}/"), is_public)


def test_a_line_goes_to_the_addresses_given_and_names_the_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        parts = urlsplit(f"http://nowhere.invalid:{port}/in?a=b")
        context = ssl.create_default_context()
        line = Line(parts, ["127.0.0.2", "127.0.0.1"], 5, context)
        line.request("POST", line.target, b"hi")
        other, _ = listening.accept()
        with other:
            asked = other.recv(4096)
        line.end()
    assert asked.startswith(b"POST /in?a=b HTTP/1.1\r\n")
    assert f"Host: nowhere.invalid:{port}\r\n".encode() in asked


def test_the_usual_port_of_https_is_not_named() -> None:
    sent: list[bytes] = []
    line = Line(urlsplit("https://example.org/"), ["127.0.0.1"], 5, ssl.create_default_context())
    line.send = sent.append  # type: ignore[method-assign, assignment]  # what would go out
    line.request("GET", line.target)
    assert b"Host: example.org\r\n" in sent[0]
    assert line.port == 443
