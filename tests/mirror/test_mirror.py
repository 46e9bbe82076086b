"""Passes over an account: what is looked at again and when, and what is remembered."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.archive import delete
from callreel.archive.mirror import LATE, gaps
from callreel.archive.verdict import Became
from callreel.client import BadAnswerError, NoAnswerError
from callreel.client.mirror import Pace
from callreel.errors import Misconfigured, Unavailable
from callreel.model import Access, Reach, Scope, Span
from callreel.server import Options
from endpoints.account import NOON, Held, account_of, record
from endpoints.original import PATH, SERVER_FAULT, TOO_OFTEN, Service
from endpoints.scripted import Asked, Reply, ScriptedServer
from mirror.mirrors import LATER, Copy, became
from support import a_call, a_sound, serve

HOUR = 3_600
ADDED, SAME, REFUSED = Became.ADDED, Became.SAME, Became.REFUSED


def service_of(held: Held) -> Service:
    return Service(held.records, held.audio, faults=0, hasty=False)


def fetched(scripted: ScriptedServer) -> Counter[str]:
    return Counter(asked.path for asked in scripted.asked if asked.path != PATH)


@given(
    span=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    noted=st.lists(st.tuples(st.integers(-5, 45), st.integers(0, 9)), max_size=6),
)
def test_gaps_and_what_is_done_make_up_the_span(
    span: tuple[int, int], noted: list[tuple[int, int]]
) -> None:
    done = {at for low, length in noted for at in range(low, low + length)}
    spans: list[Span] = []
    for at in sorted(done):
        if spans and spans[-1].high == at - 1:
            spans[-1] = Span(spans[-1].low, at)
        else:
            spans.append(Span(at, at))
    found = [at for gap in gaps(Span(*span), spans) for at in range(gap.low, gap.high + 1)]
    assert found == [at for at in range(span[0], span[1] + 1) if at not in done]


def test_what_was_copied_whole_is_not_asked_for_again_and_the_last_day_is(
    scripted: ScriptedServer, copy: Copy
) -> None:
    held = account_of([record(0), record(1, at=LATER - HOUR)])
    service = service_of(held)
    scripted.play(service)
    assert became(copy.catch_up()) == [ADDED, ADDED]
    assert fetched(scripted) == {"/files/0.wav": 1, "/files/1.wav": 1}
    scripted.play(service)
    assert became(copy.catch_up()) == [SAME]
    assert fetched(scripted) == {}
    begins = {json.loads(asked.query["filter"])[0]["value"] for asked in scripted.asked}
    assert min(begins) == "2026-03-30 12:00:00"


def test_what_was_deleted_here_is_not_copied_again_until_that_is_lifted(
    scripted: ScriptedServer, copy: Copy
) -> None:
    held = account_of([record(0), record(1)])
    service = service_of(held)
    scripted.play(service)
    catalog = copy.archive.catalog
    first = str(copy.catch_up(now=NOON + HOUR)[0].recording)
    copy.run(delete.one(copy.archive, Access("", Reach(1), frozenset(Scope)), first))
    scripted.play(service)
    assert sorted(became(copy.catch_up())) == sorted([SAME, Became.DELETED])
    assert fetched(scripted) == {}
    assert became(copy.catch_up()) == []
    copy.run(catalog.lift_deletion(1, first))
    assert sorted(became(copy.catch_up())) == sorted([ADDED, SAME])


def test_a_call_that_appears_late_is_found_by_the_pass_after(
    scripted: ScriptedServer, copy: Copy
) -> None:
    held = account_of([record(0), record(1, at=LATER - LATE + 120)])
    service = Service(held.records[:1], held.audio, held.records[1:], faults=0, hasty=False)
    scripted.play(service)
    mirror = copy.mirror()
    assert became(copy.catch_up(mirror)) == [ADDED]
    service.arrive(1)
    assert became(copy.catch_up(mirror, LATER + 60)) == [ADDED]
    assert copy.catch_up(mirror, LATER + 120) == []


def test_another_key_has_an_account_of_its_own(scripted: ScriptedServer, copy: Copy) -> None:
    held = account_of([record(0)])
    scripted.play(service_of(held))
    digest = copy.account().digest
    assert copy.account("other").digest != digest
    copy.catch_up()
    assert copy.run(copy.archive.catalog.mirrored(1, digest)) == [Span(NOON, LATER - LATE)]
    assert copy.run(copy.archive.catalog.mirrored(1, copy.account("other").digest)) == []


def test_what_failed_is_tried_again_after_a_while_that_doubles(
    scripted: ScriptedServer, copy: Copy
) -> None:
    held = account_of([record(0, at=LATER - 60)])
    sound = held.audio.pop("/files/0.wav")
    scripted.play(service_of(held))
    mirror = copy.mirror()
    tried = [now for now in range(0, 500, 10) if copy.catch_up(mirror, LATER + now)]
    assert tried == [0, 60, 180, 420]
    held.audio["/files/0.wav"] = sound
    assert became(copy.catch_up(mirror, LATER + 900)) == [ADDED]


def test_an_old_span_with_a_refusal_is_looked_at_again_once_an_hour(
    scripted: ScriptedServer, copy: Copy
) -> None:
    held = account_of([record(0)])
    sound = held.audio.pop("/files/0.wav")
    scripted.play(service_of(held))
    mirror = copy.mirror()
    assert became(copy.catch_up(mirror)) == [REFUSED]
    held.audio["/files/0.wav"] = sound
    assert copy.catch_up(mirror, LATER + HOUR - 1) == []
    assert became(copy.catch_up(mirror, LATER + HOUR)) == [ADDED]
    done = copy.run(copy.archive.catalog.mirrored(1, copy.account().digest))
    assert done == [Span(NOON, LATER + HOUR - LATE)]


def test_when_the_service_is_away_what_was_taken_in_stays_and_the_next_run_goes_on(
    scripted: ScriptedServer, copy: Copy
) -> None:
    held = account_of(record(n, at=NOON + n * 86_400) for n in range(12))
    service = service_of(held)

    def answer(asked: Asked) -> Reply:
        is_lost = asked.path in {f"/files/{n}.wav" for n in range(6, 12)}
        return SERVER_FAULT if is_lost else service(asked)

    scripted.play(answer)
    with pytest.raises(Unavailable, match="The service gives no audio"):
        copy.catch_up()
    assert {f"r{n}" for n in range(6)} <= copy.listed().keys()
    scripted.play(service)
    copy.catch_up()
    assert copy.digests() == held.digests
    assert fetched(scripted).keys() <= {f"/files/{n}.wav" for n in range(6, 12)}


def test_a_list_that_fails_for_long_ends_the_pass(scripted: ScriptedServer, copy: Copy) -> None:
    scripted.play(lambda _: Reply(b"{", 200))
    with pytest.raises(NoAnswerError):
        copy.catch_up()
    assert len(scripted.asked) == 8
    waits = [each for each in copy.pace.waits if each]
    assert len(waits) == 7
    assert waits == sorted(waits)


def test_a_busy_list_is_asked_again_after_the_time_that_it_names(
    scripted: ScriptedServer, copy: Copy
) -> None:
    turns = iter([TOO_OFTEN, Reply(b"", 503, {"Retry-After": "600"})])
    service = service_of(account_of([record(0)]))
    scripted.play(lambda asked: next(turns, None) or service(asked))
    assert became(copy.catch_up()) == [ADDED]
    assert copy.pace.waits[:2] == [1, 600]


def test_a_service_that_ignores_the_filter_is_told(scripted: ScriptedServer, copy: Copy) -> None:
    rows = [record(n) for n in range(20)]
    scripted.play(lambda _: Reply(json.dumps({"data": rows}).encode()))
    with pytest.raises(BadAnswerError, match="does not heed the filter"):
        copy.catch_up(copy.mirror(NOON - 86_400 * 9))


@pytest.mark.parametrize("answer", [b"[]", b'{"data": 3}', b'{"rows": []}'])
def test_an_answer_of_another_form_ends_the_pass(
    scripted: ScriptedServer, copy: Copy, answer: bytes
) -> None:
    scripted.play(lambda _: Reply(answer))
    with pytest.raises(BadAnswerError):
        copy.catch_up()


def test_what_changed_at_the_service_is_noted_and_the_recording_stays_as_it_was(
    scripted: ScriptedServer, copy: Copy
) -> None:
    held = account_of([record(0, at=LATER - HOUR)])
    scripted.play(service_of(held))
    copy.catch_up()
    before = copy.listed()
    held.records[0]["custom_tag_id_list"] = [1]
    (verdict,) = copy.catch_up()
    assert verdict.became is SAME
    assert verdict.notes == (
        "Its source tells other data of the call by now; what is here stays as it is.",
    )
    assert copy.listed() == before


def test_other_audio_under_the_same_id_is_refused(scripted: ScriptedServer, copy: Copy) -> None:
    held = account_of([record(0, at=LATER - HOUR)])
    scripted.play(service_of(held))
    copy.catch_up()
    held.records[0]["recording_sha256"] = "0" * 64
    (verdict,) = copy.catch_up()
    assert (verdict.became, verdict.reason) == (
        REFUSED,
        "The archive has this recording with other audio, which it keeps.",
    )


@pytest.mark.parametrize("changed", [{}, {"custom_tag_id_list": [1]}])
def test_recordings_without_id_are_the_same_when_they_are_met_again(
    scripted: ScriptedServer, copy: Copy, changed: dict[str, Any]
) -> None:
    rows = [record(n, at=LATER - HOUR, recording_uuid=None, dialog_uuid="d") for n in range(3)]
    held = account_of(rows)
    scripted.play(service_of(held))
    assert became(copy.catch_up()) == [ADDED] * 3
    for row in held.records:
        row.update(changed)
    verdicts = copy.catch_up()
    assert became(verdicts) == [SAME] * 3
    assert all(bool(verdict.notes) is bool(changed) for verdict in verdicts)
    assert len(copy.listed()) == 3


def test_audio_that_is_gone_from_the_store_is_fetched_again(
    scripted: ScriptedServer, copy: Copy
) -> None:
    held = account_of([record(0, at=LATER - HOUR)])
    scripted.play(service_of(held))
    copy.catch_up()
    sound = held.audio["/files/0.wav"]
    (file,) = (each for each in (copy.root / "1").rglob("*") if _bytes(each) == sound)
    file.unlink()
    assert became(copy.catch_up()) == [SAME]
    assert _bytes(file) == sound


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def test_a_mirror_of_a_callreel_under_another_name_takes_its_audio_from_where_it_asks(
    copy: Copy, tmp_path: Path
) -> None:
    with serve(tmp_path / "far", Options(public_url="https://calls.example.org")) as server:
        server.add(a_sound(tmp_path), a_call(recording_uuid="there"))
        copy.url = server.url
        mirror = copy.mirror(None, key=server.keys["all"])
        assert became(copy.catch_up(mirror)) == [ADDED]
    assert copy.listed().keys() == {"there"}


@pytest.mark.parametrize(
    ("url", "key"),
    [("calls.example.org", "k"), ("https://calls.example.org?key=k", "k"), ("http://a", " k")],
)
def test_an_account_that_cannot_be_right_is_told(copy: Copy, url: str, key: str) -> None:
    copy.url = url
    with pytest.raises(Misconfigured):
        copy.account(key)


def test_requests_are_made_at_a_steady_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(2)
    waits: list[float] = []
    monkeypatch.setattr(pace, "wait", waits.append)
    for _ in range(5):
        pace.turn()
    assert [round(each, 1) for each in waits] == [0, 0.5, 1, 1.5, 2]


def test_nobody_waits_any_longer_than_to_the_end() -> None:
    pace = Pace(0.001)
    pace.turn()
    pace.end()
    with pytest.raises(Unavailable):
        pace.turn()
