"""Questions: what the keyword arguments mean, and how they are written for the endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypedDict
from urllib.parse import urlencode

import msgspec

Moment = datetime | str
SortName = Literal[
    "start_time",
    "-start_time",
    "hangup_time",
    "-hangup_time",
    "talking_time",
    "-talking_time",
]
SORT_NAMES: Final = ("start_time", "hangup_time", "talking_time")


class Filters(TypedDict, total=False):
    """Which recordings; all that is given must hold, and None is as if not given.

    Keys:
        project_id: Of this project, or of any of these.
        tenant_user_id: Of this user, or of any of these.
        talking_time_gt, talking_time_gte, talking_time_lt, talking_time_lte, talking_time_eq:
            Length of the conversation in milliseconds.
        start_time_gte, start_time_lte, hangup_time_gte, hangup_time_lte: A datetime with a time
            zone, or UTC text `YYYY-MM-DD HH:mm:ss`. Calls are timed in whole seconds.
        number: With this telephone number on either side, or any of these.
        tag: With the tag of this id, or any of these.

    A list that is empty matches nothing.
    """

    project_id: int | Iterable[int] | None
    tenant_user_id: int | Iterable[int] | None
    talking_time_gt: int | None
    talking_time_gte: int | None
    talking_time_lt: int | None
    talking_time_lte: int | None
    talking_time_eq: int | None
    start_time_gte: Moment | None
    start_time_lte: Moment | None
    hangup_time_gte: Moment | None
    hangup_time_lte: Moment | None
    number: str | Iterable[str] | None
    tag: int | Iterable[int] | None


class CallFilters(Filters, total=False):
    """Which calls; beside the keys of `Filters`, these.

    Keys:
        dialog_type: Of this type, such as `CONSULTANT`, or of any of these.
        business_direction: `INBOUND` or `OUTBOUND`.
        operator_call_id: Of this id in the system that the call came from, or of any of these.
        call_request_agent_id: Of this agent id, or of any of these. Callreel knows none.
    """

    dialog_type: str | Iterable[str] | None
    business_direction: str | None
    operator_call_id: str | Iterable[str] | None
    call_request_agent_id: str | Iterable[str] | None


class Question(msgspec.Struct, frozen=True):
    """A filter and an order, checked.

    Attributes:
        conditions: The filter's objects.
        sort: The sort's objects.
    """

    conditions: tuple[dict[str, object], ...] = ()
    sort: tuple[dict[str, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing can match, so that the server need not be asked."""
        return any(each["value"] == [] for each in self.conditions)

    def query(self, **others: object) -> str:
        """Return the query string, with other parameters beside it."""
        given = {**others}
        if self.conditions:
            given["filter"] = msgspec.json.encode(self.conditions)
        if self.sort:
            given["sort"] = msgspec.json.encode(self.sort)
        return urlencode(given)


_LISTS: Final[dict[str, tuple[str, type]]] = {
    "project_id": ("project_id", int),
    "tenant_user_id": ("tenant_user_id", int),
    "number": ("number_list", str),
    "tag": ("custom_tag_id_list", int),
}
_LISTS_OF_CALLS: Final[dict[str, tuple[str, type]]] = {
    **_LISTS,
    "project_id": ("project_id_list", int),
    "tenant_user_id": ("tenant_user_id_list", int),
    "dialog_type": ("dialog_type_list", str),
    "operator_call_id": ("operator_call_id_list", str),
    "call_request_agent_id": ("call_request_agent_id_list", str),
}
_TALKING: Final = ("gt", "gte", "lt", "lte", "eq")
_LENGTHS: Final = {f"talking_time_{each}": ("talking_time", each) for each in _TALKING}
_TIMES: Final = {
    f"{name}_{each}": (name, each)
    for name in ("start_time", "hangup_time")
    for each in ("gte", "lte")
}
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


def ask(
    filters: Filters | CallFilters,
    sort: SortName | Iterable[SortName] | None = None,
    *,
    of_calls: bool = False,
) -> Question:
    """Return the question that the arguments stand for.

    Args:
        filters: Which ones.
        sort: In which order.
        of_calls: Whether calls are asked for, whose filter has more properties and other names.

    Raises:
        TypeError: there is no such filter, or a value is of the wrong type.
        ValueError: a time has no zone or is ill-formed, or there is no such sort.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    return Question(
        tuple(_condition(name, value, of_calls=of_calls) for name, value in given.items()),
        tuple(_sort_object(name) for name in _sort_names(sort)),
    )


def wire_time(moment: Moment, *, up: bool = False) -> str:
    """Return a moment as UTC text in whole seconds, rounded down or up.

    Raises:
        ValueError: a datetime has no time zone or lies beyond the years, or a text is no UTC time.
    """
    if isinstance(moment, str):
        return _checked_text(moment)
    if moment.tzinfo is None:
        raise ValueError(
            "A datetime needs a time zone, as in datetime.now(UTC) or "
            "datetime(2025, 3, 1, tzinfo=ZoneInfo('Europe/Warsaw'))."
        )
    try:
        utc = moment.astimezone(UTC)
        whole = utc.replace(microsecond=0)
        if up and utc.microsecond:
            whole += timedelta(seconds=1)
    except OverflowError as error:
        raise ValueError("A datetime in UTC lies in the years 1 to 9999.") from error
    return whole.replace(tzinfo=None).isoformat(" ")


def _condition(name: str, value: object, *, of_calls: bool) -> dict[str, object]:
    lists = _LISTS_OF_CALLS if of_calls else _LISTS
    if of_calls and name == "business_direction":
        return {"property": name, "value": _item(name, value, str)}
    if name in lists:
        prop, kind = lists[name]
        return {"property": prop, "value": _items(name, value, kind)}
    if name in _LENGTHS:
        prop, operator = _LENGTHS[name]
        return {"property": prop, "operator": operator, "value": _item(name, value, int)}
    if name in _TIMES:
        prop, operator = _TIMES[name]
        if not isinstance(value, datetime | str):
            raise TypeError(f"{name} takes a datetime or a text, not {type(value).__name__}.")
        text = wire_time(value, up=operator == "gte")
        return {"property": prop, "operator": operator, "value": text}
    raise TypeError(f"There is no filter {name}.")


def _items(name: str, value: object, kind: type) -> list[object]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        value = (value,)
    return [_item(name, each, kind) for each in value]


def _item(name: str, value: object, kind: type) -> object:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} takes {kind.__name__}, not {type(value).__name__}.")
    return value


def _checked_text(text: str) -> str:
    if _TIME.fullmatch(text) is None:
        raise ValueError("A time as text is UTC and looks like 2025-03-01 08:30:00.")
    datetime.fromisoformat(text)
    return text


def _sort_names(sort: SortName | Iterable[SortName] | None) -> tuple[str, ...]:
    if sort is None:
        return ()
    return (sort,) if isinstance(sort, str) else tuple(sort)


def _sort_object(name: object) -> dict[str, str]:
    if not isinstance(name, str):
        raise TypeError(f"sort takes str, not {type(name).__name__}.")
    bare = name.removeprefix("-")
    if bare not in SORT_NAMES:
        raise ValueError(f"Sort by {', '.join(SORT_NAMES)}, each with a minus for descending.")
    return {"property": bare, "direction": "DESC" if name.startswith("-") else "ASC"}
