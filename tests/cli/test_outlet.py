from __future__ import annotations

import errno
import io
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from callreel.cli import outlet
from callreel.cli.outlet import Outlet

LINE = b'{"path":"/a"}\n'
MANY = 20_000
"""Lines that no pipe takes."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for each in ends:
        with suppress(OSError):  # a test closed it
            os.close(each)


def filled(end: int) -> int:
    """Fill a pipe, so that nothing more goes in; return how much it took."""
    size = 0
    os.set_blocking(end, False)
    with suppress(BlockingIOError):
        while True:
            size += os.write(end, b"x")
    os.set_blocking(end, True)
    return size


def read(end: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += os.read(end, 1 << 16)
    return found


def test_what_nobody_reads_holds_up_nobody_and_is_there_for_a_late_reader(
    pipe: tuple[int, int],
) -> None:
    out = Outlet(pipe[1])
    for _ in range(MANY):
        out.write(LINE)
    assert read(pipe[0], MANY * len(LINE)) == MANY * LINE


def test_lines_beyond_the_bound_are_counted_and_told(
    pipe: tuple[int, int], log: io.StringIO
) -> None:
    before = filled(pipe[1])
    out = Outlet(pipe[1], most=1_000 * len(LINE))
    for _ in range(MANY):
        out.write(LINE)
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert line["event"] == "the access log is not read: lines of it are lost"

    assert read(pipe[0], before + 1_000 * len(LINE))[before:] == 1_000 * LINE
    out.flush()
    out.write(LINE)
    out.flush()
    told, last = os.read(pipe[0], 1 << 16).splitlines(keepends=True)
    assert json.loads(told)["lost_lines"] == MANY - 1_000
    assert last == LINE


def test_how_many_were_lost_is_told_at_the_end_too(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "END_SECONDS", 0)
    before = filled(pipe[1])
    out = Outlet(pipe[1], most=len(LINE))
    for _ in range(3):
        out.write(LINE)
    out.flush()
    first, told = read(pipe[0], before + out._given)[before:].splitlines(keepends=True)
    assert first == LINE
    assert json.loads(told)["lost_lines"] == 2


def test_who_reads_neither_lines_nor_errors_holds_up_nobody(pipe: tuple[int, int]) -> None:
    filled(pipe[1])
    program = (
        "import os; from callreel.api.log import configure_log; from callreel.cli.outlet "
        "import Outlet; configure_log(); Outlet(1, most=1).write(b'{}\\n'); os._exit(7)"
    )
    asked = [sys.executable, "-c", program]
    done = subprocess.run(asked, stdout=pipe[1], stderr=pipe[1], timeout=60, check=False)
    assert done.returncode == 7


@pytest.mark.parametrize("length", [14, 300, select.PIPE_BUF])
def test_what_goes_to_a_pipe_goes_in_whole_lines_that_it_takes_at_once(length: int) -> None:
    ends = os.pipe2(os.O_DIRECT)  # what is read at once is what was written at once
    os.set_blocking(ends[0], False)
    try:
        out = Outlet(ends[1])
        lines = [b"%0*d\n" % (length - 1, number) for number in range(15)]
        out.write(b"".join(lines))
        out.flush()
        pieces = []
        with suppress(BlockingIOError):
            while True:
                pieces.append(os.read(ends[0], 1 << 16))
    finally:
        for each in ends:
            os.close(each)
    assert b"".join(pieces) == b"".join(lines)
    assert all(piece.endswith(b"\n") and len(piece) <= select.PIPE_BUF for piece in pieces)
    assert all(len(both) > select.PIPE_BUF for both in map(bytes.__add__, pieces, pieces[1:]))


def test_a_line_that_no_pipe_takes_at_once_is_written_all_the_same(pipe: tuple[int, int]) -> None:
    out = Outlet(pipe[1])
    long = b"x" * 2 * select.PIPE_BUF + b"\n"
    out.write(LINE + long + LINE + b"no end")
    out.flush()
    assert os.read(pipe[0], 1 << 16) == LINE + long + LINE + b"no end"


def test_a_file_gets_what_is_written_together_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    sizes: list[int] = []

    def noting(descriptor: int, piece: bytes, /) -> int:
        sizes.append(len(piece))
        return write(descriptor, piece)

    monkeypatch.setattr(os, "write", noting)
    with (tmp_path / "access.log").open("wb") as file:
        out = Outlet(file.fileno())
        out.write(LINE * MANY)
        out.flush()
    assert sizes == [MANY * len(LINE)]


def test_lines_of_several_in_one_file_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    other = os.dup(descriptor)
    outs = [Outlet(descriptor), Outlet(other)]
    for number in range(200):
        for who, out in enumerate(outs):
            out.write(b"".join(b"%d %d %d\n" % (who, number, each) for each in range(5_000)))
    for out in outs:
        while out._written < out._given:
            out.flush()
    os.close(descriptor)
    os.close(other)
    found = file.read_bytes().splitlines()
    for who in b"01":
        own = [line for line in found if line[0] == who]
        assert own == [
            b"%c %d %d" % (who, number, each) for number in range(200) for each in range(5_000)
        ]
    assert len(found) == 2_000_000


def test_a_stream_that_someone_made_one_that_never_waits_loses_nothing(
    pipe: tuple[int, int],
) -> None:
    os.set_blocking(pipe[1], False)
    out = Outlet(pipe[1])
    for _ in range(MANY):
        out.write(LINE)
    found = b""
    while len(found) < MANY * len(LINE) and select.select([pipe[0]], (), (), 10)[0]:
        found += os.read(pipe[0], 1 << 16)
    assert found == MANY * LINE


def test_a_full_disk_tears_no_line_and_loses_none(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    sizes = [5, 0, 0, len(LINE)]

    def take_some(descriptor: int, piece: bytes, /) -> int:
        if descriptor != pipe[1]:
            return write(descriptor, piece)
        size = sizes.pop(0)
        if not size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, piece[:size])

    monkeypatch.setattr(outlet, "FULL_SECONDS", 0)
    monkeypatch.setattr(os, "write", take_some)
    out = Outlet(pipe[1])
    out.write(LINE)
    out.flush()
    assert os.read(pipe[0], 1 << 16) == LINE


def test_who_ends_waits_for_a_reader_but_not_for_long(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Outlet(pipe[1])
    for _ in range(MANY):
        out.write(LINE)
    began = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(outlet, "END_SECONDS", 0.1)
        out.flush()
    assert 0.1 <= time.monotonic() - began < 5
    # Else the thread would go on writing to whatever has the descriptor's number next.
    os.close(pipe[0])
    out.flush()
    assert out._written == out._given


def test_a_reader_that_went_away_is_no_fault(pipe: tuple[int, int]) -> None:
    out = Outlet(pipe[1])
    os.close(pipe[0])
    for _ in range(MANY):
        out.write(LINE)
    out.flush()
    assert out._written == out._given == MANY * len(LINE)
