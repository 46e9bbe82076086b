"""What an error is over HTTP: its status, its code, its headers and its body; all in one place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from callreel import errors
from callreel.api.wire import FIELD_NAMES
from callreel.errors import CallreelError, NotAuthenticated, NotFound

Headers = list[tuple[bytes, bytes]]


class MethodNotAllowed(CallreelError):
    """The address is right, the method is not.

    Attributes:
        allowed: The methods that it has.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"This address answers to {self.allowed} only.")


class AlsoBasic(NotAuthenticated):
    """There is no valid key, which might have come by HTTP Basic too."""


ANSWERS: Final[dict[type[CallreelError], tuple[int, str]]] = {
    errors.BadParameter: (400, "bad_parameter"),
    errors.NotAuthenticated: (401, "not_authenticated"),
    errors.NotAllowed: (403, "not_allowed"),
    errors.NotFound: (404, "not_found"),
    MethodNotAllowed: (405, "method_not_allowed"),
    errors.TooSlow: (408, "too_slow"),
    errors.Conflict: (409, "conflict"),
    errors.TooLarge: (413, "too_large"),
    errors.UnsupportedMedia: (415, "unsupported_media"),
    errors.RangeNotSatisfiable: (416, "range_not_satisfiable"),
    errors.BadRecording: (422, "bad_recording"),
    errors.TooManyRequests: (429, "too_many_requests"),
    errors.Unavailable: (503, "unavailable"),
    errors.StorageFull: (507, "storage_full"),
}
BUG: Final = (500, "internal_error")


class Failure(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What went wrong."""

    code: str
    message: str
    field: str | None = None
    request_id: str


class ErrorBody(msgspec.Struct):
    """The body of every answer that is an error."""

    error: Failure


def answer_to(error: Exception) -> tuple[int, str]:
    """Return the status and the code of an error; a bug's where it is none of ours."""
    for kind in type(error).__mro__:
        if kind in ANSWERS:
            return ANSWERS[kind]
    return BUG


def error_body(error: Exception, request_id: str) -> bytes:
    """Return the JSON that tells a client of an error; of a bug it tells nothing but the id."""
    code = answer_to(error)[1]
    failure = Failure(
        code=code,
        message="Something went wrong in the server; tell its operator the request_id.",
        request_id=request_id,
    )
    if isinstance(error, CallreelError) and code != BUG[1]:
        failure.message = error.message
        failure.field = FIELD_NAMES.get(error.field, error.field) if error.field else None
    return msgspec.json.encode(ErrorBody(failure))


def error_headers(error: Exception) -> Headers:
    """Return the headers that go with an error, beside those of every answer."""
    if isinstance(error, errors.NotAuthenticated):
        ways = (b"Bearer", b"Basic") if isinstance(error, AlsoBasic) else (b"Bearer",)
        return [(b"www-authenticate", each + b' realm="callreel"') for each in ways]
    if isinstance(error, errors.TooManyRequests | errors.Unavailable):
        return [(b"retry-after", str(error.retry_after).encode())]
    if isinstance(error, errors.TooSlow):
        return [(b"connection", b"close")]
    if isinstance(error, errors.RangeNotSatisfiable):
        return [(b"content-range", f"bytes */{error.size}".encode())]
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", error.allowed.encode())]
    return []


def unknown_address() -> NotFound:
    """Return the error of an address that nothing answers to."""
    return NotFound("There is nothing at this address; /docs names those that there are.")
