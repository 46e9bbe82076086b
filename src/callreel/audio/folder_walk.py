"""Going through a folder of audio: what lies where, and whether it is what it is named."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from callreel.audio import AudioKey, Part, Stored
from callreel.disk import READ

BATCH: Final = 256
_PIECE: Final = 1 << 20
_TENANT: Final = re.compile(r"[1-9][0-9]{0,4}|0")
_PREFIX: Final = re.compile(r"[0-9a-f]{2}")
_DIGEST: Final = re.compile(r"([0-9a-f]{64})(\..+)?")
_OURS: Final = frozenset({"erase.lock", "erase.turn"})


def things_in(root: Path) -> Iterator[Stored]:
    """Yield all that lies in the folder of a store (see `callreel.audio.folder`).

    Raises:
        OSError: a folder cannot be read.
    """
    for each in _entries(root):
        if each.name == "tmp" and _is_folder(each):
            yield from _on_their_way(root, each)
        elif each.name == "derived" and _is_folder(each):
            for tenant in _entries(Path(each.path)):
                yield from _of_tenant(root, tenant, Part.DERIVED)
        elif each.name not in _OURS:
            yield from _of_tenant(root, each, Part.AUDIO)


def still_there(root: Path, things: Sequence[Stored]) -> list[Stored]:
    """Return what of this is still there, as it is now.

    Raises:
        OSError: a folder cannot be read.
    """
    found = []
    for each in things:
        try:
            found.append(_as_it_is(each, (root / each.place).lstat()))
        except FileNotFoundError:
            continue
    return found


def digest_of(place: Path, read: Callable[[int], None]) -> str | None:
    """Return the SHA-256 of a file as hex, or None where it cannot be read to its end."""
    digest = hashlib.sha256()
    piece = bytearray(_PIECE)
    view = memoryview(piece)
    try:
        descriptor = os.open(place, READ)
        with io.FileIO(descriptor) as file:
            while count := file.readinto(piece):
                digest.update(view[:count])
                read(count)
    except OSError:
        return None
    return digest.hexdigest()


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except FileNotFoundError:  # removed since it was seen
        return


def _is_folder(each: os.DirEntry[str]) -> bool:
    return each.is_dir(follow_symlinks=False)


def _on_their_way(root: Path, folder: os.DirEntry[str]) -> Iterator[Stored]:
    for each in _entries(Path(folder.path)):
        yield from _stored(root, each, Part.ON_ITS_WAY, None)


def _of_tenant(root: Path, tenant: os.DirEntry[str], part: Part) -> Iterator[Stored]:
    if not (_TENANT.fullmatch(tenant.name) and _is_folder(tenant)):
        yield from _stored(root, tenant, _in_place_of_folder(tenant, _TENANT, part), None)
        return
    for folder in _entries(Path(tenant.path)):
        if not (_PREFIX.fullmatch(folder.name) and _is_folder(folder)):
            yield from _stored(root, folder, _in_place_of_folder(folder, _PREFIX, part), None)
            continue
        for each in _entries(Path(folder.path)):
            yield from _judged(root, each, part, int(tenant.name), folder.name)


def _in_place_of_folder(each: os.DirEntry[str], name: re.Pattern[str], part: Part) -> Part:
    """Return what something is that is not a folder of ours, though audio may be behind it."""
    hides_audio = part is Part.AUDIO and name.fullmatch(each.name) and each.is_symlink()
    return Part.LINK if hides_audio else Part.FOREIGN


def _judged(
    root: Path, each: os.DirEntry[str], part: Part, tenant: int, prefix: str
) -> Iterator[Stored]:
    match = _DIGEST.fullmatch(each.name)
    is_named_so = (
        match is not None
        and match[1].startswith(prefix)
        and (match[2] is not None) == (part is Part.DERIVED)
    )
    if match is None or not is_named_so:
        yield from _stored(root, each, Part.FOREIGN, None)
    else:
        yield from _stored(root, each, part, AudioKey(tenant, match[1]))


def _stored(
    root: Path, each: os.DirEntry[str], part: Part, key: AudioKey | None
) -> Iterator[Stored]:
    try:
        found = each.stat(follow_symlinks=False)
    except FileNotFoundError:  # removed since it was seen
        return
    yield _as_it_is(Stored(part, str(Path(each.path).relative_to(root)), key, 0, 0), found)


def _as_it_is(stored: Stored, found: os.stat_result) -> Stored:
    is_kind = stat.S_ISLNK if stored.part is Part.LINK else stat.S_ISREG
    part = stored.part if is_kind(found.st_mode) else Part.FOREIGN
    touched_at = max(found.st_mtime, found.st_ctime)
    return replace(stored, part=part, size=found.st_size, touched_at=touched_at)
