"""Which cell of a row means what, in every form in which Asterisk writes its call records."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.errors import Misconfigured
from callreel.importers.asterisk.columns import NAMES, csv_order, given_order
from callreel.importers.asterisk.records import Headerless, open_calls
from callreel.importers.table import MAX_LINE, TableRow
from importers.asterisk_rows import ORDER, SAMPLES, SOUND, line, master, row

BASE = ORDER[:16]
NEW = ORDER[18:]


def read(folder: Path, *rows: str, columns: str | None = None) -> list[TableRow]:
    return list(open_calls(str(master(folder, *rows)), columns).rows())


@pytest.mark.parametrize(
    "names",
    [
        BASE,
        (*BASE, "uniqueid"),
        (*BASE, "userfield"),
        (*BASE, "uniqueid", "userfield"),
        (*BASE, *NEW),
        (*BASE, "uniqueid", *NEW),
        (*BASE, "userfield", *NEW),
        ORDER,
    ],
    ids=lambda names: f"{len(names)} with {names[16] if len(names) > 16 else 'no more'}",
)
def test_every_set_of_columns_of_cdr_csv_is_recognised(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    (found,) = read(tmp_path, row(names, userfield="told the caller"))
    assert found.fault is None
    assert found.cells == {name: (SOUND | {"userfield": "told the caller"})[name] for name in names}


@pytest.mark.parametrize(
    ("odd", "column"),
    [
        ("1772438405.10", "uniqueid"),
        ("pbx1-1772438405.10", "uniqueid"),
        ("pbx.example.org-1772438405.10", "uniqueid"),
        ("999999999.0", "uniqueid"),
        ("", "userfield"),
        ("1772438405", "userfield"),
        ("audio:1772438405.10.wav", "userfield"),
        ("17724384051.10", "userfield"),
        ("note 1772438405.10", "userfield"),
    ],
)
def test_the_odd_cell_is_a_unique_id_where_it_looks_like_one(odd: str, column: str) -> None:
    for count in (17, 20):
        names = csv_order(["x"] * 16 + [odd] + ["x"] * (count - 17))
        assert names is not None
        assert names[16] == column


@pytest.mark.parametrize("count", [0, 1, 15, 22, 40])
def test_no_other_number_of_cells_is_a_row_of_cdr_csv(count: int) -> None:
    assert csv_order(["x"] * count) is None


def test_the_columns_may_have_been_set_up_otherwise_in_the_midst_of_a_file(tmp_path: Path) -> None:
    found = read(tmp_path, row(BASE), row(ORDER), row((*BASE, "uniqueid")))
    assert [each.fault for each in found] == [None] * 3
    assert [each.cells.get("linkedid") for each in found] == [None, SOUND["linkedid"], None]


def test_the_order_of_the_sample_of_cdr_custom_is_recognised(tmp_path: Path) -> None:
    names = (
        "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start",
        "answer", "end", "duration", "billsec", "disposition", "amaflags", "accountcode",
        "uniqueid", "userfield", "sequence",
    )  # fmt: skip
    quoted = [f'"{SOUND[name].replace(chr(34), chr(34) * 2)}"' for name in names]
    (with_sequence,) = read(tmp_path, ",".join(quoted))
    (without,) = read(tmp_path, ",".join(quoted[:-1]))
    assert with_sequence.cells == {name: SOUND[name] for name in names}
    assert without.cells == {name: SOUND[name] for name in names[:-1]}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_an_order_of_ones_own_is_given_by_name(tmp_path: Path, separator: str) -> None:
    names = ["src", "start", "-", "billsec", "duration", "disposition", "linkedid"]
    cells = ["101", "2026-03-02 09:00:05", "x", "60", "75", "ANSWERED", "1.2"]
    (found,) = read(tmp_path, separator.join(cells), columns=" , ".join(names).upper())
    assert found.cells == {
        name: cell for name, cell in zip(names, cells, strict=True) if name != "-"
    }


def test_a_header_that_is_there_besides_is_no_row(tmp_path: Path) -> None:
    names = "src,start,billsec,duration,disposition"
    found = read(tmp_path, names, "1,2026-03-02 09:00:05,1,1,BUSY", columns=names)
    assert [each.line for each in found] == [2]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ("src,when,what,disposition", "no columns of Asterisk: what, when; choose from"),
        ("src,src,start,dst,dst,duration", "there twice: dst, src."),
        ("src,dst", "no column start or calldate"),
        ("start,billsec,disposition", "no column duration or end"),
        ("start,duration,disposition", "no column billsec or answer"),
        ("start,duration,billsec", "no column disposition"),
        ("", "no columns of Asterisk: ; choose from"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused(tmp_path: Path, columns: str, says: str) -> None:
    with pytest.raises(Misconfigured) as error:
        open_calls(str(master(tmp_path, row())), columns)
    assert says in error.value.message


def test_unknown_names_are_refused_with_every_name_that_there_is() -> None:
    with pytest.raises(Misconfigured) as error:
        given_order("nothing")
    assert all(name in error.value.message for name in (*NAMES, "- for a column to skip"))


def test_a_database_names_its_columns_itself() -> None:
    with pytest.raises(Misconfigured) as error:
        open_calls("mysql://pbx/cdr", "start,duration,billsec,disposition")
    assert "leave out --columns" in error.value.message


def test_records_in_no_known_order_ask_for_their_columns(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as error:
        read(tmp_path, "48600100200,101,2026-03-02 09:00:05,75,60,ANSWERED")
    assert "--columns clid,src,dst" in error.value.message


def test_what_is_no_table_at_all_is_not_read_to_its_end(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as error:
        read(tmp_path, *["neither header nor row"] * 60, row())
    assert "first line must hold the names of the columns" in error.value.message


@pytest.mark.parametrize(
    "cells",
    [
        {"start": "yesterday at nine o'clock"},
        {"duration": "1:15"},
        {"billsec": ""},
        {"disposition": "HUNG UP"},
    ],
)
def test_an_order_is_recognised_only_where_it_is_sure(
    tmp_path: Path, cells: dict[str, str]
) -> None:
    with pytest.raises(Misconfigured):
        read(tmp_path, row(answer="", **cells))


def test_a_broken_first_row_hides_nothing(tmp_path: Path) -> None:
    first = row()[:90]
    broken, sound = read(tmp_path, first, row())
    assert (
        broken.fault
        == f"The row has {first.count(',') + 1} cells, which is not as many as the others."
    )
    assert (sound.line, sound.cells["dst"]) == (2, "101")


def test_a_table_with_a_header_is_read_by_it(tmp_path: Path) -> None:
    path = tmp_path / "cdr.csv"
    path.write_text(
        "end;start;disposition;answer;uniqueid\n"
        "2026-03-02 09:01:20;2026-03-02 09:00:05;ANSWERED;2026-03-02 09:00:20;1.2\n"
    )
    records = open_calls(str(path), None)
    assert not isinstance(records, Headerless)
    (found,) = records.rows()
    assert found.cells["uniqueid"] == "1.2"


def test_a_header_counts_even_where_the_rows_look_as_those_of_cdr_csv(tmp_path: Path) -> None:
    # the order of Asterisk's own table, as contrib/ast-db-manage makes it
    names = (*BASE, "userfield", "uniqueid", "linkedid", "peeraccount", "sequence")
    found = read(tmp_path, ",".join(names), row(names, userfield="a note"))
    assert [each.cells for each in found] == [SOUND | {"userfield": "a note"}]


def test_a_table_without_a_start_is_none_of_calls(tmp_path: Path) -> None:
    path = tmp_path / "cdr.csv"
    path.write_text("disposition,duration,billsec\nBUSY,1,0\n")
    with pytest.raises(Misconfigured) as error:
        open_calls(str(path), None)
    assert "no column start or calldate" in error.value.message


def test_a_dump_of_the_table_is_read(tmp_path: Path) -> None:
    found = list(open_calls(str(SAMPLES / "cdr.sql"), None).rows())
    assert [each.fault for each in found] == [None, None]
    assert [each.cells["disposition"] for each in found] == ["ANSWERED", "NO ANSWER"]
    assert found[1].cells["answer"] == ""


def test_a_new_file_without_rows_has_none(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.touch()
    assert list(open_calls(str(path), None).rows()) == []


def test_doubled_quotes_commas_and_bytes_of_another_encoding_stay_in_their_cell(
    tmp_path: Path,
) -> None:
    clid = '"M\udcfcller, ""der"" Große" <49301234567>'
    (found,) = read(tmp_path, row(clid=clid, lastdata="PJSIP/101&PJSIP/102,30,tT"))
    assert found.cells["clid"] == clid
    assert found.cells["lastdata"] == "PJSIP/101&PJSIP/102,30,tT"


def test_a_quote_that_is_left_open_spoils_one_row(tmp_path: Path) -> None:
    spoilt = row(BASE).replace('"101"', '"101', 1)
    found = read(tmp_path, row(BASE), spoilt, row(BASE))
    assert [each.fault is None for each in found] == [True, False, True]


def test_empty_lines_are_no_rows_and_numbers_stay_those_of_lines(tmp_path: Path) -> None:
    found = read(tmp_path, row(), "", row())
    assert [each.line for each in found] == [1, 3]


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        (row(lastdata="x" * MAX_LINE), "longer than"),
        (row(lastdata="\0"), "NUL"),
        (row().rstrip(), ""),
    ],
)
def test_a_line_that_is_too_long_or_holds_a_nul_is_named(
    tmp_path: Path, spoilt: str, says: str
) -> None:
    found = read(tmp_path, row(), spoilt, row())
    assert says in (found[1].fault or "")
    assert [each.line for each in found] == [1, 2, 3]


def test_lines_may_end_as_on_windows_and_begin_with_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{row()}\r\n{row()}".encode())
    found = list(open_calls(str(path), None).rows())
    assert [each.cells["sequence"] for each in found] == ["7", "7"]


ANY = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=200)


@given(st.lists(ANY, max_size=8))
def test_whatever_a_line_holds_is_a_row(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    sound = line(SOUND)
    found = read(folder, sound, *(f"x{each}" for each in lines))
    assert [each.line for each in found] == list(range(1, len(lines) + 2))
