"""Legs of calls without recording are put together, while rows come and few calls are held."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from callreel.importers.items import Fault, Item, Refusal, Row, RowUse
from callreel.importers.open_calls import MOST_LEGS, OpenCalls
from callreel.model import Call, DialogType, Direction

Legs = list[str]


def tell(legs: Legs) -> Row:
    call = Call(
        dialog_id="+".join(legs),
        dialog_type=DialogType.CONSULTANT,
        direction=Direction.INBOUND,
        started_at=0,
        hung_up_at=len(legs),
        talking_ms=0,
    )
    return Row("", RowUse.UNRECORDED, call, "agent", "queue", "source")


def row(where: str) -> Row:
    return Row(where, RowUse.UNRECORDED)


def put_together(rows: list[tuple[str, bool]], most: int) -> list[Item]:
    """Take rows, each a key and whether it names a recording, named by their numbers."""
    calls = OpenCalls[str](tell, most)
    items: list[Item] = []
    for number, (key, is_recorded) in enumerate(rows):
        if is_recorded:
            items += [*calls.note_recorded(key), Row(str(number), RowUse.JOINED)]
        else:
            items += calls.take(key, str(number), row(str(number)))
    return [*items, *calls.rest()]


def dialogs(items: list[Item]) -> list[str]:
    return [each.call.dialog_id for each in items if isinstance(each, Row) and each.call]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans())))
def test_all_legs_of_a_call_become_one_unless_one_was_recorded(
    rows: list[tuple[str, bool]],
) -> None:
    items = put_together(rows, most=4)
    assert sorted(int(each.where) for each in items) == list(range(len(rows)))
    legs: dict[str, Legs] = defaultdict(list)
    for number, (key, _) in enumerate(rows):
        legs[key].append(str(number))
    recorded = {key for key, is_recorded in rows if is_recorded}
    silent = ["+".join(each) for key, each in legs.items() if key not in recorded]
    assert sorted(dialogs(items)) == sorted(silent)
    joined = {each.where for each in items if isinstance(each, Row) and each.use is RowUse.JOINED}
    assert joined <= {each for key in recorded for each in legs[key]}
    assert joined >= {legs[key][0] for key in recorded}
    assert joined >= {str(number) for number, (_, is_recorded) in enumerate(rows) if is_recorded}


def test_the_call_that_was_quiet_for_longest_is_finished_where_too_many_are_held() -> None:
    rows = [(key, False) for key in "abacab"]
    assert dialogs(put_together(rows, most=2)) == ["1", "3", "0+2+4", "5"]


def test_the_legs_of_a_call_that_are_held_are_bounded() -> None:
    (whole,) = dialogs(put_together([("a", False)] * (MOST_LEGS + 5), most=2))
    assert len(whole.split("+")) == MOST_LEGS


def test_a_refused_row_keeps_its_reason_and_gets_the_call() -> None:
    calls = OpenCalls[str](tell)
    missing = Refusal("1", Fault.NO_AUDIO, "Gone.")
    assert not list(calls.take("a", "1", missing))
    (item,) = calls.rest()
    assert isinstance(item, Refusal)
    assert (item.fault, item.reason, item.agent, item.queue, item.source) == (
        Fault.NO_AUDIO, "Gone.", "agent", "queue", "source",
    )  # fmt: skip
    assert item.call is not None
    assert item.call.dialog_id == "1"
    assert not list(calls.take("b", "2", missing))
    assert list(calls.note_recorded("b")) == [missing]
