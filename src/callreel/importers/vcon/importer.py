"""The importer of this format; the package says what it is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final

from callreel.errors import BadRecording
from callreel.importers.audio_file import names_audio
from callreel.importers.items import Fault, Item, Refusal
from callreel.importers.source import Source
from callreel.importers.tree import Found, Tree
from callreel.importers.vcon.audio import Surroundings
from callreel.importers.vcon.container import LARGEST, open_container
from callreel.importers.vcon.conversation import Conversation, conversation_of
from callreel.importers.vcon.dialogs import Place, items_of
from callreel.importers.vcon.fetch import Fetcher

EXTENSIONS: Final = (".vcon", ".json")


@dataclass(slots=True)
class _Folder:
    """What is known of a folder while its files are gone through.

    Attributes:
        path: Its path below the root.
        others: Its files that are no vCons by their names.
        named: The names of files that a vCon of it tells of.
        is_open: Whether a vCon of it was left for later.
    """

    path: tuple[str, ...] | None = None
    others: list[Found] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    is_open: bool = False


class Vcon:
    """The importer."""

    def __init__(self, source: Source) -> None:
        """Open the folder.

        Raises:
            Misconfigured: it cannot be read.
        """
        self._zone = source.zone
        self._settle = source.settle
        self._tree = Tree(source.root, source.is_news)
        self._fetcher = Fetcher() if source.fetch else None

    def count(self) -> int:
        """Return how many files there are."""
        return sum(1 for _ in self._tree.walk())

    def items(self) -> Iterator[Item]:
        """Yield what becomes of each dialog of each vCon, and of each file that is none."""
        folder = _Folder()
        for found in self._tree.walk():
            if isinstance(found, Refusal):
                yield found
                continue
            if found.parts[:-1] != folder.path:
                yield from self._others(folder)
                folder = _Folder(found.parts[:-1])
            if found.name.lower().endswith(EXTENSIONS):
                yield from self._of_file(found, folder)
            else:
                folder.others.append(found)
        yield from self._others(folder)

    def _of_file(self, found: Found, folder: _Folder) -> Iterator[Item]:
        refusal = self._refusal_by_look(found)
        if refusal is not None:
            folder.is_open |= refusal.fault is Fault.GROWING
            yield refusal
            return
        opener = partial(self._tree.open, found.parts)
        try:
            opener().close()
        except BadRecording as error:
            yield Refusal(found.where, Fault.UNREADABLE, error.message)
            return
        try:
            container = open_container(opener)
            conversation = conversation_of(container.vcon)
        except BadRecording as error:
            yield Refusal(found.where, Fault.BROKEN, error.message)
            return
        around = Surroundings(container, partial(self._open_beside, found), self._fetcher)
        yield from self._of_vcon(found, folder, conversation, around)

    def _of_vcon(
        self, found: Found, folder: _Folder, conversation: Conversation, around: Surroundings
    ) -> Iterator[Item]:
        folder.named |= conversation.named
        if any(self._is_growing(found, name) for name in sorted(conversation.named)):
            reason = "A file that the vCon names was written to a moment ago."
            yield Refusal(found.where, Fault.GROWING, reason)
            return
        yield from items_of(Place(found.where, found.name, self._zone), conversation, around)

    def _others(self, folder: _Folder) -> Iterator[Item]:
        for found in folder.others:
            if found.name in folder.named:
                continue  # the dialog that names it has an item
            if folder.is_open or self._is_young(found.modified_at):
                reason = "A vCon may still tell of it; the next import sees."
                yield Refusal(found.where, Fault.GROWING, reason)
            else:
                reason = "By its name this is no vCon, and no vCon beside it names it."
                fault = Fault.NO_CALL if names_audio(found.name) else Fault.NOT_AUDIO
                yield Refusal(found.where, fault, reason)

    def _refusal_by_look(self, found: Found) -> Refusal | None:
        if self._is_young(found.modified_at):
            reason = "The file was written to a moment ago; the next import takes it."
            return Refusal(found.where, Fault.GROWING, reason)
        if found.size == 0:
            return Refusal(found.where, Fault.EMPTY, "The file is empty.")
        if found.size > LARGEST:
            reason = f"A vCon file may have {LARGEST >> 20} MiB at most."
            return Refusal(found.where, Fault.BROKEN, reason)
        return None

    def _open_beside(self, found: Found, name: str) -> BinaryIO:
        return self._tree.open((*found.parts[:-1], name))

    def _is_growing(self, found: Found, name: str) -> bool:
        try:
            with self._open_beside(found, name) as stream:
                return self._is_young(os.fstat(stream.fileno()).st_mtime)
        except BadRecording:
            return False

    def _is_young(self, modified_at: float) -> bool:
        return abs(time.time() - modified_at) < self._settle
