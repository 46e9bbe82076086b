"""A folder of files from outside: walked and read without ever leaving it.

Symbolic links are never followed, at any level, not even where one takes a folder's place
between looking and opening: every step down is opened relative to the folder above it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from callreel.errors import BadRecording, Misconfigured
from callreel.importers.items import Fault, Refusal, printable

MAX_DEPTH: Final = 16
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO must not keep us waiting


@dataclass(frozen=True, slots=True)
class Found:
    """A plain file.

    Attributes:
        parts: The folders below the root, then its name.
        size: Bytes.
        modified_at: Seconds UTC.
    """

    parts: tuple[str, ...]
    size: int
    modified_at: float

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def where(self) -> str:
        return printable("/".join(self.parts))


def every_file(_found: Found) -> bool:
    """Say that a file is to be spoken of."""
    return True


class Tree:
    """All plain files below one folder."""

    def __init__(self, root: Path, is_news: Callable[[Found], bool] = every_file) -> None:
        """Take a folder.

        Args:
            root: The folder.
            is_news: Which of its plain files to speak of.

        Raises:
            Misconfigured: there is no such folder, or it cannot be read.
        """
        try:
            self.root = root.resolve(strict=True)
            self._is_news = is_news
            os.close(os.open(self.root, _FOLDER))
        except OSError as error:
            raise Misconfigured(
                f"The folder to import from cannot be opened: {_says(error)}."
            ) from error

    def walk(self) -> Iterator[Found | Refusal]:
        """Yield every file, folder by folder in the order of names, and what is none."""
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            folder = waiting.pop()
            try:
                entries = self._entries(folder)
            except OSError as error:
                yield _refusal(folder, Fault.UNREADABLE, f"The folder vanished or {_cannot(error)}")
                continue
            below = []
            for name, info in entries:
                parts = (*folder, name)
                if stat.S_ISDIR(info.st_mode) and len(parts) <= MAX_DEPTH:
                    below.append(parts)
                elif (seen := self._seen(parts, info)) is not None:
                    yield seen
            waiting.extend(reversed(below))

    def _seen(self, parts: tuple[str, ...], info: os.stat_result) -> Found | Refusal | None:
        seen = _seen(parts, info)
        return None if isinstance(seen, Found) and not self._is_news(seen) else seen

    def open(self, parts: tuple[str, ...]) -> BinaryIO:
        """Open a file for reading.

        Raises:
            BadRecording: it is gone, cannot be read, or is not a plain file below the root.
        """
        try:
            folder = self._folder(parts[:-1])
            try:
                descriptor = os.open(parts[-1], _FILE, dir_fd=folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise BadRecording(f"The file vanished or {_cannot(error)}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadRecording("This is not a plain file.")
        return os.fdopen(descriptor, "rb", buffering=0)

    def path(self, parts: tuple[str, ...]) -> Path:
        """Return a file's path."""
        return self.root.joinpath(*parts)

    def _entries(self, folder: tuple[str, ...]) -> list[tuple[str, os.stat_result]]:
        descriptor = self._folder(folder)
        try:
            with os.scandir(descriptor) as found:
                names = sorted(each.name for each in found)
            return [(name, info) for name in names if (info := _look(name, descriptor))]
        finally:
            os.close(descriptor)

    def _folder(self, parts: tuple[str, ...]) -> int:
        descriptor = os.open(self.root, _FOLDER)
        for part in parts:
            try:
                below = os.open(part, _FOLDER, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor


def _look(name: str, folder: int) -> os.stat_result | None:
    """Return what a name stands for, or None where it is gone: then there is nothing to say."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _seen(parts: tuple[str, ...], info: os.stat_result) -> Found | Refusal:
    mode = info.st_mode
    if stat.S_ISREG(mode):
        return Found(parts, info.st_size, info.st_mtime)
    if stat.S_ISLNK(mode):
        return _refusal(parts, Fault.NOT_PLAIN, "A symbolic link is not followed.")
    if stat.S_ISDIR(mode):
        reason = f"Folders nested deeper than {MAX_DEPTH} are not looked into."
        return _refusal(parts, Fault.NOT_PLAIN, reason)
    return _refusal(parts, Fault.NOT_PLAIN, "This is not a plain file.")


def _refusal(parts: tuple[str, ...], fault: Fault, reason: str) -> Refusal:
    return Refusal(printable("/".join(parts)) or ".", fault, reason)


def _cannot(error: OSError) -> str:
    if error.errno in {errno.ELOOP, errno.ENOTDIR}:
        return "a symbolic link stands in its place, which is not followed."
    return f"cannot be read: {_says(error)}."


def _says(error: OSError) -> str:
    return (error.strerror or "it failed").lower()
