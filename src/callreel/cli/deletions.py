"""`callreel deletions`: what was deleted for good; deleting it again, and letting it come back."""

from __future__ import annotations

import json as json_module
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

from cyclopts import App

from callreel.api.wire import is_recording_id
from callreel.api.wire_time import parse_time
from callreel.archive import delete
from callreel.catalog import Catalog
from callreel.catalog.deletions import Deletion
from callreel.cli.opened import opened_archive, opened_catalog
from callreel.cli.output import moment, print_rows
from callreel.cli.source_options import owner_of
from callreel.cli.tenant import number_of
from callreel.errors import Misconfigured
from callreel.settings import read_settings

PAGE: Final = 1_000

deletions = App(
    name="deletions", help="List what was deleted, delete it again, or let it come back."
)


@deletions.command(name="list")
async def list_(*, tenant: str | None = None, json: bool = False) -> None:
    """List the recordings that were deleted for good: their ids and when; as JSON, their calls.

    Args:
        tenant: Only those of this tenant, by name or number.
        json: Print an object for each, a line each, as `callreel deletions apply` reads them, with
            the call that each was of while that is kept.
    """
    async with opened_catalog() as catalog:
        found = _all(catalog, await number_of(catalog, tenant))
        if json:
            async for each in found:
                print(json_module.dumps(_plain(each)))
        else:
            rows = [(str(each.tenant), each.id, moment(each.at)) async for each in found]
            print_rows(("tenant", "recording", "deleted (UTC)"), rows)


@deletions.command
async def apply(file: Path, /) -> None:
    """Delete again what a list names, as after an older backup was restored.

    What is not there is kept out: no import brings it, and no recording of its call is missed. What
    came in after it was deleted stays, and so does what is of a tenant that is not here. The same
    list may be applied again, as when more calls came in.

    Args:
        file: What `callreel deletions list --json` printed, of this archive.
    """
    listed = list(_read(file))
    async with opened_archive(read_settings()) as archive:
        tenants = {each.number for each in await archive.catalog.tenants()}
        ours = [each for each in listed if each.tenant in tenants]
        found = 0
        for start in range(0, len(ours), PAGE):
            found += await delete.again(archive, ours[start : start + PAGE])
    print(f"Of {len(listed)} deletions, {found} recordings were there and were deleted.")
    if len(ours) < len(listed):
        print(f"{len(listed) - len(ours)} are of tenants that are not in this archive.")


@deletions.command
async def lift(recording: str, /, *, tenant: str | None = None) -> None:
    """Let a recording that was deleted come back with the next import that meets it.

    Args:
        recording: Its id, as `callreel deletions list` shows it.
        tenant: Name or number of the tenant; the only one if left out.
    """
    async with opened_catalog() as catalog:
        owner = await owner_of(catalog, tenant)
        await catalog.lift_deletion(owner.number, recording)
    print(f"{recording} may come back; import it again.")


async def _all(catalog: Catalog, tenant: int | None) -> AsyncIterator[Deletion]:
    after = (0, "")
    while page := await catalog.deletions(tenant, after, PAGE):
        for each in page:
            yield each
        after = page[-1].tenant, page[-1].id


def _plain(each: Deletion) -> dict[str, Any]:
    started_at, dialog = each.call or (None, None)
    return {
        "tenant": each.tenant,
        "recording": each.id,
        "deleted": moment(each.at),
        "started": None if started_at is None else moment(started_at),
        "dialog": dialog,
    }


def _read(path: Path) -> Iterator[Deletion]:
    """Yield the deletions of a list.

    Raises:
        Misconfigured: it cannot be read, or is no such list.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise Misconfigured("The list of deletions cannot be read; check its name.") from error
    for number, line in enumerate(lines, 1):
        try:
            yield _deletion(json_module.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise Misconfigured(
                f"Line {number} is no deletion; give what `callreel deletions list --json` printed."
            ) from error


def _deletion(told: dict[str, Any]) -> Deletion:
    tenant, recording, deleted = told["tenant"], told["recording"], told["deleted"]
    if type(tenant) is not int or tenant < 1 or not is_recording_id(recording):
        raise ValueError("no tenant, or no id")
    return Deletion(tenant, recording, parse_time(deleted), _call(told))


def _call(told: dict[str, Any]) -> tuple[int, str] | None:
    started, dialog = told.get("started"), told.get("dialog")
    if started is None and dialog is None:
        return None  # not known, or a list of before it was
    if not isinstance(dialog, str):
        raise TypeError("no dialog")
    dialog.encode()  # half a character is none
    return parse_time(str(started)), dialog
