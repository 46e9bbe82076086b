from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import replace

import pytest

from callreel.archive import delete, find, listen
from callreel.archive.take_in import PEAKS, TakenIn, derived_id
from callreel.audio import AudioKey
from callreel.audio.folder import FolderStore
from callreel.catalog import NewEntry, Outcome
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import (
    BadRecording,
    Conflict,
    NotAllowed,
    NotFound,
    StorageFull,
    Unavailable,
    UnsupportedMedia,
)
from callreel.model import (
    Access,
    Call,
    CallFilter,
    ListRequest,
    Reach,
    Scope,
    Span,
)
from house import CALL, EVERYTHING, House, sound


def test_what_was_taken_in_is_listed_and_its_audio_is_what_was_handed_in(house: House) -> None:
    taken = house.take_in()
    assert taken.is_new
    page = house.do(find.page, ListRequest(), b"<")
    assert page.bodies == b"<" + taken.body
    heard = house.do(listen.sound_of, house.id_of(taken))
    assert heard.recording.audio.duration_ms == 200

    async def read() -> bytes:
        size = heard.recording.audio.size
        return b"".join([chunk async for chunk in house.archive.audio.read(heard.key, 0, size)])

    assert house.run(read()) == sound()


def test_the_same_again_changes_nothing_and_answers_with_what_is_there(house: House) -> None:
    first, again = house.take_in(), house.take_in()
    assert (first.is_new, again.is_new) == (True, False)
    assert first.body == again.body
    assert house.count() == 1


def test_the_same_at_the_same_time_is_taken_in_once(house: House) -> None:
    async def play() -> list[TakenIn]:
        return list(await asyncio.gather(*[house.taking_in() for _ in range(8)]))

    taken = house.run(play())
    assert sum(each.is_new for each in taken) == 1
    assert len({each.body for each in taken}) == 1
    assert house.count() == 1


@pytest.mark.parametrize(
    ("call", "audio"),
    [
        (replace(CALL, talking_ms=1), None),
        (replace(CALL, tags=(4,)), None),
        (replace(CALL, waiting_ms=0), None),
        (CALL, sound(2)),
    ],
)
def test_other_content_under_the_same_id_is_a_conflict_and_leaves_nothing(
    house: House, call: Call, audio: bytes | None
) -> None:
    first = house.take_in(recording_id="mine")
    before = house.files()
    with pytest.raises(Conflict):
        house.take_in(call, audio, "mine")
    assert house.do(find.one, "mine").body == first.body
    assert house.files() == before


def test_a_conflict_spares_audio_that_another_recording_has(house: House) -> None:
    house.take_in(recording_id="mine")
    house.take_in(replace(CALL, dialog_id="d-2"), sound(2), "other")
    with pytest.raises(Conflict):
        house.take_in(CALL, sound(2), "mine")
    assert house.do(listen.sound_of, "other").recording.id == "other"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"started_at": 946_684_799}, "started_at"),
        ({"hung_up_at": CALL.started_at - 1}, "hung_up_at"),
        ({"talking_ms": -1}, "talking_ms"),
        ({"waiting_ms": 1 << 53}, "waiting_ms"),
    ],
)
def test_a_call_that_cannot_be_is_refused(house: House, change: dict[str, int], field: str) -> None:
    with pytest.raises(BadRecording) as refused:
        house.take_in(replace(CALL, **change))  # type: ignore[arg-type]  # all are numbers
    assert refused.value.field == field
    assert house.files() == []


NEW_YEAR = 1_767_225_600


@pytest.mark.parametrize(
    ("started_at", "hung_up_at", "talking_ms"),
    [
        (NEW_YEAR - 30, NEW_YEAR + 30, 50_000),
        (NEW_YEAR, NEW_YEAR, 0),
        (NEW_YEAR, NEW_YEAR + 86_400, 86_400_000),
    ],
    ids=["over New Year", "of no length", "of a day"],
)
def test_a_call_that_is_seldom_is_taken_as_it_is(
    house: House, started_at: int, hung_up_at: int, talking_ms: int
) -> None:
    call = replace(CALL, started_at=started_at, hung_up_at=hung_up_at, talking_ms=talking_ms)
    taken = house.take_in(call)
    assert house.archive.bodies.parse(taken.body).call == call
    on_its_day = CallFilter(started=Span(started_at, started_at), hung_up=Span(hung_up_at))
    page = house.do(find.page, ListRequest(on_its_day), b"<")
    assert page.bodies == b"<" + taken.body


