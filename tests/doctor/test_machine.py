from __future__ import annotations

import asyncio
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from callreel.audio.worker import ChildSoundWorker
from callreel.doctor import Diagnosis, Level, machine
from callreel.doctor.machine import (
    look_at_child,
    look_at_clock,
    look_at_limits,
    look_at_sound,
)
from callreel.errors import Unavailable
from callreel.settings import Settings

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
NO_LIMIT = resource.RLIM_INFINITY
MIB = 1 << 20


@pytest.mark.parametrize(
    ("now", "written_at", "level"),
    [
        (NOON, 0, Level.OK),
        (NOON, NOON - 86_400, Level.OK),
        (NOON, NOON + 299, Level.OK),
        (NOON, NOON + 301, Level.WARNING),
        (0.0, 0, Level.BAD),
        (datetime(2025, 12, 31, tzinfo=UTC).timestamp(), 0, Level.BAD),
        (datetime(2100, 1, 1, tzinfo=UTC).timestamp(), 0, Level.BAD),
    ],
)
def test_a_clock_that_cannot_be_right_is_told(now: float, written_at: float, level: Level) -> None:
    assert look_at_clock(now, written_at).level is level


def limits(
    monkeypatch: pytest.MonkeyPatch, files: int = 65_536, address: int = NO_LIMIT
) -> dict[str, Level]:
    given = {resource.RLIMIT_NOFILE: files, resource.RLIMIT_AS: address}
    # A server takes as many files as it may have; of memory what it is given counts.
    monkeypatch.setattr(resource, "getrlimit", lambda what: (given[what], given[what]))
    settings = Settings(max_connections=1_000, max_uploads=36)
    return {each.what: each.level for each in look_at_limits(settings)}


def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "meminfo").write_text(text)
    monkeypatch.setattr(machine, "_MEMORY", tmp_path / "meminfo")


def test_enough_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory(tmp_path, monkeypatch, f"MemFree: 3 kB\nMemAvailable: {512 * 1024} kB\n")
    assert limits(monkeypatch) == {"open files": Level.OK, "memory": Level.OK}


def test_few_files_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits(monkeypatch, files=1199)["open files"] is Level.WARNING
    assert limits(monkeypatch, files=1200)["open files"] is Level.OK
    assert limits(monkeypatch, files=NO_LIMIT)["open files"] is Level.OK


def test_little_memory_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory(tmp_path, monkeypatch, f"MemAvailable: {512 * 1024 - 1} kB\n")
    assert limits(monkeypatch)["memory"] is Level.WARNING


def test_too_little_address_space_for_a_child_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory(tmp_path, monkeypatch, "MemAvailable: 9999999 kB\n")
    assert limits(monkeypatch, address=2047 * MIB)["memory"] is Level.WARNING
    assert limits(monkeypatch, address=2048 * MIB)["memory"] is Level.OK


@pytest.mark.parametrize("text", ["MemFree: 3 kB\n", "MemAvailable: much\n"])
def test_memory_that_cannot_be_told_is_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    memory(tmp_path, monkeypatch, text)
    assert limits(monkeypatch)["memory"] is Level.OK


def test_audio_is_measured_and_converted_in_earnest() -> None:
    async def look() -> Diagnosis:
        sound = ChildSoundWorker()
        try:
            return await look_at_sound(sound)
        finally:
            await sound.close()

    assert asyncio.run(look()) == Diagnosis(
        "audio", Level.OK, "It can be measured and converted to opus, mp3, wav."
    )


def test_audio_that_cannot_be_read_is_bad() -> None:
    sound = Mock()
    sound.inspect.side_effect = Unavailable("No process could be started.")
    found = asyncio.run(look_at_sound(sound))
    assert found.level is Level.BAD
    assert found.says.endswith("No process could be started.")


async def child_looked_at() -> Diagnosis:
    sound = ChildSoundWorker()
    try:
        return await look_at_child(sound)
    finally:
        await sound.close()


@pytest.mark.skipif(platform.machine() not in {"x86_64", "aarch64"}, reason="no filter is known")
def test_a_child_that_the_kernel_holds_back_is_well() -> None:
    assert asyncio.run(child_looked_at()).level is Level.OK


WITHOUT_FILTERS = """
import asyncio, ctypes, platform, sys
sys.path[:0] = [sys.argv[1]]
from callreel.audio import syscalls
from doctor.test_machine import child_looked_at
number = {"x86_64": 157, "aarch64": 167}[platform.machine()]
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
known_as = syscalls._FORBIDDEN[platform.machine()][0]
# Of what prctl is told to do, only to set a filter (22) has this bit among what a child asks.
assert syscalls._hand_over(syscalls._steps(known_as, [], [(number, 0, 16)]))
print(asyncio.run(child_looked_at()).level)
"""


@pytest.mark.skipif(platform.machine() not in {"x86_64", "aarch64"}, reason="no filter is known")
def test_a_kernel_that_takes_no_filter_of_a_child_is_warned_of() -> None:
    """As in a container whose own filter refuses it."""
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_FILTERS, str(Path(__file__).parents[1])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("warning\n", "")


def test_a_child_that_cannot_be_started_is_bad() -> None:
    sound = Mock()
    sound.is_held.side_effect = Unavailable("No process could be started.")
    assert asyncio.run(look_at_child(sound)).level is Level.BAD
