"""One recording: its data, its audio, its waveform, taking it in, tagging and deleting it."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.responses import Response

from callreel.api import audio, upload
from callreel.api.ask import JSON, Ask, data
from callreel.api.wire import decode_call, decode_tags, deleted, is_recording_id, to_call
from callreel.archive import delete, find, listen, tag, take_in
from callreel.archive.take_in import Arrival
from callreel.audio import Format
from callreel.errors import BadParameter, NotFound
from callreel.model import Scope

ID: Final = "recording_uuid"


async def show(ask: Ask) -> Response:
    """Answer with one recording."""
    ask.query()
    entry = await find.one(ask.archive, ask.access, _id(ask))
    shown = _opening(ask) + entry.body
    if Scope.MANAGE in ask.access.scopes:
        shown = shown[:-1] + b',"state":' + msgspec.json.encode(entry.state) + b"}"
    return data(shown)


async def play(ask: Ask) -> Response:
    """Answer with the audio, as it was handed in or converted."""
    wanted = _format(ask.query("format").get("format"))
    sound = await listen.sound_of(ask.archive, ask.access, _id(ask))
    if ask.request.method == "GET":
        await listen.note_heard(ask.archive, ask.access, _id(ask))
    if wanted is None:
        return audio.answer(ask.request, audio.stored(ask.archive, sound))
    return audio.answer(ask.request, await audio.converted(ask.archive, sound, wanted))


async def draw(ask: Ask) -> Response:
    """Answer with the waveform."""
    ask.query()
    peaks = await listen.peaks(ask.archive, ask.access, _id(ask))
    return Response(peaks, headers=audio.CACHING, media_type=JSON)


async def add(ask: Ask) -> Response:
    """Take in a recording; answer with it once it is on stable storage."""
    ask.query()
    limits = ask.services.limits
    most = upload.UploadLimits(limits.max_call_bytes, limits.max_upload_bytes)
    tenant = ask.access.reach.tenant
    with ask.services.uploads.entered(tenant):  # first, as who is turned away is to cost little
        boundary = upload.boundary_of(ask.request, most)
        with ask.archive.audio.stage() as staged:
            received = await upload.receive(ask.request, boundary, staged, most)
            call, wanted = to_call(decode_call(bytes(received.call)))
            arrival = Arrival(call, staged, wanted, received.original_name)
            taken = await take_in.one(ask.archive, ask.access, arrival)
    if taken.is_new:
        ask.services.metrics.taken_in(arrival.source)
    shown = _opening(ask) + taken.body
    address = msgspec.json.decode(shown)["recording_url"].removesuffix("/audio")
    return data(shown, 201 if taken.is_new else 200, {"Location": address})


async def set_tags(ask: Ask) -> Response:
    """Give a recording other tags."""
    ask.query()
    raw = await ask.json(ask.services.limits.max_call_bytes)
    wanted = decode_tags(raw)
    body = await tag.set_tags(ask.archive, ask.access, _id(ask), wanted)
    return data(_opening(ask) + body)


async def remove(ask: Ask) -> Response:
    """Delete a recording for good."""
    ask.query()
    recording_id = _id(ask)
    await delete.one(ask.archive, ask.access, recording_id)
    return data(deleted(recording_id))


def _id(ask: Ask) -> str:
    recording_id = ask.path(ID)
    if not is_recording_id(recording_id):
        raise NotFound("There is no such recording.")
    return recording_id


def _opening(ask: Ask) -> bytes:
    return ask.services.address(ask.request.scope).opening


def _format(name: str | None) -> Format | None:
    if name is None:
        return None
    try:
        return Format(name)
    except ValueError as error:
        formats = ", ".join(each.value for each in Format)
        raise BadParameter(f"Audio is converted to {formats} only.", field="format") from error
