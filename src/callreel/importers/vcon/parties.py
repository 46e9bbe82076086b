"""The parties of a vCon: their numbers, and which of them are the company's.

The parameters are those of a Party Object in draft-ietf-vcon-vcon-core; `role` is of
draft-ietf-vcon-cc-extension, `type` says the same in some files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from callreel.importers.items import plain_text
from callreel.importers.parties import is_outside, known

LONGEST_NUMBER: Final = 64
COMPANY_ROLES: Final = frozenset({"agent", "supervisor", "sme", "bot"})
CUSTOMER_ROLES: Final = frozenset({"customer"})
_SEPARATORS: Final = str.maketrans("", "", "-.() ")
_PHONE: Final = re.compile(r"\+?[0-9*#]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Party:
    """A party.

    Attributes:
        number: Its telephone number or SIP address, or None where it has none or withheld it.
        agent: As whom a table of people may know it, or None.
        is_company: Whether it is the company's, or None where the vCon does not say.
    """

    number: str | None
    agent: str | None
    is_company: bool | None

    @property
    def is_extension(self) -> bool:
        number = self.number or ""
        return number.isascii() and number.isdigit() and not is_outside(number)


def party_of(member: dict[str, Any]) -> Party:
    """Read a Party Object; what is odd in it counts as not being there."""
    name, number = _text(member, "name"), _number(member)
    others = (_text(member, each) for each in ("mailto", "uuid"))
    agent = next((each for each in (number, *others, name) if each), None)
    if name.casefold() == "anonymous":
        return Party(None, None, _is_company(member))
    return Party(number, agent, _is_company(member))


def _number(member: dict[str, Any]) -> str | None:
    number = _tel(_text(member, "tel")) or _sip(_text(member, "sip"))
    return None if number is None else known(number)


def _tel(text: str) -> str | None:
    """Return the number of a tel URL (RFC 3966) or of what stands where one should."""
    number = unquote(_without_scheme(text, "tel:").partition(";")[0]).strip()
    bare = number.translate(_SEPARATORS)
    return (bare if _PHONE.fullmatch(bare) else plain_text(number)) or None


def _sip(text: str) -> str | None:
    """Return the number in a SIP address (RFC 3261), or the address where it is of letters."""
    address = text.partition("<")[2].partition(">")[0] if "<" in text else text
    address = re.split("[;?]", _without_scheme(_without_scheme(address, "sips:"), "sip:"))[0]
    user, at, host = address.rpartition("@")
    user = unquote(user.partition(":")[0]) if at else ""
    bare = user.translate(_SEPARATORS)
    if not known(user):
        return None
    if _PHONE.fullmatch(bare):
        return bare
    return plain_text(f"{user}@{host}")


def _is_company(member: dict[str, Any]) -> bool | None:
    role = (_text(member, "role") or _text(member, "type")).casefold()
    if role in COMPANY_ROLES:
        return True
    return False if role in CUSTOMER_ROLES else None


def _text(member: dict[str, Any], name: str) -> str:
    """Return a short text; of what is longer than any number or name, nothing is used."""
    value = member.get(name)
    text = plain_text(value) if isinstance(value, str) else ""
    return text if len(text) <= LONGEST_NUMBER else ""


def _without_scheme(text: str, scheme: str) -> str:
    return text[len(scheme) :] if text[: len(scheme)].casefold() == scheme else text
