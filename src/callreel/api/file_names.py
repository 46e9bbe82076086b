"""File names that come from outside and go out again: never a path, a quote or a control sign."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from callreel.archive.extensions import extension_of
from callreel.model import Recording

_MAX_CHARACTERS: Final = 120
_FORBIDDEN: Final = re.compile(r'[\\/:*?"<>|%;]+')
_AUDIO_SUFFIX: Final = re.compile(
    r"\.(wav(49)?|gsm|mp3|og[ga]|opus|m4a|mp4|webm|flac|aiff?|au|amr|[ua]law|[ua]l|g72[29]|sln|raw)$",
    re.IGNORECASE,
)
_UNDECOMPOSED: Final = str.maketrans("łŁøØđĐ", "lLoOdD")
_ATTRIBUTE_CHARACTERS: Final = "!#$&+-.^_`|~"  # RFC 8187, 3.2.1, beside letters and digits


def plain_name(given: str | None) -> str | None:
    """Return the last part of a file name that was handed in, harmless, or None if none is left."""
    if given is None:
        return None
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", given))[-1]
    shown = "".join(each for each in last if not unicodedata.category(each).startswith("C"))
    return _FORBIDDEN.sub("_", shown).strip(" .")[:_MAX_CHARACTERS] or None


def audio_name(recording: Recording, original: str | None, mime_type: str) -> str:
    """Return the name under which a client should keep the audio.

    It is the name that the file came with, or the start of the call with the recording's id;
    never the numbers of the call. The extension says what the bytes are.
    """
    given = plain_name(original) or ""
    stem = _AUDIO_SUFFIX.sub("", given).strip(" .") or _made_stem(recording)
    return f"{stem}.{extension_of(mime_type)}"


def disposition(name: str) -> str:
    """Return the header `Content-Disposition` (RFC 6266) for showing a file with this name."""
    spelled = unicodedata.normalize("NFKD", name.translate(_UNDECOMPOSED))
    bare = "".join(each for each in spelled if not unicodedata.combining(each))
    plain = re.sub(r"[^A-Za-z0-9 ._+()@,=-]", "_", bare)
    if plain == name:
        return f'inline; filename="{plain}"'
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(name, _ATTRIBUTE_CHARACTERS)}"


def _made_stem(recording: Recording) -> str:
    started = datetime.fromtimestamp(recording.call.started_at, UTC)
    readable_id = plain_name(recording.id) or "recording"
    return f"{started:%Y-%m-%d_%H%M%S}_{readable_id}"
