"""What a file's name and size tell of its audio before anything is opened."""

from __future__ import annotations

import re
import time
from typing import Final

from callreel.importers.items import Fault, Refusal
from callreel.importers.tree import Found

AUDIO_EXTENSIONS: Final = frozenset({"wav", "wav49", "mp3", "ogg", "opus", "flac"})
HEADERLESS_EXTENSIONS: Final = frozenset(
    {"gsm", "sln", "sln16", "ulaw", "ul", "pcm", "alaw", "al", "g722", "g729", "raw"}
)
PATIENCE: Final = 3600
"""Seconds for which a file waits for its call record, which may come late, and a row for audio."""
HEADER_BYTES: Final = 44  # of a WAV file without sound
_OF_RSYNC: Final = re.compile(r"\.(.+)\.[A-Za-z0-9]{6}")  # while it copies


def split_extension(name: str) -> tuple[str, str]:
    """Return a name without its extension, and the extension in lower case."""
    stem, dot, extension = name.rpartition(".")
    return (stem, extension.lower()) if dot else (name, "")


def names_audio(path: str) -> bool:
    """Say whether a path ends as audio's does."""
    return split_extension(path)[1] in AUDIO_EXTENSIONS | HEADERLESS_EXTENSIONS


def key_of(path: str) -> str:
    """Return what a file's name and a row's `recordingfile` have in common.

    The folders are left out, as some versions write them, and the extension, as many systems
    convert recordings afterwards; so are the seconds that a conference's file ends in.
    """
    name = path.replace("\\", "/").rpartition("/")[2]
    stem = split_extension(name)[0] if names_audio(name) else name
    return re.sub(r"(\.[0-9]{1,10})-[0-9]{9,10}\Z", r"\1", stem)


def may_be_told_later(found: Found) -> bool:
    """Say whether a file is so young that its call record may still come."""
    return abs(time.time() - found.modified_at) < PATIENCE


def missing(where: str, says: str, hung_up_at: float | None) -> Refusal:
    """Return what is said of a row whose recording is not there: it may still come, or is missing.

    Args:
        where: The row.
        says: How the sentence begins: what names which audio.
        hung_up_at: When the call ended, seconds UTC, or None where no audio is waited for.
    """
    if hung_up_at is not None and abs(time.time() - hung_up_at) < PATIENCE:
        reason = f"{says} that is not in the folder yet; an import in an hour looks again."
        return Refusal(where, Fault.WAITING_FOR_AUDIO, reason)
    return Refusal(where, Fault.NO_AUDIO, f"{says} that is not in the folder.")


def refusal_by_look(found: Found, settle: float) -> Refusal | None:
    """Return why a file cannot be taken in, as far as its name, size and time tell, or None.

    Args:
        settle: Seconds for which it must not have been written to.
    """
    extension = split_extension(found.name)[1]
    copied = _OF_RSYNC.fullmatch(found.name)
    if copied is not None and names_audio(copied[1]):
        return _unfinished(found)
    if extension in HEADERLESS_EXTENSIONS:
        reason = (
            "Audio without a header does not say what it is; convert it to WAV first, "
            "under the same name."
        )
        return Refusal(found.where, Fault.NOT_AUDIO, reason)
    if extension not in AUDIO_EXTENSIONS:
        return Refusal(found.where, Fault.NOT_AUDIO, "By its name this is no audio.")
    if abs(time.time() - found.modified_at) < settle:
        reason = "The file was written to a moment ago; the next import takes it."
        return Refusal(found.where, Fault.GROWING, reason)
    if found.size <= HEADER_BYTES:
        return Refusal(found.where, Fault.EMPTY, "The file holds no sound.")
    return None


def _unfinished(found: Found) -> Refusal:
    """Return what becomes of a file that rsync has not finished, or never will."""
    if may_be_told_later(found):
        reason = "The file is being copied by rsync; the next import takes it."
        return Refusal(found.where, Fault.GROWING, reason)
    reason = "By its name this is a copy that rsync did not finish; copy again, and remove it."
    return Refusal(found.where, Fault.NOT_AUDIO, reason)
