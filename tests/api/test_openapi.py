from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from callreel.api.errors import ANSWERS
from callreel.api.examples import example_call
from callreel.api.limits import Limits
from callreel.api.openapi import compose
from callreel.api.routes import ROUTES, document
from callreel.settings import Settings
from support import PATH, Running, a_sound, serve

CONFIGURATION = """
[[operations]]
# An empty cursor, or one beside an offset, is no place in a list.
include-name = "GET /cdr_dialog_recording"
checks.positive_data_acceptance.enabled = false

[[operations]]
# The same goes for the list of calls. Its parameters are those of the other, which is covered.
include-name = "GET /cdr_dialog"
checks.positive_data_acceptance.enabled = false
phases.coverage.enabled = false

[[operations]]
# Bytes that are no audio, and moments such as the 31st of February, are refused.
include-name = "POST /cdr_dialog_recording"
checks.positive_data_acceptance.enabled = false

[[operations]]
# Tags that do not exist are refused.
include-name = "PATCH /cdr_dialog_recording/{recording_uuid}"
checks.positive_data_acceptance.enabled = false

[[operations]]
# A filter may ask for moments such as the 31st of February, and only so many exports may wait.
include-name = "POST /export"
checks.positive_data_acceptance.enabled = false
# A list that is far too long is too large before it is read.
checks.negative_data_rejection.expected-statuses = ["400", "401", "413", "415", "422", "429"]

[[operations]]
# A range may lie outside of the file.
include-name = "GET /export/{export_id}/file"
checks.positive_data_acceptance.enabled = false

[[operations]]
# Variables that tell of no channel, and text that is no XML, are refused.
include-name = "POST /ingest/freeswitch"
checks.positive_data_acceptance.enabled = false
"""

Document = dict[str, Any]


def operations(document: Document) -> list[tuple[str, Document]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def examples_of(value: Any) -> list[tuple[Document, Any]]:
    """Return each schema that has an example beside it, with the example."""
    found = []
    if isinstance(value, dict):
        if "schema" in value and "example" in value:
            found.append((value["schema"], value["example"]))
        for each in value.values():
            found += examples_of(each)
    elif isinstance(value, list):
        for each in value:
            found += examples_of(each)
    return found


def test_every_route_is_described_and_nothing_else() -> None:
    described = {name for name, _ in operations(document(Limits()))}
    assert described == {f"{route.method} {route.path}" for route in ROUTES}


def test_every_operation_has_a_name_of_its_own_and_a_summary() -> None:
    names = [operation["operationId"] for _, operation in operations(document(Limits()))]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for _, operation in operations(document(Limits())))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_tells_its_scope_and_what_may_go_wrong_with_a_key(route: Any) -> None:
    described = document(Limits())["paths"][route.path][route.method.lower()]
    if route.scope is None:
        assert described["security"] == []
    else:
        ways = ("key", "basic") if route.takes_basic else ("key",)
        assert described["security"] == [{way: [route.scope.value]} for way in ways]
        assert described["responses"].keys() >= {"401", "403", "429", "503"}
    variables = set(re.findall(r"{(\w+)}", route.path))
    assert variables == {each["name"] for each in described["parameters"] if each["in"] == "path"}


def test_every_error_of_the_api_is_described_with_its_code() -> None:
    described = document(Limits())["components"]["responses"]
    codes = {
        int(status): answer["content"]["application/json"]["example"]["error"]["code"]
        for status, answer in described.items()
    }
    assert codes == dict(ANSWERS.values())


def test_every_example_is_what_its_schema_says() -> None:
    whole = document(Limits())
    examples = examples_of(whole)
    assert len(examples) > 30
    for schema, example in examples:
        validator = jsonschema_rs.Draft202012Validator(
            {**schema, "components": whole["components"]}
        )
        validator.validate(example)


def test_the_limits_are_those_of_the_server() -> None:
    limits = Limits(
        max_limit=777,
        default_limit=77,
        max_filter_objects=7,
        max_filter_items=70,
        max_filter_bytes=7777,
        max_upload_bytes=77_777,
        max_call_bytes=7770,
    )
    listing = compose(ROUTES, limits)["paths"][PATH]["get"]
    limit, _, condition, *_ = listing["parameters"]
    assert (limit["schema"]["maximum"], limit["schema"]["default"]) == (777, 77)
    assert condition["content"]["application/json"]["schema"]["maxItems"] == 7
    assert "7777 bytes" in condition["description"]
    text = str(compose(ROUTES, limits))
    assert "77777 bytes of audio" in text
    assert "7770 bytes" in text


def test_the_limits_of_the_document_hold(server: Running) -> None:
    schema = server.ask("GET", "/openapi.json", None).json()["paths"][PATH]["get"]["parameters"]
    most = schema[0]["schema"]["maximum"]
    assert most == Settings().max_limit
    assert server.ask("GET", f"{PATH}?limit={most}").status_code == 200
    assert server.ask("GET", f"{PATH}?limit={most + 1}").status_code == 400


def test_the_document_takes_no_parameters(server: Running) -> None:
    assert server.ask("GET", "/openapi.json?x=1", None).status_code == 400


def test_whatever_the_document_allows_is_answered_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        *("--phases", "examples,coverage,fuzzing", "-n", "20", "--seed", "1"),
        *("--continue-on-failure", "--warnings", "off", "--no-color"),
    ]
    with serve(tmp_path / "data") as server:
        server.add(a_sound(tmp_path), example_call())
        for tag in (3, 17):
            server.ask("POST", "/custom_tag", json={"name": f"Tag {tag}", "id": tag})
        key = f"Authorization: {server.keys['all']}"
        ran = subprocess.run(
            [*command, "-H", key, f"{server.url}/openapi.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
