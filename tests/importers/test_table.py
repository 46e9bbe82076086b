from __future__ import annotations

import csv
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.errors import Misconfigured
from callreel.importers.table import MAX_LINE, MOST_LINES, Table, TableRow

NEEDED = frozenset({"src", "dst"})
UNCLOSED = "A quotation mark in the row opens a cell that does not end in it."


def rows(tmp_path: Path, content: bytes) -> list[TableRow]:
    path = tmp_path / "cdr.csv"
    path.write_bytes(content)
    return list(Table(path, NEEDED).rows())


@pytest.mark.parametrize(
    "content",
    [
        b"src,dst\n101,102\n",
        b"src,dst\r\n101,102\r\n",
        b"src,dst\n101,102",
        b'"src","dst"\n"101","102"\n',
        b"\xef\xbb\xbfsrc,dst\n101,102\n",
        b"src;dst\n101;102\n",
        b"src\tdst\n101\t102\n",
        b'"src"\t"dst"\n"101"\t"102"\n',
        b"SRC , Dst\n 101 , 102 \n",
        "\ufeffsrc,dst\n101,102\n".encode("utf-16-le"),
        "\ufeffsrc,dst\n101,102\n".encode("utf-16-be"),
        b"src,dst\n\n101,102\n\n",
        b"src|dst\n101|102\n",
        b"src,dst\r101,102\r",
    ],
)
def test_tables_of_many_makes_read_alike(tmp_path: Path, content: bytes) -> None:
    read = rows(tmp_path, content)
    assert [row.cells for row in read] == [{"src": "101", "dst": "102"}]
    assert read[0].fault is None


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    read = rows(tmp_path, b"extra,dst,src\nx,102,101\n")
    assert read[0].cells == {"extra": "x", "dst": "102", "src": "101"}


def test_a_cell_may_hold_separators_quotes_and_lines(tmp_path: Path) -> None:
    read = rows(tmp_path, b'src,dst\n"a, ""b""\nc",102\n103,104\n')
    assert read[0].cells["src"] == 'a, "b"\nc'
    assert [row.line for row in read] == [2, 4]


def test_what_mysql_prints_is_not_taken_for_quoted(tmp_path: Path) -> None:
    read = rows(tmp_path, b'clid\tsrc\tdst\n"Anna" <101>\t101\t102\n"\t103\tNULL\n')
    assert [row.cells["src"] for row in read] == ["101", "103"]
    assert read[1].cells["dst"] == ""


def test_bytes_of_another_encoding_survive_as_in_file_names(tmp_path: Path) -> None:
    read = rows(tmp_path, b"src,dst\n\xb3\xf3d\xbc,102\n")
    assert read[0].cells["src"].encode("utf-8", "surrogateescape") == b"\xb3\xf3d\xbc"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (b"101", "cells"),
        (b"101,102,103", "cells"),
        (b"1\x0001,102", "NUL"),
        (b"1" * (MAX_LINE + 5) + b",102", "longer"),
    ],
)
def test_a_broken_row_is_named_and_the_next_one_read(
    tmp_path: Path, broken: bytes, says: str
) -> None:
    read = rows(tmp_path, b"src,dst\n101,102\n" + broken + b"\n103,104\n")
    assert [row.cells.get("src") for row in read] == ["101", None, "103"]
    assert (read[1].line, read[1].cells) == (3, {})
    assert read[1].fault is not None
    assert says in read[1].fault


def test_a_row_may_have_as_many_lines_as_are_read_for_one(tmp_path: Path) -> None:
    text = "\n".join(["Dear Jan"] * (MOST_LINES - 1))
    read = rows(tmp_path, f'src,dst\n101,"{text}\nx"\n101,"{text}\nx\n"\n103,104\n'.encode())
    assert read[0].cells == {"src": "101", "dst": f"{text}\nx"}
    assert read[1].fault == UNCLOSED
    assert (read[-1].line, read[-1].cells["src"]) == (2 * MOST_LINES + 3, "103")


