"""The files of a folder, found by what a table calls them.

A table was often written elsewhere: it may name a folder of another machine, leave folders out,
or know the file under the ending that it had before it was converted. So a name and a file agree
where one of the two paths is the end of the other, endings of audio left out; a name that fits
several files equally well fits none, as another call's audio is worse than none.
"""

from __future__ import annotations

from collections import defaultdict
from urllib.parse import unquote, urlsplit

from callreel.importers.audio_file import names_audio, split_extension

Parts = tuple[str, ...]


class Files:
    """The files at hand."""

    def __init__(self) -> None:
        self._by_stem: dict[str, list[Parts]] = defaultdict(list)
        self._all: set[Parts] = set()

    def add(self, parts: Parts) -> None:
        """Add a file: the folders below the root, then its name."""
        self._by_stem[_stem(parts[-1])].append(parts)
        self._all.add(parts)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, parts: Parts) -> bool:
        return parts in self._all

    def find(self, name: str, *, is_whole: bool) -> list[Parts]:
        """Return the file of a name: nothing where there is none, several where it is not clear.

        Args:
            name: A file's name, perhaps with folders, or an address on the web that ends in it.
            is_whole: Whether the file must lie in all of the folders of the name.
        """
        wanted = _parts(name)
        if not wanted:
            return []
        fit = [
            (found, min(len(found), len(wanted)))
            for found in self._by_stem.get(_stem(wanted[-1]), ())
            if _agree(found, wanted) and not (is_whole and len(found) < len(wanted))
        ]
        longest = max((length for _, length in fit), default=0)
        best = [found for found, length in fit if length == longest]
        exact = [found for found in best if found[-1] == wanted[-1]]
        return exact if len(exact) == 1 else best


def _parts(name: str) -> Parts:
    if "://" in name:
        try:
            path = unquote(urlsplit(name).path)
        except ValueError:
            return ()
        return tuple(each for each in path.split("/") if each)[-1:]
    parts = name.replace("\\", "/").split("/")
    return tuple(each for each in parts if each not in {"", "."})


def _agree(found: Parts, wanted: Parts) -> bool:
    folders = zip(reversed(found[:-1]), reversed(wanted[:-1]), strict=False)
    return all(mine.casefold() == named.casefold() for mine, named in folders)


def _stem(name: str) -> str:
    return (split_extension(name)[0] if names_audio(name) else name).casefold()
