"""Reads and converts audio in child processes, which hostile audio may break and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from callreel.audio import Format, Inspection
from callreel.audio.limits import Limits, hide_memory
from callreel.audio.process import Child, ChildLostError
from callreel.errors import BadRecording, CallreelError, Unavailable, UnsupportedMedia
from callreel.room import Lanes, Room

_MEMORY_BYTES: Final = 1 << 30
_CONVERTED_BYTES: Final = 2 << 30
_ERRORS: Final[dict[str, type[CallreelError]]] = {
    each.__name__: each for each in (BadRecording, UnsupportedMedia, Unavailable)
}
_MIME_TYPES: Final = frozenset({"audio/wav", "audio/ogg", "audio/flac", "audio/mpeg"})
_FAULTS: Final = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
)
_MOST_CONVERSIONS: Final = 64
"""Conversions at work or waiting, half of them at most of one tenant; each holds a request."""
_PATIENCE: Final = 3
"""Seconds to wait for each second of processor time that a job may take."""


@dataclass(slots=True)
class _Gates:
    """How many may work at once; asyncio binds such a thing to one event loop."""

    loop: asyncio.AbstractEventLoop
    inspecting: asyncio.Semaphore
    converting: Lanes


class ChildSoundWorker:
    """A `SoundWorker` with child processes.

    Inspecting has children that stay: they start with the first job, wait for the next, and
    are replaced when they die. Converting has a child of its own for each job.
    """

    def __init__(
        self,
        children: int = 1,
        convert_seconds: int = 120,
        *,
        inspect_seconds: int = 60,
        conversions: int = 2,
    ) -> None:
        """Prepare the worker; no child is started yet, but this process's memory is hidden already.

        Args:
            children: Inspections at once, each in a process of its own.
            convert_seconds: Processor time that a conversion may take.
            inspect_seconds: Processor time that an inspection may take.
            conversions: Conversions at once.
        """
        hide_memory()
        self._children = children
        self._conversions = conversions
        self._inspecting = Limits(inspect_seconds, _MEMORY_BYTES, 0)
        self._converting = Limits(convert_seconds, _MEMORY_BYTES, _CONVERTED_BYTES)
        self._gates: _Gates | None = None
        self._room = Room(
            _MOST_CONVERSIONS,
            "Many conversions wait already; ask again later.",
            share=_MOST_CONVERSIONS // 2,
        )
        self._idle: list[Child] = []
        self._busy: set[Child] = set()

    async def inspect(self, path: Path) -> Inspection:
        job = {"path": _absolute(path)}
        async with self._open_gates().inspecting:
            try:
                child = await self._staying()
                answer = await self._answer(child, job, self._inspecting)
            except ChildLostError as died:
                raise _fault(died, _FAULTS | {signal.SIGXCPU}) from died
            self._idle.append(child)
        _raise_error(answer)
        return _inspection(answer)

    async def convert(self, source: Path, target: Path, to: Format, tenant: int = 0) -> None:
        job = {"path": _absolute(source), "target": _absolute(target), "to": to.value}
        with self._room.entered(tenant):
            async with self._open_gates().converting.entered(tenant):
                with _whole_or_gone(target):
                    _raise_error(await self._converted(job))

    async def _converted(self, job: dict[str, str]) -> dict[str, Any]:
        """Have a child started for one job."""
        child = await Child.ready(self._converting)
        try:
            answer = await self._answer(child, job, self._converting)
        except ChildLostError as died:
            raise _fault(died, _FAULTS) from died
        await child.end()
        return answer

    async def is_held(self) -> bool:
        """Say whether the kernel holds a child that reads audio to the calls that it may make.

        Raises:
            Unavailable: no child can be started.
        """
        async with self._open_gates().inspecting:
            child = await self._staying()
            self._idle.append(child)
            return child.is_held

    async def close(self) -> None:
        children = [*self._idle, *self._busy]
        self._idle.clear()
        self._busy.clear()
        for child in children:
            await child.end()

    async def _staying(self) -> Child:
        """Return a child that stays and has nothing to do; a new one where there is none."""
        return await self._waiting() or await Child.ready(self._inspecting)

    async def _answer(self, child: Child, job: dict[str, str], limits: Limits) -> dict[str, Any]:
        """Ask a child; one that did not answer is of no more use, and ends."""
        self._busy.add(child)
        try:
            return await _ask(child, job, limits)
        except BaseException:  # being cancelled too
            await child.end()
            raise
        finally:
            self._busy.discard(child)

    async def _waiting(self) -> Child | None:
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            await child.end()
        return None

    def _open_gates(self) -> _Gates:
        loop = asyncio.get_running_loop()
        if self._gates is None or self._gates.loop is not loop:
            converting = Lanes(self._conversions, share=self._conversions)
            self._gates = _Gates(loop, asyncio.Semaphore(self._children), converting)
        return self._gates


def _absolute(path: Path) -> str:
    return os.fspath(path.absolute())  # children work in another folder than ours


@contextmanager
def _whole_or_gone(target: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:  # being cancelled too
        target.unlink(missing_ok=True)
        raise


async def _ask(child: Child, job: dict[str, str], limits: Limits) -> dict[str, Any]:
    """Ask, and wait no longer than processor time that is shared with others may take.

    Raises:
        ChildLostError: the child ended first.
        Unavailable: it took too long, which is the machine's fault: its own would have ended it.
    """
    try:
        async with asyncio.timeout(limits.cpu_seconds * _PATIENCE):
            return await child.ask(job)
    except TimeoutError as error:
        raise Unavailable("Reading the audio took too long; ask again.", retry_after=30) from error


def _fault(died: ChildLostError, faults: frozenset[signal.Signals]) -> CallreelError:
    """Tell audio that breaks its reader from a reader that something else ended."""
    if died.signal is None or died.signal in faults:
        return BadRecording("The audio is damaged: it cannot be read.")
    return Unavailable(
        "Reading the audio took more than it may, or was cut short; ask again, or for the original."
    )


def _raise_error(answer: dict[str, Any]) -> None:
    name = answer.get("error")
    if name is not None:
        raise _ERRORS.get(name, BadRecording)(str(answer.get("message")))


def _inspection(answer: dict[str, Any]) -> Inspection:
    """Take the answer for no more than it can be: audio that took the child over wrote it."""
    match answer:
        case {
            "mime_type": str(mime_type),
            "channels": int(channels),
            "duration_ms": int(duration_ms),
            "peaks": str(peaks),
        } if mime_type in _MIME_TYPES and channels > 0 and duration_ms >= 0:
            return Inspection(mime_type, channels, duration_ms, peaks.encode())
    raise BadRecording("The audio is damaged: it cannot be measured.")
