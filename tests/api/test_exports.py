"""Exports over HTTP, carried out by the real process."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from callreel.archive.export_jobs import Order, Progress, Stage
from callreel.archive.export_jobs.desk import ExportDesk
from callreel.archive.export_jobs.store import MOST_WAITING, ExportStore, new_id
from callreel.model import Reach
from support import PROJECT, Running, a_call, a_sound, ended_export, serve

NOW = int(time.time())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("exports")
    with serve(folder / "data") as found:
        for number in range(3):
            call = a_call(dialog_uuid=f"d-{number}", start_time=f"2025-03-14 09:26:5{number}")
            if number == 0:
                call["project_id"] = PROJECT
            found.add(a_sound(folder, number), call)
        yield found


def store_of(running: Running, **changes: int) -> ExportStore:
    return ExportStore(
        running.data / "exports", **{"kept_seconds": 86_400, "reserve_bytes": 0, **changes}
    )


def ended(running: Running, address: str, key: str = "all") -> dict[str, Any]:
    return ended_export(running, address.rpartition("/")[2], key)


def asked(running: Running, key: str = "all", **order: Any) -> str:
    """Ask for an export and return its address."""
    answer = running.ask("POST", "/export", key, json=order)
    assert answer.status_code == 202, answer.text
    location = str(answer.headers["Location"])
    assert location.startswith(running.url)
    assert answer.json()["data"]["state"] == "queued"
    return location.removeprefix(running.url)


def kept(running: Running, progress: Progress | None = None, **changes: Any) -> str:
    """Put an export into the data folder and return its address."""
    fields = {
        "id": new_id(time.time()),
        "format": "csv",
        "has_audio": False,
        "filter": "null",
        "sort": "",
        "base": "http://x",
        "reach": Reach(1),
        "created_at": NOW,
    }
    store = store_of(running)
    with nobody_works(running):
        job = store.add(Order(**{**fields, **changes}))
        if progress is not None:
            store.note(job, progress)
    return f"/export/{job.order.id}"


@contextmanager
def nobody_works(running: Running) -> Iterator[None]:
    """Keep exports of the first tenant from being carried out."""
    store = store_of(running)
    (running.data / "exports" / "1").mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with store.turn(1) as is_ours:
            if is_ours:
                yield
                return
        time.sleep(0.05)  # another process works: there is nothing else to wait for
    raise AssertionError("the turn was not to be had")


def test_an_export_holds_what_the_list_has_in_the_order_asked_for(running: Running) -> None:
    sort = [{"property": "start_time", "direction": "DESC"}]
    wanted = [{"property": "start_time", "operator": "gte", "value": "2025-03-14 09:26:51"}]
    address = asked(running, format="jsonl", filter=wanted, sort=sort)
    found = ended(running, address)
    assert found["state"] == "finished"
    assert (found["done"], found["total"], found["unreadable"]) == (2, 2, 0)
    answer = running.ask("GET", f"{address}/file")
    assert answer.headers["Content-Type"] == "application/jsonl; charset=utf-8"
    listed = running.ask(
        "GET",
        "/cdr_dialog_recording",
        params={"filter": json.dumps(wanted), "sort": json.dumps(sort)},
    ).json()["data"]
    assert [json.loads(line) for line in answer.content.splitlines()] == listed
    assert hashlib.sha256(answer.content).hexdigest() == found["sha256"]
    assert len(answer.content) == found["size"]
    assert answer.headers["ETag"] == f'"{found["sha256"]}"'


def test_a_download_that_broke_off_goes_on(running: Running) -> None:
    address = asked(running, format="zip")
    ended(running, address)
    whole = running.ask("GET", f"{address}/file")
    begin = running.ask("GET", f"{address}/file", headers={"Range": "bytes=0-99"})
    more = {"Range": "bytes=100-", "If-Range": whole.headers["ETag"]}
    rest = running.ask("GET", f"{address}/file", headers=more)
    assert (begin.status_code, rest.status_code) == (206, 206)
    assert begin.content + rest.content == whole.content
    with zipfile.ZipFile(io.BytesIO(whole.content)) as found:
        assert found.testzip() is None
        assert len(found.namelist()) == 5
    same = {"If-None-Match": whole.headers["ETag"]}
    assert running.ask("GET", f"{address}/file", headers=same).status_code == 304
    outside = running.ask("GET", f"{address}/file", headers={"Range": "bytes=999999999-"})
    assert outside.status_code == 416
    length = running.ask("HEAD", f"{address}/file").headers["Content-Length"]
    assert int(length) == len(whole.content)


def test_a_narrowed_keys_export_holds_only_what_it_may_see(running: Running) -> None:
    address = asked(running, "narrowed", format="csv")
    assert ended(running, address, "narrowed")["done"] == 1
    text = running.ask("GET", f"{address}/file", "narrowed").content.decode()
    assert [row["dialog_uuid"] for row in csv.DictReader(io.StringIO(text))] == ["d-0"]
    # Who may see all may see that too, but not the other way round.
    assert running.ask("GET", address, "all").status_code == 200
    whole = asked(running, format="csv")
    ended(running, whole)
    for method, path in (("GET", whole), ("GET", f"{whole}/file"), ("DELETE", whole)):
        assert running.ask(method, path, "narrowed").status_code == 404
    ids = {each["id"] for each in running.ask("GET", "/export", "narrowed").json()["data"]}
    assert whole.rpartition("/")[2] not in ids
    assert address.rpartition("/")[2] in ids


def test_another_tenants_export_does_not_exist(running: Running) -> None:
    address = asked(running, format="csv")
    for method, path in (("GET", address), ("GET", f"{address}/file"), ("DELETE", address)):
        answer = running.ask(method, path, "other")
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == "There is no such export."
    assert running.ask("GET", "/export", "other").json()["data"] == []
    ended(running, address)


@pytest.mark.parametrize("job_id", ["x", "0" * 32, "..", "%2e%2e", "0" * 31 + "G", "turn.lock"])
def test_an_id_that_is_none_is_not_found(running: Running, job_id: str) -> None:
    assert running.ask("GET", f"/export/{job_id}").status_code == 404


def test_audio_needs_the_scope_to_listen(running: Running) -> None:
    for name in ("zip", "tar", "vcon"):
        answer = running.ask("POST", "/export", "read", json={"format": name})
        assert answer.status_code == 403
        assert "'listen'" in answer.json()["error"]["message"]
    for key in ("listen", "ingest", "manage"):
        assert running.ask("POST", "/export", key, json={"format": "csv"}).status_code == 403
    address = asked(running, format="zip")
    ended(running, address)
    assert running.ask("GET", address, "read").status_code == 200
    assert running.ask("GET", f"{address}/file", "read").status_code == 403


@pytest.mark.parametrize(
    ("order", "status", "field"),
    [
        ({}, 422, "format"),
        ({"format": "xml"}, 422, "format"),
        ({"format": "folder"}, 422, "format"),
        ({"format": "csv", "limit": 5}, 422, "limit"),
        ({"format": "csv", "filter": [{}]}, 400, "filter"),
        ({"format": "csv", "filter": "[]"}, 400, "filter"),
        ({"format": "csv", "filter": [{"property": "x", "value": 1}]}, 400, "filter"),
        ({"format": "csv", "sort": []}, 400, "sort"),
        ({"format": "csv", "sort": [{"property": "x"}]}, 400, "sort"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    running: Running, order: dict[str, Any], status: int, field: str
) -> None:
    before = len(running.ask("GET", "/export").json()["data"])
    answer = running.ask("POST", "/export", json=order)
    assert (answer.status_code, answer.json()["error"].get("field")) == (status, field)
    assert len(running.ask("GET", "/export").json()["data"]) == before


def test_an_order_is_json_of_bounded_length(running: Running) -> None:
    assert running.ask("POST", "/export", data="{").status_code == 422
    assert running.ask("POST", "/export", data='{"format":"csv","format":"zip"}').status_code == 422
    assert running.ask("POST", "/export", data=" " * 30_000).status_code == 413
    assert running.ask("POST", "/export?x=1", json={"format": "csv"}).status_code == 400
    plain = {"Content-Type": "text/plain"}
    assert running.ask("POST", "/export", data="{}", headers=plain).status_code == 415


def test_an_export_that_waits_has_no_file_yet_and_can_be_deleted(running: Running) -> None:
    with nobody_works(running):
        address = asked(running, format="csv")
        assert running.ask("GET", f"{address}/file").status_code == 409
        gone = running.ask("DELETE", address)
        assert gone.json() == {"data": {"id": address.rpartition("/")[2]}}
        assert running.ask("GET", address).status_code == 404
        assert running.ask("DELETE", address).status_code == 404


def test_a_tenant_has_so_many_exports_waiting_and_no_more(running: Running) -> None:
    with nobody_works(running):
        addresses = [asked(running, format="csv") for _ in range(MOST_WAITING)]
        answer = running.ask("POST", "/export", json={"format": "csv"})
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        theirs = running.ask("POST", "/export", "other", json={"format": "csv"})
        assert theirs.status_code == 202
    for address in addresses:
        running.ask("DELETE", address)
    address = asked(running, format="csv")
    assert ended(running, address)["state"] == "finished"


def test_an_export_that_failed_or_expired_says_so_and_has_no_file(running: Running) -> None:
    failed = kept(running, Progress(stage=Stage.FAILED, ended_at=NOW, reason="No room."))
    shown = running.ask("GET", failed).json()["data"]
    assert (shown["state"], shown["error"]) == ("failed", "No room.")
    old = Progress(stage=Stage.FINISHED, ended_at=NOW - 86_401, size=1, sha256="00")
    expired = kept(running, old)
    assert running.ask("GET", expired).json()["data"]["state"] == "expired"
    for address in (failed, expired):
        assert running.ask("GET", f"{address}/file").status_code == 404
        running.ask("DELETE", address)


def test_a_server_that_is_started_again_carries_out_what_was_cut_short(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as running:
        running.add(a_sound(tmp_path))
        waiting = kept(running)
        cut = kept(running, Progress(stage=Stage.RUNNING, done=1, total=9, tries=1))
        store = store_of(running)
        job = store.job(Reach(1), cut.rpartition("/")[2])
        store.file(job).with_name("file.part").write_bytes(b"half")
        worn = kept(running, Progress(stage=Stage.RUNNING, tries=3))
    desk = ExportDesk(store, tmp_path / "data")
    desk.open()  # as a server does when it starts
    try:
        until = time.monotonic() + 60
        while store.has_waiting() and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        desk.close()
    found = [store.job(Reach(1), each.rpartition("/")[2]).progress for each in (waiting, cut, worn)]
    assert [each.stage for each in found] == [Stage.FINISHED, Stage.FINISHED, Stage.FAILED]
    assert (found[1].done, found[1].total) == (1, 1)
    assert "cut short 3 times" in (found[2].reason or "")
    names = sorted(each.name for each in store.file(job).parent.iterdir())
    assert names == ["file", "order.json", "progress.json"]


def test_an_export_does_not_hold_up_other_answers(running: Running) -> None:
    addresses = [asked(running, format="vcon") for _ in range(2)]
    for _ in range(20):
        began = time.monotonic()
        assert running.ask("GET", "/health", None).status_code == 200
        assert time.monotonic() - began < 5
    for address in addresses:
        assert ended(running, address)["state"] == "finished"
