from __future__ import annotations

import pytest

from callreel.errors import Unavailable
from callreel.room import Room


def test_as_many_are_inside_as_there_is_room_for_and_the_next_is_turned_away() -> None:
    room = Room(2, "Come again.")
    with room.entered(), room.entered():
        with pytest.raises(Unavailable, match="Come again") as turned_away, room.entered():
            pytest.fail("there was no room")
        assert turned_away.value.retry_after >= 1
    with room.entered():
        pass


def test_one_holds_no_more_than_its_share_and_the_rest_is_for_others() -> None:
    room = Room(3, "Come again.", share=2)
    with room.entered(1), room.entered(1):
        with pytest.raises(Unavailable, match="Come again"), room.entered(1):
            pytest.fail("its share was taken")
        with room.entered(2), pytest.raises(Unavailable), room.entered(3):
            pytest.fail("there was no room")
    with room.entered(1), room.entered(1):
        pass


def test_who_leaves_by_an_error_makes_room_too() -> None:
    room = Room(1, "")
    for _ in range(3):
        with pytest.raises(KeyError), room.entered():
            raise KeyError
