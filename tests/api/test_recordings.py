from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callreel.api.wire import Bodies
from callreel.archive.facts import facts_of
from callreel.audio import Format
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import Facts, Reach, State
from callreel.wiring import DATABASE, DATABASE_LOG
from support import PATH, Running, a_call, a_sound, run, serve


@pytest.fixture
def recording(server: Running, sound: bytes, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A recording of the test's own."""
    return server.add(sound, a_call(dialog_uuid=request.node.name[:64]))


def place(recording: dict[str, Any], more: str = "") -> str:
    return f"{PATH}/{recording['recording_uuid']}{more}"


def tag(server: Running, name: str) -> int:
    answer = server.ask("POST", "/custom_tag", json={"name": name})
    number: int = answer.json()["data"]["id"]
    return number


def listed(server: Running, **condition: Any) -> list[str]:
    answer = server.ask("GET", PATH, params={"filter": json.dumps([condition])})
    return [each["recording_uuid"] for each in answer.json()["data"]]


def test_one_recording_is_as_the_list_shows_it(server: Running, recording: dict[str, Any]) -> None:
    one = server.ask("GET", place(recording), "read")
    assert one.json() == {"data": recording}
    assert one.headers["Cache-Control"] == "private, no-store"
    assert recording in server.ask("GET", PATH, "read").json()["data"]


def test_a_managing_key_sees_the_state_too(server: Running, recording: dict[str, Any]) -> None:
    answer = server.ask("GET", place(recording), "all")
    assert answer.json() == {"data": {**recording, "state": "available"}}


def test_what_is_not_available_is_there_for_a_managing_key_alone(
    server: Running, recording: dict[str, Any]
) -> None:
    def facts(body: bytes) -> Facts:
        return facts_of(Bodies().parse(body).call)

    async def withdraw() -> None:
        catalog = SqliteCatalog(server.data / "callreel.db")
        await catalog.withdraw(Reach(1), recording["recording_uuid"], State.SUSPECT, facts)
        await catalog.close()

    run(withdraw())
    assert server.ask("GET", place(recording), "read").status_code == 404
    assert server.ask("GET", place(recording, "/audio"), "listen").status_code == 404
    assert server.ask("GET", place(recording, "/peaks"), "listen").status_code == 404
    assert server.ask("GET", place(recording)).json()["data"]["state"] == "suspect"
    assert server.ask("GET", place(recording, "/audio")).status_code == 200
    assert recording not in server.ask("GET", PATH).json()["data"]


def test_tags_are_changed_and_found(server: Running, recording: dict[str, Any]) -> None:
    first, second = tag(server, "Complaint"), tag(server, "Praise")
    wanted = {"custom_tag_id_list": [second, first, second]}
    answer = server.ask("PATCH", place(recording), "manage", json=wanted)
    changed = {**recording, "custom_tag_id_list": sorted([first, second])}
    assert (answer.status_code, answer.json()) == (200, {"data": changed})
    assert server.ask("GET", place(recording), "read").json()["data"] == changed
    assert listed(server, property="custom_tag_id_list", value=second) == [
        changed["recording_uuid"]
    ]
    server.ask("PATCH", place(recording), json={"custom_tag_id_list": []})
    assert listed(server, property="custom_tag_id_list", value=second) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 422),
        ("{}", 422),
        ("[]", 422),
        ("{", 422),
        ('{"custom_tag_id_list": 1}', 422),
        ('{"custom_tag_id_list": [1.0]}', 422),
        ('{"custom_tag_id_list": ["1"]}', 422),
        ('{"custom_tag_id_list": [true]}', 422),
        ('{"custom_tag_id_list": [9223372036854775808]}', 422),
        ('{"custom_tag_id_list": [999]}', 422),
        ('{"custom_tag_id_list": [], "custom_tag_id_list": []}', 422),
        ('{"custom_tag_id_list": [], "talking_time": 1}', 422),
        ('{"custom_tag_id_list": [' + ",".join(["1"] * 1001) + "]}", 422),
        ("[" * 60_000, 422),
        (" " * 70_000, 413),
    ],
)
def test_bad_tags_are_refused(
    server: Running, recording: dict[str, Any], body: str, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = server.ask("PATCH", place(recording), data=body.encode(), headers=headers)
    assert answer.status_code == status
    assert server.ask("GET", place(recording), "read").json()["data"] == recording


def test_an_unknown_tag_is_named_in_the_words_of_the_request(
    server: Running, recording: dict[str, Any]
) -> None:
    answer = server.ask("PATCH", place(recording), json={"custom_tag_id_list": [12345]})
    assert answer.json()["error"]["field"] == "custom_tag_id_list"


def test_tags_that_are_no_json_are_refused(server: Running, recording: dict[str, Any]) -> None:
    answer = server.ask("PATCH", place(recording), data={"custom_tag_id_list": "1"})
    assert answer.status_code == 415


def test_a_deleted_recording_is_gone(server: Running, recording: dict[str, Any]) -> None:
    answer = server.ask("DELETE", place(recording), "manage")
    gone = {"recording_uuid": recording["recording_uuid"]}
    assert (answer.status_code, answer.json()) == (200, {"data": gone})
    for more in ("", "/audio", "/peaks"):
        assert server.ask("GET", place(recording, more)).status_code == 404
    assert server.ask("DELETE", place(recording)).status_code == 404
    assert recording not in server.ask("GET", PATH).json()["data"]


def test_audio_that_two_recordings_share_outlives_one_of_them(
    server: Running, recording: dict[str, Any], sound: bytes
) -> None:
    other = server.add(sound, a_call(dialog_uuid="shares the audio"))
    server.ask("DELETE", place(recording))
    assert server.ask("GET", place(other, "/audio")).content == sound


def test_a_deleted_recording_may_come_again(server: Running, sound: bytes) -> None:
    call = a_call(dialog_uuid="comes again", recording_uuid="again")
    first = server.add(sound, call)
    server.ask("DELETE", place(first))
    assert server.upload(sound, call).status_code == 201
    assert server.ask("GET", place(first, "/audio")).content == sound


@pytest.mark.parametrize(
    "name",
    [
        "unknown",
        "..",
        "%2e%2e",
        "a%2Fb",
        "a%00",
        "%ff",
        "x" * 65,
        "a b",
        "'",
        "<script>",
        "%F0%9F%98%80",
    ],
)
def test_an_id_that_is_none_is_not_found(server: Running, name: str) -> None:
    for more in ("", "/audio", "/peaks"):
        answer = server.ask("GET", f"{PATH}/{name}{more}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_an_address_that_is_none_is_not_found(server: Running) -> None:
    for path in ("/", "/nothing", PATH + "/", "/health/", PATH + "/a/b", "//", "/static/../x"):
        answer = server.ask("GET", path, None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", PATH, "GET, HEAD, POST"),
        ("POST", PATH + "/x", "DELETE, GET, HEAD, PATCH"),
        ("DELETE", PATH + "/x/audio", "GET, HEAD"),
        ("OPTIONS", "/health", "GET, HEAD"),
        ("TRACE", "/docs", "GET, HEAD"),
    ],
)
def test_a_method_that_an_address_lacks_is_refused_with_those_that_it_has(
    server: Running, method: str, path: str, allowed: str
) -> None:
    answer = server.ask(method, path, None)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.json()["error"]["code"] == "method_not_allowed"


def holding(mark: bytes, folder: Path) -> set[str]:
    """Return the names of all files that hold these bytes."""
    return {each.name for each in folder.rglob("*") if each.is_file() and mark in each.read_bytes()}


def test_of_what_was_deleted_no_audio_is_on_the_disk_and_text_in_the_database_alone(
    tmp_path: Path, sound: bytes
) -> None:
    call = a_call(from_display_target="+48 999 123 777", project_id=1, project_name="Zq9x")
    with serve(tmp_path / "data") as running:
        audio = running.data / "audio"
        running.add(a_sound(tmp_path, 8), a_call(recording_uuid="another"))
        before = {each for each in audio.rglob("*") if each.is_file()}
        path = place(running.add(sound, call, name="heard.wav"))
        for each in ("audio", *(f"audio?format={each.value}" for each in Format), "peaks"):
            assert running.ask("GET", f"{path}/{each}").status_code == 200
        made = {each for each in audio.rglob("*") if each.is_file()} - before
        marks = [each.read_bytes()[-200:] for each in made]
        assert len(made) == 1 + len(Format) + 1
        assert all(holding(each, running.data) for each in marks)

        assert running.ask("DELETE", path).status_code == 200
        assert {each for each in audio.rglob("*") if each.is_file()} == before
        assert [holding(each, running.data) for each in marks] == [set()] * len(made)
        for text in (b"999 123 777", b"48999123777", b"Zq9x", b"heard.wav"):
            assert holding(text, running.data) <= {DATABASE, DATABASE_LOG}
