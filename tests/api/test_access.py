from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from callreel.api.openapi import Route
from callreel.api.routes import ROUTES
from callreel.model import Scope
from support import PROJECT, Running, a_call, ended_export

NEEDING_A_KEY = [route for route in ROUTES if route.scope is not None]
OF_ONE = [route for route in NEEDING_A_KEY if "{" in route.path]
OPEN = [route for route in ROUTES if route.scope is None]
BODIES: dict[str, dict[str, Any]] = {
    "PATCH": {"json": {"custom_tag_id_list": []}},
    "POST": {"files": {"call": (None, json.dumps(a_call())), "audio": ("a.wav", b"RIFF")}},
}


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def ask(
    server: Running, route: Route, key: str | None, recording_id: str, export_id: str = "unknown"
) -> requests.Response:
    path = route.path.format(recording_uuid=recording_id, export_id=export_id)
    body = {"json": {"name": "Tag"}} if route.path == "/custom_tag" else BODIES.get(route.method)
    return server.ask(route.method, path, key, **(body if route.method in BODIES and body else {}))


def error_of(answer: requests.Response) -> dict[str, Any]:
    """Return what an error says, without the id that differs each time."""
    error: dict[str, Any] = answer.json()["error"]
    assert error.pop("request_id") == answer.headers["X-Request-Id"]
    return error


@pytest.fixture(scope="module")
def own(server: Running, sound: bytes) -> str:
    """A recording of the first tenant, in no project of the narrowed key."""
    recording_id: str = server.add(sound, a_call(project_id=PROJECT + 1))["recording_uuid"]
    return recording_id


@pytest.fixture(scope="module")
def export_id(server: Running) -> str:
    """A finished export of the first tenant, of more than the narrowed key reaches."""
    made: str = server.ask("POST", "/export", json={"format": "csv"}).json()["data"]["id"]
    assert ended_export(server, made)["state"] == "finished"
    return made


@pytest.mark.parametrize("route", NEEDING_A_KEY, ids=name_of)
@pytest.mark.parametrize("key", [None, "", "wrong", "cr_00000000_" + "A" * 43, "key with spaces"])
def test_no_route_answers_without_a_valid_key(
    server: Running, own: str, route: Route, key: str | None
) -> None:
    answer = ask(server, route, key, own)
    assert (answer.status_code, error_of(answer)["code"]) == (401, "not_authenticated")
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("route", NEEDING_A_KEY, ids=name_of)
@pytest.mark.parametrize("scope", Scope)
def test_every_route_takes_its_own_scope_and_no_other(
    server: Running, own: str, route: Route, scope: Scope
) -> None:
    if scope is route.scope:
        return
    answer = ask(server, route, scope.value, own)
    assert (answer.status_code, error_of(answer)["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("route", NEEDING_A_KEY, ids=name_of)
def test_a_key_without_the_scope_learns_nothing_of_what_else_is_wrong(
    server: Running, route: Route
) -> None:
    other = Scope.READ if route.scope is not Scope.READ else Scope.INGEST
    path = route.path.format(recording_uuid="unknown", export_id="unknown")
    body = {"data": b"x"} if route.method in BODIES else {}
    answer = server.ask(route.method, f"{path}?colour=red", other.value, **body)
    if route.handler is None:  # the list, whose parameters are judged first
        answer = server.ask(route.method, path, other.value)
    assert (answer.status_code, error_of(answer)["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("route", OF_ONE, ids=name_of)
@pytest.mark.parametrize("key", ["other", "narrowed"])
def test_what_is_out_of_reach_is_answered_as_if_it_were_not_there(
    server: Running, own: str, export_id: str, route: Route, key: str
) -> None:
    foreign, unknown = ask(server, route, key, own, export_id), ask(server, route, key, "unknown")
    assert foreign.status_code == unknown.status_code == 404
    assert error_of(foreign) == error_of(unknown)
    assert {name.lower() for name in foreign.headers} == {name.lower() for name in unknown.headers}
    assert server.ask("GET", f"/cdr_dialog_recording/{own}").status_code == 200


def test_a_tenant_may_have_the_same_id_and_audio_as_another(server: Running, sound: bytes) -> None:
    call = a_call(recording_uuid="shared", project_id=PROJECT)
    assert server.upload(sound, call).status_code == 201
    assert server.upload(sound, call, key="other").status_code == 201
    assert server.ask("DELETE", "/cdr_dialog_recording/shared", "other").status_code == 200
    assert server.ask("GET", "/cdr_dialog_recording/shared/audio", "narrowed").content == sound


@pytest.mark.parametrize("route", OPEN, ids=name_of)
def test_an_open_route_takes_no_key(server: Running, own: str, route: Route) -> None:
    assert ask(server, route, None, own).status_code == 200
    assert ask(server, route, "wrong", own).status_code == 200


@pytest.mark.parametrize("route", [each for each in ROUTES if each.method == "GET"], ids=name_of)
def test_a_head_is_answered_wherever_a_get_is(
    server: Running, own: str, export_id: str, route: Route
) -> None:
    path = route.path.format(recording_uuid=own, export_id=export_id)
    got, head = server.ask("GET", path), server.ask("HEAD", path)
    assert (got.status_code, head.status_code, head.content) == (200, 200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


@pytest.mark.parametrize("key", ["Bearer {}", "bearer {}", "{}"])
def test_a_key_is_taken_with_and_without_bearer(server: Running, own: str, key: str) -> None:
    given = {"Authorization": key.format(server.keys["read"])}
    path = f"/cdr_dialog_recording/{own}"
    assert server.ask("GET", path, None, headers=given).status_code == 200


def test_a_key_in_the_address_is_no_key(server: Running, own: str) -> None:
    path = f"/cdr_dialog_recording/{own}/audio?Authorization={server.keys['all']}"
    assert server.ask("GET", path, None).status_code == 401
