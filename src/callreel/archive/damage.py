"""What can be wrong with an archive: a closed list, each kind with what it means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from callreel.audio import Stored
from callreel.catalog.audit import Kept, SurplusRow, WrongCall, WrongDay


class Damage(StrEnum):
    """A kind of finding."""

    DATABASE = "database"
    AUDIO_MISSING = "audio_missing"
    AUDIO_LENGTH = "audio_length"
    AUDIO_CHANGED = "audio_changed"
    ENTRY_MISSING = "entry_missing"
    BODY_MISSING = "body_missing"
    BODY_UNREADABLE = "body_unreadable"
    BODY_DIFFERS = "body_differs"
    STATE_WRONG = "state_wrong"
    CALL_UNREADABLE = "call_unreadable"
    ROW_WRONG = "row_wrong"
    ROW_SURPLUS = "row_surplus"
    COUNT_WRONG = "count_wrong"
    MARKED = "marked"
    CATALOG_BEHIND = "catalog_behind"
    FOLDER_LINKED = "folder_linked"
    ORPHAN_AUDIO = "orphan_audio"
    ORPHAN_DERIVED = "orphan_derived"
    FOREIGN_FILE = "foreign_file"
    STALE_UPLOAD = "stale_upload"
    DELETION_UNFINISHED = "deletion_unfinished"

    @property
    def is_leftover(self) -> bool:
        """Whether nothing is lost or wrong: it only lies there, as after a crash."""
        return self in _LEFTOVERS


class Deed(StrEnum):
    """What was done about a finding."""

    MENDED = "mended"
    RESTORED = "restored"
    MARKED_MISSING = "marked_missing_audio"
    MARKED_SUSPECT = "marked_suspect"
    LEFT = "left"


_LEFTOVERS: Final = frozenset(
    {
        Damage.ORPHAN_AUDIO,
        Damage.ORPHAN_DERIVED,
        Damage.FOREIGN_FILE,
        Damage.STALE_UPLOAD,
        Damage.DELETION_UNFINISHED,
    }
)
MEANING: Final = {
    Damage.DATABASE: "SQLite finds the database itself damaged; restore it from a backup.",
    Damage.AUDIO_MISSING: "The audio of a recording is not there as a file.",
    Damage.AUDIO_LENGTH: "The audio of a recording is longer or shorter than it was.",
    Damage.AUDIO_CHANGED: "The audio of a recording has other bytes than it had, or is unreadable.",
    Damage.ENTRY_MISSING: "A recording's data is there, but not the entry that leads to it.",
    Damage.BODY_MISSING: "A recording's entry is there, but not the data of its call.",
    Damage.BODY_UNREADABLE: "The data of a call cannot be read.",
    Damage.BODY_DIFFERS: "The data of a call is not what was taken in.",
    Damage.STATE_WRONG: "A recording is in the lists though its state says no, or the other way.",
    Damage.CALL_UNREADABLE: "The data of a call without recording cannot be read, or is of another "
    "time.",
    Damage.ROW_WRONG: "A row by which a call is found is not there, or not as the call is.",
    Damage.ROW_SURPLUS: "A row leads to a recording or call that it does not belong to.",
    Damage.COUNT_WRONG: "The calls of a day are counted wrongly.",
    Damage.MARKED: "A recording is kept out of the lists, because it was damaged.",
    Damage.CATALOG_BEHIND: "Much audio has no recording, as where the database is older than the "
    "audio or lost its log; put callreel.db and callreel.db-wal back as they were, or restore a "
    "backup. `callreel gc` removes nothing meanwhile.",
    Damage.FOLDER_LINKED: "A folder within audio is a symbolic link, so that what is behind it is "
    "not read; put the folder itself there, or mount it. Only audio itself may be a link.",
    Damage.ORPHAN_AUDIO: "Audio that no recording has, as after a crash; `callreel gc` removes it.",
    Damage.ORPHAN_DERIVED: "What was made of audio that is gone; `callreel gc` removes it.",
    Damage.FOREIGN_FILE: "Something in the folder of audio that Callreel did not put there.",
    Damage.STALE_UPLOAD: "What an upload that was cut short left; `callreel gc` removes it.",
    Damage.DELETION_UNFINISHED: "A deletion that was cut short; `callreel gc` ends it.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: What kind.
        tenant: The number of whose it is, or None where nobody can say.
        recording: The recording's id, or None.
        says: What exactly, in a few words; no path of the machine.
        place: The place of the recording or call in the catalog, or None.
        cause: What to mend or remove, where the recording alone does not tell.
        deed: What was done about it, or would be, or None where nobody tried.
    """

    kind: Damage
    tenant: int | None = None
    recording: str | None = None
    says: str = ""
    place: int | None = None
    cause: SurplusRow | WrongCall | WrongDay | Stored | Kept | None = None
    deed: Deed | None = None
