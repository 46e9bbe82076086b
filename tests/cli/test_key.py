from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callreel.cli.key import parse_expiry, parse_scopes
from callreel.model import Scope
from cli_runs import Command

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
DAY = 86_400


@pytest.fixture
def acme(callreel: Command) -> str:
    assert callreel("tenant", "create", "Acme").code == 0
    return "Acme"


def test_a_key_is_printed_alone_so_that_a_script_can_keep_it(callreel: Command, acme: str) -> None:
    made = callreel("key", "create", "--tenant", acme)

    assert made.code == 0
    assert made.out.startswith("cr_")
    assert len(made.out.split()) == 1
    assert "shown this once" in made.err


def test_a_key_says_what_it_may_do(callreel: Command, acme: str) -> None:
    made = callreel(
        *("key", "create", "--tenant", acme, "--scope", "read,ingest", "--label", "PBX"),
        *("--project", "11", "12", "--user", "101", "--expires", "2099-01-01", "--json"),
    ).json()
    listed = callreel("key", "list", "--json").json()

    assert made["scopes"] == ["ingest", "read"]
    assert made["projects"] == [11, 12]
    assert made["users"] == [101]
    assert made["expires"] == "2099-01-01 00:00:00"
    assert made["label"] == "PBX"
    assert listed == [{name: value for name, value in made.items() if name != "key"}]


def test_a_repeated_option_narrows_to_each_of_them(callreel: Command, acme: str) -> None:
    made = callreel(
        "key", "create", "--tenant", acme, "--project", "1", "--project", "2", "--json"
    ).json()

    assert made["projects"] == [1, 2]
    assert made["users"] is None


def test_without_scope_a_key_may_read_and_listen(callreel: Command, acme: str) -> None:
    made = callreel("key", "create", "--tenant", acme, "--json").json()

    assert made["scopes"] == ["listen", "read"]
    assert made["expires"] is None


def test_the_help_names_the_usual_scopes_in_their_order(callreel: Command) -> None:
    told = " ".join(callreel("key", "create", "--help").out.split())

    assert "[default: read,listen]" in told
    assert "--expires WHEN" in told


def test_a_tenant_may_be_named_by_its_number(callreel: Command, acme: str) -> None:
    assert callreel("key", "create", "--tenant", "1", "--json").json()["tenant"] == 1


def test_a_key_of_an_unknown_tenant_is_refused(callreel: Command, acme: str) -> None:
    made = callreel("key", "create", "--tenant", "Ghost")

    assert made.code == 1
    assert made.err == ("callreel: There is no such tenant; `callreel tenant list` names them.\n")


def test_the_list_can_be_of_one_tenant(callreel: Command, acme: str) -> None:
    callreel("tenant", "create", "Other")
    callreel("key", "create", "--tenant", acme)
    callreel("key", "create", "--tenant", "Other", "--label", "theirs")

    listed = callreel("key", "list", "--tenant", "Other", "--json").json()

    assert [key["label"] for key in listed] == ["theirs"]


def test_a_revoked_key_is_listed_as_revoked(callreel: Command, acme: str) -> None:
    made = callreel("key", "create", "--tenant", acme, "--json").json()

    revoked = callreel("key", "revoke", made["id"])

    assert revoked.code == 0
    assert made["id"] in revoked.out
    assert callreel("key", "list", "--json").json()[0]["revoked"] is not None


def test_revoking_an_unknown_key_is_an_error(callreel: Command, acme: str) -> None:
    revoked = callreel("key", "revoke", "00000000")

    assert revoked.code == 1
    assert revoked.err.count("\n") == 1


def test_the_list_for_pipes_has_a_line_for_each_key(callreel: Command, acme: str) -> None:
    made = callreel("key", "create", "--tenant", acme, "--json").json()

    lines = callreel("key", "list").out.splitlines()

    assert lines[0].split("\t")[0] == "id"
    assert lines[1].split("\t")[:3] == [made["id"], "1", "listen,read"]


def test_no_key_is_found_in_the_data_folder(callreel: Command, acme: str, data: Path) -> None:
    made = callreel("key", "create", "--tenant", acme).out.strip().encode()

    files = [path for path in data.rglob("*") if path.is_file()]
    assert files
    assert not any(made in path.read_bytes() for path in files)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--scope", "read,write"),
        ("--scope", ""),
        ("--expires", "soon"),
        ("--expires", "2001-01-01"),
        ("--expires", "0d"),
        ("--project", "first"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_option(
    callreel: Command, acme: str, option: str, value: str
) -> None:
    made = callreel("key", "create", "--tenant", acme, option, value)

    assert made.code == 2
    assert option in made.err
    assert made.err.count("\n") == 1
    assert callreel("key", "list", "--json").json() == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90d", 90 * DAY), ("12h", DAY // 2), ("2w", 14 * DAY), ("2026-03-02", DAY // 2)],
)
def test_expiry_is_a_span_or_a_date(text: str, seconds: int) -> None:
    assert parse_expiry(text, NOW) == NOW + seconds


def test_expiry_knows_time_zones() -> None:
    assert parse_expiry("2026-03-01T14:00:00+01:00", NOW) == NOW + 3600


def test_a_date_means_utc_whatever_the_machine_thinks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TZ", "America/New_York")

    assert parse_expiry("2026-03-02", NOW) == NOW + DAY // 2


@pytest.mark.parametrize("text", ["", "90", "d", "-5d", "2026-13-01", "123456d", "2026-03-01"])
def test_what_is_no_time_ahead_is_no_expiry(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_expiry(text, NOW)


def test_scopes_are_parsed_with_spaces() -> None:
    assert parse_scopes("read, manage") == {Scope.READ, Scope.MANAGE}
