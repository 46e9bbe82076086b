"""Who may do what, and what each verb makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callreel.archive import delete, find, listen, tag
from callreel.archive.facts import facts_of, facts_reader, is_within
from callreel.audio import AudioKey, Format
from callreel.audio.folder import FolderStore
from callreel.catalog import Kind
from callreel.errors import AudioDamaged, BadRecording, NotAllowed, NotFound, Unavailable
from callreel.model import Access, CallFilter, ListRequest, Named, Reach, Scope, State
from house import CALL, House, sound

Verb = Callable[..., Coroutine[Any, Any, object]]
VERBS: dict[str, tuple[Verb, tuple[object, ...], Scope]] = {
    "page": (find.page, (ListRequest(), b"<"), Scope.READ),
    "count": (find.count, (CallFilter(),), Scope.READ),
    "find": (find.one, ("id",), Scope.READ),
    "names": (find.names, (Kind.TAG,), Scope.READ),
    "listen": (listen.sound_of, ("id",), Scope.LISTEN),
    "peaks": (listen.peaks, ("id",), Scope.LISTEN),
    "delete": (delete.one, ("id",), Scope.MANAGE),
    "set tags": (tag.set_tags, ("id", frozenset()), Scope.MANAGE),
    "create a tag": (tag.create, ("VIP", None), Scope.MANAGE),
}


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_needs_its_scope_and_no_other(house: House, name: str) -> None:
    house.take_in(recording_id="id")
    verb, args, scope = VERBS[name]
    without = Access("k", Reach(1), frozenset(Scope) - {scope})
    with pytest.raises(NotAllowed, match=f"'{scope}'"):
        house.run(verb(house.archive, without, *args))
    assert house.count() == 1
    house.run(verb(house.archive, Access("k", Reach(1), frozenset([scope])), *args))


@pytest.mark.parametrize("name", ["find", "listen", "peaks", "delete", "set tags"])
def test_what_is_out_of_reach_is_not_there(house: House, name: str) -> None:
    house.take_in(recording_id="id")
    verb, args, _ = VERBS[name]
    for reach in (Reach(2), Reach(1, projects=frozenset([99])), Reach(1, users=frozenset())):
        with pytest.raises(NotFound):
            house.run(verb(house.archive, Access("k", reach, frozenset(Scope)), *args))
    assert house.count() == 1


@pytest.mark.parametrize("state", [each for each in State if each is not State.AVAILABLE])
def test_only_a_managing_key_sees_what_is_not_available(house: House, state: State) -> None:
    house.take_in(recording_id="id")
    read = facts_reader(house.archive.bodies)
    house.run(house.archive.catalog.withdraw(Reach(1), "id", state, read))
    others = Access("k", Reach(1), frozenset(Scope) - {Scope.MANAGE})
    verbs: tuple[Verb, ...] = (find.one, listen.sound_of)
    for verb in verbs:
        with pytest.raises(NotFound):
            house.run(verb(house.archive, others, "id"))
    assert house.do(find.one, "id").state is state


def test_tags_are_replaced_in_the_body_and_for_filters(house: House) -> None:
    house.take_in(replace(CALL, tags=(4, 9)), recording_id="id")
    body = house.do(tag.set_tags, "id", frozenset([9]))
    assert house.archive.bodies.parse(body).call == replace(CALL, tags=(9,))
    assert house.do(find.one, "id").body == body
    for tag_id, found in ((4, 0), (9, 1)):
        assert house.do(find.count, CallFilter(tags=(frozenset([tag_id]),))) == found


def test_an_unknown_tag_is_not_given(house: House) -> None:
    before = house.take_in(recording_id="id").body
    with pytest.raises(BadRecording, match="no tag 5") as refused:
        house.do(tag.set_tags, "id", frozenset([8, 5]))
    assert refused.value.field == "tags"
    assert house.do(find.one, "id").body == before
    house.do(tag.create, "VIP", 5)
    house.do(tag.create, "later", 8)
    house.do(tag.set_tags, "id", frozenset([8, 5]))


def test_either_side_finds_a_call_in_any_spelling_and_a_withheld_number_none(house: House) -> None:
    house.take_in(replace(CALL, from_number="+48 600-700-800", to_number=" - "))
    for number, found in (("48600700800", 1), ("", 0)):
        wanted = CallFilter(numbers=(frozenset([number]),))
        assert house.do(find.count, wanted) == found
    assert facts_of(replace(CALL, to_number="00 48 1")).numbers == {"48600700800", "481"}


def test_a_narrowed_reach_holds_calls_that_are_within_in_every_respect() -> None:
    facts = facts_of(CALL)
    assert is_within(Reach(1), facts)
    assert is_within(Reach(1, frozenset([3]), frozenset([7])), facts)
    assert not is_within(Reach(1, frozenset([3]), frozenset([8])), facts)
    assert not is_within(Reach(1, frozenset([4]), frozenset([7])), facts)
    assert not is_within(Reach(1, projects=frozenset([3])), replace(facts, project_id=None))


def test_audio_is_converted_once_and_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = house.do(listen.sound_of, house.id_of(house.take_in()))
    made = house.run(listen.converted(house.archive, heard, Format.WAV))
    assert made.read_bytes()[:4] == b"RIFF"
    assert list((house.root / "tmp").iterdir()) == []

    async def refuse(*_: object) -> None:
        raise AssertionError("it was converted again")

    monkeypatch.setattr(type(house.archive.sound), "convert", refuse)
    assert house.run(listen.converted(house.archive, heard, Format.WAV)) == made


def test_a_conversion_that_fails_leaves_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = house.do(listen.sound_of, house.id_of(house.take_in()))
    before = house.files()

    async def fail(_source: Path, target: Path, _to: Format, _tenant: int) -> None:
        await asyncio.to_thread(target.write_bytes, b"half")
        raise Unavailable("The conversion went over its limits.")

    monkeypatch.setattr(type(house.archive.sound), "convert", staticmethod(fail))
    with pytest.raises(Unavailable):
        house.run(listen.converted(house.archive, heard, Format.OPUS))
    assert house.files() == before


def test_damaged_audio_is_not_converted(house: House) -> None:
    heard = house.do(listen.sound_of, house.id_of(house.take_in()))
    (place,) = [path for path in house.files() if path.suffix == ""]
    place.chmod(0o600)
    place.write_bytes(sound()[:44] + bytes(10))
    before = house.files()
    with pytest.raises(AudioDamaged):
        house.run(listen.converted(house.archive, heard, Format.OPUS))
    assert house.files() == before


def test_names_are_those_of_the_key_s_own_calls(house: House) -> None:
    house.take_in()
    house.take_in(replace(CALL, dialog_id="d-2", project=Named(4, "Other"), user=None))
    narrowed = Access("k", Reach(1, projects=frozenset([3])), frozenset(Scope))
    assert house.run(find.names(house.archive, narrowed, Kind.PROJECT)) == [Named(3, "Orders")]
    assert len(house.do(find.names, Kind.PROJECT)) == 2


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_what_is_deleted_while_it_is_asked_for_is_not_there_and_no_damage(
    house: House, monkeypatch: pytest.MonkeyPatch, *, is_forgotten: bool
) -> None:
    recording_id = house.id_of(house.take_in())
    read = facts_reader(house.archive.bodies)

    async def deleted_meanwhile(_store: FolderStore, _key: AudioKey) -> None:
        catalog, reach = house.archive.catalog, Reach(1)
        await catalog.withdraw(reach, recording_id, State.DELETING, read)
        if is_forgotten:
            await catalog.forget(reach, recording_id)

    monkeypatch.setattr(FolderStore, "size", deleted_meanwhile)
    with pytest.raises(NotFound):
        house.do(listen.sound_of, recording_id)
