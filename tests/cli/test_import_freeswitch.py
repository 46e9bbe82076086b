from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import ListRequest, Reach
from cli_runs import Command
from importers.monitor import wav
from importers.switch import OTHER, A, B, Switch, as_json, as_xml, leg_b, variables
from support import serve

FOLDER = "/var/lib/freeswitch/recordings/pbx.example/archive/2026/Mar/02"


def listed(data: Path, tenant: int = 1) -> list[dict[str, Any]]:
    async def ask() -> bytes:
        catalog = SqliteCatalog(data / "callreel.db")
        page = await catalog.page(Reach(tenant), ListRequest(), b'{"x":"')
        await catalog.close()
        return page.bodies

    found: list[dict[str, Any]] = msgspec.json.decode(b"[" + asyncio.run(ask()) + b"]")
    return found


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    made = Switch(tmp_path)
    made.audio(f"pbx.example/archive/2026/Mar/02/{A}.wav", wav(700))
    told = variables(record_path=FOLDER, record_name=f"{A}.wav", dialed_user="101")
    made.record(f"a_{A}.cdr.json", as_json(told))
    made.record(f"{B}.cdr.json", as_json(leg_b()))
    made.record(f"{OTHER}.cdr.xml", as_xml(variables(uuid=OTHER, call_uuid=OTHER, bridge_uuid=B)))
    return made


def arguments(switch: Switch, *more: str) -> tuple[str, ...]:
    records = ("--cdr", str(switch.records))
    return ("import", "freeswitch", str(switch.recordings), *records, *more)


def test_what_a_dry_run_foresees_is_taken_in_once(
    callreel: Command, switch: Switch, data: Path
) -> None:
    callreel("tenant", "create", "Acme")
    foreseen = callreel(*arguments(switch, "--dry-run"))
    assert (foreseen.code, foreseen.err) == (0, "")
    assert "taken in\t1" in foreseen.out
    assert listed(data) == []
    ran = callreel(*arguments(switch))
    assert ran.code == 0
    assert ran.out.replace("files\t", "files, if imported\t") == foreseen.out
    assert "of the recordings\t2\ncalls without recording\t1" in ran.out
    (kept,) = listed(data)
    assert (kept["from_display_target"], kept["to_display_target"]) == (
        "48600100200", "48221234567"
    )  # fmt: skip
    assert (kept["start_time"], kept["talking_time"]) == ("2026-03-02 08:00:05", 59_500)
    again = callreel(*arguments(switch))
    assert "taken in\t0\nalready there\t1" in again.out
    assert listed(data) == [kept]


def test_the_directory_tells_who_an_agent_is(
    callreel: Command, switch: Switch, data: Path, tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    (tmp_path / "people.csv").write_text("kind,source,id,name\nextension,101,94,Zofia Lis\n")
    callreel(*arguments(switch, "--map", str(tmp_path / "people.csv")))
    (kept,) = listed(data)
    assert (kept["tenant_user_id"], kept["tenant_user_name"]) == (94, "Zofia Lis")


def test_records_that_the_server_was_handed_are_imported_with_their_recordings(
    callreel: Command, switch: Switch, data: Path
) -> None:
    with serve(data) as server:
        for path in switch.records.iterdir():
            channel = path.name.partition(".")[0]
            answer = server.ask(
                "POST",
                f"/ingest/freeswitch?uuid={channel}",
                None,
                data=path.read_bytes(),
                headers={"Content-Type": "application/json"},
                auth=("freeswitch", server.keys["ingest"]),
            )
            assert answer.status_code == 200, answer.text
        spool = data / "spool" / "freeswitch" / "1"
        ran = callreel(
            *("import", "freeswitch", str(switch.recordings), "--cdr", str(spool)),
            *("--tenant", "Own"),
        )
        assert ran.code == 0, ran.out
        (kept,) = listed(data)
        shown = server.ask("GET", f"/cdr_dialog_recording/{kept['recording_uuid']}/audio")
        assert shown.content == wav(700)
    assert callreel("imports").code == 0
