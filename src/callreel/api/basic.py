"""Keys in HTTP Basic authentication, for systems that can send nothing else."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from callreel.archive.keys import REFUSAL
from callreel.errors import NotAuthenticated

_SCHEME: Final = b"basic "


def unwrapped(given: bytes) -> bytes:
    """Return the value of `Authorization` with a key that was a Basic password as it is.

    The key is the password; the user name may be anything. What is not Basic stays as it is.

    Raises:
        NotAuthenticated: it is Basic, but not the base64 of a user name, a colon and a password.
    """
    if given[: len(_SCHEME)].lower() != _SCHEME:
        return given
    try:
        pair = base64.b64decode(given[len(_SCHEME) :].strip(), validate=True)
    except binascii.Error as error:
        raise NotAuthenticated(REFUSAL) from error
    password = pair.partition(b":")[2]
    if not password:
        raise NotAuthenticated(REFUSAL)
    return password
