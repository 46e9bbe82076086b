"""Queries of the list, as tests of its parameters ask them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from callreel.api.limits import Limits
from callreel.api.params import ListQuery, read_query
from callreel.errors import BadParameter
from callreel.model import CallFilter

LIMITS = Limits()
MOMENT = 1_741_944_413
TIME = "2025-03-14 09:26:53"
BIGGEST = (1 << 63) - 1


def read(query: str | bytes, limits: Limits = LIMITS) -> ListQuery:
    return read_query(query if isinstance(query, bytes) else query.encode(), limits)


def asked(*conditions: Any) -> CallFilter:
    return read(urlencode({"filter": json.dumps(conditions)})).request.filter


def condition(name: str, value: Any, operator: str | None = None) -> dict[str, Any]:
    said = {"property": name, "value": value}
    return said if operator is None else {**said, "operator": operator}


def refusal(query: str | bytes, limits: Limits = LIMITS) -> BadParameter:
    with pytest.raises(BadParameter) as caught:
        read(query, limits)
    return caught.value


def refused_filter(text: str) -> BadParameter:
    error = refusal("filter=" + quote(text))
    assert error.field == "filter"
    return error
