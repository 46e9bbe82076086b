"""Whatever call records hold: one verdict a row, and calls that could have been."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from callreel.archive.take_in import check_call
from callreel.importers.asterisk.calls import AsteriskCall
from callreel.importers.asterisk.ids import AudioName
from callreel.importers.asterisk.matching import Calls, Wanted
from callreel.importers.items import Item, Refusal
from callreel.importers.table import TableRow
from importers.asterisk_rows import EPOCH, SOUND, WARSAW

IDS = st.sampled_from([f"{EPOCH}.1", f"pbx-{EPOCH}.1", f"{EPOCH + 9}.2", f"{EPOCH - 9}.0", ""])
CHANNELS = st.sampled_from(
    ["PJSIP/101-00000001", "PJSIP/carrier-00000002", "Local/102@q-00000001;2", ""]
)
CELLS = st.fixed_dictionaries(
    {
        "uniqueid": IDS,
        "linkedid": IDS,
        "channel": CHANNELS,
        "dstchannel": CHANNELS,
        "start": st.sampled_from(["2026-03-02 09:00:05", "2026-03-02 09:00:40", "2026", ""]),
        "duration": st.integers(0, 400).map(str),
        "billsec": st.integers(0, 400).map(str),
        "disposition": st.sampled_from(["ANSWERED", "NO ANSWER", "BUSY", "8", "", "?"]),
        "lastapp": st.sampled_from(["Dial", "Queue", "VoiceMail"]),
        "dst": st.sampled_from(["101", "s", "h", ""]),
        "userfield": st.sampled_from(["", "audio:call.wav", "101"]),
    }
)
NAMES = [AudioName.of(name) for name in (f"{EPOCH}.1.wav", "call.wav", f"{EPOCH + 9}.2-in.wav")]


def read(rows: list[dict[str, str]]) -> tuple[Calls, list[Item]]:
    """Read rows that are in no file."""

    def numbered() -> Iterator[TableRow]:
        return (TableRow(number, SOUND | cells) for number, cells in enumerate(rows, start=1))

    wanted = Wanted()
    for name in NAMES:
        wanted.want(name, EPOCH)
    calls = Calls(WARSAW, "asterisk")
    return calls, list(calls.read("cdr", numbered, wanted))


@given(st.lists(CELLS, max_size=12))
def test_every_row_has_one_verdict_and_every_call_could_have_been(
    rows: list[dict[str, str]],
) -> None:
    calls, items = read(rows)
    for name in NAMES:
        found = calls.of(name, "call.wav")
        if found is None or isinstance(found, Refusal):
            continue
        call = found.call(name)
        check_call(call)
        assert call.talking_ms <= (call.hung_up_at - call.started_at) * 1000
        assert (call.waiting_ms is None) == (call.answered_at is None)
        found.agent(name)
        found.notes()
    # The row that tells of a call without recording comes when all of the call's have been read.
    items += calls.of_shared()
    lines = sorted(int(item.where.removeprefix("cdr:")) for item in items)
    assert lines == list(range(1, len(rows) + 1))


def told(rows: list[dict[str, str]]) -> list[object]:
    """Return what becomes of each recording."""
    calls, _ = read(rows)
    found = [calls.of(name, "call.wav") for name in NAMES]
    return [
        (each.call(name), each.agent(name), each.queue)
        if isinstance(each, AsteriskCall)
        else type(each)
        for name, each in zip(NAMES, found, strict=True)
    ]


@given(st.lists(CELLS, max_size=8))
def test_neither_the_order_of_rows_nor_a_second_copy_matters(rows: list[dict[str, str]]) -> None:
    assert told(rows) == told([*reversed(rows), *rows])
