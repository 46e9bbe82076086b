from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from callreel.importers.freeswitch.calls import agent_of, call_of, claim_of, direction_of, queue_of
from callreel.importers.freeswitch.leg import Leg, leg_of
from callreel.importers.freeswitch.record import Profile, Record, read_record
from callreel.importers.items import Fault
from callreel.model import Call, Direction
from importers.switch import OTHER, START, WARSAW, A, B, Switch, as_json, flow, leg_b, variables

NO_EPOCHS = {
    f"{name}_{unit}": None
    for name in ("start", "answer", "bridge", "end")
    for unit in ("epoch", "uepoch")
}
IN, OUT = Direction.INBOUND, Direction.OUTBOUND


def leg(told: dict[str, str], *profiles: Profile, zone: bool = False) -> Leg:
    return leg_of("x", Record(told, profiles), A, WARSAW if zone else None)


def call(**more: str | None) -> Call:
    return call_of(leg(variables(**more)))


def profile(**names: str) -> Profile:
    return Profile(names, {})


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path)


def test_microseconds_go_before_seconds_and_both_before_clock_times() -> None:
    assert leg(variables(start_epoch="1", start_stamp="nonsense")).start == START * 10**6 + 250_000
    only_seconds = variables(start_uepoch=None, start_stamp="nonsense")
    assert leg(only_seconds).start == START * 10**6


def test_the_callflow_tells_the_times_that_the_variables_do_not() -> None:
    told = read_record(as_json(variables(**NO_EPOCHS), flow()))
    found = leg_of("x", told, A, None)
    assert found.start == START * 10**6 + 250_000
    assert (found.end - found.start, found.talk) == (75_000_000, 59_500_000)


def test_of_several_callflows_the_first_start_and_the_last_end_count() -> None:
    first, second = flow(), flow()
    second["times"] = {
        "created_time": f"{START + 20}000000",
        "hangup_time": f"{START + 90}000000",
        "answered_time": "0",
    }
    first["times"]["hangup_time"] = "0"
    told = read_record(as_json(variables(**NO_EPOCHS, duration=None), second, first))
    found = leg_of("x", told, A, None)
    assert (found.start, found.end) == (START * 10**6 + 250_000, (START + 90) * 10**6)


def test_clock_times_are_of_the_systems_zone() -> None:
    told = variables(
        **NO_EPOCHS,
        start_stamp="2026-03-02 09:00:05",
        answer_stamp="2026-03-02 09:00:15",
        end_stamp="2026-03-02 09:01:20",
    )
    found = leg(told, zone=True)
    assert datetime.fromtimestamp(found.start // 10**6, UTC).hour == 8
    assert (found.end - found.start, found.talk) == (75_000_000, 65_000_000)


def test_a_clock_time_that_comes_twice_leaves_a_note() -> None:
    told = variables(
        **NO_EPOCHS, start_stamp="2026-10-25 02:30:00", end_stamp="2026-10-25 02:31:00"
    )
    (note,) = (each for each in leg(told, zone=True).notes if "02:30:00" in each)
    assert "occurs twice" in note


def test_clock_times_need_the_zone(switch: Switch) -> None:
    bare = flow()
    bare["times"] = {}
    content = as_json(variables(**NO_EPOCHS), bare)
    refused = switch.refused(content)
    assert refused.fault is Fault.BAD_ROW
    assert "--timezone" in refused.reason
    assert not hasattr(switch.of_record(content, zone=WARSAW), "fault")


def test_the_conversation_begins_with_the_bridge() -> None:
    told = call()
    assert (told.talking_ms, told.waiting_ms, told.served_at) == (59_500, 15_500, START + 15)


def test_without_a_bridge_it_begins_with_the_answer() -> None:
    told = call(bridge_epoch="0", bridge_uepoch="0", billsec="65", billmsec=None)
    assert (told.talking_ms, told.waiting_ms, told.served_at) == (65_000, 10_000, START + 10)


def test_what_was_billed_stands_in_for_a_missing_answer() -> None:
    never = {"answer_epoch": "0", "answer_uepoch": "0", "bridge_epoch": "0", "bridge_uepoch": "0"}
    told = call(**never, billsec="30", billusec="30500000")
    assert (told.talking_ms, told.answered_at) == (30_500, START + 44)
    assert call(**never, billsec="0").talking_ms == 0


def test_a_duration_stands_in_for_a_missing_end() -> None:
    told = call(end_epoch=None, end_uepoch=None, duration="75", mduration="74900")
    assert told.hung_up_at == START + 75


def test_a_bridge_outside_of_the_call_is_none() -> None:
    told = call(bridge_epoch=str(START - 100), bridge_uepoch=None, billsec="65")
    assert told.talking_ms == 65_000


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (variables(start_epoch=None, start_uepoch=None, start_stamp=None), "when the call started"),
        (variables(start_uepoch="soon"), "start_uepoch is no whole number"),
        (variables(start_uepoch="-5"), "start_uepoch is no whole number"),
        (variables(start_uepoch="٣"), "start_uepoch is no whole number"),
        (variables(start_uepoch="9" * 21), "start_uepoch is no whole number"),
        (variables(start_uepoch="9" * 20), "outside of the years"),
        (variables(start_uepoch="1"), "outside of the years"),
        (variables(end_uepoch=f"{START - 1}000000"), "ended before it started"),
        (variables(end_uepoch=f"{START + 40 * 86_400}000000"), "after more than"),
        (variables(billsec="many"), "billsec is no whole number"),
        (variables(record_path="/rec/../../etc", record_name="passwd"), "leads upwards"),
        (variables(**NO_EPOCHS, start_stamp="yesterday"), "start_stamp is no date"),
    ],
)
def test_times_and_paths_that_cannot_be_are_refused(
    switch: Switch, told: dict[str, str], says: str
) -> None:
    bare = flow()
    bare["times"] = {}
    refused = switch.refused(as_json(told, bare))
    assert refused.fault is Fault.BAD_ROW
    assert says in refused.reason


