"""Asterisk's words: dispositions, channels, contexts."""

from __future__ import annotations

import re
from typing import Final

from callreel.importers.items import plain_text
from callreel.importers.parties import direction_of_context
from callreel.model import Direction

ANSWERED: Final = "ANSWERED"
NO_ANSWER: Final = "NO ANSWER"
# By number (enum ast_cdr_disposition, include/asterisk/cdr.h) where a backend is set up so.
_DISPOSITIONS: Final = {
    "0": NO_ANSWER,
    "1": NO_ANSWER,
    "2": "FAILED",
    "4": "BUSY",
    "8": ANSWERED,
    "16": "CONGESTION",
    "NOANSWER": NO_ANSWER,
}
_KNOWN: Final = frozenset(_DISPOSITIONS.values())
_SUFFIX: Final = re.compile(r"-[0-9a-fA-F]{1,10}(;[0-9]+)?\Z")
_EXTENSION: Final = re.compile(r"[0-9*#]{1,6}")
_INBOUND_WORDS: Final = (
    "inbound", "incoming", "external", "outside", "trunk", "pstn", "did", "provider", "public",
)  # fmt: skip
_OUTBOUND_WORDS: Final = (
    "outbound", "outgoing", "internal", "inside", "phones", "users", "extensions",
)  # fmt: skip


def disposition(text: str) -> str:
    """Return what became of a call, as Asterisk says it, whether by number or word."""
    word = plain_text(text).upper()
    return _DISPOSITIONS.get(word, word)


def is_disposition(text: str) -> bool:
    """Say whether a text is one of the words for what became of a call."""
    return not text.isdigit() and disposition(text) in _KNOWN


def is_local(channel: str) -> bool:
    """Say whether a channel only joins two parts of the dialplan: no telephone is at its end."""
    return channel.lower().startswith("local/")


def endpoint(channel: str) -> str | None:
    """Return who is at the end of a channel: an extension, or the name of a trunk.

    `PJSIP/101-0000002a` and `Local/101@from-queue-00000003;1` are both of 101.
    """
    name = _SUFFIX.sub("", plain_text(channel)).partition("@")[0].rpartition("/")[2]
    return name or None


def extension(channel: str) -> str | None:
    """Return the extension at the end of a channel, or None where that is a trunk or nobody."""
    name = None if is_local(channel) else endpoint(channel)
    return name if name is not None and _EXTENSION.fullmatch(name) else None


def direction_by_context(context: str) -> Direction | None:
    """Return the direction of what enters a context, by its name, or None."""
    known = direction_of_context(context)
    if known is not None:
        return known
    first, *others = re.split(r"[^a-z]+", context.lower())
    for word in (first, *others):
        if word.startswith(_OUTBOUND_WORDS):
            return Direction.OUTBOUND
        if word.startswith(_INBOUND_WORDS):
            return Direction.OUTBOUND if first == "to" else Direction.INBOUND
    return None
