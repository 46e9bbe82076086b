"""Files that only ever grow, for drafts of exports."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from callreel.disk import NO_ROOM
from callreel.errors import Misconfigured, StorageFull

BUFFER: Final = 1 << 18


class FileOutput:
    """An `Output` in a stream; the caller closes it.

    Args:
        stream: Where the bytes go.
        size: How many it has already; it stands behind them.
    """

    def __init__(self, stream: BinaryIO, size: int = 0) -> None:
        self.stream = stream
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def write(self, piece: bytes) -> None:
        with written():
            self.stream.write(piece)
        self._size += len(piece)

    def sync(self) -> None:
        """Bring everything to stable storage; raises as `write`."""
        with written():
            self.stream.flush()
            os.fsync(self.stream.fileno())


@contextmanager
def written() -> Iterator[None]:
    """Say in our words why an export cannot be written; a reader who left is another matter."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull("There is no room for the export; make some or go elsewhere.") from (
                error
            )
        why = (error.strerror or "it failed").lower()
        raise Misconfigured(f"The export cannot be written: {why}.") from error
