"""Exports of a house, for tests of formats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from callreel.api.exporting import FORMATS, Parts
from callreel.api.wire import Bodies
from callreel.archive.export import export
from callreel.archive.exporting import Question
from callreel.archive.exporting.drafts import TargetDraft
from callreel.archive.facts import facts_of
from callreel.catalog import NewEntry
from callreel.model import (
    NO_FILTER,
    Access,
    Audio,
    Call,
    CallFilter,
    ListRequest,
    Recording,
)
from house import CALL, EVERYTHING, House

BASE = "https://calls.example.org"
OPENING = Bodies().opening(BASE)
NOW = 1_770_000_000


@dataclass(frozen=True, slots=True)
class Exports:
    """Makes exports of a house."""

    house: House
    folder: Path

    def make(
        self,
        name: str,
        *,
        call_filter: CallFilter = NO_FILTER,
        access: Access = EVERYTHING,
        by_url: bool = False,
        target: str = "export",
        resume: bool = False,
        stop_after: int | None = None,
    ) -> Path:
        """Export, or stop after so many pages as if the power failed; return the target."""
        path = self.folder / target
        found = FORMATS[name]

        async def work() -> None:
            archive = self.house.archive
            with TargetDraft(path, name, is_folder=found.is_folder, resume=resume) as draft:
                writer = found.make(Parts(archive, access, BASE, draft, NOW, by_url))
                question = Question(call_filter, OPENING)
                pages = 0
                async with aclosing(export(archive, access, question, writer, draft)) as counts:
                    async for _ in counts:
                        pages += 1
                        if pages == stop_after:
                            return

        self.house.run(work())
        return path

    def listed(self, call_filter: CallFilter = NO_FILTER) -> list[dict[str, Any]]:
        """Return what the list has, in one page."""

        async def ask() -> bytes:
            request = ListRequest(call_filter, limit=100_000)
            page = await self.house.archive.catalog.page(EVERYTHING.reach, request, OPENING)
            return page.bodies

        found: list[dict[str, Any]] = json.loads(b"[" + self.house.run(ask()) + b"]")
        return found

    def add_calls(self, calls: Iterable[Call], audio: Audio | None = None) -> None:
        """Put calls into the catalog, all with the same audio, which may not be there."""
        entries = [
            entry_of(Recording(f"r-{number}", call, audio or no_audio()))
            for number, call in enumerate(calls)
        ]
        self.house.run(self.house.archive.catalog.add(1, entries))


def no_audio() -> Audio:
    return Audio(hashlib.sha256(b"").hexdigest(), 0, "audio/wav", 1, 1000)


def entry_of(recording: Recording) -> NewEntry:
    body = Bodies().render(recording)
    return NewEntry(
        id=recording.id,
        body=body,
        facts=facts_of(recording.call),
        digest=bytes.fromhex(recording.audio.sha256),
        fingerprint=hashlib.sha256(body).digest(),
        arrived_at=NOW,
        dialog=recording.call.dialog_id,
    )


def many_calls(count: int) -> list[Call]:
    return [
        replace(
            CALL,
            dialog_id=f"d-{number}",
            started_at=CALL.started_at + number,
            hung_up_at=CALL.hung_up_at + number,
        )
        for number in range(count)
    ]
