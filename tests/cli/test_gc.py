from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from callreel.archive import sweep
from callreel.cli import gc as command
from cli_runs import Command


def test_it_tells_what_it_would_remove_and_then_removes_it(data: Path, callreel: Command) -> None:
    callreel("tenant", "create", "Acme")
    orphan = data / "audio" / "1" / "00" / ("0" * 64)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left")
    assert callreel("gc").out.endswith("Nothing is left over.\n")
    would = callreel("gc", "--dry-run", "--older-than", "0")
    assert (would.code, would.err) == (0, "")
    assert "bytes_to_remove\t4" in would.out
    assert f"1/00/{'0' * 64}" in would.out
    assert orphan.exists()
    said = callreel("gc", "--older-than", "0", "--json").json()
    assert (said["bytes_removed"], said["kinds"]) == (4, {"orphan_audio": 1})
    assert not orphan.exists()


def test_it_shows_how_far_it_is_by_the_audio_that_there_is(
    data: Path, callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    callreel("tenant", "create", "Acme")
    for number in range(3):
        orphan = data / "audio" / "1" / f"0{number}" / (f"0{number}" + "0" * 62)
        orphan.parent.mkdir(parents=True)
        orphan.write_bytes(b"left")
    told: list[object] = []

    @contextmanager
    def counted(title: str, count: Callable[[], int]) -> Iterator[Callable[[int], None]]:
        told.extend([title, count()])
        yield told.append

    monkeypatch.setattr(command, "counting", counted)
    assert callreel("gc", "--older-than", "0").code == 0
    assert told == ["Looking at audio", 0, 3]


def test_a_day_is_the_grace_that_the_command_gives() -> None:
    assert sweep.GRACE_SECONDS == 24 * 3600
