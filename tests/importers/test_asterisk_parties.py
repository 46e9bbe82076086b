"""Who called whom, by the rows of one call: direction, numbers, the one of the company."""

from __future__ import annotations

import pytest

from callreel.importers.asterisk.ids import AudioName
from callreel.model import Direction
from importers.asterisk_rows import EPOCH, leg, told

LINKED = f"{EPOCH}.10"
OTHER = f"{EPOCH}.11"

CASES = [
    # outbound by context: the extension, not the number that it shows
    (
        {"channel": "SIP/211-0000ce14", "dcontext": "outgoingmind", "src": "83912902926",
         "dst": "89659014949", "dstchannel": "SIP/3912902926-0000ce15"},
        (Direction.OUTBOUND, "211", "89659014949", "211"),
    ),
    # outbound by the extension's channel, whatever the context
    (
        {"channel": "PJSIP/101-00000001", "dcontext": "default", "src": "48221234567",
         "dst": "0048501502503", "dstchannel": "PJSIP/carrier-00000002"},
        (Direction.OUTBOUND, "101", "0048501502503", "101"),
    ),
    # an extension with a name
    (
        {"channel": "PJSIP/anna-00000001", "dcontext": "phones", "src": "102",
         "dst": "501502503", "dstchannel": "PJSIP/carrier-00000002"},
        (Direction.OUTBOUND, "102", "501502503", "anna"),
    ),
    # inside of the company
    (
        {"channel": "PJSIP/101-00000001", "dcontext": "default", "src": "101", "dst": "102",
         "dstchannel": "PJSIP/102-00000002"},
        (Direction.OUTBOUND, "101", "102", "101"),
    ),
    # inbound by the number that was called
    (
        {"did": "48221234567", "dcontext": "from-internal", "dst": "101"},
        (Direction.INBOUND, "48600100200", "48221234567", "101"),
    ),
    # inbound by the look of the numbers
    (
        {"channel": "SIP/sip0-00000015", "dcontext": "call_line", "src": "+48600100200"},
        (Direction.INBOUND, "+48600100200", "101", "101"),
    ),
    # a caller who is not known
    (
        {"src": "anonymous", "dcontext": "sip0", "channel": "SIP/sip0-00000015"},
        (Direction.INBOUND, None, "101", "101"),
    ),
    # a place in the dialplan is no number
    ({"dst": "s"}, (Direction.INBOUND, "48600100200", None, "101")),
    # follow-me of FreePBX
    (
        {"dstchannel": "Local/FMPR-101@from-internal-00000001;1"},
        (Direction.INBOUND, "48600100200", "101", "101"),
    ),
    # an agent with a name
    (
        {"dstchannel": "PJSIP/anna.nowak-00000011"},
        (Direction.INBOUND, "48600100200", "101", "anna.nowak"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "expected"), CASES)
def test_direction_numbers_and_agent_of_a_call_of_one_row(
    cells: dict[str, str], expected: tuple[Direction, str | None, str | None, str | None]
) -> None:
    made = told(leg(**cells))
    call = made.call()
    found = (call.direction, call.from_number, call.to_number, made.agent())
    assert found == expected


def test_a_call_of_no_length_is_one() -> None:
    call = told(leg(duration="0", billsec="0")).call()
    assert (call.talking_ms, call.waiting_ms, call.hung_up_at) == (0, 0, call.started_at)
    assert call.answered_at == call.started_at


def test_a_call_of_a_whole_day_is_one() -> None:
    call = told(leg(duration="86400", billsec="86390")).call()
    assert (call.hung_up_at - call.started_at, call.talking_ms) == (86_400, 86_390_000)


def test_parts_of_seconds_are_kept_in_lengths() -> None:
    call = told(leg(duration="75.250", billsec="60.500")).call()
    assert (call.talking_ms, call.waiting_ms) == (60_500, 14_750)
    assert call.hung_up_at - call.started_at == 76


def test_a_row_without_ids_has_that_of_its_recording() -> None:
    made = told(leg(uniqueid="", linkedid="", userfield="call-7.wav"))
    call = made.call(AudioName.of("call-7.wav"))
    assert (call.dialog_id, call.source_call_id) == ("call-7", "call-7")


def test_of_legs_that_began_at_once_that_of_the_calls_own_channel_is_the_first() -> None:
    own = leg(src="48600100200", dst="600")
    for other in (
        leg(uniqueid=OTHER, linkedid=LINKED, src="1111111", dst="200"),
        leg(uniqueid=OTHER, linkedid=LINKED, src="9999999", dst="900"),
    ):
        for made in (told(own, other), told(other, own)):
            call = made.call()
            assert (call.from_number, call.to_number) == ("48600100200", "600")


@pytest.mark.parametrize("dst", ["200", "900"])
def test_of_legs_that_began_at_once_a_local_channels_is_not_the_first(dst: str) -> None:
    own = leg(uniqueid=OTHER, linkedid=LINKED, dst="600")
    local = leg(uniqueid=f"{EPOCH}.12", linkedid=LINKED, dst=dst, channel="Local/101@q-00000001;2")
    assert told(own, local).call().to_number == told(local, own).call().to_number == "600"


LATER = {"start": "2026-03-02 09:00:10", "uniqueid": OTHER, "linkedid": LINKED, "duration": "70"}


def test_what_the_first_leg_does_not_tell_the_one_with_the_talk_does() -> None:
    first = leg(dstchannel="", src="anonymous", dst="s", lastapp="Playback", billsec="5")
    call = told(first, leg(src="48600100200", did="48221234567", **LATER)).call()
    assert (call.from_number, call.to_number) == ("48600100200", "48221234567")


def test_who_called_from_inside_is_told_by_the_talk_too() -> None:
    first = leg(
        dstchannel="", src="", clid="", dst="s", dcontext="phones", channel="PJSIP/anna-00000001",
        lastapp="Playback", billsec="5",
    )  # fmt: skip
    call = told(first, leg(src="102", dst="501502503", **LATER)).call()
    assert (call.direction, call.from_number) == (Direction.OUTBOUND, "102")


def test_the_context_of_a_local_channel_tells_no_direction() -> None:
    half = leg(
        channel="Local/101@phones-00000001;2", dcontext="phones", uniqueid=OTHER, linkedid=LINKED
    )
    assert told(half).call().direction is Direction.INBOUND


def test_of_a_call_begun_by_a_click_the_one_who_was_connected_is_the_agent() -> None:
    click = leg(
        channel="Local/101@click-00000001;1", dstchannel="Local/101@click-00000001;2",
        src="101", dst="501502503", billsec="70",
    )  # fmt: skip
    talk = leg(
        channel="PJSIP/101-00000002", dstchannel="PJSIP/carrier-00000003", src="101",
        dst="501502503", **LATER,
    )  # fmt: skip
    made = told(click, talk)
    assert (made.call().direction, made.agent()) == (Direction.OUTBOUND, "101")


def test_of_a_call_among_local_channels_alone_nobody_is_known() -> None:
    made = told(leg(channel="Local/5@a-00000001;1", dstchannel="Local/5@a-00000001;2", src="101"))
    assert (made.call().direction, made.agent()) == (Direction.OUTBOUND, None)


def test_a_row_with_a_linked_id_alone_has_that() -> None:
    call = told(leg(uniqueid="")).call()
    assert (call.dialog_id, call.source_call_id) == (LINKED, LINKED)
    call = told(leg(linkedid="")).call()
    assert (call.dialog_id, call.source_call_id) == (LINKED, LINKED)


def test_what_became_of_a_call_is_told_by_the_telephone_that_rang_longest() -> None:
    cells = {"dstchannel": "PJSIP/102-00000012", "disposition": "NO ANSWER"}
    short = leg(dstchannel="PJSIP/101-00000011", duration="5", billsec="0", disposition="BUSY")
    made = told(short, leg(**LATER | cells))
    assert made.call().end_cause == "NO ANSWER"


def test_a_row_without_ids_is_known_by_its_recording_else_by_its_channel() -> None:
    call = told(leg(uniqueid="", linkedid="")).call()
    assert (call.dialog_id, call.source_call_id) == (f"{EPOCH}-PJSIP/carrier-00000010", None)
    long = told(leg(uniqueid="", linkedid="", channel="PJSIP/" + "x" * 80)).call()
    assert len(long.dialog_id) == 64
    named = told(leg(uniqueid="", linkedid="")).call(AudioName.of("a call.wav"))
    assert (named.dialog_id, named.source_call_id) == ("a call", "a call")