@pytest.mark.parametrize(
    ("audio", "error"),
    [
        (b"", UnsupportedMedia),
        (sound()[:44], BadRecording),
        (b"<html><body>hello</body></html>", UnsupportedMedia),
    ],
)
def test_what_is_no_audio_leaves_nothing_behind(
    house: House, audio: bytes, error: type[Exception]
) -> None:
    with pytest.raises((error, BadRecording)):
        house.take_in(audio=audio)
    assert house.files() == []
    assert house.count() == 0


@pytest.mark.parametrize(
    "access",
    [
        Access("k", Reach(1, projects=frozenset([4])), frozenset(Scope)),
        Access("k", Reach(1, users=frozenset()), frozenset(Scope)),
    ],
)
def test_a_narrowed_key_cannot_bring_in_what_it_could_not_see(house: House, access: Access) -> None:
    with pytest.raises(BadRecording, match="outside"):
        house.take_in(access=access)
    assert house.count() == 0


def test_taking_in_needs_its_scope(house: House) -> None:
    reader = Access("k", Reach(1), frozenset([Scope.READ, Scope.LISTEN, Scope.MANAGE]))
    with pytest.raises(NotAllowed, match="ingest"):
        house.take_in(access=reader)


@pytest.mark.parametrize(("code", "error"), [(errno.EIO, Unavailable), (errno.ENOSPC, StorageFull)])
def test_audio_whose_sync_fails_is_not_kept_whatever_a_second_sync_would_say(
    house: House, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    fsync, failed = os.fsync, list[int]()

    def fail_once_for_a_file(descriptor: int) -> None:
        if not failed and stat.S_ISREG(os.fstat(descriptor).st_mode):
            failed.append(descriptor)
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_once_for_a_file)
    with pytest.raises(error):
        house.take_in()
    assert failed
    assert house.files() == []
    assert house.count() == 0
    assert house.take_in().is_new


def test_a_catalog_that_fails_leaves_a_file_but_no_record(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteCatalog, "add", away)
        with pytest.raises(Unavailable):
            house.take_in()
    assert house.count() == 0
    assert house.take_in().is_new, "the file that was left is no hindrance"


