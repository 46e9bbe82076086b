"""What an answer says, as the type that was expected."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from urllib3.response import BaseHTTPResponse

from callreel.client.errors import BadAnswerError, NoAnswerError

Shape = TypeVar("Shape")


def decoded(answer: BaseHTTPResponse, shape: type[Shape]) -> Shape:
    """Return what an answer says; flags and numbers may be written as text.

    Raises:
        BadAnswerError: it is JSON, but not what the endpoint gives.
        NoAnswerError: it is no JSON, as one that broke off.
    """
    try:
        return msgspec.json.decode(answer.data, type=shape, strict=False)
    except msgspec.ValidationError as error:
        raise BadAnswerError(f"The answer is not what the endpoint gives: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoAnswerError("The answer is no whole JSON; is the address right?") from error
