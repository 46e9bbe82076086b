"""The file that says what the columns mean: every mistake in it is named with its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.errors import Misconfigured
from callreel.importers.spreadsheet.meaning import LENGTHS, Meaning
from callreel.model import Direction

SMALLEST = '[columns]\nstarted = "Start"\n[audio]\ncolumn = "File"\n'


def read(tmp_path: Path, text: str) -> Meaning:
    path = tmp_path / "columns.toml"
    path.write_text(text, "utf-8")
    return Meaning.read(path)


def test_little_has_to_be_said(tmp_path: Path) -> None:
    meaning = read(tmp_path, SMALLEST)
    assert meaning.columns == {"started": ("start",)}
    assert (meaning.audio, meaning.pattern) == (("file",), ())
    assert (meaning.dates, meaning.zone, meaning.table) == (("iso",), None, "calls")
    assert meaning.units == dict.fromkeys(LENGTHS, "s")
    assert meaning.needed == {"start", "file"}
    assert meaning.directions["incoming"] is Direction.INBOUND


def test_a_mark_that_some_editors_write_first_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, f"\ufeff{SMALLEST}").audio == ("file",)


def test_everything_can_be_said(tmp_path: Path) -> None:
    meaning = read(
        tmp_path,
        """
        timezone = "Asia/Tokyo"
        table = "call log"
        dates = ["iso", "%d.%m.%Y %H:%M"]
        lengths = { talking = "ms", waiting = "hh:mm:ss" }
        [columns]
        started = ["Begin ", "Start"]
        direction = "Kind"
        from = "Who"
        [parts]
        from = '<(\\d+)>'
        [fixed]
        queue = "sales"
        direction = "Ruf"
        [directions]
        inbound = ["Anruf", "RUF"]
        outbound = "Wahl"
        [audio]
        pattern = "{Folder}/{date}/{started:%H}-{from}.wav"
        """,
    )
    assert meaning.zone is not None
    assert meaning.zone.key == "Asia/Tokyo"
    assert meaning.table == "call log"
    assert meaning.dates == ("iso", "%d.%m.%Y %H:%M")
    assert meaning.units == {"talking": "ms", "waiting": "hh:mm:ss", "duration": "s"}
    assert meaning.columns["started"] == ("begin", "start")
    assert meaning.needed == {"begin", "start", "kind", "who", "folder"}
    assert meaning.fixed == {"queue": "sales", "direction": "Ruf"}
    assert meaning.directions["ruf"] is Direction.INBOUND
    assert meaning.directions["wahl"] is Direction.OUTBOUND
    assert meaning.directions["out"] is Direction.OUTBOUND
    assert [(piece.name, piece.form) for piece in meaning.pattern] == [
        ("folder", ""),
        ("date", "%Y-%m-%d"),
        ("started", "%H"),
        ("from", ""),
        (None, ""),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = ", "columns.toml is no TOML: Invalid value"),
        ("colums = 1", "columns.toml: colums is no key that is known; known are timezone, table"),
        ("columns = 1", "columns.toml: columns must be a table: write [columns] on a line of its"),
        ("", "columns.toml: columns.started must say which column holds the start of the call."),
        ("[columns]\nstart = 'a'", "columns.toml: columns.start is no key that is known; known"),
        ("[columns]\nstarted = 1", "columns.toml: columns.started must be a text in quotes, or a"),
        ("[columns]\nstarted = ''", "columns.toml: columns.started must be a text in quotes, or"),
        ("[columns]\nstarted = []", "columns.toml: columns.started must be a text in quotes, or"),
        ("[columns]\nstarted = [1]", "columns.toml: columns.started must be a text in quotes, or"),
        ("timezone = 'Warsaw'\n" + SMALLEST, "There is no such time zone; give the telephone"),
        ("timezone = 1\n" + SMALLEST, "columns.toml: timezone must be a text in quotes."),
        ("table = ''\n" + SMALLEST, "columns.toml: table must be a text in quotes."),
        ("dates = 'DD.MM.YYYY'\n" + SMALLEST, "columns.toml: dates must be iso, rfc2822, epoch,"),
        ("dates = '%H:%M'\n" + SMALLEST, "columns.toml: dates must be iso, rfc2822, epoch,"),
        ("dates = '%Q.%m.%Y'\n" + SMALLEST, "columns.toml: dates must be iso, rfc2822, epoch,"),
        ("dates = ['iso', '%m/%y']\n" + SMALLEST, "columns.toml: dates must be iso, rfc2822,"),
        ("dates = []\n" + SMALLEST, "columns.toml: dates must be a text in quotes, or a list"),
        ("lengths = 'hours'\n" + SMALLEST, "columns.toml: lengths must be one of s, ms, min, hh"),
        ("lengths = 1\n" + SMALLEST, "columns.toml: lengths must be a text in quotes."),
        ("lengths = {talking = 'h'}\n" + SMALLEST, "columns.toml: lengths.talking must be one of"),
        ("lengths = {talk = 's'}\n" + SMALLEST, "columns.toml: lengths.talk is no key that is"),
        (SMALLEST + "[parts]\nfrom = '(.)'", "columns.toml: parts.from is no key that is known;"),
        (SMALLEST + "[parts]\nstarted = '('", "columns.toml: parts.started is no regular expr"),
        (SMALLEST + "[parts]\nstarted = 'a'", "columns.toml: parts.started must have one group"),
        (SMALLEST + "[parts]\nstarted = '(a)(b)'", "columns.toml: parts.started must have one"),
        (SMALLEST + "[fixed]\nid = '1'", "columns.toml: fixed.id is no key that is known; known"),
        (SMALLEST + "[fixed]\nqueue = 1", "columns.toml: fixed.queue must be a text in quotes."),
        (SMALLEST + "[fixed]\ndirection = 'x'", "columns.toml: fixed.direction must be inbound,"),
        (SMALLEST + "[directions]\nboth = 'x'", "columns.toml: directions.both is no key that is"),
        (SMALLEST + "[directions]\ninbound = 1", "columns.toml: directions.inbound must be a text"),
        ("[columns]\nstarted = 'a'", "columns.toml: audio.column or audio.pattern must say how"),
        (SMALLEST + "pattern = '{id}'", "columns.toml: audio.column or audio.pattern must say how"),
        (SMALLEST + "folder = 'x'", "columns.toml: audio.folder is no key that is known; known"),
        (SMALLEST.replace("column =", "pattern ="), "columns.toml: audio.pattern must have somet"),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(tmp_path, text)
    assert caught.value.message.startswith(says)
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{id", "audio.pattern cannot be understood: expected '}' before end of string."),
        ("id}", "audio.pattern cannot be understood: Single '}' encountered in format string."),
        ("{}.wav", "audio.pattern must have names in its braces, and a form of dates only."),
        ("{id:%Y}.wav", "audio.pattern must have names in its braces, and a form of dates only."),
        ("{{id}}.wav", "audio.pattern must have something in braces that differs from call to"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_named(tmp_path: Path, pattern: str, says: str) -> None:
    text = SMALLEST.replace('column = "File"', f"pattern = '{pattern}'")
    with pytest.raises(Misconfigured) as caught:
        read(tmp_path, text)
    assert caught.value.message.startswith(f"columns.toml: {says}")


def test_a_file_that_cannot_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--columns cannot be read: no such file or directory"):
        Meaning.read(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xff")
    with pytest.raises(Misconfigured, match=r"latin\.toml is no text in UTF-8\."):
        Meaning.read(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("dates", "needs_zone"),
    [
        ("'iso'", True),
        ("'rfc2822'", False),
        ("['epoch', 'epoch_ms']", False),
        ("'%Y-%m-%d %H:%M:%S%z'", False),
        ("['rfc2822', '%Y-%m-%d %H:%M:%S']", True),
    ],
)
def test_a_time_zone_is_needed_unless_every_date_says_its_own(
    tmp_path: Path, dates: str, needs_zone: bool
) -> None:
    assert read(tmp_path, f"dates = {dates}\n{SMALLEST}").needs_zone is needs_zone


@given(st.text())
def test_no_file_at_all_makes_the_reading_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("meaning") / "columns.toml"
    path.write_text(SMALLEST + text, "utf-8", errors="ignore")
    try:
        assert Meaning.read(path).columns == {"started": ("start",)}
    except Misconfigured as error:
        assert error.message.endswith(".")  # noqa: PT017 - either is well
