"""A bucket of an S3 server: what lies below a prefix there is listed, read, put and removed.

Needs the package obstore, an extra, which is asked for where a bucket is first used. What an S3
server answers may name keys, and what it signed: of that, only the code of an error and its
status come into a message.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from callreel.errors import CallreelError, Misconfigured, NotFound, StorageFull, Unavailable

if TYPE_CHECKING:
    from obstore.store import S3Credential

PART: Final = 5 << 20
"""Bytes of a part of a large object, the least that S3 takes; smaller ones are sent at once."""
MOST_PARTS: Final = 9_000
READ: Final = 1 << 20
BROKEN_OFF: Final = 2
"""How often an answer may break off, with nothing of it since the last time."""
T = TypeVar("T")
_ADDRESS: Final = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{2,62})((?:/[A-Za-z0-9._=-]+)*)/?")
_CODE: Final = re.compile(r"<Code>([A-Za-z]{1,40})</Code>|\(code: ([A-Za-z]{1,40})\)")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_NO_S3: Final = frozenset({"404", "405"})
"""What is no answer of S3's where no code comes with it: that of a web server or a proxy."""
_EXPLAINED: Final[tuple[tuple[frozenset[str], type[CallreelError], str], ...]] = (
    (
        frozenset({"NoSuchBucket"}),
        Misconfigured,
        "There is no bucket {bucket}; make it first, or correct its name.",
    ),
    (
        frozenset({"QuotaExceeded", "507", "413"}),
        StorageFull,
        "The bucket has no room ({why}); make some, and run it again.",
    ),
    (
        frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "301"}),
        Misconfigured,
        "The bucket is in another region; set AWS_REGION to it.",
    ),
    (
        frozenset({"401", "403", "AccessDenied"}),
        Misconfigured,
        "The S3 server does not let us do this ({why}); check the key, its rights and the clock.",
    ),
)
"""What a server says, by its code or its status, and what that is to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach an S3 server and be let in.

    Attributes:
        endpoint: Address of the server; with http:// it is spoken to without TLS.
        region: Name of the region that requests are signed for.
        key_id, secret, token: The key; a token comes with one that is valid for a while.
        patience: Seconds for which a request that failed is sent again, ever later.
    """

    endpoint: str
    region: str
    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    patience: float = 120


@dataclass(frozen=True, slots=True)
class Stored:
    """An object: its path below the prefix, and its length in bytes."""

    path: str
    size: int


class Bucket:
    """What lies below a prefix in a bucket; may be used by several threads.

    Raises (any method):
        Misconfigured: there is no such bucket, or the server does not let us in.
        StorageFull: the server says that there is no room.
        Unavailable: it cannot be reached, or goes on to fail.
    """

    def __init__(self, address: str, access: Access) -> None:
        """Prepare; nothing is asked of the server.

        Args:
            address: Such as s3://bucket/some/prefix.
            access: How to reach it.

        Raises:
            Misconfigured: the address is none, or obstore is not installed.
        """
        match = _ADDRESS.fullmatch(address)
        if match is None or {".", ".."} & {*match[2].split("/")}:
            raise Misconfigured(
                "The address of a bucket must be such as s3://bucket/prefix; a prefix is made of "
                "letters, digits, '.', '_', '=', '-' and '/'."
            )
        try:
            import obstore  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise Misconfigured(
                "Backups in S3 need a package more; install it with pip install 'callreel[s3]'."
            ) from error
        self.name = match[1]
        self._obstore = obstore
        self._store: Any = _store(match[1], match[2].strip("/"), access)

    def objects(self, under: str = "") -> Iterator[Stored]:
        """Yield the objects below a path in the order of their paths, read as they are listed.

        Raises:
            Misconfigured: the server lists them in another order, as some special buckets do.
        """
        before = ""

        def rest() -> Iterator[Stored]:
            pages = iter(self._obstore.list(self._store, under or None, offset=before or None))
            while page := self._next(pages):
                yield from (Stored(each["path"], each["size"]) for each in page)

        for each in self._going_on(rest):
            if each.path <= before:
                raise Misconfigured(
                    "The bucket does not list its objects in their order; take another kind."
                )
            before = each.path
            yield each

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of an object in chunks.

        Raises:
            NotFound: there is none.
        """
        at, tag = 0, None

        def rest() -> Iterator[bytes]:
            nonlocal tag
            options = {"range": {"offset": at}, "if_match": tag} if at else None
            with self._told(of_one=True):
                found = self._obstore.get(self._store, path, options=options)
                tag, chunks = found.meta["e_tag"], found.stream(READ)
            while chunk := self._next(chunks):
                yield bytes(chunk)

        for chunk in self._going_on(rest):
            at += len(chunk)
            yield chunk

    def put(self, path: str, content: bytes | Path, *, parallel: int = 1) -> None:
        """Put an object in its place, whole or not at all.

        Args:
            path: Where.
            content: What, or the file that it is in.
            parallel: How many parts of a large file are sent at once.

        Raises:
            OSError: the file cannot be read.
        """
        if isinstance(content, bytes):
            self._put(path, BytesIO(content), PART, parallel)
            return
        with content.open("rb") as file:
            part = max(PART, -(-os.fstat(file.fileno()).st_size // MOST_PARTS))
            source = _Source(file)
            try:
                self._put(path, source, part, parallel)
            except CallreelError:
                if source.failed is not None:
                    raise source.failed from None
                raise

    def remove(self, paths: Sequence[str]) -> None:
        """Remove objects; those that are not there are none to it."""
        if paths:
            with self._told():
                self._obstore.delete(self._store, list(paths))

    def _going_on(self, rest: Callable[[], Iterator[T]]) -> Iterator[T]:
        """Yield what is answered; where an answer breaks off, ask for the rest of it."""
        broken = 0
        while True:
            try:
                for each in rest():
                    broken = 0
                    yield each
            except Unavailable:
                broken += 1
                if broken > BROKEN_OFF:
                    raise
                time.sleep(0.2 * broken)
            else:
                return

    def _put(self, path: str, file: Any, part: int, parallel: int) -> None:  # noqa: ANN401 - any file
        with self._told():
            self._obstore.put(self._store, path, file, chunk_size=part, max_concurrency=parallel)

    def _next(self, answers: Any) -> Any:  # noqa: ANN401 - iterators of obstore
        with self._told():
            return next(answers, None)

    @contextmanager
    def _told(self, *, of_one: bool = False) -> Iterator[None]:
        """Say in our words what went wrong, and nothing of what the server said.

        Args:
            of_one: Whether an object was asked for that may not be there.
        """
        # FileNotFoundError is obstore's, too. Files of ours are read by `_Source` alone.
        errors = self._obstore.exceptions.BaseError, OSError, ValueError
        try:
            yield
        except errors as error:
            told = _explained(str(error), self.name, of_one=of_one)
        else:
            return
        raise told


class _Source:
    """A file of ours that is sent: keeps what our disk said, as obstore's errors are like it."""

    def __init__(self, file: BufferedReader) -> None:
        self.failed: OSError | None = None
        self._file = file

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            self.failed = error
            raise

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)


