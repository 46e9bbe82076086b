"""The client: one class, one method per thing that can be asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Self, TypeVar, Unpack, overload

import msgspec
from urllib3.response import BaseHTTPResponse

from callreel.api.wire import CALLS_PATH, LIST_PATH
from callreel.client import download, upload
from callreel.client.answer import decoded
from callreel.client.download import Format, path_of
from callreel.client.filters import CallFilters, Filters, Question, SortName, ask
from callreel.client.recording import Recording
from callreel.client.transport import Transport
from callreel.client.upload import Call
from callreel.client.walk import DEFAULT_PAGE, Page, next_query, walk

LARGEST_PAGE: Final = 10_000
Shape = TypeVar("Shape")


class _List(msgspec.Struct):
    data: list[Recording]


class _One(msgspec.Struct):
    data: Recording


class Callreel:
    """A server of recordings, as one key sees it.

    Use it as a context manager, or call `close`. Several threads may share it. Everything that
    goes wrong is a `ClientError`; wrong arguments are a `TypeError` or a `ValueError`.

    Args:
        url: The server's address, such as `https://calls.example.org`.
        key: The API key. It is sent to this server only.
        timeout: Seconds for which the server may be silent.
        page_size: How many recordings are asked for at a time, 1 to 10,000.

    Raises:
        ValueError: the address, the key or the page size cannot be right.
    """

    def __init__(
        self, url: str, key: str, *, timeout: float = 30, page_size: int = DEFAULT_PAGE
    ) -> None:
        if not 1 <= page_size <= LARGEST_PAGE:
            raise ValueError(f"A page holds 1 to {LARGEST_PAGE} recordings.")
        self._page_size = page_size
        self._http = Transport(url, key, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Callreel({self._http.base!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def recordings(
        self,
        *,
        sort: SortName | Iterable[SortName] | None = None,
        limit: int | None = None,
        **filters: Unpack[Filters],
    ) -> Iterator[Recording]:
        """Iterate over the recordings that match, fetching pages as they are needed.

        About one page is held at a time, however many there are. On Callreel the walk neither
        skips nor repeats what was there when it began. The original endpoint knows offsets
        only: repeats are dropped, but a recording deleted meanwhile can hide another.

        Args:
            sort: `start_time`, `hangup_time` or `talking_time`, with a minus for descending;
                the original endpoint knows no order.
            limit: At most so many in all.
            filters: Which ones; see `Filters`.

        Raises:
            TypeError, ValueError: an argument is wrong; at once, before anything is asked.
            ClientError: while iterating.
        """
        return self._walk(LIST_PATH, ask(filters, sort), limit)

    def calls(
        self,
        *,
        sort: SortName | Iterable[SortName] | None = None,
        limit: int | None = None,
        **filters: Unpack[CallFilters],
    ) -> Iterator[Recording]:
        """Iterate over all calls that match, each once, with or without recording.

        A call is shown as its first recording; where `recording_uuid` is None it has none. All
        else is as in `recordings`.

        Args:
            sort: As in `recordings`.
            limit: At most so many in all.
            filters: Which ones; see `CallFilters`.

        Raises:
            TypeError, ValueError: an argument is wrong; at once, before anything is asked.
            ClientError: while iterating.
        """
        return self._walk(CALLS_PATH, ask(filters, sort, of_calls=True), limit)

    def count(self, **filters: Unpack[Filters]) -> int | None:
        """Return how many recordings match, or None where the server does not tell.

        The original endpoint does not. Walking counts there, at a request for every page:
        `sum(1 for _ in calls.recordings(...))`.
        """
        return self._count(LIST_PATH, ask(filters))

    def count_calls(self, **filters: Unpack[CallFilters]) -> int | None:
        """Return how many calls match, or None where the server does not tell (see `count`)."""
        return self._count(CALLS_PATH, ask(filters, of_calls=True))

    def recording(self, recording_id: str) -> Recording:
        """Return one recording.

        Raises:
            NotFoundError: there is none within reach of the key.
        """
        path = path_of(recording_id)
        return self._persist(lambda: decoded(self._http.ask("GET", path), _One)).data

    @overload
    def download(
        self,
        recording: Recording | str,
        to: str | os.PathLike[str],
        *,
        format: Format | None = None,
    ) -> Path: ...

    @overload
    def download(
        self, recording: Recording | str, to: BinaryIO, *, format: Format | None = None
    ) -> None: ...

    def download(
        self,
        recording: Recording | str,
        to: str | os.PathLike[str] | BinaryIO,
        *,
        format: Format | None = None,  # noqa: A002 - its name in the endpoint's addresses
    ) -> Path | None:
        """Save the audio of a recording, and return where, once it is whole.

        It goes to a temporary file first and is resumed where the connection breaks. Given the
        recording itself, not its id, its length and digest are checked too.

        Args:
            recording: The recording, or its id.
            to: A file, which is replaced, a folder, where a name is made of the id, or a file
                that is open for writing.
            format: `opus`, `mp3` or `wav` to have it converted; as stored without.

        Raises:
            NotFoundError: there is none within reach of the key.
            DamagedAudioError: what came is not what the recording tells of.
            OSError: the file cannot be written.
        """
        source = download.source_of(self._http, recording, format)
        if isinstance(to, str | os.PathLike):
            return download.to_path(self._http, source, Path(to), download.id_of(recording))
        download.to_file(self._http, source, to)
        return None

    def upload(self, call: Call, audio: str | os.PathLike[str]) -> Recording:
        """Hand in a recording and return it as stored; a repeat changes nothing.

        Args:
            call: The call's fields under the names of the endpoint, times as text in UTC or as
                datetimes with a time zone; or a recording from another server.
            audio: The file.

        Raises:
            BadRecordingError: a field or the audio cannot be taken in.
            ConflictError: the id has other content.
            OSError: the file cannot be read.
        """
        form = upload.Form(call, Path(audio))
        return self._persist(
            lambda: decoded(
                self._http.ask("POST", LIST_PATH, body=form.chunks, headers=form.headers), _One
            ),
            harmless=False,
        ).data

    def set_tags(self, recording: Recording | str, tags: Iterable[int]) -> Recording:
        """Give a recording these tags in place of those that it has, and return it.

        Args:
            recording: The recording, or its id.
            tags: Ids of tags.

        Raises:
            NotFoundError: there is none within reach of the key.
            ApiError: there is no such tag.
        """
        body = msgspec.json.encode({"custom_tag_id_list": sorted(set(tags))})
        path = path_of(download.id_of(recording))
        return self._persist(
            lambda: decoded(self._http.ask("PATCH", path, body=body), _One), harmless=False
        ).data

    def _persist(self, action: Callable[[], Shape], *, harmless: bool = True) -> Shape:
        return self._http.persist(action, harmless=harmless)

    def _count(self, path: str, question: Question) -> int | None:
        if question.is_empty:
            return 0
        query = question.query(limit=1, count="true")
        answer = self._persist(lambda: self._http.ask("GET", f"{path}?{query}"))
        total = answer.headers.get("X-Total-Count", "")
        return int(total) if total.isascii() and total.isdigit() else None

    def _walk(self, path: str, question: Question, limit: int | None) -> Iterator[Recording]:
        if limit is not None and limit < 0:
            raise ValueError("The limit is 0 or more.")
        if question.is_empty:
            return iter(())
        size = self._page_size if limit is None else min(self._page_size, limit)
        return islice(walk(partial(self._page, path), question, size), limit)

    def _page(self, path: str, query: str) -> Page:
        return self._persist(lambda: _page_of(self._http.ask("GET", f"{path}?{query}")))


def _page_of(answer: BaseHTTPResponse) -> Page:
    return Page(decoded(answer, _List).data, next_query(answer.headers.get("Link")))
