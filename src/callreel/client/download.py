"""Audio to a file: in chunks, resumed where it broke off, and checked."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import BinaryIO, Final, Literal
from urllib.parse import quote, unquote, urlsplit

from urllib3.response import BaseHTTPResponse

from callreel.api.wire import LIST_PATH
from callreel.client.errors import BadAnswerError, DamagedAudioError
from callreel.client.recording import Recording
from callreel.client.transport import Transport, absolute

CHUNK: Final = 1 << 18
Format = Literal["opus", "mp3", "wav"]
_EXTENSIONS: Final = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/webm": "webm",
}
_FIRST_BYTE: Final = re.compile(r"bytes (\d+)-")


@dataclass(frozen=True, slots=True)
class Source:
    """Where audio is, and what it must turn out to be.

    Attributes:
        url: Its address.
        size: Bytes, or None where that is not known.
        sha256: Hex digest, or None where that is not known.
    """

    url: str
    size: int | None = None
    sha256: str | None = None


def path_of(recording_id: str | None, after: str = "") -> str:
    """Return the path of a recording, with what comes after it.

    Raises:
        ValueError: there is no id.
    """
    if not recording_id:
        raise ValueError("This recording has no id to ask for it by.")
    escaped = quote(recording_id, safe="").replace(".", "%2E")  # '..' must not climb
    return f"{LIST_PATH}/{escaped}{after}"


def id_of(what: Recording | str) -> str | None:
    """Return the id of a recording, given itself or its id."""
    return what if isinstance(what, str) else what.recording_uuid


def source_of(transport: Transport, what: Recording | str, to: Format | None) -> Source:
    """Return where the audio is: in another format, or as stored.

    An address on another server is taken as it is and asked without the key, unless it has the
    endpoint's own form: then the server is only known by two names, and ours is used.

    Raises:
        ValueError: there is no id, and no address that would do instead.
    """
    recording_id = id_of(what)
    known = what if isinstance(what, Recording) and to is None else Recording()
    size, digest, url = known.recording_size, known.recording_sha256, known.recording_url
    if url is not None:
        url = absolute(transport.base, url)
        if transport.is_home(url) or not _has_own_form(url, recording_id):
            return Source(url, size, digest)
    query = "" if to is None else f"?format={to}"
    return Source(transport.base + path_of(recording_id, "/audio") + query, size, digest)


def to_path(transport: Transport, source: Source, path: Path, stem: str | None) -> Path:
    """Save the audio under a path and return it; what was there is replaced once it is whole.

    In a folder it gets a name: the stem, made harmless, with what its media type ends in.
    """
    folder = path if path.is_dir() else path.parent
    part = folder / f".{secrets.token_hex(8)}.part"
    try:
        with part.open("xb+") as file:
            media_type = _fetch(transport, source, file)
        target = path / _name(source, stem, media_type) if folder == path else path
        return part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def to_file(transport: Transport, source: Source, file: BinaryIO) -> None:
    """Write the audio into a file that is open, once it is whole."""
    with tempfile.TemporaryFile() as part:
        _fetch(transport, source, part)
        part.seek(0)
        shutil.copyfileobj(part, file)


def _fetch(transport: Transport, source: Source, file: BufferedRandom) -> str | None:
    """Write the whole audio into an empty file and return its media type, where told.

    Raises:
        DamagedAudioError: it is not what the recording tells of.
        NoAnswerError, ApiError, BadAnswerError: it could not be had.
    """
    fetching = _Fetching(transport, source, file)
    transport.persist(fetching.go_on)
    if source.size is not None and file.tell() != source.size:
        raise DamagedAudioError("The audio is not as long as the recording says; ask again.")
    file.seek(0)
    if source.sha256 and hashlib.file_digest(file, "sha256").hexdigest() != source.sha256.lower():
        raise DamagedAudioError("The audio's digest is not the one that the recording says.")
    return fetching.media_type


def _name(source: Source, stem: str | None, media_type: str | None) -> str:
    """Return a file name that is no path, whatever the id."""
    plain = quote(stem, safe="") if stem else hashlib.sha256(source.url.encode()).hexdigest()[:32]
    bare = (media_type or "").partition(";")[0].strip().lower()
    return f"{plain}.{_EXTENSIONS.get(bare, 'bin')}"


class _Fetching:
    """A download that may take several requests."""

    def __init__(self, transport: Transport, source: Source, file: BufferedRandom) -> None:
        self._transport = transport
        self._source = source
        self._file = file
        self._tag: str | None = None
        self.media_type: str | None = None

    def go_on(self) -> None:
        """Fetch what is missing."""
        have = self._file.tell()
        if have and have == self._source.size:
            return
        with self._transport.stream(self._source.url, self._headers(have)) as answer:
            self._place(answer, have)
            self._tag = answer.headers.get("ETag")
            self.media_type = answer.headers.get("Content-Type")
            while chunk := answer.read1(CHUNK, decode_content=False):
                self._file.write(chunk)

    def _headers(self, have: int) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        if have and self._tag and not self._tag.startswith("W/"):
            headers["If-Range"] = self._tag
        return headers

    def _place(self, answer: BaseHTTPResponse, have: int) -> None:
        """Make ready to write where the answer begins."""
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise BadAnswerError("The server sends the audio packed, though asked not to.")
        if answer.status != 206:
            self._file.seek(0)
            self._file.truncate()
            return
        first = _FIRST_BYTE.match(answer.headers.get("Content-Range", ""))
        if first is None or int(first[1]) != have:
            raise BadAnswerError("The server sends another part of the audio than was asked for.")


def _has_own_form(url: str, recording_id: str | None) -> bool:
    return unquote(urlsplit(url).path).endswith(f"{LIST_PATH}/{recording_id}/audio")
