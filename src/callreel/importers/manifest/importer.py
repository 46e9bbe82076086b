"""The importer of this format; the package says what it is."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from callreel.errors import BadRecording, Misconfigured
from callreel.importers.audio_file import missing
from callreel.importers.items import Candidate, Fault, Item, Refusal, Row, RowUse, printable
from callreel.importers.manifest.line import MANIFEST, SUMS, Entry, entry_of
from callreel.importers.manifest.lines import MAX_LINE, lines_of
from callreel.importers.source import Source
from callreel.importers.streams import checked
from callreel.importers.tree import Found, Tree, every_file

NAME: Final = "manifest"
SIDECAR: Final = ".json"


class Manifest:
    """The importer."""

    def __init__(self, source: Source) -> None:
        """Open the folder and the manifest.

        Raises:
            Misconfigured: either cannot be read; a manifest must be there only where it is named.
        """
        self._settle = source.settle
        self._is_news = source.is_news
        self._is_whole = source.is_news is every_file  # a watch takes audio that comes later
        self._tree = Tree(source.root, source.is_news)
        self._named: set[int] = set()  # hashes: the paths of a million files would fill the memory
        self._path = self._tree.root / MANIFEST
        self._is_open = False  # whether lines may still be added
        self._is_needed = source.records is not None
        if source.records is not None:
            self._path = Path(source.records).resolve()
        with closing(self._manifest()):
            pass

    def count(self) -> int:
        """Return how many files there are."""
        return sum(1 for _ in self._tree.walk())

    def items(self) -> Iterator[Item]:
        """Yield what becomes of each line of the manifest with its audio, then of other files."""
        self._named = set()
        yield from self._of_manifest()
        told: set[str] = set()
        folder: tuple[str, ...] = ()
        for found in self._tree.walk():
            if isinstance(found, Refusal):
                yield found
                continue
            if found.parts[:-1] != folder:
                folder, told = found.parts[:-1], set()
            yield from self._of_file(found, told)

    # --- the manifest --------------------------------------------------------------------------

    def _of_manifest(self) -> Iterator[Item]:
        with closing(self._manifest()) as stream:
            info = os.fstat(stream.fileno())
            manifest = Found((self._path.name,), info.st_size, info.st_mtime)
            self._is_open = stat.S_ISREG(info.st_mode) and self._is_young(manifest)
            # One outside of the folder is spoken of each time.
            is_news = self._path.parent != self._tree.root or self._is_news(manifest)
            for number, text in lines_of(stream):
                yield from self._of_line(f"{manifest.where}:{number}", text, is_news)

    def _of_line(self, where: str, text: bytes | None, is_news: bool) -> Iterator[Item]:
        told = self._told(where, text)
        if isinstance(told, Refusal | Row):
            if is_news:
                yield told
            return
        found, entry = told
        if self._is_news(found) or is_news:
            yield Row(where, RowUse.JOINED)
            yield self._candidate(found, entry)

    def _told(self, where: str, text: bytes | None) -> Refusal | Row | tuple[Found, Entry]:
        """Return the audio that a line tells of, or what becomes of a line that tells of none."""
        try:
            entry = _entry_of(text)
            parts = _parts_of(entry.line.audio)
        except BadRecording as error:
            if self._is_open and text is not None and not text.endswith(b"\n"):
                reason = "The line may not be whole yet; the next import takes it."
                return Refusal(where, Fault.GROWING, reason, is_row=True)
            return Refusal(where, Fault.BAD_ROW, error.message)
        if parts is None:
            line = entry.line
            return Row(where, RowUse.UNRECORDED, entry.call, line.agent, line.queue, NAME)
        self._named.add(hash(parts))
        found = self._look(parts)
        if found is None:
            end = entry.call.hung_up_at if self._is_whole else None
            return missing(where, "The line names audio", end)
        return found, entry

    def _manifest(self) -> BinaryIO:
        """Open the manifest; where there is none and need not be, an empty one."""
        try:
            return self._path.open("rb")
        except FileNotFoundError as error:
            if not self._is_needed:
                return _nothing()
            raise Misconfigured("There is no such manifest.") from error
        except OSError as error:
            says = (error.strerror or "it failed").lower()
            raise Misconfigured(f"The manifest cannot be read: {says}.") from error

    # --- files beside ----------------------------------------------------------------------------

    def _of_file(self, found: Found, told: set[str]) -> Iterator[Item]:
        """Yield what becomes of a file, unless something else has told of it.

        Args:
            found: The file.
            told: The names of its folder's audio that was told of; added to.
        """
        if hash(found.parts) in self._named or self._is_about_all(found):
            return
        audio = found.name.removesuffix(SIDECAR)
        if audio != found.name:
            beside = self._look((*found.parts[:-1], audio))
            if beside is None:
                yield self._lone(found)
            elif audio not in told and hash(beside.parts) not in self._named:
                yield from self._of_pair(beside, found)
            return
        told.add(found.name)
        sidecar = self._look((*found.parts[:-1], found.name + SIDECAR))
        if sidecar is not None:
            yield from self._of_pair(found, sidecar)
        elif self._is_open or self._is_young(found):
            yield Refusal(found.where, Fault.GROWING, "Its line may follow; the next import sees.")
        else:
            reason = f"No line of a manifest names it, and no {SIDECAR} of its name lies beside it."
            yield Refusal(found.where, Fault.NO_CALL, reason)

    def _is_about_all(self, found: Found) -> bool:
        return found.parts == (SUMS,) or self._tree.path(found.parts) == self._path

    def _lone(self, sidecar: Found) -> Refusal:
        if self._is_young(sidecar):
            return Refusal(sidecar.where, Fault.GROWING, "Its audio may follow.", is_row=True)
        return missing(sidecar.where, "Its name tells of audio", self._end_of(sidecar))

    def _end_of(self, sidecar: Found) -> int | None:
        """Return when the call ended whose audio is not there, or None where none is waited for."""
        if not self._is_whole:
            return None
        try:
            return self._sidecar(sidecar).call.hung_up_at
        except BadRecording:
            return None

    def _of_pair(self, audio: Found, sidecar: Found) -> Iterator[Item]:
        if self._is_young(sidecar):
            reason = "The file that tells of it was written to a moment ago."
            yield Refusal(audio.where, Fault.GROWING, reason)
            yield Refusal(sidecar.where, Fault.GROWING, reason, is_row=True)
            return
        try:
            entry = self._sidecar(sidecar)
        except BadRecording as error:
            yield Refusal(sidecar.where, Fault.BAD_ROW, error.message)
            reason = f"The file that tells of it cannot be used ({sidecar.where}): {error.message}"
            yield Refusal(audio.where, Fault.BAD_CALL, reason)
            return
        yield Row(sidecar.where, RowUse.JOINED)
        yield self._candidate(audio, entry)

    def _sidecar(self, sidecar: Found) -> Entry:
        if sidecar.size > MAX_LINE:
            raise BadRecording(f"It is longer than {MAX_LINE} bytes.")
        with self._tree.open(sidecar.parts) as stream:
            try:
                entry = entry_of(stream.read(MAX_LINE))
            except OSError as error:
                raise BadRecording("It cannot be read to its end.") from error
        named = entry.line.audio
        if named is not None and named.removeprefix("./") != sidecar.name.removesuffix(SIDECAR):
            raise BadRecording("It names other audio than lies beside it.")
        return entry

    # --- both ------------------------------------------------------------------------------------

    def _candidate(self, found: Found, entry: Entry) -> Candidate | Refusal:
        if self._is_young(found):
            reason = "The file was written to a moment ago; the next import takes it."
            return Refusal(found.where, Fault.GROWING, reason)
        if found.size == 0:
            return Refusal(found.where, Fault.EMPTY, "The file is empty.")
        line = entry.line
        digest = None if line.sha256 is None else bytes.fromhex(line.sha256)
        return Candidate(
            where=found.where,
            call=entry.call,
            is_measured=entry.is_measured,
            native_id=line.dialog_id,
            native_time=entry.call.started_at,
            path=self._tree.path(found.parts) if digest is None else None,
            open=partial(_open, self._tree, found.parts, digest),
            size=found.size,
            original_name=line.original_name or printable(found.name),
            source=NAME,
            agent=line.agent,
            queue=line.queue,
            notes=entry.notes,
            id=line.id,
            sha256=None if digest is None else digest.hex(),
        )

    def _look(self, parts: tuple[str, ...]) -> Found | None:
        """Return the plain file of a path, or None where there is none."""
        try:
            with self._tree.open(parts) as stream:
                info = os.fstat(stream.fileno())
        except BadRecording:
            return None
        return Found(parts, info.st_size, info.st_mtime)

    def _is_young(self, found: Found) -> bool:
        return abs(time.time() - found.modified_at) < self._settle


def _open(tree: Tree, parts: tuple[str, ...], digest: bytes | None) -> BinaryIO:
    stream = tree.open(parts)
    return stream if digest is None else checked(stream, {"sha256": digest})


def _entry_of(text: bytes | None) -> Entry:
    if text is None:
        raise BadRecording(f"The line is longer than {MAX_LINE} bytes.")
    return entry_of(text)


def _parts_of(audio: str | None) -> tuple[str, ...] | None:
    if audio is None:
        return None
    parts = tuple(each for each in audio.split("/") if each != ".")
    if not parts or "\0" in audio or any(each in {"", ".."} for each in parts):
        raise BadRecording("The field audio is no path below the folder.")
    return parts


def _nothing() -> BinaryIO:
    return open(os.devnull, "rb")  # noqa: PTH123 - the caller closes it
