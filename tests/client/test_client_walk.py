from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterable
from itertools import chain, count, islice
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.client import BadAnswerError, NoAnswerError, Recording
from callreel.client.walk import Window, next_query
from endpoints.original import FAULTS, Original, Record
from endpoints.quick import QuickCallreel
from endpoints.scripted import Asked, Reply, ScriptedServer

PUBLIC = "https://calls.example.org/cdr_dialog_recording"


def numbered(numbers: Iterable[int]) -> list[Record]:
    return [{"recording_uuid": f"r{number}", "talking_time": number} for number in numbers]


def ids(recordings: Iterable[Recording]) -> list[str | None]:
    return [each.recording_uuid for each in recordings]


def page(numbers: Iterable[int], following: str | None = None) -> Reply:
    link = {"Link": f'<{following}>; rel="next"'} if following else {}
    return Reply(json.dumps({"data": numbered(numbers)}).encode(), headers=link)


def by_cursor(total: int, size: int, address: str = PUBLIC) -> Callable[[Asked], Reply]:
    """Answer as a server that gives cursors does, under a public address of its own."""

    def answer(asked: Asked) -> Reply:
        start = int(asked.query.get("cursor") or asked.query.get("offset", "0"))
        end = min(start + size, total)
        if end == total:
            return page(range(start, end))
        return page(range(start, end), f"{address}?{urlencode({'limit': size, 'cursor': end})}")

    return answer


