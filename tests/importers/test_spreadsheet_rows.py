"""Cells become times, lengths, numbers and directions; what cannot be is named with its column."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.importers.items import Candidate, Refusal, Row
from callreel.importers.spreadsheet.cells import DATE_WORDS, UNITS, date_of, length_of
from callreel.model import Call, Direction
from importers.calls_table import MEANING, Made, shown
from importers.monitor import refusals

TIMES = """
timezone = "UTC"
[columns]
id = "id"
started = "start"
answered = "answered"
ended = "ended"
duration = "length"
talking = "talk"
waiting = "wait"
[audio]
column = "file"
"""
FORMS = (*DATE_WORDS, "%d.%m.%Y %H:%M:%S", "%Y%m%d%H%M%S", "%m/%d/%y %I:%M %p", "%d-%b-%Y %H:%M")


@pytest.mark.parametrize(
    ("text", "form", "moment"),
    [
        ("2026-03-02 09:00:05", "iso", "2026-03-02 09:00:05"),
        ("2026-03-02T09:00:05.999", "iso", "2026-03-02 09:00:05"),
        ("2026-03-02T09:00:05Z", "iso", "2026-03-02 09:00:05"),
        ("2026-03-02T09:00:05+02:00", "iso", "2026-03-02 07:00:05"),
        ("2026-03-02", "iso", "2026-03-02 00:00:00"),
        ("Mon, 02 Mar 2026 09:00:05 +0000", "rfc2822", "2026-03-02 09:00:05"),
        ("Mon, 02 Mar 2026 09:00:05 -0500", "rfc2822", "2026-03-02 14:00:05"),
        ("1772442005", "epoch", "2026-03-02 09:00:05"),
        ("1772442005.75", "epoch", "2026-03-02 09:00:05"),
        ("1772442005123", "epoch_ms", "2026-03-02 09:00:05"),
        ("02.03.2026 09:00:05", "%d.%m.%Y %H:%M:%S", "2026-03-02 09:00:05"),
        ("20260302090005", "%Y%m%d%H%M%S", "2026-03-02 09:00:05"),
        ("03/02/26 09:00 PM", "%m/%d/%y %I:%M %p", "2026-03-02 21:00:00"),
        ("2-Mar-2026 9:00", "%d-%b-%Y %H:%M", "2026-03-02 09:00:00"),
        ("2000-01-01", "iso", "2000-01-01 00:00:00"),
        ("2135-12-31 23:59:59", "iso", "2135-12-31 23:59:59"),
    ],
)
def test_a_date_is_read_in_the_form_that_it_has(text: str, form: str, moment: str) -> None:
    for forms in ((form,), FORMS if form in FORMS[4:] else (form, *FORMS)):
        read = date_of(text, forms)
        there = read.astimezone(UTC) if read.tzinfo else read
        assert f"{there:%Y-%m-%d %H:%M:%S}" == moment


@pytest.mark.parametrize(
    ("text", "form", "says"),
    [
        ("yesterday", "iso", "is no date in a form that dates names"),
        ("02.03.2026", "iso", "is no date in a form that dates names"),
        ("02.03.2026", "rfc2822", "is no date in a form that dates names"),
        ("99999999999999999", "epoch", "is no date in a form that dates names"),
        ("-1", "epoch", "is no date in a form that dates names"),
        ("nan", "epoch", "is no date in a form that dates names"),
        ("1999-12-31", "iso", "is not in the years 2000 to 2135"),
        ("2136-01-01", "iso", "is not in the years 2000 to 2135"),
        ("0", "epoch", "is not in the years 2000 to 2135"),
    ],
)
def test_what_is_no_date_is_refused(text: str, form: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        date_of(text, (form,))


@pytest.mark.parametrize(
    ("text", "unit", "milliseconds"),
    [
        ("0", "s", 0),
        ("75", "s", 75_000),
        ("75.25", "s", 75_250),
        ("75,25", "s", 75_250),
        ("0.0009", "s", 0),
        ("75250", "ms", 75_250),
        ("1.5", "min", 90_000),
        ("1:15", "hh:mm:ss", 75_000),
        ("00:01:15", "hh:mm:ss", 75_000),
        ("100:00:00", "hh:mm:ss", 360_000_000),
        ("90:00", "hh:mm:ss", 5_400_000),
        ("0:00:01.5", "hh:mm:ss", 1500),
        ("2678400", "s", 2_678_400_000),
    ],
)
def test_a_length_is_read_in_its_unit(text: str, unit: str, milliseconds: int) -> None:
    assert length_of(text, unit) == milliseconds


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("-1", "s", "is no number"),
        ("1e3", "s", "is no number"),
        ("²", "s", "is no number"),
        ("75 s", "s", "is no number"),
        ("0:75", "s", "is no number"),
        ("75", "hh:mm:ss", "is no length such as 0:01:30"),
        ("1:2:3:4", "hh:mm:ss", "is no length such as"),
        ("2678401", "s", "is more than 31 days"),
        ("745:00:00", "hh:mm:ss", "is more than 31 days"),
    ],
)
def test_what_is_no_length_is_refused(text: str, unit: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        length_of(text, unit)


@given(st.text(max_size=30), st.sampled_from(FORMS), st.sampled_from(UNITS))
def test_any_text_is_a_value_or_a_value_error(text: str, form: str, unit: str) -> None:
    for read in (lambda: date_of(text, (form,)), lambda: length_of(text, unit)):
        try:
            value = read()
        except ValueError:
            continue
        assert isinstance(value, datetime) or value >= 0


def called(made: Made, cells: dict[str, str]) -> Call:
    made.rows({"start": "2026-03-02 09:00:00", "length": ""} | cells)
    made.audio("a.wav")
    (found,) = [item for item in made.items() if isinstance(item, Candidate)]
    return found.complete(33_000)


@pytest.mark.parametrize(
    ("cells", "length", "talking_ms", "waiting_ms"),
    [
        ({"length": "75", "answered": "2026-03-02 09:00:15"}, 75, 60_000, 15_000),
        ({"ended": "2026-03-02 09:01:15", "answered": "2026-03-02 09:00:15"}, 75, 60_000, 15_000),
        ({"talk": "60", "answered": "2026-03-02 09:00:15"}, 75, 60_000, 15_000),
        ({"talk": "60.4", "answered": "2026-03-02 09:00:15"}, 76, 60_400, 15_000),
        ({"length": "75", "talk": "60", "answered": "2026-03-02 09:00:15"}, 75, 60_000, 15_000),
        ({"talk": "60", "wait": "15"}, 75, 60_000, 15_000),
        ({"talk": "60"}, 60, 60_000, None),
        ({"length": "75", "talk": "75.9"}, 75, 75_000, None),
        ({"length": "75"}, 75, 0, None),
        ({"length": "75.5", "answered": "2026-03-02 09:00:00"}, 76, 75_500, 0),
        ({"length": "10", "wait": "15", "answered": "2026-03-02 09:00:05"}, 10, 0, 15_000),
        ({"answered": "2026-03-02 09:00:15"}, 33, 33_000, 15_000),
    ],
)
def test_what_a_table_leaves_out_is_told_by_the_rest(
    tmp_path: Path, cells: dict[str, str], length: int, talking_ms: int, waiting_ms: int | None
) -> None:
    call = called(
        Made(tmp_path, TIMES), {"answered": "", "ended": "", "talk": "", "wait": ""} | cells
    )
    assert (call.hung_up_at - call.started_at, call.talking_ms) == (length, talking_ms)
    assert call.waiting_ms == waiting_ms


def test_without_a_column_of_the_answer_the_whole_call_is_talk(tmp_path: Path) -> None:
    call = called(Made(tmp_path), {"length": "75"})
    assert (call.talking_ms, call.answered_at, call.waiting_ms) == (75_000, None, None)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"ended": "2026-03-02 08:59:59"}, "The call ends before it starts."),
        ({"answered": "2026-03-02 08:59:59"}, "The call was answered before it starts."),
        ({"length": "10", "talk": "12"}, "The talk is longer than the call."),
        ({"length": "-1"}, "The column length is no number."),
        ({"answered": "soon"}, "The column answered is no date in a form that dates names."),
        ({"start": "1999-01-01"}, "The column start is not in the years 2000 to 2135."),
        ({"id": "x" * 129}, "The column id is longer than 128 characters."),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(
    tmp_path: Path, cells: dict[str, str], says: str
) -> None:
    made = Made(tmp_path, TIMES)
    blank = {"answered": "", "ended": "", "talk": "", "wait": "", "length": ""}
    made.rows({"start": "2026-03-02 09:00:00"} | blank | cells)
    assert refusals(made.items())["calls.csv:2"].reason == says


@pytest.mark.parametrize(
    ("word", "caller", "direction"),
    [
        ("Inbound", "101", Direction.INBOUND),
        ("OUTGOING", "+48600100200", Direction.OUTBOUND),
        ("połączenie", "101", Direction.INBOUND),
        ("", "+48600100200", Direction.INBOUND),
        ("", "unknown", Direction.INBOUND),
        ("", "101", Direction.OUTBOUND),
    ],
)
def test_the_direction_is_a_word_or_told_by_the_caller(
    tmp_path: Path, word: str, caller: str, direction: Direction
) -> None:
    text = MEANING.replace("[audio]", 'direction = "kind"\n[audio]')
    made = Made(tmp_path, text + '[directions]\ninbound = "Połączenie"\n')
    assert called(made, {"kind": word, "from": caller, "length": "1"}).direction is direction


def test_what_is_fixed_fills_what_a_row_leaves_out(tmp_path: Path) -> None:
    fixed = '[fixed]\nto = "+48221234567"\ndirection = "out"\nqueue = "sales"\nagent = "9"\n'
    made = Made(tmp_path, MEANING + fixed)
    made.rows({"to": ""}, {"to": "500", "file": "b.wav"})
    made.audio("a.wav", "b.wav")
    taken = made.taken()
    assert taken["a.wav"].call.to_number == "+48221234567"
    assert taken["b.wav"].call.to_number == "500"
    assert taken["a.wav"].call.direction is Direction.OUTBOUND
    assert (taken["a.wav"].queue, taken["a.wav"].agent) == ("sales", "9")


def test_the_first_column_that_holds_something_counts_and_of_it_only_the_part(
    tmp_path: Path,
) -> None:
    text = MEANING.replace('from = "from"', 'from = ["from", "caller"]')
    made = Made(tmp_path, text + "[parts]\nfrom = '<([0-9+]+)>'\n")
    assert (
        called(made, {"from": "Anna <101>", "caller": "<102>", "length": "1"}).from_number == "101"
    )
    assert called(made, {"from": "Anna", "caller": "<102>", "length": "1"}).from_number == "102"
    assert called(made, {"from": "Anna", "caller": "", "length": "1"}).from_number is None


def test_a_clock_in_a_name_is_shown_as_in_the_zone_of_the_table(tmp_path: Path) -> None:
    text = MEANING.replace('column = "file"', 'pattern = "{date}_{time}.wav"')
    made = Made(tmp_path, text)
    made.rows({"start": "2026-03-02T23:30:00Z"})
    made.audio("2026-03-03_003000.wav")
    assert shown(made.taken()["2026-03-03_003000.wav"].call.started_at) == "2026-03-02 23:30:00"


def test_a_clock_of_no_known_place_is_utc(tmp_path: Path) -> None:
    text = MEANING.replace('timezone = "Europe/Warsaw"', 'dates = "rfc2822"')
    made = Made(tmp_path, text)
    call = called(made, {"start": "Mon, 02 Mar 2026 09:00:05 -0000", "length": "1"})
    assert shown(call.started_at) == "2026-03-02 09:00:05"


@given(
    cells=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("id", "start", "answered", "ended", "length", "talk", "wait", "file"),
            st.text(
                st.characters(exclude_categories=["Cs"], exclude_characters="\t\r\n\0"), max_size=12
            ),
        ),
    )
)
def test_any_row_gets_one_verdict(
    tmp_path_factory: pytest.TempPathFactory, cells: dict[str, str]
) -> None:
    made = Made(tmp_path_factory.mktemp("calls"), TIMES)
    made.rows({"answered": "", "ended": "", "talk": "", "wait": ""} | cells)
    made.audio("a.wav")
    of_row, of_file = made.items()
    assert isinstance(of_row, Row | Refusal)
    assert isinstance(of_file, Candidate | Refusal)
