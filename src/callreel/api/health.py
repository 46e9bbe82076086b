"""For those who watch the server: does it live, can it work, what has it done."""

from __future__ import annotations

from starlette.responses import Response

from callreel.api.ask import Ask, data
from callreel.api.metrics import CONTENT_TYPE
from callreel.errors import StorageFull, Unavailable

FINE = b'{"status":"ok"}'


async def health(_ask: Ask) -> Response:
    """Answer as long as the process lives; touches no store."""
    return data(FINE)


async def ready(ask: Ask) -> Response:
    """Answer whether recordings can be found and taken in."""
    await ask.archive.catalog.check()
    try:
        await ask.archive.audio.check()
    except StorageFull as error:
        raise Unavailable(error.message, retry_after=60) from error
    return data(FINE)


async def metrics(ask: Ask) -> Response:
    """Answer with the counters, as Prometheus reads them."""
    headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
    return Response(ask.services.metrics.render(), headers=headers)
