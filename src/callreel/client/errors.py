"""What can go wrong for a client; each message is one sentence that says what to do."""

from __future__ import annotations

from typing import Final

import msgspec

from callreel.errors import CallreelError


class ClientError(CallreelError):
    """The parent of all errors of the client."""


class NoAnswerError(ClientError):
    """No whole answer came: the server is away or slow, or the connection broke."""


class BadAnswerError(ClientError):
    """The answer is not what the endpoint gives."""


class DamagedAudioError(ClientError):
    """The audio that came is not the audio that the recording tells of; nothing was kept."""


class Failure(msgspec.Struct, frozen=True):
    """What a server says of an error.

    Attributes:
        message: One sentence.
        code: The server's word for the error.
        field: The parameter or field at fault.
        request_id: By which the server's operator finds the request.
    """

    message: str
    code: str | None = None
    field: str | None = None
    request_id: str | None = None


class ApiError(ClientError):
    """The server refused.

    Attributes:
        status: The HTTP status.
        code, field, request_id: See `Failure`; None where the server does not say.
        retry_after: Seconds after which to ask again, or None where the server does not say.
    """

    def __init__(self, status: int, failure: Failure, retry_after: float | None = None) -> None:
        super().__init__(failure.message, field=failure.field)
        self.status = status
        self.code = failure.code
        self.request_id = failure.request_id
        self.retry_after = retry_after


class BadRequestError(ApiError):
    """400: a parameter is not as the server wants it."""


class KeyRefusedError(ApiError):
    """401: the key is missing, unknown, expired or revoked."""


class NotAllowedError(ApiError):
    """403: the key lacks the scope."""


class NotFoundError(ApiError):
    """404: there is no such recording within reach of the key."""


class ConflictError(ApiError):
    """409: the id is taken by a recording with other content."""


class BadRecordingError(ApiError):
    """413, 415 or 422: the call or its audio cannot be taken in."""


class BusyError(ApiError):
    """429 or 503: the server did nothing now; asking again later helps."""


_KINDS: Final[dict[int, type[ApiError]]] = {
    400: BadRequestError,
    401: KeyRefusedError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    413: BadRecordingError,
    415: BadRecordingError,
    422: BadRecordingError,
    429: BusyError,
    503: BusyError,
}
_SAYS: Final = {
    400: "The server does not take one of the parameters.",
    401: "The server refused the key; check that it is whole and still valid.",
    403: "The key may not do this.",
    404: "The server has nothing at this address.",
    429: "The server was asked too often; ask again later.",
    503: "The server cannot answer just now; ask again later.",
}


class _Body(msgspec.Struct):
    error: Failure


def api_error(status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """Return the error that an answer stands for, whether or not its body says more."""
    try:
        failure = msgspec.json.decode(body, type=_Body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        failure = Failure(_SAYS.get(status, _unexplained(status)))
    return _KINDS.get(status, ApiError)(status, failure, _seconds(retry_after))


def _unexplained(status: int) -> str:
    if 300 <= status < 400:
        return "The server redirects elsewhere; give the client the address that it redirects to."
    return f"The server answered with status {status} and no explanation."


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a `Retry-After`; its other form, a date, counts as not said."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return float(retry_after)
