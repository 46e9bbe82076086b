"""`callreel imports`: what was imported, what became of each thing, and undoing it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from enum import StrEnum
from typing import Any, Final

from cyclopts import App

from callreel.archive import Archive
from callreel.archive import imports as verbs
from callreel.archive.verdict import Became
from callreel.catalog import Catalog
from callreel.catalog.ledger import ImportRun
from callreel.cli.opened import opened_archive, opened_catalog
from callreel.cli.output import counting, moment, note, print_json, print_objects, print_rows
from callreel.cli.tenant import number_of
from callreel.cli.verdict_file import Lines, Table, plain_item
from callreel.importers.items import Fault
from callreel.settings import read_settings

PAGE: Final = 1_000
KEPT: Final = 3

imports = App(name="imports", help="List, show and undo imports.")


@imports.command(name="list")
async def list_(*, tenant: str | None = None, json: bool = False) -> None:
    """List imports, newest first.

    Args:
        tenant: Only those of this tenant, by name or number.
        json: Print a list of objects.
    """
    async with opened_catalog() as catalog:
        owner = await number_of(catalog, tenant)
        found = [_plain(each) for each in await catalog.imports(owner)]
    headings = ("number", "tenant", "format", "began", "ended", "undone", "files", "rows")
    print_objects(headings, found, as_json=json)


@imports.command
async def show(
    number: int,
    /,
    *,
    became: set[Became] | None = None,
    fault: set[Fault] | None = None,
    json: bool = False,
    csv: bool = False,
) -> None:
    """Show what became of each file and each row of call records of an import.

    Args:
        number: The import's number, which `callreel imports list` shows.
        became: Only what became this; may be repeated.
        fault: Only what was not taken in for this kind of reason; may be repeated.
        json: Print an object for each, a line each.
        csv: Print a CSV file with a header.
    """
    async with opened_catalog() as catalog:
        await catalog.import_run(number)
        items = _items(catalog, number, _values(became), _values(fault))
        if json:
            await _print_lines(items)
        elif csv:
            await _print_csv(items)
        else:
            await _print_table(items)


@imports.command
async def undo(number: int, /, *, touched_too: bool = False, json: bool = False) -> int:
    """Delete what an import took in; what someone has tagged or heard since is kept.

    What it found to be there already stays; what is deleted now may be imported again.

    Exit code: 0 all is gone, 3 something was kept.

    Args:
        number: The import's number, which `callreel imports list` shows.
        touched_too: Delete also what someone has tagged or heard.
        json: Print `{"deleted", "kept", "calls"}`: two lists of ids, and how many calls without
            recording were dropped.
    """
    async with opened_archive(read_settings()) as archive:
        calls = await verbs.undo_calls(archive, number)
        outcomes = await _undone(archive, number, touched_too=touched_too)
    deleted = [each.recording for each in outcomes if not each.is_kept]
    kept = [each.recording for each in outcomes if each.is_kept]
    if json:
        print_json({"deleted": deleted, "kept": kept, "calls": calls})
    else:
        print(f"{len(deleted)} recordings of import {number} were deleted.")
        if calls:
            print(f"{calls} calls without recording of import {number} were dropped.")
        for recording in kept:
            note(f"callreel: {recording} was kept: someone has tagged or heard it.")
    return KEPT if kept else 0


async def _undone(archive: Archive, number: int, *, touched_too: bool) -> list[verbs.Undone]:
    found: list[verbs.Undone] = []
    total = len(await archive.catalog.brought(number))
    with counting("Undoing", lambda: total) as advance:
        async with aclosing(verbs.undo(archive, number, touched_too=touched_too)) as outcomes:
            async for outcome in outcomes:
                found.append(outcome)
                advance()
    return found


def _values(wanted: Iterable[StrEnum] | None) -> frozenset[str] | None:
    return None if wanted is None else frozenset(each.value for each in wanted)


async def _items(
    catalog: Catalog, number: int, became: frozenset[str] | None, faults: frozenset[str] | None
) -> AsyncIterator[dict[str, Any]]:
    after = 0
    while page := await catalog.import_items(number, after, PAGE, became, faults):
        for place, item in page:
            yield plain_item(place, item)
        after = page[-1][0]


async def _print_lines(items: AsyncIterator[dict[str, Any]]) -> None:
    lines = Lines(sys.stdout)
    async for item in items:
        lines.write(item)


async def _print_csv(items: AsyncIterator[dict[str, Any]]) -> None:
    table = Table(sys.stdout)
    async for item in items:
        table.write(item)


async def _print_table(items: AsyncIterator[dict[str, Any]]) -> None:
    rows = [
        (str(each["number"]), each["place"], each["became"], each["reason"] or "")
        async for each in items
    ]
    print_rows(("number", "where", "became", "reason"), rows)


def _plain(run: ImportRun) -> dict[str, Any]:
    return {
        "number": run.number,
        "tenant": run.tenant,
        "format": run.format,
        "began": moment(run.began_at),
        "ended": moment(run.ended_at) or None,
        "undone": moment(run.undone_at) or None,
        "files": dict(run.files),
        "rows": dict(run.rows),
    }
