"""What the names that dialplans give to files tell, and what Asterisk's own words mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.importers.asterisk.ids import AudioName, bare, epoch_of
from callreel.importers.asterisk.words import (
    direction_by_context,
    disposition,
    endpoint,
    extension,
    is_local,
)
from callreel.model import Direction

EPOCH = 1_772_438_405
ID = f"{EPOCH}.10"


@pytest.mark.parametrize(
    "name",
    [
        f"{ID}.wav",
        f"pbx1-{ID}.WAV",
        f"48600100200-101-{ID}.mp3",
        f"{ID}-20260302-09:00:05.wav",
        f"20260302-090005-{ID}.wav49",
        f"2026-03-02-09_00-48600100200-{ID}.ogg",
        f"q700_{ID}_101.wav",
        f"auto-{EPOCH}-101-{ID}.gsm",
        f"{ID}-in.wav",
        f"{ID}-out.wav",
        f"{ID}-1.wav",
        f"101.{ID}.wav",
    ],
)
def test_a_unique_id_is_found_anywhere_in_a_name(name: str) -> None:
    told = AudioName.of(name)
    assert told.ids[0] == ID
    assert (told.native_id, told.native_time) == (ID, EPOCH)


@pytest.mark.parametrize(
    "name",
    ["101.wav", "48600100200.5.wav", "999999999.5.wav", "20260302.090005.wav", "1772438405.wav"],
)
def test_what_only_looks_like_an_id_is_none(name: str) -> None:
    assert AudioName.of(name).ids == (name.removesuffix(".wav"),)


def test_a_name_with_two_ids_has_both_and_lasts_by_the_last() -> None:
    told = AudioName.of(f"{EPOCH - 40}.3-{ID}.wav")
    assert told.ids[:2] == (f"{EPOCH - 40}.3", ID)
    assert (told.native_id, told.native_time) == (ID, EPOCH)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("101-20260302-090005.wav", 1_772_442_000),
        ("2026-03-02_09.00 Jan.wav", 1_772_442_000),
        ("20260302_0900.wav", 1_772_442_000),
        ("20261302-0900.wav", 0),
        ("20260230-0900.wav", 0),
        ("meeting.wav", 0),
    ],
)
def test_a_name_without_id_lasts_by_itself_and_a_date_in_it(name: str, moment: int) -> None:
    told = AudioName.of(name)
    assert (told.native_id, told.native_time) == (name.removesuffix(".wav"), moment)


@pytest.mark.parametrize(
    ("name", "key", "side"),
    [
        (f"{ID}-in.wav", ID, "in"),
        (f"{ID}-out.wav", ID, "out"),
        ("call-in-out.wav", "call-in", "out"),
        ("-in.wav", "-in", None),
        ("check-in.txt", "check-in.txt", None),
        ("login.wav", "login", None),
        (f"in-101-{ID}.wav", f"in-101-{ID}", None),
    ],
)
def test_one_side_of_a_call_is_told_by_the_end_of_its_name(
    name: str, key: str, side: str | None
) -> None:
    told = AudioName.of(name)
    assert (told.key, told.side) == (key, side)


@given(st.text(max_size=80))
def test_whatever_a_file_is_called_it_has_a_lasting_id(name: str) -> None:
    told = AudioName.of(name)
    assert told == AudioName.of(name)
    assert told.native_time >= 0
    assert told.native_id.isprintable()
    assert told.ids


def test_a_name_in_bytes_of_another_encoding_has_an_id_that_can_be_kept() -> None:
    assert AudioName.of("gr\udcfcn.wav").native_id == "gr\\xfcn"


@pytest.mark.parametrize(
    ("identity", "digits", "epoch"),
    [
        (ID, ID, EPOCH),
        (f"pbx1-{ID}", ID, EPOCH),
        (f"pbx-1.example-{ID}", ID, EPOCH),
        ("my-own-channel", "my-own-channel", None),
        ("", "", None),
        ("100000000.1", "100000000.1", None),
    ],
)
def test_an_id_is_compared_without_its_systems_name(
    identity: str, digits: str, epoch: int | None
) -> None:
    assert (bare(identity), epoch_of(identity)) == (digits, epoch)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ANSWERED", "ANSWERED"),
        ("answered", "ANSWERED"),
        ("8", "ANSWERED"),
        ("NO ANSWER", "NO ANSWER"),
        ("NOANSWER", "NO ANSWER"),
        ("0", "NO ANSWER"),
        ("1", "NO ANSWER"),
        ("2", "FAILED"),
        ("4", "BUSY"),
        ("16", "CONGESTION"),
        ("Something else", "SOMETHING ELSE"),
        ("", ""),
    ],
)
def test_a_disposition_is_a_word_or_its_number(text: str, word: str) -> None:
    assert disposition(text) == word


@pytest.mark.parametrize(
    ("channel", "name", "inside"),
    [
        ("PJSIP/101-0000002a", "101", "101"),
        ("SIP/101-b7d8c2f0", "101", "101"),
        ("IAX2/102-4711", "102", "102"),
        ("PJSIP/trunk-endpoint-00000004", "trunk-endpoint", None),
        ("SIP/3912902926-0000ce15", "3912902926", None),
        ("PJSIP/anna-00000001", "anna", None),
        ("Local/101@from-queue-00000003;1", "101", None),
        ("Local/101@from-queue-00000003;2", "101", None),
        ("Dongle/LIFE-010000003c", "LIFE", None),
        ("DAHDI/i1/48600100200-5", "48600100200", None),
        ("DAHDI/3-1", "3", "3"),
        ("Agent/1001", "1001", "1001"),
        ("AsyncGoto/PJSIP/103-0000000b", "103", "103"),
        ("", None, None),
        ("PJSIP/", None, None),
    ],
)
def test_a_channel_tells_who_is_at_its_end(
    channel: str, name: str | None, inside: str | None
) -> None:
    assert (endpoint(channel), extension(channel)) == (name, inside)


def test_a_local_channel_has_nobody_at_its_end() -> None:
    assert is_local("Local/101@from-queue-00000003;1")
    assert not is_local("PJSIP/local-00000001")


@pytest.mark.parametrize(
    ("context", "direction"),
    [
        ("from-trunk", Direction.INBOUND),
        ("from-pstn-toheader", Direction.INBOUND),
        ("incoming", Direction.INBOUND),
        ("inbound-calls", Direction.INBOUND),
        ("from-external", Direction.INBOUND),
        ("from-sip-external", Direction.INBOUND),
        ("from_provider", Direction.INBOUND),
        ("public", Direction.INBOUND),
        ("from-internal", Direction.OUTBOUND),
        ("internal", Direction.OUTBOUND),
        ("outgoingmind", Direction.OUTBOUND),
        ("outbound-allroutes", Direction.OUTBOUND),
        ("phones", Direction.OUTBOUND),
        ("to-pstn", Direction.OUTBOUND),
        ("default", None),
        ("ext-queues", None),
        ("", None),
        ("sip0", None),
    ],
)
def test_a_context_tells_the_direction_by_its_name(
    context: str, direction: Direction | None
) -> None:
    assert direction_by_context(context) is direction
