"""Find recordings: a page of them, their number, one of them, and the names of ids."""

from __future__ import annotations

from callreel.archive import Archive
from callreel.catalog import Entry, Kind
from callreel.errors import NotFound
from callreel.model import Access, CallFilter, ListRequest, Named, Page, Scope, State


async def page(archive: Archive, access: Access, request: ListRequest, opening: bytes) -> Page:
    """Return a page of the available recordings (see `Catalog.page`)."""
    access.require(Scope.READ)
    return await archive.catalog.page(access.reach, request, opening)


async def count(archive: Archive, access: Access, call_filter: CallFilter) -> int:
    """Return how many available recordings match."""
    access.require(Scope.READ)
    return await archive.catalog.count(access.reach, call_filter)


async def one(archive: Archive, access: Access, recording_id: str) -> Entry:
    """Return one recording; only a managing key sees one that is not available.

    Raises:
        NotFound: there is none, or it is not for this key.
    """
    access.require(Scope.READ)
    return await entry_for(archive, access, recording_id)


async def entry_for(archive: Archive, access: Access, recording_id: str) -> Entry:
    """Return one recording for a key of whatever scope; the rule of who sees what is here."""
    entry = await archive.catalog.find(access.reach, recording_id)
    if entry.state is not State.AVAILABLE and Scope.MANAGE not in access.scopes:
        raise NotFound("There is no such recording.")
    return entry


async def names(archive: Archive, access: Access, kind: Kind) -> list[Named]:
    """Return the names of projects, tenant users or tags that the key may see."""
    access.require(Scope.READ)
    return await archive.catalog.names(access.reach, kind)
