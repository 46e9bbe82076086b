"""Repair: make again what can be made again, and take out of the lists what is not whole.

Nothing is deleted: neither a recording nor audio. What was damaged and is whole again, as after its
file was put back from a backup, returns to the lists.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from callreel.archive import Archive
from callreel.archive.damage import Damage, Deed, Finding
from callreel.archive.facts import facts_of, facts_reader
from callreel.archive.take_in import fingerprint
from callreel.archive.verify import Verification, reading_calls, recording_of
from callreel.audio import AudioKey
from callreel.catalog import NewEntry
from callreel.catalog.audit import Kept, SurplusRow, WrongCall, WrongDay
from callreel.errors import NotFound
from callreel.model import Reach, State

SOURCE: Final = "repair"
_DEEDS: Final = {
    Damage.ROW_WRONG: Deed.MENDED,
    Damage.ROW_SURPLUS: Deed.MENDED,
    Damage.COUNT_WRONG: Deed.MENDED,
    Damage.ENTRY_MISSING: Deed.MENDED,
    Damage.AUDIO_MISSING: Deed.MARKED_MISSING,
    Damage.AUDIO_LENGTH: Deed.MARKED_SUSPECT,
    Damage.AUDIO_CHANGED: Deed.MARKED_SUSPECT,
    Damage.BODY_MISSING: Deed.MARKED_SUSPECT,
    Damage.BODY_UNREADABLE: Deed.MARKED_SUSPECT,
    Damage.BODY_DIFFERS: Deed.MARKED_SUSPECT,
    Damage.STATE_WRONG: Deed.MARKED_SUSPECT,
    Damage.CALL_UNREADABLE: Deed.LEFT,
    Damage.CATALOG_BEHIND: Deed.LEFT,
    Damage.FOLDER_LINKED: Deed.LEFT,
}
_OF_AUDIO: Final = frozenset({Damage.AUDIO_MISSING, Damage.AUDIO_LENGTH, Damage.AUDIO_CHANGED})
_STATES: Final = {Deed.MARKED_MISSING: State.MISSING_AUDIO, Deed.MARKED_SUSPECT: State.SUSPECT}


@dataclass(slots=True)
class Repair:
    """One mending of an archive; go through its records first, and then through its files.

    Attributes:
        work: What goes through the archive.
        is_dry: Whether to say what would be done, and to change nothing.
    """

    work: Verification
    is_dry: bool = False
    _bad: set[tuple[int | None, str | None]] = field(default_factory=set)
    _marked: list[Finding] = field(default_factory=list)

    @property
    def _archive(self) -> Archive:
        return self.work.archive

    async def of_records(self) -> AsyncIterator[list[Finding]]:
        """Mend records, and yield what was found, each with what was done about it."""
        async for found in self.work.of_records():
            yield await self._see_to(found)

    async def of_files(self) -> AsyncIterator[list[Finding]]:
        """Mark whose audio is not what it was, and restore who was marked and is whole again."""
        async for found in self.work.of_files():
            yield await self._see_to(found)
        yield [replace(each, deed=await self._restore(each)) for each in self._marked]

    async def _see_to(self, found: Sequence[Finding]) -> list[Finding]:
        self._marked += [each for each in found if each.kind is Damage.MARKED]
        done = [replace(each, deed=_DEEDS[each.kind]) for each in found if each.kind in _DEEDS]
        for each in done:
            if each.deed is not Deed.MENDED:
                self._bad.add((each.tenant, each.recording))
            if not self.is_dry:
                with suppress(NotFound):  # deleted since it was looked at
                    await self._do(each)
        return done

    async def _do(self, finding: Finding) -> None:
        catalog = self._archive.catalog
        match finding:
            case Finding(cause=SurplusRow() as row):
                await catalog.drop_row(row, self.work.measure)
            case Finding(cause=WrongCall() as call):
                await catalog.mend_call(call.place, reading_calls(self._archive.bodies))
            case Finding(cause=WrongDay() as day):
                await catalog.mend_day(day)
            case Finding(cause=Kept() as kept):
                await self._adopt(kept)
            case Finding(kind=Damage.CATALOG_BEHIND | Damage.FOLDER_LINKED):
                pass  # no recording is at fault
            case Finding(kind=Damage.ROW_WRONG, place=int(place)):
                await catalog.mend_rows(place, self.work.measure)
            case _:
                await self._mark(finding)

    async def _mark(self, finding: Finding) -> None:
        """Take a recording out of the lists; who is in none keeps the state that says why."""
        state = State.SUSPECT if finding.deed is None else _STATES[finding.deed]
        if finding.kind not in _OF_AUDIO and finding.place is not None:
            await self._archive.catalog.set_aside(finding.place, state)
        elif finding.tenant is not None and finding.recording is not None:
            reach = Reach(finding.tenant)
            entry = await self._archive.catalog.find(reach, finding.recording)
            if entry.state is State.AVAILABLE:
                read = facts_reader(self._archive.bodies)
                await self._archive.catalog.withdraw(reach, finding.recording, state, read)

    async def _adopt(self, kept: Kept) -> None:
        """Make the entry again that leads to a recording; when it came is not known any more."""
        recording = recording_of(self._archive.bodies, kept)
        if recording is None or kept.body is None:
            return
        entry = NewEntry(
            id=recording.id,
            body=kept.body,
            facts=facts_of(recording.call),
            digest=bytes.fromhex(recording.audio.sha256),
            fingerprint=fingerprint(recording.call, recording.audio.sha256),
            arrived_at=recording.call.hung_up_at,
            source=SOURCE,
            dialog=recording.call.dialog_id,
        )
        await self._archive.catalog.adopt(kept.place, entry)

    async def _restore(self, finding: Finding) -> Deed:
        tenant, recording_id = finding.tenant, finding.recording
        if (tenant, recording_id) in self._bad or tenant is None or recording_id is None:
            return Deed.LEFT
        try:
            entry = await self._archive.catalog.find(Reach(tenant), recording_id)
        except NotFound:  # deleted since it was looked at
            return Deed.LEFT
        key = AudioKey(tenant, entry.digest.hex())
        if await self._archive.audio.digests([key], self.work.read) != [key.sha256]:
            return Deed.LEFT
        return await self._listed_again(Reach(tenant), recording_id)

    async def _listed_again(self, reach: Reach, recording_id: str) -> Deed:
        if not self.is_dry:
            read = facts_reader(self._archive.bodies)
            try:
                await self._archive.catalog.restore(reach, recording_id, read)
            except NotFound:  # deleted while its audio was read
                return Deed.LEFT
        return Deed.RESTORED
