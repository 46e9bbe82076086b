"""What was deleted stays deleted, whatever meets it again, until somebody sends it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Sequence
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from archive.imports import found, imported, name_of, taken_in, tally
from archive.watching import aged, looked, watch_of
from callreel.archive import delete, imports
from callreel.archive.facts import facts_reader
from callreel.archive.foresee import Foreseer
from callreel.archive.take_in_batch import take_in_batch
from callreel.archive.verdict import Became, Verdict
from callreel.archive.watch import Folder, IsNews, Watch
from callreel.catalog import NewEntry, Outcome
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import NotFound, Unavailable
from callreel.importers.formats import Importer
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Candidate
from callreel.model import EVERY_CALL, ListRequest, Reach, State
from house import CALL, House, sound
from importers.monitor import put, source, wav

OTHERS = {Became.SAME: 2}
EVERY, OPENING = ListRequest(EVERY_CALL), b'{"recording_url":"'


def foreseen(house: House, candidates: Sequence[Candidate]) -> list[Verdict]:
    archive = house.archive
    foreseer = Foreseer(archive.sound, archive.bodies, archive.catalog, 1)

    async def play() -> list[Verdict]:
        return [verdict async for verdict in foreseer.verdicts(candidates)]

    return house.run(play())


@pytest.fixture
def first(house: House, root: Path) -> str:
    """The id of a recording that was imported with two others."""
    return str(imported(house, root)[0].recording)


def state_of(house: House, recording: str) -> State:
    return house.run(house.archive.catalog.find(Reach(1), recording)).state


def test_an_import_leaves_out_what_was_deleted_and_does_not_touch_its_audio(
    house: House, root: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.do(delete.one, first)
    files = house.files()
    ahead = foreseen(house, found(root))
    monkeypatch.setattr(house.archive.audio, "stage", None)
    again = imported(house, root)
    assert ahead == again
    assert tally(again) == {Became.DELETED: 1, **OTHERS}
    assert (again[0].recording, again[0].fault) == (first, None)
    assert str(again[0].reason).startswith("It was deleted here")
    assert house.files() == files
    assert house.count() == 2
    (_, item), *_ = house.run(house.archive.catalog.import_items(2, 0, 9))
    assert (item.became, item.recording) == ("deleted_before", first)


def test_its_call_stays_as_it_was_left(house: House, root: Path, first: str) -> None:
    house.do(delete.one, first)
    imported(house, root)
    assert house.run(house.archive.catalog.count(Reach(1), EVERY_CALL)) == 3


def test_only_the_tenant_that_deleted_it_keeps_it_out(house: House, root: Path, first: str) -> None:
    house.run(house.archive.catalog.add_tenant("two"))
    house.do(delete.one, first)

    async def of_the_other() -> list[Verdict]:
        made = take_in_batch(house.archive, 2, found(root))
        return [verdict async for group in made for verdict in group]

    assert tally(house.run(of_the_other())) == {Became.ADDED: 3}
    assert tally(imported(house, root)) == {Became.DELETED: 1, **OTHERS}


def test_what_is_sent_by_hand_is_there_again(house: House) -> None:
    recording = house.id_of(house.take_in())
    house.do(delete.one, recording)
    assert house.take_in().is_new
    assert not house.take_in().is_new
    assert house.count() == 1
    assert house.run(house.archive.catalog.deletions(1, (0, ""), 9)) == []


def test_what_an_import_brought_may_be_sent_again_too(house: House, root: Path, first: str) -> None:
    house.do(delete.one, first)
    house.take_in(CALL, sound(), first)
    (verdict, *_) = imported(house, root)
    assert verdict.became is not Became.DELETED
    assert house.count() == 3


def test_a_deletion_that_was_lifted_is_none_any_more(house: House, root: Path, first: str) -> None:
    house.do(delete.one, first)
    house.run(house.archive.catalog.lift_deletion(1, first))
    assert tally(imported(house, root)) == {Became.ADDED: 1, **OTHERS}
    for tenant, recording in ((1, first), (2, first)):
        with pytest.raises(NotFound):
            house.run(house.archive.catalog.lift_deletion(tenant, recording))


@pytest.mark.parametrize("state", [State.SUSPECT, State.MISSING_AUDIO, State.QUARANTINED])
def test_a_call_stays_listed_whatever_its_deleted_recording_was_like(
    house: House, root: Path, first: str, state: State
) -> None:
    catalog = house.archive.catalog
    before = house.run(catalog.page(Reach(1), EVERY, OPENING))
    house.run(catalog.withdraw(Reach(1), first, state, facts_reader(house.archive.bodies)))
    assert house.run(catalog.count(Reach(1), EVERY_CALL)) == 2
    house.do(delete.one, first)
    after = house.run(catalog.page(Reach(1), EVERY, OPENING))
    told, was = (json.loads(b"[" + each.bodies + b"]") for each in (after, before))
    assert [each["dialog_uuid"] for each in told] == [each["dialog_uuid"] for each in was]
    assert [each["recording_uuid"] is None for each in told] == [True, False, False]
    undone(house, 1)
    assert house.run(catalog.count(Reach(1), EVERY_CALL)) == 0


@pytest.mark.parametrize(
    "damaged",
    [
        "DELETE FROM withdrawn",
        "UPDATE withdrawn SET body = x'00'",
        "UPDATE withdrawn SET body = CAST(replace(body, '019cad', '019cae') AS BLOB)",
        "UPDATE withdrawn SET body = CAST(replace(body, '03-02 08:', '03-02 07:') AS BLOB)",
    ],
)
def test_a_recording_whose_record_is_damaged_can_be_deleted_and_leaves_no_call(
    house: House, tmp_path: Path, first: str, damaged: str
) -> None:
    read = facts_reader(house.archive.bodies)
    house.run(house.archive.catalog.withdraw(Reach(1), first, State.SUSPECT, read))
    with closing(apsw.Connection(str(tmp_path / "callreel.db"))) as connection:
        connection.execute(damaged)
        assert connection.changes() == 1
    house.do(delete.one, first)
    assert house.run(house.archive.catalog.count(Reach(1), EVERY_CALL)) == 2
    assert house.run(house.archive.catalog.is_deleted(1, first))


def undone(house: House, number: int) -> None:
    async def play() -> None:
        async with aclosing(imports.undo(house.archive, number, touched_too=True)) as outcomes:
            async for _ in outcomes:
                pass

    house.run(play())


def test_what_was_undone_comes_again_and_what_was_deleted_before_does_not(
    house: House, root: Path, first: str
) -> None:
    house.do(delete.one, first)
    undone(house, 1)
    assert house.count() == 0
    assert tally(imported(house, root)) == {Became.DELETED: 1, Became.ADDED: 2}


def cut_short(house: House, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Let a deletion end after it left the lists."""

    async def away(*_: object) -> None:
        await asyncio.sleep(0)
        raise Unavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteCatalog, "forget", away)
        with pytest.raises(Unavailable):
            work()


