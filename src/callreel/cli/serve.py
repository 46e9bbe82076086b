"""`callreel serve`: the production form."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from callreel.cli.output import note
from callreel.cli.serving import bound, serve_alone, serve_together, url_of
from callreel.settings import read_settings
from callreel.wiring import require_use, sole_server

Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65535))]
Workers = Annotated[int, Parameter(validator=Number(gte=1, lte=64))]


def serve(
    *, host: str | None = None, port: Port | None = None, workers: Workers | None = None
) -> None:
    """Serve the data folder over HTTP until SIGTERM or Ctrl-C.

    All settings come from the environment (`callreel settings` shows them); an option goes
    before its setting.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes any free one.
        workers: Server processes.
    """
    settings = read_settings()
    settings = replace(
        settings,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        workers=settings.workers if workers is None else workers,
    )
    with sole_server(settings.data), bound(settings.host, settings.port) as listening:
        require_use(settings)

        def say() -> None:
            note(f"callreel: serving on {url_of(listening)}")

        serve_all = serve_together if settings.workers > 1 else serve_alone
        serve_all(settings, listening, say)
