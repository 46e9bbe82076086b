"""Imports: taken in with a verdict for everything, which the archive keeps, and undone."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from callreel.archive import Archive, delete
from callreel.archive.take_in_batch import take_in_batch
from callreel.archive.verdict import Became, Verdict
from callreel.catalog.ledger import ImportItem
from callreel.errors import NotFound
from callreel.importers.items import Item
from callreel.model import Access, Reach, Scope


async def run(
    archive: Archive, tenant: int, format_name: str, items: Iterable[Item]
) -> AsyncGenerator[Verdict]:
    """Take in what an importer found (see `go_on`), as an import of its own.

    Raises:
        StorageFull, Unavailable: the archive cannot go on. Verdicts yielded before hold.
    """
    number = await begin(archive, tenant, format_name)
    async with aclosing(go_on(archive, tenant, number, items)) as verdicts:
        async for verdict in verdicts:
            yield verdict
    await end(archive, number)


async def begin(archive: Archive, tenant: int, format_name: str) -> int:
    """Begin an import and return its number."""
    return await archive.catalog.begin_import(tenant, format_name, int(time.time()))


async def end(archive: Archive, number: int) -> None:
    """Note that an import came to its end."""
    await archive.catalog.end_import(number, int(time.time()))


async def go_on(
    archive: Archive,
    tenant: int,
    number: int,
    items: Iterable[Item],
    *,
    leaves_out: frozenset[Became] = frozenset(),
) -> AsyncGenerator[Verdict]:
    """Take in items of an import (see `take_in_batch`) and keep the verdicts in the ledger.

    What was taken in is known to be of this import from the same moment on; its verdict is in the
    ledger when it is yielded.

    Args:
        archive: The archive.
        tenant: Whose recordings they become.
        number: The import.
        items: What an importer found.
        leaves_out: What is not kept in the ledger, since it is met again and again.

    Raises:
        StorageFull, Unavailable: the archive cannot go on. Verdicts yielded before hold.
    """
    async with aclosing(take_in_batch(archive, tenant, items, number)) as groups:
        async for verdicts in groups:
            kept = [item_of(verdict) for verdict in verdicts if verdict.became not in leaves_out]
            await archive.catalog.note_items(number, kept)
            for verdict in verdicts:
                yield verdict


def item_of(verdict: Verdict) -> ImportItem:
    """Return a verdict as the ledger keeps it."""
    return ImportItem(
        place=verdict.where,
        is_row=verdict.is_row,
        became=verdict.became.value,
        fault=None if verdict.fault is None else verdict.fault.value,
        reason=verdict.reason,
        notes=verdict.notes,
        recording=verdict.recording,
    )


CALLS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of a recording whose import is undone.

    Attributes:
        recording: Its id.
        is_kept: Whether it stays, because someone has tagged or heard it.
    """

    recording: str
    is_kept: bool


async def undo(archive: Archive, number: int, *, touched_too: bool) -> AsyncGenerator[Undone]:
    """Delete what an import took in and is still there, and yield what became of each.

    Nothing of it is left in the list of calls either, not even of what was deleted before.

    Args:
        archive: The archive.
        number: The import.
        touched_too: Whether also what someone has tagged or heard since.

    Raises:
        NotFound: there is no such import.
        StorageFull, Unavailable: the archive cannot go on; undo again to finish.
    """
    found = await archive.catalog.import_run(number)
    access = Access("", Reach(found.tenant), frozenset(Scope))
    await undo_calls(archive, number)
    for each in await archive.catalog.brought(number):
        is_kept = each.is_touched and not touched_too
        if not is_kept:
            await _delete(archive, access, each.id)
        yield Undone(each.id, is_kept)
    await archive.catalog.note_undone(number, int(time.time()))


async def undo_calls(archive: Archive, number: int) -> int:
    """Drop the calls that an import brought without recording, and return how many.

    Args:
        archive: The archive.
        number: The import.

    Raises:
        NotFound: there is no such import.
        StorageFull, Unavailable: the archive cannot go on; undo again to finish.
    """
    await archive.catalog.import_run(number)
    total = 0
    while dropped := await archive.catalog.drop_calls(number, CALLS_AT_ONCE):
        total += dropped
    return total


async def _delete(archive: Archive, access: Access, recording_id: str) -> None:
    try:
        await delete.one(archive, access, recording_id, is_undone=True)
    except NotFound:
        return  # someone else was faster
