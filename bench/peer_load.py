"""Fills the peer's database, without its indexes first, as a team would load a backlog."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, insert, text
from sqlalchemy.schema import CreateTable, Index

from callreel.archive.facts import facts_of
from callreel.model import Recording as Given
from peer_models import ApiKey, Base, Recording, RecordingNumber, RecordingTag

Rows = list[dict[str, Any]]


class PeerLoader:
    """Takes in recordings in the order of arrival; `finish` makes the indexes."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}")
        self._next_id = 1
        with self._engine.connect() as connection:
            for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-262144"):
                connection.execute(text(f"PRAGMA {pragma}"))
            for table in Base.metadata.sorted_tables:
                connection.execute(CreateTable(table))
            connection.commit()

    def add_key(self, key: str, tenant: int) -> None:
        digest = hashlib.sha256(key.encode()).hexdigest()
        with self._engine.begin() as connection:
            connection.execute(insert(ApiKey), [{"digest": digest, "tenant_id": tenant}])

    def add(self, recordings: Sequence[tuple[int, Given]]) -> None:
        rows: Rows = []
        numbers: Rows = []
        tags: Rows = []
        for row_id, (tenant, given) in enumerate(recordings, self._next_id):
            link = {"recording_id": row_id, "tenant_id": tenant}
            rows.append(_row(row_id, tenant, given))
            numbers += [link | {"number": each} for each in facts_of(given.call).numbers]
            tags += [link | {"tag_id": tag} for tag in given.call.tags]
        self._next_id += len(rows)
        with self._engine.begin() as connection:
            for table, given_rows in (
                (Recording, rows),
                (RecordingNumber, numbers),
                (RecordingTag, tags),
            ):
                if given_rows:
                    connection.execute(insert(table), given_rows)

    def finish(self) -> None:
        with self._engine.begin() as connection:
            for index in _indexes():
                index.create(connection)
            connection.execute(text("ANALYZE"))
        with self._engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        self._engine.dispose()


def _indexes() -> list[Index]:
    tables = Base.metadata.sorted_tables
    return sorted((index for table in tables for index in table.indexes), key=lambda i: str(i.name))


def _row(row_id: int, tenant: int, given: Given) -> dict[str, Any]:
    call, audio = given.call, given.audio
    return {
        "id": row_id,
        "tenant_id": tenant,
        "recording_uuid": given.id,
        "dialog_uuid": call.dialog_id,
        "dialog_type": call.dialog_type,
        "business_direction": call.direction,
        "business_end_cause": call.end_cause,
        "from_display_target": call.from_number,
        "to_display_target": call.to_number,
        "start_time": _time(call.started_at),
        "hangup_time": _time(call.hung_up_at),
        "alert_time": _time(call.alerted_at),
        "ring_time": _time(call.rang_at),
        "answer_time": _time(call.answered_at),
        "serve_time": _time(call.served_at),
        "talking_time": call.talking_ms,
        "waiting_time": call.waiting_ms,
        "first_queue_waiting_time": call.first_queue_waiting_ms,
        "machine_detected": int(call.machine_detected),
        "machine_detected_type": call.machine_type,
        "operator_call_id": call.source_call_id,
        "project_id": None if call.project is None else call.project.id,
        "project_name": None if call.project is None else call.project.name,
        "tenant_user_id": None if call.user is None else call.user.id,
        "tenant_user_name": None if call.user is None else call.user.name,
        "recording_duration": audio.duration_ms,
        "recording_size": audio.size,
        "recording_mime_type": audio.mime_type,
        "recording_channels": audio.channels,
        "recording_sha256": audio.sha256,
    }


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
