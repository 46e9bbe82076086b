"""Call detail records as FreeSWITCH posts them.

`mod_json_cdr` and `mod_xml_cdr` append `?uuid=[a_]<uuid>` to the address and try again until the
answer is 200. The body is the record itself, or a form with the one field `cdr`, which holds it
plain, percent-encoded or in base64. What it is, is read off the body: with `disable-100-continue`
both modules lose their `Content-Type`.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from callreel.api.ask import JSON, Ask, data
from callreel.api.body import chunks
from callreel.archive import hand_in
from callreel.errors import BadParameter, BadRecording, TooLarge, UnsupportedMedia

XML: Final = "text/xml"
FORM: Final = "application/x-www-form-urlencoded"
TYPES: Final = (
    JSON,
    XML,
    FORM,
    "application/xml",
    "application/x-www-form-base64-encoded",
    "application/x-www-form-plaintext",
)
MOST_BYTES: Final = 3 * hand_in.MOST_BYTES + 64  # percent-encoded it is three times as long
_UUID: Final = re.compile(r"(?:a_)?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})", re.IGNORECASE)
_FIELD: Final = b"cdr="
_PERCENT: Final = b"cdr=%"


class KeptRecord(msgspec.Struct):
    """A call record that is on stable storage."""

    uuid: str
    is_new: bool


async def add(ask: Ask) -> Response:
    """Keep a call record; answer once it is on stable storage."""
    channel = _channel(ask.query("uuid").get("uuid", ""))
    with ask.services.uploads.entered(ask.access.reach.tenant):
        is_new = await _kept(ask, channel)
    return data(msgspec.json.encode(KeptRecord(channel, is_new)))


async def _kept(ask: Ask, channel: str) -> bool:
    body = await _body(ask.request)
    content = unpacked(body)
    if len(content) > hand_in.MOST_BYTES:
        raise _too_large()
    try:
        return await hand_in.freeswitch_record(ask.archive, ask.access, channel, content)
    except BadRecording as error:
        if body.startswith(_PERCENT):
            raise _spoiled(error) from error
        raise


def unpacked(body: bytes) -> bytes:
    """Return the record in a body, or in the one field of a form.

    Raises:
        BadRecording: the field holds neither a record nor one in base64 or percent-encoded.
    """
    packed = body.strip()
    if not packed.startswith(_FIELD):
        return body
    inside = packed.removeprefix(_FIELD).lstrip()
    if inside.startswith((b"{", b"<")):
        return inside
    if inside.startswith(b"%"):
        return unquote_to_bytes(inside.replace(b"+", b" "))
    try:
        return base64.b64decode(b"".join(inside.split()), validate=True)
    except binascii.Error as error:
        raise BadRecording("The field cdr is neither a record nor base64.", field="cdr") from error


def _channel(text: str) -> str:
    match = _UUID.fullmatch(text)
    if match is None:
        raise BadParameter("The uuid must be that of a channel, perhaps after a_.", field="uuid")
    return match[1].lower()


async def _body(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and media_type not in TYPES:
        raise UnsupportedMedia(f"Send the record as {', '.join(TYPES[:3])}.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Send the record without a Content-Encoding.")
    body = bytearray()
    async for chunk in chunks(request):
        body += chunk
        if len(body) > MOST_BYTES:
            raise _too_large()
    return bytes(body)


def _spoiled(error: BadRecording) -> BadRecording:
    """Return what to do where FreeSWITCH's own form encoding spoiled a record.

    It leaves alone what looks encoded already, so an encoded quote within a value ends up bare.
    """
    advice = (
        "In a form FreeSWITCH spoils values with quotes; set encode to false, base64 or textxml."
    )
    return BadRecording(f"{error.message} {advice}", field=error.field)


def _too_large() -> TooLarge:
    return TooLarge(f"The record is above {hand_in.MOST_BYTES} bytes.")
