"""How the rows of one call become one dialog: who talked to whom, when and for how long."""

from __future__ import annotations

from itertools import permutations

import pytest

from callreel.importers.asterisk.ids import AudioName
from callreel.importers.asterisk.legs import Leg
from callreel.model import Direction
from importers.asterisk_rows import EPOCH, leg, told, utc

LINKED = f"{EPOCH}.10"
QUEUED = {"lastapp": "Queue", "lastdata": "700,tT,,,300", "dst": "700"}


def part(
    channel: str,
    far: str,
    start: int,
    duration: int,
    talk: int,
    *,
    disposition: str = "ANSWERED",
    uniqueid: str = LINKED,
    **cells: str,
) -> Leg:
    """Return a leg that began some seconds after the call."""
    minutes, seconds = divmod(5 + start, 60)
    return leg(
        channel=channel,
        dstchannel=far,
        start=f"2026-03-02 09:{minutes:02}:{seconds:02}",
        duration=str(duration),
        billsec=str(talk),
        disposition=disposition,
        uniqueid=uniqueid,
        **cells,
    )


TRUNK = "PJSIP/carrier-00000010"
QUEUE_CALL = [
    part(TRUNK, "Local/102@q-00000001;1", 0, 100, 60, **QUEUED),
    part(
        "Local/101@q-00000000;2", "PJSIP/101-00000012", 5, 15, 0,
        disposition="NO ANSWER", uniqueid=f"{EPOCH + 5}.12",
    ),
    part(
        "Local/102@q-00000001;2", "PJSIP/102-00000014", 25, 75, 60, uniqueid=f"{EPOCH + 25}.14"
    ),
    part(TRUNK, "PJSIP/103-00000016", 100, 120, 120, dst="103"),
]  # fmt: skip
"""The example of the module's documentation."""


def test_the_example_of_the_documentation_comes_out_as_it_says() -> None:
    made = told(*QUEUE_CALL)
    call = made.call()
    assert utc(call.started_at) == "2026-03-02 08:00:05"
    assert utc(call.answered_at) == "2026-03-02 08:00:45"
    assert utc(call.hung_up_at) == "2026-03-02 08:03:45"
    assert (call.waiting_ms, call.talking_ms) == (40_000, 180_000)
    assert (made.agent(), made.queue) == ("103", "700")
    assert (call.from_number, call.to_number) == ("48600100200", "700")
    assert (call.direction, call.end_cause) == (Direction.INBOUND, "ANSWERED")
    assert (call.dialog_id, call.source_call_id) == (LINKED, LINKED)
    assert made.notes() == ()


def test_the_order_of_the_rows_changes_nothing() -> None:
    whole = told(*QUEUE_CALL)
    for legs in permutations(QUEUE_CALL):
        made = told(*legs)
        assert (made.call(), made.agent(), made.queue) == (whole.call(), "103", "700")


def test_rows_that_are_there_twice_change_nothing() -> None:
    made = told(*QUEUE_CALL, *QUEUE_CALL)
    assert made.call() == told(*QUEUE_CALL).call()


@pytest.mark.parametrize(
    ("name", "talking", "waiting", "agent"),
    [
        (f"{LINKED}.wav", 180_000, 40_000, "103"),
        (f"700-48600100200-pbx1-{LINKED}.wav", 180_000, 40_000, "103"),
        (f"{EPOCH + 25}.14.wav", 60_000, 40_000, "102"),
        (f"{EPOCH + 5}.12.wav", 180_000, 40_000, "103"),
        (f"{LINKED}-{EPOCH + 25}.14.wav", 180_000, 40_000, "103"),
    ],
)
def test_a_recording_of_one_leg_is_of_its_talk_and_any_other_of_the_whole(
    name: str, talking: int, waiting: int, agent: str
) -> None:
    made = told(*QUEUE_CALL)
    audio = AudioName.of(name)
    call = made.call(audio)
    assert (call.talking_ms, call.waiting_ms) == (talking, waiting)
    assert made.agent(audio) == agent
    assert utc(call.started_at) == "2026-03-02 08:00:05"


def test_of_a_ring_group_the_one_who_answered_counts() -> None:
    no = "NO ANSWER"
    made = told(
        part(TRUNK, "PJSIP/101-00000011", 0, 12, 0, disposition=no, dst="600"),
        part(TRUNK, "PJSIP/102-00000012", 0, 72, 60, dst="600"),
        part(TRUNK, "PJSIP/103-00000013", 0, 12, 0, disposition=no, dst="600"),
    )
    call = made.call(AudioName.of(f"{LINKED}.wav"))
    assert (made.agent(), call.to_number, call.end_cause) == ("102", "600", "ANSWERED")
    assert (call.waiting_ms, call.talking_ms) == (12_000, 60_000)


