"""What no log may hold: keys, secrets and telephone numbers, wherever a client puts them."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"
_KEPT: Final = (
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID is no number,
    r"|(?<![0-9a-z])1-[0-9a-f]{8}-[0-9a-f]{24}(?![0-9a-z])"  # nor is an id of AWS X-Ray
)
_PRIVATE: Final = re.compile(
    rf"(?P<kept>{_KEPT})"
    r"|(?P<opening>cr_[0-9a-z]{1,64}_|whsec_)[\w+/=-]+"
    # The digits of every script: an address may hold any.
    rf"|(?<![\da-z])\+?\d(?:[ ()._/-]{{0,2}}(?!{_KEPT})\d){{6,14}}(?![\da-z])",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """Return a text without the secret part of keys and without telephone numbers.

    A number is seven to fifteen digits (E.164 has at most fifteen), perhaps divided as people
    write them, or as names in a path. What is longer, or stands amidst letters, is an id. UUIDs are
    kept, and trace ids as balancers of AWS give them: `1-`, the time and 96 bits, in hexadecimal
    digits.
    """
    return _PRIVATE.sub(_cover, text)


def _cover(found: re.Match[str]) -> str:
    return found["kept"] or (found["opening"] or "") + MASK
