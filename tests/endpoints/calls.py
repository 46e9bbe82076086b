"""Calls with audio of their own, made up, to be handed in to a real server."""

from __future__ import annotations

import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path

BEGIN = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)
CUSTOMERS = ("+48 22 123 45 67", "0048501502503", "48777888999", "sip:Anna@example.org")
COMPANY = "+48 (61) 600-70-80"


def call(number: int) -> dict[str, object]:
    """Return one of a series of calls that differ in all that can be filtered by.

    Every third starts in the same second as the one before.
    """
    started = BEGIN + timedelta(minutes=number - number % 3 // 2)
    talked = timedelta(milliseconds=1000 * (number * 7 % 20))
    customer = CUSTOMERS[number % len(CUSTOMERS)]
    is_inbound = number % 2 == 0
    return {
        "dialog_uuid": f"dialog-{number}",
        "dialog_type": "CONSULTANT",
        "business_direction": "INBOUND" if is_inbound else "OUTBOUND",
        "from_display_target": customer if is_inbound else COMPANY,
        "to_display_target": COMPANY if is_inbound else customer,
        "start_time": started,
        "answer_time": started + timedelta(seconds=3),
        "hangup_time": started + timedelta(seconds=3) + talked,
        "talking_time": int(talked / timedelta(milliseconds=1)),
        "machine_detected": number % 5 == 0,
        "project_id": number % 5 or None,
        "project_name": f"Sprzedaż {number % 5}" if number % 5 else None,
        "tenant_user_id": 10 + number % 3,
        "tenant_user_name": f"Agent {number % 3}",
        "custom_tag_id_list": [each for each in (1, 2) if number % (each + 1) == 0],
    }


def write_audio(path: Path, number: int) -> Path:
    """Write a tenth of a second of stereo sound that no other number has."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(number.to_bytes(2, "little") * 1600)
    return path