def test_while_others_ring_for_a_caller_whom_the_queue_has_answered_it_is_no_talk() -> None:
    no = "NO ANSWER"
    cells = QUEUED | {"dst": "700"}
    made = told(
        part(TRUNK, "PJSIP/101-00000011", 0, 20, 20, disposition=no, **cells),
        part(TRUNK, "PJSIP/102-00000012", 20, 200, 200, **cells),
        part(TRUNK, "PJSIP/103-00000013", 20, 20, 20, disposition=no, **cells),
        part(TRUNK, "PJSIP/104-00000014", 220, 30, 30, disposition=no, dst="104"),
    )
    call = made.call()
    assert (call.waiting_ms, call.talking_ms, made.agent()) == (40_000, 180_000, "102")


def test_who_left_a_queue_was_not_answered_even_if_something_was_done_afterwards() -> None:
    made = told(
        part(TRUNK, "PJSIP/101-00000011", 0, 20, 20, disposition="NO ANSWER", **QUEUED),
        part(TRUNK, "", 0, 60, 60, **QUEUED),
        part(TRUNK, "", 60, 0, 0, dst="h", lastapp="NoOp", lastdata="done"),
    )
    call = made.call()
    assert (call.talking_ms, call.end_cause, made.agent()) == (0, "NO ANSWER", None)
    assert call.hung_up_at - call.started_at == 60


def test_everybody_in_a_conference_is_paired_and_counted_once() -> None:
    one, two, three = (f"PJSIP/{n}-0000001{n[-1]}" for n in ("101", "102", "103"))
    made = told(
        part(one, two, 0, 120, 110, dcontext="internal", src="101", dst="800"),
        part(one, three, 60, 90, 90, dcontext="internal", src="101", dst="800"),
        part(two, three, 60, 60, 60, uniqueid=f"{EPOCH + 9}.2", dcontext="internal", src="102"),
    )
    assert made.call().talking_ms == 140_000


def test_a_blind_transfer_adds_up_and_the_longest_talk_tells_who() -> None:
    made = told(
        part(TRUNK, "PJSIP/101-00000011", 0, 40, 30),
        part(TRUNK, "PJSIP/102-00000012", 40, 95, 90),
    )
    call = made.call()
    assert (call.waiting_ms, call.talking_ms) == (10_000, 120_000)
    assert call.hung_up_at - call.started_at == 135
    assert made.agent() == "102"


def test_of_an_attended_transfer_the_question_before_is_not_counted_twice() -> None:
    made = told(
        part(TRUNK, "PJSIP/101-00000011", 0, 120, 110),
        part("PJSIP/101-00000012", "PJSIP/102-00000013", 60, 60, 50, uniqueid=f"{EPOCH + 60}.12"),
        part(TRUNK, "PJSIP/102-00000013", 120, 60, 60),
    )
    assert made.call().talking_ms == 170_000


def test_two_talks_with_a_gap_between_them_are_counted_without_it() -> None:
    made = told(
        part(TRUNK, "PJSIP/101-00000011", 0, 40, 30),
        part(TRUNK, "PJSIP/102-00000012", 40, 60, 30),
    )
    call = made.call()
    assert (call.talking_ms, call.hung_up_at - call.started_at) == (60_000, 100)


def test_both_halves_of_a_local_channel_are_one_talk() -> None:
    made = told(
        part(TRUNK, "Local/101@in-00000001;1", 0, 75, 60),
        part("Local/101@in-00000001;2", "PJSIP/101-00000012", 1, 74, 60, uniqueid=f"{EPOCH + 1}.2"),
    )
    call = made.call()
    assert (call.talking_ms, call.waiting_ms) == (60_000, 15_000)
    assert made.agent() == "101"


def test_a_local_channel_alone_tells_the_talk_too() -> None:
    made = told(part(TRUNK, "Local/101@from-queue-00000001;1", 0, 75, 60, **QUEUED))
    assert (made.call().talking_ms, made.agent(), made.queue) == (60_000, "101", "700")


def test_a_menu_that_answered_before_is_waiting() -> None:
    made = told(
        part(TRUNK, "", 0, 30, 30, lastapp="BackGround", lastdata="welcome", dst="s"),
        part(TRUNK, "PJSIP/101-00000011", 30, 70, 60),
    )
    call = made.call()
    assert (call.waiting_ms, call.talking_ms, call.to_number) == (40_000, 60_000, "101")


