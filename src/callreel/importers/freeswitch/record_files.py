"""Where call detail records lie: a folder tree of files, one a channel, or one such file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callreel.errors import BadRecording, Misconfigured
from callreel.importers.freeswitch.record import MAX_RECORD, Record, read_record
from callreel.importers.items import Refusal, printable
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


class RecordFiles:
    """Every file of records, and what lies between them.

    Attributes:
        root: The folder that they lie in.
    """

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
        self.root = path if self._only is None else path.parent
        self._tree = Tree(self.root)

    def walk(self) -> Iterator[RecordFile | Found | Refusal]:
        """Yield each record, each other file and what is no file."""
        for found in self._tree.walk():
            if isinstance(found, Refusal):
                if self._only is None:
                    yield Refusal(self._where(found.where), found.fault, found.reason, is_row=True)
            elif self._only is None or found.parts == (self._only,):
                yield self._seen(found)

    def _seen(self, found: Found) -> RecordFile | Found:
        placed = Found((self.root.name, *found.parts), found.size, found.modified_at)
        uuid = uuid_of(found.name)
        return placed if uuid is None else RecordFile(placed, uuid, self._tree)

    def _where(self, below: str) -> str:
        return printable(os.fspath(self.root.name)) + "/" + below


def _unreadable(error: OSError) -> Misconfigured:
    says = (error.strerror or "it failed").lower()
    return Misconfigured(f"The call records cannot be read: {says}; check --cdr.")