def _store(bucket: str, prefix: str, access: Access) -> Any:  # noqa: ANN401 - obstore is an extra
    from obstore.store import S3Store  # noqa: PLC0415 - an extra

    key: S3Credential = {
        "access_key_id": access.key_id,
        "secret_access_key": access.secret,
        "token": access.token,
        "expires_at": None,
    }
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            region=access.region,
            endpoint=access.endpoint,
            aws_endpoint_url_s3=access.endpoint,  # else a variable of this name goes first
            virtual_hosted_style_request=False,
            skip_signature=False,
            client_options={
                "allow_http": urlsplit(access.endpoint).scheme == "http",
                "allow_invalid_certificates": False,
                "connect_timeout": timedelta(seconds=10),
                # Of a whole request none is set: how long one may take depends on its length.
                "timeout": timedelta(days=1),
                "read_timeout": timedelta(seconds=120),
            },
            retry_config={
                "max_retries": 10,
                "retry_timeout": timedelta(seconds=access.patience),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=200),
                    "max_backoff": timedelta(seconds=max(1, access.patience / 6)),
                    "base": 2,
                },
            },
            credential_provider=lambda: key,  # else a variable with an empty token goes first
        )
    except Exception:  # noqa: BLE001 - several kinds, whose words could hold what was given
        told = Misconfigured("The S3 server's address or key cannot be used; check both.")
    raise told


def _explained(text: str, bucket: str, *, of_one: bool) -> CallreelError:
    found, status = _CODE.search(text), _STATUS.search(text)
    code = found and (found[1] or found[2])
    told = {each for each in (code, status and status[1]) if each}
    if "redirect without LOCATION" in text:  # obstore's words
        told.add("301")
    if of_one and "NoSuchKey" in told:
        return NotFound("There is no such object in the bucket.")
    why = code or (f"status {status[1]}" if status is not None else "")
    for known, kind, says in _EXPLAINED:
        if known & told:
            return kind(says.format(bucket=bucket, why=why))
    if code is None and _NO_S3 & told:
        return Misconfigured(
            f"What answers there is no S3 server ({why}); correct the address in "
            "CALLREEL_S3_ENDPOINT, or see what a proxy does before it."
        )
    if "InvalidCertificate" in text:  # obstore's words
        return Misconfigured(
            "The certificate of the S3 server is not one that this machine trusts; check the "
            "endpoint, or name the file of its authority in SSL_CERT_FILE."
        )
    return Unavailable(
        f"The S3 server cannot be reached, or fails{f' ({why})' if why else ''}; try again later.",
        retry_after=60,
    )
