"""Bytes that are hardly HTTP: two requests in one, lines too long, lengths that lie."""

from __future__ import annotations

import random
from collections.abc import Iterator

from attack.case import Case, Target

_HIDDEN = b"GET /cdr_dialog_recording/hidden HTTP/1.1\r\nHost: a\r\nX-Attack: 1\r\n\r\n"


def raw(target: Target, chance: random.Random) -> Iterator[Case]:
    """Whatever comes: an answer of the usual form, or an end of the connection."""
    while True:
        made = _smuggling(target, chance) | _malformed(target, chance)
        says = chance.choice(list(made))
        yield Case(says, made[says], is_broken=True)


def _head(
    target: Target, *lines: bytes, method: bytes = b"POST", path: bytes = b"/export"
) -> bytes:
    key = target.all.text.encode()
    first = (b"%b %b HTTP/1.1" % (method, path), b"Host: a", b"Authorization: " + key)
    return b"\r\n".join((*first, b"Content-Type: application/json", *lines, b"", b""))


def _smuggling(target: Target, chance: random.Random) -> dict[str, bytes]:
    length = b"Content-Length: %d" % len(_HIDDEN)
    chunked = b"Transfer-Encoding: chunked"
    odd = chance.choice(
        (
            b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding : chunked",
            b"Transfer-Encoding:\tchunked",
            b" Transfer-Encoding: chunked",
            b"Transfer-Encoding: chunked, identity",
            b"Transfer-Encoding: identity, chunked",
            b"Transfer-Encoding: \x0bchunked",
            b'Transfer-Encoding: "chunked"',
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
            b"Transfer_Encoding: chunked",
            b"X: y\nTransfer-Encoding: chunked",
        )
    )
    number = chance.choice(
        (b"+5", b"-1", b"0x5", b"5 5", b"5,5", b"1e1", b"", b"9" * 30, b"5_0", "５".encode())
    )
    size = chance.choice((b"0x5", b"-5", b"+5", b"f" * 17, b"5 ", b"5;" + b"a" * 9_000, b"", b"g"))
    return {
        "length and chunks": _head(target, length, chunked) + b"0\r\n\r\n" + _HIDDEN,
        "chunks and length": _head(target, chunked, length) + b"0\r\n\r\n" + _HIDDEN,
        "two lengths": _head(target, b"Content-Length: 0", length) + _HIDDEN,
        "odd chunks": _head(target, odd, length) + b"0\r\n\r\n" + _HIDDEN,
        "an odd length": _head(target, b"Content-Length: " + number) + _HIDDEN,
        "an odd size of a chunk": _head(target, chunked) + size + b"\r\nhello\r\n0\r\n\r\n",
        "a chunk that ends otherwise": _head(target, chunked) + b"5\r\nhelloXX0\r\n\r\n" + _HIDDEN,
        "bare line feeds in chunks": _head(target, chunked) + b"5\nhello\n0\n\n" + _HIDDEN,
        "trailers": _head(target, chunked) + b"0\r\nX-Attack: 1\r\nContent-Length: 9\r\n\r\n",
        "a GET with a body": _head(target, length, method=b"GET") + _HIDDEN,
        "an upgrade with a body": _head(target, b"Connection: Upgrade", b"Upgrade: h2c", length)
        + _HIDDEN,
        "Expect": _head(target, b"Expect: 100-continue", length) + _HIDDEN,
        "an odd Expect": _head(target, b"Expect: 200-maybe", length) + _HIDDEN,
        "many in a row": _head(target, b"Content-Length: 2") * 1 + b"{}" + _HIDDEN * 50,
    }


def _malformed(target: Target, chance: random.Random) -> dict[str, bytes]:
    noise = chance.randbytes(chance.choice((1, 40, 4_000)))
    version = chance.choice((b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.99", b"HTTP/x", b"ICY", b""))
    name = chance.choice((b"X\x00Y", b"X Y", b"", b"X\xffY", b"(x)", b"X\tY", b"X" * 70_000))
    value = chance.choice((b"\x00", b"a\x00b", b"\r", b"a\rb", b"\xff\xfe", b"x" * 140_000))
    path = chance.choice(
        (b"*", b"http://127.0.0.1/", b"//x", b"/\xff", b"/a b", b"/\x00", b"?", b"#", b"/" * 70_000)
    )
    cut = _head(target, b"Content-Length: 2", method=b"GET", path=b"/cdr_dialog_recording")
    changed = bytearray(cut)
    changed[chance.randrange(len(changed))] = chance.randrange(256)
    return {
        "noise": noise,
        "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise,
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + noise,
        "another version": b"GET /health " + version + b"\r\nHost: a\r\n\r\n",
        "an odd name": _head(target, name + b": 1", method=b"GET"),
        "an odd value": _head(target, b"X-Odd: " + value, method=b"GET"),
        "an odd path": _head(target, b"Connection: close", method=b"GET", path=path),
        "headers by the thousand": _head(target, *[b"X: 1"] * 12_000, method=b"GET"),
        "a folded line": _head(target, b"X-A: 1\r\n X-Attack: 1", method=b"GET"),
        "no host": b"GET /cdr_dialog_recording HTTP/1.1\r\n\r\n",
        "two hosts": b"GET /cdr_dialog_recording HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "bare line feeds": b"GET /health HTTP/1.1\nHost: a\nConnection: close\n\n",
        "blank lines before": b"\r\n" * 500 + b"GET /health HTTP/1.0\r\n\r\n",
        "a cut request": cut[: chance.randrange(len(cut))],
        "a changed request": bytes(changed),
    }
