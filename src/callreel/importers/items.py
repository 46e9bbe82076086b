"""What an importer finds: recordings that may be taken in, and what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from callreel.model import Call


class Fault(StrEnum):
    """Why something cannot be taken in; the value is what a report calls it."""

    # of a file
    EMPTY = "empty"
    GROWING = "growing"
    NOT_AUDIO = "not_audio"
    BROKEN = "broken"
    BAD_NAME = "bad_name"
    BAD_CALL = "bad_call"
    NO_CALL = "no_call"
    NOT_PLAIN = "not_plain"
    UNREADABLE = "unreadable"
    CONFLICT = "conflict"
    EARLIER = "earlier"
    # of a row of call records
    BAD_ROW = "bad_row"
    NO_AUDIO = "no_audio"
    WAITING_FOR_AUDIO = "waiting_for_audio"

    @property
    def is_of_row(self) -> bool:
        return self in {Fault.BAD_ROW, Fault.NO_AUDIO, Fault.WAITING_FOR_AUDIO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file of audio and the call that it is of.

    Attributes:
        where: The file as a person finds it: its path below the root, safe to print.
        call: The call. Where `is_measured` is False its length is not known before the audio is.
        is_measured: Whether the call's records say how long it was.
        native_id: What its source calls the recording; with the audio's digest it tells whether
            the recording was taken in before, so it must not depend on how much else is known.
        native_time: When the source made that id, seconds UTC; as lasting as the id.
        open: Opens the audio, each time from its beginning, or raises BadRecording; of files,
            nothing but the plain file that was found is opened.
        size: Its length in bytes when it was found, or None where that is not known before.
        original_name: Its name, for people.
        source: The format's name.
        path: The file, for those who only look at it, or None where the audio is in no file.
        agent: Whose leg of the call it is, as the source names them, such as an extension.
        queue: Which queue the call came by, as the source names it.
        notes: What a person should know although the recording can be taken in.
        id: The id that its source gave it for good and that it keeps here, or None to have one
            made of `native_id` and the audio.
        sha256: The audio's digest as the source tells it, in hexadecimal, or None.
        is_remote: Whether its source is far and may change: the audio is opened no more than
            once, and what is told of a call that the archive has is no clash.
        has_call_record: Whether anything but the file's name tells of the call.
    """

    where: str
    call: Call
    is_measured: bool
    native_id: str
    native_time: int
    open: Callable[[], BinaryIO]
    size: int | None
    original_name: str
    source: str
    path: Path | None = None
    agent: str | None = None
    queue: str | None = None
    notes: tuple[str, ...] = ()
    id: str | None = None
    sha256: str | None = None
    is_remote: bool = False
    has_call_record: bool = True

    def complete(self, duration_ms: int | None) -> Call:
        """Return the whole call, given the measured length of its audio in milliseconds.

        Without call records the call is taken to last as long as its audio, in whole seconds
        rounded up, and to be talk from beginning to end.
        """
        if self.is_measured or duration_ms is None:
            return self.call
        seconds = -(-duration_ms // 1000)
        hung_up_at = self.call.started_at + seconds
        return replace(self.call, hung_up_at=hung_up_at, talking_ms=duration_ms)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file or a row that cannot be taken in.

    Attributes:
        where: The path below the root, or the file of call records and the line; safe to print.
        fault: The kind of reason.
        reason: One sentence for the user.
        is_row: Whether it is a row although the fault could be a file's.
        call: The call, where it is one whose recording is missing.
        agent, queue, source: As of a `Candidate`.
    """

    where: str
    fault: Fault
    reason: str
    is_row: bool = False
    call: Call | None = None
    agent: str | None = None
    queue: str | None = None
    source: str = ""


class RowUse(StrEnum):
    """What a sound row of call records was good for."""

    JOINED = "joined"
    UNRECORDED = "unrecorded"


@dataclass(frozen=True, slots=True)
class Row:
    """A sound row of call records: a leg of a recorded call, or a call without recording.

    Attributes:
        where: The file of call records and the line.
        use: Which of the two.
        call: The call, of one without recording; of several legs, one has it.
        agent, queue, source: As of a `Candidate`.
        has_first: Of a call of several legs, whether the one that began it is among them.
        legs: Start, in seconds UTC, and id of the dialogs as which its legs may be recorded.
        notes: What a person should know of it.
    """

    where: str
    use: RowUse
    call: Call | None = None
    agent: str | None = None
    queue: str | None = None
    source: str = ""
    has_first: bool = True
    legs: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()


Item = Candidate | Refusal | Row


def printable(text: str) -> str:
    r"""Return text that can be printed and stored whatever bytes a file name held.

    Bytes that are no UTF-8 become `\xNN`; control, formatting and odd separator characters
    become their escapes, so that a name cannot break a line or a terminal.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def plain_text(text: str) -> str:
    """Return text without control characters, and with a mark for each byte that is no UTF-8."""
    if text.isprintable():
        return text.strip()
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(each for each in whole if each >= " " and each != "\x7f").strip()


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
