"""Exports as vCon, a file a recording (draft-ietf-vcon-vcon-core, whose `vcon` says 0.4.0).

A vCon has two parties, who called and who was called; the one of the company has the `role` agent
(draft-ietf-vcon-cc-extension), which tells the direction. Its one dialog is the recording, inline
or by its address, with the SHA-512 of the audio. The whole record is an attachment. It is written
piece by piece, for audio may be larger than memory: the audio comes last but for its digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from callreel.archive.exporting import Draft
from callreel.archive.exporting.audio import count_unreadable
from callreel.archive.exporting.members import Container, Member, member_of
from callreel.archive.exporting.names import stem_of
from callreel.archive.exporting.sounds import Lent, Sounds, UnreadableError
from callreel.model import Direction, Named, Recording

VERSION: Final = "0.4.0"
EXTENSION: Final = "vcon"
LEFT_OUT: Final = "unreadable.jsonl"
_PIECE: Final = 3 << 16  # a multiple of three bytes becomes base64 without padding
_SEPARATORS: Final = str.maketrans("", "", "-.() /")
_PHONE: Final = re.compile(r"\+?[0-9*#]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class VconForm:
    """How vCons are written.

    Attributes:
        created_at: Seconds UTC.
        url_of: Returns the address of the audio of a recording with its id, for vCons that name
            it; None for those that hold it.
    """

    created_at: int
    url_of: Callable[[str], str] | None = None


class VconWriter:
    """Writes a vCon a recording into a container.

    What has no readable audio is left out, told of in `unreadable.jsonl`, and counted.
    """

    def __init__(self, sounds: Sounds, draft: Draft, container: Container, form: VconForm) -> None:
        self._sounds = sounds
        self._draft = draft
        self._container = container
        self._form = form

    async def add(self, records: Sequence[bytes]) -> None:
        for record in records:
            try:
                async with self._sounds.lend(record) as lent:
                    self._container.add(vcon_of(lent, record, self._form))
            except UnreadableError as error:
                count_unreadable(self._draft)
                reason = json.dumps(error.reason).encode()
                line = b'{"error": ' + reason + b', "recording": ' + record + b"}\n"
                self._draft.side(LEFT_OUT).write(line)

    async def finish(self) -> None:
        if self._draft.side(LEFT_OUT).size:
            with self._draft.read_side(LEFT_OUT) as file:
                self._container.add(member_of(file, LEFT_OUT, self._form.created_at))
        self._container.finish()


def vcon_of(lent: Lent, record: bytes, form: VconForm) -> Member:
    """Return the vCon of a recording.

    Args:
        lent: Its audio.
        record: Its public JSON, to be attached.
        form: How to write it.
    """
    recording = lent.recording
    name = f"{stem_of(recording.id)}.{EXTENSION}"
    head = _head(lent, record, form)
    digest = hashlib.sha512()
    size = crc = 0
    for piece in _text(head, lent, digest.update, inline=form.url_of is None):
        size += len(piece)
        crc = zlib.crc32(piece, crc)
    tail = _tail(digest.digest(), inline=form.url_of is None)
    size, crc = size + len(tail), zlib.crc32(tail, crc)

    def pieces() -> Iterator[bytes]:
        if form.url_of is None:
            yield from _text(head, lent, lambda _: None, inline=True)
        else:
            yield head
        yield tail

    return Member(name, size, crc, recording.call.started_at, pieces)


def _text(
    head: bytes, lent: Lent, see: Callable[[bytes], None], *, inline: bool
) -> Iterable[bytes]:
    """Yield all but the tail, and let someone see each piece of the audio."""
    yield head
    for piece in lent.pieces(_PIECE):
        see(piece)
        if inline:
            yield base64.urlsafe_b64encode(piece).rstrip(b"=")


def _head(lent: Lent, record: bytes, form: VconForm) -> bytes:
    recording = lent.recording
    start = _rfc_3339(recording.call.started_at)
    company = 0 if recording.call.direction is Direction.OUTBOUND else 1
    attachment = {
        "start": start,
        "party": company,
        "dialog": 0,
        "mediatype": "application/json",
        "encoding": "json",
        "body": record.decode(),
    }
    vcon = {
        "vcon": VERSION,
        "uuid": vcon_uuid(recording),
        "created_at": _rfc_3339(form.created_at),
        "extensions": ["CC"],
        "parties": _parties(recording, company),
        "attachments": [attachment],
        "dialog": [_dialog(lent, start, form)],
    }
    text = _json(vcon).removesuffix("}]}")
    return (text + (',"encoding":"base64url","body":"' if form.url_of is None else "")).encode()


def _tail(digest: bytes, *, inline: bool) -> bytes:
    hashed = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return (b'"' if inline else b"") + b',"content_hash":"sha512-' + hashed + b'"}]}'


def _dialog(lent: Lent, start: str, form: VconForm) -> dict[str, Any]:
    recording = lent.recording
    audio, call = recording.audio, recording.call
    length = call.talking_ms if audio.duration_ms is None else audio.duration_ms
    # Which party is on which channel is not known: each may be on any.
    parties = [0, 1] if (audio.channels or 1) < 2 else [[0, 1]] * (audio.channels or 1)
    dialog: dict[str, Any] = {
        "type": "recording",
        "start": start,
        "duration": length / 1000,
        "parties": parties,
        "mediatype": audio.mime_type,
    }
    if lent.original_name is not None:
        dialog["filename"] = lent.original_name
    if form.url_of is not None:
        dialog["url"] = form.url_of(recording.id)
    return dialog


def _parties(recording: Recording, company: int) -> list[dict[str, str]]:
    call = recording.call
    parties = [_party(call.from_number), _party(call.to_number)]
    for index, party in enumerate(parties):
        party["role"] = "agent" if index == company else "customer"
    user = call.user or Named(0, None)
    if user.name is not None and "tel" in parties[company]:
        parties[company]["name"] = user.name
    return parties


def _party(number: str | None) -> dict[str, str]:
    if number is None:
        return {"name": "anonymous"}
    bare = number.translate(_SEPARATORS)
    if _PHONE.fullmatch(bare):
        return {"tel": f"tel:{bare}"}
    return {"sip": f"sip:{number}"} if "@" in number else {"name": number}


def vcon_uuid(recording: Recording) -> str:
    """Return the UUID of a recording's vCon: its id, or one of version 8 that is made of it."""
    try:
        return str(uuid.UUID(recording.id))
    except ValueError:
        made = hashlib.sha256(f"{recording.id}\0{recording.audio.sha256}".encode()).hexdigest()
        variant = "89ab"[int(made[16], 16) % 4]
        return f"{made[:8]}-{made[8:12]}-8{made[13:16]}-{variant}{made[17:20]}-{made[20:32]}"


def _rfc_3339(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
