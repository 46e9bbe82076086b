"""An account of the original service: what its list says, and the audio behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from callreel.api.wire_time import format_time
from endpoints.original import Record
from importers.monitor import wav

NOON = 1_772_366_400  # 2026-03-01 12:00:00


@dataclass(frozen=True, slots=True)
class Held:
    """What an account holds: rows, and audio by the path of its address."""

    records: list[Record]
    audio: dict[str, bytes]

    @property
    def digests(self) -> dict[str, str]:
        """The digest of each recording's audio, by its id."""
        return {
            each["recording_uuid"]: hashlib.sha256(self.audio[path_of(each)]).hexdigest()
            for each in self.records
        }


def path_of(record: Record) -> str:
    path: str = record["recording_url"]
    return path


def record(number: int, *, at: int | None = None, **fields: Any) -> Record:
    """Return a row whose fields all say something, but for those given as None."""
    started = NOON + 60 * number if at is None else at
    told = {
        "recording_uuid": f"r{number}",
        "recording_url": f"/files/{number}.wav",
        "dialog_uuid": f"6d59cb01-eeac-432a-b0aa-bfa4f26785ec{number}",
        "dialog_type": "TENANT_USER",
        "business_direction": "OUTBOUND",
        "business_end_cause": "DIALOG_LEFT",
        "from_display_target": "48800123456",
        "to_display_target": f"+48 22 {number:07}",
        "start_time": format_time(started),
        "alert_time": format_time(started + 1),
        "ring_time": format_time(started + 2),
        "answer_time": format_time(started + 3),
        "serve_time": format_time(started + 4),
        "hangup_time": format_time(started + 34),
        "talking_time": 30_000,
        "waiting_time": 4_000,
        "first_queue_waiting_time": 1_000,
        "machine_detected": 1,
        "machine_detected_type": "AMD",
        "operator_call_id": f"op-{number}",
        "project_id": 9,
        "project_name": "Sprzedaż",
        "tenant_user_id": 94,
        "tenant_user_name": "Łucja",
        "custom_tag_id_list": [3, 17],
        **fields,
    }
    return {name: value for name, value in told.items() if value is not None}


def account_of(records: Iterable[Record], milliseconds: int = 40) -> Held:
    """Return an account in which each row has audio of its own."""
    rows = list(records)
    audio = {path_of(row): wav(milliseconds, tone=n) for n, row in enumerate(rows)}
    return Held(rows, audio)
