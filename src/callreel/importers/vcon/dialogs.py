"""What becomes of each dialog of a vCon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from callreel.errors import BadRecording
from callreel.importers.items import (
    Candidate,
    Fault,
    Item,
    Refusal,
    Row,
    RowUse,
    plain_text,
    printable,
)
from callreel.importers.vcon.audio import Audio, NoAudio, Surroundings, audio_of
from callreel.importers.vcon.calls import Told, tell
from callreel.importers.vcon.conversation import RECORDING, Conversation

NAME: Final = "vcon"
INCOMPLETE: Final = "incomplete"
SILENT: Final = frozenset({"text", "transfer", "recording-set"})
_LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Place:
    """Where a vCon was found.

    Attributes:
        where: Its path below the root, safe to print.
        name: Its file's name.
        zone: Of clock times without an offset.
    """

    where: str
    name: str
    zone: ZoneInfo | None

    def of(self, index: int, count: int) -> str:
        """Return where a dialog is; the only one is where its vCon is."""
        return self.where if count == 1 else f"{self.where}, dialog {index}"


def items_of(place: Place, conversation: Conversation, around: Surroundings) -> Iterator[Item]:
    """Yield an item for each dialog, or one refusal where there is none."""
    if not conversation.dialogs:
        yield Refusal(place.where, Fault.EMPTY, "The vCon holds no dialog.")
    for index in range(len(conversation.dialogs)):
        yield _Dialog(place, conversation, around, index).item()


@dataclass(frozen=True, slots=True)
class _Dialog:
    place: Place
    conversation: Conversation
    around: Surroundings
    index: int

    @property
    def members(self) -> dict[str, Any]:
        return self.conversation.dialogs[self.index]

    @property
    def where(self) -> str:
        return self.place.of(self.index, len(self.conversation.dialogs))

    def item(self) -> Item:
        kind = self.members.get("type")
        if kind == RECORDING:
            return self._recording()
        if kind == INCOMPLETE:
            return self._unrecorded()
        # What was redacted leaves an empty place.
        if not self.members or (isinstance(kind, str) and kind in SILENT):
            is_joined = self.conversation.has_recording
            return Row(self.where, RowUse.JOINED if is_joined else RowUse.UNRECORDED)
        return Refusal(self.where, Fault.BAD_ROW, "The type of the dialog is not known here.")

    def _recording(self) -> Item:
        try:
            told = self._told()
            audio = audio_of(self.members, self.around)
        except NoAudio as error:
            if error.fault is Fault.NO_AUDIO and self._is_cut_out:
                return self._unrecorded()
            return Refusal(self.where, error.fault, error.message)
        except BadRecording as error:
            return Refusal(self.where, Fault.BAD_CALL, error.message)
        return self._candidate(told, audio)

    @property
    def _is_cut_out(self) -> bool:
        return self.conversation.is_redacted and not self.members.get("url")

    def _unrecorded(self) -> Item:
        try:
            told = self._told()
        except BadRecording as error:
            return Refusal(self.where, Fault.BAD_ROW, error.message)
        return Row(self.where, RowUse.UNRECORDED, told.call, told.agent, self._queue(), NAME)

    def _told(self) -> Told:
        conversation = self.conversation
        return tell(
            conversation.uuid, self.index, self.members, conversation.parties, self.place.zone
        )

    def _candidate(self, told: Told, audio: Audio) -> Candidate:
        return Candidate(
            where=self.where,
            call=told.call,
            is_measured=told.is_measured,
            native_id=told.call.dialog_id,
            native_time=told.call.started_at,
            open=audio.open,
            size=audio.size,
            original_name=self._original_name(audio),
            source=NAME,
            agent=told.agent,
            queue=self._queue(),
            notes=(*self.around.container.notes, *self.conversation.notes, *told.notes),
        )

    def _original_name(self, audio: Audio) -> str:
        named = self.members.get("filename")
        name = plain_text(named) if isinstance(named, str) else ""
        return name[:_LONGEST_NAME] or printable(audio.beside or self.place.name)

    def _queue(self) -> str | None:
        for name in ("skill", "campaign"):
            value = self.members.get(name)
            if isinstance(value, str) and plain_text(value):
                return plain_text(value)
        return None
