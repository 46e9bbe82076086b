from __future__ import annotations

import hashlib
import json
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from callreel.cli import demo as demo_command
from callreel.cli.demo import encode_uri, guide, prepared
from callreel.demo.build import CALLS, VOICED, Demo, build, finished
from callreel.settings import Settings
from cli_runs import COMMAND, Command
from programs import is_here, needed

MADE = Demo(built_at=0, key="cr_one", other_key="cr_two", recording_id="0191-a")


class Seen(NamedTuple):
    """What came of a start after one that was killed in the middle, and of the start after it."""

    told: dict[str, Any]
    pid: int
    calls: list[dict[str, Any]]
    heard: list[requests.Response]
    sample: dict[str, Any] | None
    foreign: int
    first_end: tuple[int, str, str]
    second: dict[str, Any]
    second_end: tuple[int, str, str]


@contextmanager
def begun(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the real command; it is killed at the end if it did not end itself."""
    with subprocess.Popen(
        [*COMMAND, "demo", "--json", "--port", "0", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    told: dict[str, Any] = json.loads(line)
    return told


def kill_in_the_middle(data: Path) -> None:
    with begun(data) as process:
        deadline = time.monotonic() + 60
        while not list(data.glob("audio/**/*.peaks.json")) and time.monotonic() < deadline:
            assert process.poll() is None
    assert not (data / "keys.json").exists()


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def fetch(url: str, key: str) -> requests.Response:
    return requests.get(url, headers={"Authorization": key}, timeout=20)


def list_all(told: dict[str, Any], key: str) -> list[dict[str, Any]]:
    answer = fetch(f"{told['url']}/cdr_dialog_recording?limit=10000", told[key])
    calls: list[dict[str, Any]] = answer.json()["data"]
    return calls


def sample_in(text: str) -> str:
    """Return the published sample as it would be pasted into a shell."""
    return text[text.index("curl --request") :].partition("\n\n")[0]


def pasted(sample: str) -> dict[str, Any] | None:
    """Return what a shell answers to the sample, or None where there is no curl."""
    if not is_here("curl"):
        return None
    ran = subprocess.run(["sh", "-c", sample], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    data = tmp_path_factory.mktemp("first") / "demo"
    kill_in_the_middle(data)
    with begun(data) as process:
        told = line_of(process)
        first = look_around(told)
        made = finished(data)
        assert made is not None
        sample = pasted(sample_in(guide(told["url"], made)))
        first_end = end(process)
    with begun(data) as again:
        second = line_of(again)
        second_end = end(again)
    return Seen(
        told=told,
        pid=process.pid,
        sample=sample,
        first_end=first_end,
        second=second,
        second_end=second_end,
        **first,
    )


def look_around(told: dict[str, Any]) -> dict[str, Any]:
    """Return all calls, each different audio as it was fetched, and what one gets of the other."""
    lists = {name: list_all(told, name) for name in ("key", "other_key")}
    heard = [
        fetch(call["recording_url"], told[name])
        for name, calls in lists.items()
        for call in {call["recording_sha256"]: call for call in calls}.values()
    ]
    return {
        "calls": [*lists["key"], *lists["other_key"]],
        "heard": heard,
        "foreign": fetch(lists["key"][0]["recording_url"], told["other_key"]).status_code,
    }


def test_the_one_line_has_what_a_script_needs(seen: Seen) -> None:
    assert set(seen.told) == {"url", "key", "other_key", "pid"}
    assert seen.told["pid"] == seen.pid
    assert seen.told["url"].startswith("http://127.0.0.1:")


def test_there_are_more_than_two_thousand_calls_even_after_a_kill(seen: Seen) -> None:
    assert len(seen.calls) == CALLS
    assert CALLS >= 2_000


def test_calls_lie_in_the_last_90_days(seen: Seen) -> None:
    times = [datetime.fromisoformat(call["start_time"] + "Z") for call in seen.calls]

    assert min(times) > datetime.now(UTC) - timedelta(days=91)
    assert max(times) < datetime.now(UTC)


def test_all_audio_can_be_fetched_whole(seen: Seen) -> None:
    assert len(seen.heard) > VOICED
    assert {answer.status_code for answer in seen.heard} == {200}
    digests = {hashlib.sha256(answer.content).hexdigest() for answer in seen.heard}
    assert digests == {call["recording_sha256"] for call in seen.calls}


def test_a_tenant_does_not_see_the_others_recordings(seen: Seen) -> None:
    assert seen.foreign == 404


def test_the_sample_that_is_shown_runs_as_it_is(seen: Seen) -> None:
    needed("curl")
    assert seen.sample is not None
    assert len(seen.sample["data"]) == 3
    assert all(call["talking_time"] >= 60_000 for call in seen.sample["data"])


def test_nothing_else_is_on_standard_output_and_it_ends_well(seen: Seen) -> None:
    code, out, err = seen.first_end

    assert (code, out) == (0, "")
    assert err == "callreel: building the demonstration archive, a few seconds …\n"


def test_the_second_start_builds_nothing_and_has_the_same_keys(seen: Seen) -> None:
    assert seen.second_end == (0, "", "")
    assert [seen.second[name] for name in ("key", "other_key")] == [
        seen.told[name] for name in ("key", "other_key")
    ]


def test_the_guide_has_the_address_the_keys_and_a_recording() -> None:
    told = guide("http://127.0.0.1:9", MADE)

    assert "cr_one" in told
    assert "cr_two" in told
    assert "http://127.0.0.1:9/cdr_dialog_recording/0191-a/audio" in told
    assert "http://127.0.0.1:9/docs" in told


def test_the_guides_sample_is_the_published_one() -> None:
    words = shlex.split(sample_in(guide("http://127.0.0.1:9", MADE)).replace("\\\n", ""))

    assert words[:4] == ["curl", "--request", "GET", "--url"]
    assert words[5:] == [
        "--header", "Authorization: cr_one", "--header", "Content-Type: application/json",
    ]  # fmt: skip
    asked = parse_qs(urlsplit(words[4]).query)
    assert asked["limit"] == ["3"]
    assert asked["offset"] == ["0"]
    assert json.loads(asked["filter"][0])[0]["property"] == "talking_time"


def test_a_uri_is_encoded_as_javascript_does() -> None:
    assert encode_uri('[{"value":["+48 1","ż"]}]') == (
        "%5B%7B%22value%22:%5B%22+48%201%22,%22%C5%BC%22%5D%7D%5D"
    )


def test_a_folder_with_other_recordings_is_refused(callreel: Command, data: Path) -> None:
    callreel("tenant", "create", "Acme")

    told = callreel("demo", "--data", str(data), "--fresh", "--port", "0")

    assert told.code == 1
    assert told.err.startswith("callreel: This folder holds something else")
    assert callreel("tenant", "list", "--json").json() == [{"number": 1, "name": "Acme"}]


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (-1, ""),
        (0, ""),
        (30, ""),
        (31, "callreel: this demonstration is 31 days old; --fresh builds a new one.\n"),
        (45, "callreel: this demonstration is 45 days old; --fresh builds a new one.\n"),
    ],
)
def test_an_old_demonstration_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], days: int, says: str
) -> None:
    kept = replace(MADE, built_at=int(time.time()) - days * 86_400 - 60)
    (tmp_path / "keys.json").write_text(json.dumps(asdict(kept)))

    assert prepared(Settings(data=tmp_path), fresh=False) == kept

    assert capsys.readouterr() == ("", says)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build demonstrations of a few calls only, but of so many that each tenant has some."""

    async def small(settings: Settings, *, now: int) -> Demo:
        return await build(replace(settings, free_space_reserve=0), now=now, calls=40, voiced=1)

    monkeypatch.setattr(demo_command, "build", small)


def test_a_fresh_demonstration_has_new_keys_and_nothing_of_the_old_one(
    tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(asdict(MADE)))
    (tmp_path / "audio" / "9").mkdir(parents=True)

    made = prepared(Settings(data=tmp_path), fresh=True)

    assert made == finished(tmp_path)
    assert made.key != MADE.key
    assert not (tmp_path / "audio" / "9").exists()
    assert abs(made.built_at - time.time()) < 60
    assert capsys.readouterr().err == (
        "callreel: building the demonstration archive, a few seconds …\n"
    )


def test_a_demonstration_is_served_here_alone_whatever_is_set(
    callreel: Command, data: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "HOST": "0.0.0.0",
        "PUBLIC_URL": "https://calls.example.org",
        "WORKERS": "4",
        "MAX_LIMIT": "77",
    }.items():
        monkeypatch.setenv(f"CALLREEL_{name}", value)
    serve = Mock(side_effect=lambda _settings, _listening, say: say())
    monkeypatch.setattr(demo_command, "serve_alone", serve)
    folder = data.with_name("shown")

    told = callreel("demo", "--port", "0", "--data", str(folder), "--json")

    settings, _, _ = serve.call_args.args
    assert (settings.data, settings.workers, settings.public_url) == (folder, 1, None)
    assert (settings.access_log, settings.max_limit) == (False, 77)
    assert told.json()["url"].startswith("http://127.0.0.1:")
    assert not data.exists()
    again = callreel("demo", "--port", "0", "--data", str(folder))
    assert f"key of the first tenant    {told.json()['key']}\n" in again.out
    assert again.err == ""


def test_a_taken_port_is_said_before_anything_is_built(
    callreel: Command, tmp_path: Path, quick: None
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])

        told = callreel("demo", "--port", port, "--data", str(tmp_path / "demo"))

    assert (told.code, told.out) == (1, "")
    assert told.err.startswith(f"callreel: Port {port} of 127.0.0.1 cannot be had")
    assert finished(tmp_path / "demo") is None
