from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from callreel.api.body import CHUNK
from callreel.api.upload import Upload, UploadLimits, receive
from callreel.audio.staged import StagedFile
from callreel.errors import TooLarge
from forms import BOUNDARY, form
from support import a_call

CALL = json.dumps(a_call()).encode()
LIMITS = UploadLimits(call=10_000, audio=4 << 20)
NEAR_BOUNDARIES = st.sampled_from([b"\r\n--a-boundar", b"--a-boundary", b"\r", b"\n", b"-", b"\0"])


class Recorded(StagedFile):
    """Remembers the length of each write."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lengths: list[int] = []

    def write(self, chunk: bytes) -> None:
        self.lengths.append(len(chunk))
        super().write(chunk)


def arriving(chunks: list[bytes], *, whole: bool = True) -> Request:
    """Return a request whose body arrives in these pieces, or breaks off after them."""
    left: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    left.append({"type": "http.request" if whole else "http.disconnect"})

    async def next_message() -> dict[str, Any]:
        return left.pop(0)

    return Request({"type": "http", "headers": []}, next_message)


def received(staged: StagedFile, chunks: list[bytes], *, whole: bool = True) -> Upload:
    request = arriving(chunks, whole=whole)
    return asyncio.run(receive(request, BOUNDARY.decode(), staged, LIMITS))


@given(
    pieces=st.lists(st.binary(max_size=50) | NEAR_BOUNDARIES, min_size=1),
    cuts=st.lists(st.integers(0, 2000), max_size=30),
)
def test_the_same_comes_out_wherever_the_body_is_cut(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], cuts: list[int]
) -> None:
    audio = b"RIFF" + b"".join(pieces)
    if BOUNDARY in audio:
        audio = audio.replace(BOUNDARY, b"")
    body = form(("call", "", CALL), ("audio", '; filename="nagranie świt.wav"', audio))
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    chunks = [body[start:end] for start, end in pairwise(edges)]
    with StagedFile(tmp_path_factory.mktemp("staged") / "audio") as staged:
        upload = received(staged, chunks)
        assert staged.path.read_bytes() == audio
    assert (bytes(upload.call), upload.original_name) == (CALL, "nagranie świt.wav")


def test_audio_is_written_in_small_pieces_however_it_comes(tmp_path: Path) -> None:
    body = form(("audio", "", bytes(3 << 20)), ("call", "", CALL))
    with Recorded(tmp_path / "audio") as staged:
        received(staged, [body])
    assert sum(staged.lengths) == 3 << 20
    assert max(staged.lengths) <= CHUNK + len(BOUNDARY) + 8


def test_a_client_that_goes_away_is_no_refusal(tmp_path: Path) -> None:
    body = form(("audio", "", bytes(1000)), ("call", "", CALL))
    with StagedFile(tmp_path / "audio") as staged, pytest.raises(ClientDisconnect):
        received(staged, [body[:900]], whole=False)
    assert not list(tmp_path.iterdir())


def test_no_more_than_the_limit_is_ever_written(tmp_path: Path) -> None:
    body = form(("audio", "", bytes(LIMITS.audio + 1)), ("call", "", CALL))
    with Recorded(tmp_path / "audio") as staged, pytest.raises(TooLarge):
        received(staged, [body[at : at + 10_000] for at in range(0, len(body), 10_000)])
    assert sum(staged.lengths) <= LIMITS.audio
