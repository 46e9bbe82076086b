"""What files of audio are called, by what they are."""

from __future__ import annotations

from typing import Final

_EXTENSIONS: Final = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/webm": "webm",
    "audio/aiff": "aiff",
    "audio/basic": "au",
}


def extension_of(mime_type: str) -> str:
    """Return the extension of a file's name, without the dot."""
    return _EXTENSIONS.get(mime_type.partition(";")[0], "bin")
