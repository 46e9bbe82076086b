from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress

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
    out = Outlet(pipe[1], most=1000 * len(LINE))
    for _ in range(MANY):
        out.write(LINE)
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert line["event"] == "the access log is not read: lines of it are lost"

    kept = out._given // len(LINE)
    assert read(pipe[0], out._given) == kept * LINE
    out.flush()
    out.write(LINE)
    told, last = read(pipe[0], out._given - kept * len(LINE)).splitlines()
    assert json.loads(told)["lost_lines"] == MANY - kept
    assert last + b"\n" == LINE


def test_who_ends_waits_for_a_reader_but_not_for_long(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "END_SECONDS", 0.1)
    out = Outlet(pipe[1])
    for _ in range(MANY):
        out.write(LINE)
    began = time.monotonic()
    out.flush()
    assert 0.1 <= time.monotonic() - began < 5
    os.close(pipe[0])  # let the thread end its writing


def test_a_reader_that_went_away_is_no_fault(pipe: tuple[int, int]) -> None:
    out = Outlet(pipe[1])
    os.close(pipe[0])
    for _ in range(MANY):
        out.write(LINE)
    out.flush()
    assert out._written == out._given == MANY * len(LINE)
