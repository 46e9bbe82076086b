from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest

from callreel.archive import keys
from callreel.archive.keys import KeyRing, digest_of, make
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import NotAllowed, NotAuthenticated, Unavailable
from callreel.model import Access, Key, Reach, Scope

NOW = 1_750_000_000
Recognise = Callable[[str], Access]


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class CountedCatalog(SqliteCatalog):
    """Counts how often it is asked for a key."""

    asked = 0

    async def key_by_digest(self, digest: bytes) -> Key | None:
        self.asked += 1
        return await super().key_by_digest(digest)


class Keys:
    """A ring over a catalog, and a clock that stands still."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], path: Path) -> None:
        self.run = run
        self.clock = Clock()
        self.path = path
        self.catalog = CountedCatalog(path)
        self.ring = KeyRing(self.catalog, self.clock)
        run(self.catalog.add_tenant("one"))

    def make(self, expires_at: int | None = None) -> tuple[str, Key]:
        text, key = make("test", Reach(1), frozenset([Scope.READ]), expires_at)
        self.run(self.catalog.add_key(key))
        return text, key

    def is_valid(self, text: str) -> bool:
        try:
            self.run(self.ring.recognise(text))
        except NotAuthenticated:
            return False
        return True


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Keys]:
    with asyncio.Runner() as runner:
        made = Keys(runner.run, tmp_path / "callreel.db")
        yield made
        runner.run(made.catalog.close())


def test_a_key_is_recognised_and_does_what_it_was_made_for(ring: Keys) -> None:
    text, key = ring.make()
    access: Access = ring.run(ring.ring.recognise(text))
    assert access == key.access
    access.require(Scope.READ)
    with pytest.raises(NotAllowed, match="listen"):
        access.require(Scope.LISTEN)


def test_a_key_begins_with_its_id_and_is_never_made_twice() -> None:
    made = [make("test", Reach(1), frozenset()) for _ in range(50)]
    assert len({text for text, _ in made}) == 50
    for text, key in made:
        assert text.startswith(f"cr_{key.id}_")
        assert len(text) > 43, "256 random bits at least"
        assert key.digest == digest_of(text)
        assert text not in repr(key)


@pytest.mark.parametrize("change", [str.upper, lambda text: text[:-1], lambda text: text + "x"])
def test_what_is_nearly_a_key_is_none(ring: Keys, change: Callable[[str], str]) -> None:
    text, _ = ring.make()
    assert ring.is_valid(text)
    assert not ring.is_valid(change(text))
    assert not ring.is_valid("")


def test_a_key_is_found_by_its_digest_alone_and_compared_in_constant_time(
    ring: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, key = ring.make()
    looked_for, compared = list[bytes](), list[tuple[bytes, bytes]]()

    async def found(digest: bytes) -> Key:
        looked_for.append(digest)
        return key  # whatever is asked for: no other comparison stands before the ring's

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(ring.catalog, "key_by_digest", found)
    monkeypatch.setattr(keys, "hmac", SimpleNamespace(compare_digest=compare))
    near = text[:-1] + ("A" if text[-1] != "A" else "B")
    assert (ring.is_valid(text), ring.is_valid(near)) == (True, False)
    digests = [sha256(each.encode()).digest() for each in (text, near)]
    assert looked_for == digests
    assert compared == [(key.digest, each) for each in digests]


def test_a_key_is_remembered_for_less_than_a_second(ring: Keys) -> None:
    text, _ = ring.make()
    for later in (0.0, 0.5, 0.999):
        ring.clock.now = NOW + later
        assert ring.is_valid(text)
    assert ring.catalog.asked == 1
    ring.clock.now = NOW + 1.0
    assert ring.is_valid(text)
    assert ring.catalog.asked == 2


def test_a_revocation_is_seen_within_a_second_and_for_good(ring: Keys) -> None:
    text, key = ring.make()
    assert ring.is_valid(text)
    ring.run(ring.catalog.revoke_key(key.id, NOW))
    ring.clock.now = NOW + 1.0
    assert not ring.is_valid(text)
    ring.clock.now = NOW + 0.5  # a clock that was set back brings no key back
    assert not ring.is_valid(text)


def test_a_clock_that_was_set_back_makes_no_memory_last_longer(ring: Keys) -> None:
    text, key = ring.make()
    assert ring.is_valid(text)
    ring.run(ring.catalog.revoke_key(key.id, NOW))
    ring.clock.now = NOW - 3600
    assert not ring.is_valid(text)


def test_a_key_ends_in_the_second_that_was_set_even_while_remembered(ring: Keys) -> None:
    text, _ = ring.make(expires_at=NOW + 10)
    ring.clock.now = NOW + 9.9
    assert ring.is_valid(text)
    ring.clock.now = NOW + 10
    assert not ring.is_valid(text)
    assert ring.catalog.asked == 1


def test_guesses_are_not_remembered(ring: Keys) -> None:
    for guess in range(100):
        assert not ring.is_valid(f"cr_0000_{guess}")
    assert ring.ring._seen == {}


def test_the_memory_is_bounded(ring: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_REMEMBERED", 3)
    texts = [ring.make()[0] for _ in range(8)]
    for text in texts:
        assert ring.is_valid(text)
        assert len(ring.ring._seen) <= 3


DAMAGES = [
    "scopes = 'junk'",
    "scopes = '5'",
    "scopes = '[\"write\"]'",
    "scopes = '{\"read\": 1}'",
    "scopes = CAST(x'ff' AS TEXT)",
    "label = CAST(x'ff' AS TEXT)",
    "projects = '[\"1\"]'",
    "users = '{}'",
    "users = '[1.5]'",
    "tenant = 32767",
    "expires_at = 1 << 60",
    # The bit of a row that tells the kind of a value makes these.
    "created_at = x'00000000'",
    "created_at = 1.5",
    "expires_at = x''",
    "label = x'ff'",
    "users = x'ff'",
]


def do_damage(path: Path, damage: str, key_id: str, table: str = "api_key") -> None:
    """Change a row also to what SQLite would not write into it."""
    with closing(apsw.Connection(str(path))) as connection:

        def define(sql: str) -> None:
            connection.execute("PRAGMA writable_schema=1")
            connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, table))
            connection.execute("PRAGMA writable_schema=RESET")

        strict = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).get
        define(strict.replace("STRICT, ", "").replace("STRICT", ""))
        sql = f"UPDATE {table} SET {damage} WHERE id = ?"  # noqa: S608 - one of those above
        connection.execute(sql, (key_id,))
        define(strict)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_key_is_refused_and_told_of_until_it_is_revoked(ring: Keys, damage: str) -> None:
    text, key = ring.make()
    other_text, other = ring.make()
    do_damage(ring.path, damage, key.id)
    with pytest.raises(Unavailable, match="damaged in the database; tell the operator"):
        ring.is_valid(text)
    assert ring.is_valid(other_text)
    assert ring.run(ring.catalog.keys()) == [other]
    assert ring.run(ring.catalog.damaged_keys()) == [key.id]
    ring.run(ring.catalog.revoke_key(key.id, NOW))
    assert not ring.is_valid(text)
    assert ring.run(ring.catalog.damaged_keys()) == []


@pytest.mark.parametrize(
    "damage", ["digest = CAST(digest AS TEXT)", "tenant = CAST(x'81' AS TEXT)"]
)
def test_a_key_that_cannot_be_written_again_is_refused_and_the_others_are_listed(
    ring: Keys, damage: str
) -> None:
    text, key = ring.make()
    _, other = ring.make()
    do_damage(ring.path, damage, key.id)
    assert ring.run(ring.catalog.keys()) == [other]
    assert ring.run(ring.catalog.damaged_keys()) == [key.id]
    with pytest.raises(Unavailable, match="stays refused"):
        ring.run(ring.catalog.revoke_key(key.id, NOW))
    with suppress(Unavailable):
        assert not ring.is_valid(text)


def test_a_key_whose_id_is_no_text_is_revoked_by_what_is_shown_of_it(ring: Keys) -> None:
    text, key = ring.make()
    do_damage(ring.path, "id = CAST(x'ff' || id AS TEXT)", key.id)
    (shown,) = ring.run(ring.catalog.damaged_keys())
    assert shown == f"\ufffd{key.id}"
    assert ring.run(ring.catalog.revoke_key(shown, NOW)) == NOW
    assert not ring.is_valid(text)


def test_when_a_key_was_used_is_noted_and_of_one_that_was_refused_it_is_not(ring: Keys) -> None:
    (used, key), (late, late_key), (_, idle) = ring.make(), ring.make(expires_at=NOW), ring.make()
    ring.clock.now += 0.5
    for _ in range(3):
        assert ring.is_valid(used)
        assert not ring.is_valid(late)
        ring.run(ring.ring.note_uses())
        ring.clock.now += 90
    noted = {each.id: each.used_at for each in ring.run(ring.catalog.keys())}
    assert noted == {key.id: NOW + 180, late_key.id: None, idle.id: None}


@pytest.mark.parametrize("damage", ["UPDATE key_use SET at = -5", "DROP TABLE key_use"])
def test_damage_where_uses_are_noted_harms_no_key(ring: Keys, damage: str) -> None:
    text, key = ring.make()
    assert ring.is_valid(text)
    ring.run(ring.ring.note_uses())
    with closing(apsw.Connection(str(ring.path))) as connection:
        connection.execute(damage)
    ring.clock.now += 90
    assert ring.is_valid(text)
    assert ring.run(ring.catalog.damaged_keys()) == []
    if "DROP" not in damage:
        assert ring.run(ring.catalog.keys()) == [key]


@pytest.mark.parametrize("damage", ["x'00'", "1.5", "-5", "1 << 60"])
def test_a_note_of_a_use_that_is_damaged_is_written_over(ring: Keys, damage: str) -> None:
    (text, _), (other, _) = ring.make(), ring.make()
    for _ in range(2):
        assert ring.is_valid(text)
        assert ring.is_valid(other)
        ring.run(ring.ring.note_uses())
        do_damage(ring.path, f"at = {damage}", ring.run(ring.catalog.keys())[0].id, "key_use")
        ring.clock.now += 90
    assert ring.is_valid(text)
    ring.run(ring.ring.note_uses())
    noted = [each.used_at for each in ring.run(ring.catalog.keys())]
    assert noted == [NOW + 180, NOW + 90]


def test_uses_that_could_not_be_noted_are_noted_later(
    ring: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_uses: object) -> None:
        raise Unavailable("The store is away.")

    text, _ = ring.make()
    assert ring.is_valid(text)
    with monkeypatch.context() as patch:
        patch.setattr(ring.catalog, "note_key_uses", away)
        with pytest.raises(Unavailable):
            ring.run(ring.ring.note_uses())
    ring.run(ring.ring.note_uses())
    assert [each.used_at for each in ring.run(ring.catalog.keys())] == [NOW]
