"""An account of the original service at its worst is mirrored whole, each recording once."""

from __future__ import annotations

import random

import pytest

from callreel.archive.verdict import Became
from endpoints.account import NOON, Held, account_of, record
from endpoints.original import Service
from endpoints.scripted import ScriptedServer
from mirror.mirrors import Copy, became

DAY = 86_400
HOUR = 3_600


def strange(number: int, at: int) -> dict[str, object]:
    """Return a row that lacks some fields and has others that nobody knows."""
    chance = random.Random(number)
    row = record(number, at=at, **{f"field_{number % 7}": {"nested": [number]}})
    for name in chance.sample(
        [
            "business_direction",
            "dialog_type",
            "dialog_uuid",
            "hangup_time",
            "talking_time",
            "answer_time",
            "serve_time",
            "waiting_time",
            "custom_tag_id_list",
            "machine_detected",
            "project_id",
        ],
        number % 6,
    ):
        del row[name]
    return row


def account(seed: int) -> tuple[Held, int]:
    """Return calls of some weeks, and how many of them there are before the last day.

    On that day many start in the same seconds.
    """
    chance = random.Random(seed)
    alone = [NOON + chance.randrange(20 * DAY) for _ in range(30)]
    last = NOON + 20 * DAY
    crowded = [last + chance.choice((0, 0, 1, 2, 60)) for _ in range(60)]
    rows = [strange(n, at) for n, at in enumerate(alone + crowded)]
    return account_of(rows), len(alone)


@pytest.mark.parametrize("seed", range(5))
def test_every_recording_is_there_once_with_its_audio(
    scripted: ScriptedServer, copy: Copy, seed: int
) -> None:
    held, older = account(seed)
    early, late = held.records[: older + 20], held.records[older + 20 :]
    service = Service(early, held.audio, late, seed=seed)
    scripted.play(service)
    mirror = copy.mirror(page_size=10)
    now = NOON + 20 * DAY + 600
    copy.catch_up(mirror, now)
    assert copy.digests().items() <= held.digests.items()
    service.faults = 0
    service.arrive(len(late))
    copy.catch_up(mirror, now + HOUR)
    assert copy.digests() == held.digests
    assert copy.catch_up(mirror, now + 2 * HOUR) == []
    again = copy.catch_up(copy.mirror(page_size=10), now + 2 * HOUR)
    assert set(became(again)) <= {Became.SAME}
    assert copy.digests() == held.digests
