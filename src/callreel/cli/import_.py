"""`callreel import`: take in the recordings that another system left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from callreel.api.wire import Bodies
from callreel.archive import imports
from callreel.archive.foresee import Foreseer
from callreel.archive.verdict import Verdict
from callreel.audio.worker import ChildSoundWorker
from callreel.cli.import_report import Report, show
from callreel.cli.opened import opened_archive
from callreel.cli.output import INTERRUPTED, counting, note
from callreel.cli.source_options import SourceOptions, owner_of
from callreel.cli.verdict_file import VerdictFile
from callreel.importers.formats import Importer, importer_for
from callreel.importers.items import Item
from callreel.settings import Settings, read_settings
from callreel.wiring import look_at_catalog

REFUSED: Final = 3


def import_(
    format: str,  # noqa: A002 - the name that the usage shows
    folder: Path,
    /,
    *,
    options: SourceOptions | None = None,
    dry_run: bool = False,
    json: Annotated[Path | None, Parameter(name="--json")] = None,
    verdicts: Path | None = None,
) -> int:
    """Take in recordings from a folder; what is there already is left as it is.

    The folder is only read. A broken file or row is reported and the rest goes on; an import
    that was cut short is finished by running it again.

    Exit code: 0 when all went well (what is left for later is well), 3 when something was
    refused, 1 when the import could not go on.

    Args:
        format: What left the recordings behind: freepbx, asterisk (plain), freeswitch, vcon,
            manifest or csv (of any system).
        folder: Where they lie, such as /var/spool/asterisk/monitor.
        options: What is known of them.
        dry_run: Judge everything and say what would happen, but write nothing.
        json: Write a report with every refusal to this file.
        verdicts: Write a verdict for every file and row to this file, as it comes: an object a
            line where its name ends in .jsonl, a table where it ends in .csv, with what
            `callreel imports show` has.
    """
    options = options or SourceOptions()
    importer = importer_for(format, options.source(folder), options.wanted())
    run = _foresee if dry_run else _take_in
    with ExitStack() as files:
        every = None if verdicts is None else files.enter_context(VerdictFile(verdicts))
        report = files.enter_context(Report(format, json, is_dry=dry_run, every=every))
        try:
            asyncio.run(run(read_settings(), importer, options.tenant, report))
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
    async with opened_archive(settings) as archive:
        owner = await owner_of(archive.catalog, tenant)

        def verdicts(items: Iterable[Item]) -> AsyncGenerator[Verdict]:
            return imports.run(archive, owner.number, report.format, items)

        await _follow(importer, verdicts, report)


async def _foresee(
    settings: Settings, importer: Importer, tenant: str | None, report: Report
) -> None:
    sound = ChildSoundWorker(convert_seconds=settings.convert_seconds)
    catalog = look_at_catalog(settings)
    try:
        number = 0 if catalog is None else (await owner_of(catalog, tenant)).number
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
