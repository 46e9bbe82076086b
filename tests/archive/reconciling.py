"""Fills archives with calls that share one recorded sound, which is quick."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import soundfile

from callreel.archive.facts import facts_of
from callreel.catalog import NewEntry
from callreel.model import EARLIEST_START, Audio, Call, Recording
from house import CALL, House

WEEK = 7 * 86_400


def stereo(left: float, right: float, seconds: float = 6.0) -> bytes:
    """Return a sound of two channels, as loud as told."""
    wave = np.sin(np.arange(int(8000 * seconds)) / 8000 * 440 * 6.28)
    file = io.BytesIO()
    soundfile.write(file, np.stack([wave * left, wave * right], axis=1), 8000, format="WAV")
    return file.getvalue()


def recorded(house: House, sound: bytes, start: int = EARLIEST_START) -> Audio:
    """Take in a first call and return its audio, for others to share."""
    call = replace(CALL, started_at=start, hung_up_at=start + 6, talking_ms=6_000)
    return house.archive.bodies.parse(house.take_in(call, sound).body).audio


def entry(house: House, call: Call, audio: Audio) -> NewEntry:
    """Return a recording of audio that is there already."""
    recording = Recording(call.dialog_id, call, audio)
    return NewEntry(
        id=recording.id,
        body=house.archive.bodies.render(recording),
        facts=facts_of(call),
        digest=bytes.fromhex(audio.sha256),
        fingerprint=hashlib.sha256(call.dialog_id.encode()).digest(),
        arrived_at=0,
        dialog=call.dialog_id,
    )


def fill(house: House, starts: Sequence[int], audio: Audio) -> None:
    """Add a call at each of the moments; each is as long as its audio."""
    calls = [
        replace(
            CALL,
            dialog_id=f"d-{number}",
            started_at=start,
            hung_up_at=start + 6,
            talking_ms=audio.duration_ms or 0,
        )
        for number, start in enumerate(starts)
    ]
    house.run(house.archive.catalog.add(1, [entry(house, call, audio) for call in calls]))
