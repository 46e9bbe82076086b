"""What a file's name, size and time tell of its audio."""

from __future__ import annotations

import time

import pytest

from callreel.importers.audio_file import PATIENCE, refusal_by_look
from callreel.importers.items import Fault
from callreel.importers.tree import Found


def looked_at(name: str, age: float) -> tuple[Fault, str] | None:
    found = Found(("2026", name), 1000, time.time() - age)
    refusal = refusal_by_look(found, 10)
    return None if refusal is None else (refusal.fault, refusal.reason)


@pytest.mark.parametrize("name", [".in-1-2.wav.Ab3dEf", ".a.gsm.000000", "..b.WAV.abcdef"])
def test_what_rsync_is_copying_is_left_for_later_and_then_told(name: str) -> None:
    copying = "The file is being copied by rsync; the next import takes it."
    assert looked_at(name, PATIENCE - 60) == (Fault.GROWING, copying)
    left = "By its name this is a copy that rsync did not finish; copy again, and remove it."
    assert looked_at(name, PATIENCE + 60) == (Fault.NOT_AUDIO, left)


@pytest.mark.parametrize(
    "name", ["in.wav.Ab3dEf", ".in.wav.Ab3dE", ".in.txt.Ab3dEf", ".in.wav.Ab3-Ef", ".Ab3dEf"]
)
def test_other_odd_names_are_of_no_audio(name: str) -> None:
    assert looked_at(name, 60) == (Fault.NOT_AUDIO, "By its name this is no audio.")


def test_a_hidden_file_of_audio_is_taken() -> None:
    assert looked_at(".in.wav", 60) is None
