"""The peer's tables: the same rows in a conventional, normalised schema with sensible indexes."""

from __future__ import annotations

import os
from datetime import datetime

from sqlalchemy import ForeignKey, Index, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.pool import ConnectionPoolEntry

PUBLIC_URL = os.environ.get("PEER_PUBLIC_URL", "http://localhost")


class Base(DeclarativeBase):
    pass


class ApiKey(Base):
    __tablename__ = "api_key"
    digest: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]


class RecordingNumber(Base):
    """A normalised number of either side."""

    __tablename__ = "recording_number"
    __table_args__ = (Index("ix_number", "tenant_id", "number", "recording_id"),)
    recording_id: Mapped[int] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]


class RecordingTag(Base):
    __tablename__ = "recording_tag"
    __table_args__ = (Index("ix_tag", "tenant_id", "tag_id", "recording_id"),)
    recording_id: Mapped[int] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]


class Recording(Base):
    """A recording with its call; `id` is given in the order of arrival."""

    __tablename__ = "recording"
    __table_args__ = (
        Index("ix_uuid", "tenant_id", "recording_uuid", unique=True),
        Index("ix_start", "tenant_id", "start_time", "id"),
        Index("ix_hangup", "tenant_id", "hangup_time"),
        Index("ix_talking", "tenant_id", "talking_time"),
        Index("ix_project", "tenant_id", "project_id", "start_time", "id"),
        Index("ix_user", "tenant_id", "tenant_user_id", "start_time", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]
    recording_uuid: Mapped[str]
    dialog_uuid: Mapped[str]
    dialog_type: Mapped[str]
    business_direction: Mapped[str]
    business_end_cause: Mapped[str | None]
    from_display_target: Mapped[str | None]
    to_display_target: Mapped[str | None]
    start_time: Mapped[datetime]
    hangup_time: Mapped[datetime]
    alert_time: Mapped[datetime | None]
    ring_time: Mapped[datetime | None]
    answer_time: Mapped[datetime | None]
    serve_time: Mapped[datetime | None]
    talking_time: Mapped[int]
    waiting_time: Mapped[int | None]
    first_queue_waiting_time: Mapped[int | None]
    machine_detected: Mapped[int]
    machine_detected_type: Mapped[str | None]
    operator_call_id: Mapped[str | None]
    project_id: Mapped[int | None]
    project_name: Mapped[str | None]
    tenant_user_id: Mapped[int | None]
    tenant_user_name: Mapped[str | None]
    recording_duration: Mapped[int | None]
    recording_size: Mapped[int]
    recording_mime_type: Mapped[str]
    recording_channels: Mapped[int | None]
    recording_sha256: Mapped[str]
    tags: Mapped[list[RecordingTag]] = relationship(order_by=RecordingTag.tag_id)

    @property
    def custom_tag_id_list(self) -> list[int]:
        return [tag.tag_id for tag in self.tags]

    @property
    def recording_url(self) -> str:
        return f"{PUBLIC_URL}/cdr_dialog_recording/{self.recording_uuid}/audio"


def tune(engine: AsyncEngine) -> None:
    """Give each connection a large cache and the file mapped, as a team that measures would."""

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in ("query_only=1", "cache_size=-65536", "mmap_size=17179869184"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
