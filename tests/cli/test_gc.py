from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from callreel.archive import sweep
from callreel.catalog.snapshot import Snapshot
from callreel.cli import gc as command
from cli_runs import Command
from damage.trial import fill
from house import House


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
    assert told == ["Looking at audio", 0, 3, 3]


def test_a_database_that_is_older_than_the_audio_costs_none_of_it(
    data: Path, callreel: Command
) -> None:
    data.mkdir()
    with asyncio.Runner() as runner:
        house = House(runner, data)
        (data / "audio.made").touch()
        with Snapshot(data / "callreel.db") as snapshot:
            snapshot.copy_to(data / "older.db")
        runner.run(fill(house.archive, 12, size=50))
        runner.run(house.archive.close())
    count = len(house.files())
    (data / "older.db").rename(data / "callreel.db")
    told = callreel("gc", "--older-than", "0", "--json")
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith(f"callreel: No recording has {count} of {count} files of audio")
    would = callreel("gc", "--older-than", "0", "--dry-run", "--json").json()
    assert would["kinds"]["catalog_behind"] == 1
    verified = callreel("verify", "--json")
    assert verified.code == 1
    assert verified.json()["kinds"] == {"catalog_behind": 1, "orphan_audio": count}
    assert "put callreel.db and callreel.db-wal back" in callreel("verify").out
    mended = callreel("repair", "--json")
    assert mended.code == 1
    assert [each["deed"] for each in mended.json()["findings"]] == ["left"]
    assert len(house.files()) == count
    assert callreel("gc", "--older-than", "0", "--many").code == 0
    assert house.files() == []
    assert callreel("verify").code == 0


def test_a_day_is_the_grace_that_the_command_gives() -> None:
    assert sweep.GRACE_SECONDS == 24 * 3600
