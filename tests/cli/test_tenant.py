from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callreel.settings import Settings
from callreel.wiring import open_catalog
from cli_runs import Command


def test_a_tenant_gets_a_number(callreel: Command) -> None:
    assert callreel("tenant", "create", "Żółta Łódka").out == "Tenant 1 is Żółta Łódka.\n"


def test_tenants_are_listed(callreel: Command) -> None:
    callreel("tenant", "create", "One")
    callreel("tenant", "create", "Two")

    assert callreel("tenant", "list").out == "number\tname\n1\tOne\n2\tTwo\n"
    assert callreel("tenant", "list", "--json").json() == [
        {"number": 1, "name": "One"},
        {"number": 2, "name": "Two"},
    ]


def test_a_script_learns_the_number_of_a_new_tenant(callreel: Command) -> None:
    assert callreel("tenant", "create", "One", "--json").json() == {"number": 1, "name": "One"}


def test_a_name_is_taken_once(callreel: Command) -> None:
    callreel("tenant", "create", "One")

    again = callreel("tenant", "create", "One")

    assert again.code == 1
    assert again.out == ""
    assert again.err.startswith("callreel: ")
    assert again.err.count("\n") == 1


def test_the_data_folder_is_for_its_owner_alone(callreel: Command, data: Path) -> None:
    callreel("tenant", "create", "One")

    assert data.stat().st_mode & 0o777 == 0o700


def test_a_name_that_is_no_text_is_refused(callreel: Command) -> None:
    made = callreel("tenant", "create", "a\udcff")

    assert (made.code, made.out) == (2, "")
    assert made.err.endswith("Must be text in UTF-8.\n")
    assert made.err.count("\n") == 1


@pytest.mark.parametrize("name", ["Łódź 🎧", "😀", "a b", "[bold]"])
def test_a_name_is_kept_as_it_is(callreel: Command, name: str) -> None:
    assert callreel("tenant", "create", name, "--json").json() == {"number": 1, "name": name}
    assert callreel("tenant", "list", "--json").out == (f'[{{"number": 1, "name": "{name}"}}]\n')


def test_an_archive_without_tenants_lists_none(callreel: Command, data: Path) -> None:
    asyncio.run(open_catalog(Settings(data=data)).close())

    assert callreel("tenant", "list").out == "number\tname\n"
    assert callreel("tenant", "list", "--json").json() == []
