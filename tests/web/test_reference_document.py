"""What the OpenAPI document promises, address by address, under the limits that hold."""

from __future__ import annotations

from typing import Any

import pytest

from callreel import __version__
from callreel.api.limits import Limits
from callreel.api.openapi import Answer, Operation, Parameter, Route, compose
from callreel.api.routes import document
from callreel.model import Scope

WHOLE = document(Limits())
OPERATIONS = {
    operation["operationId"]: operation
    for methods in WHOLE["paths"].values()
    for operation in methods.values()
}
READ = "200 400 401 403 429 503"
WRITE = "401 403 408 409 413 415 422 429 503 507"


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("list_recordings", READ),
        ("add_recording", f"200 201 400 {WRITE}"),
        ("get_recording", "200 400 401 403 404 429 503"),
        ("tag_recording", "200 400 401 403 404 408 413 415 422 429 503 507"),
        ("delete_recording", "200 400 401 403 404 429 503 507"),
        ("get_audio", "200 206 304 400 401 403 404 416 422 429 503 507"),
        ("get_peaks", "200 400 401 403 404 422 429 503"),
        ("list_tags", READ),
        ("add_tag", f"200 201 400 {WRITE}"),
        ("list_projects", READ),
        ("list_users", READ),
        ("get_openapi", "200 400"),
        ("get_health", "200"),
        ("get_ready", "200 503"),
        ("get_metrics", "200"),
    ],
)
def test_an_operation_tells_every_status_that_it_may_have(name: str, statuses: str) -> None:
    assert " ".join(sorted(OPERATIONS[name]["responses"])) == statuses


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("list_recordings", "read"),
        ("add_recording", "ingest"),
        ("get_recording", "read"),
        ("tag_recording", "manage"),
        ("delete_recording", "manage"),
        ("get_audio", "listen"),
        ("get_peaks", "listen"),
        ("add_tag", "manage"),
    ],
)
def test_an_operation_tells_the_scope_that_it_takes(name: str, scope: str) -> None:
    assert OPERATIONS[name]["security"] == [{"key": [scope]}]


def test_all_that_is_in_a_path_is_required_and_the_channel_of_a_record() -> None:
    required = {
        each["name"]: each["in"]
        for operation in OPERATIONS.values()
        for each in operation["parameters"]
        if each["required"]
    }
    assert required == {"recording_uuid": "path", "export_id": "path", "uuid": "query"}
    bodies = [name for name, each in OPERATIONS.items() if "requestBody" in each]
    assert bodies == [
        "add_recording",
        "tag_recording",
        "add_tag",
        "add_freeswitch_record",
        "add_export",
    ]
    assert all(OPERATIONS[name]["requestBody"]["required"] for name in bodies)


@pytest.mark.parametrize(
    ("status", "header", "value"),
    [
        ("401", "WWW-Authenticate", 'Bearer realm="callreel"'),
        ("405", "Allow", "GET, HEAD"),
        ("416", "Content-Range", "bytes */496364"),
        ("429", "Retry-After", "1"),
        ("503", "Retry-After", "1"),
    ],
)
def test_an_error_tells_the_header_that_comes_along(status: str, header: str, value: str) -> None:
    headers = WHOLE["components"]["responses"][status]["headers"]
    assert list(headers) == [header]
    assert headers[header]["example"] == value


def test_other_errors_have_no_header_of_their_own() -> None:
    plain = [
        name for name, each in WHOLE["components"]["responses"].items() if "headers" not in each
    ]
    assert plain == ["400", "403", "404", "408", "409", "413", "415", "422", "507"]


def test_the_document_names_itself_its_form_and_where_the_key_goes() -> None:
    assert WHOLE["openapi"] == "3.1.0"
    assert (WHOLE["info"]["title"], WHOLE["info"]["version"]) == ("Callreel", __version__)
    assert WHOLE["servers"] == [{"url": "/"}]
    key = {"type": "apiKey", "in": "header", "name": "Authorization"}
    basic = {"type": "http", "scheme": "basic"}
    assert WHOLE["components"]["securitySchemes"] == {"key": key, "basic": basic}


