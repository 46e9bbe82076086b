"""`callreel reconcile`: calls, their audio and what is usual, held against one another."""

from __future__ import annotations

import asyncio
import csv as csv_module
import json as json_module
import sys
import time
from collections import Counter
from contextlib import aclosing
from math import inf
from typing import Any, Final, Protocol

from callreel.api.wire import Bodies
from callreel.archive.reconcile import Question
from callreel.archive.reconcile import reconcile as verb
from callreel.archive.reconciling import Finding, Kind
from callreel.cli.moments import span_of
from callreel.cli.opened import opened_archive
from callreel.cli.output import counting, looked, moment, print_rows
from callreel.cli.source_options import owner_of
from callreel.errors import Misconfigured
from callreel.importers.local_time import zone_of
from callreel.model import Access, CallFilter, Reach, Scope
from callreel.settings import read_settings

FOUND: Final = 1
SHOWN: Final = 20
COLUMNS: Final = (
    "kind", "started", "ended", "recording", "dialog", "expected", "found", "reason"
)  # fmt: skip


def reconcile(
    *,
    tenant: str | None = None,
    since: str | None = None,
    until: str | None = None,
    timezone: str = "UTC",
    tolerance: float = 5,
    grace: float = 60,
    whole_call: bool = False,
    files_alone: bool = False,
    json: bool = False,
    csv: bool = False,
) -> int:
    """Tell of audio that does not fit its call, of either without the other, and of missing calls.

    Exit code: 0 all fits, 1 something was found, 2 it could not be done.

    Args:
        tenant: Name or number of the tenant; the only one if left out.
        since: Only calls that started at this time UTC or later: 2026-03-01, or
            "2026-03-01 14:00:00".
        until: Only calls that started before this time UTC.
        timezone: By whose clock calls come at their usual hours, such as Europe/Warsaw.
        tolerance: Seconds by which audio may be shorter or longer than the talk.
        grace: Minutes for which a call may still come in; what is younger is not looked at.
        whole_call: Recordings hold what comes before and after the talk, too, such as the ringing.
        files_alone: Recordings come without call records here; do not tell of each that lacks one.
        json: Print an object with every finding.
        csv: Print a CSV file with every finding.
    """
    report: _Report = _Lines() if csv else _Object() if json else _Table()

    def look() -> int:
        if not (0 <= tolerance < inf and 0 <= grace < inf):
            raise Misconfigured("--tolerance and --grace need a number from 0 on.")
        if json and csv:
            raise Misconfigured("Ask for --json or for --csv.")
        started = span_of(since, until).narrowed(high=int(time.time() - grace * 60))
        question = Question(
            started=started,
            zone=zone_of(timezone),
            opening=Bodies().opening(""),
            tolerance_ms=round(tolerance * 1000),
            holds_whole_call=whole_call,
            needs_call=not files_alone,
        )
        return FOUND if asyncio.run(_reconcile(tenant, question, report)) else 0

    return looked(look, "interrupted.")


async def _reconcile(tenant: str | None, question: Question, report: _Report) -> int:
    async with opened_archive(read_settings()) as archive:
        owner = await owner_of(archive.catalog, tenant)
        access = Access("", Reach(owner.number), frozenset(Scope))
        asked = CallFilter(started=question.started)
        total = await archive.catalog.count(access.reach, asked)
        kinds: Counter[Kind] = Counter()
        looked = 0
        with counting("Reconciling", lambda: total) as advance:
            async with aclosing(verb(archive, access, question)) as parts:
                async for part in parts:
                    looked += part.recordings
                    for finding in part.findings:
                        kinds[finding.kind] += 1
                        report.add(finding)
                    for _ in range(part.recordings):
                        advance()
        report.end(looked, kinds)
        return kinds.total()


class _Report(Protocol):
    """Tells of findings."""

    def add(self, finding: Finding) -> None: ...

    def end(self, looked: int, kinds: Counter[Kind]) -> None: ...


class _Object:
    """An object that is printed as it grows."""

    def __init__(self) -> None:
        self._before = '{"findings": [\n'

    def add(self, finding: Finding) -> None:
        print(self._before + json_module.dumps(_plain(finding), ensure_ascii=False), end="")
        self._before = ",\n"

    def end(self, looked: int, kinds: Counter[Kind]) -> None:
        opening = self._before if self._before != ",\n" else ""
        totals = {"recordings": looked, "kinds": {each.value: kinds[each] for each in Kind}}
        print(f"{opening}\n], {json_module.dumps(totals)[1:]}")


class _Lines:
    """A CSV file."""

    def __init__(self) -> None:
        self._writer = csv_module.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        self._is_begun = False

    def add(self, finding: Finding) -> None:
        self._begin()
        self._writer.writerow(_plain(finding))

    def end(self, _looked: int, _kinds: Counter[Kind]) -> None:
        self._begin()

    def _begin(self) -> None:
        if not self._is_begun:
            self._is_begun = True
            self._writer.writeheader()


class _Table:
    """How many of each kind, and the first findings."""

    def __init__(self) -> None:
        self._first: list[Finding] = []

    def add(self, finding: Finding) -> None:
        if len(self._first) < SHOWN:
            self._first.append(finding)

    def end(self, looked: int, kinds: Counter[Kind]) -> None:
        counts = [(kind.value, str(kinds[kind])) for kind in Kind]
        print_rows(("finding", "number"), [*counts, ("recordings looked at", str(looked))])
        if self._first:
            print()
            rows = [
                (each.kind.value, moment(each.started_at), each.recording or "-", each.reason)
                for each in self._first
            ]
            print_rows(("finding", "started (UTC)", "recording", "reason"), rows)
        if kinds.total() > SHOWN:
            print(f"\nThese are the first {SHOWN} of {kinds.total()}; --json and --csv tell all.")


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "started": moment(finding.started_at),
        "ended": moment(finding.ended_at),
        "recording": finding.recording,
        "dialog": finding.dialog,
        "expected": finding.expected,
        "found": finding.found,
        "reason": finding.reason,
    }
