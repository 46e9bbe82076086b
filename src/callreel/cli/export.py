"""`callreel export`: all that a filter finds, in one file or folder."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from callreel.api.exporting import Format, Parts, format_named
from callreel.api.filters import read_filter
from callreel.api.limits import Limits
from callreel.archive import Archive
from callreel.archive.export import export as verb
from callreel.archive.exporting import UNREADABLE, Question
from callreel.archive.exporting.drafts import TargetDraft
from callreel.archive.exporting.pipe import PipeDraft
from callreel.cli.moments import span_of
from callreel.cli.output import INTERRUPTED, counting, note
from callreel.cli.source_options import owner_of
from callreel.errors import Misconfigured
from callreel.model import Access, CallFilter, Reach, Scope
from callreel.settings import Settings, read_settings
from callreel.wiring import existing, open_archive, require_no_older_server

LEFT_OUT: Final = 3
PIPE: Final = "-"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for.

    Attributes:
        mark: Tells this export from others.
    """

    format: Format
    target: str
    tenant: str | None
    filter: CallFilter
    by_url: bool
    resume: bool
    mark: tuple[object, ...]


def export(
    format: str,  # noqa: A002 - the name that the usage shows
    target: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    tenant: str | None = None,
    filter: str = "",  # noqa: A002 - the endpoint's name
    since: str | None = None,
    until: str | None = None,
    project: Annotated[list[int] | None, Parameter(consume_multiple=True)] = None,
    audio_by_url: bool = False,
    resume: bool = False,
) -> int:
    """Write all recordings that a filter finds into one file or folder.

    It is written beside TARGET and gets that name only when it is whole and on the disk.

    Exit code: 0 all is in it, 3 the audio of some could not be read, 1 it could not be written.

    Args:
        format: csv, jsonl or parquet for the data of the calls; zip, tar or folder for the audio
            with a manifest; vcon for a ZIP of vCon files, vcon-folder for a folder of them.
        target: The file or folder to be made, or - for standard output.
        tenant: Name or number of the tenant whose recordings; the only one if left out.
        filter: Which calls, as JSON as the endpoint takes it.
        since: Only calls that started at this time UTC or later: 2026-03-01, or
            "2026-03-01 14:00:00".
        until: Only calls that started before this time UTC.
        project: Only calls of these projects, by id.
        audio_by_url: Let vCons name the audio by its address instead of holding it.
        resume: Go on with an export that was cut short; all formats but parquet can.
    """
    found = format_named(format)
    asked = _Asked(
        found,
        target,
        tenant,
        _filter(filter, since, until, project),
        audio_by_url,
        resume,
        (format, filter, since, until, project, audio_by_url),
    )
    _require_possible(asked, is_vcon=format.startswith("vcon"))
    try:
        return asyncio.run(_export(existing(read_settings()), asked))
    except KeyboardInterrupt:
        hint = "; --resume goes on with it" if found.can_resume and target != PIPE else ""
        note(f"callreel: interrupted{hint}.")
        return INTERRUPTED


async def _export(settings: Settings, asked: _Asked) -> int:
    require_no_older_server(settings.data)
    archive = open_archive(settings)
    try:
        owner = await owner_of(archive.catalog, asked.tenant)
        access = Access("", Reach(owner.number), frozenset(Scope))
        base = settings.public_url or f"http://{settings.host}:{settings.port}"
        mark = json.dumps([owner.number, base, *asked.mark])
        with _draft(asked, mark) as draft:
            parts = Parts(archive, access, base, draft, int(time.time()), asked.by_url)
            await _follow(archive, asked, parts, draft)
            return _tell(asked, draft)
    finally:
        await archive.close()


def _draft(asked: _Asked, mark: str) -> TargetDraft | PipeDraft:
    if asked.target == PIPE:
        return PipeDraft(sys.stdout.buffer)
    is_folder = asked.format.is_folder
    return TargetDraft(Path(asked.target), mark, is_folder=is_folder, resume=asked.resume)


async def _follow(
    archive: Archive, asked: _Asked, parts: Parts, draft: TargetDraft | PipeDraft
) -> None:
    writer = asked.format.make(parts)
    question = Question(asked.filter, parts.opening)
    total = await archive.catalog.count(parts.access.reach, asked.filter)
    with counting("Exporting", lambda: max(0, total - draft.count)) as advance:
        async with aclosing(verb(archive, parts.access, question, writer, draft)) as pages:
            async for count in pages:
                for _ in range(count):
                    advance()


def _tell(asked: _Asked, draft: TargetDraft | PipeDraft) -> int:
    unreadable = draft.numbers.get(UNREADABLE, 0)
    where = "standard output" if asked.target == PIPE else asked.target
    note(f"callreel: {draft.count} recordings were exported to {where}.")
    if unreadable:
        note(f"callreel: the audio of {unreadable} could not be read; the export says of which.")
    return LEFT_OUT if unreadable else 0


def _filter(
    text: str, since: str | None, until: str | None, projects: Iterable[int] | None
) -> CallFilter:
    limits = Limits()
    found = read_filter(text, limits)
    asked = span_of(since, until)
    found = replace(found, started=found.started.narrowed(asked.low, asked.high))
    if projects is not None:
        also = frozenset(projects)
        found = replace(found, projects=also if found.projects is None else found.projects & also)
    return found


def _require_possible(asked: _Asked, *, is_vcon: bool) -> None:
    if asked.by_url and not is_vcon:
        raise Misconfigured("--audio-by-url is for vcon and vcon-folder only.")
    if asked.target == PIPE and asked.format.is_folder:
        raise Misconfigured("A folder cannot be written to standard output; name one.")
    if asked.target == PIPE and sys.stdout.isatty():
        raise Misconfigured("Standard output is a terminal; name a file, or pipe it elsewhere.")
    if asked.resume and (asked.target == PIPE or not asked.format.can_resume):
        raise Misconfigured(
            "Such an export cannot go on where it was cut short: what was sent into a pipe, or "
            "what a Parquet file's end has to say, is not kept. Leave out --resume."
        )
