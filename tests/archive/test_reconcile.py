from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from archive.reconciling import WEEK, entry, fill, recorded, stereo
from callreel.archive import delete
from callreel.archive import reconcile as verb
from callreel.archive.facts import facts_reader
from callreel.archive.keep_call import new_call
from callreel.archive.reconcile import Question, reconcile
from callreel.archive.reconciling import Finding, Kind
from callreel.archive.take_in import PEAKS
from callreel.catalog.deletions import Deletion
from callreel.errors import NotAllowed
from callreel.model import Access, Call, Reach, Scope, Span, State
from house import CALL, House
from house import EVERYTHING as ACCESS

OPENING = b'{"recording_url":"'
MONDAY = 1_772_438_400  # 2026-03-02 08:00:00 UTC
QUESTION = Question(Span(high=CALL.started_at + 3600), ZoneInfo("UTC"), OPENING, tolerance_ms=1_000)


def found_in(
    house: House, question: Question = QUESTION, access: Access = ACCESS
) -> tuple[int, list[Finding]]:
    async def ask() -> tuple[int, list[Finding]]:
        parts = [part async for part in reconcile(house.archive, access, question)]
        findings = [each for part in parts for each in part.findings]
        return sum(part.recordings for part in parts), findings

    return house.run(ask())


def kinds(house: House, question: Question = QUESTION) -> list[Kind]:
    return [each.kind for each in found_in(house, question)[1]]


def test_an_empty_archive_has_nothing_that_does_not_fit(house: House) -> None:
    assert found_in(house) == (0, [])


def test_audio_is_held_against_its_call(house: House) -> None:
    good, short, long = (
        replace(CALL, dialog_id=name, talking_ms=talking)
        for name, talking in (("good", 6_000), ("short", 60_000), ("long", 0))
    )
    for call in (good, short, long):
        house.take_in(call, stereo(0.5, 0.5))
    looked, findings = found_in(house)
    assert looked == 3
    assert [(each.kind, each.dialog, each.expected, each.found) for each in findings] == [
        (Kind.SHORTER, "short", 60_000, 6_000),
        (Kind.LONGER, "long", 0, 6_000),
    ]
    assert all(each.recording and each.started_at == CALL.started_at for each in findings)


def test_pieces_of_a_call_are_taken_together_wherever_a_page_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "PAGE", 1)
    whole = replace(CALL, talking_ms=12_000)
    house.take_in(whole, stereo(0.5, 0.5))
    house.take_in(replace(CALL, dialog_id="other", talking_ms=6_000), stereo(0.3, 0.5))
    house.take_in(whole, stereo(0.5, 0.4))
    house.take_in(replace(CALL, started_at=CALL.started_at + 1, talking_ms=6_000), stereo(0.2, 1))
    assert found_in(house) == (4, [])


def test_silence_is_found_by_the_waveform_that_was_kept_when_it_was_taken_in(house: House) -> None:
    for name, sides in (("silent", (0, 0)), ("one", (0.5, 0)), ("both", (0.5, 0.4))):
        house.take_in(replace(CALL, dialog_id=name, talking_ms=6_000), stereo(*sides))
    found = {each.dialog: each.kind for each in found_in(house)[1]}
    assert found == {"silent": Kind.SILENT, "one": Kind.ONE_SIDED}


def kept_peaks(house: House) -> list[Path]:
    return [each for each in house.files() if each.name.endswith(PEAKS)]


@pytest.mark.parametrize(
    "lose", [Path.unlink, lambda each: each.write_bytes(b""), lambda each: each.write_bytes(b"\0")]
)
def test_a_waveform_that_was_lost_is_made_again_and_kept(
    house: House, lose: Callable[[Path], object]
) -> None:
    house.take_in(replace(CALL, talking_ms=6_000), stereo(0, 0.5))
    (kept,) = kept_peaks(house)
    drawn = kept.read_bytes()
    lose(kept)
    assert kinds(house) == [Kind.ONE_SIDED]
    assert kept.read_bytes() == drawn


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (Path.unlink, "The audio is missing."),
        (lambda each: each.chmod(0o600) or each.write_bytes(b"RIFF"), "The audio cannot be read"),
    ],
)
def test_audio_that_cannot_be_listened_to_is_told_of(
    house: House, spoil: Callable[[Path], object], reason: str
) -> None:
    house.take_in(replace(CALL, talking_ms=6_000), stereo(0, 0.5))
    (peaks,) = kept_peaks(house)
    peaks.unlink()
    (audio,) = [each for each in house.files() if len(each.name) == 64]
    spoil(audio)
    (finding,) = found_in(house)[1]
    assert (finding.kind, finding.reason.startswith(reason)) == (Kind.UNREADABLE, True)


