from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.archive.subset import EVERYTHING, Subset, subset_of
from callreel.archive.throttle import Throttle
from callreel.errors import BadParameter

DIGESTS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(200)]


@given(st.integers(1, 40))
def test_slices_are_all_audio_and_each_only_once(parts: int) -> None:
    choosers = [Subset(part, parts).chooser(0) for part in range(1, parts + 1)]
    for digest in DIGESTS:
        assert sum(is_chosen(digest) for is_chosen in choosers) == 1


def test_everything_is_everything() -> None:
    assert all(map(EVERYTHING.chooser(5), DIGESTS))
    assert EVERYTHING.is_all
    assert not subset_of("1/2").is_all


def test_a_share_and_an_amount_are_about_that_much() -> None:
    many = DIGESTS * 20
    for subset in (subset_of("25%"), subset_of("1K")):
        is_chosen = subset.chooser(4096)
        assert 800 < sum(map(is_chosen, many)) < 1_200
    assert all(map(subset_of("5K").chooser(4096), many))
    assert all(map(subset_of("5K").chooser(0), many))


@pytest.mark.parametrize(
    ("text", "subset"),
    [
        ("3/30", Subset(3, 30)),
        ("1/1", EVERYTHING),
        ("10%", Subset(share=0.1)),
        ("2.5%", Subset(share=0.025)),
        ("100", Subset(amount=100)),
        ("50M", Subset(amount=50 << 20)),
        ("2G", Subset(amount=2 << 30)),
    ],
)
def test_a_subset_is_written_in_three_ways(text: str, subset: Subset) -> None:
    assert subset_of(text) == subset


@pytest.mark.parametrize("text", ["31/30", "1000%", "5X", "1/2/3", "٣/٤"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(BadParameter):
        subset_of(text)


def test_readers_together_stay_below_the_rate() -> None:
    waits: list[float] = []
    throttle = Throttle(1_000, waits.append)
    for _ in range(4):
        throttle.read(500)
    assert waits == pytest.approx([0.5, 1.0, 1.5, 2.0], abs=0.2)
    Throttle(None, waits.append).read(1_000_000)
    assert len(waits) == 4
