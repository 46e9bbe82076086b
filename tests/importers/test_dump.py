"""Dumps as mysqldump, mariadb-dump and pg_dump write them, and what could trick a reader."""

# ruff: noqa: S608 - statements are what is tested, and no database sees them

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.errors import Misconfigured
from callreel.importers.dump import Dump, is_dump
from callreel.importers.dump.window import AHEAD, CHUNK
from callreel.importers.table import TableRow

NEEDED = frozenset({"src"})
MYSQL = """-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: asteriskcdrdb
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
DROP TABLE IF EXISTS `cdr`;
/*!40101 SET character_set_client = utf8 */;
CREATE TABLE `cdr` (
  `calldate` datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  `src` varchar(80) NOT NULL DEFAULT '',
  `price` decimal(10,2) DEFAULT NULL COMMENT 'in (EUR), or `none`',
  PRIMARY KEY (`calldate`,`src`),
  KEY `src` (`src`(20)),
  CONSTRAINT `c` CHECK (`src` <> 'x,y')
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
LOCK TABLES `cdr` WRITE;
/*!40000 ALTER TABLE `cdr` DISABLE KEYS */;
"""
POSTGRES = """--
-- PostgreSQL database dump
--
\\restrict abcdef
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE FUNCTION public.f() RETURNS integer
    LANGUAGE sql
    AS $_$ SELECT 1; -- it's
INSERT INTO public.cdr VALUES ('forged', 'forged', 1); $_$;

CREATE TABLE public.cdr (
    calldate timestamp without time zone DEFAULT '2026-01-01'::timestamp NOT NULL,
    src character varying(80) DEFAULT ''::character varying,
    "price" numeric(10,2)
);
"""


def dumped(tmp_path: Path, text: str) -> Dump:
    path = tmp_path / "dump.sql"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert is_dump(path)
    return Dump(path, NEEDED, "cdr")


def cells(rows: list[TableRow]) -> list[tuple[str, ...] | str]:
    """Return the cells of each row, or what is wrong with it."""
    return [row.fault or tuple(row.cells.values()) for row in rows]


def mysql(tmp_path: Path, statements: str) -> list[tuple[str, ...] | str]:
    return cells(list(dumped(tmp_path, MYSQL + statements).rows()))


def postgres(tmp_path: Path, statements: str) -> list[tuple[str, ...] | str]:
    return cells(list(dumped(tmp_path, POSTGRES + statements).rows()))


