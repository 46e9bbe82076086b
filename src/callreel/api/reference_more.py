"""What the reference says of the routes beside those about recordings."""

from __future__ import annotations

from typing import Any, Final

from callreel.api.ask import JSON
from callreel.api.limits import Limits
from callreel.api.metrics import CONTENT_TYPE
from callreel.api.openapi import Answer, Operation, Schema, data_of, ref
from callreel.api.reference import WRITE_ERRORS

NAMES: Final = data_of({"type": "array", "items": ref("Name")})
FINE: Final = data_of(
    {"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]}
)
FINE_EXAMPLE: Final = {"data": {"status": "ok"}}


def tags(_limits: Limits) -> Operation:
    """Describe the tags."""
    return _names("list_tags", "Tags", "All tags, by id.", "Complaint")


def projects(_limits: Limits) -> Operation:
    """Describe the projects."""
    says = "The projects that calls have named, by id; a narrowed key sees those of its own calls."
    return _names("list_projects", "Projects", says, "Orders")


def users(_limits: Limits) -> Operation:
    """Describe the tenant users."""
    says = "The users that calls have named, by id; a narrowed key sees those of its own calls."
    return _names("list_users", "Tenant users", says, "Zofia Lis")


def adding_tag(_limits: Limits) -> Operation:
    """Describe naming a tag."""
    content = {JSON: {"schema": ref("NewTag"), "example": {"name": "Complaint", "id": 17}}}
    example = {"data": {"id": 17, "name": "Complaint"}}
    named = data_of(ref("Name"))
    return Operation(
        id="add_tag",
        group="Names",
        summary="Name a tag",
        says="Creates a tag. The same again is answered with 200; an id or a name that is taken "
        "by another, with 409.",
        body={"required": True, "content": content},
        answers={
            201: Answer(says="The tag, which is new.", schemas=named, example=example),
            200: Answer(says="The tag, which was there already.", schemas=named),
        },
        errors=(409, *WRITE_ERRORS),
    )


def this_document(_limits: Limits) -> Operation:
    """Describe the OpenAPI document."""
    return Operation(
        id="get_openapi",
        group="The server",
        summary="This document",
        says="This reference for programs, in OpenAPI 3.1.",
        answers={200: Answer(says="The document.", schemas={JSON: {"type": "object"}})},
        errors=(400,),
    )


def health(_limits: Limits) -> Operation:
    """Describe whether the server lives."""
    return Operation(
        id="get_health",
        group="The server",
        summary="Does the server live",
        says="Answers as long as the process lives, and touches no store.",
        answers={200: Answer(says="It does.", schemas=FINE, example=FINE_EXAMPLE)},
    )


def ready(_limits: Limits) -> Operation:
    """Describe whether the server can work."""
    return Operation(
        id="get_ready",
        group="The server",
        summary="Can the server work",
        says="Answers whether recordings can be found and taken in.",
        answers={200: Answer(says="It can.", schemas=FINE, example=FINE_EXAMPLE)},
        errors=(503,),
    )


def metrics(_limits: Limits) -> Operation:
    """Describe the counters."""
    text: dict[str, Schema] = {CONTENT_TYPE: {"type": "string"}}
    return Operation(
        id="get_metrics",
        group="The server",
        summary="Counters",
        says="What the server counts about itself, for Prometheus.",
        answers={200: Answer(says="The counters.", schemas=text)},
    )


def _names(name: str, summary: str, says: str, example: str) -> Operation:
    shown: dict[str, Any] = {"data": [{"id": 3, "name": example}]}
    return Operation(
        id=name,
        group="Names",
        summary=summary,
        says=says,
        answers={200: Answer(says="Ids and names.", schemas=NAMES, example=shown)},
        errors=(400,),
    )
