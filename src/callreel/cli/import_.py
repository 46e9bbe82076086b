"""`callreel import`: take in the recordings that another system left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from callreel.api.wire import Bodies
from callreel.archive import imports
from callreel.archive.foresee import Foreseer
from callreel.archive.verdict import Verdict
from callreel.audio.worker import ChildSoundWorker
from callreel.catalog import Catalog
from callreel.cli.import_report import Report, show
from callreel.cli.output import counting, note
from callreel.cli.tenant import tenant_named
from callreel.errors import Misconfigured
from callreel.importers import Importer, importer_for
from callreel.importers.items import Item
from callreel.importers.local_time import zone_of
from callreel.importers.source import Source
from callreel.importers.wanted import Directory, Wanted, moment_of
from callreel.model import Tenant
from callreel.settings import Settings, read_settings
from callreel.wiring import existing, look_at_catalog, open_archive

REFUSED: Final = 3
INTERRUPTED: Final = 130


def import_(
    format: str,  # noqa: A002 - the name that the usage shows
    folder: Path,
    /,
    *,
    timezone: str | None = None,
    cdr: str | None = None,
    columns: str | None = None,
    since: str | None = None,
    map: Path | None = None,  # noqa: A002 - the name that the usage shows
    tenant: str | None = None,
    dry_run: bool = False,
    json: Annotated[Path | None, Parameter(name="--json")] = None,
    settle: int = 10,
) -> int:
    """Take in recordings from a folder; what is there already is left as it is.

    The folder is only read. A broken file or row is reported and the rest goes on; an import
    that was cut short is finished by running it again.

    Exit code: 0 when all went well (files left for later are well), 3 when something was
    refused, 1 when the import could not go on.

    Args:
        format: What left the recordings behind: freepbx (Asterisk too).
        folder: Where they lie, such as /var/spool/asterisk/monitor.
        timezone: The telephone system's time zone, such as Europe/Warsaw.
        cdr: Its call records as a CSV file: the table asteriskcdrdb.cdr with a header row.
        columns: What the columns of the call records mean, where the format leaves it open.
        since: Only calls that started at this time or later: 2026-03-29, or 2026-03-29T14:00:00, by
            the telephone system's clock.
        map: A CSV file that tells who is behind extensions and queues: kind (extension or queue),
            source (its number or name), id and name of the tenant user or the project.
        tenant: Name or number of the tenant whose recordings they become; the only one if left out.
        dry_run: Judge everything and say what would happen, but write nothing.
        json: Write a report with every refusal to this file.
        settle: Seconds for which a file must not have changed; younger ones are left for later.
    """
    zone = None if timezone is None else zone_of(timezone)
    wanted = Wanted(
        since=None if since is None else moment_of(since, zone),
        directory=Directory() if map is None else Directory.read(map),
    )
    source = Source(root=folder, records=cdr, zone=zone, settle=settle, columns=columns)
    importer = importer_for(format, source, wanted)
    run = _foresee if dry_run else _take_in
    with Report(format, json, is_dry=dry_run) as report:
        try:
            asyncio.run(run(read_settings(), importer, tenant, report))
            report.is_finished = True
        except KeyboardInterrupt:
            note("callreel: interrupted; what was taken in is safe, run it again to finish.")
            return INTERRUPTED
        finally:
            if report.is_finished or report.seen:
                show(report)
    return REFUSED if report.has_refusals else 0


async def _take_in(
    settings: Settings, importer: Importer, tenant: str | None, report: Report
) -> None:
    archive = open_archive(existing(settings))
    try:
        owner = await _owner(archive.catalog, tenant)

        def verdicts(items: Iterable[Item]) -> AsyncGenerator[Verdict]:
            return imports.run(archive, owner.number, report.format, items)

        await _follow(importer, verdicts, report)
    finally:
        await archive.close()


async def _foresee(
    settings: Settings, importer: Importer, tenant: str | None, report: Report
) -> None:
    sound = ChildSoundWorker(convert_seconds=settings.convert_seconds)
    catalog = look_at_catalog(settings)
    try:
        number = 0 if catalog is None else (await _owner(catalog, tenant)).number
        foreseer = Foreseer(sound, Bodies(), catalog, number)
        await _follow(importer, foreseer.verdicts, report)
    finally:
        await sound.close()
        if catalog is not None:
            await catalog.close()


async def _follow(
    importer: Importer, judge: Callable[[Iterable[Item]], AsyncGenerator[Verdict]], report: Report
) -> None:
    with counting("Importing", importer.count) as advance:
        async with aclosing(judge(importer.items())) as verdicts:
            async for verdict in verdicts:
                report.add(verdict)
                if not verdict.is_row:
                    advance()


async def _owner(catalog: Catalog, name: str | None) -> Tenant:
    """Return the tenant of a name, or the only one.

    Raises:
        NotFound: there is none of this name.
        Misconfigured: no name was given and there is not exactly one tenant.
    """
    if name is not None:
        return await tenant_named(catalog, name)
    known = await catalog.tenants()
    if len(known) == 1:
        return known[0]
    if known:
        raise Misconfigured("There are several tenants; say whose recordings these are: --tenant.")
    raise Misconfigured("There is no tenant yet; create one with `callreel tenant create NAME`.")
