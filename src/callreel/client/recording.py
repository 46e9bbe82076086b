"""A recording as the endpoint shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct


class Recording(Struct, frozen=True, kw_only=True):
    """A recording with its call, under the names of the endpoint.

    What an endpoint does not tell is None, and what it tells beyond these fields is left out.
    Times are UTC text, `YYYY-MM-DD HH:mm:ss`; `started`, `answered` and `hung_up` give them as
    datetimes. Lengths are milliseconds, sizes are bytes.
    """

    recording_uuid: str | None = None
    dialog_uuid: str | None = None
    dialog_type: str | None = None
    business_direction: str | None = None
    business_end_cause: str | None = None
    from_display_target: str | None = None
    to_display_target: str | None = None
    start_time: str | None = None
    hangup_time: str | None = None
    alert_time: str | None = None
    ring_time: str | None = None
    answer_time: str | None = None
    serve_time: str | None = None
    talking_time: int | None = None
    waiting_time: int | None = None
    first_queue_waiting_time: int | None = None
    machine_detected: bool | None = None
    machine_detected_type: str | None = None
    operator_call_id: str | None = None
    project_id: int | None = None
    tenant_user_id: int | None = None
    project_name: str | None = None
    tenant_user_name: str | None = None
    custom_tag_id_list: tuple[int, ...] | None = None
    recording_url: str | None = None
    recording_duration: int | None = None
    recording_size: int | None = None
    recording_mime_type: str | None = None
    recording_channels: int | None = None
    recording_sha256: str | None = None

    @property
    def started(self) -> datetime | None:
        """When the call started, in UTC."""
        return _moment(self.start_time)

    @property
    def answered(self) -> datetime | None:
        """When the call was answered, in UTC."""
        return _moment(self.answer_time)

    @property
    def hung_up(self) -> datetime | None:
        """When the call ended, in UTC."""
        return _moment(self.hangup_time)

    @property
    def talked(self) -> timedelta | None:
        """How long the conversation was."""
        return None if self.talking_time is None else timedelta(milliseconds=self.talking_time)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)
