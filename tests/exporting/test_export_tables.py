"""CSV, JSON Lines and Parquet against the list."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.api.exporting import parquet_file
from callreel.api.exporting.csv_file import COLUMNS, CsvWriter, cell, guarded
from callreel.api.exporting.parquet_file import ParquetWriter
from callreel.archive.exporting.pipe import PipeDraft
from callreel.errors import Misconfigured, NotAllowed
from callreel.model import Access, Call, CallFilter, Direction, Named, Reach, Scope, Span
from exporting.exports import Exports, many_calls
from house import CALL, House

TEXTS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=40)
IDS = st.integers(-(1 << 40), 1 << 40)
CALLS = st.builds(
    lambda **fields: replace(CALL, **fields),
    from_number=st.none() | TEXTS | st.sampled_from(["+48221234567", "=1+1", "+48 22 123"]),
    to_number=st.none() | TEXTS,
    source_call_id=st.none() | TEXTS,
    direction=st.sampled_from(list(Direction)),
    started_at=st.integers(1_600_000_000, CALL.started_at),
    answered_at=st.none() | st.integers(1_600_000_000, 1_900_000_000),
    waiting_ms=st.none() | st.integers(0, 1 << 40),
    project=st.none() | st.builds(Named, IDS, TEXTS | st.none()),
    tags=st.sets(IDS, max_size=3).map(lambda found: tuple(sorted(found))),
)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


@given(st.lists(CALLS, max_size=8))
@settings(max_examples=25, deadline=None)
def test_tables_say_what_the_list_says(calls: list[Call]) -> None:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        house = House(runner, Path(folder))
        try:
            exports = Exports(house, Path(folder))
            exports.add_calls(calls)
            listed = exports.listed()
            lines = exports.make("jsonl", target="a.jsonl").read_text().splitlines()
            assert [json.loads(line) for line in lines] == listed
            rows = rows_of(exports.make("csv", target="a.csv"))
            assert rows == [{name: cell(one[name]) for name in COLUMNS} for one in listed]
        finally:
            runner.run(house.archive.close())


def test_lines_are_the_lists_own_bytes(exports: Exports) -> None:
    exports.add_calls(many_calls(3))
    text = exports.make("jsonl").read_text()
    assert text.endswith("}\n")
    assert "[" + ",".join(text.splitlines()) + "]" == json.dumps(
        exports.listed(), ensure_ascii=False, separators=(",", ":")
    )


def test_the_header_is_there_once_also_where_there_is_nothing_else(exports: Exports) -> None:
    assert exports.make("csv").read_bytes() == ",".join(COLUMNS).encode() + b"\r\n"
    exports.add_calls(many_calls(1001))
    text = exports.make("csv").read_text()
    assert text.count("recording_uuid") == 1
    assert len(rows_of(exports.folder / "export")) == 1001


def test_only_what_the_filter_finds_is_exported(exports: Exports) -> None:
    exports.add_calls(many_calls(10))
    wanted = CallFilter(started=Span(CALL.started_at + 3, CALL.started_at + 5))
    lines = exports.make("jsonl", call_filter=wanted).read_text().splitlines()
    assert [json.loads(line)["dialog_uuid"] for line in lines] == ["d-3", "d-4", "d-5"]


def test_what_lies_outside_of_the_reach_is_not_there(exports: Exports) -> None:
    exports.add_calls([CALL, replace(CALL, dialog_id="d-2", project=None)])
    narrowed = Access("k", Reach(1, projects=frozenset({3})), frozenset({Scope.READ}))
    lines = exports.make("jsonl", access=narrowed).read_text().splitlines()
    assert [json.loads(line)["dialog_uuid"] for line in lines] == ["d-1"]
    elsewhere = Access("k", Reach(2), frozenset({Scope.READ}))
    assert exports.make("jsonl", access=elsewhere).read_bytes() == b""


def test_a_key_without_the_scope_gets_nothing(exports: Exports) -> None:
    deaf = Access("k", Reach(1), frozenset({Scope.READ}))
    for name in ("zip", "tar", "folder", "vcon"):
        with pytest.raises(NotAllowed):
            exports.make(name, access=deaf)
    with pytest.raises(NotAllowed):
        exports.make("csv", access=Access("k", Reach(1), frozenset({Scope.LISTEN})))
    assert not (exports.folder / "export").exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Anna Nowak", "Anna Nowak"),
        ("+48221234567", "+48221234567"),
        ("+48 22 123 45 67", "'+48 22 123 45 67"),
        ("+4822123456789012", "'+4822123456789012"),  # longer than a number can be
        ("+0123", "'+0123"),
        ("+1+1", "'+1+1"),
        ("+48221234567\n", "'+48221234567\n"),
        ("=1+1", "'=1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        (" =1", "' =1"),
        ("a;=1+1", "a;'=1+1"),
        ("a; =1+1", "a;' =1+1"),
        ("a=1", "a=1"),
        ("\uff1d1", "'\uff1d1"),
        ("48221234567", "48221234567"),
        ("0048221234567", "0048221234567"),
        ("*100#", "*100#"),
    ],
)
def test_no_text_begins_a_formula(text: str, shown: str) -> None:
    assert guarded(text) == shown


@given(st.text(alphabet="=+-@\t\r\n;, '\"a1\uff1d", max_size=12))
def test_whatever_text_comes_no_part_of_a_cell_begins_a_formula(text: str) -> None:
    shown = guarded(text)
    if shown != text or not text.startswith("+"):
        for part in shown.replace("\t", ";").replace("\n", ";").replace("\r", ";").split(";"):
            assert part.strip()[:1] not in {"=", "+", "-", "@", "\uff1d"}
    assert shown.replace("'", "") == text.replace("'", "")


def test_a_number_that_is_no_text_keeps_its_sign() -> None:
    assert (cell(-5), cell([-5, 7]), cell(None)) == ("-5", "-5 7", "")


def test_parquet_has_types_and_times_in_utc(exports: Exports) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    exports.add_calls([replace(CALL, tags=(3, 17)), replace(CALL, dialog_id="d-2", project=None)])
    table = pq.read_table(exports.make("parquet"))
    assert table.column_names == list(COLUMNS)
    listed = exports.listed()
    for row, one in zip(table.to_pylist(), listed, strict=True):
        for name in COLUMNS:
            value = row[name]
            if isinstance(value, datetime):
                assert value.tzinfo is not None
                value = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
            assert value == one[name], name
    assert str(table.schema.field("start_time").type) == "timestamp[ms, tz=UTC]"
    assert not table.schema.field("start_time").nullable
    assert str(table.schema.field("project_id").type) == "int64"


def test_row_groups_of_parquet_are_bounded(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet_file, "GROUP", 400)
    exports.add_calls(many_calls(1001))
    found = pq.ParquetFile(exports.make("parquet"))
    groups = [found.metadata.row_group(n).num_rows for n in range(found.num_row_groups)]
    assert groups == [400, 400, 201]
    exports.make("parquet", target="none", call_filter=CallFilter(started=Span(1, 0)))
    assert pq.read_table(exports.folder / "none").num_rows == 0


def test_without_pyarrow_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(Misconfigured, match=r"callreel\[parquet\]"):
        ParquetWriter(PipeDraft(io.BytesIO()))


def test_a_pipe_gets_the_same_bytes(exports: Exports) -> None:
    exports.add_calls(many_calls(3))
    stream = io.BytesIO()
    records = [line.encode() for line in exports.make("jsonl").read_text().splitlines()]

    async def write() -> None:
        with PipeDraft(stream) as draft:
            writer = CsvWriter(draft)
            await writer.add(records)
            await writer.finish()
            draft.finish()

    exports.house.run(write())
    assert stream.getvalue() == exports.make("csv", target="b").read_bytes()
