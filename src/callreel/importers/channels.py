"""The names of Asterisk's channels: `PJSIP/101-0000002a`, `Local/101@from-queue-00000001;1`.

Technology, a stroke, the peer, then a dash and a number of the call; of a local channel the place
in the dialplan. FreePBX puts what it dials an extension for before it: `Local/FMPR-101@…` for
the extension's own phone in follow-me, `Local/RG-600-101@…` for a member of a ring group. A
number of a follow-me list (`FMGL-`) is no extension.
"""

from __future__ import annotations

import re
from typing import Final

_EXTENSION: Final = re.compile(
    r"(?:SIP|PJSIP|IAX2|SCCP|Agent|Local)/(?:FMPR-|LC-|RG-[0-9]+-)?(?P<extension>[0-9]{2,6})"
    r"(?:-[0-9a-f]+|@[^@]*)?(?:;[12])?",
    re.IGNORECASE,
)
_SHORT: Final = re.compile(r"[0-9]{2,6}")


def extension_of(channel: str) -> str | None:
    """Return the extension that a channel is of, or None: of a trunk, or of no known kind."""
    match = _EXTENSION.fullmatch(channel)
    return None if match is None else match["extension"]


def short(*numbers: str | None) -> str | None:
    """Return the first number that is as short as those inside of a company, or None."""
    return next((each for each in numbers if each and _SHORT.fullmatch(each)), None)
