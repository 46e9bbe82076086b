"""A store with sounds to put into it, for the suites of the contract."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from callreel.audio import AudioKey, AudioStore

TENANT = 7
SHORT = b"a few bytes of sound"
LONG = bytes(range(256)) * 3000  # three chunks, the last one short


def key_of(content: bytes, tenant: int = TENANT) -> AudioKey:
    return AudioKey(tenant, hashlib.sha256(content).hexdigest())


async def put(store: AudioStore, content: bytes, tenant: int = TENANT) -> AudioKey:
    with store.stage() as staged:
        for start in range(0, len(content), 100_000):
            staged.write(content[start : start + 100_000])
        key = AudioKey(tenant, staged.sha256)
        await store.keep(staged, key)
    return key


async def keep_together(store: AudioStore, contents: Sequence[bytes]) -> list[str | None]:
    """Keep all, each under its digest, and return the kind of what went wrong with each."""
    with ExitStack() as files:
        arriving = []
        for content in contents:
            staged = files.enter_context(store.stage())
            staged.write(content)
            arriving.append((staged, key_of(content)))
        faults = await store.keep_all(arriving)
    return [None if fault is None else type(fault).__name__ for fault in faults]


async def chunks(store: AudioStore, key: AudioKey, start: int, end: int) -> list[bytes]:
    return [chunk async for chunk in store.read(key, start, end)]


async def derive(store: AudioStore, key: AudioKey, name: str, content: bytes) -> Path:
    made = store.scratch(".json")
    made.write_bytes(content)
    return await store.keep_derived(key, name, made)


class AudioCase:
    """Inherit, and give the store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> AudioStore:
        raise NotImplementedError
