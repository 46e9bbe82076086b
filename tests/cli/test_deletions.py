from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from callreel.api.wire import Bodies
from callreel.archive import Archive, delete
from callreel.audio.folder import FolderStore
from callreel.audio.worker import ChildSoundWorker
from callreel.catalog.sqlite import SqliteCatalog
from cli_runs import Command
from house import EVERYTHING
from importers.monitor import put, wav

EPOCH = 1_772_438_405
ZONE = ("--timezone", "Europe/Warsaw")
SOUND = {"tenant": 1, "recording": "a", "deleted": "2026-03-01 10:00:00"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    for number in range(2):
        name = f"in-48221234567-486{number:06d}-20260302-090005-{EPOCH + number}.{number}.wav"
        put(folder, name, wav(60, tone=number))
    return folder


@pytest.fixture
def deleted(callreel: Command, root: Path, data: Path) -> str:
    """The id of one of two imported recordings, which was deleted then."""
    callreel("tenant", "create", "Acme")
    assert callreel("import", "freepbx", str(root), *ZONE).code == 0
    item, _ = map(json.loads, callreel("imports", "show", "1", "--json").out.splitlines())
    asyncio.run(_delete(data, item["recording"]))
    return str(item["recording"])


async def _delete(data: Path, recording: str) -> None:
    archive = Archive(
        SqliteCatalog(data / "callreel.db"),
        FolderStore(data / "audio", reserve_bytes=0),
        ChildSoundWorker(),
        Bodies(),
    )
    await delete.one(archive, EVERYTHING, recording)
    await archive.close()


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_an_import_tells_of_what_was_deleted_before(
    callreel: Command, root: Path, tmp_path: Path, deleted: str, dry: tuple[str, ...]
) -> None:
    report = tmp_path / "report.json"
    ran = callreel("import", "freepbx", str(root), *ZONE, "--json", str(report), *dry)
    assert ran.code == 0
    assert "deleted before\t1\n" in ran.out
    assert "already there\t1\n" in ran.out
    found = json.loads(report.read_text())
    assert found["files"]["deleted_before"] == 1
    (item,) = [each for each in found["items"] if each["became"] == "deleted_before"]
    assert item["reason"] == "It was deleted here for good, and stays so."
    if not dry:
        shown = callreel("imports", "show", "2", "--became", "deleted", "--csv").out
        assert deleted in shown


def test_deletions_are_listed_and_a_list_is_applied_to_an_older_archive(
    callreel: Command, root: Path, tmp_path: Path, deleted: str
) -> None:
    assert f"1\t{deleted}\t20" in callreel("deletions", "list").out
    listed = callreel("deletions", "list", "--tenant", "Acme", "--json").out
    assert json.loads(listed)["recording"] == deleted
    callreel("deletions", "lift", deleted)
    assert callreel("deletions", "list", "--json").out == ""
    assert "taken in\t1\n" in callreel("import", "freepbx", str(root), *ZONE).out
    for year, found in (("2001", 0), ("2101", 1), ("2101", 0)):
        told = json.loads(listed) | {"deleted": f"{year}-03-01 10:00:00"}
        elsewhere = told | {"tenant": 1 << 70, "recording": "other"}
        (tmp_path / "list").write_text(f"{json.dumps(told)}\n{json.dumps(elsewhere)}\n")
        said = callreel("deletions", "apply", str(tmp_path / "list")).out
        assert said == (
            f"Of 2 deletions, {found} recordings were there and were deleted.\n"
            "1 are of tenants that are not in this archive.\n"
        )
    assert json.loads(callreel("deletions", "list", "--json").out)["recording"] == deleted
    assert "deleted before\t1\n" in callreel("import", "freepbx", str(root), *ZONE).out


def test_a_list_tells_of_which_calls_recordings_were_deleted(
    callreel: Command, tmp_path: Path, deleted: str
) -> None:
    """The call is there without its recording, as in a backup of before the recording came."""
    listed = callreel("deletions", "list", "--json").out
    told = json.loads(listed)
    assert (told["recording"], told["started"]) == (deleted, "2026-03-02 08:00:05")
    missed = ("reconcile", "--files-alone", "--csv", "--timezone", "Europe/Warsaw")
    assert "no_recording" not in callreel(*missed).out
    callreel("deletions", "lift", deleted)
    assert f"no_recording,{told['started']}" in callreel(*missed).out
    (tmp_path / "list").write_text(listed)
    callreel("deletions", "apply", str(tmp_path / "list"))
    assert "no_recording" not in callreel(*missed).out
    assert callreel("deletions", "list", "--json").out == listed


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        '{"tenant": 1, "recording": "a"}',
        '{"tenant": true, "recording": "a", "deleted": "2026-03-01 10:00:00"}',
        '{"tenant": 1, "recording": "a/b", "deleted": "2026-03-01 10:00:00"}',
        '{"tenant": 1, "recording": 7, "deleted": "2026-03-01 10:00:00"}',
        '{"tenant": 1, "recording": "a", "deleted": "yesterday"}',
        SOUND | {"dialog": "d"},
        SOUND | {"started": "2026-03-01 10:00:00"},
        SOUND | {"started": "2026-03-01 10:00:00", "dialog": 7},
        SOUND | {"started": "today", "dialog": "d"},
        SOUND | {"started": "2026-03-01 10:00:00", "dialog": "\ud800"},
    ],
)
def test_a_list_with_a_line_that_is_none_is_refused_whole(
    callreel: Command, tmp_path: Path, deleted: str, line: str | dict[str, object]
) -> None:
    line = line if isinstance(line, str) else json.dumps(line)
    before = callreel("deletions", "list", "--json").out
    good = '{"tenant": 1, "recording": "x", "deleted": "2026-03-01 10:00:00"}'
    (tmp_path / "list").write_text(f"{good}\n{line}\n")
    ran = callreel("deletions", "apply", str(tmp_path / "list"))
    assert (ran.code, "Line 2 is no deletion" in ran.err) == (1, True)
    assert deleted in before
    assert callreel("deletions", "list", "--json").out == before


def test_what_was_not_deleted_cannot_be_lifted_and_a_missing_list_is_told(
    callreel: Command, tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    ran = callreel("deletions", "lift", "nothing")
    assert (ran.code, ran.err) == (1, "callreel: No such recording was deleted.\n")
    ran = callreel("deletions", "apply", str(tmp_path / "nothing"))
    assert (ran.code, "cannot be read" in ran.err) == (1, True)
