"""The exports in the data folder."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from callreel.api.exporting import work
from callreel.archive.export_jobs import Job, Order, Progress, Stage, is_for
from callreel.archive.export_jobs import desk as desks
from callreel.archive.export_jobs.desk import ExportDesk
from callreel.archive.export_jobs.store import (
    FORGOTTEN_SECONDS,
    MOST_KEPT,
    MOST_WAITING,
    ExportStore,
    new_id,
)
from callreel.errors import NotFound, StorageFull, TooManyRequests, Unavailable
from callreel.model import Reach
from house import House

KEPT = 3600
NOW = int(time.time())


@pytest.fixture
def store(tmp_path: Path) -> ExportStore:
    return ExportStore(tmp_path / "exports", kept_seconds=KEPT, reserve_bytes=0)


def order(number: int = 0, **changes: Any) -> Order:
    fields = {
        "id": f"{number:032x}",
        "format": "csv",
        "has_audio": False,
        "filter": "null",
        "sort": "",
        "base": "https://calls.example.org",
        "reach": Reach(1),
        "created_at": NOW,
    }
    return Order(**{**fields, **changes})


def finished(store: ExportStore, job: Job, ended_at: int = NOW) -> None:
    store.file(job).write_bytes(b"x")
    store.note(job, Progress(stage=Stage.FINISHED, size=1, sha256="00", ended_at=ended_at))


def test_an_order_is_kept_and_found_again(store: ExportStore) -> None:
    reach = Reach(1, projects=frozenset({3, 4}), users=frozenset({7}))
    given = order(reach=reach, filter='[{"property": "ż"}]')
    store.add(given)
    assert store.job(reach, given.id) == Job(given, Progress())
    assert store.waiting(1) == Job(given, Progress())
    assert store.tenants() == [1]
    assert store.has_waiting()


def test_ids_are_different_and_later_ones_are_higher() -> None:
    ids = [new_id(1000.0), new_id(1000.0), new_id(1000.1)]
    assert len(set(ids)) == 3
    assert max(ids[:2]) < ids[2]
    assert all(len(each) == 32 for each in ids)


@pytest.mark.parametrize(
    ("asked", "reach", "is_seen"),
    [
        (Reach(1), Reach(1), True),
        (Reach(1), Reach(2), False),
        (Reach(1), Reach(1, projects=frozenset({3})), False),
        (Reach(1, projects=frozenset({3})), Reach(1), True),
        (Reach(1, projects=frozenset({3})), Reach(1, projects=frozenset({3, 4})), True),
        (Reach(1, projects=frozenset({3, 5})), Reach(1, projects=frozenset({3, 4})), False),
        (Reach(1, users=frozenset({3})), Reach(1, projects=frozenset({3})), False),
        (Reach(1, users=frozenset({3})), Reach(1, users=frozenset({3})), True),
        (Reach(1, projects=frozenset()), Reach(1, projects=frozenset({3})), True),
    ],
)
def test_only_what_lies_within_a_reach_is_seen(
    store: ExportStore, asked: Reach, reach: Reach, is_seen: bool
) -> None:
    given = order(reach=asked)
    store.add(given)
    assert is_for(reach, given) is is_seen
    assert [job.order for job in store.jobs(reach)] == ([given] if is_seen else [])
    if not is_seen:
        with pytest.raises(NotFound):
            store.job(reach, given.id)
        with pytest.raises(NotFound):
            store.remove(reach, given.id)


def test_the_oldest_is_first_in_turn_and_the_newest_first_in_the_list(store: ExportStore) -> None:
    for number in (2, 1, 3):
        store.add(order(number))
    found = store.waiting(1)
    assert found is not None
    assert found.order.id == order(1).id
    assert [job.order.id for job in store.jobs(Reach(1))] == [order(n).id for n in (3, 2, 1)]


def test_there_is_a_bound_to_what_waits_and_to_what_is_kept(store: ExportStore) -> None:
    for number in range(MOST_WAITING):
        store.add(order(number))
    with pytest.raises(TooManyRequests, match="wait for one to end"):
        store.add(order(99))
    store.add(order(99, reach=Reach(2)))
    for job in store.jobs(Reach(1)):
        finished(store, job)
    for number in range(MOST_WAITING, MOST_KEPT):
        finished(store, store.add(order(number)))
    with pytest.raises(TooManyRequests, match="delete one"):
        store.add(order(99))


def test_a_file_expires_and_in_the_end_nothing_is_left(
    store: ExportStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = store.add(order())
    finished(store, job)
    now = float(NOW)
    monkeypatch.setattr(time, "time", lambda: now)
    assert store.job(Reach(1), job.order.id).expires_at == NOW + KEPT
    store.sweep()
    assert store.file(job).exists()
    now = NOW + KEPT
    assert store.job(Reach(1), job.order.id).progress.stage is Stage.EXPIRED
    store.sweep()
    assert not store.file(job).exists()
    assert store.job(Reach(1), job.order.id).progress.stage is Stage.EXPIRED
    now = NOW + KEPT + FORGOTTEN_SECONDS + 1
    store.sweep()
    assert store.jobs(Reach(1)) == []
    assert not store.file(job).parent.exists()


def test_what_waits_never_expires(store: ExportStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add(order())
    monkeypatch.setattr(time, "time", lambda: NOW + 1e9)
    store.sweep()
    assert store.has_waiting()


def test_what_a_failed_export_left_is_cleared_away(store: ExportStore) -> None:
    job = store.add(order())
    store.file(job).with_name("file.part").write_bytes(b"half")
    store.note(job, Progress(stage=Stage.FAILED, ended_at=NOW, reason="No."))
    store.sweep()
    assert not store.file(job).with_name("file.part").exists()
    assert store.job(Reach(1), job.order.id).progress.reason == "No."


def test_nothing_is_noted_of_what_was_removed(store: ExportStore) -> None:
    job = store.add(order())
    store.remove(Reach(1), job.order.id)
    with pytest.raises(NotFound):
        store.note(job, Progress(stage=Stage.RUNNING))
    assert not store.file(job).parent.exists()


def test_only_one_has_the_turn(store: ExportStore) -> None:
    store.add(order())
    with store.turn(1) as first, store.turn(1) as second:
        assert (first, second) == (True, False)
    with store.turn(1) as again:
        assert again


def test_no_export_begins_below_the_reserve(tmp_path: Path) -> None:
    store = ExportStore(tmp_path / "exports", kept_seconds=KEPT, reserve_bytes=1 << 60)
    with pytest.raises(StorageFull):
        store.add(order())
    assert store.jobs(Reach(1)) == []


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("a file")
    store = ExportStore(tmp_path / "exports", kept_seconds=KEPT, reserve_bytes=0)
    with pytest.raises(Unavailable, match="folder of exports"):
        store.add(order())


@pytest.fixture
def stored(house: House, tmp_path: Path) -> ExportStore:
    house.take_in()
    return ExportStore(tmp_path / "exports", kept_seconds=KEPT, reserve_bytes=0)


def test_orders_are_carried_out_one_after_another(house: House, stored: ExportStore) -> None:
    stored.add(order(1))
    stored.add(order(2, format="zip", has_audio=True))
    stored.add(order(3, reach=Reach(2)))
    house.run(work.work_off(house.archive, stored))
    first, second = reversed(stored.jobs(Reach(1)))
    (third,) = stored.jobs(Reach(2))
    assert [job.progress.done for job in (first, second, third)] == [1, 1, 0]
    assert {job.progress.stage for job in (first, second, third)} == {Stage.FINISHED}
    assert second.progress.size == stored.file(second).stat().st_size


def test_orders_whose_turn_another_has_are_left_to_it(house: House, stored: ExportStore) -> None:
    stored.add(order())
    with stored.turn(1):
        house.run(work.work_off(house.archive, stored))
        assert stored.has_waiting()


def test_a_disk_that_fills_up_ends_the_export_and_tells_client_and_operator(
    house: House, stored: ExportStore, tmp_path: Path, log: io.StringIO
) -> None:
    job = stored.add(order())
    full = ExportStore(tmp_path / "exports", kept_seconds=KEPT, reserve_bytes=1 << 60)
    house.run(work.work_off(house.archive, full))
    found = stored.job(Reach(1), job.order.id).progress
    assert found.stage is Stage.FAILED
    assert found.reason == "There is no room for an export; tell the operator to make some."
    line = json.loads(log.getvalue())
    assert (line["export"], line["why"]) == (job.order.id, found.reason)


def test_a_bug_in_one_export_does_not_keep_the_next_waiting(
    house: House, stored: ExportStore, capfd: pytest.CaptureFixture[str]
) -> None:
    stored.add(order(1, format="none"))
    stored.add(order(2))
    house.run(work.work_off(house.archive, stored))
    good, bad = stored.jobs(Reach(1))
    assert (good.progress.stage, bad.progress.stage) == (Stage.FINISHED, Stage.FAILED)
    assert bad.progress.reason == "Something went wrong in the server; tell its operator the id."


def test_an_export_that_is_deleted_while_it_runs_ends(
    house: House, stored: ExportStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = stored.add(order())
    stored.add(order(2))

    def remove() -> None:
        if stored.file(job).parent.exists():
            stored.remove(Reach(1), job.order.id)

    monkeypatch.setattr(stored, "require_room", remove)
    house.run(work.work_off(house.archive, stored))
    (left,) = stored.jobs(Reach(1))
    assert (left.order.id, left.progress.stage) == (order(2).id, Stage.FINISHED)


def test_a_desk_starts_nothing_once_it_is_closed(
    store: ExportStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "COMMAND", ("cat",))
    desk = ExportDesk(store, tmp_path)
    desk.open()
    desk.work()
    (process,) = desk._started
    assert process.poll() is None
    desk.close()
    assert process.poll() is not None
    desk.work()
    assert desk._started == []


def test_a_process_that_cannot_be_started_leaves_the_order_waiting(
    store: ExportStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(order())
    monkeypatch.setattr(desks, "COMMAND", ("/nowhere/at/all",))
    desk = ExportDesk(store, tmp_path)
    desk.work()
    desk.close()
    assert store.has_waiting()


def test_so_many_processes_run_at_once_and_what_is_owed_is_started_soon(
    store: ExportStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(order())
    monkeypatch.setattr(desks, "COMMAND", ("cat",))
    monkeypatch.setattr(desks, "SOON_SECONDS", 0.01)
    desk = ExportDesk(store, tmp_path)
    for _ in range(desks.MOST_PROCESSES + 3):
        desk.work()
    first = list(desk._started)
    assert len(first) == desks.MOST_PROCESSES
    for process in first:
        process.kill()
        process.wait()
    desk.open()
    until = time.monotonic() + 20
    while not set(desk._started) - set(first) and time.monotonic() < until:
        time.sleep(0.01)  # a thread of its own looks again
    assert set(desk._started) - set(first)
    desk.close()
