from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from callreel.cli.key import parse_expiry, parse_id, parse_scopes
from callreel.cli.output import moment
from callreel.model import Scope
from cli.test_serve import address, get
from cli_runs import Command, Start

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
        ("--user", "1.5"),
        ("--project", "9223372036854775808"),
        ("--user", "-9223372036854775809"),
        ("--expires", "9999-12-31T23:59:59-00:01"),
        ("--label", "\udcff"),
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
    [
        ("90d", 90 * DAY),
        ("12h", DAY // 2),
        ("2w", 14 * DAY),
        ("99999h", 99_999 * 3600),
        ("1h", 3600),
        ("2026-03-02", DAY // 2),
        ("2026-03-01T12:00:01", 1),
        ("2026-03-01 12:00:01Z", 1),
    ],
)
def test_expiry_is_a_span_or_a_date(text: str, seconds: int) -> None:
    assert parse_expiry(text, NOW) == NOW + seconds


def test_expiry_knows_time_zones() -> None:
    assert parse_expiry("2026-03-01T14:00:00+01:00", NOW) == NOW + 3600


def test_a_date_means_utc_whatever_the_machine_thinks(in_zone: Callable[[str], None]) -> None:
    in_zone("America/New_York")

    assert parse_expiry("2026-03-02", NOW) == NOW + DAY // 2


@pytest.mark.parametrize(
    "text",
    [
        *("", "90", "d", "-5d", "2026-13-01", "123456d", "2026-03-01", "90D", "90 d", " 90d"),
        *("90d\n", "9.5d", "٩d", "0w", "2026-03-01T12:00:00", "2026-03-01T13:00:00+01:00"),
    ],
)
def test_what_is_no_time_ahead_is_no_expiry(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_expiry(text, NOW)


def test_scopes_are_parsed_with_spaces() -> None:
    assert parse_scopes("read, manage") == {Scope.READ, Scope.MANAGE}


def test_the_last_moment_that_can_be_shown_is_the_last_expiry() -> None:
    assert moment(parse_expiry("9999-12-31T23:59:59", NOW)) == "9999-12-31 23:59:59"
    with pytest.raises(ValueError, match="year 10000"):
        parse_expiry("9999-12-31T23:59:59-00:01", NOW)


@pytest.mark.parametrize("text", ["read,", ",", "READ", "read;listen", "read listen"])
def test_scopes_that_are_not_clear_are_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="must be some of read, listen, ingest, manage"):
        parse_scopes(text)


def test_ids_are_listed_in_their_order(callreel: Command, acme: str) -> None:
    wanted = [str(each) for each in (70, 9, -3, 1_000, 64)]

    made = callreel(
        "key", "create", "--tenant", acme, "--project", *wanted, "--user", *wanted, "--json"
    )

    assert made.json()["projects"] == made.json()["users"] == [-3, 9, 64, 70, 1_000]
    row = callreel("key", "list").out.splitlines()[1].split("\t")
    assert row[3:5] == ["-3,9,64,70,1000"] * 2


def test_the_list_says_what_a_key_is_not_bound_to(callreel: Command, acme: str) -> None:
    callreel("key", "create", "--tenant", acme, "--label", "PBX, second floor")

    head, row = (line.split("\t") for line in callreel("key", "list").out.splitlines())

    assert head[:5] == ["id", "tenant", "scopes", "projects", "users"]
    assert head[5:] == ["used", "expires", "revoked", "label"]
    assert row[1:] == ["1", "listen,read", "-", "-", "-", "-", "-", "PBX, second floor"]


def test_keys_are_listed_oldest_first_and_tell_no_secret(callreel: Command, acme: str) -> None:
    made = [callreel("key", "create", "--tenant", acme, "--json").json() for _ in range(4)]

    listed = callreel("key", "list", "--json")

    assert [each["id"] for each in listed.json()] == [each["id"] for each in made]
    assert not any(each["key"] in listed.out for each in made)


def test_a_key_says_whose_it_is_and_how_to_find_it_again(callreel: Command, acme: str) -> None:
    made = callreel("key", "create", "--tenant", "1")

    (listed,) = callreel("key", "list", "--json").json()
    assert made.err == (
        f"This is key {listed['id']} of Acme; it is shown this once, so keep it now.\n"
    )
    assert made.out.startswith(f"cr_{listed['id']}_")


def test_a_key_that_is_revoked_says_when_and_stays_the_only_one(
    callreel: Command, acme: str
) -> None:
    made, other = (
        callreel("key", "create", "--tenant", acme, "--json").json()["id"] for _ in range(2)
    )

    told = callreel("key", "revoke", made)

    revoked = {each["id"]: each["revoked"] for each in callreel("key", "list", "--json").json()}
    assert told.out == f"Key {made} was revoked at {revoked[made]} UTC.\n"
    assert revoked[other] is None
    assert abs(datetime.fromisoformat(f"{revoked[made]}Z").timestamp() - time.time()) < 60


@pytest.mark.parametrize("command", [("list", "--tenant", "Ghost"), ("revoke", "cr_a_b")])
def test_what_is_not_there_is_said_in_one_sentence(
    callreel: Command, acme: str, command: tuple[str, ...]
) -> None:
    told = callreel("key", *command)

    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("callreel: There is no such ")
    assert "cr_a_b" not in told.err
    assert told.err.count("\n") == 1


def test_a_name_goes_before_a_number(callreel: Command) -> None:
    for name in ("2", "Second"):
        callreel("tenant", "create", name)

    made = [
        callreel("key", "create", "--tenant", name, "--json").json()["tenant"]
        for name in ("2", "Second", "1")
    ]

    assert made == [1, 2, 1]


@pytest.mark.parametrize("name", ["01", " 1", "acme", "Acme ", "+1", ""])
def test_a_tenant_is_named_exactly(callreel: Command, acme: str, name: str) -> None:
    assert callreel("key", "create", "--tenant", name).code == 1


@pytest.mark.parametrize(
    "text", ["1.5", "1.0", "0x10", "1_0", "1e3", "+1", " 7", "7\n", "\u0667", "-", "", "9" * 20]
)
def test_an_id_is_never_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        parse_id(text)


def test_of_several_ids_a_wrong_one_is_found(callreel: Command, acme: str) -> None:
    made = callreel("key", "create", "--tenant", acme, "--user", "1", "2.5", "3")

    assert made.code == 2
    assert made.err.startswith("callreel: Invalid value for --user: must be a whole number from -9")
    assert callreel("key", "list", "--json").json() == []


@pytest.mark.parametrize("number", [0, 7, -7, (1 << 63) - 1, -(1 << 63)])
def test_every_id_that_a_call_may_have_can_be_named(number: int) -> None:
    assert parse_id(str(number)) == number


@pytest.mark.parametrize("output", [[], ["--json"]])
def test_a_damaged_key_is_named_and_the_others_are_listed(
    callreel: Command, acme: str, data: Path, output: list[str]
) -> None:
    made = [callreel("key", "create", "--tenant", acme, "--json").json()["id"] for _ in range(3)]
    with closing(apsw.Connection(str(data / "callreel.db"))) as connection:
        connection.execute("UPDATE api_key SET scopes = 'junk' WHERE id = ?", (made[1],))
    told = callreel("key", "list", *output)
    assert told.code == 1
    assert [each for each in made if each in told.out] == [made[0], made[2]]
    assert told.err == (
        f"callreel: The key {made[1]} is damaged in the database and refused; revoke it with "
        f"`callreel key revoke {made[1]}`, and create another.\n"
    )
    assert callreel("key", "revoke", made[1]).code == 0
    assert callreel("key", "list", *output).code == 0


def test_a_key_ends_in_each_process_in_its_second_and_within_one_of_being_revoked(
    callreel: Command, start: Start, acme: str
) -> None:
    """Whatever the machine does meanwhile: only the times before and after a question count."""
    url = address(start("serve", "--port", "0", "--workers", "2"))
    ends = int(time.time()) + 2
    when = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ending = callreel("key", "create", "--tenant", acme, "--expires", when).out.strip()
    revoked = callreel("key", "create", "--tenant", acme, "--json").json()

    def statuses(key: str) -> set[int]:
        """Ask so often that both processes are asked, but for one time in thousands."""
        list_of = f"{url}/cdr_dialog_recording?limit=1"
        return {get(list_of, key).status_code for _ in range(12)}

    assert statuses(revoked["key"]) == {200}
    assert callreel("key", "revoke", revoked["id"]).code == 0
    seen_by = time.monotonic() + 1.0
    while time.monotonic() < seen_by:
        assert statuses(revoked["key"]) <= {200, 401}
    assert statuses(revoked["key"]) == {401}

    while time.time() < ends:
        found = statuses(ending)
        assert found == {200} or time.time() >= ends
    assert statuses(ending) == {401}


def test_the_list_says_when_a_key_was_last_used(callreel: Command, start: Start, acme: str) -> None:
    made = [callreel("key", "create", "--tenant", acme, "--json").json() for _ in range(2)]
    server = start("serve", "--port", "0")
    began = int(time.time())
    assert get(f"{address(server)}/cdr_dialog_recording", made[0]["key"]).status_code == 200
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=20)
    used, never = (each["used"] for each in callreel("key", "list", "--json").json())
    assert began <= datetime.fromisoformat(f"{used}Z").timestamp() <= time.time()
    assert never is None
