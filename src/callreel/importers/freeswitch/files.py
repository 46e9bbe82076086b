"""The files that are there, found again by the paths that records tell of them.

A record has the path on the system that recorded; the folder that is imported may be a copy of a
part of it, or have more above. So a file is meant where its path below that folder and the path
of the record are alike as far as both go. A name with a UUID in it is meant wherever it lies,
since no two calls share one. A recording may have been converted, so its ending may differ.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from callreel.importers.audio_file import names_audio, split_extension
from callreel.importers.freeswitch.paths import Path

_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class Ambiguous(Exception):  # noqa: N818 - it is an answer: there are several
    """Several files could be meant."""


class Files:
    """The files of audio below a folder, by their names."""

    def __init__(self) -> None:
        self._by_stem: dict[str, list[Path]] = defaultdict(list)

    def add(self, parts: Path) -> None:
        """Add a file, if it is one of audio by its name."""
        if names_audio(parts[-1]):
            self._by_stem[stem_of(parts[-1])].append(parts)

    def has(self, parts: Path) -> bool:
        """Say whether a file was added."""
        return parts in self._by_stem.get(stem_of(parts[-1]), ())

    def find(self, path: Path) -> Path | None:
        """Return the file that a record's path means.

        Raises:
            Ambiguous: there are several.
        """
        stem = stem_of(path[-1])
        named = self._by_stem.get(stem, [])
        fitting = [parts for parts in named if _is_alike(parts, path)]
        if not fitting and _UUID.search(stem):
            fitting = named
        same_name = [parts for parts in fitting if parts[-1] == path[-1]]
        return _only(same_name or fitting, path)

    def find_by_uuid(self, uuid: str) -> Path | None:
        """Return the file that is named by a channel and nothing else.

        Raises:
            Ambiguous: there are several.
        """
        if not _UUID.fullmatch(uuid):
            return None
        return _only(self._by_stem.get(uuid, []), ())


def stem_of(name: str) -> str:
    """Return a name without the ending of a file of audio."""
    return split_extension(name)[0] if names_audio(name) else name


def has_uuid(name: str) -> bool:
    """Say whether a name can be no other recording's."""
    return _UUID.search(name) is not None


def _only(found: list[Path], path: Path) -> Path | None:
    if not found:
        return None
    longest = max(_in_common(parts, path) for parts in found)
    best = [parts for parts in found if _in_common(parts, path) == longest]
    if len(best) > 1:
        raise Ambiguous
    return best[0]


def _is_alike(parts: Path, path: Path) -> bool:
    return _in_common(parts, path) == min(len(parts), len(path)) - 1


def _in_common(parts: Path, path: Path) -> int:
    """Return how many folders are the same, counted from the files upwards."""
    count = 0
    for one, other in zip(reversed(parts[:-1]), reversed(path[:-1]), strict=False):
        if one != other:
            break
        count += 1
    return count
