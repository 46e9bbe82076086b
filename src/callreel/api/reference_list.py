"""What the reference says of the list and of each of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from callreel.api.examples import example_recording, example_unrecorded
from callreel.api.filters import BOUNDS, MAX_TEXT_CHARS
from callreel.api.limits import HIGHEST_INT, LOWEST_INT, Limits
from callreel.api.openapi import Answer, Operation, Parameter, Schema, data_of, ref
from callreel.api.params import DIRECTIONS
from callreel.api.wire import CALL_FILTERS, FILTERS, SORTS, Property
from callreel.model import DialogType, Direction

TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer", "minimum": LOWEST_INT, "maximum": HIGHEST_INT}
MOMENT: Final[Schema] = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\d ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$",
    "description": "UTC, `YYYY-MM-DD HH:mm:ss`.",
}
NAME_OF: Final = {meaning: name for name, meaning in reversed(CALL_FILTERS.items())}
"""The first name of each property of a filter."""


def listing(limits: Limits) -> Operation:
    """Describe the list."""
    return Operation(
        id="list_recordings",
        summary="List recordings",
        says="The recordings that are there and may be heard, with their calls. Without a sort: "
        "by the start of the call, then by arrival. To read all of a long list, follow the "
        "address in the header `Link` until there is none: it neither skips nor repeats.",
        parameters=_parameters(limits, FILTERS),
        answers=_page_of("WireRecording", [example_recording()]),
        errors=(400,),
    )


def listing_calls(limits: Limits) -> Operation:
    """Describe the list of calls."""
    return Operation(
        id="list_calls",
        summary="List calls",
        says="Every call that is known, with or without recording, each once. It has the fields of "
        "a recording; those that tell of the audio are null where there is none, and where there "
        "are several recordings they tell of the first. All else is as in the list of recordings.",
        parameters=_parameters(limits, CALL_FILTERS),
        answers=_page_of("WireListedCall", [example_recording(), example_unrecorded()]),
        errors=(400,),
    )


def _parameters(limits: Limits, filters: Mapping[str, Property]) -> tuple[Parameter, ...]:
    return (
        _limit(limits),
        Parameter(
            name="offset",
            says="Skip so many. Not together with `cursor`.",
            schema={"type": "integer", "minimum": 0, "maximum": limits.max_offset},
        ),
        Parameter(
            name="filter",
            says=_filter_says(limits),
            schema=filter_schema(limits, filters),
            example=[
                {
                    "property": NAME_OF[Property.STARTED],
                    "operator": "gte",
                    "value": "2025-03-14 00:00:00",
                },
                {"property": NAME_OF[Property.NUMBERS], "value": ["+48 22 123 45 67"]},
            ],
            json_text=True,
        ),
        Parameter(
            name="sort",
            says="By what to sort, the most important first. Without `direction`: ascending.",
            schema=sort_schema(),
            example=[{"property": next(iter(SORTS)), "direction": "DESC"}],
            json_text=True,
        ),
        Parameter(
            name="cursor",
            says="The place in a list, from the header `Link`; opaque.",
            schema=TEXT,
        ),
        Parameter(
            name="count",
            says="Whether to say in the header `X-Total-Count` how many match in all.",
            schema={**TEXT, "enum": ["true", "false"], "default": "false"},
            example="true",
        ),
    )


def _page_of(schema: str, example: list[dict[str, Any]]) -> dict[int, Answer]:
    return {
        200: Answer(
            says="A page of the list.",
            schemas=data_of({"type": "array", "items": ref(schema)}),
            example={"data": example},
            headers={
                "Link": 'The address of the next page, with `rel="next"`; none on the last.',
                "X-Total-Count": "How many match in all, where `count` is `true`.",
            },
        )
    }


def _limit(limits: Limits) -> Parameter:
    return Parameter(
        name="limit",
        says="At most so many.",
        schema={
            "type": "integer",
            "minimum": 1,
            "maximum": limits.max_limit,
            "default": limits.page,
        },
        example=100,
    )


def _filter_says(limits: Limits) -> str:
    return (
        "Which ones: a JSON list of conditions that must all hold. A list as value matches "
        "any of its items, and an empty one nothing; no `operator`, or `null`, means `eq`. A "
        "number matches either side of the call, in whatever spelling. At most "
        f"{limits.max_filter_objects} conditions, {limits.max_filter_items} items in a list, "
        f"{limits.max_number_chars} characters in a number and {limits.max_filter_bytes} bytes "
        "in all."
    )


def filter_schema(limits: Limits, filters: Mapping[str, Property] = FILTERS) -> Schema:
    """Return the schema of a filter."""
    number = {**TEXT, "minLength": 1, "maxLength": limits.max_number_chars}
    single: dict[Property, Schema] = {
        Property.TALKING: {**WHOLE, "description": "Milliseconds."},
        Property.STARTED: MOMENT,
        Property.HUNG_UP: MOMENT,
    }
    word = {**TEXT, "maxLength": MAX_TEXT_CHARS}
    listed: dict[Property, Schema] = {
        Property.NUMBERS: number,
        Property.TYPES: {"enum": list(DialogType)},
        Property.DIRECTIONS: {"enum": list(Direction)},
        Property.SOURCE_CALLS: word,
        Property.AGENTS: {**word, "description": "No call has one, so nothing matches."},
    }
    conditions = []
    for name, meaning in filters.items():
        if meaning in single:
            operators, value = list(BOUNDS), single[meaning]
        else:
            item = listed.get(meaning, WHOLE)
            many = {"type": "array", "items": item, "maxItems": limits.max_filter_items}
            operators, value = ["eq"], {"anyOf": [item, many]}
        conditions.append(_condition(name, operators, value))
    return {
        "type": "array",
        "maxItems": limits.max_filter_objects,
        "items": {"oneOf": conditions},
    }


def _condition(name: str, operators: list[str], value: Schema) -> Schema:
    return {
        "title": name,
        "type": "object",
        "properties": {
            "property": {"const": name},
            "operator": {"enum": [*operators, None], "default": "eq"},
            "value": value,
        },
        "required": ["property", "value"],
        "additionalProperties": False,
    }


def sort_schema() -> Schema:
    """Return the schema of a sort."""
    key = {
        "type": "object",
        "properties": {
            "property": {"enum": list(SORTS)},
            "direction": {"enum": [*DIRECTIONS, None], "default": "ASC"},
        },
        "required": ["property"],
        "additionalProperties": False,
    }
    return {"type": "array", "minItems": 1, "maxItems": len(SORTS), "items": key}
