"""Drafts of exports that go straight into a pipe."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, Self

from callreel.archive.exporting.outputs import BUFFER, FileOutput, written
from callreel.errors import Misconfigured
from callreel.model import Position


class PipeDraft:
    """A `Draft` that goes straight to a reader; use it as a context manager.

    Attributes:
        position, numbers, count: As `TargetDraft` has them.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.position: Position | None = None
        self.numbers: dict[str, int] = {}
        self.count = 0
        self.main = FileOutput(stream)
        self._sides: dict[str, FileOutput] = {}
        self._made: Path | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        with suppress(OSError):  # what was finished is on the disk; the rest was told of
            self._stack.close()

    def side(self, name: str) -> FileOutput:
        if name not in self._sides:
            with written():
                path = self._folder() / name
                self._sides[name] = FileOutput(self._stack.enter_context(path.open("wb", BUFFER)))
        return self._sides[name]

    def read_side(self, name: str) -> BinaryIO:
        stream = self.side(name).stream
        with written():
            stream.flush()
            return (self._folder() / name).open("rb")

    def add_file(self, name: str) -> FileOutput:
        raise Misconfigured(f"There is no folder to put {name} into.")

    def note(self, position: Position) -> None:
        self.position = position

    def finish(self) -> None:
        with written():
            self.main.stream.flush()

    def _folder(self) -> Path:
        if self._made is None:
            self._made = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        return self._made