def test_every_reference_leads_to_a_part_of_the_document() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, list):
            return [each for one in value for each in references(one)]
        if not isinstance(value, dict):
            return []
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for one in value.values() for each in references(one)]

    found = references(WHOLE)
    assert len(found) > 50
    for each in found:
        part = WHOLE
        for step in each.removeprefix("#/").split("/"):
            part = part[step]


LIMITS = Limits(max_offset=77_000, max_number_chars=17, max_filter_items=70)


def test_every_limit_of_a_list_is_the_one_that_holds() -> None:
    _, offset, condition, sort, _, count = document(LIMITS)["paths"]["/cdr_dialog_recording"][
        "get"
    ]["parameters"]
    assert offset["schema"] == {"type": "integer", "minimum": 0, "maximum": 77_000}
    words = condition["description"]
    assert "70 items in a list, 17 characters in a number" in words
    kinds = condition["content"]["application/json"]["schema"]["items"]["oneOf"]
    values = {each["title"]: each["properties"]["value"] for each in kinds}
    item, many = values["number_list"]["anyOf"]
    assert item == {"type": "string", "minLength": 1, "maxLength": 17}
    assert many == {"type": "array", "items": item, "maxItems": 70}
    assert count["schema"] == {"type": "string", "enum": ["true", "false"], "default": "false"}
    key = sort["content"]["application/json"]["schema"]["items"]
    assert key["properties"]["direction"] == {"enum": ["ASC", "DESC", None], "default": "ASC"}
    assert key["required"] == ["property"]


def test_every_condition_is_closed_and_needs_a_value() -> None:
    condition = OPERATIONS["list_recordings"]["parameters"][2]
    for each in condition["content"]["application/json"]["schema"]["items"]["oneOf"]:
        assert each["required"] == ["property", "value"]
        assert each["additionalProperties"] is False
        assert each["properties"]["property"] == {"const": each["title"]}
        assert each["properties"]["operator"]["default"] == "eq"
        assert None in each["properties"]["operator"]["enum"]


def described(operation: Operation, scope: Scope | None) -> dict[str, Any]:
    route = Route("GET", "/x", None, scope, lambda _: operation)
    found: dict[str, Any] = compose([route], Limits())["paths"]["/x"]["get"]
    return found


def test_what_is_not_said_of_an_operation_is_not_in_the_document() -> None:
    bare = Operation(id="a", summary="b", says="c", answers={204: Answer(says="d")})
    assert described(bare, None) == {
        "operationId": "a",
        "summary": "b",
        "description": "c",
        "tags": ["Recordings"],
        "security": [],
        "parameters": [],
        "responses": {"204": {"description": "d"}},
    }


@pytest.mark.parametrize("example", [0, False, "", [], 5])
def test_an_example_of_nothing_much_is_one_too(example: object) -> None:
    parameter = Parameter(name="p", says="q", schema={"type": "string"}, example=example)
    shown = described(
        Operation(id="a", summary="b", says="c", answers={}, parameters=(parameter,)), None
    )
    assert shown["parameters"] == [
        {
            "name": "p",
            "in": "query",
            "description": "q",
            "required": False,
            "schema": {"type": "string"},
            "example": example,
        }
    ]


def test_methods_of_one_address_stand_together_and_errors_are_named_once() -> None:
    operation = Operation(id="a", summary="b", says="c", answers={}, errors=(503, 404, 401))
    routes = [
        Route(method, "/x", None, Scope.READ, lambda _: operation) for method in ("GET", "DELETE")
    ]
    paths = compose(routes, Limits())["paths"]
    assert list(paths) == ["/x"]
    assert list(paths["/x"]) == ["get", "delete"]
    assert list(paths["/x"]["get"]["responses"]) == ["401", "403", "404", "429", "503"]
