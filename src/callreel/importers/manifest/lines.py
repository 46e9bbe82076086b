"""The lines of a file, a bounded piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from callreel.errors import Misconfigured

MAX_LINE: Final = 1 << 17


def lines_of(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line that is not blank with its number, from 1; None in place of one too long.

    Raises:
        Misconfigured: the file can no longer be read.
    """
    number = 0
    try:
        while line := stream.readline(MAX_LINE + 1):
            number += 1
            is_whole = len(line) <= MAX_LINE or line.endswith(b"\n")
            while not line.endswith(b"\n") and (rest := stream.readline(MAX_LINE)):
                line = rest
            if not is_whole:
                yield number, None
            elif line.strip():
                yield number, line
    except OSError as error:
        raise Misconfigured("The manifest can no longer be read.") from error