def add_calls(house: House, *calls: Call) -> None:
    made = [new_call(house.archive.bodies, call, "freepbx") for call in calls]
    house.run(house.archive.catalog.add_calls(1, made))


@pytest.mark.parametrize("page", [1, 500])
def test_a_call_that_was_talked_and_not_recorded_is_told_of(
    house: House, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(verb, "PAGE", page)
    house.take_in(replace(CALL, dialog_id="recorded", talking_ms=6_000), stereo(0.5, 0.5))
    add_calls(
        house,
        replace(CALL, dialog_id="recorded", talking_ms=6_000),
        replace(CALL, dialog_id="missed", talking_ms=0),
        replace(CALL, dialog_id="talked", talking_ms=1_500),
        replace(CALL, dialog_id="later", started_at=CALL.started_at + 9, talking_ms=1),
    )
    looked, findings = found_in(house)
    assert looked == 1
    assert [(each.kind, each.dialog, each.expected) for each in findings] == [
        (Kind.UNRECORDED, "talked", 1_500),
        (Kind.UNRECORDED, "later", 1),
    ]
    assert findings[0].reason == "The talk lasted 1.5 s, and there is no recording of it."


def test_a_call_whose_recording_was_deleted_lacks_none_and_one_whose_recording_is_back_neither(
    house: House,
) -> None:
    talked = replace(CALL, dialog_id="deleted", talking_ms=6_000)
    told = replace(talked, dialog_id="told before", started_at=CALL.started_at + 1)
    add_calls(house, told, replace(talked, dialog_id="missed", talking_ms=1_500))
    ids = [house.id_of(house.take_in(each, stereo(0.5, 0.5))) for each in (talked, told)]
    for recording in ids:
        house.do(delete.one, recording)
    assert [each.dialog for each in found_in(house)[1]] == ["missed"]
    for call in (talked, told):
        house.take_in(call, stereo(0.5, 0.5))
    assert [each.dialog for each in found_in(house)[1]] == ["missed"]


@pytest.mark.parametrize("is_lifted", [True, False])
def test_a_recording_that_came_back_is_missed_when_it_is_lost_later(
    house: House, is_lifted: bool
) -> None:
    call, sound = replace(CALL, talking_ms=6_000), stereo(0.5, 0.5)
    recording = house.id_of(house.take_in(call, sound))
    house.do(delete.one, recording)
    assert kinds(house) == []
    if is_lifted:
        house.run(house.archive.catalog.lift_deletion(1, recording))
        assert kinds(house) == [Kind.UNRECORDED]  # until it is there
    assert house.id_of(house.take_in(call, sound)) == recording
    assert kinds(house) == []
    read = facts_reader(house.archive.bodies)
    house.run(house.archive.catalog.withdraw(Reach(1), recording, State.MISSING_AUDIO, read))
    assert kinds(house) == [Kind.UNRECORDED]


def test_a_call_is_not_missed_a_recording_of_whose_deletion_a_list_tells(house: House) -> None:
    talked, other = (replace(CALL, dialog_id=name, talking_ms=6_000) for name in ("a", "b"))
    add_calls(house, talked, other)
    gone = Deletion(1, "gone", 1, (talked.started_at, talked.dialog_id))
    house.run(delete.again(house.archive, [replace(gone, call=None)]))
    assert [each.dialog for each in found_in(house)[1]] == ["a", "b"]
    for elsewhere in ((talked.started_at + 1, "a"), (0, "a"), (1 << 40, "a"), (1, "")):
        house.run(delete.again(house.archive, [replace(gone, call=elsewhere)]))
    assert [each.dialog for each in found_in(house)[1]] == ["a", "b"]
    for _ in range(2):
        house.run(delete.again(house.archive, [gone]))
        assert [each.dialog for each in found_in(house)[1]] == ["b"]
    house.run(house.archive.catalog.lift_deletion(1, gone.id))
    assert [each.dialog for each in found_in(house)[1]] == ["a", "b"]


def test_a_call_of_which_a_piece_was_deleted_is_not_too_short(house: House) -> None:
    whole = replace(CALL, talking_ms=12_000)
    sounds = [stereo(0.5, 0.5), stereo(0.5, 0.4)]
    first, second = (house.id_of(house.take_in(whole, each)) for each in sounds)
    other = replace(whole, dialog_id="short")
    house.take_in(other, sounds[0])
    house.do(delete.one, first)
    assert [(each.kind, each.dialog) for each in found_in(house)[1]] == [(Kind.SHORTER, "short")]
    house.take_in(whole, sounds[0])
    house.do(delete.one, second)
    house.do(delete.one, first)
    assert [each.dialog for each in found_in(house)[1]] == ["short"]


def test_a_recording_of_which_only_its_file_tells_lacks_its_call(house: House) -> None:
    calls = [replace(CALL, dialog_id=name, talking_ms=6_000) for name in ("yes", "no", "unknown")]
    audio = recorded(house, stereo(0.5, 0.5), CALL.started_at - 60)
    told = dict(zip(calls, (True, False, None), strict=True))
    entries = [replace(entry(house, call, audio), has_call_record=told[call]) for call in calls]
    house.run(house.archive.catalog.add(1, entries))
    looked, (finding,) = found_in(house)
    assert looked == 4
    assert (finding.kind, finding.recording, finding.dialog) == (Kind.UNCALLED, "no", "no")
    assert finding.reason.startswith("No call record tells of its call")
    assert found_in(house, replace(QUESTION, needs_call=False)) == (4, [])
    house.do(delete.one, "no")
    assert found_in(house) == (3, [])


def test_calls_without_recording_are_calls_when_hours_are_counted(house: House) -> None:
    moments = ten_an_hour(MONDAY, 5)
    add_calls(
        house,
        *(
            replace(CALL, dialog_id=f"d-{at}", started_at=at, hung_up_at=at, talking_ms=0)
            for at in moments
        ),
    )
    last = MONDAY + 5 * WEEK
    question = replace(QUESTION, started=Span(MONDAY, last + 86_399))
    assert kinds(house, question) == [Kind.GAP]


def ten_an_hour(first: int, weeks: int, hours: int = 2) -> list[int]:
    return [
        first + week * WEEK + hour * 3600 + number * 300
        for week in range(weeks)
        for hour in range(hours)
        for number in range(10)
    ]


def test_hours_without_their_usual_calls_are_a_gap(house: House) -> None:
    audio = recorded(house, stereo(0.5, 0.5), MONDAY - 3600)
    fill(house, ten_an_hour(MONDAY, 5), audio)
    last = MONDAY + 5 * WEEK
    question = replace(QUESTION, started=Span(last, last + 86_399))
    (gap,) = found_in(house, question)[1]
    assert gap == Finding(
        kind=Kind.GAP,
        started_at=last,
        ended_at=last + 7200,
        reason="Usually 20 calls begin in this time; 0 are there.",
        expected=20,
        found=0,
    )
    assert kinds(house, replace(question, started=Span(MONDAY, last - 1))) == []
    assert kinds(house, replace(question, started=Span(last, last + 1800))) == []


def test_before_four_weeks_of_calls_nothing_is_usual(house: House) -> None:
    audio = recorded(house, stereo(0.5, 0.5), MONDAY - 3600)
    fill(house, ten_an_hour(MONDAY, 3), audio)
    last = MONDAY + 3 * WEEK
    assert kinds(house, replace(QUESTION, started=Span(last, last + 86_399))) == []


def test_usual_hours_are_those_of_the_clock_when_it_was_put_forward(house: House) -> None:
    audio = recorded(house, stereo(0.5, 0.5), MONDAY - 3600)
    before = ten_an_hour(MONDAY, 4)  # 09:00 and 10:00 in Warsaw, up to 2026-03-23
    after = [start + 4 * WEEK - 3600 for start in ten_an_hour(MONDAY, 1)]  # the same in summer
    fill(house, before + after, audio)
    day = Span(MONDAY + 4 * WEEK - 8 * 3600, MONDAY + 4 * WEEK + 8 * 3600)
    question = replace(QUESTION, started=day)
    assert kinds(house, replace(question, zone=ZoneInfo("Europe/Warsaw"))) == []
    assert kinds(house, question) == [Kind.GAP]


def test_only_the_tenant_and_the_time_that_are_asked_for_are_looked_at(house: House) -> None:
    house.run(house.archive.catalog.add_tenant("two"))
    audio = recorded(house, stereo(0, 0))
    call = replace(CALL, dialog_id="late", started_at=MONDAY, hung_up_at=MONDAY + 6)
    house.run(house.archive.catalog.add(1, [entry(house, call, audio)]))
    assert found_in(house, replace(QUESTION, started=Span(MONDAY, MONDAY)))[0] == 1
    assert found_in(house, replace(QUESTION, started=Span(MONDAY + 1, MONDAY + 9)))[0] == 0
    assert found_in(house, access=Access("k", Reach(2), frozenset(Scope))) == (0, [])


def test_who_may_not_listen_may_not_reconcile(house: House) -> None:
    with pytest.raises(NotAllowed):
        found_in(house, access=Access("k", Reach(1), frozenset({Scope.READ})))
