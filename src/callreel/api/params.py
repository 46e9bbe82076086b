"""The parameters of the list: here every 400 about them is decided."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from callreel.api.cursor import cursor_head, read_cursor
from callreel.api.filters import read_filter
from callreel.api.limits import Limits
from callreel.api.query import read_parameters
from callreel.api.strict_json import read_json
from callreel.api.wire import CALLS_PATH, LIST_PATH, SORTS
from callreel.errors import BadParameter
from callreel.model import DEFAULT_SORT, ListRequest, Position, SortKey

PARAMETERS: Final = ("limit", "offset", "filter", "sort", "cursor", "count")
PLACES: Final = frozenset({"offset", "cursor"})
MAX_SORT_CHARS: Final = 512
DIRECTIONS: Final = {"ASC": False, "DESC": True}

_DIGITS: Final = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a request for the list asks.

    Attributes:
        request: Which page of which list.
        with_count: Whether to say how many match in all.
        onward: Path and query of the same list from another place, up to the end of its cursor's
            head.
    """

    request: ListRequest
    with_count: bool
    onward: str


def read_query(raw: bytes, limits: Limits, path: str = LIST_PATH) -> ListQuery:
    """Return what the query of an address asks; the same bytes always mean the same.

    Args:
        raw: The query.
        limits: What it may hold at most.
        path: Which list is asked for.

    Raises:
        BadParameter: a parameter is unknown, repeated, ill-formed or above a limit.
    """
    given = read_parameters(raw, PARAMETERS)
    sort = read_sort(given["sort"]) if "sort" in given else DEFAULT_SORT
    request = ListRequest(
        filter=read_filter(given.get("filter", ""), limits, of_calls=path == CALLS_PATH),
        sort=sort,
        limit=_whole(given, "limit", limits.page, 1, limits.max_limit),
        offset=_whole(given, "offset", 0, 0, limits.max_offset),
        after=_after(given, sort),
    )
    kept = {name: text for name, text in given.items() if name not in PLACES}
    onward = f"{path}?{urlencode(kept | {'cursor': cursor_head(sort)})}"
    return ListQuery(request, _count(given.get("count", "false")), onward)


def _whole(given: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if _DIGITS.fullmatch(text) is None or not low <= int(text) <= high:
        raise BadParameter(f"The {name} must be a whole number from {low} to {high}.", field=name)
    return int(text)


def _after(given: dict[str, str], sort: tuple[SortKey, ...]) -> Position | None:
    if "cursor" not in given:
        return None
    if "offset" in given:
        raise BadParameter("Send either a cursor or an offset, not both.", field="cursor")
    return read_cursor(given["cursor"], sort)


def _count(text: str) -> bool:
    if text not in {"true", "false"}:
        raise BadParameter("The count must be true or false.", field="count")
    return text == "true"


def read_sort(text: str) -> tuple[SortKey, ...]:
    """Return the order that a sort asks for.

    Raises:
        BadParameter: it is ill-formed.
    """
    if len(text) > MAX_SORT_CHARS:
        raise _bad_sort(f"is longer than {MAX_SORT_CHARS} characters")
    objects = read_json(text, "sort")
    if not isinstance(objects, list) or not 1 <= len(objects) <= len(SORTS):
        raise _bad_sort(f"must be a JSON list of 1 to {len(SORTS)} objects")
    keys = tuple(map(_sort_key, objects))
    if len({key.field for key in keys}) < len(keys):
        raise _bad_sort("has a property twice")
    return keys


def _sort_key(given: object) -> SortKey:
    if not isinstance(given, dict) or given.keys() - {"direction"} != {"property"}:
        raise _bad_sort('has an object that is not {"property": …, "direction": …}')
    name, direction = given["property"], given.get("direction")
    if not isinstance(name, str) or name not in SORTS:
        raise _bad_sort(f"has an unknown property; there are {', '.join(SORTS)}")
    if direction is None:  # left out, or `null`
        direction = "ASC"
    if not isinstance(direction, str) or direction not in DIRECTIONS:
        raise _bad_sort("has an unknown direction; there are ASC and DESC")
    return SortKey(SORTS[name], DIRECTIONS[direction])


def _bad_sort(what: str) -> BadParameter:
    return BadParameter(f"The sort {what}.", field="sort")
