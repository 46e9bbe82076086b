"""`callreel watch`: take in what appears in a folder, for as long as it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number
from watchfiles import awatch

from callreel.archive.verdict import Became, Verdict
from callreel.archive.watch import Folder, IsNews, Watch
from callreel.cli.import_report import tell
from callreel.cli.opened import ENDED, end_by_sigterm, opened_archive
from callreel.cli.output import note
from callreel.cli.source_options import SourceOptions, owner_of
from callreel.errors import Misconfigured, StorageFull, Unavailable
from callreel.importers.call_news import CallNews
from callreel.importers.formats import Importer, importer_for
from callreel.settings import Settings, read_settings

MORE_THAN_SETTLED: Final = 1.0  # seconds
REST: Final = 4  # times as long as a pass took: a large folder must not keep a processor busy
_QUIET: Final = frozenset(
    {Became.JOINED, Became.CALL_SAME, Became.UNRECORDED, Became.EARLIER, Became.LATER}
)
Seconds = Annotated[int, Parameter(validator=Number(gte=1, lte=86_400))]


def watch(
    format: str,  # noqa: A002 - the name that the usage shows
    folder: Path,
    /,
    *,
    options: SourceOptions | None = None,
    move_to: Path | None = None,
    poll: Seconds = 60,
) -> None:
    """Take in recordings as they appear in a folder, until SIGTERM or Ctrl-C.

    A file is taken in once it has stopped growing, and looked at once only, over restarts too. Of
    call records in a table, calls without recording are kept some minutes after they ended. A
    line tells of each; `callreel imports` keeps them.

    Args:
        format: What leaves the recordings behind; see `callreel import`.
        folder: Where they appear.
        options: What is known of them.
        move_to: Move what is safe in the archive to this folder, which lies beside the watched one,
            not in it; else it stays where it is.
        poll: Seconds between looks where nothing tells of changes, as on network shares and in
            tables of call records.
    """
    options = options or SourceOptions()
    _check_apart(folder, move_to)
    wanted = options.wanted()
    calls = CallNews(poll, wanted.since)
    source = replace(options.source(folder), calls=calls)

    def importer(is_news: IsNews) -> Importer:
        return importer_for(format, replace(source, is_news=is_news), wanted)

    importer(lambda _: False)  # what is wrong with the command is told before anything else
    with suppress(*ENDED):
        asyncio.run(
            _watch(read_settings(), Folder(folder, format, importer, move_to, calls), options, poll)
        )


def _check_apart(folder: Path, move_to: Path | None) -> None:
    """Check that what is moved does not appear in the watched folder again, ever deeper.

    Raises:
        Misconfigured: one of the two folders is the other or lies in it.
    """
    if move_to is None:
        return
    watched, target = folder.resolve(), move_to.resolve()
    if target.is_relative_to(watched) or watched.is_relative_to(target):
        raise Misconfigured(
            "The folder of --move-to and the watched one must not lie in each other; "
            "name one beside it."
        )


async def _watch(settings: Settings, folder: Folder, options: SourceOptions, poll: int) -> None:
    end_by_sigterm()
    async with opened_archive(settings) as archive:
        owner = await owner_of(archive.catalog, options.tenant)
        watch = Watch(archive, owner.number, folder)
        note(f"callreel: watching for {owner.name}; Ctrl-C ends it.")
        try:
            async with _changes(folder.path) as changed:
                await _look_on(watch, changed, options.settle + MORE_THAN_SETTLED, poll)
        finally:
            await watch.end()


async def _look_on(watch: Watch, changed: asyncio.Event, settled: float, poll: float) -> None:
    while True:
        changed.clear()
        began = time.monotonic()
        await _pass(watch)
        await asyncio.sleep(REST * (time.monotonic() - began))
        pause = min(settled, poll) if watch.is_waiting else poll
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), pause)


async def _pass(watch: Watch) -> None:
    try:
        async with aclosing(watch.look()) as verdicts:
            async for verdict in verdicts:
                _tell_news(verdict)
    except (StorageFull, Unavailable) as error:
        note(f"callreel: {error.message} Trying again.")


def _tell_news(verdict: Verdict) -> None:
    if verdict.became not in _QUIET:
        tell(verdict)


@asynccontextmanager
async def _changes(folder: Path) -> AsyncIterator[asyncio.Event]:
    """Lend an event that is set when something changes in a folder, where the system tells."""
    changed = asyncio.Event()
    stop = asyncio.Event()

    async def follow() -> None:
        with suppress(OSError, RuntimeError):  # no more watches to be had, or the folder vanished
            async for _ in awatch(folder, stop_event=stop):
                changed.set()

    following = asyncio.create_task(follow())
    try:
        yield changed
    finally:
        stop.set()
        await following
