"""What the reference says of a schema, a parameter, an answer, in words and as a command."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callreel.api.limits import Limits
from callreel.api.routes import document
from callreel.web.curl import command
from callreel.web.document import Field, Reply, Shown, groups, objects
from callreel.web.kinds import kind_of, looked_up
from callreel.web.prose import prose

MOST = (1 << 63) - 1
NAMES: dict[str, Any] = {
    "components": {
        "schemas": {
            "Id": {"type": "integer", "minimum": 1, "maximum": 9000},
            "Again": {"$ref": "#/components/schemas/Id"},
        }
    }
}
ID = {"$ref": "#/components/schemas/Id"}


@pytest.fixture(scope="module")
def shown() -> dict[str, Shown]:
    """All operations of the real document, by their names."""
    return {each.id: each for group in groups(document(Limits())).values() for each in group}


def field(fields: tuple[Field, ...], name: str) -> Field:
    (found,) = [each for each in fields if each.name == name]
    return found


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, "anything"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "object"}, "object"),
        ({"type": "null"}, "null"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "number"),
        ({"type": "integer"}, "whole number"),
        ({"type": "integer", "minimum": 1}, "whole number"),
        ({"type": "integer", "minimum": 0, "maximum": 9}, "whole number, 0 to 9"),
        ({"type": "integer", "maximum": 10_000}, "whole number, at most 10,000"),
        ({"type": "integer", "minimum": -MOST - 1, "maximum": MOST}, "whole number of 64 bits"),
        (
            {"type": "integer", "minimum": 0, "maximum": MOST - 1},
            "whole number, 0 to 9,223,372,036,854,775,806",
        ),
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 64}, "text, at most 64 characters"),
        ({"type": "string", "minLength": 1, "maxLength": 64}, "text, 1 to 64 characters"),
        ({"type": "string", "enum": ["a", "b"]}, "one of a, b"),
        ({"enum": [0, 1, None]}, "one of 0, 1, None"),
        ({"type": "string", "contentMediaType": "audio/wav"}, "bytes"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        (
            {"type": "array", "items": {"type": "integer"}, "maxItems": 50},
            "list of whole number, at most 50 items",
        ),
        (
            {"type": "array", "items": {"oneOf": [{}]}, "minItems": 1, "maxItems": 3},
            "list of conditions, 1 to 3 items",
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or null"),
        (
            {"anyOf": [ID, {"type": "array", "items": ID, "maxItems": 1000}]},
            "whole number, 1 to 9,000 or a list of such, at most 1,000 items",
        ),
        (
            {"anyOf": [ID, {"type": "array", "items": ID, "minItems": 2, "maxItems": 3}]},
            "whole number, 1 to 9,000 or a list of such, 2 to 3 items",
        ),
        (
            {"anyOf": [ID, {"type": "array", "items": {"type": "string"}}]},
            "whole number, 1 to 9,000 or list of text",
        ),
        ({"$ref": "#/components/schemas/Again"}, "whole number, 1 to 9,000"),
    ],
)
def test_a_schema_is_said_in_words(schema: dict[str, Any], words: str) -> None:
    assert kind_of(NAMES, schema) == words


def test_what_is_referred_to_is_looked_up_to_its_end() -> None:
    assert looked_up(NAMES, {"$ref": "#/components/schemas/Again"})["maximum"] == 9000
    assert looked_up(NAMES, {"type": "string"}) == {"type": "string"}


def said(**holder: object) -> dict[str, Any]:
    return {"name": "x", "in": "query", **holder}


@pytest.mark.parametrize(
    ("method", "operation", "needs_key", "lines"),
    [
        ("GET", {"parameters": []}, False, ['curl "$URL/a/{x}"']),
        ("GET", {"parameters": [said()]}, True, ['curl "$URL/a/{x}"', '-H "Authorization: $KEY"']),
        (
            "GET",
            {"parameters": [said(example="it's 5")]},
            False,
            ['curl -G "$URL/a/{x}"', "--data-urlencode 'x=it'\"'\"'s 5'"],
        ),
        (
            "GET",
            {"parameters": [said(content={"application/json": {"example": [{"ż": None}]}})]},
            False,
            ['curl -G "$URL/a/{x}"', "--data-urlencode 'x=[{\"ż\": null}]'"],
        ),
        (
            "DELETE",
            {"parameters": [said(example="r1") | {"in": "path"}]},
            False,
            ['curl -X DELETE "$URL/a/r1"'],
        ),
        (
            "GET",
            {"parameters": [said(example="bytes=0-1") | {"in": "header"}]},
            False,
            ['curl "$URL/a/{x}"'],
        ),
        (
            "POST",
            {
                "parameters": [],
                "requestBody": {"content": {"application/json": {"example": {"id": 17}}}},
            },
            True,
            [
                'curl "$URL/a/{x}"',
                '-H "Authorization: $KEY"',
                "-H 'Content-Type: application/json'",
                "-d '{\"id\": 17}'",
            ],
        ),
        (
            "POST",
            {
                "parameters": [],
                "requestBody": {
                    "content": {"multipart/form-data": {"example": {"call": {"a": "b c"}}}}
                },
            },
            False,
            [
                'curl "$URL/a/{x}"',
                '-F \'call={"a": "b c"};type=application/json\'',
                "-F audio=@call.wav",
            ],
        ),
    ],
)
def test_a_command_is_ready_to_be_pasted(
    method: str, operation: dict[str, Any], needs_key: bool, lines: list[str]
) -> None:
    made = command(method, "/a/{x}", operation, needs_key=needs_key)
    assert made.split(" \\\n  ") == lines


def test_the_list_is_shown_with_its_parameters(shown: dict[str, Shown]) -> None:
    listing = shown["list_recordings"]
    assert (listing.method, listing.path) == ("GET", "/cdr_dialog_recording")
    assert listing.scope == "read"
    names = [each.name for each in listing.parameters]
    assert names == ["limit", "offset", "filter", "sort", "cursor", "count"]
    limit = field(listing.parameters, "limit")
    assert (limit.kind, limit.note) == ("whole number, 1 to 10,000; without it 500", "query")
    assert (limit.example, limit.rows) == ("100", ())
    assert field(listing.parameters, "cursor").example == ""
    count = field(listing.parameters, "count")
    assert (count.kind, count.example) == ("one of true, false; without it false", "true")
    found = field(listing.parameters, "filter")
    assert found.kind == "JSON: list of conditions, at most 50 items"
    assert json.loads(found.example)[0]["operator"] == "gte"
    assert field(listing.parameters, "sort").kind.startswith("JSON: list of object, 1 to ")


def test_every_property_of_the_filter_is_shown_with_operators_and_values(
    shown: dict[str, Shown],
) -> None:
    rows = {row[0]: row[1:] for row in field(shown["list_recordings"].parameters, "filter").rows}
    assert rows["talking_time"] == ("eq gt gte lt lte", "Milliseconds.")
    assert rows["start_time"][1] == "UTC, `YYYY-MM-DD HH:mm:ss`."
    items = f"{Limits().max_filter_items:,}"
    assert rows["project_id"] == (
        "eq",
        f"whole number of 64 bits or a list of such, at most {items} items",
    )
    assert rows["number_list"][1].startswith("text, 1 to 64 characters or a list of such")


def test_the_parts_of_a_form_and_the_fields_of_the_call_are_shown(shown: dict[str, Shown]) -> None:
    adding = shown["add_recording"]
    assert adding.body_type == "multipart/form-data"
    names = [each.name for each in adding.body]
    assert names[:2] == ["call", "audio"]
    assert all(name.startswith("call.") for name in names[2:])
    assert field(adding.body, "audio").kind == "bytes"
    assert field(adding.body, "call.dialog_uuid").note == ""
    assert field(adding.body, "call.project_id").note == "may be left out"


def test_a_body_of_json_is_shown_by_its_fields_alone(shown: dict[str, Shown]) -> None:
    adding = shown["add_tag"]
    assert adding.body_type == "application/json"
    assert [(each.name, each.note) for each in adding.body] == [
        ("name", ""),
        ("id", "may be left out"),
    ]
    assert (shown["get_health"].body, shown["get_health"].body_type) == ((), "")


def test_answers_and_errors_stand_apart_in_the_order_of_their_status(
    shown: dict[str, Shown],
) -> None:
    playing = shown["get_audio"]
    assert [each.status for each in playing.answers] == ["200", "206", "304"]
    statuses = [each.status for each in playing.errors]
    assert statuses == ["400", "401", "403", "404", "416", "422", "429", "503", "507"]
    whole = playing.answers[0]
    assert whole.types.split(", ")[0] == "audio/*"
    assert [name for name, _ in whole.headers] == ["ETag", "Accept-Ranges", "Content-Disposition"]
    assert whole.example == ""
    assert playing.answers[2] == Reply(
        "304", "The client has these bytes already.", headers=(whole.headers[0],)
    )


def test_an_error_is_shown_with_its_header_and_an_indented_example(
    shown: dict[str, Shown],
) -> None:
    (busy,) = [each for each in shown["get_ready"].errors if each.status == "503"]
    assert busy.says == ("Service Unavailable: The archive cannot answer just now.")
    assert busy.headers == (("Retry-After", "Seconds after which to ask again."),)
    assert busy.types == "application/json"
    assert busy.example.startswith('{\n  "error": {\n    "code": "')


def test_an_address_without_key_is_shown_without_scope_and_asked_without_it(
    shown: dict[str, Shown],
) -> None:
    health, tags = shown["get_health"], shown["list_tags"]
    assert (health.scope, health.curl) == ("", 'curl "$URL/health"')
    assert tags.scope == "read"
    assert tags.curl.endswith('-H "Authorization: $KEY"')
    assert health.errors == ()


def test_the_operations_stand_under_their_headings() -> None:
    headings = ["Recordings", "Names", "Call records", "Exports", "The server"]
    assert list(groups(document(Limits()))) == headings


def test_the_fields_of_a_recording_and_an_error_are_shown() -> None:
    found = objects(document(Limits()))
    assert list(found) == ["A recording", "An error"]
    assert field(found["A recording"], "talking_time").kind.startswith("whole number")
    assert field(found["A recording"], "answer_time").kind.endswith("or null")
    assert field(found["A recording"], "answer_time").says == "When it was answered; UTC."
    assert field(found["A recording"], "from_display_target").says == "The number, as it came."
    assert [each.name for each in found["An error"]] == ["code", "message", "field", "request_id"]
    assert field(found["An error"], "field").note == "may be left out"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", "<p></p>"),
        ("a `b` c", "<p>a <code>b</code> c</p>"),
        ("`b`", "<p><code>b</code></p>"),
        ("a\nb\n\nc", "<p>a\nb</p>\n<p>c</p>"),
        ("\"a\" 'b'", "<p>&#34;a&#34; &#39;b&#39;</p>"),
        ("`a` `b`", "<p><code>a</code> <code>b</code></p>"),
    ],
)
def test_prose_becomes_paragraphs(text: str, html: str) -> None:
    assert prose(text) == html