def test_the_catalog_hears_of_a_recording_when_its_audio_is_in_its_place(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, found = SqliteCatalog.add, list[int | None]()

    async def look_and_add(
        catalog: SqliteCatalog, tenant: int, entries: Sequence[NewEntry], *, deleted_too: bool
    ) -> list[Outcome]:
        key = AudioKey(tenant, entries[0].digest.hex())
        found.append(await house.archive.audio.size(key))
        return await add(catalog, tenant, entries, deleted_too=deleted_too)

    monkeypatch.setattr(SqliteCatalog, "add", look_and_add)
    house.take_in()
    assert found == [len(sound())]


def test_an_id_is_made_of_the_call_and_the_audio_and_sorts_by_start() -> None:
    start, first, second = 1_774_000_000, "a" * 64, "b" * 64
    ids = [
        derived_id(start, "d-1", "", first),
        derived_id(start, "d-1", "", second),
        derived_id(start, "d-1", "leg", first),
        derived_id(start, "d-2", "", first),
    ]
    later = derived_id(start + 1, "d-1", "", first)
    assert len({*ids, later}) == 5
    assert derived_id(start, "d-1", "", first) == ids[0]
    assert all(each < later for each in ids)
    assert all(each[14] == "8" and each[19] in "89ab" and len(each) == 36 for each in ids)


def test_deleted_audio_is_gone_with_all_that_was_made_of_it(house: House) -> None:
    recording_id = house.id_of(house.take_in())
    house.do(delete.one, recording_id)
    assert house.files() == []
    assert house.count() == 0
    for verb in (find.one, listen.sound_of, delete.one):
        with pytest.raises(NotFound):
            house.do(verb, recording_id)


def test_audio_that_another_recording_has_too_outlives_a_deletion(house: House) -> None:
    first = house.id_of(house.take_in())
    second = house.id_of(house.take_in(replace(CALL, dialog_id="d-2")))
    house.do(delete.one, first)
    assert house.do(listen.sound_of, second).recording.id == second
    house.do(delete.one, second)
    assert house.files() == []


@pytest.mark.parametrize("step", [(SqliteCatalog, "forget"), (FolderStore, "remove")])
def test_a_deletion_cut_short_is_listed_no_more_and_can_be_ended(
    house: House, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]
) -> None:
    recording_id = house.id_of(house.take_in())

    async def away(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(*step, away)
        with pytest.raises(Unavailable):
            house.do(delete.one, recording_id)
    assert house.count() == 0
    house.do(delete.one, recording_id)
    assert house.files() == []
    with pytest.raises(NotFound):
        house.do(delete.one, recording_id)


def test_what_is_taken_in_again_after_a_deletion_that_was_cut_short_is_there(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording_id = house.id_of(house.take_in())

    async def away(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteCatalog, "forget", away)
        with pytest.raises(Unavailable):
            house.do(delete.one, recording_id)
    assert house.take_in().is_new
    assert house.count() == 1
    assert house.do(listen.sound_of, recording_id).recording.id == recording_id
    house.do(delete.one, recording_id)
    assert house.files() == []


def test_audio_taken_in_while_its_like_is_deleted_is_there(house: House) -> None:
    async def play() -> None:
        for round_ in range(15):
            old = await house.taking_in(replace(CALL, dialog_id=f"old-{round_}"))
            old_id = house.id_of(old)
            _, new = await asyncio.gather(
                delete.one(house.archive, EVERYTHING, old_id),
                house.taking_in(replace(CALL, dialog_id=f"new-{round_}")),
            )
            audio = house.archive.bodies.parse(new.body).audio
            assert await house.archive.audio.size(AudioKey(1, audio.sha256)) == audio.size
            await delete.one(house.archive, EVERYTHING, house.id_of(new))

    house.run(play())
    assert house.files() == []


def test_a_waveform_that_was_lost_is_made_again(house: House) -> None:
    recording_id = house.id_of(house.take_in())
    drawn = house.do(listen.peaks, recording_id)
    for path in (house.root / "derived").rglob("*.json"):
        path.unlink()
    assert house.do(listen.peaks, recording_id) == drawn


def test_a_waveform_is_kept_soon_though_nobody_asks_for_it(house: House) -> None:
    audio = house.archive.bodies.parse(house.take_in().body).audio
    kept = house.run(house.archive.audio.derived(AudioKey(1, audio.sha256), PEAKS))
    assert kept is not None
    assert b'"peaks"' in kept.read_bytes()


def test_what_is_done_after_an_answer_is_done_before_all_is_closed(house: House) -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.to_thread(done.append, "work")
        await asyncio.sleep(0)
        done.append("all of it")

    async def begin_and_close() -> None:
        house.archive.afterwards(work())
        await house.archive.close()

    house.run(begin_and_close())
    assert done == ["work", "all of it"]


@pytest.mark.parametrize("error", [StorageFull("no room"), Unavailable("away")])
def test_a_waveform_that_cannot_be_kept_costs_no_recording(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def refuse(*_args: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "keep_derived_all", refuse)
        taken = house.take_in()
    assert house.count() == 1
    assert b'"peaks"' in house.do(listen.peaks, house.id_of(taken))


@pytest.mark.parametrize("harm", ["gone", "short"])
def test_audio_that_is_not_what_it_was_is_not_played(house: House, harm: str) -> None:
    recording_id = house.id_of(house.take_in())
    (place,) = [path for path in house.files() if path.suffix == ""]
    if harm == "gone":
        place.unlink()
    else:
        os.truncate(place, 100)
    with pytest.raises(Unavailable, match="tell the operator"):
        house.do(listen.sound_of, recording_id)
