"""`callreel settings`: what the environment says."""

from __future__ import annotations

from dataclasses import fields

from callreel.cli.output import print_json, print_rows
from callreel.settings import read_settings, reference


def settings(*, json: bool = False) -> None:
    """Show every setting, its value and its default.

    Args:
        json: Print a list of objects.
    """
    given = read_settings()
    values = [getattr(given, each.name) for each in fields(given)]
    rows = [
        {
            "setting": name,
            "value": "" if value is None else str(value),
            "default": default,
            "meaning": says,
        }
        for value, (name, default, says) in zip(values, reference(), strict=True)
    ]
    if json:
        print_json(rows)
        return
    headings = ("setting", "value", "default", "meaning")
    print_rows(headings, [[row[heading] for heading in headings] for row in rows])