ROW = ("2026-03-02 08:00:05", "101", "1.50")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO `cdr` VALUES ('2026-03-02 08:00:05','101',1.50);",
        "INSERT INTO `cdr` VALUES\n('2026-03-02 08:00:05','101',1.50);\n",
        "insert into cdr values ( '2026-03-02 08:00:05' , '101' , 1.50 ) ;",
        "INSERT IGNORE INTO `cdr` VALUES ('2026-03-02 08:00:05','101',1.50);",
        "INSERT LOW_PRIORITY IGNORE INTO cdr VALUES ('2026-03-02 08:00:05','101',1.50);",
        "REPLACE INTO `cdr` VALUES ('2026-03-02 08:00:05','101',1.50);",
        "INSERT INTO `asteriskcdrdb`.`cdr` VALUES ('2026-03-02 08:00:05','101',1.50);",
        "INSERT INTO asteriskcdrdb . CDR VALUES ('2026-03-02 08:00:05','101',1.50)",
        "INSERT INTO `cdr` (`calldate`, `src`, `price`) VALUES ('2026-03-02 08:00:05','101',1.50);",
        "INSERT INTO [cdr] ([calldate],[src],[price]) VALUES ('2026-03-02 08:00:05','101',1.50);",
        "INSERT INTO cdr (calldate,SRC,price) VALUES ('2026-03-02 08:00:05',0x313031,1.50);",
        "INSERT INTO `cdr` VALUES ('2026-03-02 08:00:05',X'313031','1.50');",
        "INSERT INTO `cdr` VALUES ('2026-03-02 08:00:05',_binary '101',1.50);",
        "INSERT INTO `cdr` VALUES ('2026-03-02 08:00:05',N'101',1.50) ON DUPLICATE x=';';",
        "/* a\ncomment; */ # another\nINSERT INTO `cdr` VALUES ('2026-03-02 08:00:05','101',1.50);",
        "DELIMITER ;;\nTRIGGER;; \nINSERT INTO cdr VALUES ('2026-03-02 08:00:05','101',1.50);",
    ],
)
def test_a_row_is_read_however_the_statement_is_written(tmp_path: Path, statement: str) -> None:
    assert mysql(tmp_path, statement) == [ROW]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("''", ""),
        ("NULL", ""),
        ("null", ""),
        ("'NULL'", "NULL"),
        ("-12", "-12"),
        ("1e10", "1e10"),
        ("TRUE", "TRUE"),
        (r"'it\'s'", "it's"),
        ("'it''s'", "it's"),
        ("'''x'''", "'x'"),
        (r"'\\'", "\\"),
        (r"'a\\\'),(\'b'", "a\\'),('b"),
        (r"'a\nb\tc\rd\Ze'", "a\nb\tc\rd\x1ae"),
        (r"'100\% a\_b'", "100% a_b"),
        (r"'\"Anna\" <101>'", '"Anna" <101>'),
        ("' spaced '", "spaced"),
        ("'-- no comment; /* nor this'", "-- no comment; /* nor this"),
        ("'żółć ☎'", "żółć ☎"),
        ("'\udcb3\udcf3d\udcbc'", "\udcb3\udcf3d\udcbc"),
        ("0x", ""),
        ("0xb3f3", "\udcb3\udcf3"),
        ("x'C5BC'", "ż"),
        ("'a\nb'", "a\nb"),
    ],
)
def test_a_value_is_what_was_in_the_database(tmp_path: Path, written: str, value: str) -> None:
    rows = mysql(tmp_path, f"INSERT INTO cdr VALUES ('a',{written},NULL),('b',{written},7);")
    assert rows == [("a", value, ""), ("b", value, "7")]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("'a','b'", "The row has 2 cells, but there are 3 columns."),
        ("'a','b',1,2", "The row has 4 cells, but there are 3 columns."),
        (r"'a','b\0c',1", "The row holds a NUL character."),
        ("'a',0xb,1", "The row holds a broken hexadecimal value."),
        (
            "'a',NOW(),1",
            f"A value of the row is longer than {AHEAD} characters, or no plain value.",
        ),
        ("'a',f('),(', (2), `x)`),1", f"A value of the row is longer than {AHEAD} characters, or"),
        ("", f"A value of the row is longer than {AHEAD} characters, or no plain value."),
        ("'a' 'b',1", f"A value of the row is longer than {AHEAD} characters, or no plain value."),
    ],
)
def test_a_row_that_cannot_be_meant_is_named_and_the_next_one_read(
    tmp_path: Path, written: str, says: str
) -> None:
    rows = mysql(tmp_path, f"INSERT INTO cdr VALUES ('x','1',1),({written}),('z','3',3);")
    assert (rows[0], rows[2:]) == (("x", "1", "1"), [("z", "3", "3")])
    assert isinstance(rows[1], str)
    assert rows[1].startswith(says)


@pytest.mark.parametrize("end", ["", "'a", "'a'", "'a',", "'a','b',1", "'a','b\\", "'a','b',f(1"])
def test_a_dump_that_breaks_off_within_a_row_says_so(tmp_path: Path, end: str) -> None:
    rows = mysql(tmp_path, f"INSERT INTO cdr VALUES ('x','1',1),({end}")
    assert rows == [("x", "1", "1"), "The dump breaks off within the row."]


def test_a_dump_that_breaks_off_within_a_comment_or_another_table_is_read_to_there(
    tmp_path: Path,
) -> None:
    for end in ("/* x", "-- x", "INSERT INTO cel VALUES ('", "CREATE TABLE x (a", "INSERT INTO"):
        assert mysql(tmp_path, f"INSERT INTO cdr VALUES ('x','1',1);\n{end}") == [("x", "1", "1")]


