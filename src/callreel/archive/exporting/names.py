"""Names of files inside of an export: unique, and safe on every system."""

from __future__ import annotations

import hashlib
from typing import Final

from callreel.archive.extensions import extension_of

_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}
)


def stem_of(recording_id: str) -> str:
    """Return the name of a recording's file, without its extension.

    It is the recording's id, never a number or a name of the call. Signs that are none of an id
    stand in for what some systems do not take: `+` for `:`, a leading `=` where a name would be
    hidden, an option or a device. An id with capital letters gets a digest behind `=`, so that two
    ids stay two files where capitals count for nothing.
    """
    stem = recording_id.replace(":", "+")
    if stem.startswith((".", "-", "~")) or stem.partition(".")[0].lower() in _RESERVED:
        stem = "=" + stem
    if recording_id != recording_id.lower():
        stem += "=" + hashlib.sha256(recording_id.encode()).hexdigest()[:8]
    return stem


def audio_file_name(recording_id: str, mime_type: str) -> str:
    """Return the name of the file of a recording's audio; the extension says what it is."""
    return f"{stem_of(recording_id)}.{extension_of(mime_type)}"
