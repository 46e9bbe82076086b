"""Telephone numbers in every spelling."""

from __future__ import annotations

import re
from typing import Final

_SEPARATORS: Final = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")


def normalise(number: str) -> str:
    """Return the form in which two spellings of one number are equal.

    Separators (spaces, brackets, dots, dashes, slashes) are dropped, then one leading `+` or
    `00`. A leading space stands for a `+` that form decoding ate, so dropping it is right too.
    Letters, as in a SIP user name, are kept and compared without case.
    """
    bare = _SEPARATORS.sub("", number)
    bare = bare[1:] if bare.startswith("+") else bare.removeprefix("00")
    return bare.casefold()
