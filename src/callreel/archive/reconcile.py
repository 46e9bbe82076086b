"""Reconcile: hold calls, their audio and what is usual against one another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from callreel.archive import Archive
from callreel.archive.export import records_of
from callreel.archive.listen import peaks_again, peaks_of
from callreel.archive.reconciling import Finding, Kind
from callreel.archive.reconciling.hours import (
    HOUR,
    Hour,
    gaps,
    hours_in,
    same_hours_before,
    usual_of,
)
from callreel.archive.reconciling.sound import by_call, finding, lengths, silence
from callreel.audio import AudioKey
from callreel.errors import BadRecording, NotFound, UnsupportedMedia
from callreel.model import Access, Call, CallFilter, ListRequest, Position, Recording, Scope, Span

PAGE: Final = 500
AT_ONCE: Final = 4
_MISSING: Final = frozenset({Kind.SHORTER, Kind.UNRECORDED})


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be reconciled.

    Attributes:
        started: The calls that started in this span, seconds UTC; it has an end.
        zone: By whose clock an hour of the week is the same as in the weeks before.
        opening: What comes before each recording (see `Catalog.page`).
        tolerance_ms: By how much audio may be shorter or longer than the talk.
        holds_whole_call: Whether audio may hold what comes before and after the talk, too.
        needs_call: Whether each recording must have a call record.
    """

    started: Span
    zone: ZoneInfo
    opening: bytes
    tolerance_ms: int = 5_000
    holds_whole_call: bool = False
    needs_call: bool = True


@dataclass(frozen=True, slots=True)
class Looked:
    """A part of what was looked at.

    Attributes:
        recordings: How many recordings.
        findings: What does not fit in it.
    """

    recordings: int
    findings: Sequence[Finding]


async def reconcile(archive: Archive, access: Access, question: Question) -> AsyncGenerator[Looked]:
    """Look at all recordings, at calls without, each in order, then at the hours; part by part.

    What was deleted for good is missed nowhere: neither a call's recording nor a piece of it.

    Raises:
        NotAllowed: the key lacks a scope.
        Unavailable: the archive cannot go on.
    """
    access.require(Scope.LISTEN)
    async for recordings in _pages(archive, access, question):
        yield Looked(len(recordings), await _of_recordings(archive, access, question, recordings))
    async for calls in _unrecorded(archive, access, question):
        findings = [_without_recording(each) for each in calls]
        yield Looked(0, await _not_deleted(archive, access, findings))
    yield Looked(0, await _gaps(archive, access, question))


async def _pages(
    archive: Archive, access: Access, question: Question
) -> AsyncGenerator[list[Recording]]:
    """Yield all recordings, those that start in the same second always together."""
    held: list[Recording] = []
    after: Position | None = None
    call_filter = CallFilter(started=question.started)
    while True:
        request = ListRequest(call_filter, limit=PAGE, after=after)
        page = await archive.catalog.page(access.reach, request, question.opening)
        bodies = [each[len(question.opening) :] for each in records_of(page.bodies)]
        held += [archive.bodies.parse(each) for each in bodies]
        if page.last is None:
            break
        after = page.last
        last = held[-1].call.started_at
        whole = [each for each in held if each.call.started_at < last]
        if whole:
            held = held[len(whole) :]
            yield whole
    if held:
        yield held


async def _unrecorded(
    archive: Archive, access: Access, question: Question
) -> AsyncGenerator[list[Call]]:
    """Yield the calls that were talked and of which there is no recording."""
    asked = CallFilter(started=question.started, talking=Span(low=1), unrecorded_too=True)
    request = ListRequest(asked, limit=PAGE)
    while True:
        page = await archive.catalog.page(access.reach, request, question.opening)
        if page.last is None:
            break
        bodies = [each for each in records_of(page.bodies) if not each.startswith(question.opening)]
        yield [archive.bodies.parse_unrecorded(each) for each in bodies]
        request = replace(request, after=page.last)


