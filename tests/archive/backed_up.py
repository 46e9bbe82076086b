"""An archive and its backups, for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from callreel.api.wire import Bodies
from callreel.archive import delete
from callreel.archive.backups import Parts
from callreel.archive.backups.back_up import Made, back_up
from callreel.archive.backups.repository import Repository
from callreel.archive.backups.restore import Backup, Means, Restored, restore
from callreel.archive.subset import Subset
from callreel.audio import Inspection
from callreel.audio.worker import ChildSoundWorker
from callreel.catalog.snapshot import Snapshot
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import Call
from house import CALL, House, sound


def no_news() -> None:
    """Take no notice of how far it is."""


class Quick(ChildSoundWorker):
    """Measures nothing, as backups do not ask what a sound is like."""

    async def inspect(self, path: Path) -> Inspection:
        assert path.name
        return Inspection("audio/wav", 1, 50, b"{}")


@dataclass(slots=True)
class BackedUp:
    """An archive in a folder, its backups, and data folders that are restored of them.

    Attributes:
        root: Where the files of the backups are on the disk, in a folder or below an S3 server.
    """

    house: House
    data: Path
    repository: Repository
    root: Path
    sounds: dict[str, bytes] = field(default_factory=dict)
    _restored: int = 0

    @property
    def parts(self) -> Parts:
        return Parts(self.data / "callreel.db", self.data / "audio", self.data / "spool")

    @property
    def id(self) -> str | None:
        with Snapshot(self.parts.database) as snapshot:
            return snapshot.archive_id()

    @property
    def tmp(self) -> Path:
        return self.repository.destination.scratch

    def of(self, backup_id: str) -> Path:
        """Return the folder of one backup."""
        return self.root / "backups" / backup_id

    def rewrite(self, path: Path, content: bytes) -> None:
        """Write other bytes into a file of the backups, behind the back of who keeps them."""
        path.chmod(0o600)
        path.write_bytes(content)
        bucket, key = self.root.parent.parent, path.relative_to(self.root.parent.parent)
        (bucket / ".nanio-meta" / f"{key}.json").unlink(missing_ok=True)

    def add(self, tone: int, call: Call = CALL) -> str:
        """Take in a recording of which the audio is known by its tone, and return its id."""
        audio = sound(tone, 0.05)
        name = self.house.id_of(self.house.take_in(call, audio))
        self.sounds[name] = audio
        return name

    def delete(self, recording_id: str) -> None:
        self.house.do(delete.one, recording_id)

    def place(self, recording_id: str) -> Path:
        """Return the path of a recording's audio below a data folder or a folder of backups."""
        digest = hashlib.sha256(self.sounds[recording_id]).hexdigest()
        return Path("audio") / "1" / digest[:2] / digest

    def back_up(self, keep: int | None = None, check: Subset | None = None) -> Made:
        return back_up(self.parts, self.repository, no_news, keep=keep, check=check)

    def new_folder(self) -> Path:
        self._restored += 1
        made = self.data.parent / f"restored-{self._restored}"
        made.mkdir()
        return made

    def restore(
        self,
        backup_id: str | None = None,
        *,
        to: Path | None = None,
        partial: bool = False,
        tell: Callable[[], None] = no_news,
    ) -> tuple[Path, Restored]:
        """Restore a backup, the newest if none is named."""
        data = to or self.new_folder()
        found = Backup(self.repository, self.repository.find(backup_id))
        means = Means(SqliteCatalog, Bodies())
        return data, restore(found, data, means, tell, partial=partial)

    def held_by(self, backup_id: str | None = None) -> set[str]:
        """Restore a backup and return its recordings, the audio of each proven to be whole."""
        data, done = self.restore(backup_id)
        assert done.is_done
        assert done.missing == ()
        return whole_in(data)


def names(folder: Path) -> set[str]:
    """Return the names of what is in a folder."""
    return {each.name for each in folder.iterdir()}


def available_in(data: Path) -> set[str]:
    """Return the recordings of a data folder that are available."""
    with closing(apsw.Connection(str(data / "callreel.db"))) as database:
        found = database.execute("SELECT id FROM entry WHERE state = 'available'").fetchall()
    return {str(name) for (name,) in found}


def whole_in(data: Path) -> set[str]:
    """Return the recordings of a data folder, the audio of each proven to be whole."""
    with Snapshot(data / "callreel.db") as snapshot:
        found = list(snapshot.recordings())
    for tenant, _, digest in found:
        audio = (data / "audio" / str(tenant) / digest[:2] / digest).read_bytes()
        assert hashlib.sha256(audio).hexdigest() == digest
    return {name for _, name, _ in found}