@pytest.mark.parametrize(
    ("told", "profiles", "direction"),
    [
        (variables(call_direction="inbound", user_name="101"), (), IN),
        (variables(call_direction="outbound", cc_queue="sales"), (), OUT),
        (variables(call_direction="local"), (), OUT),
        (variables(call_direction="sideways", cc_queue="sales", user_name="101"), (), IN),
        (variables(user_name="101"), (profile(context="public"),), OUT),
        (variables(sip_auth_username="101"), (), OUT),
        (variables(caller_id_number="101"), (profile(context="public"),), IN),
        (variables(caller_id_number="101"), (profile(context="default"),), OUT),
        (variables(caller_id_number="48600100200"), (profile(context="default"),), IN),
        (variables(caller_id_number="+1911"), (), IN),
        (variables(caller_id_number="anonymous"), (), IN),
        (variables(), (), IN),
        (leg_b(user_name="101", caller_id_number="48600100200"), (), IN),
    ],
)
def test_the_direction_is_that_of_the_company(
    told: dict[str, str], profiles: tuple[Profile, ...], direction: Direction
) -> None:
    assert told["direction"] in {"inbound", "outbound"}
    assert direction_of(leg(told, *profiles)) is direction


def test_the_numbers_are_those_before_any_transfer() -> None:
    transferred = (
        profile(caller_id_number="101", destination_number="202"),
        profile(caller_id_number="48600100200", destination_number="48221234567"),
    )
    found = call_of(leg(variables(), *transferred))
    assert (found.from_number, found.to_number) == ("48600100200", "48221234567")


def test_of_a_called_leg_the_numbers_are_those_of_the_channel_that_made_it() -> None:
    made_by = {"caller_id_number": "48600100200", "destination_number": "48221234567"}
    called = Profile({"caller_id_number": "9", "destination_number": "101"}, {}, made_by)
    found = call_of(leg(leg_b(), called))
    assert (found.from_number, found.to_number) == ("48600100200", "48221234567")


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("name", ["originator_caller_profiles", "originator_caller_profile"])
def test_the_channel_that_made_a_leg_may_be_alone_or_in_a_list(name: str, many: bool) -> None:
    called = flow()
    first = {"caller_id_number": "101"}
    called["caller_profile"]["originator"] = {name: [first, {}] if many else first}
    (found,) = read_record(as_json(leg_b(), called)).profiles
    assert found.originator == first


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ({"caller_id_number": "+48 600", "effective_caller_id_number": "9"}, "+48 600"),
        ({"caller_id_number": "unknown", "effective_caller_id_number": "9"}, "9"),
        ({"caller_id_number": "1" * 65, "sip_from_user": "101"}, "101"),
        ({"origination_caller_id_number": "7"}, "7"),
        ({}, None),
    ],
)
def test_the_caller_is_the_first_number_that_is_one(
    told: dict[str, str], number: str | None
) -> None:
    assert call(**told).from_number == number


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ({"caller_destination": "48221", "destination_number": "101"}, "48221"),
        ({"destination_number": "101", "dialed_user": "102"}, "101"),
        ({"dialed_user": "102", "sip_to_user": "103"}, "102"),
        ({"sip_to_user": "103"}, "103"),
        ({}, None),
    ],
)
def test_the_called_number_is_the_first_that_is_one(
    told: dict[str, str], number: str | None
) -> None:
    assert call(**told).to_number == number


def test_the_agent_of_an_inbound_call_is_who_was_called() -> None:
    told = variables(call_direction="inbound", dialed_user="101", user_name="9")
    assert agent_of(leg(told)) == "101"
    assert agent_of(leg({**told, "cc_agent": "7@pbx"})) == "7@pbx"
    assert agent_of(leg(variables(extension="104", call_direction="inbound"))) == "104"


def test_the_agent_of_an_outbound_call_is_who_called() -> None:
    told = variables(call_direction="outbound", dialed_user="101", user_name="9")
    assert agent_of(leg(told)) == "9"
    told = variables(call_direction="outbound", caller_id_number="104")
    assert agent_of(leg(told)) == "104"


def test_a_call_by_a_queue_tells_the_queue_and_the_wait_in_it() -> None:
    told = variables(
        cc_queue="sales@pbx",
        cc_queue_joined_epoch=str(START + 2),
        cc_queue_answered_epoch=str(START + 12),
    )
    assert queue_of(leg(told)) == "sales@pbx"
    assert call_of(leg(told)).first_queue_waiting_ms == 10_000
    for never in ("", "0", "soon", str(START + 900)):
        told["cc_queue_answered_epoch"] = never
        assert call_of(leg(told)).first_queue_waiting_ms is None


def test_the_legs_of_a_call_know_each_other() -> None:
    a, b = leg(variables()), leg(leg_b())
    assert (a.is_b, b.is_b) == (False, True)
    assert claim_of(a).is_of_one_call_with(claim_of(b))
    assert claim_of(b).is_of_one_call_with(claim_of(a))
    stranger = leg(variables(uuid=OTHER, call_uuid=OTHER, bridge_uuid=None))
    assert not claim_of(stranger).is_of_one_call_with(claim_of(a))
    assert (b.call_id, b.bridged_to) == (A, A)
    assert leg(leg_b(call_uuid=None)).call_id == A
    assert leg(variables(cc_side="agent", uuid=B)).is_b