def _without_recording(call: Call) -> Finding:
    return Finding(
        kind=Kind.UNRECORDED,
        started_at=call.started_at,
        ended_at=call.hung_up_at,
        reason=f"The talk lasted {call.talking_ms / 1000:.1f} s, and there is no recording of it.",
        dialog=call.dialog_id,
        expected=call.talking_ms,
        found=0,
    )


async def _of_recordings(
    archive: Archive, access: Access, question: Question, recordings: Sequence[Recording]
) -> list[Finding]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def listened(recording: Recording) -> Finding | None:
        async with slots:
            return await _silence(archive, access, recording)

    heard = await asyncio.gather(*map(listened, recordings))
    return [
        *await _not_deleted(archive, access, list(_lengths(question, recordings))),
        *(each for each in heard if each is not None),
        *await _without_call(archive, access, question, recordings),
    ]


async def _not_deleted(
    archive: Archive, access: Access, findings: Sequence[Finding]
) -> Sequence[Finding]:
    """Leave out what is missing since a recording of the call was deleted for good."""
    if not findings:
        return findings
    span = Span(findings[0].started_at, findings[-1].started_at)
    gone = await archive.catalog.calls_of_deleted(access.reach, span)
    return [
        each
        for each in findings
        if each.kind not in _MISSING or (each.started_at, each.dialog) not in gone
    ]


async def _without_call(
    archive: Archive, access: Access, question: Question, recordings: Sequence[Recording]
) -> list[Finding]:
    if not question.needs_call:
        return []
    span = Span(recordings[0].call.started_at, recordings[-1].call.started_at)
    ids = await archive.catalog.without_call_record(access.reach, span)
    reason = "No call record tells of its call; what is known of it is its file's name."
    return [finding(each, Kind.UNCALLED, reason) for each in recordings if each.id in ids]


def _lengths(question: Question, recordings: Sequence[Recording]) -> Iterator[Finding]:
    for pieces in by_call(recordings):
        yield from lengths(
            pieces, question.tolerance_ms, holds_whole_call=question.holds_whole_call
        )


async def _silence(archive: Archive, access: Access, recording: Recording) -> Finding | None:
    key = AudioKey(access.reach.tenant, recording.audio.sha256)
    try:
        return await _heard(archive, key, recording)
    except NotFound:
        return finding(recording, Kind.UNREADABLE, "The audio is missing.")
    except (BadRecording, UnsupportedMedia):
        return finding(recording, Kind.UNREADABLE, "The audio cannot be read to its end.")


async def _heard(archive: Archive, key: AudioKey, recording: Recording) -> Finding | None:
    try:
        return silence(recording, await peaks_of(archive, key))
    except msgspec.DecodeError:  # a power failure may leave what was never brought to the disk
        return silence(recording, await peaks_again(archive, key))


async def _gaps(archive: Archive, access: Access, question: Question) -> list[Finding]:
    first = await _first_start(archive, access, question)
    if first is None:
        return []
    counts: dict[int, int] = {}

    async def count(hour: int) -> int:
        if hour not in counts:
            asked = CallFilter(started=Span(hour, hour + HOUR - 1), unrecorded_too=True)
            counts[hour] = await archive.catalog.count(access.reach, asked)
        return counts[hour]

    span = question.started.narrowed(low=first)
    hours = []
    for start in hours_in(span, question.zone):
        before = [each for each in same_hours_before(start, question.zone) if each >= first]
        usual = usual_of([await count(each) for each in before])
        hours.append(Hour(start, await count(start), usual))
    return list(gaps(hours))


async def _first_start(archive: Archive, access: Access, question: Question) -> int | None:
    """Return when the first call of all started, or None where there is none."""
    request = ListRequest(CallFilter(unrecorded_too=True), limit=1)
    page = await archive.catalog.page(access.reach, request, question.opening)
    if not page.count:
        return None
    if page.bodies.startswith(question.opening):
        return archive.bodies.parse(page.bodies[len(question.opening) :]).call.started_at
    return archive.bodies.parse_unrecorded(page.bodies).started_at
