"""A command of curl for an operation of an OpenAPI document, ready to be pasted."""

from __future__ import annotations

import json
import shlex
from typing import Any
from urllib.parse import urlencode

BREAK = " \\\n  "


def command(method: str, path: str, operation: dict[str, Any], *, needs_key: bool) -> str:
    """Return the command; `$URL` and `$KEY` stand for the server's address and the key."""
    query = []
    for each in operation["parameters"]:
        holder = each.get("content", {}).get("application/json", each)
        if "example" not in holder:
            continue
        text = _text(holder["example"])
        if each["in"] == "path":
            path = path.replace("{" + each["name"] + "}", text)
        elif each["in"] == "query" and method != "GET":
            path += f"{'&' if '?' in path else '?'}{urlencode({each['name']: text})}"
        elif each["in"] == "query":
            query.append(f"--data-urlencode {shlex.quote(each['name'] + '=' + text)}")
    verb = {"GET": "-G " if query else "", "POST": ""}.get(method, f"-X {method} ")
    parts = [f'curl {verb}"$URL{path}"']
    if needs_key:
        parts.append('-H "Authorization: $KEY"')
    return BREAK.join([*parts, *query, *_body(operation.get("requestBody", {}))])


def _body(said: dict[str, Any]) -> list[str]:
    for media_type, content in said.get("content", {}).items():
        if media_type == "multipart/form-data":
            call = _text(content["example"]["call"])
            return [f"-F {shlex.quote(f'call={call};type=application/json')}", "-F audio=@call.wav"]
        sent = shlex.quote(_text(content["example"]))
        return [f"-H {shlex.quote(f'Content-Type: {media_type}')}", f"-d {sent}"]
    return []


def _text(example: object) -> str:
    return example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
