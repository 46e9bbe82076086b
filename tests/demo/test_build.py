from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import pytest

from callreel.api.wire import Bodies
from callreel.archive import Archive, find
from callreel.archive.keys import KeyRing
from callreel.audio import AudioKey
from callreel.catalog import Kind
from callreel.demo.build import Demo, build, clear, finished
from callreel.demo.people import TAGS
from callreel.errors import Misconfigured, StorageFull
from callreel.model import ListRequest, Named, Recording, Scope
from callreel.settings import Settings
from callreel.wiring import LOCK, open_archive

NOW = 1_795_939_920  # of so few calls a dozen are short enough then to be heard out
CALLS = 120
VOICED = 12
MADE = Demo(built_at=0, key="cr_one", other_key="cr_two", recording_id="0191-a")
T = TypeVar("T")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Demo]:
    data = tmp_path_factory.mktemp("demo")
    settings = Settings(data=data, free_space_reserve=0)
    return data, asyncio.run(build(settings, now=NOW, calls=CALLS, voiced=VOICED))


def ask(data: Path, question: Callable[[Archive], Awaitable[T]]) -> T:
    """Open the archive for one question."""

    async def run() -> T:
        archive = open_archive(Settings(data=data))
        try:
            return await question(archive)
        finally:
            await archive.close()

    return asyncio.run(run())


def recordings(data: Path, key: str) -> list[Recording]:
    """Return all recordings that a key reaches, in the list's order."""

    async def question(archive: Archive) -> list[Recording]:
        access = await KeyRing(archive.catalog).recognise(key)
        opening = Bodies().opening("http://localhost")
        page = await find.page(archive, access, ListRequest(limit=10_000), opening)
        ids = [row["recording_uuid"] for row in json.loads(b"[" + page.bodies + b"]")]
        return [archive.bodies.parse((await find.one(archive, access, each)).body) for each in ids]

    return ask(data, question)


def test_both_tenants_together_have_all_calls(demo: tuple[Path, Demo]) -> None:
    data, made = demo
    sizes = [len(recordings(data, key)) for key in (made.key, made.other_key)]

    assert sum(sizes) == CALLS
    assert min(sizes) > CALLS // 10


def test_every_recording_has_its_audio_in_the_store(demo: tuple[Path, Demo]) -> None:
    data, made = demo
    listed = recordings(data, made.key)

    async def question(archive: Archive) -> list[int | None]:
        return [await archive.audio.size(AudioKey(1, each.audio.sha256)) for each in listed]

    assert ask(data, question) == [each.audio.size for each in listed]


def test_every_format_occurs_and_most_are_stereo(demo: tuple[Path, Demo]) -> None:
    data, made = demo
    listed = recordings(data, made.key)

    kinds = Counter(each.audio.mime_type.partition(";")[0] for each in listed)
    assert len(kinds) == 3
    assert Counter(each.audio.channels for each in listed)[2] > len(listed) / 2
    assert Counter(each.audio.channels for each in listed)[1] > 0


def test_some_calls_can_be_heard_at_their_full_length(demo: tuple[Path, Demo]) -> None:
    data, made = demo
    every = [*recordings(data, made.key), *recordings(data, made.other_key)]
    whole = [
        each
        for each in every
        if abs((each.audio.duration_ms or 0) - each.call.talking_ms) < 150
        and each.call.talking_ms >= 8_000
    ]

    assert len(whole) == VOICED


def test_the_rest_shares_a_handful_of_clips(demo: tuple[Path, Demo]) -> None:
    data, made = demo
    clips = Counter(each.audio.sha256 for each in recordings(data, made.key))

    assert len(clips) <= VOICED + 6
    assert clips.most_common(6)[5][1] > 3


def test_the_example_is_a_recording_of_the_first_tenant(demo: tuple[Path, Demo]) -> None:
    data, made = demo

    assert made.recording_id in {each.id for each in recordings(data, made.key)}


def test_tags_projects_and_users_have_names(demo: tuple[Path, Demo]) -> None:
    data, made = demo

    async def question(archive: Archive) -> list[list[Named]]:
        access = await KeyRing(archive.catalog).recognise(made.key)
        return [await find.names(archive, access, kind) for kind in Kind]

    projects, users, tags = ask(data, question)
    assert tags == list(TAGS)
    assert projects
    assert users
    assert all(each.name for each in [*projects, *users])


