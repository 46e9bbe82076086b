from __future__ import annotations

import io
import json
import logging
import uuid

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from asgi import TEXT
from callreel.api.levels import LEVELS
from callreel.api.log import Lines, configure_log
from callreel.api.masking import MASK, masked
from callreel.archive.tell import new_secret

DIVIDED = st.lists(st.from_regex(r"[0-9]{1,4}", fullmatch=True), min_size=7, max_size=7)


@given(
    DIVIDED,
    st.sampled_from(["", " ", "-", ".", ") ", "_", "/"]),
    st.sampled_from(["/a/", "?n=", "_", ""]),
    st.sampled_from([ord("0"), 0x660, 0xFF10]),  # of ours, Arabic-Indic and fullwidth ones
)
def test_a_number_is_masked_however_it_is_divided_and_in_whatever_digits(
    parts: list[str], between: str, before: str, zero: int
) -> None:
    digits = "".join(chr(zero + int(each)) for each in "".join(parts)[:15])
    number = between.join(digits)
    assert masked(f"{before}{number}/b") == f"{before}{MASK}/b"
    assert masked(f"{before}+{number}") == before + MASK


@given(st.uuids())
def test_a_uuid_is_kept(given_id: uuid.UUID) -> None:
    for text in (str(given_id), str(given_id).upper(), f"/a/{given_id}/b"):
        assert masked(text) == text


@given(st.uuids(), st.sampled_from(["/export/12/", "1_", "12 ", "48-600-700/"]))
def test_a_uuid_is_kept_behind_a_number(given_id: uuid.UUID, before: str) -> None:
    assert masked(f"{before}{given_id}").endswith(str(given_id))


@pytest.mark.parametrize("path", ["/48_22_987_65_01/audio", "/48/22/987/65/01/audio"])
def test_a_number_in_a_path_is_masked_where_its_parts_are_names(path: str) -> None:
    assert masked(path) == f"/{MASK}/audio"


@given(st.from_regex(r"1-[0-9]{8}-[0-9a-f]{24}", fullmatch=True))
def test_a_trace_id_of_a_balancer_is_kept(trace_id: str) -> None:
    assert masked(trace_id) == trace_id
    assert masked(f"/a/{trace_id}/b") == f"/a/{trace_id}/b"


@pytest.mark.parametrize("text", ["1-20255501", "1-20255501-abc", "1-20255501-" + "a" * 25])
def test_what_only_begins_like_a_trace_id_is_masked(text: str) -> None:
    assert masked(text) == text.replace("1-20255501", MASK)


@given(st.text(st.sampled_from("0123456789abcdef"), min_size=8, max_size=64))
def test_an_id_with_letters_is_kept(text: str) -> None:
    assert masked("g" + text + "g") == "g" + text + "g"


@pytest.mark.parametrize("text", ["123456", "/export/12", "12:34:56.789", "1" * 16, "2025-03-14"])
def test_what_is_too_short_or_too_long_for_a_number_is_kept(text: str) -> None:
    kept = {"2025-03-14": MASK}  # eight digits are a number, too
    assert masked(text) == kept.get(text, text)


@pytest.mark.parametrize("before", ["", "/", "/x/", "Bearer ", "a=", "x"])
def test_of_a_key_its_public_part_is_left(before: str) -> None:
    assert masked(before + TEXT) == before + TEXT[:12] + MASK
    assert masked(before + TEXT[:30]) == before + TEXT[:12] + MASK


def test_of_a_webhooks_secret_nothing_is_left() -> None:
    assert masked(f"a {new_secret()} b") == f"a whsec_{MASK} b"


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


def test_what_a_library_logs_is_a_line_without_values(log: io.StringIO) -> None:
    logger = logging.getLogger("callreel.test")
    lines = Lines()
    logger.addHandler(lines)
    configure_log(log)
    try:
        logger.warning("Retrying %s after %s\nin %s", TEXT, "48600700800", "/srv")
        logger.error("it broke", exc_info=KeyError("48600700800"))
    finally:
        logger.removeHandler(lines)
        structlog.reset_defaults()
    first, second = map(json.loads, log.getvalue().splitlines())
    assert (first["level"], first["logger"], first["event"]) == (
        "warning",
        "callreel.test",
        "Retrying %s after %s",
    )
    assert (second["level"], second["trace"]) == ("error", "KeyError")
    assert "48600700800" not in log.getvalue()


@pytest.mark.parametrize("level", ["error", "warning", "info"])
def test_a_level_has_its_lines_and_those_of_the_levels_before_it(
    log: io.StringIO, level: str
) -> None:
    logger = logging.getLogger("callreel.test")
    lines = Lines()
    logger.addHandler(lines)
    logger.setLevel(logging.DEBUG)
    configure_log(log, level)
    try:
        logger.critical("the library broke")
        logger.warning("the library is late")
        logger.info("the library began")
        structlog.get_logger().error("broke")
        structlog.get_logger().warning("late")
    finally:
        logger.removeHandler(lines)
        logger.setLevel(logging.NOTSET)
        structlog.reset_defaults()
    told = [json.loads(line)["level"] for line in log.getvalue().splitlines()]
    known = LEVELS[: LEVELS.index(level) + 1]
    written = ["error", "warning", "info", "error", "warning"]
    assert told == [each for each in written if each in known]


def test_a_line_of_our_own_is_masked_too(log: io.StringIO) -> None:
    configure_log(log)
    try:
        structlog.get_logger().warning("late", why=f"{TEXT} of +48 600 700 800", tries=3)
    finally:
        structlog.reset_defaults()
    line = json.loads(log.getvalue())
    assert (line["why"], line["tries"]) == (f"{TEXT[:12]}{MASK} of {MASK}", 3)
