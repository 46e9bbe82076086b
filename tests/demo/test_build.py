from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
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

NOW = int(time.time())
CALLS = 120
VOICED = 12
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
    for name in (LOCK, "keys.json", "callreel.db"):
        (tmp_path / name).write_text("")
    (tmp_path / "audio" / "1").mkdir(parents=True)

    clear(tmp_path)

    assert [each.name for each in tmp_path.iterdir()] == [LOCK]


def test_clearing_does_not_follow_a_link(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    other.mkdir()
    (other / "mine.wav").write_text("mine")
    (data / "keys.json").write_text("")
    (data / "audio").symlink_to(other)

    clear(data)

    assert (other / "mine.wav").exists()
    assert not (data / "audio").is_symlink()


def test_what_is_no_demonstration_is_never_cleared(tmp_path: Path) -> None:
    (tmp_path / "callreel.db").write_text("somebody's calls")

    with pytest.raises(Misconfigured, match="something else"):
        clear(tmp_path)

    assert (tmp_path / "callreel.db").exists()
