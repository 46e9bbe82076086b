"""The parameter `filter`: from its JSON text to what is asked of the catalog."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from callreel.api.limits import Limits
from callreel.api.strict_json import read_json, shown
from callreel.api.wire import CALL_FILTERS, FILTERS, Property
from callreel.api.wire_time import parse_time
from callreel.archive.numbers import normalise
from callreel.errors import BadParameter
from callreel.model import EVERY_CALL, NO_FILTER, CallFilter, DialogType, Direction, Span

KEYS: Final = frozenset({"property", "operator", "value"})
NOTHING: Final = Span(1, 0)
MAX_TEXT_CHARS: Final = 255
Value = TypeVar("Value", int, DialogType, Direction)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

BOUNDS: Final[dict[str, Callable[[int], tuple[int | None, int | None]]]] = {
    "eq": lambda value: (value, value),
    "gt": lambda value: (value + 1, None),
    "gte": lambda value: (value, None),
    "lt": lambda value: (None, value - 1),
    "lte": lambda value: (None, value),
}
"""What each operator says of a whole number: the lowest and the highest that pass."""


def read_filter(text: str, limits: Limits, *, of_calls: bool = False) -> CallFilter:
    """Return what a filter asks.

    Args:
        text: The filter's JSON text.
        limits: What it may hold at most.
        of_calls: Whether it is of the list of calls, which knows more properties.

    Raises:
        BadParameter: it is ill-formed or above a limit; the sentence says where and what.
    """
    asked = EVERY_CALL if of_calls else NO_FILTER
    if not text.strip():
        return asked
    if len(text.encode("utf-8", "surrogatepass")) > limits.max_filter_bytes:
        raise _refusal(f"The filter is longer than {limits.max_filter_bytes} bytes.")
    objects = read_json(text, "filter")
    if objects is None:
        return asked
    if not isinstance(objects, list):
        raise _refusal("The filter must be a JSON list of objects.")
    if len(objects) > limits.max_filter_objects:
        raise _refusal(f"The filter has more than {limits.max_filter_objects} objects.")
    known = CALL_FILTERS if of_calls else FILTERS
    for place, each in enumerate(objects, start=1):
        asked = _Condition(each, place, limits, known).added_to(asked)
    return asked


class _Condition:
    """One object of a filter; complains with its place in the list."""

    def __init__(
        self, given: object, place: int, limits: Limits, known: dict[str, Property]
    ) -> None:
        self._place = place
        self._limits = limits
        if not isinstance(given, dict):
            raise self._wrong("must be an object")
        unknown = sorted(given.keys() - KEYS)
        if unknown:
            raise self._wrong(
                f"has no key {shown(unknown[0])}; there are property, operator, value"
            )
        if "property" not in given or "value" not in given:
            raise self._wrong("needs both property and value")
        name, operator = given["property"], given.get("operator")
        if not isinstance(name, str) or name not in known:
            raise self._wrong(f"has an unknown property; there are {', '.join(known)}")
        if operator is None:  # left out, or `null`, as typed clients write that
            operator = "eq"
        if not isinstance(operator, str) or operator not in BOUNDS:
            raise self._wrong(f"has an unknown operator; there are {', '.join(BOUNDS)}")
        self._name = name
        self._property = known[name]
        self._operator = operator
        self._value: Any = given["value"]

    def added_to(self, asked: CallFilter) -> CallFilter:
        """Return a filter that asks for this too."""
        match self._property:
            case Property.STARTED:
                asked = replace(asked, started=self._narrowed(asked.started, self._time()))
            case Property.HUNG_UP:
                asked = replace(asked, hung_up=self._narrowed(asked.hung_up, self._time()))
            case Property.TALKING:
                length = self._int(self._value)
                asked = replace(asked, talking=self._narrowed(asked.talking, length))
            case Property.PROJECTS:
                asked = replace(asked, projects=_both(asked.projects, self._ints()))
            case Property.USERS:
                asked = replace(asked, users=_both(asked.users, self._ints()))
            case Property.NUMBERS:
                numbers = frozenset(map(self._number, self._items()))
                asked = replace(asked, numbers=(*asked.numbers, numbers))
            case Property.TAGS:
                asked = replace(asked, tags=(*asked.tags, self._ints()))
            case _:
                asked = self._added_to_calls(asked)
        return asked

    def _added_to_calls(self, asked: CallFilter) -> CallFilter:
        """The same, of what only the list of calls knows."""
        texts = frozenset(map(self._text, self._items()))
        match self._property:
            case Property.TYPES:
                types = frozenset(map(DialogType, self._known(texts, list(DialogType))))
                asked = replace(asked, types=_both(asked.types, types))
            case Property.DIRECTIONS:
                directions = frozenset(map(Direction, self._known(texts, list(Direction))))
                asked = replace(asked, directions=_both(asked.directions, directions))
            case Property.AGENTS:  # no call has one
                asked = replace(asked, source_call_ids=(*asked.source_call_ids, frozenset()))
            case _:
                asked = replace(asked, source_call_ids=(*asked.source_call_ids, texts))
        return asked

    def _known(self, texts: frozenset[str], values: Sequence[str]) -> frozenset[str]:
        if not texts <= set(values):
            raise self._wrong(f"has an unknown value; {self._name} knows {', '.join(values)}")
        return texts

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._wrong(f"needs strings for {self._name}")
        if len(value) > MAX_TEXT_CHARS:
            raise self._wrong(f"has a text of more than {MAX_TEXT_CHARS} characters")
        return value

    def _narrowed(self, span: Span, value: int) -> Span:
        found = span.narrowed(*BOUNDS[self._operator](value))
        return NOTHING if found.is_empty else found

    def _time(self) -> int:
        form = f"needs a time in UTC of the form YYYY-MM-DD HH:mm:ss for {self._name}"
        if not isinstance(self._value, str):
            raise self._wrong(form)
        try:
            return parse_time(self._value)
        except ValueError as error:
            raise self._wrong(form) from error

    def _int(self, value: object) -> int:
        if type(value) is not int:  # True is an int to isinstance
            raise self._wrong(f"needs whole numbers for {self._name}")
        return value

    def _ints(self) -> frozenset[int]:
        return frozenset(map(self._int, self._items()))

    def _number(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._wrong(f"needs strings for {self._name}")
        if len(value) > self._limits.max_number_chars:
            most = self._limits.max_number_chars
            raise self._wrong(f"has a number of more than {most} characters")
        normal = normalise(value)
        if not normal or _CONTROL.search(normal):
            raise self._wrong("has a number in which there is none")
        return normal

    def _items(self) -> list[Any]:
        if self._operator != "eq":
            raise self._wrong(f"has an operator that {self._name} does not know; it knows eq")
        items = self._value if isinstance(self._value, list) else [self._value]
        if len(items) > self._limits.max_filter_items:
            raise self._wrong(f"has more than {self._limits.max_filter_items} items in its list")
        return items

    def _wrong(self, what: str) -> BadParameter:
        return _refusal(f"Object {self._place} of the filter {what}.")


def _both(asked: frozenset[Value] | None, also: frozenset[Value]) -> frozenset[Value]:
    return also if asked is None else asked & also


def _refusal(message: str) -> BadParameter:
    return BadParameter(message, field="filter")
