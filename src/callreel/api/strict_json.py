"""What a JSON decoder lets pass and a careful reader does not: a key that is there twice."""

from __future__ import annotations

import json

from callreel.errors import BadRecording


class _RepeatedKeyError(ValueError):
    pass


def refuse_repeated_keys(raw: bytes | bytearray) -> None:
    """Raise BadRecording where an object in a JSON text has a key twice.

    Two readers of such a text may see different values. A text that is ill-formed passes here:
    the decoder that reads it next can say what is wrong.
    """
    try:
        json.loads(raw, object_pairs_hook=_without_repeats, parse_int=str, parse_float=str)
    except _RepeatedKeyError as error:
        raise BadRecording("A key in the JSON text is there twice.") from error
    except (ValueError, RecursionError):
        return


def _without_repeats(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise _RepeatedKeyError
