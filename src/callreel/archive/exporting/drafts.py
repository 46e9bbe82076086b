"""Drafts of exports that lie beside their target until they are whole.

    TARGET.part             what becomes TARGET: a file, or a folder of files
    TARGET.part.<name>      what a format keeps beside it, such as the index of a ZIP
    TARGET.part.state       up to where all of these are on the disk, to go on from there
    TARGET.part.lock        held by whoever writes, so that no two mix their exports

The state is written every few seconds, after what it tells of was brought to the disk. Who goes on
cuts every file back to what the state says, so an export that was cut short at any point goes on
as if it had stopped there.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from callreel.archive.exporting.outputs import BUFFER, FileOutput, written
from callreel.disk import sync_folder
from callreel.errors import Misconfigured
from callreel.model import Position

STATE_SECONDS: Final = 3.0
MAIN: Final = ""
STATE: Final = "state"
LOCK: Final = "lock"


class TargetDraft:
    """A `Draft` of a file or a folder; use it as a context manager.

    What was written stays where the work is cut short, for another draft to go on with.

    Attributes:
        position, numbers: As `Draft` has them.
        count: How many records were written, those of earlier tries too.
    """

    def __init__(self, target: Path, mark: str, *, is_folder: bool, resume: bool) -> None:
        """Begin, or go on where there is something to go on with.

        Args:
            target: The finished export.
            mark: Tells this export from others; only with the same one can it go on.
            is_folder: Whether it is a folder of files.
            resume: Whether to go on.

        Raises:
            Misconfigured: the target cannot be written, or the draft there is of another export.
        """
        self.position: Position | None = None
        self.numbers: dict[str, int] = {}
        self.count = 0
        self._target = target
        self._mark = mark
        self._is_folder = is_folder
        self._sizes: dict[str, int] = {}
        self._outputs: dict[str, FileOutput] = {}
        self._file: FileOutput | None = None
        self._noted_at = time.monotonic()
        self._stack = ExitStack()
        self._require_free()
        try:
            self._lock()
            with written():
                self._begin(resume=resume)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        with suppress(OSError):  # what was finished is on the disk; the rest was told of
            self._stack.close()

    @property
    def main(self) -> FileOutput:
        return self._output(MAIN)

    def side(self, name: str) -> FileOutput:
        return self._output(name)

    def read_side(self, name: str) -> BinaryIO:
        output = self._output(name)
        with written():
            output.stream.flush()
            return self._path(name).open("rb")

    def add_file(self, name: str) -> FileOutput:
        self._end_file()
        path = self._path(MAIN) / name
        with written():
            path.parent.mkdir(exist_ok=True)
            self._file = FileOutput(path.open("wb", BUFFER))
        return self._file

    def note(self, position: Position) -> None:
        self.position = position
        if time.monotonic() - self._noted_at >= STATE_SECONDS:
            self._note()

    def finish(self) -> None:
        self._end_file()
        for output in self._outputs.values():
            output.sync()
        with written():
            if self._is_folder:
                for folder, _, _ in os.walk(self._path(MAIN)):
                    sync_folder(Path(folder))
            self._require_free()
            self._path(MAIN).rename(self._target)
            sync_folder(self._target.parent)
            for name in [*self._outputs, STATE, LOCK]:
                if name != MAIN:
                    self._path(name).unlink(missing_ok=True)

    def _lock(self) -> None:
        path = self._path(LOCK)
        with written():
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            lock = self._stack.enter_context(os.fdopen(descriptor, "wb"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor))
        except BlockingIOError:
            is_ours = False
        if not is_ours:
            raise Misconfigured("Another export is writing to this name; wait for it.")

    def _begin(self, *, resume: bool) -> None:
        found = self._path(STATE)
        if resume and found.exists() and self._path(MAIN).exists():
            self._go_on(found)
            return
        self._drop()
        if self._is_folder:
            self._path(MAIN).mkdir(mode=0o700)
        else:
            self._output(MAIN)

    def _go_on(self, found: Path) -> None:
        state: dict[str, Any] = json.loads(found.read_bytes())
        if state["mark"] != self._mark:
            raise Misconfigured(
                "The unfinished export there asks for something else; leave out --resume to begin "
                "anew, or ask as before."
            )
        self.position = tuple(state["position"])
        self.numbers = state["numbers"]
        self.count = state["count"]
        self._sizes = state["sizes"]
        for name in self._sizes:
            self._output(name)

    def _drop(self) -> None:
        main = self._path(MAIN)
        for path in main.parent.glob(f"{_escaped(main.name)}.*"):
            if path != self._path(LOCK):
                path.unlink()
        if main.is_dir() and not main.is_symlink():
            shutil.rmtree(main)
        else:
            main.unlink(missing_ok=True)

    def _require_free(self) -> None:
        if self._target.is_dir() or (self._is_folder and self._target.exists()):
            raise Misconfigured("There is a folder or file of this name; choose another name.")

    def _output(self, name: str) -> FileOutput:
        if name not in self._outputs:
            self._outputs[name] = self._opened(name, self._sizes.get(name, 0))
        return self._outputs[name]

    def _opened(self, name: str, size: int) -> FileOutput:
        with written():
            descriptor = os.open(self._path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stream = self._stack.enter_context(os.fdopen(descriptor, "r+b", BUFFER))
            if os.fstat(descriptor).st_size < size:
                raise Misconfigured("The unfinished export was changed; leave out --resume.")
            stream.truncate(size)
            stream.seek(size)
        return FileOutput(stream, size)

    def _end_file(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.sync()
            file.stream.close()

    def _note(self) -> None:
        """Bring all to the disk, and then that it is there."""
        self._end_file()
        for output in self._outputs.values():
            output.sync()
        state = {
            "mark": self._mark,
            "position": self.position,
            "numbers": self.numbers,
            "count": self.count,
            "sizes": {name: output.size for name, output in self._outputs.items()},
        }
        fresh = self._path("state.new")
        with written():
            with fresh.open("wb") as file:
                file.write(json.dumps(state).encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path(STATE))
        self._noted_at = time.monotonic()

    def _path(self, name: str) -> Path:
        return self._target.with_name(self._target.name + ".part" + (name and f".{name}"))


def _escaped(name: str) -> str:
    return "".join(f"[{each}]" if each in "*?[" else each for each in name)
