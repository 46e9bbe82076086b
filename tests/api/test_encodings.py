from __future__ import annotations

import asyncio
import gzip
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip

from callreel.api.encodings import LONG_BYTES, accepts_gzip, compress


@pytest.mark.parametrize(
    "header",
    [
        b"gzip",
        b"GZIP",
        b"x-gzip",
        b"gzip, deflate, br",
        b"br;q=1.0, gzip;q=0.8, *;q=0.1",
        b"deflate,gzip ; q=0.001",
        b"*",
        b"identity, *;q=0.5",
        b"gzip;q=1, *;q=0",
    ],
)
def test_gzip_is_accepted(header: bytes) -> None:
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"identity",
        b"br, deflate",
        b"gzip;q=0",
        b"gzip; q=0.000",
        b"*;q=0",
        b"gzip;q=0, *",
        b"gzip;q=x",
        b"gzip;q=nan",
        b"gzipped",
        b"\xff",
    ],
)
def test_gzip_is_not_accepted(header: bytes) -> None:
    assert not accepts_gzip(header)


@given(st.binary(max_size=40))
def test_any_header_is_understood_somehow(header: bytes) -> None:
    assert isinstance(accepts_gzip(header), bool)


@pytest.mark.parametrize("size", [3_500, LONG_BYTES])
def test_what_is_compressed_is_shorter_and_the_same(size: int) -> None:
    body = b'{"a":1}' * (size // 7 + 1)
    packed = asyncio.run(compress(body))
    assert gzip.decompress(packed) == body
    assert len(packed) < len(body) / 4
    assert asyncio.run(compress(body)) == packed


@pytest.mark.parametrize(("size", "is_aside"), [(LONG_BYTES - 1, False), (LONG_BYTES, True)])
def test_what_takes_long_holds_up_no_other_request(
    size: int, is_aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def pack(_body: bytes, **_how: int) -> bytes:
        threads.append(threading.get_ident())
        return b""

    monkeypatch.setattr(igzip, "compress", pack)
    asyncio.run(compress(bytes(size)))
    assert (threads != [threading.get_ident()]) == is_aside
