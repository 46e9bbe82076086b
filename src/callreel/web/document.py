"""An OpenAPI document as the reference page shows it: what is referred to is looked up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from callreel.web.curl import command
from callreel.web.kinds import Schema, kind_of, looked_up


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, a header or a field of an object.

    Attributes:
        kind: What it may be, in words, with its limits.
        note: Where it stands, or whether it must be there.
        rows: For a list of conditions, each one's name, operators and values.
    """

    name: str
    kind: str
    note: str
    says: str
    example: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or an error."""

    status: str
    says: str
    headers: tuple[tuple[str, str], ...] = ()
    types: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """An operation, ready to be printed."""

    id: str
    method: str
    path: str
    summary: str
    says: str
    scope: str
    curl: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    body_type: str
    answers: tuple[Reply, ...]
    errors: tuple[Reply, ...]


def groups(document: dict[str, Any]) -> dict[str, list[Shown]]:
    """Return the operations under their headings, in the order of the document."""
    found: dict[str, list[Shown]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            shown = _shown(document, path, method, operation)
            found.setdefault(operation["tags"][0], []).append(shown)
    return found


def objects(document: dict[str, Any]) -> dict[str, tuple[Field, ...]]:
    """Return the fields of the objects that answers are made of."""
    schemas = document["components"]["schemas"]
    return {
        "A recording": _fields(document, schemas["WireRecording"]),
        "An error": _fields(document, schemas["Failure"]),
    }


def _shown(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Shown:
    body = operation.get("requestBody", {}).get("content", {})
    body_type, content = next(iter(body.items()), ("", {}))
    replies = [
        _reply(document, status, said) for status, said in sorted(operation["responses"].items())
    ]
    scopes = [scope for each in operation["security"] for scope in each.get("key", ())]
    return Shown(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        says=operation["description"],
        scope=", ".join(scopes),
        curl=command(method.upper(), path, operation, needs_key=bool(scopes)),
        parameters=tuple(_parameter(document, each) for each in operation["parameters"]),
        body=_body_fields(document, content),
        body_type=body_type,
        answers=tuple(each for each in replies if each.status < "400"),
        errors=tuple(each for each in replies if each.status >= "400"),
    )


def _reply(document: dict[str, Any], status: str, said: dict[str, Any]) -> Reply:
    said = looked_up(document, said)
    content = said.get("content", {})
    example = next((each["example"] for each in content.values() if "example" in each), None)
    return Reply(
        status=status,
        says=said["description"],
        headers=tuple(
            (name, each["description"]) for name, each in said.get("headers", {}).items()
        ),
        types=", ".join(content),
        example=_pretty(example),
    )


def _compact(example: object) -> str:
    return "" if example is None else json.dumps(example, ensure_ascii=False)


def _pretty(example: object) -> str:
    return "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)


def _parameter(document: dict[str, Any], said: dict[str, Any]) -> Field:
    holder = said.get("content", {}).get("application/json", said)
    schema = looked_up(document, holder["schema"])
    kind = f"JSON: {kind_of(document, schema)}" if "content" in said else kind_of(document, schema)
    if "default" in schema:
        kind += f"; without it {schema['default']}"
    example = holder.get("example")
    return Field(
        name=said["name"],
        kind=kind,
        note=said["in"],
        says=said["description"],
        example=example if isinstance(example, str) else _compact(example),
        rows=_conditions(document, schema),
    )


def _conditions(document: dict[str, Any], schema: Schema) -> tuple[tuple[str, str, str], ...]:
    rows = []
    for each in schema.get("items", {}).get("oneOf", ()):
        asked = each["properties"]
        value = asked["value"].get("description") or kind_of(document, asked["value"])
        rows.append((each["title"], " ".join(filter(None, asked["operator"]["enum"])), value))
    return tuple(rows)


def _body_fields(document: dict[str, Any], content: dict[str, Any]) -> tuple[Field, ...]:
    if not content:
        return ()
    schema = looked_up(document, content["schema"])
    parts = schema["properties"]
    nested = looked_up(document, parts["call"]) if "call" in parts else None
    own = _fields(document, schema)
    if nested is None:
        return own
    inner = [
        Field(f"call.{each.name}", each.kind, each.note, each.says)
        for each in _fields(document, nested)
    ]
    return (*own, *inner)


def _fields(document: dict[str, Any], schema: Schema) -> tuple[Field, ...]:
    required = schema.get("required", ())
    found = []
    for name, each in schema["properties"].items():
        plain = looked_up(document, each)
        says = plain.get("description") or _first_text(document, plain)
        note = "" if name in required else "may be left out"
        found.append(Field(name, kind_of(document, each), note, says))
    return tuple(found)


def _first_text(document: dict[str, Any], schema: Schema) -> str:
    choices = [looked_up(document, each) for each in schema.get("anyOf", ())]
    return next((each["description"] for each in choices if "description" in each), "")
