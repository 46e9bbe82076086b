"""The database as it stood at one moment: what it held, and a copy of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import apsw

from callreel.catalog.sqlite_writer import BUSY_MS
from callreel.disk import NO_ROOM, sync_file, sync_folder
from callreel.errors import Misconfigured, StorageFull, Unavailable

PAGES_AT_ONCE: Final = 4_096
_TOO_LITTLE: Final = "There is no room for a copy of the database; make some."


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a database holds.

    Attributes:
        step: The last step of the schema that was applied.
        tenants: How many tenants.
        recordings: How many recordings, whatever their state.
    """

    step: int
    tenants: int
    recordings: int


class Snapshot:
    """A database as it stands when this is made; others write on, and nothing of it is seen here.

    Use it as a context manager, and not for longer than needed: while it lasts, SQLite's log cannot
    begin anew and grows by what is written.

    Raises (any method):
        Unavailable: the database cannot be read.
    """

    def __init__(self, path: Path) -> None:
        """Open a database and stay at this moment.

        Raises:
            Unavailable: there is none, or it cannot be read.
            Misconfigured: it is empty or of another program.
        """
        try:
            self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            self._connection.set_busy_timeout(BUSY_MS)
            self._connection.execute("BEGIN")
            is_ours = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration'"
            found = self._connection.execute(is_ours).get  # what is read first begins the moment
        except apsw.Error as error:
            raise _unreadable(error) from error
        if found is None:
            self._connection.close()
            raise Misconfigured(
                "The database is empty or not of this program; restore a backup into a new folder."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._connection.close(force=True)
        if isinstance(error, apsw.Error):
            raise _unreadable(error) from error

    def held(self) -> Held:
        """Return what there is."""
        ask = self._connection.execute
        return Held(
            step=ask("SELECT coalesce(max(number), 0) FROM migration").get,
            tenants=ask("SELECT count(*) FROM tenant").get,
            recordings=ask("SELECT count(*) FROM entry").get,
        )

    def archive_id(self) -> str | None:
        """Return what tells the archive from every other, or None at a step without it."""
        ask = self._connection.execute
        if ask("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'archive'").get is None:
            return None
        return str(ask("SELECT id FROM archive").get)

    def size(self) -> int:
        """Return how many bytes a copy of it has."""
        ask = self._connection.execute
        return int(ask("PRAGMA page_count").get) * int(ask("PRAGMA page_size").get)

    def audio(self) -> Iterator[tuple[int, str]]:
        """Yield tenant and digest of all audio that recordings have, each once.

        They come in the order of their paths: by tenant as text, then by digest. What is being
        deleted may have lost its audio already, so it is left out. What is known to miss it is not:
        a backup may have the last copy.
        """
        for tenant, digest in self._connection.execute(
            "SELECT DISTINCT CAST(tenant AS TEXT) AS named, digest FROM entry "
            "WHERE state <> 'deleting' ORDER BY named, digest"
        ):
            yield int(tenant), digest.hex()

    def marked(self) -> Iterator[tuple[int, str]]:
        """Yield tenant and digest of the audio of each recording that is known to miss it."""
        for tenant, digest in self._connection.execute(
            "SELECT tenant, digest FROM entry WHERE state = 'missing_audio'"
        ):
            yield int(tenant), digest.hex()

    def recordings(self) -> Iterator[tuple[int, str, str]]:
        """Yield tenant, id and digest of the audio of each recording that is not being deleted."""
        for tenant, recording_id, digest in self._connection.execute(
            "SELECT tenant, id, digest FROM entry WHERE state <> 'deleting'"
        ):
            yield int(tenant), str(recording_id), digest.hex()

    def copy_to(self, target: Path) -> None:
        """Write the database into a file; when this returns, all of it is on stable storage.

        It is written beside and gets its name at the end, in place of what had it before.

        Raises:
            StorageFull: there is no room for it.
            Unavailable: it cannot be read or written.
        """
        half = target.with_name(f"{target.name}.new")
        try:
            half.unlink(missing_ok=True)
            self._write(half)
            sync_file(half)
            half.replace(target)
            sync_folder(target.parent)
        except apsw.FullError as error:
            raise StorageFull(_TOO_LITTLE) from error
        except apsw.Error as error:
            raise _unreadable(error) from error
        except OSError as error:
            if error.errno in NO_ROOM:
                raise StorageFull(_TOO_LITTLE) from error
            raise Unavailable("The copy of the database cannot be written.") from error
        finally:
            with suppress(OSError):
                half.unlink(missing_ok=True)

    def _write(self, path: Path) -> None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with closing(apsw.Connection(str(path))) as copy:
            copy.execute("PRAGMA journal_mode=OFF")  # it is synced as a whole, or thrown away
            copy.execute("PRAGMA synchronous=OFF")
            with copy.backup("main", self._connection, "main") as work:
                while not work.done:
                    work.step(PAGES_AT_ONCE)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, that can be read where it lies


def is_sound(path: Path) -> bool:
    """Say whether SQLite finds nothing wrong with a copy, which nobody may write to meanwhile."""
    try:
        address = f"{path.absolute().as_uri()}?immutable=1"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        with closing(apsw.Connection(address, flags=flags)) as copy:
            return bool(copy.execute("PRAGMA integrity_check").get == "ok")
    except apsw.Error:
        return False


def _unreadable(error: apsw.Error) -> Unavailable:
    return Unavailable(f"The database cannot be read or copied: {error}.", retry_after=5)
