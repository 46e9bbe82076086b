"""What is to be there of calls and their recordings, worked out the slow and obvious way."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from callreel.catalog import Outcome
from contracts.catalog_reference import Known

CallId = tuple[int, int, str]


@dataclass
class Simple:
    """What is to be there, kept in the most obvious way.

    Attributes:
        available, withdrawn, deleted: Recordings by id.
        away: Recordings that are not there and may come.
        unrecorded: What is known of calls without recording, and whether an import brought it.
        lost: The deleted ones of whose call that is known.
    """

    available: dict[str, Known] = field(default_factory=dict)
    withdrawn: dict[str, Known] = field(default_factory=dict)
    deleted: dict[str, Known] = field(default_factory=dict)
    away: dict[str, Known] = field(default_factory=dict)
    unrecorded: dict[CallId, tuple[Known, bool]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)

    def add(self, known: Known, *, is_of_import: bool) -> Outcome:
        if known.is_recorded:
            self.available[known.id] = known
        elif known.call in self.unrecorded or self._recordings_of(known):
            return Outcome.SAME
        else:
            self.unrecorded[known.call] = (known, is_of_import)
        return Outcome.ADDED

    def withdraw(self, recording_id: str) -> None:
        self.withdrawn[recording_id] = self.available.pop(recording_id)

    def delete(self, recording_id: str) -> None:
        known = self._taken(recording_id)
        self.unrecorded.setdefault(known.call, (known, False))
        self.away[recording_id] = known
        self.note(recording_id)

    def undo(self, recording_id: str) -> None:
        self.away[recording_id] = self._taken(recording_id)

    def note(self, recording_id: str) -> None:
        known = self.away.pop(recording_id, None) or self.deleted[recording_id]
        self.deleted[recording_id] = known
        if known.call in self.unrecorded:
            self.lost.add(recording_id)

    def lift(self, recording_id: str) -> None:
        self.away[recording_id] = self.deleted.pop(recording_id)
        self.lost.discard(recording_id)

    def bring_back(self, recording_id: str) -> None:
        if recording_id in self.deleted:
            self.lift(recording_id)
        self.available[recording_id] = self.away.pop(recording_id)

    def restore(self, recording_id: str) -> None:
        self.available[recording_id] = self.withdrawn.pop(recording_id)

    def drop(self) -> None:
        self.unrecorded = {k: v for k, v in self.unrecorded.items() if not v[1]}
        self.lost = {each for each in self.lost if self.deleted[each].call in self.unrecorded}

    def shown(self) -> dict[CallId, set[str]]:
        """Return the calls, each with the ids of what it may be listed by."""
        found = defaultdict[CallId, set[str]](set)
        for known in self.available.values():
            found[known.call].add(known.id)
        for call, (known, _) in self.unrecorded.items():
            if call not in found:
                found[call].add(known.id)
        return found

    def _taken(self, recording_id: str) -> Known:
        is_available = recording_id in self.available
        return (self.available if is_available else self.withdrawn).pop(recording_id)

    def _recordings_of(self, known: Known) -> bool:
        return any(each.call == known.call for each in self.available.values())
