"""What every `AudioStore` does, as tests; a subclass gives the store."""

from __future__ import annotations

import asyncio
import time

import pytest

from callreel.audio import AudioStore, Part
from callreel.errors import NotFound, Unavailable
from contracts.audio_case import LONG, SHORT, chunks, derive, keep_together, key_of, put
from contracts.audio_locks_contract import AudioLocksContract

LARGEST_CHUNK = 256 * 1024


class AudioContract(AudioLocksContract):
    @pytest.mark.parametrize("content", [b"", SHORT, LONG], ids=["empty", "short", "long"])
    def test_what_was_kept_is_read_back(self, store: AudioStore, content: bytes) -> None:
        async def run() -> None:
            key = await put(store, content)
            assert key == key_of(content)
            assert await store.size(key) == len(content)
            assert b"".join(await chunks(store, key, 0, len(content))) == content

        asyncio.run(run())

    def test_chunks_are_never_large(self, store: AudioStore) -> None:
        async def run() -> None:
            read = await chunks(store, await put(store, LONG), 0, len(LONG))
            assert max(map(len, read)) <= LARGEST_CHUNK
            assert min(map(len, read)) > 0

        asyncio.run(run())

    @pytest.mark.parametrize(
        ("start", "end"),
        [(0, 1), (5, 5), (1000, 300_000), (262_143, 262_145), (len(LONG) - 1, len(LONG))],
    )
    def test_any_part_can_be_read(self, store: AudioStore, start: int, end: int) -> None:
        async def run() -> None:
            read = await chunks(store, await put(store, LONG), start, end)
            assert b"".join(read) == LONG[start:end]

        asyncio.run(run())

    def test_reading_past_the_end_says_that_the_audio_is_short(self, store: AudioStore) -> None:
        async def run() -> None:
            key = await put(store, SHORT)
            with pytest.raises(Unavailable):
                await chunks(store, key, 0, len(SHORT) + 1)

        asyncio.run(run())

    def test_what_is_not_there_is_not_found(self, store: AudioStore) -> None:
        async def run() -> None:
            key = key_of(SHORT)
            assert await store.size(key) is None
            assert await store.derived(key, "peaks.json") is None
            with pytest.raises(NotFound):
                await chunks(store, key, 0, 1)
            with pytest.raises(NotFound):
                async with store.local(key):
                    pass

        asyncio.run(run())

    def test_staged_audio_knows_its_size_and_digest(self, store: AudioStore) -> None:
        with store.stage() as staged:
            staged.write(SHORT[:3])
            staged.write(b"")
            staged.write(SHORT[3:])
            assert staged.size == len(SHORT)
            assert staged.sha256 == key_of(SHORT).sha256
            assert staged.path.read_bytes() == SHORT

    def test_what_is_not_kept_is_dropped(self, store: AudioStore) -> None:
        with store.stage() as staged:
            staged.write(SHORT)
        assert not staged.path.exists()
        assert asyncio.run(store.size(key_of(SHORT))) is None

    def test_nothing_is_seen_before_it_is_kept(self, store: AudioStore) -> None:
        with store.stage() as staged:
            staged.write(SHORT)
            assert asyncio.run(store.size(key_of(SHORT))) is None

    def test_a_temporary_file_is_gone_after_it_was_kept(self, store: AudioStore) -> None:
        async def run() -> None:
            with store.stage() as staged:
                staged.write(SHORT)
                await store.keep(staged, key_of(SHORT))
            assert not staged.path.exists()

        asyncio.run(run())

    def test_keeping_the_same_again_changes_nothing(self, store: AudioStore) -> None:
        async def run() -> None:
            key = await put(store, SHORT)
            assert await put(store, SHORT) == key
            assert b"".join(await chunks(store, key, 0, len(SHORT))) == SHORT

        asyncio.run(run())

    @pytest.mark.parametrize("content", [SHORT[::-1], SHORT[:-1], SHORT + b"."])
    def test_what_has_the_place_and_is_not_the_same_is_replaced(
        self, store: AudioStore, content: bytes
    ) -> None:
        async def run() -> None:
            with store.stage() as staged:
                staged.write(content)
                await store.keep(staged, key_of(SHORT))
            assert await put(store, SHORT) == key_of(SHORT)
            assert b"".join(await chunks(store, key_of(SHORT), 0, len(SHORT))) == SHORT

        asyncio.run(run())

    def test_many_are_kept_together_and_the_same_twice(self, store: AudioStore) -> None:
        contents = [SHORT, LONG, b"", SHORT]

        async def run() -> None:
            assert await keep_together(store, contents) == [None] * 4
            for each in contents:
                assert b"".join(await chunks(store, key_of(each), 0, len(each))) == each
            assert await store.keep_all([]) == []

        asyncio.run(run())

    def test_the_same_may_be_kept_many_times_at_once(self, store: AudioStore) -> None:
        async def run() -> None:
            keys = await asyncio.gather(*(put(store, LONG) for _ in range(8)))
            assert set(keys) == {key_of(LONG)}
            assert b"".join(await chunks(store, keys[0], 0, len(LONG))) == LONG

        asyncio.run(run())

    def test_tenants_with_the_same_audio_do_not_share_it(self, store: AudioStore) -> None:
        async def run() -> None:
            mine, theirs = await put(store, SHORT, 1), key_of(SHORT, 2)
            assert await store.size(theirs) is None
            await put(store, SHORT, 2)
            await store.remove(mine)
            assert await store.size(mine) is None
            assert await store.size(theirs) == len(SHORT)

        asyncio.run(run())

    def test_a_local_file_holds_the_audio(self, store: AudioStore) -> None:
        async def run() -> None:
            async with store.local(await put(store, SHORT)) as path:
                assert path.read_bytes() == SHORT

        asyncio.run(run())

    def test_what_is_derived_is_kept_under_its_name(self, store: AudioStore) -> None:
        async def run() -> None:
            key = await put(store, SHORT)
            place = await derive(store, key, "peaks.json", b"[1]")
            assert place.read_bytes() == b"[1]"
            assert await store.derived(key, "peaks.json") == place
            assert await store.derived(key, "audio.mp3") is None

        asyncio.run(run())

    def test_what_is_derived_again_takes_the_place_of_the_old(self, store: AudioStore) -> None:
        async def run() -> None:
            key = await put(store, SHORT)
            await derive(store, key, "peaks.json", b"[1]")
            assert (await derive(store, key, "peaks.json", b"[2, 3]")).read_bytes() == b"[2, 3]"

        asyncio.run(run())

    def test_nothing_is_kept_that_was_derived_of_audio_removed_meanwhile(
        self, store: AudioStore
    ) -> None:
        async def run() -> None:
            key = await put(store, SHORT)
            made = store.scratch(".mp3")
            made.write_bytes(b"mp3")
            await store.remove(key)
            with pytest.raises(NotFound):
                await store.keep_derived(key, "audio.mp3", made)
            await put(store, SHORT)
            assert await store.derived(key, "audio.mp3") is None

        asyncio.run(run())

    def test_of_many_that_were_derived_only_that_of_removed_audio_is_passed_over(
        self, store: AudioStore
    ) -> None:
        async def run() -> None:
            gone, here = await put(store, SHORT), await put(store, LONG)
            await store.remove(gone)
            await store.keep_derived_all(
                [(gone, "peaks.json", b"[1]"), (here, "peaks.json", b"[2]")]
            )
            assert await store.derived(gone, "peaks.json") is None
            place = await store.derived(here, "peaks.json")
            assert place is not None
            assert place.read_bytes() == b"[2]"
            await store.keep_derived_all([])

        asyncio.run(run())

    def test_scratch_files_are_fresh_and_named_as_asked(self, store: AudioStore) -> None:
        first, second = store.scratch(".mp3"), store.scratch(".mp3")
        assert first != second
        assert first.suffix == ".mp3"
        assert not first.exists()
        assert first.parent.is_dir()

    def test_removing_takes_along_what_was_derived(self, store: AudioStore) -> None:
        async def run() -> None:
            key, other = await put(store, SHORT), await put(store, LONG)
            for each in (key, other):
                await derive(store, each, "peaks.json", b"[1]")
                await derive(store, each, "audio.mp3", b"mp3")
            await store.remove(key)
            assert await store.size(key) is None
            assert await store.derived(key, "peaks.json") is None
            assert await store.derived(key, "audio.mp3") is None
            assert await store.size(other) == len(LONG)
            assert await store.derived(other, "peaks.json") is not None

        asyncio.run(run())

    def test_removing_what_is_not_there_does_nothing(self, store: AudioStore) -> None:
        async def run() -> None:
            key = await put(store, SHORT)
            await store.remove(key)
            await store.remove(key)
            await store.remove(key_of(LONG))
            assert await put(store, SHORT) == key
            assert await store.size(key) == len(SHORT)

        asyncio.run(run())

    def test_a_store_that_can_be_written_to_checks_well(self, store: AudioStore) -> None:
        asyncio.run(store.check())

    def test_all_that_lies_there_is_told(self, store: AudioStore) -> None:
        async def run() -> None:
            began_at = time.time()
            keys = {await put(store, SHORT), await put(store, LONG), await put(store, SHORT, 8)}
            (derived_of, *_) = keys
            await derive(store, derived_of, "peaks", b"[1]")
            with store.stage() as staged:
                staged.write(b"on its way")
                things = [each async for batch in store.walk() for each in batch]
            audio = [each for each in things if each.part is Part.AUDIO]
            assert {each.key for each in audio} == keys
            assert sorted(each.size for each in audio) == sorted(
                [len(SHORT), len(SHORT), len(LONG)]
            )
            derived = [each for each in things if each.part is Part.DERIVED]
            assert [(each.key, each.size) for each in derived] == [(derived_of, 3)]
            on_its_way = [each for each in things if each.part is Part.ON_ITS_WAY]
            assert [(each.key, each.size) for each in on_its_way] == [(None, 10)]
            assert all(began_at - 2 < each.touched_at < time.time() + 2 for each in things)
            assert len(things) == 5
            await store.remove(derived_of)
            left = {each.key for each in await store.again(things) if each.part is Part.AUDIO}
            assert left == keys - {derived_of}

        asyncio.run(run())

    def test_sizes_are_told_of_many(self, store: AudioStore) -> None:
        async def run() -> None:
            keys = [await put(store, SHORT), key_of(b"nowhere"), await put(store, LONG)]
            assert await store.sizes(keys) == [len(SHORT), None, len(LONG)]
            assert await store.sizes([]) == []

        asyncio.run(run())

    def test_audio_is_read_to_its_end_and_hashed(self, store: AudioStore) -> None:
        async def run() -> None:
            keys = [await put(store, LONG), key_of(b"nowhere"), await put(store, b"")]
            read: list[int] = []
            digests = await store.digests(keys, read.append)
            assert digests == [keys[0].sha256, None, keys[2].sha256]
            assert sum(read) == len(LONG)

        asyncio.run(run())

    def test_what_is_no_audio_can_be_dropped(self, store: AudioStore) -> None:
        async def run() -> None:
            key = await put(store, SHORT)
            await derive(store, key, "peaks", b"[1]")
            for each in [each async for batch in store.walk() for each in batch]:
                if each.part is Part.AUDIO:
                    with pytest.raises(ValueError, match="no audio"):
                        await store.drop(each)
                else:
                    await store.drop(each)
                    await store.drop(each)
            assert await store.derived(key, "peaks") is None
            assert await store.size(key) == len(SHORT)

        asyncio.run(run())
