"""A bucket of an S3 server that backups are kept in.

An object gets its name when all of it is there, but before it could be read back. So the objects
that are on their way are named in one at `tmp/coming`; where a backup was cut short, the next one
reads these before it believes in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from callreel.archive.backups import Item
from callreel.archive.backups.destination import LOCK, MARKED, MARKER, Kept, claimed
from callreel.archive.backups.files import (
    LostError,
    clear,
    content_of,
    explained,
    is_content,
    is_left,
    only_one,
    read_items,
    reading,
    sha256_of,
)
from callreel.bucket import PART, Bucket
from callreel.errors import Misconfigured, NotFound, Unavailable

WHAT: Final = "The folder for what is on its way to the bucket"
COMING: Final = "tmp/coming"
PARALLEL: Final = 4


def clear_left_over(scratch: Path) -> None:
    """Drop what a backup that was killed left in its scratch folder, but not what one works on."""
    with suppress(OSError, Misconfigured):  # none was made there, or one runs, or is another user's
        if is_left(scratch):  # else no lock is taken, which a backup could find taken
            with only_one(scratch / LOCK, WHAT):
                clear(scratch)


class BucketDestination:
    """A bucket that backups are kept in, as `Destination` has it.

    S3 has no lock: the one in the scratch folder keeps two backups of one archive apart.
    """

    what = WHAT

    def __init__(self, bucket: Bucket, scratch: Path, reserve: int = 0) -> None:
        """Prepare.

        Args:
            bucket: Where to.
            scratch: A folder of our own on this machine, made as needed.
            reserve: Bytes of its disk that stay free.
        """
        self._bucket = bucket
        self.scratch = scratch
        self.reserve = reserve

    @contextmanager
    def writing(self, archive_id: str | None = None) -> Iterator[None]:
        """Mark a new bucket, and read what a backup that was cut short was sending."""
        with explained(WHAT):
            self.scratch.mkdir(mode=0o700, exist_ok=True)
        with only_one(self.scratch / LOCK, WHAT):
            with explained(WHAT):
                clear(self.scratch)
            self._mark(archive_id)
            self._prove()
            try:
                yield
            finally:
                with suppress(OSError):
                    clear(self.scratch)

    def walk(self, under: str) -> Iterator[Kept]:
        """Yield the objects, as the server lists them."""
        for each in self._bucket.objects(under):
            yield Kept(each.path, lambda size=each.size: size)  # type: ignore[misc]

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of an object."""
        try:
            yield from self._bucket.read(path)
        except NotFound as error:
            raise LostError from error

    def coming(self, items: Sequence[Item]) -> None:
        """Name them in an object of their own."""
        self._bucket.put(COMING, "".join(each.line for each in items).encode("ascii"))

    def put(self, source: Path, item: Item) -> int | None:
        """Send a file that is whole, and read it back."""
        try:
            size, content = content_of(source, item.sha256, at_most=PART)
            with reading():
                is_sent = self._is_sent(item, content)
        except LostError:
            return None
        return size if is_sent else None

    def take(self, made: Path, item: Item) -> None:
        """Send a file that was made for it."""
        if not self._is_sent(item, made, parallel=PARALLEL):
            raise Misconfigured(f"{WHAT} gives other bytes than were written; look at its disk.")
        made.unlink()

    def settle(self) -> None:
        """Forget what was on its way: it was read back."""
        self._bucket.remove([COMING])

    def remove(self, paths: Sequence[str]) -> None:
        """Remove objects."""
        self._bucket.remove(paths)

    def _is_sent(self, item: Item, content: bytes | Path, *, parallel: int = 1) -> bool:
        """Send what is whole and say whether it was so to the end, as a file may change."""
        self._bucket.put(item.path, content, parallel=parallel)
        if self._is_whole(item):
            return True
        self._bucket.remove([item.path])
        if isinstance(content, Path) and sha256_of(content) != item.sha256:
            return False
        raise Unavailable("What the S3 server gave back is not what it was sent; look into it.")

    def _is_whole(self, item: Item) -> bool:
        return is_content(self.read(item.path), item.sha256)

    def _mark(self, archive_id: str | None) -> None:
        """Make a new bucket, or an empty prefix in one, a place of backups of an archive.

        Raises:
            Misconfigured: there is something in it that we did not put there, or it is of another
                archive.
        """
        said = claimed(self._marker(), archive_id)
        if said is not None:
            self._bucket.put(MARKER, said)

    def _marker(self) -> bytes:
        with suppress(LostError):
            return b"".join(self.read(MARKER))  # one that somebody made may be empty
        if next(self._bucket.objects(), None) is not None:
            raise Misconfigured(
                f"There is something at the address already, and no object {MARKER} that says that "
                "it is for backups; take another prefix."
            )
        self._bucket.put(MARKER, MARKED)
        return MARKED

    def _prove(self) -> None:
        """Remove what came before it could be read back, and is not what it should be."""
        try:
            coming = list(read_items(self.read(COMING)))
        except LostError:
            return
        for each in coming:
            if not self._is_whole(each):
                self._bucket.remove([each.path])
        self.settle()
