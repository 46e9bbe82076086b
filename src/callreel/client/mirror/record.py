"""A row of the service's list as what an archive takes in.

The call is read as that of an upload. Beyond that, what a row leaves out has a default, which
`docs/how-to/mirror-an-account.md` tells, and what it tells beyond the known fields is left out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from callreel.api.decoding import refusal
from callreel.api.wire import WireCall, WireRecording, is_recording_id, to_call
from callreel.api.wire_time import parse_time
from callreel.client.download import Source, source_of
from callreel.client.errors import BadAnswerError
from callreel.client.mirror.audio import Library
from callreel.client.recording import Recording
from callreel.client.transport import Transport
from callreel.errors import BadRecording
from callreel.importers.items import Candidate, Fault, Item, Refusal, printable
from callreel.model import LATEST_START, Call, DialogType, Direction

_CALL: Final = WireCall.__struct_fields__
_KNOWN: Final = frozenset(WireRecording.__struct_fields__)
_AUDIO: Final = ("recording_uuid", "recording_url", "recording_size", "recording_sha256")
_NUMBERS: Final = frozenset(
    {
        "talking_time",
        "waiting_time",
        "first_queue_waiting_time",
        "machine_detected",
        "project_id",
        "tenant_user_id",
        "recording_size",
    }
)
_NAMES: Final = (("project_name", "project_id"), ("tenant_user_name", "tenant_user_id"))
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_PASSING: Final = re.compile(r"sig|token|expire|amz|date|policy|^se$|^sp$|^sv$", re.IGNORECASE)
_MOST_NAMES: Final = 20
Row = Mapping[str, Any]
Word = TypeVar("Word", bound=StrEnum)


class Records:
    """Reads the rows of one account.

    Args:
        transport: Asks the service.
        library: Opens audio.
        source: What brings the recordings in.
    """

    def __init__(self, transport: Transport, library: Library, source: str) -> None:
        self._transport = transport
        self._library = library
        self._source = source
        self._unknown: set[str] = set()

    def item(self, row: object) -> Item:
        """Return the recording that a row is of, or why it is none."""
        if not isinstance(row, dict):
            return Refusal("a record without id", Fault.BAD_CALL, "The record is no JSON object.")
        told = _told(row)
        where = _where(told)
        try:
            return self._candidate(told, where, self._notes_of(row))
        except BadRecording as error:
            return Refusal(where, Fault.BAD_CALL, printable(error.message)[:300])

    def _candidate(self, told: dict[str, Any], where: str, notes: list[str]) -> Candidate:
        native_id = _take_id(told, notes)
        read = _call(told, native_id, notes)
        source = self._audio(told)
        call = read.call
        return Candidate(
            where=where,
            call=call,
            is_measured=read.is_measured,
            native_id=native_id,
            native_time=call.started_at,
            open=partial(self._library.open, source),
            size=source.size,
            original_name=_file_name(source.url, native_id),
            source=self._source,
            notes=tuple(notes),
            id=told.get("recording_uuid"),
            sha256=source.sha256,
            is_remote=True,
        )

    def _audio(self, told: Row) -> Source:
        given = {name: told[name] for name in _AUDIO if name in told}
        if not _SHA256.fullmatch(str(given.get("recording_sha256", ""))):
            given.pop("recording_sha256", None)
        try:
            recording = msgspec.convert(given, Recording, strict=False)
            source = source_of(self._transport, recording, None)
        except msgspec.ValidationError as error:
            raise refusal(error, "recording") from error
        except BadAnswerError as error:
            raise BadRecording(error.message) from error
        except ValueError as error:
            raise BadRecording("It has neither an id nor an address of audio.") from error
        sha256 = None if source.sha256 is None else source.sha256.lower()
        return replace(source, sha256=sha256)

    def _notes_of(self, row: Row) -> list[str]:
        """Return what is to be said of fields that were not seen before."""
        fresh = [name for name in row if name not in _KNOWN and name not in self._unknown]
        room = _MOST_NAMES - len(self._unknown)
        self._unknown.update(fresh[: max(room, 0)])
        if not fresh or room <= 0:
            return []
        names = ", ".join(printable(name)[:64] for name in fresh[:room])
        return [f"The service tells more than the archive has a place for: {names}."]


def identity(row: object) -> bytes:
    """Return what tells a row from others, also from itself with a newly signed address."""
    if not isinstance(row, dict):
        return _digest(row)
    recording_id = row.get("recording_uuid")
    if isinstance(recording_id, str | int) and recording_id != "":
        return str(recording_id).encode("utf-8", "surrogatepass")
    url = row.get("recording_url")
    return _digest(row | {"recording_url": _lasting(url)} if isinstance(url, str) else row)


def started_at(row: object) -> int | None:
    """Return when the call of a row started, seconds UTC, or None where it does not say."""
    text = row.get("start_time") if isinstance(row, dict) else None
    try:
        return parse_time(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _digest(row: object) -> bytes:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()


def _lasting(url: str) -> str:
    """Return an address without what a signature changes of it."""
    try:
        parts = urlsplit(url)
        kept = [(k, v) for k, v in parse_qsl(parts.query) if not _PASSING.search(k)]
    except ValueError:
        return url
    return parts._replace(query=urlencode(kept)).geturl()


def _told(row: Row) -> dict[str, Any]:
    """Return the known fields that say something, numbers written as text where that is meant."""
    return {
        name: _plain(name, value)
        for name, value in row.items()
        if name in _KNOWN and value is not None and value != ""
    }


def _plain(name: str, value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return str(value) if isinstance(value, int) and name not in _NUMBERS else value


def _where(told: Row) -> str:
    for name in ("recording_uuid", "dialog_uuid"):
        if isinstance(told.get(name), str):
            is_dialog = name == "dialog_uuid"
            return ("dialog " if is_dialog else "") + printable(told[name])[:128]
    return "a record without id"


def _take_id(told: dict[str, Any], notes: list[str]) -> str:
    """Return the id that the service has for the recording, and drop one that cannot be kept."""
    given = told.get("recording_uuid")
    if isinstance(given, str) and is_recording_id(given):
        return given
    if told.pop("recording_uuid", None) is not None:
        notes.append("The service's id cannot be one here; the recording has another.")
        told.setdefault("dialog_uuid", _hex(given))
        return str(given)
    dialog = told.setdefault("dialog_uuid", _hex(_lasting(str(told.get("recording_url")))))
    return str(dialog)


def _hex(value: object) -> str:
    return _digest(str(value)).hex()[:32]


@dataclass(frozen=True, slots=True)
class _Read:
    call: Call
    is_measured: bool


def _call(told: Row, native_id: str, notes: list[str]) -> _Read:
    """Return the call of a row.

    Raises:
        BadRecording: a field cannot be meant.
    """
    start = told.get("start_time")
    if start is None:
        raise BadRecording("The record does not say when the call started.")
    fields = {"dialog_uuid": native_id, "hangup_time": start, "talking_time": 0}
    fields |= {name: told[name] for name in _CALL if name in told}
    fields["dialog_type"] = _word(DialogType, told, "dialog_type", DialogType.CONSULTANT, notes)
    fields["business_direction"] = _word(
        Direction, told, "business_direction", Direction.INBOUND, notes
    )
    if "business_direction" not in told:
        notes.append("The service does not tell the direction of the call; it is kept as INBOUND.")
    for name, number in _NAMES:
        if number not in told:
            fields.pop(name, None)
    try:
        call, _ = to_call(msgspec.convert(fields, WireCall, strict=False))
    except msgspec.ValidationError as error:
        raise refusal(error, "record") from error
    return _lengths(call, told)


def _word(kind: type[Word], told: Row, name: str, default: Word, notes: list[str]) -> Word:
    given = told.get(name, default)
    try:
        return kind(given)
    except ValueError:
        shown = printable(str(given))[:64]
        notes.append(f"The service says '{shown}' in {name}; it is kept as {default.value}.")
        return default


def _lengths(call: Call, told: Row) -> _Read:
    """Put in what a row leaves out of the end of the call and of the conversation's length."""
    has_end, has_length = "hangup_time" in told, "talking_time" in told
    if not has_end and not has_length:
        return _Read(call, is_measured=False)
    served_at = call.served_at or call.answered_at
    if served_at is None:
        served_at = call.started_at + (call.waiting_ms or 0) // 1000
    if not has_end:
        hung_up_at = served_at - -call.talking_ms // 1000
        if hung_up_at > LATEST_START:
            raise BadRecording("The call is longer than it can be.")
        return _Read(replace(call, hung_up_at=hung_up_at), is_measured=True)
    if not has_length:
        talking_ms = max(call.hung_up_at - served_at, 0) * 1000
        return _Read(replace(call, talking_ms=talking_ms), is_measured=True)
    return _Read(call, is_measured=True)


def _file_name(url: str, native_id: str) -> str:
    """Return what to call the audio: as its address does, where that has a file's name."""
    name = urlsplit(url).path.rpartition("/")[2]
    return printable(name if "." in name else native_id)[:255]
