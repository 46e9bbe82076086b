"""Where call detail records lie: a folder tree of files, one a channel, or one such file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callreel.errors import BadRecording, Misconfigured
from callreel.importers.freeswitch.record import MAX_RECORD, Record, read_record
from callreel.importers.items import Fault, Refusal, printable
from callreel.importers.tree import Found, Tree

_NAME: Final = re.compile(r"(?:a_)?(?P<uuid>.+?)(?:\.cdr)?\.(?:json|xml)", re.DOTALL)


def uuid_of(name: str) -> str | None:
    """Return the channel that a file is named by, or None where it is no record by its name.

    `mod_json_cdr` and `mod_xml_cdr` name it `[a_]<uuid>.cdr.json` or `.xml`; FusionPBX keeps
    them as `<uuid>.json` and `.xml`.
    """
    match = _NAME.fullmatch(name)
    return None if match is None else match["uuid"]


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file that is a record by its name.

    Attributes:
        found: The file; its place begins with the name of the folder of records.
        uuid: The channel that it is named by.
    """

    found: Found
    uuid: str
    _tree: Tree

    @property
    def where(self) -> str:
        return self.found.where

    def read(self) -> Record:
        """Return the record.

        Raises:
            ValueError: it is none, or too large; the message is for the user.
        """
        try:
            with self._tree.open(self.found.parts[1:]) as file:
                content = bytearray()
                while len(content) <= MAX_RECORD and (chunk := file.read(MAX_RECORD + 1)):
                    content += chunk
        except BadRecording as error:
            raise ValueError(error.message) from error
        except OSError as error:
            raise ValueError("The file cannot be read to its end.") from error
        if len(content) > MAX_RECORD:
            raise ValueError(f"It has more than {MAX_RECORD} bytes.")
        return read_record(bytes(content))


@dataclass(frozen=True, slots=True)
class Stranger:
    """A file among the records that is none by its name."""

    found: Found
    path: Path

    @property
    def refusal(self) -> Refusal:
        """What is to be said of it."""
        reason = "Its name does not end in .cdr.json or .cdr.xml, as FreeSWITCH names call records."
        return Refusal(self.found.where, Fault.BAD_ROW, reason)


class RecordFiles:
    """Every file of records, and what lies between them."""

    def __init__(self, path: Path) -> None:
        """Take a folder, or one file.

        Raises:
            Misconfigured: there is neither, or it cannot be read.
        """
        try:
            path = path.resolve(strict=True)
            self._only = None if path.is_dir() else path.name
        except OSError as error:
            raise _unreadable(error) from error
        self._root = path if self._only is None else path.parent
        self._tree = Tree(self._root)

    def walk(self) -> Iterator[RecordFile | Stranger | Refusal]:
        """Yield each record, each other file and what is no file."""
        for found in self._tree.walk():
            if isinstance(found, Refusal):
                if self._only is None:
                    yield Refusal(self._where(found.where), found.fault, found.reason, is_row=True)
            elif self._only is None or found.parts == (self._only,):
                yield self._seen(found)

    def has_news(self, is_news: Callable[[Found], bool]) -> bool:
        """Say whether there is something to look at."""
        return any(isinstance(each, Refusal) or is_news(each.found) for each in self.walk())

    def speaks_of(self, path: Path) -> bool:
        """Say whether a file is a record among these."""
        if self._only is not None:
            return path == self._root / self._only
        return path.is_relative_to(self._root) and uuid_of(path.name) is not None

    def _seen(self, found: Found) -> RecordFile | Stranger:
        placed = Found((self._root.name, *found.parts), found.size, found.modified_at)
        uuid = uuid_of(found.name)
        if uuid is None:
            return Stranger(placed, self._tree.path(found.parts))
        return RecordFile(placed, uuid, self._tree)

    def _where(self, below: str) -> str:
        return printable(os.fspath(self._root.name)) + "/" + below


def _unreadable(error: OSError) -> Misconfigured:
    says = (error.strerror or "it failed").lower()
    return Misconfigured(f"The call records cannot be read: {says}; check --cdr.")
