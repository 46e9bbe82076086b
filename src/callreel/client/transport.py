"""HTTP: one pool of connections, what is tried again and when, and where the key may go."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import (
    HTTPError,
    LocationParseError,
    MaxRetryError,
    NewConnectionError,
    ResponseError,
    SSLError,
)
from urllib3.response import BaseHTTPResponse
from urllib3.util import Timeout, Url, parse_url
from urllib3.util.retry import Retry

from callreel import __version__
from callreel.client.errors import (
    ApiError,
    BadAnswerError,
    BusyError,
    ClientError,
    NoAnswerError,
    api_error,
)

FIRST_WAIT: Final = 0.25
_PASSING: Final = frozenset({500, 502, 504})
_MOST_REDIRECTS: Final = 5
_POOL_SIZE: Final = 16
_PORTS: Final = {"http": 80, "https": 443}
_RANDOM: Final = random.SystemRandom()  # so that clients do not all come back at once

Result = TypeVar("Result")
Chunks = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Manners:
    """How a server is asked, and how long is borne with one that fails.

    Attributes:
        retries: How often more it is asked.
        longest_wait: Seconds; one that wants a longer wait is not asked again.
        sleep: Waits for so many seconds before something is tried again.
        turn: Waits, before each request, until it may be made.
    """

    retries: int = 4
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    turn: Callable[[], None] = lambda: None


USUAL: Final = Manners()


class Transport:
    """Asks one server, with one key, which no other server is ever sent.

    Several threads may share it.

    Args:
        url: The server's address.
        key: The key.
        timeout: Seconds for which the server may be silent.
        manners: How it is asked.

    Raises:
        ValueError: the address or the key cannot be right.
    """

    def __init__(self, url: str, key: str, timeout: float, manners: Manners = USUAL) -> None:
        self.base = _checked_url(url)
        self._origin = _origin(self.base)
        self._key = _checked_key(key)
        self._manners = manners
        self._sleep = manners.sleep
        self._pool = urllib3.PoolManager(
            maxsize=_POOL_SIZE,
            timeout=Timeout(connect=timeout, read=timeout),
            retries=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def is_home(self, url: str) -> bool:
        """Say whether an address lies on the server that the key is for."""
        return _origin(url) == self._origin

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Chunks | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> BaseHTTPResponse:
        """Return the whole answer to one request, made once.

        Args:
            method: The HTTP method.
            path: Path and query, put behind the server's address.
            body: What to send, or what gives it in chunks.
            headers: Beside those of every request.

        Raises:
            NoAnswerError: none came, or not all of it.
            ApiError: the server refused.
        """
        sent = self._headers(self.base) | dict(headers or {})
        content = body() if callable(body) else body
        self._manners.turn()
        try:
            answer = self._pool.request(
                method, self.base + path, body=content, headers=sent, redirect=False
            )
        except HTTPError as error:
            raise _no_answer(error) from error
        _raise_refusal(answer)
        return answer

    @contextmanager
    def stream(
        self, url: str, headers: Mapping[str, str]
    ) -> Generator[BaseHTTPResponse, None, None]:
        """Lend the answer to a GET, its body not yet read.

        A redirect is followed, and the key goes along only on its own server.

        Raises:
            NoAnswerError: none came, or not all of it, also while the body is read.
            ApiError: the server refused.
        """
        sent = self._headers(url) | dict(headers)
        follow = Retry(
            redirect=_MOST_REDIRECTS,
            connect=0,
            read=0,
            status=0,
            other=0,
            respect_retry_after_header=False,  # `bear` does
        )
        answer: BaseHTTPResponse | None = None
        self._manners.turn()
        try:
            answer = self._pool.request(
                "GET", url, headers=sent, preload_content=False, redirect=True, retries=follow
            )
            _raise_refusal(answer)
            yield answer
        except HTTPError as error:
            raise _no_answer(error) from error
        finally:
            if answer is not None:
                answer.close()

    def persist(self, action: Callable[[], Result], *, harmless: bool = True) -> Result:
        """Return what the action returns, trying again where that helps, as patience lasts.

        A busy server is asked again after the time that it names. A broken connection or a
        passing fault is tried again only where asking twice does no harm.
        """
        for attempt in range(self._manners.retries):
            try:
                return action()
            except ClientError as error:
                self.bear(error, attempt, harmless=harmless)
        return action()

    def bear(self, error: ClientError, attempt: int, *, harmless: bool = True) -> None:
        """Wait before the next try, or raise the error where that would not help.

        Args:
            error: Why the last try failed.
            attempt: How many were tried before it.
            harmless: Whether asking twice does no harm.
        """
        wait = _wait_after(error, attempt, self._manners.longest_wait, harmless=harmless)
        if wait is None or attempt >= self._manners.retries:
            raise error
        self._sleep(wait)

    def _headers(self, url: str) -> dict[str, str]:
        common = {
            "User-Agent": f"callreel/{__version__}",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
        }
        return common | ({"Authorization": self._key} if self.is_home(url) else {})


def absolute(base: str, url: str) -> str:
    """Return an address that a server gave, made whole.

    Raises:
        BadAnswerError: it is no address on the web.
    """
    try:
        whole = urljoin(base + "/", url)
    except ValueError:
        whole = ""
    if not whole.startswith(("http://", "https://")):
        raise BadAnswerError("The address of the audio is not one on the web.")
    return whole


def _wait_after(
    error: ClientError, attempt: int, longest: float, *, harmless: bool
) -> float | None:
    """Return the seconds to wait before the next try, or None where it would not help."""
    backoff = min(FIRST_WAIT * 2**attempt * _RANDOM.uniform(1, 1.5), longest)
    if isinstance(error, BusyError):
        wait = max(backoff, error.retry_after or 0)
        return wait if wait <= longest else None
    is_passing = isinstance(error, NoAnswerError) or (
        isinstance(error, ApiError) and error.status in _PASSING
    )
    return backoff if is_passing and harmless else None


def _raise_refusal(answer: BaseHTTPResponse) -> None:
    if not 200 <= answer.status < 300:
        raise api_error(answer.status, answer.data, answer.headers.get("Retry-After"))


def _no_answer(error: HTTPError) -> NoAnswerError:
    cause = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(cause, ResponseError):
        return NoAnswerError("The server redirects too often.")
    if isinstance(cause, SSLError):
        return NoAnswerError("No safe connection can be made; check the server's certificate.")
    is_refused = isinstance(cause, NewConnectionError)
    if isinstance(cause, urllib3.exceptions.TimeoutError) and not is_refused:
        return NoAnswerError("The server did not answer in time; it may be slow or unreachable.")
    return NoAnswerError("The server cannot be reached, or the connection to it broke.")


def _checked_url(url: str) -> str:
    parts = _parsed(url)
    if parts is None or parts.scheme not in _PORTS or not parts.host:
        raise ValueError("The address must look like https://calls.example.org.")
    if parts.auth or parts.query is not None or parts.fragment is not None:
        raise ValueError("The address holds more than a server; give the key apart from it.")
    return url.rstrip("/")


def _checked_key(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or key != key.strip():
        raise ValueError("The key must be the text as it was shown, without spaces around it.")
    return key


def _origin(url: str) -> tuple[str | None, str | None, int | None]:
    parts = _parsed(url) or Url()
    return parts.scheme, parts.host, parts.port or _PORTS.get(parts.scheme or "")


def _parsed(url: str) -> Url | None:
    try:
        return parse_url(url)
    except LocationParseError:
        return None
