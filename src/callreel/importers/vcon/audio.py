"""Where the audio of a dialog is: in the vCon, in a file beside it, or at an address.

Inline: `body` with `encoding` (draft-ietf-vcon-vcon-core, "Inline Files"). External: `url` with
`content_hash`, once called `alg` and `signature` ("Externally Referenced Files"). A `url` without a
scheme, or one of `file:`, names a file beside the vCon.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

from callreel.errors import BadRecording
from callreel.importers.items import Fault
from callreel.importers.streams import checked
from callreel.importers.vcon.container import Container, open_body
from callreel.importers.vcon.fetch import Fetcher, parts_of
from callreel.importers.vcon.skeleton import Span

ENCODINGS: Final = frozenset({"base64url", "base64"})
_DIGEST_BYTES: Final = {"sha512": 64, "sha384": 48, "sha256": 32}
_NO_SOUND: Final = re.compile(r"(video|text|image)/", re.IGNORECASE)


class NoAudio(BadRecording):
    """A dialog whose audio cannot be taken.

    Attributes:
        fault: The kind of reason.
    """

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Audio:
    """The audio of a dialog.

    Attributes:
        open: Opens it.
        size: Bytes, or None where they are not known before.
        beside: The name of the file beside the vCon, or None where it is elsewhere.
    """

    open: Callable[[], BinaryIO]
    size: int | None
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What there is around a vCon.

    Attributes:
        container: The vCon file.
        open_beside: Opens a file in the folder of the vCon, without a buffer.
        fetcher: Fetches what is elsewhere, or None where that is not allowed.
    """

    container: Container
    open_beside: Callable[[str], BinaryIO]
    fetcher: Fetcher | None


def audio_of(dialog: dict[str, Any], around: Surroundings) -> Audio:
    """Return the audio of a dialog of type `recording`.

    Raises:
        NoAudio: it has none, or none that can be taken.
    """
    try:
        return _audio(dialog, around)
    except NoAudio:
        raise
    except BadRecording as error:
        raise NoAudio(Fault.BAD_CALL, error.message) from error


def _audio(dialog: dict[str, Any], around: Surroundings) -> Audio:
    kind = dialog.get("mediatype") or dialog.get("mimetype") or ""
    if isinstance(kind, str) and _NO_SOUND.match(kind):
        raise NoAudio(Fault.NOT_AUDIO, "By its media type the recording is not of sound alone.")
    body, url, expected = dialog.get("body"), dialog.get("url"), _expected(dialog)
    if isinstance(body, str | Span) and body != "":
        return _inline(body, dialog.get("encoding"), expected, around.container)
    if not isinstance(url, str) or not url.strip():
        raise NoAudio(Fault.NO_AUDIO, "The recording has neither a body nor a url.")
    beside = name_beside(url)
    if beside is None:
        return _elsewhere(url, expected, around.fetcher)
    opener = partial(around.open_beside, beside)
    return Audio(partial(_open_checked, opener, expected), None, beside)


def name_beside(url: str) -> str | None:
    """Return the name of the file beside the vCon that an address names, or None if elsewhere.

    Raises:
        BadRecording: it names a file that is not beside the vCon.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadRecording("The address of the audio is none.") from error
    if parts.scheme not in {"", "file"}:
        return None
    name = unquote(parts.path, errors="surrogateescape").removeprefix("./")
    if parts.scheme == "file":
        name = Path(name).name
    is_plain = name == Path(name).name and name not in {"", "..", "."} and "\0" not in name
    if parts.netloc not in {"", "localhost"} or parts.query or not is_plain or "\\" in name:
        raise BadRecording("The vCon names a file that does not lie beside it.")
    return name


def _inline(
    body: str | Span, encoding: object, expected: dict[str, bytes], container: Container
) -> Audio:
    # The draft lets a missing encoding be told by the media type, and audio has but this one.
    told = "base64url" if encoding is None else encoding
    if not isinstance(told, str) or told.casefold() not in ENCODINGS:
        raise NoAudio(
            Fault.BROKEN, "The audio is not encoded as base64url, so it cannot be in the vCon."
        )
    size = None
    if isinstance(body, Span):
        if not body.may_be_base64:
            raise NoAudio(Fault.BROKEN, "The audio in it is no base64url.")
        size = body.decoded_size
    opener = partial(open_body, container.text, body)
    return Audio(partial(_open_checked, opener, expected), size)


def _elsewhere(url: str, expected: dict[str, bytes], fetcher: Fetcher | None) -> Audio:
    parts_of(url)
    if not expected:
        raise NoAudio(
            Fault.BAD_CALL, "The vCon gives no content_hash for its url, so it is not fetched."
        )
    if fetcher is None:
        raise NoAudio(
            Fault.NO_AUDIO, "The audio is at an address of the web; allow that with --fetch."
        )
    return Audio(partial(fetcher.open, url, expected), None)


def _open_checked(opener: Callable[[], BinaryIO], expected: dict[str, bytes]) -> BinaryIO:
    return checked(opener(), expected) if expected else opener()


def _expected(dialog: dict[str, Any]) -> dict[str, bytes]:
    """Return the digests that are given, by the names of `hashlib`."""
    given, alg, signature = map(dialog.get, ("content_hash", "alg", "signature"))
    if given is None and isinstance(alg, str) and isinstance(signature, str):
        given = f"{alg.replace('-', '')}-{signature}"
    tokens = given if isinstance(given, list) else [given]
    found = dict(_digest(each) for each in tokens if each is not None)
    known = {name: digest for name, digest in found.items() if name in _DIGEST_BYTES}
    if found and not known:
        raise BadRecording(f"Its digest is of none of: {', '.join(sorted(_DIGEST_BYTES))}.")
    return known


def _digest(token: object) -> tuple[str, bytes]:
    name, dash, text = (token if isinstance(token, str) else "").partition("-")
    name = name.casefold()
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    try:
        digest = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRecording("Its content_hash is no digest in base64url.") from error
    if not dash or len(digest) != _DIGEST_BYTES.get(name, len(digest)):
        raise BadRecording("Its content_hash is no digest in base64url.")
    return name, digest