def test_nothing_in_a_quotation_a_comment_or_another_table_passes_for_a_row(
    tmp_path: Path,
) -> None:
    forged = "INSERT INTO `cdr` VALUES ('forged','forged',1);"
    quoted = forged.replace("'", "\\'")
    rows = mysql(
        tmp_path,
        f"-- {forged}\n/* {forged} */\n# {forged}\n"
        f"INSERT INTO `cel` VALUES (1,';\n{quoted}\n'),(2,'\\\\');\n"
        f'INSERT INTO `cel` VALUES (`{forged}`, "{forged}"); -- \' {forged}\n'
        "INSERT INTO `cdr_old` VALUES ('old','old',1);\n"
        "INSERT INTO `cdr` SELECT * FROM `cdr_old`;\n"
        "UPDATE `cdr` SET src = 'x;y';\n"
        f"INSERT INTO `cdr` VALUES ('true',';\n{quoted}',2);\n",
    )
    assert rows == [("true", f";\n{forged}", "2")]


def test_columns_may_differ_from_statement_to_statement(tmp_path: Path) -> None:
    rows = list(
        dumped(
            tmp_path,
            MYSQL + "INSERT INTO cdr (src) VALUES ('1');INSERT INTO cdr VALUES ('a','2',3);"
            "INSERT INTO cdr (calldate) VALUES ('b');",
        ).rows()
    )
    assert [row.cells.get("src") for row in rows] == ["1", "2", None]
    assert rows[2].fault == "The row has no column src."
    assert [row.line for row in rows] == [1, 2, 3]


def test_postgresql_takes_a_backslash_for_itself(tmp_path: Path) -> None:
    rows = postgres(
        tmp_path,
        "INSERT INTO public.cdr VALUES ('2026-03-02 08:00:05', 'a\\', NULL);\n"
        "INSERT INTO public.cdr (src, calldate, price) VALUES ('it''s', 'x', 2);\n"
        "INSERT INTO public.cdr OVERRIDING SYSTEM VALUE VALUES ('x', E'a\\tb', 2);\n"
        "INSERT INTO public.cdr VALUES ('x', 'b'::text, 2) ON CONFLICT DO NOTHING;\n"
        "INSERT INTO public.cdr VALUES ('y', 'a\n--b', 2);\n",
    )
    assert rows == [
        ("2026-03-02 08:00:05", "a\\", ""),
        ("it's", "x", "2"),
        ("x", "a\tb", "2"),
        ("x", "b", "2"),
        ("y", "a\n--b", "2"),
    ]


def test_lines_that_postgresql_copies_are_rows(tmp_path: Path) -> None:
    rows = postgres(
        tmp_path,
        "COPY public.cel (id, text) FROM stdin;\n"
        "1\tINSERT INTO public.cdr VALUES ('forged', 'forged', 1);\n\\.\n\n"
        "COPY public.cdr (calldate, src, price) FROM stdin;\n"
        "2026-03-02 08:00:05\t101\t\\N\n"
        "a\\tb\tc\\\\N\td\\ne\n"
        "too\tfew\n"
        f"{'x' * (3 * CHUNK)}\ty\tz\n"
        "\\N\t\\N\t\\N\r\n"
        "\\.\n\nCOPY public.cdr (src) FROM stdin;\n102\n",
    )
    assert rows == [
        ("2026-03-02 08:00:05", "101", ""),
        ("a\tb", "c\\N", "d\ne"),
        "The row has 2 cells, but there are 3 columns.",
        f"The line is longer than {AHEAD} characters.",
        ("", "", ""),
        ("102",),
    ]


