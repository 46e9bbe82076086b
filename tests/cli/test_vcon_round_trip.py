"""What is exported as vCons can be imported again, with its audio as it was."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import ListRequest, Reach
from cli_runs import Command
from importers.manifests import line, put, put_lines
from importers.monitor import wav

KEPT = ("business_direction", "from_display_target", "to_display_target", "start_time",
        "recording_sha256", "recording_size", "recording_duration", "tenant_user_id")  # fmt: skip


def bodies(data: Path, tenant: int) -> list[dict[str, Any]]:
    async def ask() -> bytes:
        catalog = SqliteCatalog(data / "callreel.db")
        page = await catalog.page(Reach(tenant), ListRequest(), b'{"recording_url":"')
        await catalog.close()
        return page.bodies

    found: list[dict[str, Any]] = json.loads(b"[" + asyncio.run(ask()) + b"]")
    return found


def kept(found: list[dict[str, Any]]) -> list[list[Any]]:
    return sorted([[each[name] for name in KEPT] for each in found], key=repr)


def test_a_recording_comes_back_as_it_was(callreel: Command, tmp_path: Path, data: Path) -> None:
    root = tmp_path / "recordings"
    user = {"id": 7, "name": "Ewa Lis"}
    put_lines(
        root,
        line("1.wav", from_number="+48600100200", to_number="101", user=user),
        line("2.wav", dialog_id="2", direction="OUTBOUND", from_number="101", user=user,
             to_number="+48221234567", started_at=1_772_440_000),
        line("3.wav", dialog_id="3", to_number="ewa@pbx.example", user=user),
    )  # fmt: skip
    for number, tone in ((1, 0), (2, 1), (3, 2)):
        put(root, f"{number}.wav", wav(1000, tone=tone))
    people = tmp_path / "people.csv"
    people.write_text(
        "kind,source,id,name\nextension,101,7,Ewa Lis\nextension,ewa@pbx.example,7,Ewa Lis\n"
    )
    for name in ("First", "Second"):
        callreel("tenant", "create", name)
    assert callreel("import", "manifest", str(root), "--tenant", "First").code == 0

    target = tmp_path / "vcons"
    assert callreel("export", "vcon-folder", str(target), "--tenant", "First").code == 0
    ran = callreel("import", "vcon", str(target), "--tenant", "Second", "--map", str(people),
                   "--settle", "0")  # fmt: skip

    assert (ran.code, "taken in\t3\n" in ran.out) == (0, True), ran.out
    assert "Notes" not in ran.out
    first, second = bodies(data, 1), bodies(data, 2)
    assert kept(second) == kept(first)
    assert len(first) == 3
