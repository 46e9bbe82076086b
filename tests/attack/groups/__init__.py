"""The groups of attacks by their names, and how many of a hundred cases each has."""

from __future__ import annotations

from attack.case import Group
from attack.groups import bodies, matrix, places, questions, raw

GROUPS: dict[str, tuple[Group, int]] = {
    "matrix": (matrix.matrix, 12),
    "keys": (places.credentials, 6),
    "tenants": (questions.tenancy, 6),
    "injection": (questions.injection, 14),
    "traps": (questions.traps, 10),
    "paging": (questions.paging, 7),
    "costly": (questions.costly, 2),
    "ids": (places.ids, 7),
    "traversal": (places.traversal, 7),
    "formats": (questions.converting, 3),
    "headers": (places.headers, 7),
    "ranges": (places.ranges, 5),
    "multipart": (bodies.multipart, 3),
    "json": (bodies.json_bodies, 4),
    "records": (bodies.ingest, 3),
    "packed": (bodies.packed, 1),
    "raw": (raw.raw, 3),
}