@pytest.mark.parametrize(
    "following",
    [
        b"105,106\n107,108\n",  # it never closes
        b'"105",106\n107,108\n',  # the next cell in quotes closes it
        b'105,"106"\n107,108\n',
        b'105,106\n107,"108"\n',
        b"105,106\n" + b"107,108\n" * (MAX_LINE // 8),
    ],
)
@pytest.mark.parametrize("broken", [b'"103,104\n', b'103,"104\n', b'103,104,"\n'])
def test_a_quote_too_many_costs_its_own_row_alone(
    tmp_path: Path, broken: bytes, following: bytes
) -> None:
    read = rows(tmp_path, b"src,dst\n101,102\n" + broken + following)
    assert [(row.line, row.fault) for row in read[:3]] == [(2, None), (3, UNCLOSED), (4, None)]
    assert read[2].cells == {"src": "105", "dst": "106"}
    assert read[-1].cells == {"src": "107", "dst": "108"}
    assert len(read) == following.count(b"\n") + 2


def test_a_quote_too_many_makes_no_call_of_two(tmp_path: Path) -> None:
    read = rows(tmp_path, b'src,dst,name\n"101,102,Evil\n103,",104",Jan\n')
    assert [row.fault for row in read] == [UNCLOSED, None]
    assert read[1].cells == {"src": "103", "dst": ",104", "name": "Jan"}


def test_a_quote_too_many_in_the_header_costs_no_row(tmp_path: Path) -> None:
    read = rows(tmp_path, b'src,dst,"x\n101,102,"y"\n')
    assert [row.cells for row in read] == [{"src": "101", "dst": "102", "x": "y"}]


def test_a_line_that_is_cut_inside_of_quotes_costs_no_row_after_it(tmp_path: Path) -> None:
    quoted = b'"' + b"x" * (MAX_LINE + 10) + b'\n1,2",3\n'
    read = rows(tmp_path, b"src,dst\n" + quoted + b"103,104\n")
    assert [row.fault is None for row in read] == [False, False, True]
    assert read[0].fault == f"The line is longer than {MAX_LINE} characters."
    assert (read[2].line, read[2].cells) == (4, {"src": "103", "dst": "104"})


PLAIN = st.text('ab ,"', max_size=6)
SEVERAL_LINES = st.lists(st.text("ab", min_size=1, max_size=3), min_size=2, max_size=3)
CELL = st.one_of(PLAIN, SEVERAL_LINES.map("\n".join))


def written(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().removesuffix("\n")


@settings(deadline=None)
@given(
    table=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=5),
    data=st.data(),
)
def test_a_quote_put_anywhere_changes_no_other_row(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], data: st.DataObject
) -> None:
    texts = [written(cells) for cells in table]
    spoilt = data.draw(st.integers(0, len(table) - 1))
    place = data.draw(st.integers(0, len(texts[spoilt])))
    texts[spoilt] = texts[spoilt][:place] + '"' + texts[spoilt][place:]
    path = tmp_path_factory.mktemp("table") / "cdr.csv"
    path.write_text("src,dst,name\n" + "".join(f"{text}\n" for text in texts))
    found = {row.line: list(row.cells.values()) for row in Table(path, NEEDED).rows()}
    line = 2
    for number, (cells, text) in enumerate(zip(table, texts, strict=True)):
        if number != spoilt:
            assert found[line] == [cell.strip() for cell in cells]
        line += text.count("\n") + 1


@pytest.mark.parametrize(("length", "is_cut"), [(MAX_LINE, False), (MAX_LINE + 1, True)])
def test_a_line_of_the_greatest_length_is_read_whole(
    tmp_path: Path, length: int, is_cut: bool
) -> None:
    line = b"1" * (length - len(b",102\n")) + b",102\n"
    read = rows(tmp_path, b"src,dst\n" + line + b"103,104\n")
    assert [row.line for row in read] == [2, 3]
    assert read[0].fault == (f"The line is longer than {MAX_LINE} characters." if is_cut else None)
    assert read[1].cells == {"src": "103", "dst": "104"}


def test_what_stands_for_nothing_is_empty_and_what_looks_like_it_is_not(tmp_path: Path) -> None:
    read = rows(tmp_path, b"src,dst\nNULL,\\N\nnull,\\n\n")
    assert [row.cells for row in read] == [{"src": "", "dst": ""}, {"src": "null", "dst": "\\n"}]


def test_a_table_that_breaks_off_within_a_character_is_read_to_there(tmp_path: Path) -> None:
    read = rows(tmp_path, "\ufeffsrc,dst\n101,102\n103,10".encode("utf-16-le") + b"4")
    assert read[0].cells == {"src": "101", "dst": "102"}
    assert read[1].cells == {"src": "103", "dst": "10\ufffd"}


def test_lines_are_counted_with_those_that_hold_nothing(tmp_path: Path) -> None:
    read = rows(tmp_path, b"src,dst\n\n101,102\n\n\n103\n")
    assert [row.line for row in read] == [3, 6]
    assert read[1].fault == "The row has 1 cells, but there are 2 columns."


def test_the_separator_is_the_one_that_the_header_has_most_of(tmp_path: Path) -> None:
    read = rows(tmp_path, b"src;dst;a,b\n1,5;2;3\n")
    assert read[0].cells == {"src": "1,5", "dst": "2", "a,b": "3"}


def test_all_columns_that_lack_are_named_in_order(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"no column dst, src; its first line must hold"):
        rows(tmp_path, b"clid,uniqueid\n")


def test_a_table_that_goes_after_its_header_was_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cdr.csv"
    path.write_bytes(b"src,dst\n1,2\n")
    table = Table(path, NEEDED)
    path.unlink()
    with pytest.raises(Misconfigured, match=r"cannot be read: no such file or directory\."):
        list(table.rows())


@pytest.mark.parametrize("content", [b"", b"\n", b"a,b\n1,2\n", b"101,102\n", b"src\n1\n"])
def test_a_table_without_the_needed_columns_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Misconfigured, match="no column"):
        rows(tmp_path, content)


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        Table(tmp_path / "none.csv", NEEDED)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_compressed_table_is_refused_as_one(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(Misconfigured, match="compressed; unpack it first"):
        rows(tmp_path, pack(b"src,dst\n1,2\n"))


@given(content=st.binary(max_size=400))
def test_no_bytes_break_the_reading(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("table") / "cdr.csv"
    path.write_bytes(b"src,dst\n" + content)
    for row in Table(path, NEEDED).rows():
        assert row.cells or row.fault
