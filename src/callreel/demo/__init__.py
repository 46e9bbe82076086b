"""The demonstration: invented calls with synthesised audio; nothing in it is anybody's."""
