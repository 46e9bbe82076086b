"""The OpenAPI document: composed of the routes, what is said of each, and the types of the wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.responses import Response

from callreel import __version__
from callreel.api.ask import JSON, Ask
from callreel.api.errors import ANSWERS, ErrorBody
from callreel.api.exports import Export
from callreel.api.freeswitch import KeptRecord
from callreel.api.limits import Limits
from callreel.api.names import Name, NewTag
from callreel.api.schemas import schemas
from callreel.model import Scope

Schema = dict[str, Any]
Handler = Callable[[Ask], Awaitable[Response]]

REF: Final = "#/components/schemas/"
KEY_ERRORS: Final = (401, 403, 429, 503)
ABOUT: Final = """\
A self-hosted archive of call recordings.

Every address needs a key in the header `Authorization`, as it is or after `Bearer`, unless it \
says otherwise. A key belongs to one tenant; what lies outside of its tenant, projects and users \
does not exist for it. The scope that an address takes is named beside it. Where there is a \
`GET`, a `HEAD` is answered too.

Every error has one form: `{"error": {"code", "message", "field"?, "request_id"}}`. A method that \
an address does not have is answered with 405 and the header `Allow`."""

ERRORS: Final[dict[int, tuple[str, str]]] = {
    400: ("A parameter is unknown, ill-formed or above a limit.", "This address has no such…"),
    401: ("There is no key, or none that is valid.", "Send a valid key in the header…"),
    403: ("The key lacks the scope.", "This key lacks the scope 'manage'."),
    404: ("There is no such thing, or not for this key.", "There is no such recording."),
    405: ("The address does not have this method.", "This address answers to GET, HEAD only."),
    408: ("What was sent came too slowly.", "The body came too slowly, or stood still…"),
    409: ("The id or the name is taken.", "This id is taken by a recording with other content."),
    413: ("What was sent is above its limit.", "The audio is above … bytes."),
    415: ("The content type or the kind of audio is not taken.", "Send the body as JSON."),
    416: ("The range lies outside of the file.", "The range lies outside of the 496364 bytes…"),
    422: ("What was sent cannot be taken.", "The call ends before it starts."),
    429: (
        "The key asked too often, or too many wrong keys came from this address.",
        "This key may ask 10 times a second; ask again later.",
    ),
    503: ("The archive cannot answer just now.", "The archive is busy; ask again in a second."),
    507: ("There is no room for more; reading goes on.", "There is no room for more recordings."),
}
"""For each status what it means, and an example of its message."""

ERROR_HEADERS: Final = {
    401: ("WWW-Authenticate", "How to send a key.", 'Bearer realm="callreel"'),
    405: ("Allow", "The methods that the address has.", "GET, HEAD"),
    416: ("Content-Range", "The length of the file.", "bytes */496364"),
    429: ("Retry-After", "Seconds after which to ask again.", "1"),
    503: ("Retry-After", "Seconds after which to ask again.", "1"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A part of the query, the path or the headers.

    Attributes:
        json_text: Whether the value is written as JSON, as the schema says.
        is_required: Whether it must be there; what is in the path always must.
    """

    name: str
    place: str = "query"
    says: str
    schema: Schema
    example: Any = None
    json_text: bool = False
    is_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that is no error.

    Attributes:
        schemas: What may come, by media type.
        headers: What each header says, by its name.
    """

    says: str
    schemas: dict[str, Schema] = field(default_factory=dict)
    example: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the reference says of a method of an address.

    Attributes:
        id: A name for programs.
        group: The heading that it stands under.
        body: The request body as OpenAPI has it, or None.
        answers: By status.
        errors: Statuses of errors, beside those that any key may meet.
    """

    id: str
    group: str = "Recordings"
    summary: str
    says: str
    answers: dict[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    body: dict[str, Any] | None = None
    errors: tuple[int, ...] = ()


Describe = Callable[[Limits], Operation]


@dataclass(frozen=True, slots=True)
class Route:
    """An address and a method.

    Attributes:
        handler: What answers, or None for the list, which the outer app answers itself.
        scope: What the key must be allowed, or None where no key is needed.
        describe: What the reference says of it, given the limits.
        takes_basic: Whether the key may be the password of HTTP Basic.
    """

    method: str
    path: str
    handler: Handler | None
    scope: Scope | None
    describe: Describe
    takes_basic: bool = False


def ref(name: str) -> Schema:
    """Return a reference to a schema among the components."""
    return {"$ref": REF + name}


def data_of(schema: Schema) -> dict[str, Schema]:
    """Return what an answer with this `data` may hold, by media type."""
    return {JSON: {"type": "object", "properties": {"data": schema}, "required": ["data"]}}


def compose(routes: Iterable[Route], limits: Limits) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the routes under these limits."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        said = _operation(route, route.describe(limits))
        paths.setdefault(route.path, {})[route.method.lower()] = said
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Callreel",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {str(status): _error(status) for status in ERRORS},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _operation(route: Route, said: Operation) -> dict[str, Any]:
    statuses = {*said.errors, *(KEY_ERRORS if route.scope else ())}
    if said.body is not None:
        statuses.add(408)
    operation: dict[str, Any] = {
        "operationId": said.id,
        "summary": said.summary,
        "description": said.says,
        "tags": [said.group],
        "security": _security(route),
        "parameters": [_parameter(each) for each in said.parameters],
        "responses": {
            **{str(status): _answer(each) for status, each in said.answers.items()},
            **{str(each): {"$ref": f"#/components/responses/{each}"} for each in sorted(statuses)},
        },
    }
    if said.body is not None:
        operation["requestBody"] = said.body
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.scope is None:
        return []
    ways = ("key", "basic") if route.takes_basic else ("key",)
    return [{way: [route.scope.value]} for way in ways]


def _parameter(said: Parameter) -> dict[str, Any]:
    parameter: dict[str, Any] = {
        "name": said.name,
        "in": said.place,
        "description": said.says,
        "required": said.is_required or said.place == "path",
    }
    holder = parameter.setdefault("content", {}).setdefault(JSON, {}) if said.json_text else None
    holder = parameter if holder is None else holder
    holder["schema"] = said.schema
    if said.example is not None:
        holder["example"] = said.example
    return parameter


def _answer(said: Answer) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": said.says}
    if said.headers:
        answer["headers"] = {
            name: {"description": says, "schema": {"type": "string"}}
            for name, says in said.headers.items()
        }
    if said.schemas:
        answer["content"] = {kind: {"schema": schema} for kind, schema in said.schemas.items()}
    if said.example is not None:
        next(iter(answer["content"].values()))["example"] = said.example
    return answer


def _error(status: int) -> dict[str, Any]:
    says, message = ERRORS[status]
    codes = dict(ANSWERS.values())
    example = {"code": codes[status], "message": message, "request_id": "b6d0c4a19e7f"}
    error: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}: {says}",
        "content": {JSON: {"schema": ref("ErrorBody"), "example": {"error": example}}},
    }
    if status in ERROR_HEADERS:
        name, meaning, value = ERROR_HEADERS[status]
        header = {"description": meaning, "schema": {"type": "string"}, "example": value}
        error["headers"] = {name: header}
    return error


def _schemas() -> dict[str, Schema]:
    own = msgspec.json.schema_components(
        [ErrorBody, Export, KeptRecord, Name, NewTag], ref_template=REF + "{name}"
    )[1]
    return {**schemas(REF + "{name}"), **own}
