"""Backups of a server that takes in and deletes, each restored and compared with the promises."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from callreel.archive.backups.back_up import back_up
from callreel.archive.backups.bucket import BucketDestination
from callreel.archive.backups.destination import Destination
from callreel.archive.backups.folder import FolderDestination
from callreel.archive.backups.repository import Repository
from callreel.archive.backups.restore import Backup, restore
from callreel.catalog.snapshot import Snapshot
from callreel.settings import Settings
from callreel.wiring import DATABASE, means_of_restoring, parts_of
from endpoints.s3 import s3_server
from faults.checker import HALF, LOST, WRONG, Verdict, wrong_on_disk
from faults.clients import Crowd
from faults.history import Fate, History, Outcome
from faults.kills import sounds
from faults.running import new_key, served
from faults.table import Figures, figures_of

KEPT = 5


def into_a_folder(scratch: Path, rounds: int, seed: int) -> Figures:
    """Make so many backups under load, restore each, and return what was found."""
    return _run(scratch, rounds, seed, FolderDestination(scratch / "backups"), "a folder")


def into_a_bucket(scratch: Path, rounds: int, seed: int) -> Figures:
    """Do the same with backups on an S3 server."""
    with s3_server(scratch / "s3") as server:
        server.new_bucket("backups")
        destination = BucketDestination(server.bucket("backups", patience=30), scratch / "sending")
        return _run(scratch, rounds, seed, destination, "a bucket")


def _run(scratch: Path, rounds: int, seed: int, destination: Destination, where: str) -> Figures:
    data, key = scratch / "data", new_key(scratch / "data")
    history, verdict = History(), Verdict()
    crowd = Crowd(history, sounds(scratch), seed)
    repository = Repository(destination)
    promised, copied = 0, 0
    with served(data, key) as server, crowd.at_work(server):
        while not history.count(Outcome.ACKNOWLEDGED):
            time.sleep(0.01)
        for number in range(rounds):
            before = {name: each.fate for name, each in list(history.known.items())}
            made = back_up(parts_of(Settings(data=data)), repository, lambda: None, keep=KEPT)
            there = {
                name
                for name, fate in before.items()
                if fate is Fate.THERE and history.known[name].fate is Fate.THERE
            }
            gone = {name for name, fate in before.items() if fate is Fate.GONE}
            promised, copied = promised + len(there), copied + made.copied
            for path in made.manifest.without_audio:
                verdict.tell(WRONG, f"the backup says that {path} is lost")
            restored = scratch / f"restored-{number}"
            _restore(repository, restored)
            _compare(restored, _digests_of(history, there), gone, verdict)
            shutil.rmtree(restored)
    figures = figures_of(
        f"backup to {where} and restore under load, {rounds} rounds", history, verdict
    )
    figures.notes["promised before a backup began and compared"] = f"{promised:,}"
    figures.notes["files copied"] = f"{copied:,}"
    return figures


def _restore(repository: Repository, data: Path) -> None:
    data.mkdir()
    found = Backup(repository, repository.find())
    done = restore(found, data, means_of_restoring(), lambda: None, partial=False)
    assert done.is_done


def _digests_of(history: History, names: set[str]) -> dict[str, str]:
    return {name: history.known[name].sha256 for name in names}


def _compare(restored: Path, there: Mapping[str, str], gone: set[str], verdict: Verdict) -> None:
    with Snapshot(restored / DATABASE) as snapshot:
        found = {name: digest for _, name, digest in snapshot.recordings()}
    verdict.checked += len(found)
    for name, digest in there.items():
        if found.get(name) != digest:
            verdict.tell(LOST, f"{name} was promised before the backup and is not in it")
    for name in gone & found.keys():
        verdict.tell(WRONG, f"{name} was deleted before the backup and is in it")
    for what in wrong_on_disk(restored):
        verdict.tell(HALF, what)
