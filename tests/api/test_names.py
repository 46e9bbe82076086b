from __future__ import annotations

import pytest

from support import PROJECT, Running, a_call


def named(server: Running, path: str, key: str = "all") -> dict[int, str | None]:
    data = server.ask("GET", path, key).json()["data"]
    found = {each["id"]: each["name"] for each in data}
    assert list(found) == sorted(found)
    return found


def test_projects_and_users_are_known_by_their_calls(server: Running, sound: bytes) -> None:
    call = a_call(project_id=PROJECT, project_name="Zamówienia", tenant_user_id=94)
    server.add(sound, {**call, "tenant_user_name": "Zofia Lis"})
    server.add(sound, a_call(dialog_uuid="else", project_id=2, tenant_user_id=3))
    assert named(server, "/project") == {2: None, PROJECT: "Zamówienia"}
    assert named(server, "/tenant_user") == {3: None, 94: "Zofia Lis"}
    assert named(server, "/project", "narrowed") == {PROJECT: "Zamówienia"}
    assert named(server, "/tenant_user", "narrowed") == {94: "Zofia Lis"}
    assert named(server, "/project", "other") == {}
    assert named(server, "/tenant_user", "other") == {}


def test_a_tag_is_named_once(server: Running) -> None:
    new = server.ask("POST", "/custom_tag", "manage", json={"name": "Skarga"})
    again = server.ask("POST", "/custom_tag", json={"name": "Skarga"})
    assert (new.status_code, again.status_code) == (201, 200)
    assert new.json() == again.json()
    tag = new.json()["data"]
    assert named(server, "/custom_tag", "read")[tag["id"]] == "Skarga"
    assert tag["id"] not in named(server, "/custom_tag", "other")


def test_spaces_around_a_name_are_no_part_of_it(server: Running) -> None:
    spaced = server.ask("POST", "/custom_tag", json={"name": "  On hold "})
    assert (spaced.status_code, spaced.json()["data"]["name"]) == (201, "On hold")
    assert server.ask("POST", "/custom_tag", json={"name": "On hold"}).status_code == 200


def test_a_tag_may_be_given_its_id(server: Running) -> None:
    answer = server.ask("POST", "/custom_tag", json={"name": "Chosen", "id": 1717})
    assert (answer.status_code, answer.json()["data"]) == (201, {"id": 1717, "name": "Chosen"})
    for clash in ({"name": "Else", "id": 1717}, {"name": "Chosen", "id": 1718}):
        assert server.ask("POST", "/custom_tag", json=clash).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[]",
        '{"name": ""}',
        '{"name": "   "}',
        '{"name": null}',
        '{"name": 1}',
        '{"name": "a\\u0000b"}',
        '{"name": "a\\nb"}',
        '{"name": "\\ud800"}',
        '{"name": "a", "name": "b"}',
        '{"name": "a", "colour": "red"}',
        '{"name": "a", "id": 0}',
        '{"name": "a", "id": -1}',
        '{"name": "a", "id": 9223372036854775808}',
        '{"name": "a", "id": 1.0}',
        '{"name": "%s"}' % ("x" * 101),
    ],
)
def test_a_bad_tag_is_refused(server: Running, body: str) -> None:
    before = named(server, "/custom_tag")
    headers = {"Content-Type": "application/json"}
    answer = server.ask("POST", "/custom_tag", data=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_recording")
    assert named(server, "/custom_tag") == before


@pytest.mark.parametrize("path", ["/custom_tag", "/project", "/tenant_user"])
def test_names_take_no_parameters(server: Running, path: str) -> None:
    assert server.ask("GET", path + "?limit=1").status_code == 400
