"""What a vCon says of its conversation as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from callreel.errors import BadRecording
from callreel.importers.items import plain_text
from callreel.importers.vcon.audio import name_beside
from callreel.importers.vcon.parties import Party, party_of

LONGEST_UUID: Final = 48
MOST: Final = {"dialog": 10_000, "parties": 1_000}
RECORDING: Final = "recording"
_KNOWN_EXTENSIONS: Final = frozenset({"cc"})


@dataclass(frozen=True, slots=True)
class Conversation:
    """A vCon.

    Attributes:
        uuid: Its id, in small letters.
        parties: Its parties, as its dialogs count them.
        dialogs: Its Dialog Objects.
        named: The names of files beside it that hold recordings of it.
        is_redacted: Whether something may have been taken out of it.
        has_recording: Whether one of its dialogs is a recording.
        notes: What a person should know.
    """

    uuid: str
    parties: tuple[Party, ...]
    dialogs: tuple[dict[str, Any], ...]
    named: frozenset[str]
    is_redacted: bool
    has_recording: bool
    notes: tuple[str, ...]


def conversation_of(vcon: dict[str, Any]) -> Conversation:
    """Read the members of a vCon.

    Raises:
        BadRecording: this is no vCon, or one that needs what is not known here.
    """
    if "vcon" not in vcon and not ("uuid" in vcon and ("dialog" in vcon or "parties" in vcon)):
        raise BadRecording("This JSON is no vCon.")
    _refuse_unknown(vcon.get("critical", vcon.get("must_support")))
    dialogs = _objects(vcon, "dialog")
    return Conversation(
        uuid=_uuid(vcon.get("uuid")),
        parties=tuple(map(party_of, _objects(vcon, "parties"))),
        dialogs=dialogs,
        named=_named(dialogs),
        is_redacted=vcon.get("redacted") is not None,
        has_recording=any(each.get("type") == RECORDING for each in dialogs),
        notes=_notes(vcon),
    )


def _uuid(value: object) -> str:
    text = plain_text(value).lower() if isinstance(value, str) else ""
    if not text or len(text) > LONGEST_UUID:
        raise BadRecording("The vCon has no uuid.")
    return text


def _objects(vcon: dict[str, Any], name: str) -> tuple[dict[str, Any], ...]:
    found = vcon.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadRecording(f"The {name} of the vCon is no list of objects.")
    if len(found) > MOST[name]:
        raise BadRecording(f"The {name} of the vCon has more than {MOST[name]} objects.")
    return tuple(found)


def _refuse_unknown(critical: object) -> None:
    if critical is None:
        return
    names = critical if isinstance(critical, list) else [critical]
    if not all(isinstance(each, str) and each.casefold() in _KNOWN_EXTENSIONS for each in names):
        raise BadRecording("The vCon needs an extension that is not known here.")


def _named(dialogs: tuple[dict[str, Any], ...]) -> frozenset[str]:
    return frozenset(name for each in dialogs if (name := _name_beside(each)) is not None)


def _name_beside(dialog: dict[str, Any]) -> str | None:
    url = dialog.get("url")
    if dialog.get("type") != RECORDING or dialog.get("body") or not isinstance(url, str):
        return None
    try:
        return name_beside(url) if url.strip() else None
    except BadRecording:
        return None


def _notes(vcon: dict[str, Any]) -> tuple[str, ...]:
    if vcon.get("redacted"):
        return ("The vCon is a redacted one; the whole one is another recording.",)
    if vcon.get("amended") or vcon.get("appended"):
        return ("The vCon amends an earlier one, which is another recording if it is imported.",)
    return ()
