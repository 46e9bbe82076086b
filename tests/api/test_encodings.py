from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.api.encodings import accepts_gzip, compress


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


def test_what_is_compressed_is_shorter_and_the_same() -> None:
    body = b'{"a":1}' * 500
    packed = compress(body)
    assert gzip.decompress(packed) == body
    assert len(packed) < len(body) / 4
    assert compress(body) == packed
