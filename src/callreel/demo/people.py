"""Who is in the invented calls: projects, users, tags and telephone numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, product
from typing import Final

import numpy as np
import numpy.typing as npt

from callreel.model import Named

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

COMPANIES: Final = ("Żółta Łódka", "Ćma i Spółka")
TAGS: Final = (
    Named(1, "Do odsłuchu"),
    Named(2, "Reklamacja"),
    Named(3, "Sprzedaż"),
    Named(4, "Pochwała"),
    Named(5, "Prośba o kontakt"),
    Named(6, "Rezygnacja"),
    Named(7, "Błąd na fakturze"),
    Named(8, "Zmiana adresu"),
    Named(9, "Język angielski"),
    Named(10, "Szkolenie"),
    Named(11, "Spór"),
    Named(12, "Wzór rozmowy"),
)

_DEPARTMENTS: Final = (
    "Obsługa klienta",
    "Sprzedaż",
    "Reklamacje",
    "Umawianie wizyt",
    "Płatności",
    "Pomoc techniczna",
    "Zwroty",
    "Ankiety",
    "Kadry",
    "Dostawy",
)
_PLACES: Final = ("Łódź", "Kraków", "Gdańsk", "Poznań", "Wrocław", "Białystok")
_FIRST_NAMES: Final = (
    ("Anna", "f"),
    ("Łukasz", "m"),
    ("Małgorzata", "f"),
    ("Paweł", "m"),
    ("Agnieszka", "f"),
    ("Grzegorz", "m"),
    ("Elżbieta", "f"),
    ("Michał", "m"),
    ("Żaneta", "f"),
    ("Sławomir", "m"),
    ("Zofia", "f"),
    ("Błażej", "m"),
    ("Jadwiga", "f"),
    ("Rafał", "m"),
    ("Świetlana", "f"),
    ("Józef", "m"),
    ("Katarzyna", "f"),
    ("Stanisław", "m"),
    ("Bożena", "f"),
    ("Tomasz", "m"),
)
_FAMILY_NAMES: Final = (
    ("Wiśniewska", "Wiśniewski"),
    ("Wójcik", "Wójcik"),
    ("Kowalska", "Kowalski"),
    ("Dąbrowska", "Dąbrowski"),
    ("Zięba", "Zięba"),
    ("Kamińska", "Kamiński"),
    ("Szymańska", "Szymański"),
    ("Woźniak", "Woźniak"),
    ("Kozłowska", "Kozłowski"),
    ("Jabłońska", "Jabłoński"),
    ("Mróz", "Mróz"),
    ("Król", "Król"),
    ("Wróbel", "Wróbel"),
    ("Pięta", "Pięta"),
    ("Stępień", "Stępień"),
    ("Gołąb", "Gołąb"),
    ("Górska", "Górski"),
    ("Źrebiec", "Źrebiec"),
    ("Cieślak", "Cieślak"),
    ("Ćwik", "Ćwik"),
)
_AREA_CODES: Final = np.array([12, 22, 32, 42, 58, 61, 71, 85], dtype=np.int64)
_FOREIGN: Final = np.array([49151, 44774, 42060, 38067], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Staff:
    """A tenant's projects, biggest first, and its users."""

    projects: list[Named]
    users: list[Named]


def staff(tenant: int, projects: int, users: int) -> Staff:
    """Return a tenant's projects and users, at most 60 and 400; tenants have ids in common."""
    offices = (f"{what}, {where}" for where, what in product(_PLACES, _DEPARTMENTS))
    full_names = (
        f"{first} {family[kind == 'm']}"
        for family, (first, kind) in product(_shifted(_FAMILY_NAMES, tenant), _FIRST_NAMES)
    )
    return Staff(
        [Named(11 + i, name) for i, name in enumerate(islice(offices, projects))],
        [Named(101 + i, name) for i, name in enumerate(islice(full_names, users))],
    )


def mixed(*parts: Ints | int) -> Hashes:
    """Return a hash of each row of the parts, the same on every machine (splitmix64)."""
    state = np.zeros(1, dtype=np.uint64)
    for part in parts:
        state = state + np.asarray(part, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return state


def customer_numbers(tenants: Ints, customers: Ints, which: Ints) -> Ints:
    """Return each customer's telephone number number `which`, with country code, no plus.

    Most are Polish mobiles, one in seven a landline, one in twenty foreign. A third of the
    customers have a second number and a tenth a third one; a higher `which` wraps around.
    """
    person = mixed(tenants, customers) % np.uint64(30)
    owned = 1 + (person < np.uint64(10)).astype(np.int64) + (person < np.uint64(3))
    drawn = mixed(tenants, customers, which % owned)
    kind = (drawn % np.uint64(100)).astype(np.int64)
    rest = (drawn >> np.uint64(8)).astype(np.int64) & ((1 << 50) - 1)
    mobile = 48_500_000_000 + rest % 300_000_000
    landline = 48_000_000_000 + _AREA_CODES[rest % 8] * 10_000_000 + 2_000_000 + rest % 7_000_000
    foreign = _FOREIGN[rest % 4] * 10_000_000 + rest % 10_000_000
    return np.where(kind < 5, foreign, np.where(kind < 19, landline, mobile))


def company_number(tenant: int, project: int) -> str:
    """Return the number that a project is called at and calls from."""
    drawn = int(mixed(tenant, project, 7)[0]) % 10_000
    return f"+4822{300 + tenant % 600}{drawn:04d}"


def spelled(number: int, spelling: int) -> str:
    """Write a number in one of the ways that telephone systems do; spelling is 0 to 19."""
    if spelling > 5:
        return f"+{number}"
    digits = str(number)
    if spelling > 1:
        return digits[2:] if digits.startswith("48") else f"+{digits}"
    if spelling == 1:
        return f"00{digits}"
    return f"+{digits[:2]} {digits[2:5]} {digits[5:8]} {digits[8:]}"


def _shifted(names: tuple[tuple[str, str], ...], by: int) -> tuple[tuple[str, str], ...]:
    split = by % len(names)
    return names[split:] + names[:split]
