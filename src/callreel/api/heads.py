"""A request's headers by their names."""

from __future__ import annotations

from starlette.types import Scope


def heads(scope: Scope) -> dict[bytes, bytes]:
    """Return each header's value by its name in small letters.

    What came several times is joined by commas: for a list that means the same, and where one
    value is called for, as with keys and hosts, it matches none.
    """
    found: dict[bytes, bytes] | None = scope["state"].get("heads")
    if found is None:
        found = scope["state"]["heads"] = _by_name(scope["headers"])
    return found


def _by_name(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found = dict(pairs)
    if len(found) < len(pairs):
        found = {}
        for name, value in pairs:
            found[name] = found[name] + b", " + value if name in found else value
    return found
