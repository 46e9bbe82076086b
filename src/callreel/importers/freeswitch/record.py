"""Call detail records as FreeSWITCH writes them: a channel's variables and what it went through.

`mod_json_cdr` and `mod_xml_cdr` write the same parts (`switch_ivr_generate_json_cdr` and
`switch_ivr_generate_xml_cdr` in FreeSWITCH): `variables`, `app_log` and, for each time that the
channel was routed, a `callflow`, the newest first. Older versions write `callflow` several times
into one JSON object, and FusionPBX keeps the XML as JSON; all of these are read.

Variables are URL-encoded in XML always and in JSON unless `encode-values` is off. An encoded
value has no space, quote, colon or other character that is unsafe in a URL. So where any variable
of a JSON record has one, none of them is encoded; else all of them are, and they are decoded
once. A time such as `2026-11-24 18:05:00` alone tells.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from callreel.importers.freeswitch.xml_text import read_xml

MAX_RECORD: Final = 2 << 20
"""Bytes of a record; those of real calls have some ten thousand."""

_UNSAFE: Final = re.compile(
    r"[\x00-\x20\x7f-\U0010ffff\"#&+:;<=>?@\[\\\]^`{|}]|%(?![0-9A-Fa-f]{2})"
)
_HALF: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of characters that an escape in JSON can bring in and nothing can write."""

_ATTRIBUTES: Final = "@attributes"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a channel was at one time.

    Attributes:
        names: Who called whom, such as `caller_id_number` and `destination_number`.
        times: Microseconds UTC as text, such as `answered_time`; 0 is never.
        originator: As `names`, of the channel that made this one; of a caller's there is none.
    """

    names: Mapping[str, str]
    times: Mapping[str, str]
    originator: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A call detail record of a channel.

    Attributes:
        variables: The channel's variables, decoded.
        profiles: The newest first.
        ran: The applications that it ran, in order, each with its argument.
    """

    variables: Mapping[str, str]
    profiles: tuple[Profile, ...] = ()
    ran: tuple[tuple[str, str], ...] = ()

    def first(self, *names: str) -> str:
        """Return the first of these variables that says something, or nothing."""
        return next((self.variables[name] for name in names if self.variables.get(name)), "")


class _Encoded(Mapping[str, str]):
    """Values that are decoded when they are asked for, since few of them ever are."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return unquote(self._values[name], errors="surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def read_record(content: bytes) -> Record:
    """Return a record, of whichever of the two forms it is.

    Raises:
        ValueError: it is neither; the message is for the user.
    """
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return _record(read_xml(content), is_encoded=True)
    if start == b"{":
        return _record(_read_json(content), is_encoded=None)
    raise ValueError("It is neither JSON nor XML.")


def _read_json(content: bytes) -> dict[str, Any]:
    text = content.decode("utf-8-sig", "surrogateescape")
    try:
        found = json.loads(text, object_pairs_hook=_joined, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        raise ValueError(f"It is no JSON: line {error.lineno} is wrong.") from error
    except RecursionError as error:
        raise ValueError("It is nested too deeply.") from error
    return found if isinstance(found, dict) else {}


def _joined(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, with everything that is called `callflow` in a list, and else the first."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif name == "callflow":
            found[name] = [*_listed(found[name]), value]
    return found


def _record(found: Mapping[str, Any], *, is_encoded: bool | None) -> Record:
    variables = _texts(found.get("variables"))
    if not variables:
        raise ValueError("It has no variables, so it is no call record of FreeSWITCH.")
    log = _node(found.get("app_log"))
    ran = [_texts(_flat(each)) for name in log for each in _listed(log[name])]
    return Record(
        variables=_decoded(variables, is_encoded=is_encoded),
        profiles=tuple(map(_profile, _listed(found.get("callflow")))),
        ran=tuple(
            (each["app_name"], _decoded(each, is_encoded=None).get("app_data", ""))
            for each in ran
            if each.get("app_name")
        ),
    )


def _profile(found: object) -> Profile:
    flow = _node(found)
    names = _node(flow.get("caller_profile"))
    return Profile(
        names=_decoded(_texts(names), is_encoded=None),
        times=_texts(flow.get("times")),
        originator=_originator(names.get("originator")),
    )


def _originator(found: object) -> Mapping[str, str]:
    """Return the first profile of an originator, whether it is alone or in a list of them."""
    first = next(iter(_node(found).values()), None)
    return _decoded(_texts(next(iter(_listed(first)), None)), is_encoded=None)


def _decoded(values: Mapping[str, str], *, is_encoded: bool | None) -> Mapping[str, str]:
    """Return values decoded once, where they are encoded or, if that is not known, look it."""
    if is_encoded is None:
        is_encoded = not any(map(_UNSAFE.search, values.values()))
    if not is_encoded:
        return values
    return _Encoded(values)


def _texts(found: object) -> dict[str, str]:
    """Return what is text in an object; of a repeated name the first."""
    texts = {}
    for name, value in _node(found).items():
        text = value[0] if isinstance(value, list) and value else value
        if isinstance(text, str):
            texts[name] = text if text.isascii() else _HALF.sub("\ufffd", text)
    return texts


def _node(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _flat(found: object) -> Mapping[str, Any]:
    """Return an element with its attributes as if they were children."""
    node = _node(found)
    return {**_node(node.get(_ATTRIBUTES)), **node}


def _listed(found: object) -> Iterable[Any]:
    return found if isinstance(found, list) else [] if found is None else [found]