def test_a_message_left_after_nobody_answered_is_the_talk() -> None:
    made = told(
        part(TRUNK, "PJSIP/101-00000011", 0, 20, 0, disposition="NO ANSWER"),
        part(TRUNK, "", 20, 40, 40, lastapp="VoiceMail", lastdata="101@default"),
    )
    call = made.call()
    assert (call.talking_ms, call.waiting_ms, made.agent()) == (40_000, 20_000, None)


def test_of_a_conference_the_time_counts_in_which_anybody_was_there() -> None:
    legs = [
        part(
            f"PJSIP/{number}-0000001{number[-1]}", "", start, talk, talk,
            uniqueid=f"{EPOCH + start}.{number}", src=number, dst="800",
            lastapp="ConfBridge", lastdata="800", linkedid=f"{EPOCH}.101", dcontext="internal",
        )
        for number, start, talk in (("101", 0, 120), ("102", 30, 60), ("103", 60, 90))
    ]  # fmt: skip
    call = told(*legs).call(AudioName.of(f"800-{EPOCH}.101.wav"))
    assert (call.talking_ms, call.waiting_ms) == (150_000, 0)
    assert (call.direction, call.from_number, call.to_number) == (
        Direction.OUTBOUND, "101", "800",
    )  # fmt: skip


@pytest.mark.parametrize("word", ["NO ANSWER", "BUSY", "FAILED", "CONGESTION"])
def test_a_call_that_nobody_answered_has_no_talk_and_its_cause(word: str) -> None:
    made = told(
        part(TRUNK, "PJSIP/101-00000011", 0, 10, 0, disposition=word),
        part(TRUNK, "PJSIP/102-00000012", 0, 25, 0, disposition=word),
    )
    call = made.call()
    assert (call.end_cause, call.talking_ms) == (word, 0)
    assert (call.answered_at, call.waiting_ms, made.agent()) == (None, None, None)
    assert call.hung_up_at - call.started_at == 25


def test_the_last_queue_that_a_caller_was_in_is_the_calls() -> None:
    first = part(TRUNK, "Local/1@q-00000001;1", 0, 30, 0, disposition="NO ANSWER", **QUEUED)
    second = part(TRUNK, "PJSIP/101-00000011", 30, 70, 60, lastapp="Queue", lastdata="701,t")
    assert told(first, second).queue == told(second, first).queue == "701"


def test_a_call_whose_first_leg_lies_in_another_file_starts_by_its_linked_id() -> None:
    linked = f"pbx1-{EPOCH - 50}.3"
    late = part(
        "Local/101@q-00000001;2", "PJSIP/101-00000012", 0, 75, 60,
        uniqueid=f"{EPOCH}.10", linkedid=linked,
    )  # fmt: skip
    made = told(late)
    call = made.call()
    assert utc(call.started_at) == "2026-03-02 07:59:15"
    assert (call.waiting_ms, call.talking_ms) == (65_000, 60_000)
    assert call.source_call_id == linked
    assert "No row is of the call's first leg" in made.notes()[0]


@pytest.mark.parametrize("linked", ["my-call", f"{EPOCH + 50}.3", f"{EPOCH - 86_500}.3", "1.2"])
def test_a_linked_id_that_cannot_tell_the_start_does_not(linked: str) -> None:
    made = told(part(TRUNK, "PJSIP/101-00000011", 0, 75, 60, linkedid=linked))
    assert made.call().started_at == EPOCH
    assert made.notes() == ()


def test_a_linked_id_beside_no_unique_id_leaves_the_start_as_it_is() -> None:
    made = told(leg(uniqueid="", linkedid=f"{EPOCH - 50}.3"))
    assert (made.call().started_at, made.notes()) == (EPOCH, ())


@pytest.mark.parametrize(("zone_off", "is_noted"), [("08", True), ("09", False), ("10", True)])
def test_a_wrong_time_zone_shows(zone_off: str, is_noted: bool) -> None:
    made = told(leg(start=f"2026-03-02 {zone_off}:00:05"))
    assert ("is the zone right?" in "".join(made.notes())) is is_noted


def test_what_was_unclear_about_the_first_moment_is_noted() -> None:
    made = told(leg(uniqueid="", linkedid="", start="2026-10-25 02:30:00"))
    assert "occurs twice" in made.notes()[0]
