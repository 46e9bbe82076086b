"""What a JSON Schema lets pass, in words."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

_64_BITS: Final = (1 << 63) - 1


def looked_up(document: Schema, value: Schema) -> Schema:
    """Return what a part of a document says, or what it refers to."""
    while "$ref" in value:
        found = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value


def kind_of(document: Schema, schema: Schema) -> str:
    """Return in words what a schema lets pass."""
    schema = looked_up(document, schema)
    if "anyOf" in schema:
        return _any_of(document, schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "contentMediaType" in schema:
        return "bytes"
    if schema.get("type") == "array":
        items = schema["items"]
        inner = "conditions" if "oneOf" in items else kind_of(document, items)
        return f"list of {inner}" + _from_to(schema, "minItems", "maxItems", " items")
    return _plain(schema)


def _any_of(document: Schema, choices: list[Schema]) -> str:
    words = []
    for each in choices:
        if each.get("items") in choices:
            words.append("a list of such" + _from_to(each, "minItems", "maxItems", " items"))
        else:
            words.append(kind_of(document, each))
    return " or ".join(words)


def _plain(schema: Schema) -> str:
    if schema.get("type") == "integer":
        return "whole number" + _from_to(schema, "minimum", "maximum", "")
    if schema.get("type") == "string":
        return "text" + _from_to(schema, "minLength", "maxLength", " characters")
    return str(schema.get("type", "anything"))


def _from_to(schema: Schema, low: str, high: str, unit: str) -> str:
    if high not in schema:
        return ""
    least, most = schema.get(low), schema[high]
    if most == _64_BITS:
        return " of 64 bits"
    if least is None:
        return f", at most {most:,}{unit}"
    return f", {least:,} to {most:,}{unit}"
