from __future__ import annotations

import asyncio
import hashlib
import json
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from callreel.api.wire_time import format_time
from callreel.catalog.sqlite import SqliteCatalog
from callreel.cli import mirror as mirror_command
from callreel.client import Callreel
from callreel.model import ListRequest, Reach
from cli_runs import Command, Start
from endpoints.account import NOON, Held, account_of, record
from endpoints.calls import call, write_audio
from endpoints.original import KEY, PATH, Service
from endpoints.scripted import Asked, Reply, ScriptedServer
from support import Running, serve

DEADLINE = 60
STORED = 25
MIRROR = ("mirror", "--rate", "1000", "--from")
Rows = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A second Callreel with recordings in it."""
    folder = tmp_path_factory.mktemp("server")
    with serve(folder / "data") as started:
        with Callreel(started.url, started.keys["all"]) as calls:
            for number in range(STORED):
                calls.upload(call(number), write_audio(folder / f"{number}.wav", number))
        yield started


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda _: Reply(status=404)) as started:
        yield started


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    return path


@pytest.fixture
def tenant(callreel: Command) -> None:
    callreel("tenant", "create", "Acme")


def kept(data: Path) -> Rows:
    """Return what an archive lists, by ids, without the addresses, which are each server's own."""

    async def ask() -> bytes:
        catalog = SqliteCatalog(data / "callreel.db", read_only=True)
        try:
            request = ListRequest(limit=10_000)
            return (await catalog.page(Reach(1), request, b'{"recording_url":"')).bodies
        finally:
            await catalog.close()

    rows = json.loads(b"[" + asyncio.run(ask()) + b"]")
    found = {row.pop("recording_uuid"): row for row in rows}
    assert len(found) == len(rows)
    return {name: row | {"recording_url": None} for name, row in found.items()}


def digests(data: Path) -> dict[str, str]:
    return {name: row["recording_sha256"] for name, row in kept(data).items()}


def stored(data: Path) -> list[str]:
    """Return the digests of the files of audio, measured anew."""
    files = [each for each in (data / "audio" / "1").rglob("*") if each.is_file()]
    whole = [each for each in files if each.read_bytes()[:4] == b"RIFF"]
    return sorted(hashlib.sha256(each.read_bytes()).hexdigest() for each in whole)


@pytest.mark.usefixtures("tenant")
def test_an_account_of_another_callreel_is_copied_field_by_field_and_twice_is_once(
    callreel: Command, server: Running, key_file: Path, data: Path
) -> None:
    key_file.write_text(server.keys["all"])
    given = (*MIRROR, server.url, "--key-file", str(key_file))
    first = callreel(*given)
    assert (first.code, first.err) == (0, "")
    assert f"taken in\t{STORED}\n" in first.out
    assert kept(data) == kept(server.data)
    assert stored(data) == stored(server.data)

    second = callreel(*given)
    assert (second.code, second.err) == (0, "")
    assert "taken in\t0\n" in second.out
    assert kept(data) == kept(server.data)
    (run,) = callreel("imports", "list", "--json").json()
    assert (run["format"], run["files"]) == ("mirror", {"added": STORED})

    undone = callreel("imports", "undo", str(run["number"]))
    assert undone.code == 0
    assert kept(data) == {}
    assert f"taken in\t{STORED}\n" in callreel(*given).out
    assert kept(data) == kept(server.data)


@pytest.mark.usefixtures("tenant")
def test_a_call_that_began_before_the_date_given_is_left_there(
    callreel: Command, scripted: ScriptedServer, key_file: Path, data: Path
) -> None:
    held = account_of(record(n, at=NOON + at) for n, at in enumerate((-1, 0, 1)))
    scripted.play(Service(held.records, held.audio, faults=0))
    since = ("--since", "2026-03-01T12:00:00")
    assert callreel(*MIRROR, scripted.url, "--key-file", str(key_file), *since).code == 0
    assert kept(data).keys() == {"r1", "r2"}
    assert callreel(*MIRROR, scripted.url, "--key-file", str(key_file)).code == 0
    assert kept(data).keys() == {"r0", "r1", "r2"}


