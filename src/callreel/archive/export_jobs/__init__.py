"""Exports that a server makes for its clients: orders, what became of them, and their files.

An `Order` is asked for, waits its turn, is carried out by a process of its own and can be fetched
until it expires. `ExportStore` keeps them in the data folder, so they outlive the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callreel.model import Reach


class Stage(StrEnum):
    """Where an export stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for; it never changes.

    Attributes:
        id: 32 hexadecimal digits, of which later orders have higher ones.
        format: The format's name.
        has_audio: Whether only those who may listen may fetch it.
        filter, sort: As the client wrote them; whoever carries it out reads them.
        base: The address by which the client reached the server.
        reach: What the key reached that asked.
        created_at: Seconds UTC.
    """

    id: str
    format: str
    has_audio: bool
    filter: str
    sort: str
    base: str
    reach: Reach
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What became of an order so far.

    Attributes:
        done: How many records are in it.
        total: How many there were when it began, or None before.
        unreadable: Of how many the audio could not be read.
        size, sha256: Of the finished file.
        ended_at: Seconds UTC.
        reason: Why it failed, in one sentence.
        tries: How often it was begun.
    """

    stage: Stage = Stage.QUEUED
    done: int = 0
    total: int | None = None
    unreadable: int = 0
    size: int | None = None
    sha256: str | None = None
    ended_at: int | None = None
    reason: str | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """An order and what became of it.

    Attributes:
        expires_at: Until when the file can be fetched, in seconds UTC; None before it is there.
    """

    order: Order
    progress: Progress
    expires_at: int | None = None


def is_for(reach: Reach, order: Order) -> bool:
    """Say whether all that an export may hold lies within a reach."""
    asked = order.reach
    return (
        asked.tenant == reach.tenant
        and _holds(reach.projects, asked.projects)
        and _holds(reach.users, asked.users)
    )


def _holds(outer: frozenset[int] | None, inner: frozenset[int] | None) -> bool:
    return outer is None or (inner is not None and inner <= outer)
