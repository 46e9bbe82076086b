"""Exports over HTTP: ask for one, see how far it is, fetch its file, delete it."""

from __future__ import annotations

import asyncio
import time
from importlib.util import find_spec
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct
from starlette.responses import Response

from callreel.api import audio
from callreel.api.ask import Ask, data
from callreel.api.decoding import decoded
from callreel.api.exporting import FORMATS
from callreel.api.filters import read_filter
from callreel.api.params import read_sort
from callreel.api.wire_time import format_time
from callreel.archive.export_jobs import Job, Order, Stage
from callreel.archive.export_jobs.desk import ExportDesk
from callreel.archive.export_jobs.store import new_id
from callreel.errors import BadParameter, Conflict, NotFound, Unavailable
from callreel.model import Scope

PATH: Final = "/export"
ID: Final = "export_id"
MORE_BYTES: Final = 4096
"""So many bytes, beside those of a filter, has an order at most."""
_NULL: Final = Raw(b"null")

FormatName = Literal["csv", "jsonl", "parquet", "zip", "tar", "vcon"]
Moment = Annotated[str, Meta(description="UTC, `YYYY-MM-DD HH:mm:ss`.")]


class NewExport(Struct, forbid_unknown_fields=True):
    """What is to be exported."""

    format: FormatName
    filter: Raw = _NULL
    sort: Raw = _NULL


class Export(Struct, kw_only=True):
    """An export and how far it is."""

    id: str
    format: str
    state: Stage
    created_at: Moment
    done: Annotated[int, Meta(ge=0, description="How many recordings are in it.")]
    total: Annotated[int | None, Meta(description="How many there were when it began.")]
    unreadable: Annotated[
        int, Meta(ge=0, description="Of how many the audio could not be read; it says of which.")
    ]
    size: Annotated[int | None, Meta(description="Bytes of the finished file.")]
    sha256: Annotated[str | None, Meta(description="Hex digest of the finished file.")]
    expires_at: Annotated[Moment | None, Meta(description="Until when it can be fetched.")]
    error: Annotated[str | None, Meta(description="Why it failed, in one sentence.")]


_NEW_EXPORT: Final = msgspec.json.Decoder(NewExport)


async def add(ask: Ask) -> Response:
    """Take an order; answer when it is on stable storage."""
    ask.query()
    raw = await ask.json(ask.services.limits.max_filter_bytes + MORE_BYTES)
    wanted = decoded(_NEW_EXPORT, raw, "body")
    desk, found = _desk(ask), FORMATS[wanted.format]
    if found.has_audio:
        ask.access.require(Scope.LISTEN)
    if wanted.format == "parquet" and find_spec("pyarrow") is None:
        raise BadParameter("This server writes no Parquet; take another format.", field="format")
    now = time.time()
    address = ask.services.address(ask.request.scope)
    order = Order(
        id=new_id(now),
        format=wanted.format,
        has_audio=found.has_audio,
        filter=_checked_filter(ask, wanted.filter),
        sort=_checked_sort(wanted.sort),
        base=address.base,
        reach=ask.access.reach,
        created_at=int(now),
    )
    job = await asyncio.to_thread(desk.store.add, order)
    await asyncio.to_thread(desk.work)
    return data(_shown(job), 202, {"Location": f"{address.base}{PATH}/{order.id}"})


async def listing(ask: Ask) -> Response:
    """Answer with the exports that the key may see."""
    ask.query()
    found = await asyncio.to_thread(_desk(ask).store.jobs, ask.access.reach)
    return data(b"[" + b",".join(map(_shown, found)) + b"]")


async def show(ask: Ask) -> Response:
    """Answer with how far an export is."""
    ask.query()
    return data(_shown(await _job(ask)))


async def fetch(ask: Ask) -> Response:
    """Answer with the file of a finished export, or a part of it."""
    ask.query()
    job = await _job(ask)
    if job.order.has_audio:
        ask.access.require(Scope.LISTEN)
    if job.progress.stage in {Stage.QUEUED, Stage.RUNNING}:
        raise Conflict("The export is not finished yet; ask again in a while.")
    if job.progress.stage is not Stage.FINISHED:
        raise NotFound("The export has no file: it failed, or has expired.")
    found = FORMATS[job.order.format]
    started = format_time(job.order.created_at).replace(" ", "_").replace(":", "")
    name = f"export_{started}.{found.extension}"
    path = _desk(ask).store.file(job)
    tag = f'"{job.progress.sha256}"'
    version = await audio.of_file(path, lambda _: tag, found.media_type, name)
    return audio.answer(ask.request, version)


async def remove(ask: Ask) -> Response:
    """Delete an export; one that runs is broken off."""
    ask.query()
    job_id = ask.path(ID)
    await asyncio.to_thread(_desk(ask).store.remove, ask.access.reach, job_id)
    return data(msgspec.json.encode({"id": job_id}))


async def _job(ask: Ask) -> Job:
    return await asyncio.to_thread(_desk(ask).store.job, ask.access.reach, ask.path(ID))


def _desk(ask: Ask) -> ExportDesk:
    if ask.archive.exports is None:
        raise Unavailable("This server makes no exports.", retry_after=3600)
    return ask.archive.exports


def _checked_filter(ask: Ask, raw: Raw) -> str:
    text = bytes(raw).decode()
    read_filter(text, ask.services.limits)
    return text


def _checked_sort(raw: Raw) -> str:
    text = "" if bytes(raw) == b"null" else bytes(raw).decode()
    if text:
        read_sort(text)
    return text


def _shown(job: Job) -> bytes:
    order, progress = job.order, job.progress
    expires_at = None if job.expires_at is None else format_time(job.expires_at)
    shown = Export(
        id=order.id,
        format=order.format,
        state=progress.stage,
        created_at=format_time(order.created_at),
        done=progress.done,
        total=progress.total,
        unreadable=progress.unreadable,
        size=progress.size,
        sha256=progress.sha256,
        expires_at=expires_at,
        error=progress.reason,
    )
    return msgspec.json.encode(shown)