@pytest.mark.usefixtures("tenant")
def test_what_is_refused_is_told_with_its_id_and_tried_again_by_the_next_run(
    callreel: Command, scripted: ScriptedServer, key_file: Path, data: Path, tmp_path: Path
) -> None:
    held = account_of(record(n) for n in range(3))
    lost = held.audio.pop("/files/1.wav")
    bad = record(3, start_time="yesterday") | {"start_time": "2026-02-30 12:00:00"}
    service = Service([*held.records, bad], held.audio, faults=0)
    scripted.play(_unfiltered(service, bad))
    report = tmp_path / "report.json"
    given = (*MIRROR, scripted.url, "--key-file", str(key_file), "--json", str(report))
    ran = callreel(*given)
    assert ran.code == 3
    assert "  r1: The service has no audio at the address of this recording.\n" in ran.out
    assert "  r3: " in ran.out
    told = {each["where"]: each["became"] for each in json.loads(report.read_text())["items"]}
    assert told == {"r1": "refused", "r3": "refused"}
    held.audio["/files/1.wav"] = lost
    assert callreel(*given).code == 3
    assert kept(data).keys() == {"r0", "r1", "r2"}
    service.records.remove(bad)
    assert callreel(*given).code == 0


def _unfiltered(service: Service, bad: dict[str, Any]) -> Any:
    """Let a row of no time appear wherever a page begins."""

    def answer(asked: Asked) -> Reply:
        reply = service(asked)
        if asked.query.get("offset") != "0" or bad not in service.records:
            return reply
        rows = json.loads(reply.body)["data"]
        return Reply(json.dumps({"data": [*rows, bad]}).encode())

    return answer


def test_the_key_is_taken_from_the_environment_and_never_from_the_command(
    callreel: Command,
    scripted: ScriptedServer,
    data: Path,
    tenant: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = account_of([record(1)])
    scripted.play(Service(held.records, held.audio, faults=0))
    without = callreel(*MIRROR, scripted.url)
    assert (without.code, without.err) == (
        1,
        "callreel: Give the key to the service with --key-file or in CALLREEL_MIRROR_KEY.\n",
    )
    assert callreel(*MIRROR, scripted.url, "--key", KEY).code == 2
    monkeypatch.setenv("CALLREEL_MIRROR_KEY", KEY)
    ran = callreel(*MIRROR, scripted.url)
    assert ran.code == 0
    assert KEY not in ran.out + ran.err
    assert KEY not in callreel("settings").out
    assert kept(data).keys() == {"r1"}


@pytest.mark.usefixtures("tenant")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--from", "calls.example.org"), "The address must look like https://calls.example.org."),
        (("--from", "https://a:b@calls.example.org"), "The address holds more than a server"),
        (("--from", "http://127.0.0.1:1", "--since", "soon"), "Give a date such as 2026-03-29"),
        (("--from", "http://127.0.0.1:1", "--tenant", "Nobody"), "There is no such tenant"),
    ],
)
def test_what_is_wrong_with_the_command_is_told_in_a_sentence(
    callreel: Command, key_file: Path, arguments: tuple[str, ...], says: str
) -> None:
    ran = callreel("mirror", *arguments, "--key-file", str(key_file))
    assert ran.code == 1
    assert ran.err.startswith(f"callreel: {says}")


@pytest.mark.usefixtures("tenant")
@pytest.mark.parametrize("content", [None, b"", b"\n", "klucz-ż".encode()])
def test_a_file_without_a_key_is_told_without_its_place(
    callreel: Command, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    ran = callreel(*MIRROR, "http://127.0.0.1:1", "--key-file", str(path))
    assert ran.code == 1
    assert "key" in ran.err
    assert str(path) not in ran.err


@pytest.mark.usefixtures("tenant")
def test_a_key_that_the_service_refuses_ends_the_command(
    callreel: Command, scripted: ScriptedServer, key_file: Path
) -> None:
    scripted.play(Service([], {}, faults=0))
    key_file.write_text("other")
    ran = callreel(*MIRROR, scripted.url, "--key-file", str(key_file), "--follow")
    assert ran.code == 1
    assert ran.err.endswith(
        "callreel: The server refused the key; check that it is whole and still valid.\n"
    )


def big_account() -> Held:
    return account_of((record(n) for n in range(60)), milliseconds=1_000)


@pytest.mark.usefixtures("tenant")
def test_a_mirror_that_is_killed_again_and_again_ends_with_the_same_archive(
    start: Start, scripted: ScriptedServer, key_file: Path, data: Path
) -> None:
    held = big_account()
    service = Service(held.records, held.audio, faults=15)
    scripted.play(_slowly(service))
    given = (*MIRROR, scripted.url, "--key-file", str(key_file), "--since", "2026-03-01")
    chance = random.Random(11)
    for _ in range(5):
        process = start(*given)
        before = len(scripted.asked)
        wanted = before + chance.randrange(1, 30)
        end = time.monotonic() + DEADLINE
        while len(scripted.asked) < wanted and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.005)
        process.kill()
        process.communicate()
    service.faults = 0
    last = start(*given)
    out, err = last.communicate(timeout=DEADLINE)
    assert (last.returncode, err) == (0, ""), out
    assert digests(data) == held.digests
    assert stored(data) == sorted(held.digests.values())


