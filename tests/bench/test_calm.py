from __future__ import annotations

import pytest

import calm


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the host takes of a hundred ticks in each turn, one after the other."""
    takes: list[int] = []
    stolen = 0
    looks = 0

    def ticks() -> calm.Ticks:
        nonlocal stolen, looks
        looks += 1
        if looks % 2 == 0:
            stolen += takes[looks // 2 - 1]
        return calm.Ticks(stolen, 100 * (looks // 2))

    monkeypatch.setattr(calm, "ticks", ticks)
    return takes


def taken(wanted: int) -> tuple[list[int], int]:
    numbers = iter(range(99))
    seen = calm.calm(lambda: next(numbers), wanted)
    return seen, next(numbers)


def test_calm_turns_are_all_that_is_taken(host: list[int]) -> None:
    host += [0, 3, 1, 50]
    assert taken(3) == ([0, 1, 2], 3)


def test_a_turn_that_the_host_disturbed_is_taken_again(host: list[int]) -> None:
    host += [20, 1, 4, 0]
    assert taken(2) == ([1, 3], 4)


def test_on_a_busy_host_the_calmest_turns_count(host: list[int]) -> None:
    host += [30, 9, 40, 2, 10, 30]
    assert taken(2) == ([1, 3], 6)


def test_the_kernel_is_asked_what_the_host_took() -> None:
    earlier = calm.Ticks(5, 100)
    assert calm.Ticks(15, 200).share_since(earlier) == 0.1
    assert earlier.share_since(earlier) == 0
    now = calm.ticks()
    assert 0 <= now.stolen <= now.all
