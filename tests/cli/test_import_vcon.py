"""`callreel import vcon`, from the folder to the archive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callreel.catalog.sqlite import SqliteCatalog
from callreel.importers.vcon import fetch
from callreel.importers.vcon.fetch import Fetcher
from callreel.model import ListRequest, Reach
from callreel.outside import is_public
from cli_runs import Command
from importers.monitor import wav
from importers.vcons import CUSTOMER, SOUND, hash_of, outside, put, recording, vcon
from importers.web_of_audio import Reply, Web, certificate, serving
from programs import needed

INCOMPLETE = {"type": "incomplete", "start": "2026-03-02T08:59:00Z", "parties": [0, 1],
              "disposition": "no-answer"}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with audio in vCons, beside one, and away."""
    folder = tmp_path / "vcons"
    put(folder, vcon(recording(), INCOMPLETE), "1.vcon")
    put(folder, vcon(outside("2.wav", hash_of(wav(900))), uuid="b"), "2/2.vcon.json")
    put(folder, wav(900), "2/2.wav")
    put(folder, vcon(outside("https://localhost/3.wav", hash_of(wav(700))), uuid="c"), "3.vcon")
    put(folder, vcon(outside("5.wav", hash_of(SOUND)), uuid="e"), "4.vcon")
    put(folder, wav(60), "5.wav")
    return folder


@pytest.fixture
def web(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    needed("openssl")
    key, made = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    monkeypatch.setattr(Fetcher.__init__, "__defaults__", (lambda _: True, fetch.MOST_BYTES))
    with serving(key, made) as served:
        served.replies["/3.wav"] = Reply(wav(700))
        whole = vcon(outside(served.url("/3.wav"), hash_of(wav(700))), uuid="c")
        put(root, whole, "3.vcon")
        yield served


def bodies(data: Path) -> list[dict[str, Any]]:
    async def ask() -> bytes:
        catalog = SqliteCatalog(data / "callreel.db")
        page = await catalog.page(Reach(1), ListRequest(), b'{"recording_url":"')
        await catalog.close()
        return page.bodies

    found: list[dict[str, Any]] = json.loads(b"[" + asyncio.run(ask()) + b"]")
    return found


def test_recordings_are_taken_in_once_however_often_they_are_imported(
    callreel: Command, root: Path, data: Path
) -> None:
    callreel("tenant", "create", "Acme")
    foreseen = callreel("import", "vcon", str(root), "--dry-run")
    ran = callreel("import", "vcon", str(root))
    assert (foreseen.code, ran.code) == (3, 3)
    assert foreseen.out.replace("files, if imported", "files") == ran.out
    assert "taken in\t2\n" in ran.out
    assert "calls without recording\t1" in ran.out
    assert "3.vcon: The audio is at an address of the web; allow that with --fetch." in ran.out
    assert "4.vcon: The audio is not the one whose digest is given." in ran.out
    again = callreel("import", "vcon", str(root))
    assert "taken in\t0\nalready there\t2" in again.out
    assert {(each["recording_size"], each["from_display_target"]) for each in bodies(data)} == {
        (len(SOUND), "+48600100200"),
        (len(wav(900)), "+48600100200"),
    }


def test_audio_is_fetched_where_that_is_allowed(
    callreel: Command, root: Path, web: Web, data: Path
) -> None:
    callreel("tenant", "create", "Acme")
    ran = callreel("import", "vcon", str(root), "--fetch")
    assert "taken in\t3\n" in ran.out
    assert web.asked == ["/3.wav"]
    again = callreel("import", "vcon", str(root), "--fetch")
    assert "taken in\t0\nalready there\t3" in again.out
    assert len(wav(700)) in {each["recording_size"] for each in bodies(data)}


def test_audio_on_this_machine_is_not_fetched_however_it_is_named(
    callreel: Command, root: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fetcher.__init__, "__defaults__", (is_public, fetch.MOST_BYTES))
    callreel("tenant", "create", "Acme")
    ran = callreel("import", "vcon", str(root), "--fetch")
    assert "3.vcon: The address of the audio leads into a private network." in ran.out
    assert web.asked == []


def test_people_and_projects_are_named_by_the_map(
    callreel: Command, tmp_path: Path, data: Path
) -> None:
    callreel("tenant", "create", "Acme")
    put(tmp_path / "vcons", vcon(recording(skill="billing")))
    people = tmp_path / "people.csv"
    people.write_text("kind,source,id,name\nextension,101,7,Ewa Lis\nqueue,billing,3,Billing\n")
    ran = callreel("import", "vcon", str(tmp_path / "vcons"), "--map", str(people))
    assert ran.code == 0
    (body,) = bodies(data)
    assert (body["tenant_user_name"], body["project_name"]) == ("Ewa Lis", "Billing")
    assert body["from_display_target"] == CUSTOMER["tel"].removeprefix("tel:").replace("-", "")
