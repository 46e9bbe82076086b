from __future__ import annotations

import inspect
import json

import pytest

from callreel import errors
from callreel.api.errors import MethodNotAllowed, answer_to, error_body, error_headers
from callreel.api.log import trace_of
from callreel.errors import (
    BadParameter,
    BadRecording,
    CallreelError,
    Conflict,
    Misconfigured,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    RangeNotSatisfiable,
    StorageFull,
    TooLarge,
    TooManyRequests,
    Unavailable,
    UnsupportedMedia,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadParameter("x"), 400),
        (NotAuthenticated("x"), 401),
        (NotAllowed("x"), 403),
        (NotFound("x"), 404),
        (MethodNotAllowed({"GET"}), 405),
        (Conflict("x"), 409),
        (TooLarge("x"), 413),
        (UnsupportedMedia("x"), 415),
        (RangeNotSatisfiable(9), 416),
        (BadRecording("x"), 422),
        (TooManyRequests("x", retry_after=1), 429),
        (Unavailable("x"), 503),
        (StorageFull("x"), 507),
        (Misconfigured("x"), 500),
        (ValueError("x"), 500),
    ],
)
def test_each_error_has_its_status(error: Exception, status: int) -> None:
    assert answer_to(error)[0] == status


def test_every_error_of_the_archive_is_an_answer() -> None:
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind)]
    ours = [kind for kind in kinds if issubclass(kind, CallreelError)]
    unanswered = {kind for kind in ours if answer_to(kind.__new__(kind))[0] == 500}
    assert unanswered == {CallreelError, Misconfigured}


def test_a_kind_of_a_known_error_is_answered_like_it() -> None:
    class BusyFolder(Unavailable):
        pass

    assert answer_to(BusyFolder("x"))[0] == 503


def test_a_body_says_what_where_and_in_which_request() -> None:
    body = json.loads(error_body(BadParameter("Too long.", field="filter"), "r-1"))
    assert body == {
        "error": {
            "code": "bad_parameter",
            "message": "Too long.",
            "field": "filter",
            "request_id": "r-1",
        }
    }


def test_a_body_without_a_field_has_none() -> None:
    assert "field" not in json.loads(error_body(NotFound("Gone."), "r"))["error"]


def test_a_field_is_named_as_the_client_knows_it() -> None:
    body = json.loads(error_body(BadRecording("Early.", field="started_at"), "r"))
    assert body["error"]["field"] == "start_time"


@pytest.mark.parametrize("error", [RuntimeError("secret"), Misconfigured("secret")])
def test_a_bug_tells_nothing_but_its_request(error: Exception) -> None:
    body = error_body(error, "r-1")
    assert b"secret" not in body
    assert json.loads(body)["error"]["request_id"] == "r-1"


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (NotAuthenticated("x"), (b"www-authenticate", b'Bearer realm="callreel"')),
        (TooManyRequests("x", retry_after=3), (b"retry-after", b"3")),
        (Unavailable("x", retry_after=5), (b"retry-after", b"5")),
        (RangeNotSatisfiable(99), (b"content-range", b"bytes */99")),
        (MethodNotAllowed(["POST", "GET"]), (b"allow", b"GET, POST")),
    ],
)
def test_some_errors_say_more_in_a_header(error: Exception, header: tuple[bytes, bytes]) -> None:
    assert error_headers(error) == [header]


def test_most_errors_do_not() -> None:
    assert error_headers(NotFound("x")) == []


def test_an_error_that_stands_behind_itself_is_traced_once() -> None:
    error, other = ValueError("a"), KeyError("b")
    error.__cause__, other.__cause__ = other, error
    assert trace_of(error) == "ValueError\nKeyError"
    error.__cause__ = error
    assert trace_of(error) == "ValueError"