def test_the_keys_may_do_everything_and_are_for_their_owner_alone(
    demo: tuple[Path, Demo],
) -> None:
    data, made = demo

    async def question(archive: Archive) -> frozenset[Scope]:
        return (await KeyRing(archive.catalog).recognise(made.other_key)).scopes

    assert ask(data, question) == frozenset(Scope)
    assert (data / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_finished_one_is_recognised(demo: tuple[Path, Demo]) -> None:
    data, made = demo

    assert finished(data) == made


def test_one_that_was_cut_short_is_not_finished_and_can_be_built_again(tmp_path: Path) -> None:
    small = {"now": NOW, "calls": 20, "voiced": 1}
    with pytest.raises(StorageFull):
        asyncio.run(build(Settings(data=tmp_path, free_space_reserve=1 << 50), **small))
    assert finished(tmp_path) is None

    clear(tmp_path)
    made = asyncio.run(build(Settings(data=tmp_path, free_space_reserve=0), **small))

    assert finished(tmp_path) == made


def test_an_empty_folder_is_no_demonstration(tmp_path: Path) -> None:
    assert finished(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": "a"}'])
def test_broken_keys_are_no_demonstration(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)

    assert finished(tmp_path) is None


def test_clearing_leaves_only_the_lock(tmp_path: Path) -> None:
    for name in (LOCK, "callreel.db"):
        (tmp_path / name).write_text("")
    (tmp_path / "keys.json").write_text(json.dumps(asdict(MADE)))
    (tmp_path / "audio" / "1").mkdir(parents=True)

    clear(tmp_path)

    assert [each.name for each in tmp_path.iterdir()] == [LOCK]


def test_clearing_does_not_follow_a_link(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    other.mkdir()
    (other / "mine.wav").write_text("mine")
    (data / "building").touch()
    (data / "audio").symlink_to(other)

    clear(data)

    assert (other / "mine.wav").exists()
    assert not list(data.iterdir())


def test_what_is_no_demonstration_is_never_cleared(tmp_path: Path) -> None:
    (tmp_path / "callreel.db").write_text("somebody's calls")

    with pytest.raises(Misconfigured, match="something else"):
        clear(tmp_path)

    assert (tmp_path / "callreel.db").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [("keys.json", ""), ("keys.json", '{"mine": 1}'), ("keys.json", "[]"), ("building", "plans")],
)
def test_a_file_of_somebody_with_one_of_our_names_makes_no_demonstration(
    tmp_path: Path, name: str, text: str
) -> None:
    for each in (name, "letter.txt"):
        (tmp_path / each).write_text(text)

    with pytest.raises(Misconfigured, match="something else"):
        clear(tmp_path)

    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {
        name: text,
        "letter.txt": text,
    }


@pytest.mark.parametrize("name", ["keys.json", "building"])
def test_a_folder_with_one_of_our_names_is_no_demonstration(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "plans").mkdir(parents=True)

    assert finished(tmp_path) is None
    with pytest.raises(Misconfigured, match="something else"):
        clear(tmp_path)

    assert (tmp_path / name / "plans").is_dir()


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_folder_with_no_more_than_the_lock_need_not_be_cleared(
    tmp_path: Path, is_locked: bool
) -> None:
    if is_locked:
        (tmp_path / LOCK).touch()

    clear(tmp_path)

    assert [each.name for each in tmp_path.iterdir()] == [LOCK] * is_locked


def test_a_folder_that_is_not_there_need_not_be_cleared(tmp_path: Path) -> None:
    clear(tmp_path / "none")

    assert not (tmp_path / "none").exists()


def test_a_clearing_that_was_cut_short_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(asdict(MADE)))
    (tmp_path / "audio").mkdir()
    with monkeypatch.context() as cut:
        cut.setattr(shutil, "rmtree", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            clear(tmp_path)
    assert finished(tmp_path) is None

    clear(tmp_path)

    assert not list(tmp_path.iterdir())


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_rest_of_the_folder_holds_nothing_that_was_only_on_its_way(
    demo: tuple[Path, Demo],
) -> None:
    data, _ = demo

    assert not (data / "building").exists()
    assert [each for each in (data / "audio" / "tmp").rglob("*") if each.is_file()] == []


def test_the_demonstration_tells_when_it_was_built(demo: tuple[Path, Demo]) -> None:
    data, made = demo

    async def question(archive: Archive) -> list[tuple[int, str, int]]:
        known = await archive.catalog.keys()
        return [(each.access.reach.tenant, each.label, each.created_at) for each in known]

    assert made.built_at == NOW
    assert ask(data, question) == [(1, "demonstration", NOW), (2, "demonstration", NOW)]


def test_what_can_be_heard_is_spread_over_the_time(demo: tuple[Path, Demo]) -> None:
    data, made = demo
    every = [*recordings(data, made.key), *recordings(data, made.other_key)]
    own = [each for each in every if each.audio.duration_ms and each.audio.duration_ms > 7_800]
    begun = sorted(each.call.started_at for each in every)
    heard = sorted(each.call.started_at for each in own)

    assert heard[-1] - heard[0] > (begun[-1] - begun[0]) / 2
    assert all(8_000 <= each.call.talking_ms <= 30_000 for each in own)


def test_the_example_is_in_the_format_that_the_guide_says(demo: tuple[Path, Demo]) -> None:
    data, made = demo
    example = next(each for each in recordings(data, made.key) if each.id == made.recording_id)

    assert example.audio.mime_type.startswith("audio/ogg")
    assert abs((example.audio.duration_ms or 0) - example.call.talking_ms) < 150
