"""Hand in call records of a telephone system, for an import to take in with their recordings."""

from __future__ import annotations

import asyncio
from typing import Final

from callreel.archive import Archive
from callreel.errors import BadRecording, NotAllowed, Unavailable
from callreel.importers.freeswitch.record import MAX_RECORD, read_record
from callreel.model import Access, Scope

FREESWITCH: Final = "freeswitch"
MOST_BYTES: Final = MAX_RECORD


async def freeswitch_record(archive: Archive, access: Access, channel: str, content: bytes) -> bool:
    """Keep a record of `mod_json_cdr` or `mod_xml_cdr` and return whether it is new.

    When this returns it is on stable storage. The same again changes nothing.

    Args:
        archive: The archive.
        access: Who hands it in.
        channel: The channel's UUID in small letters.
        content: The record, of at most `MOST_BYTES`.

    Raises:
        NotAllowed: the key lacks the scope, or reaches some projects or users only.
        BadRecording: it is no record, or another channel's.
        Conflict: the channel has another record in the same form.
        StorageFull: there is no room.
        Unavailable: records cannot be kept just now.
    """
    access.require(Scope.INGEST)
    if access.reach.is_narrowed:
        raise NotAllowed(
            "A call record names no project and no user; use a key that is not narrowed to some."
        )
    if archive.spool is None:
        raise Unavailable("This archive keeps no call records.", retry_after=3600)
    form = await asyncio.to_thread(_checked, channel, content)
    name = f"{channel}.cdr.{form}"
    tenant = access.reach.tenant
    return await asyncio.to_thread(archive.spool.keep, FREESWITCH, tenant, name, content)


def _checked(channel: str, content: bytes) -> str:
    """Return which form a record has, by the ending of its file."""
    try:
        record = read_record(content)
    except ValueError as error:
        raise BadRecording(f"This is no call record. {error}") from error
    if record.variables.get("uuid", channel).lower() != channel:
        raise BadRecording("The record is of another channel than the uuid says.", field="uuid")
    return "json" if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else "xml"