def test_a_deletion_that_was_cut_short_is_one(
    house: House, root: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_short(house, monkeypatch, lambda: house.do(delete.one, first))
    assert tally(foreseen(house, found(root))) == {Became.DELETED: 1, **OTHERS}
    assert tally(imported(house, root)) == {Became.DELETED: 1, **OTHERS}
    assert state_of(house, first) is State.DELETING
    house.do(delete.one, first)
    assert tally(imported(house, root)) == {Became.DELETED: 1, **OTHERS}


def test_what_is_deleted_while_its_import_is_undone_stays_deleted(
    house: House, root: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_short(house, monkeypatch, lambda: undone(house, 1))
    assert state_of(house, first) is State.DELETING
    house.do(delete.one, first)
    assert imported(house, root)[0].became is Became.DELETED


def test_what_is_deleted_while_an_import_puts_back_its_audio_stays_deleted(
    house: House, root: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = house.archive
    digest = house.run(archive.catalog.find(Reach(1), first)).digest.hex()
    (lost,) = [each for each in house.files() if each.name == digest]
    lost.unlink()
    add, read = archive.catalog.add, facts_reader(archive.bodies)

    def remains(body: bytes) -> bytes:
        return archive.bodies.render_unrecorded(archive.bodies.parse(body).call)

    async def deleted_just_before(tenant: int, entries: Sequence[NewEntry]) -> list[Outcome]:
        assert lost.exists()
        await archive.catalog.delete(Reach(1), first, read, remains, 1)
        return await add(tenant, entries)

    monkeypatch.setattr(archive.catalog, "add", deleted_just_before)
    assert tally(house.run(taken_in(archive, found(root)))) == {Became.DELETED: 1, **OTHERS}
    assert not any(digest in str(each) for each in house.files())
    house.do(delete.one, first)
    assert house.count() == 2


def test_audio_that_came_while_its_recording_was_deleted_does_not_stay(
    house: House, root: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is there any more when it is looked for, and the deletion not yet known."""
    house.do(delete.one, first)
    files = house.files()
    is_deleted, has_id_like = house.archive.catalog.is_deleted, house.archive.catalog.has_id_like

    async def not_yet(*_: object) -> bool:
        await asyncio.sleep(0)
        return False

    monkeypatch.setattr(house.archive.catalog, "is_deleted", not_yet)
    monkeypatch.setattr(house.archive.catalog, "has_id_like", not_yet)
    assert imported(house, root)[0].became is Became.DELETED
    assert house.files() == files
    assert house.run(is_deleted(1, first))
    assert house.run(has_id_like(1, first))


def test_audio_that_another_recording_has_stays_when_its_like_is_left_out(
    house: House, root: Path
) -> None:
    put(root, name_of(7), wav(60, tone=0))
    ids = [str(verdict.recording) for verdict in imported(house, root)]
    house.do(delete.one, ids[0])
    assert tally(imported(house, root)) == {Became.DELETED: 1, Became.SAME: 3}
    (twin,) = [each for each in ids[1:] if digest_of(house, each) == digest_of(house, ids[3])]
    house.do(delete.one, twin)
    assert tally(imported(house, root)) == {Became.DELETED: 2, Became.SAME: 2}


def digest_of(house: House, recording: str) -> bytes:
    return house.run(house.archive.catalog.find(Reach(1), recording)).digest


def far(candidate: Candidate, opened: list[str]) -> Candidate:
    """Return a candidate whose audio has to be fetched."""

    def fetch() -> io.BytesIO:
        opened.append(candidate.where)
        with candidate.open() as file:
            return io.BytesIO(file.read())

    return replace(candidate, is_remote=True, path=None, size=None, open=fetch)


def test_what_is_fetched_from_afar_is_known_by_its_audio_and_not_measured(
    house: House, root: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.do(delete.one, first)
    files = house.files()
    candidates = [far(each, []) for each in found(root)]
    assert tally(foreseen(house, candidates)) == {Became.DELETED: 1, **OTHERS}
    measured: list[Path] = []
    inspect = house.archive.sound.inspect

    async def noted(path: Path) -> object:
        measured.append(path)
        return await inspect(path)

    monkeypatch.setattr(house.archive.sound, "inspect", noted)
    verdicts = house.run(taken_in(house.archive, candidates))
    assert tally(verdicts) == {Became.DELETED: 1, **OTHERS}
    assert len(measured) == 2
    assert house.files() == files


def test_what_has_its_id_from_its_source_is_not_even_opened(house: House, root: Path) -> None:
    opened: list[str] = []
    named = [replace(far(each, opened), id=f"own-{each.where[-5]}") for each in found(root)]
    house.run(taken_in(house.archive, named))
    house.do(delete.one, "own-1")
    opened.clear()
    assert tally(house.run(taken_in(house.archive, named))) == {Became.DELETED: 1, **OTHERS}
    assert tally(foreseen(house, named)) == {Became.DELETED: 1, **OTHERS}
    assert opened == []


def test_a_watched_file_whose_recording_was_deleted_stays_where_it_is(
    house: House, root: Path, tmp_path: Path
) -> None:
    def importer(is_news: IsNews) -> Importer:
        return FreePbx(replace(source(root), is_news=is_news))

    watch = watch_of(house, "freepbx", source(root))
    assert {each for _, each in looked(house, watch)} == {Became.ADDED}
    recordings = house.run(house.archive.catalog.brought(1))
    house.do(delete.one, recordings[0].id)
    path = aged(root / "2026/03/02" / name_of(0), 4_000)
    folder = Folder(root, "freepbx", importer, tmp_path / "done")
    again = Watch(house.archive, 1, folder)
    assert [became for _, became in looked(house, again)] == [Became.DELETED]
    assert path.exists()
    assert looked(house, again) == []
