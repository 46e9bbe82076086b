from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from callreel.archive import take_in_batch
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import Misconfigured
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Item
from callreel.model import ListRequest, Reach
from callreel.settings import Settings
from callreel.wiring import open_archive
from cli_runs import Command, Start
from importers.monitor import SAMPLES, put, wav

EPOCH = 1_772_438_405
DEADLINE = 60


def fill(root: Path, count: int) -> None:
    for number in range(count):
        name = f"in-48221234567-486{number:06d}-20260302-090005-{EPOCH + number}.{number}.wav"
        put(root, name, wav(60, tone=number))


def listed(data: Path, tenant: int = 1) -> list[bytes]:
    """Return what the archive tells of each recording, in no order."""

    async def ask() -> bytes:
        catalog = SqliteCatalog(data / "callreel.db")
        page = await catalog.page(Reach(tenant), ListRequest(limit=10_000), b"{")
        await catalog.close()
        return page.bodies

    return sorted(asyncio.run(ask()).replace(b"},{", b"}\n{").split(b"\n"))


def sounds(data: Path) -> set[str]:
    return {path.name for path in (data / "audio" / "1").rglob("*") if path.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    folder.mkdir()
    return folder


@pytest.fixture
def arguments(root: Path) -> tuple[str, ...]:
    return ("import", "freepbx", str(root), "--timezone", "Europe/Warsaw")


def test_an_import_says_what_it_took_in(
    callreel: Command, root: Path, arguments: tuple[str, ...]
) -> None:
    callreel("tenant", "create", "Acme")
    fill(root, 3)
    ran = callreel(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert "taken in\t3" in ran.out
    assert "seen\t3" in ran.out
    again = callreel(*arguments)
    assert again.code == 0
    assert "taken in\t0\nalready there\t3" in again.out


def test_what_was_refused_is_told_with_the_place_and_in_the_exit_code(
    callreel: Command, root: Path, arguments: tuple[str, ...]
) -> None:
    callreel("tenant", "create", "Acme")
    fill(root, 1)
    put(root, b"[bold]\n\x1b[31m\xff.wav")
    ran = callreel(*arguments)
    assert ran.code == 3
    assert "  2026/03/02/[bold]\\n\\x1b[31m\\xff.wav: The name does not end in" in ran.out
    assert "taken in\t1" in ran.out


def test_the_report_has_every_refusal_and_adds_up(
    callreel: Command, root: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    callreel("tenant", "create", "Acme")
    fill(root, 2)
    for number in range(15):
        put(root, f"{number}.wav")
    path = tmp_path / "report.json"
    ran = callreel(*arguments, "--cdr", str(SAMPLES / "cdr.csv"), "--json", str(path))
    assert ran.code == 3
    assert "the first 10 of 25" in ran.out
    report = json.loads(path.read_text())
    assert report["finished"] is True
    assert report["files"] == {
        "seen": 17, "added": 2, "already_there": 0, "deleted_before": 0, "left_for_later": 0,
        "earlier": 0, "refused": 15,
    }  # fmt: skip
    assert report["rows"] == {
        "seen": 14, "joined": 0, "call_added": 3, "call_already_there": 0, "unrecorded": 1,
        "left_for_later": 0, "earlier": 0, "refused": 10,
    }  # fmt: skip
    refused = [item for item in report["items"] if item["became"] == "refused"]
    assert len(refused) == sum(report["kinds"].values()) == 25
    assert all(item["where"] and item["reason"] and item["kind"] for item in refused)
    assert report["noted"] == 2


def test_a_dry_run_tells_the_same_and_makes_nothing(
    callreel: Command, root: Path, data: Path, arguments: tuple[str, ...]
) -> None:
    fill(root, 2)
    ran = callreel(*arguments, "--dry-run")
    assert ran.code == 0
    assert "taken in\t2" in ran.out
    assert not data.exists()
    callreel("tenant", "create", "Acme")
    callreel(*arguments)
    assert "already there\t2" in callreel(*arguments, "--dry-run").out


@pytest.mark.parametrize(
    ("tenants", "more", "says"),
    [
        ((), (), "no archive in the data folder"),
        (("Acme", "Other"), (), "--tenant"),
        (("Acme",), ("--tenant", "None"), "no such tenant"),
    ],
)
def test_the_tenant_must_be_clear(
    callreel: Command,
    arguments: tuple[str, ...],
    tenants: tuple[str, ...],
    more: tuple[str, ...],
    says: str,
) -> None:
    for tenant in tenants:
        callreel("tenant", "create", tenant)
    ran = callreel(*arguments, *more)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err


def test_of_several_tenants_the_named_one_gets_the_recordings(
    callreel: Command, root: Path, data: Path, arguments: tuple[str, ...]
) -> None:
    for tenant in ("Acme", "Other"):
        callreel("tenant", "create", tenant)
    fill(root, 1)
    assert callreel(*arguments, "--tenant", "Other").code == 0
    assert listed(data) == [b""]
    assert b"48221234567" in listed(data, tenant=2)[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("none", ".", "--timezone", "UTC"), "no such format"),
        (("freepbx", ".", "--timezone", "Mars"), "no such time zone"),
        (("freepbx", "."), "--timezone"),
        (("freepbx", "/none", "--timezone", "UTC"), "folder to import from"),
        (("freepbx", ".", "--timezone", "UTC", "--cdr", "/none.csv"), "call records"),
        (("freepbx", ".", "--timezone", "UTC", "--json", "/none/x.json"), "report"),
    ],
)
def test_what_is_wrong_with_the_command_is_one_sentence(
    callreel: Command, words: tuple[str, ...], says: str
) -> None:
    ran = callreel("import", *words)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    assert ran.err.count("\n") == 1


def test_an_import_that_was_killed_again_and_again_ends_as_one_that_was_not(
    callreel: Command, start: Start, root: Path, data: Path, arguments: tuple[str, ...]
) -> None:
    fill(root, 160)
    callreel("tenant", "create", "Acme")
    for enough in (1, 50, 104):
        kill_once(start(*arguments), data, enough)
        kept = sounds(data)
        for record in listed(data):
            assert not record or record.split(b'"recording_sha256":"')[1][:64].decode() in kept
    assert callreel(*arguments).code == 0
    recordings = listed(data)
    assert len(recordings) == 160

    data.rename(data.parent / "disturbed")
    callreel("tenant", "create", "Acme")
    assert callreel(*arguments).code == 0
    assert listed(data) == recordings
    assert sounds(data) == sounds(data.parent / "disturbed")


def kill_once(process: subprocess.Popen[str], data: Path, enough: int) -> None:
    """Kill a process as soon as the archive holds so much audio."""
    end = time.monotonic() + DEADLINE
    while len(sounds(data)) < enough and process.poll() is None and time.monotonic() < end:
        os.sched_yield()
    process.kill()
    process.wait()
    assert process.returncode == -signal.SIGKILL


def stop_after(monkeypatch: pytest.MonkeyPatch, count: int, stop: Callable[[], object]) -> None:
    """Let something happen in the middle of an import, which takes in two at a time then."""
    whole = FreePbx.items

    def items(self: FreePbx) -> Iterator[Item]:
        for number, item in enumerate(whole(self)):
            if number == count:
                stop()
            yield item

    monkeypatch.setattr(FreePbx, "items", items)
    monkeypatch.setattr(take_in_batch, "BATCH_ITEMS", 2)
    monkeypatch.setattr(take_in_batch, "BATCH_ROWS", 2)


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_an_import_that_is_interrupted_tells_how_far_it_came(
    callreel: Command,
    root: Path,
    arguments: tuple[str, ...],
    press_ctrl_c: Callable[[], None],
    more: tuple[str, ...],
) -> None:
    callreel("tenant", "create", "Acme")
    put(root, "0.wav", day="2026/03/01")
    fill(root, 40)
    path = root.parent / "report.json"
    with pytest.MonkeyPatch.context() as interrupted:
        stop_after(interrupted, 4, press_ctrl_c)
        ran = callreel(*arguments, "--json", str(path), *more)

    assert ran.code == 130
    assert ran.err == (
        "callreel: interrupted; what was taken in is safe, run it again to finish.\n"
    )
    report = json.loads(path.read_text())
    assert report["finished"] is False
    # An import reads a group ahead, and a busy machine may get further before it hears of it.
    assert 2 <= report["files"]["seen"] < 41
    assert f"seen\t{report['files']['seen']}\n" in ran.out
    assert report["dry_run"] is bool(more)
    assert callreel(*arguments).code == 3


def test_an_import_that_is_interrupted_at_once_has_nothing_to_tell(
    callreel: Command,
    root: Path,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    press_ctrl_c: Callable[[], None],
) -> None:
    callreel("tenant", "create", "Acme")
    fill(root, 1)
    stop_after(monkeypatch, 0, press_ctrl_c)

    ran = callreel(*arguments)

    assert (ran.code, ran.out) == (130, "")


def test_an_import_that_cannot_go_on_tells_how_far_it_came_and_why(
    callreel: Command,
    root: Path,
    data: Path,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    callreel("tenant", "create", "Acme")
    for number in range(2):
        put(root, f"{number}.wav")
    fill(root, 2)
    stop_after(monkeypatch, 2, Mock(side_effect=Misconfigured("The folder is gone.")))

    ran = callreel(*arguments)

    assert ran.code == 1
    assert ran.err == "callreel: The folder is gone.\n"
    assert "refused\t2\n" in ran.out


@pytest.mark.parametrize(
    ("settle", "became"),
    [
        ((), "left for later\t1"),
        (("--settle", "0"), "taken in\t1"),
        (("--settle", "10"), "later\t1"),
    ],
)
def test_a_file_that_was_just_written_is_left_for_as_long_as_is_said(
    callreel: Command, root: Path, arguments: tuple[str, ...], settle: tuple[str, ...], became: str
) -> None:
    callreel("tenant", "create", "Acme")
    fill(root, 1)
    for path in root.rglob("*.wav"):
        os.utime(path)

    ran = callreel(*arguments, *settle)

    assert ran.code == 0
    assert became in ran.out


def test_a_dry_run_knows_the_tenant_too(
    callreel: Command, root: Path, arguments: tuple[str, ...]
) -> None:
    for tenant in ("Acme", "Other"):
        callreel("tenant", "create", tenant)
    fill(root, 1)
    callreel(*arguments, "--tenant", "Other")

    assert "already there\t1" in callreel(*arguments, "--tenant", "2", "--dry-run").out
    assert "already there\t0" in callreel(*arguments, "--tenant", "Acme", "--dry-run").out
    assert callreel(*arguments, "--dry-run").code == 1


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_an_archive_without_a_tenant_says_how_to_make_one(
    callreel: Command, data: Path, arguments: tuple[str, ...], more: tuple[str, ...]
) -> None:
    asyncio.run(open_archive(Settings(data=data)).close())

    ran = callreel(*arguments, *more)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "callreel: There is no tenant yet; create one with `callreel tenant create NAME`.\n"
    )


def test_a_report_that_cannot_be_written_ends_the_import_before_it_begins(
    callreel: Command, root: Path, tmp_path: Path, data: Path, arguments: tuple[str, ...]
) -> None:
    callreel("tenant", "create", "Acme")
    fill(root, 1)

    ran = callreel(*arguments, "--json", str(tmp_path))

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "callreel: The report cannot be written: is a directory.\n"
    assert not (data / "audio").exists()


def test_a_folder_is_only_read(callreel: Command, root: Path, arguments: tuple[str, ...]) -> None:
    callreel("tenant", "create", "Acme")
    fill(root, 2)
    put(root, "bad.wav")
    before = looks_of(root)

    assert callreel(*arguments).code == 3

    assert looks_of(root) == before


def looks_of(root: Path) -> dict[Path, tuple[int, int, int, int]]:
    return {
        path: (seen.st_mtime_ns, seen.st_size, seen.st_ino, seen.st_mode)
        for path in root.rglob("*")
        for seen in [path.stat()]
    }


def test_earlier_calls_are_left_out_and_counted(
    callreel: Command, root: Path, arguments: tuple[str, ...]
) -> None:
    callreel("tenant", "create", "Acme")
    fill(root, 1)
    put(root, "in-48221234567-48600100200-20260301-090005-1772352005.1.wav", wav(60, tone=9))
    ran = callreel(*arguments, "--since", "2026-03-02")
    assert ran.code == 0
    assert "taken in\t1" in ran.out
    assert "of earlier calls\t1" in ran.out
    refused = callreel(*arguments, "--since", "monday")
    assert refused.code == 1
    assert "Give a date such as" in refused.err


def test_a_directory_names_who_was_on_the_call(
    callreel: Command, root: Path, arguments: tuple[str, ...], tmp_path: Path, data: Path
) -> None:
    callreel("tenant", "create", "Acme")
    put(root, "q-700-48700800900-20260302-100000-1772442000.30.wav", wav(60))
    people = tmp_path / "people.csv"
    people.write_text("kind,source,id,name\nqueue,700,3,Sales\n")
    assert callreel(*arguments, "--map", str(people)).code == 0
    assert b'"Sales"' in listed(data)[0]
    absent = callreel(*arguments, "--map", str(tmp_path / "absent.csv"))
    assert absent.code == 1
