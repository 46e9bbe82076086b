"""Streams that are made of others, whatever pieces they come in."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io

import pytest

from callreel.errors import BadRecording
from callreel.importers import streams
from callreel.importers.streams import checked, decoded, inflated

CONTENT = bytes(range(256)) * 3 + b"?"
WRITTEN = base64.b64encode(CONTENT).replace(b"/", b"\\/").replace(b"+", b"\\u002B")
WRITTEN = WRITTEN.replace(b"=", b"\\u003d").replace(b"Q", b"Q\\r\\n")


def read(text: bytes) -> bytes:
    with decoded(io.BytesIO(text), len(text)) as stream:
        return stream.read()


@pytest.mark.parametrize("piece", range(1, 24))
def test_escapes_are_understood_wherever_a_piece_ends(
    monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(streams, "PIECE", piece)
    assert read(WRITTEN) == CONTENT


@pytest.mark.parametrize("piece", [1, 4, 8, 100])
@pytest.mark.parametrize(
    "text", [b"QQ==QUJD", b"QQ=Q", b"Q", b"QUJDQ", b"QUJD\\", b"QUJD\\u00", b"QU!D"]
)
def test_what_is_no_base64_is_none_wherever_a_piece_ends(
    monkeypatch: pytest.MonkeyPatch, piece: int, text: bytes
) -> None:
    monkeypatch.setattr(streams, "PIECE", piece)
    with pytest.raises(BadRecording, match="no base64url"):
        read(text)


def test_only_so_much_of_a_text_is_decoded_as_was_said() -> None:
    with decoded(io.BytesIO(b'QUJD", "more": 1'), 4) as stream:
        assert stream.read() == b"ABC"
    with pytest.raises(BadRecording, match="ends within its audio"):
        decoded(io.BytesIO(b"QUJD"), 5).read()


@pytest.mark.parametrize(("most", "is_taken"), [(1000, True), (999, False)])
def test_no_more_is_inflated_than_may_be(most: int, is_taken: bool) -> None:
    stream = inflated(io.BytesIO(gzip.compress(bytes(1000))), most)
    if is_taken:
        assert stream.read() == bytes(1000)
    else:
        with pytest.raises(BadRecording, match="more than is taken"):
            stream.read()


def test_every_digest_is_compared_and_only_at_the_end() -> None:
    expected = {name: hashlib.new(name, CONTENT).digest() for name in ("sha256", "sha512")}
    assert checked(io.BytesIO(CONTENT), expected).read() == CONTENT
    stream = checked(io.BytesIO(CONTENT), expected | {"sha256": bytes(32)})
    assert stream.read(10) == CONTENT[:10]
    with pytest.raises(BadRecording, match="not the one whose digest"):
        stream.read()


def test_closing_closes_what_is_read_from() -> None:
    inner = io.BytesIO(b"QUJD")
    decoded(inner, 4).close()
    assert inner.closed
