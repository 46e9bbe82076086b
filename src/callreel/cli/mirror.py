"""`callreel mirror`: copy an account of the endpoint's service, and keep up with it."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from callreel.archive.mirror import FORMAT, Mirror
from callreel.archive.verdict import Became
from callreel.cli.import_ import REFUSED
from callreel.cli.import_report import Report, show, tell
from callreel.cli.opened import ENDED, end_by_sigterm, opened_archive
from callreel.cli.output import INTERRUPTED, moment, note
from callreel.cli.source_options import owner_of
from callreel.client.errors import ApiError, BusyError, NoAnswerError
from callreel.client.mirror import Pace, ServiceAccount
from callreel.errors import CallreelError, Misconfigured, StorageFull, Unavailable
from callreel.importers.wanted import moment_of
from callreel.settings import MIRROR_KEY, Settings, read_settings

TELL_EVERY: Final = 60.0  # seconds
_TOLD: Final = frozenset({Became.ADDED, Became.REFUSED})
Seconds = Annotated[int, Parameter(validator=Number(gte=1, lte=86_400))]
Rate = Annotated[float, Parameter(validator=Number(gt=0, lte=1_000))]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be done: whose account goes to whom, and for how long."""

    account: ServiceAccount
    pace: Pace
    tenant: str | None
    since: int | None
    every: int | None


def mirror(
    *,
    from_: Annotated[str, Parameter(name="--from")],
    key_file: Path | None = None,
    since: str | None = None,
    tenant: str | None = None,
    follow: bool = False,
    every: Seconds = 60,
    rate: Rate = 5.0,
    json: Annotated[Path | None, Parameter(name="--json")] = None,
) -> int:
    """Copy an account of the original service, or of another Callreel, into this archive.

    The account is only read. What is here already stays as it is; a mirror that was cut short is
    finished by running it again, and `callreel imports` shows and undoes it. The key is read from
    a file or from CALLREEL_MIRROR_KEY.

    Exit code: 0 when all went well, 3 when something was refused (the next run tries it again), 1
    when it could not go on.

    Args:
        from_: The service's address, such as https://calls.example.org.
        key_file: A file that holds the key to it, and nothing else.
        since: Only calls that started at this time or later, in UTC: 2026-03-29, or
            2026-03-29T14:00:00.
        tenant: Name or number of the tenant whose recordings they become; the only one if left out.
        follow: Go on and take in new calls, until SIGTERM or Ctrl-C.
        every: Seconds between looks for new calls.
        rate: Requests to the service a second, at most.
        json: Write a report with every refusal to this file.
    """
    settings = read_settings()
    pace = Pace(rate)
    account = ServiceAccount(from_, _key(key_file), pace, most_bytes=settings.max_upload_bytes)
    begin = None if since is None else moment_of(since, None)
    wish = _Wish(account, pace, tenant, begin, every if follow else None)
    with Report(FORMAT, json, is_dry=False) as report:
        try:
            asyncio.run(_mirror(settings, wish, report))
            report.is_finished = True
        except ENDED:
            if not follow:
                note("callreel: interrupted; what was taken in is safe, run it again to finish.")
                return INTERRUPTED
            return 0
        finally:
            account.close()
            if report.is_finished or report.seen:
                show(report)
    return REFUSED if report.has_refusals else 0


def _key(path: Path | None) -> str:
    """Return the key to the service.

    Raises:
        Misconfigured: there is none.
    """
    try:
        text = os.environ.get(MIRROR_KEY) if path is None else path.read_text("ascii")
    except (OSError, ValueError) as error:
        raise Misconfigured("The file with the key cannot be read; check its name.") from error
    if not text or not text.strip():
        raise Misconfigured(f"Give the key to the service with --key-file or in {MIRROR_KEY}.")
    return text.strip()


async def _mirror(settings: Settings, wish: _Wish, report: Report) -> None:
    async with opened_archive(settings) as archive:
        owner = await owner_of(archive.catalog, wish.tenant)
        mirror = Mirror(archive, owner.number, wish.account, wish.since)
        try:
            if wish.every is None:
                await _pass(mirror, report, is_told=False)
            else:
                note(f"callreel: mirroring for {owner.name}; Ctrl-C ends it.")
                await _follow(mirror, report, wish.every)
        finally:
            wish.pace.end()
            await mirror.end()


async def _follow(mirror: Mirror, report: Report, every: int) -> None:
    end_by_sigterm()
    while True:
        try:
            await _pass(mirror, report, is_told=True)
        except CallreelError as error:
            if not _passes(error):
                raise
            note(f"callreel: {error.message} Trying again.")
        await asyncio.sleep(every)


async def _pass(mirror: Mirror, report: Report, *, is_told: bool) -> None:
    told_at = time.monotonic()
    async with aclosing(mirror.catch_up(int(time.time()))) as verdicts:
        async for verdict in verdicts:
            report.add(verdict)
            if is_told and verdict.became in _TOLD:
                tell(verdict)
            elif not is_told and time.monotonic() - told_at >= TELL_EVERY:
                told_at = time.monotonic()
                note(f"callreel: {report.seen:,} looked at, to {moment(mirror.reached)} UTC.")


def _passes(error: CallreelError) -> bool:
    """Say whether the same may go well later."""
    if isinstance(error, ApiError) and error.status >= 500:
        return True
    return isinstance(error, StorageFull | Unavailable | NoAnswerError | BusyError)