def test_the_columns_are_those_of_the_table_not_its_keys(tmp_path: Path) -> None:
    for text in (MYSQL, POSTGRES):
        dump = dumped(tmp_path, text)
        assert dump.columns == ["calldate", "src", "price"]
        assert list(dump.rows()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("CREATE TABLE `cel` (`src` int);", "The dump holds no table cdr."),
        ("-- nothing", "The dump holds no table cdr."),
        ("INSERT INTO cdr VALUES (1);", "does not say what the columns of the table are called"),
        ("CREATE TABLE cdr (a int, b int);", "The table cdr of the dump has no column src."),
        ("INSERT INTO cdr (a) VALUES (1);", "The table cdr of the dump has no column src."),
    ],
)
def test_a_dump_without_the_table_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        dumped(tmp_path, text)


@pytest.mark.parametrize(
    ("beginning", "is_one"),
    [
        (MYSQL, True),
        (POSTGRES, True),
        ("/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19", True),
        ("-- phpMyAdmin SQL Dump", True),
        ("\n  insert into x values (1)", True),
        ("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;", True),
        ("BEGIN;", True),
        ("START TRANSACTION;", True),
        ("calldate,src,dst", False),
        ("start,answer,end", False),
        ("begin,end", True),
        ('"calldate"\t"src"', False),
        ("use_case,set_up", False),
        ("", False),
    ],
)
def test_a_dump_is_told_by_how_it_begins(tmp_path: Path, beginning: str, is_one: bool) -> None:
    path = tmp_path / "file"
    path.write_text(beginning, "utf-8")
    assert is_dump(path) is is_one


def test_a_dump_in_another_encoding_is_read(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_bytes((MYSQL + "INSERT INTO cdr VALUES ('a','żółć',1);").encode("utf-16"))
    assert cells(list(Dump(path, NEEDED, "cdr").rows())) == [("a", "żółć", "1")]


@pytest.mark.parametrize("offset", range(9))
def test_a_value_may_lie_across_any_piece_that_is_read(tmp_path: Path, offset: int) -> None:
    filled = "x" * (CHUNK - len(MYSQL) - 40 - offset)
    insert = "INSERT INTO cdr VALUES ('a','\\'b''c\\\\',1);"
    assert mysql(tmp_path, f"-- {filled}\n{insert}{insert}") == [("a", "'b'c\\", "1")] * 2


def test_one_statement_of_many_megabytes_is_read_in_little_memory(tmp_path: Path) -> None:
    count = 40_000
    row = "('2026-03-02 08:00:05','{}','" + "x" * 200 + "')"
    long = "'" + "y" * (2 * CHUNK) + "\\''"
    dump = dumped(
        tmp_path,
        f"{MYSQL}INSERT INTO cel VALUES ({long});\nINSERT INTO `cdr` VALUES ('a',{long},1),"
        + ",".join(row.format(number) for number in range(count))
        + ";\n",
    )
    tracemalloc.start()
    try:
        seen = sum(row.cells.get("src") == str(row.line - 2) for row in dump.rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen == count
    assert peak < 16 * CHUNK


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_whatever_a_database_holds_comes_out_of_its_dump(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("dump") / "dump.sql"
    escaped = [text.replace("\\", "\\\\").replace("'", "\\'") for text in texts]
    doubled = [text.replace("'", "''") for text in texts]
    for beginning, quoted in ((MYSQL, escaped), (POSTGRES, doubled)):
        rows = "".join(f"INSERT INTO cdr VALUES ('a', '{text}', 1);" for text in quoted)
        path.write_text(beginning + rows, "utf-8", newline="")
        assert cells(list(Dump(path, NEEDED, "cdr").rows())) == [
            ("a", text.strip(), "1") for text in texts
        ]


@given(st.text(st.sampled_from(list("INSERT INTO cdr VALUES(),;'\"\\`\n-/*#$x1 "))))
def test_no_text_at_all_makes_the_reading_fail(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("dump") / "dump.sql"
    for beginning in (MYSQL, POSTGRES):
        path.write_text(beginning + text, "utf-8", newline="")
        rows = list(Dump(path, NEEDED, "cdr").rows())
        assert [row.line for row in rows] == list(range(1, len(rows) + 1))
        assert all(row.fault or row.cells for row in rows)
