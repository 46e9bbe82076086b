"""Tag recordings, and name tags."""

from __future__ import annotations

from dataclasses import replace

from callreel.archive import Archive
from callreel.archive.facts import facts_reader
from callreel.errors import BadRecording
from callreel.model import Access, Named, Scope


async def set_tags(
    archive: Archive, access: Access, recording_id: str, tags: frozenset[int]
) -> bytes:
    """Give a recording these tags instead of those it has; return its new body.

    Raises:
        NotFound: there is no such recording for this key.
        BadRecording: a tag is unknown.
        NotAllowed: the key lacks the scope.
    """
    access.require(Scope.MANAGE)
    unknown = await archive.catalog.unknown_tags(access.reach.tenant, tags)
    if unknown:
        raise BadRecording(f"There is no tag {min(unknown)}; create it first.", field="tags")

    def change(body: bytes) -> bytes:
        recording = archive.bodies.parse(body)
        call = replace(recording.call, tags=tuple(sorted(tags)))
        return archive.bodies.render(replace(recording, call=call))

    read = facts_reader(archive.bodies)
    return await archive.catalog.rewrite(access.reach, recording_id, change, read)


async def create(
    archive: Archive, access: Access, name: str, tag_id: int | None
) -> tuple[Named, bool]:
    """Name a tag and say whether it is new (see `Catalog.add_tag`).

    Raises:
        Conflict: the id has another name, or the name another id.
        NotAllowed: the key lacks the scope.
    """
    access.require(Scope.MANAGE)
    return await archive.catalog.add_tag(access.reach.tenant, name, tag_id)
