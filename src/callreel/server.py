"""The server as one ASGI app, made of an archive and plain values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from starlette.types import ASGIApp

from callreel.api.access_log import AccessLog, ByteStream
from callreel.api.app import Api
from callreel.api.limits import Limits
from callreel.api.log import trace_of
from callreel.api.messages import HttpMessenger
from callreel.api.metrics import Metrics
from callreel.api.proxies import Proxies
from callreel.api.rate_limit import Guesses, RateLimit
from callreel.api.routes import build_router, document
from callreel.api.services import Services
from callreel.archive import Archive
from callreel.archive.keys import KeyRing
from callreel.archive.noted import LastVerify, last
from callreel.archive.tell import Teller
from callreel.errors import CallreelError
from callreel.web.pages import build_pages

ASK_AGAIN_SECONDS: Final = 5.0
NOTE_SECONDS: Final = 60.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the server behaves.

    Attributes:
        limits: What a request may hold.
        public_url: The address by which clients reach the server, without a slash at its end, or
            None to take it from each request.
        gzip: Whether to compress lists for clients that accept it.
        trusted_proxies: Addresses and networks of proxies that are believed, divided by commas.
        rate_limit: Requests a second that one key may make of one process; 0 for no limit.
        key_failures: Wrong keys a minute that one process takes from an address; 0 for any number.
        access_log: Where a JSON line for each request goes, or None.
        webhooks_private: Whether webhooks may lead into private networks, and without TLS.
        is_teller: Says whether this process is the one that tells webhooks; asked again until it
            is. None where no process is.
        verified: The file that tells when everything was verified last, or None.
        database_log: The log of the database, or None.
    """

    limits: Limits = field(default_factory=Limits)
    public_url: str | None = None
    trusted_proxies: str = ""
    gzip: bool = True
    rate_limit: int = 0
    key_failures: int = 0
    access_log: ByteStream | None = None
    webhooks_private: bool = False
    is_teller: Callable[[], bool] | None = None
    verified: Path | None = None
    database_log: Path | None = None


def build_app(archive: Archive, options: Options) -> ASGIApp:
    """Return the app, which closes the archive when its server ends."""
    if archive.exports is not None:
        archive.exports.open()
    services = Services(
        archive=archive,
        keys=KeyRing(archive.catalog),
        limits=options.limits,
        metrics=_metrics(options),
        public_url=options.public_url,
        rate_limit=RateLimit(options.rate_limit) if options.rate_limit else None,
        guesses=Guesses(options.key_failures) if options.key_failures else None,
        proxies=Proxies(options.trusted_proxies),
    )
    return Api(
        services,
        build_router(services, build_pages(document(options.limits))),
        gzip=options.gzip,
        access_log=AccessLog(options.access_log) if options.access_log is not None else None,
        meanwhile=lambda: _meanwhile(services, options),
    )


def _metrics(options: Options) -> Metrics:
    metrics = Metrics()
    verified, log = options.verified, options.database_log
    if verified is not None:
        metrics.last_verify = lambda: last(verified, LastVerify)
    if log is not None:
        metrics.log_bytes = lambda: log.stat().st_size if log.exists() else 0
    return metrics


async def _meanwhile(services: Services, options: Options) -> None:
    """Do what is to be done beside answering."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_note_uses(services))
        if options.is_teller is not None:
            group.create_task(_tell(services.archive, options, options.is_teller))


async def _note_uses(services: Services) -> None:
    while True:
        await asyncio.sleep(NOTE_SECONDS)
        try:
            await services.note_uses()
        except CallreelError as error:  # the catalog is away or full: later, then
            _log.warning("when keys were used waits to be noted", why=error.message)


async def _tell(archive: Archive, options: Options, is_teller: Callable[[], bool]) -> None:
    """Tell webhooks what happens, for as long as this process is the one that does."""
    private = options.webhooks_private
    with closing(HttpMessenger(archive, options.public_url, private=private)) as messenger:
        teller = Teller(archive, messenger)
        while True:
            await _tell_what_is_due(teller, is_teller)
            await asyncio.sleep(ASK_AGAIN_SECONDS)


async def _tell_what_is_due(teller: Teller, is_teller: Callable[[], bool]) -> None:
    try:
        if is_teller():
            await teller.run()
    except CallreelError as error:  # the catalog is away or full: later, then
        _log.warning("webhooks wait", why=error.message)
    except Exception as error:  # noqa: BLE001 - the edge: a bug must not end all telling
        _log.error("webhooks failed", trace=trace_of(error))
