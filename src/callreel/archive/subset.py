"""Which audio is read, where not all: a slice, a share or an amount, as restic writes them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from callreel.errors import BadParameter

_SLICE: Final = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)%")
_AMOUNT: Final = re.compile(r"([0-9]{1,12})([KMGT]?)")
_UNITS: Final = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SLICED_BY: Final = 15  # hex digits of the digest
_FORM: Final = "A subset is 3/30, 10% or an amount such as 500M or 2G."


@dataclass(frozen=True, slots=True)
class Subset:
    """Part of all audio.

    Attributes:
        part, parts: A slice: of so many, the one with this number, from 1. By the digest, so that
            all slices together are all audio, whatever comes in between.
        share: Of all audio taken at random; 0 to 1.
        amount: So many bytes taken at random, about; or None.
    """

    part: int = 1
    parts: int = 1
    share: float = 1.0
    amount: int | None = None

    @property
    def is_all(self) -> bool:
        return self == EVERYTHING

    def chooser(self, total: int) -> Callable[[str], bool]:
        """Return what says of a digest whether its audio is read.

        Args:
            total: Bytes of all audio, about.
        """
        share = self.share
        if self.amount is not None:
            share = min(1.0, self.amount / total) if total else 1.0
        dice = random.SystemRandom()

        def is_chosen(sha256: str) -> bool:
            in_slice = int(sha256[:_SLICED_BY], 16) % self.parts == self.part - 1
            return in_slice and (share >= 1.0 or dice.random() < share)

        return is_chosen


EVERYTHING: Final = Subset()


def subset_of(text: str) -> Subset:
    """Return the subset that a text stands for.

    Raises:
        BadParameter: for none.
    """
    if match := _SLICE.fullmatch(text):
        part, parts = int(match[1]), int(match[2])
        if part <= parts:
            return Subset(part, parts)
    elif match := _SHARE.fullmatch(text):
        if 0 < float(match[1]) <= 100:
            return Subset(share=float(match[1]) / 100)
    elif (match := _AMOUNT.fullmatch(text)) and int(match[1]):
        return Subset(amount=int(match[1]) << _UNITS[match[2]])
    raise BadParameter(_FORM, field="subset")
