"""Clients that begin and do not go on: half a head, half an upload, an answer that is not taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from attack.case import Target, request
from attack.groups.bodies import LIST, form_type
from attack.run import Tally, source_of
from attack.wire import connect, talk
from forms import form

HALF_OPEN, STALLED, UNREAD = 60, 20, 20
HONEST = 20


def slow_clients(target: Target) -> Tally:
    """Return how long honest requests take while slow clients hold their connections."""
    tally = Tally("slow")
    with _held(target):
        for number in range(HONEST):
            raw = request("GET", LIST, target.all)
            talked = talk(target.address, raw, source=source_of(number))
            tally.cases += 1
            tally.worst_ms = max(tally.worst_ms, talked.seconds * 1000)
            status = talked.answers[0].status if talked.answers else 0
            tally.statuses[status] = tally.statuses.get(status, 0) + 1
            if status != 200 or talked.seconds > target.most_seconds:
                tally.said.append(f"slow: an honest request: {status}, {talked.seconds:.2f} s")
    return tally


@contextmanager
def _held(target: Target) -> Iterator[None]:
    """Hold all the slow connections for as long as the context lasts."""
    upload = request(
        "POST", LIST, target.all, headers=[form_type()], body=form(("audio", "", bytes(100_000)))
    )
    half = request("GET", LIST, target.all)[:-2]
    unread = request("GET", f"{LIST}/{target.own}/audio", target.all)
    with ExitStack() as lines:
        for count, raw in ((HALF_OPEN, half), (STALLED, upload[:50_000]), (UNREAD, unread)):
            for _ in range(count):
                line = lines.enter_context(connect(target.address))
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                line.sendall(raw)
        yield
