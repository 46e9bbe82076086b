"""`callreel backup` and `callreel restore`: the archive in another place, and back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from callreel.archive import noted
from callreel.archive.backups import Parts
from callreel.archive.backups.back_up import Made, back_up
from callreel.archive.backups.restore import Backup, Restored
from callreel.archive.backups.restore import restore as verb
from callreel.archive.noted import LastBackup
from callreel.archive.subset import subset_of
from callreel.catalog.snapshot import Snapshot
from callreel.cli.output import INTERRUPTED, counting, moment, note, print_json
from callreel.settings import read_settings
from callreel.wiring import (
    LAST_BACKUP,
    means_of_restoring,
    parts_of,
    repository_at,
    sole_server,
)

LEFT_OUT: Final = 3
NOT_PRUNED: Final = 4
Kept = Annotated[int, Parameter(validator=Number(gte=1, lte=100_000))]


def backup(
    dest: str,
    /,
    *,
    keep: Kept | None = None,
    check: str | None = None,
    json: bool = False,
) -> int:
    """Make a backup of the archive, also while a server runs, and check what is new in it.

    DEST holds many backups, which share the audio: what is there already is not copied again, and
    only its length is compared. One that was cut short is finished by running it again, and those
    before stay whole.

    Exit code: 0 the backup holds everything, 3 it does but for audio that is lost or damaged in the
    archive itself, 4 it holds everything, but older ones could not be thrown away, 1 there is no
    new backup.

    Args:
        dest: A folder that is new, empty or has backups, best on another disk, or an address in
            object storage such as s3://bucket/prefix; for one archive only.
        keep: Throw all but so many of the newest backups away, and the audio that no other has.
        check: Read part of the files that are there already, too, and copy anew what is damaged:
            `3/30` the third of thirty slices, so that one a night reads all in a month; `10%` or
            `20G` a share or an amount taken at random; `100%` all.
        json: Print one object.
    """
    chosen = None if check is None else subset_of(check)
    settings = read_settings()
    parts = parts_of(settings)
    repository = repository_at(dest, settings.data, settings)
    try:
        with counting("Backing up", lambda: _recordings_in(parts)) as advance:
            made = back_up(parts, repository, advance, keep=keep, check=chosen)
    except KeyboardInterrupt:
        note("callreel: interrupted; run it again to finish, what was copied stays.")
        return INTERRUPTED
    done = LastBackup(made.manifest.id, made.manifest.taken_at)
    with suppress(OSError):  # the backup is there, and that is what counts
        noted.note(settings.data / LAST_BACKUP, done)
    _tell_made(made, as_json=json)
    if made.manifest.without_audio:
        return LEFT_OUT
    return NOT_PRUNED if made.not_pruned else 0


def restore(
    dest: str,
    /,
    *,
    to: Path,
    backup: str | None = None,
    partial: bool = False,
    json: bool = False,
) -> int:
    """Restore a backup into a new or empty data folder, whole or not at all.

    Every file is compared with its digest. Keys work again as they did; recordings that were
    deleted after the backup are there again.

    Exit code: 0 all of it is restored, 3 all but what is missing in the backup (with --partial) or
    was missing in the archive already, 1 nothing is.

    Args:
        dest: The folder of backups, or their address.
        to: The data folder.
        backup: Which backup, by its id; the newest if left out.
        partial: Restore what is there where something is missing in the backup. Recordings without
            their audio are then not listed and cannot be played.
        json: Print one object.
    """
    repository = repository_at(dest, to, read_settings())
    found = Backup(repository, repository.find(backup))
    try:
        with (
            sole_server(to),
            counting("Restoring", lambda: found.manifest.files) as advance,
        ):
            done = verb(found, to, means_of_restoring(), advance, partial=partial)
    except KeyboardInterrupt:
        note("callreel: interrupted; nothing was restored.")
        return INTERRUPTED
    _tell_restored(done, as_json=json)
    if not done.is_done:
        return 1
    return LEFT_OUT if done.missing else 0


def _recordings_in(parts: Parts) -> int:
    with Snapshot(parts.database) as snapshot:
        return snapshot.held().recordings


def _tell_made(made: Made, *, as_json: bool) -> None:
    manifest = made.manifest
    told: dict[str, Any] = {
        "id": manifest.id,
        "taken_at": f"{moment(manifest.taken_at)} UTC",
        "recordings": manifest.recordings,
        "files": manifest.files,
        "copied": made.copied,
        "copied_bytes": made.copied_bytes,
        "checked": made.checked,
        "mended": made.mended,
        "database_bytes": manifest.database_bytes,
        "database_sha256": manifest.database_sha256,
        "removed_backups": made.removed,
        "without_audio": list(manifest.without_audio),
    }
    if made.not_pruned:
        note(f"callreel: The backup is made, but older ones are not removed: {made.not_pruned}")
    if made.mended:
        note(
            "callreel: Files of the backups that were damaged, and were copied anew: "
            f"{made.mended}; look at the disk that they are on."
        )
    if as_json:
        print_json(told)
        return
    for path in manifest.without_audio:
        print(f"lost\t{path}")
    others = " and the database"
    if made.checked:
        others = f", the database and {made.checked} files that were there already"
    print(
        f"Backup {manifest.id}: {manifest.recordings} recordings, {manifest.files} files, of which "
        f"{made.copied} were copied; these{others} are checked."
    )
    if manifest.without_audio:
        note(
            "callreel: Audio that is lost or damaged in the archive, and so not in the backup: "
            f"{len(manifest.without_audio)}."
        )


def _tell_restored(done: Restored, *, as_json: bool) -> None:
    if as_json:
        told = asdict(done)
        told["backup"] = told.pop("manifest")["id"]
        print_json(told)
    else:
        for path in done.missing:
            print(f"missing\t{path}")
    if not done.is_done:
        note(
            f"callreel: Nothing was restored: of the backup {done.manifest.id}, files are missing "
            f"or damaged: {len(done.missing)}. Take another, or restore the rest with --partial."
        )
    elif not as_json:
        print(
            f"Restored {done.manifest.id}: {done.manifest.recordings} recordings, {done.files} "
            f"files; {done.withdrawn} recordings without audio."
        )
    if done.marked:
        note(
            "callreel: Recordings that had lost their audio and have it again, but are not listed "
            f"yet: {done.marked}; run `callreel repair` on the restored folder."
        )
