from __future__ import annotations

import io
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from callreel.errors import Misconfigured
from callreel.importers.items import Candidate, Fault, Item, Refusal, Row, RowUse
from callreel.importers.wanted import Directory, Wanted, moment_of
from callreel.model import Call, DialogType, Direction, Named

NOON = 1_772_452_800  # 2026-03-02 12:00:00 UTC
WARSAW = ZoneInfo("Europe/Warsaw")
LISTED = "kind,source,id,name\nextension,101,7,Anna Nowak\nqueue,700,3,Sales\n"


def call(started_at: int = NOON, user: Named | None = None) -> Call:
    return Call(
        dialog_id="d",
        dialog_type=DialogType.CONSULTANT,
        direction=Direction.INBOUND,
        started_at=started_at,
        hung_up_at=started_at + 60,
        talking_ms=1_000,
        user=user,
    )


def candidate(
    given: Call | None = None, agent: str | None = None, queue: str | None = None
) -> Candidate:
    return Candidate(
        where="a.wav",
        call=given or call(),
        is_measured=True,
        native_id="1",
        native_time=NOON,
        open=io.BytesIO,
        size=1,
        original_name="a.wav",
        source="some",
        agent=agent,
        queue=queue,
    )


def directory(tmp_path: Path, text: str = LISTED) -> Directory:
    path = tmp_path / "people.csv"
    path.write_text(text)
    return Directory.read(path)


def one(wanted: Wanted, item: Item) -> Item:
    (found,) = wanted.of([item])
    return found


@pytest.mark.parametrize(("seconds", "is_wanted"), [(-1, False), (0, True), (1, True)])
def test_calls_that_started_earlier_are_left_out_and_named(seconds: int, is_wanted: bool) -> None:
    wanted = Wanted(since=NOON)
    heard = candidate(call(NOON + seconds))
    silent = Row("cdr.csv:2", RowUse.UNRECORDED, call(NOON + seconds))
    for item, is_row in ((heard, False), (silent, True)):
        found = one(wanted, item)
        if is_wanted:
            assert found == item
        else:
            assert isinstance(found, Refusal)
            assert (found.where, found.fault) == (item.where, Fault.EARLIER)
            assert found.is_row is is_row


def test_what_is_no_call_is_passed_on() -> None:
    items: list[Item] = [
        Refusal("x", Fault.BROKEN, "It is broken."),
        Row("cdr.csv:3", RowUse.JOINED),
    ]
    assert list(Wanted(since=NOON).of(items)) == items


def test_people_and_queues_become_users_and_projects(tmp_path: Path) -> None:
    wanted = Wanted(directory=directory(tmp_path))
    found = one(wanted, candidate(agent="101", queue="700"))
    assert isinstance(found, Candidate)
    assert found.call.user == Named(7, "Anna Nowak")
    assert found.call.project == Named(3, "Sales")
    row = one(wanted, Row("cdr.csv:2", RowUse.UNRECORDED, call(), agent="101"))
    assert isinstance(row, Row)
    assert row.call is not None
    assert (row.call.user, row.call.project) == (Named(7, "Anna Nowak"), None)


def test_who_is_not_in_the_directory_stays_unknown_and_who_is_known_stays(tmp_path: Path) -> None:
    wanted = Wanted(directory=directory(tmp_path))
    known = candidate(call(user=Named(9, "Ewa")), agent="101", queue="701")
    assert one(wanted, known) == known
    unknown = candidate(agent="102")
    assert one(wanted, unknown) == unknown


def test_a_directory_may_leave_names_out_and_be_written_with_semicolons(tmp_path: Path) -> None:
    found = directory(tmp_path, "id;kind;source\n7;extension;101\n")
    assert found.users == {"101": Named(7, None)}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("robot,101,7,Anna", "kind is one of extension, queue"),
        ("extension,101,seven,Anna", "id is no whole number"),
        ("extension,101,-7,Anna", "id is no whole number"),
        ("extension,101,99999999999999999999999,Anna", "id is no whole number"),
        ("extension,101,7", "The row has 3 cells"),
    ],
)
def test_a_directory_that_cannot_be_meant_is_refused_with_the_line(
    tmp_path: Path, row: str, says: str
) -> None:
    with pytest.raises(Misconfigured, match=says) as refused:
        directory(tmp_path, LISTED + row + "\n")
    assert refused.value.message.startswith("people.csv:4: ")


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-03-02", None, NOON - 12 * 3600),
        ("2026-03-02T12:00:00", None, NOON),
        ("2026-03-02T13:00:00", WARSAW, NOON),
        ("2026-03-02", WARSAW, NOON - 13 * 3600),
        ("2026-03-02T14:00:00+02:00", WARSAW, NOON),
        ("2026-03-02T12:00:00Z", None, NOON),
    ],
)
def test_a_date_is_of_the_telephone_system_s_clock_unless_it_says_otherwise(
    text: str, zone: ZoneInfo | None, moment: int
) -> None:
    assert moment_of(text, zone) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "02.03.2026", "90d"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="Give a date such as"):
        moment_of(text, WARSAW)