@pytest.mark.usefixtures("tenant")
@pytest.mark.parametrize(
    ("ending", "more", "heard"),
    [
        (signal.SIGTERM, ("--follow",), signal.default_int_handler),
        (signal.SIGTERM, ("--follow",), signal.SIG_IGN),
        (signal.SIGINT, ("--follow",), signal.default_int_handler),
        (signal.SIGINT, (), signal.default_int_handler),
    ],
)
def test_it_ends_well_in_the_midst_of_copying(
    *,
    start: Start,
    scripted: ScriptedServer,
    key_file: Path,
    data: Path,
    ending: signal.Signals,
    more: tuple[str, ...],
    heard: Callable[..., object] | signal.Handlers,
) -> None:
    held = big_account()
    scripted.play(_slowly(Service(held.records, held.audio, faults=0), 0.1))
    ours = signal.signal(signal.SIGINT, heard)  # what is ignored here, is so in what is started
    process = start(*MIRROR, scripted.url, "--key-file", str(key_file), *more)
    signal.signal(signal.SIGINT, ours)
    end = time.monotonic() + DEADLINE
    while not any(asked.path != PATH for asked in scripted.asked):
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(ending)
    _, told = process.communicate(timeout=DEADLINE)
    assert process.returncode == (0 if more else 130)
    hello = "callreel: mirroring for Acme; Ctrl-C ends it.\n"
    safe = "callreel: interrupted; what was taken in is safe, run it again to finish.\n"
    assert told == (hello if more else safe)
    assert digests(data).items() <= held.digests.items()


@pytest.mark.usefixtures("tenant")
def test_it_tells_how_far_it_is(
    callreel: Command,
    scripted: ScriptedServer,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror_command, "TELL_EVERY", 0.0)
    held = account_of([record(0), record(1, at=NOON + 40 * 86_400)])
    scripted.play(Service(held.records, held.audio, faults=0))
    ran = callreel(*MIRROR, scripted.url, "--key-file", str(key_file), "--since", "2026-03-01")
    assert ran.err.splitlines()[0] == "callreel: 1 looked at, to 2026-03-01 00:00:00 UTC."
    assert ran.err.splitlines()[1].startswith("callreel: 2 looked at, to 2026-0")


def _slowly(service: Service, seconds: float = 0.01) -> Any:
    def answer(asked: Asked) -> Reply:
        time.sleep(seconds)
        return service(asked)

    return answer


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.usefixtures("tenant")
def test_following_takes_in_what_appears_later_over_kills_until_it_is_told_to_end(
    callreel: Command, start: Start, scripted: ScriptedServer, key_file: Path, data: Path
) -> None:
    now = int(time.time())
    held = account_of(record(n, at=now - 3_600 * n) for n in range(5))
    service = Service(held.records[:1], held.audio, held.records[1:], faults=0, hasty=False)
    scripted.play(service)
    since = format_time(now - 90_000).replace(" ", "T")
    given = (*MIRROR, scripted.url, "--key-file", str(key_file), "--since", since, "--follow")
    first = start(*given, "--every", "1")
    assert line_of(first).endswith("taken in r0")
    service.arrive(1)
    assert line_of(first).endswith("taken in r1")
    first.kill()
    first.wait(DEADLINE)
    service.arrive(1)
    second = start(*given, "--every", "1")
    assert line_of(second).endswith("taken in r2")
    service.faults = 100
    service.arrive(1)
    time.sleep(0.1)
    service.faults = 0
    assert line_of(second).endswith("taken in r3")
    second.send_signal(signal.SIGTERM)
    _, told = second.communicate(timeout=DEADLINE)
    assert second.returncode == 0
    assert told == "callreel: mirroring for Acme; Ctrl-C ends it.\n"
    assert digests(data).keys() == {"r0", "r1", "r2", "r3"}
    runs = callreel("imports", "list", "--json").json()
    assert [run["ended"] is None for run in runs] == [False, True]
