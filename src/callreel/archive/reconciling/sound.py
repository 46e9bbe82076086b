"""Whether the audio of a call is as long as it should be, and whether both sides are in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

import msgspec

from callreel.archive.reconciling import Finding, Kind
from callreel.model import Recording

SILENCE: Final = 0.005
"""Up to this peak, of 1 at full scale (-46 dBFS), a stretch counts as silence: what a telephone
line and its noise leave where nobody speaks."""
LOUD_SHARE: Final = 100
"""One stretch of so many may be louder in a silent channel: a click is no talk."""
ONE_SIDED_MS: Final = 5_000
"""In shorter audio, one side may well have said nothing."""


class _Waveform(msgspec.Struct):
    peaks: list[list[float]]


class _Peaks(msgspec.Struct):
    data: _Waveform


_PEAKS: Final = msgspec.json.Decoder(_Peaks)


def by_call(recordings: Sequence[Recording]) -> Iterator[list[Recording]]:
    """Yield the recordings of each call together; they are given in the order of their starts.

    A call is recorded in pieces where the recording was paused: they share its dialog and start.
    """
    for _, together in groupby(recordings, key=lambda each: each.call.started_at):
        calls: dict[str, list[Recording]] = {}
        for each in together:
            calls.setdefault(each.call.dialog_id, []).append(each)
        yield from calls.values()


def lengths(
    pieces: Sequence[Recording], tolerance_ms: int, *, holds_whole_call: bool
) -> Iterator[Finding]:
    """Yield what is shorter or longer than the talk of a call by more than a tolerance.

    All pieces together must hold the talk; none alone may hold more.

    Args:
        pieces: All recordings of one call.
        tolerance_ms: What may be missing or too much.
        holds_whole_call: Whether audio may also hold what comes before and after the talk, so that
            only what exceeds the call from its start to its end is longer.
    """
    first = pieces[0]
    talking = max(each.call.talking_ms for each in pieces)
    limit = talking
    if holds_whole_call:
        limit = max(talking, *(_whole_ms(each) for each in pieces))
    durations = [each.audio.duration_ms for each in pieces]
    known = [each for each in durations if each is not None]
    if len(known) == len(pieces) and sum(known) < talking - tolerance_ms:
        reason = f"Of {_seconds(talking)} of talk, {_seconds(sum(known))} were recorded."
        yield finding(first, Kind.SHORTER, reason, expected=talking, found=sum(known))
    for piece, duration in zip(pieces, durations, strict=True):
        if duration is not None and duration > limit + tolerance_ms:
            what = "The call" if holds_whole_call else "The talk"
            reason = f"{what} lasted {_seconds(limit)}, its audio lasts {_seconds(duration)}."
            yield finding(piece, Kind.LONGER, reason, expected=limit, found=duration)


def silence(recording: Recording, peaks: bytes) -> Finding | None:
    """Return what is silent of a recording, or None.

    Args:
        recording: The recording.
        peaks: Its waveform, as `Inspection.peaks` has it.

    Raises:
        msgspec.DecodeError: that is no waveform.
    """
    channels = _PEAKS.decode(peaks).data.peaks
    silent = [index for index, each in enumerate(channels, 1) if is_silent(each)]
    if len(silent) == len(channels):
        return finding(recording, Kind.SILENT, "Nothing is to be heard.")
    if not silent or (recording.audio.duration_ms or 0) < ONE_SIDED_MS:
        return None
    which = ", ".join(map(str, silent))
    reason = f"Nothing is to be heard in channel {which} of {len(channels)}."
    return finding(recording, Kind.ONE_SIDED, reason)


def is_silent(peaks: Sequence[float]) -> bool:
    """Say whether nothing is to be heard in a channel, by the peaks of its stretches."""
    loud = sum(map(SILENCE.__lt__, peaks))
    return loud * LOUD_SHARE <= len(peaks)


def finding(
    recording: Recording,
    kind: Kind,
    reason: str,
    *,
    expected: int | None = None,
    found: int | None = None,
) -> Finding:
    """Return what was found of a recording."""
    return Finding(
        kind=kind,
        started_at=recording.call.started_at,
        ended_at=recording.call.hung_up_at,
        reason=reason,
        recording=recording.id,
        dialog=recording.call.dialog_id,
        expected=expected,
        found=found,
    )


def _whole_ms(recording: Recording) -> int:
    return (recording.call.hung_up_at - recording.call.started_at) * 1000


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"