REQUESTS_FAIL = st.lists(
    st.lists(st.sampled_from(FAULTS), max_size=4).map(lambda faults: [*faults, None]), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(
    total=st.integers(0, 60),
    size=st.integers(1, 12),
    arrivals=st.lists(st.integers(0, 30), max_size=20),
    faults=REQUESTS_FAIL,
)
def test_walk_by_offset_gives_each_record_once_while_calls_arrive_and_the_server_fails(
    scripted: ScriptedServer, total: int, size: int, arrivals: list[int], faults: list[list[Reply]]
) -> None:
    fresh = count(1000)
    arriving = [numbered(islice(fresh, min(each, 9 * size))) for each in arrivals]
    scripted.play(Original(numbered(range(total)), arriving, chain.from_iterable(faults)))
    with QuickCallreel(scripted.url, page_size=size) as client:
        got = ids(client.recordings())
    assert len(got) == len(set(got))
    assert set(got) >= {f"r{number}" for number in range(total)}


@settings(max_examples=40, deadline=None)
@given(total=st.integers(0, 60), size=st.integers(1, 12), limit=st.none() | st.integers(0, 70))
def test_walk_by_cursor_gives_all_records_in_order_up_to_the_limit(
    scripted: ScriptedServer, total: int, size: int, limit: int | None
) -> None:
    scripted.play(by_cursor(total, size))
    with QuickCallreel(scripted.url, page_size=size) as client:
        got = ids(client.recordings(limit=limit))
    assert got == [f"r{number}" for number in range(total)][:limit]


def test_walk_by_cursor_asks_no_more_often_than_there_are_pages(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(by_cursor(1500, 500))
    assert len(ids(client.recordings())) == 1500
    assert [asked.query.get("cursor") for asked in scripted.asked] == [None, "500", "1000"]


def test_walk_asks_for_a_page_only_when_it_is_needed(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(by_cursor(1500, 500))
    found = client.recordings()
    assert scripted.asked == []
    ids(islice(found, 500))
    assert len(scripted.asked) == 1


def test_walk_sends_the_key_to_no_other_server_than_its_own(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    other = Original(numbered(range(3)))
    with ScriptedServer(other) as elsewhere:
        scripted.play(by_cursor(6, 3, f"{elsewhere.url}/cdr_dialog_recording"))
        assert len(ids(client.recordings())) == 6
        assert elsewhere.asked == []


def test_walk_refuses_a_page_that_comes_after_itself(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: page(range(3), f"{PUBLIC}?cursor=1"))
    with pytest.raises(BadAnswerError, match="after itself"):
        ids(client.recordings())


def test_walk_refuses_a_server_that_ignores_the_offset(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: page(range(500)))
    with pytest.raises(BadAnswerError, match="whatever the offset"):
        ids(client.recordings())
    assert len(scripted.asked) == 11


@pytest.mark.parametrize(("fresh_page", "is_walked"), [(10, True), (11, False)])
def test_walk_goes_on_over_nine_pages_of_nothing_new(
    scripted: ScriptedServer, client: QuickCallreel, fresh_page: int, is_walked: bool
) -> None:
    def answer(asked: Asked) -> Reply:
        at = int(asked.query.get("offset", "0")) // 500
        if at < fresh_page:
            return page(range(500))
        return page(range(500, 1000) if at == fresh_page else ())

    scripted.play(answer)
    if is_walked:
        assert len(ids(client.recordings())) == 1000
    else:
        with pytest.raises(BadAnswerError, match="whatever the offset"):
            ids(client.recordings())


@pytest.mark.parametrize(
    ("total", "size", "offsets"),
    [
        (0, 3, [None]),
        (2, 3, [None]),
        (3, 3, [None, "3"]),
        (7, 3, [None, "3", "6"]),
        (499, 10_000, [None]),
        (501, 10_000, [None, "501"]),
    ],
)
def test_walk_by_offset_asks_until_a_page_is_not_full(
    scripted: ScriptedServer, total: int, size: int, offsets: list[str | None]
) -> None:
    scripted.play(Original(numbered(range(total))))
    with QuickCallreel(scripted.url, page_size=size) as client:
        assert len(ids(client.recordings())) == total
    assert [asked.query.get("offset") for asked in scripted.asked] == offsets
    assert all(asked.query["limit"] == str(size) for asked in scripted.asked)


def test_recordings_without_id_are_told_apart_by_their_address(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    records: list[Record] = [
        {"recording_url": f"https://h/{number % 3}", "talking_time": number} for number in range(9)
    ]
    scripted.play(Original(records))
    found = [each.talking_time for each in client.recordings()]
    assert found == [0, 1, 2]


def test_a_server_that_gives_less_than_a_large_page_is_read_to_its_end(
    scripted: ScriptedServer,
) -> None:
    original = Original(numbered(range(1700)))

    def at_most_500(asked: Asked) -> Reply:
        limit = min(int(asked.query["limit"]), 500)
        return original(Asked(**{**vars(asked), "query": {**asked.query, "limit": str(limit)}}))

    scripted.play(at_most_500)
    with QuickCallreel(scripted.url, page_size=10_000) as client:
        assert len(ids(client.recordings())) == 1700


def test_walk_gives_up_when_the_server_keeps_failing(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(cut=-1))
    with pytest.raises(NoAnswerError):
        ids(client.recordings())
    assert len(scripted.asked) == 5
    assert client.waits == sorted(client.waits)


def test_recordings_without_any_id_are_all_given(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(Original([{"talking_time": 7}] * 600))
    assert len(list(client.recordings())) == 600


def test_recordings_of_one_dialog_are_told_apart_by_what_else_they_say(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    records = [{"dialog_uuid": "d", "start_time": f"2025-03-01 08:00:0{n % 2}"} for n in range(502)]
    scripted.play(Original(records))
    assert len(list(client.recordings())) == 2


def test_window_forgets_the_oldest_and_keeps_what_was_seen_again() -> None:
    window = Window(2)
    a, b, c = (Recording(recording_uuid=each) for each in "abc")
    assert [window.add(each) for each in (a, b, a, c)] == [True, True, False, True]
    assert [window.add(each) for each in (a, b)] == [False, True]


@pytest.mark.parametrize(
    ("link", "query"),
    [
        (None, None),
        ("", None),
        ("nonsense", None),
        ("<https://h/x?cursor=1>", None),
        ('<https://h/x?cursor=1>; rel="prev"', None),
        ('<https://h/x?offset=500>; rel="next"', None),
        ('<https://h/x?limit=5&cursor=a%2Cb>; rel="next"', "limit=5&cursor=a%2Cb"),
        ("</x?cursor=1>; rel=next", "cursor=1"),
        ("<https://[h?cursor=1#end>; rel=next", "cursor=1"),
        (
            '<https://h/?cursor=0>; rel="prev", <https://h/?cursor=2>; title="x"; rel="last NEXT"',
            "cursor=2",
        ),
    ],
)
def test_next_page_is_read_from_the_link_header(link: str | None, query: str | None) -> None:
    assert next_query(link) == query


def peak_of(client: QuickCallreel, limit: int) -> int:
    """Return how many bytes a walk holds at most, over what was there before."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    read = sum(1 for _ in client.recordings(limit=limit))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == limit
    return peak - before


def wide_page(start: int) -> bytes:
    template = {
        "recording_uuid": "0191f3a4-5c00-8d2e-9b1f-{:012x}",
        "recording_url": f"{PUBLIC}/0191f3a4-5c00-8d2e-9b1f/audio",
        "from_display_target": "48123456789",
        "to_display_target": "48777888999",
        "start_time": "2025-03-01 08:30:00",
        "recording_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    }
    text = json.dumps(template).replace("{:012x}", "%012x")
    return b'{"data":[%s]}' % ",".join(text % each for each in range(start, start + 500)).encode()


def test_walk_by_cursor_holds_no_more_however_long_the_list_is(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    def endless(asked: Asked) -> Reply:
        at = int(asked.query.get("cursor", "0"))
        link = {"Link": f'<{PUBLIC}?cursor={at + 1}>; rel="next"'}
        return Reply(wide_page(at * 500), headers=link)

    scripted.play(endless)
    few = peak_of(client, 2_000)
    assert peak_of(client, 60_000) < 1.3 * few + 100_000


def test_walk_by_offset_holds_a_page_and_a_window_however_long_the_list_is(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda asked: Reply(wide_page(int(asked.query.get("offset", "0")))))
    assert peak_of(client, 60_000) < 8_000_000
