"""Walks over a whole list, page by page, holding about one page at a time."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import parse_qs

import msgspec

from callreel.client.errors import BadAnswerError
from callreel.client.filters import Question
from callreel.client.recording import Recording

DEFAULT_PAGE: Final = 500  # what the endpoint gives unasked, so it gives no less when asked
WINDOW: Final = 20_000
_STALE_PAGES: Final = 10
_LINK: Final = re.compile(r"<([^>]*)>([^<]*)")
_REL: Final = re.compile(r';\s*rel="?([^";,]*)', re.IGNORECASE)


class Page(msgspec.Struct, frozen=True):
    """A page of a list.

    Attributes:
        recordings: In the server's order.
        following: The query of the next page, or None where the server names none.
    """

    recordings: list[Recording]
    following: str | None = None


Fetch = Callable[[str], Page]


def walk(fetch: Fetch, question: Question, page_size: int) -> Iterator[Recording]:
    """Yield all recordings, by the cursor where the server gives one, else by offset.

    Raises:
        BadAnswerError: the server gives the same page again and again.
    """
    page = fetch(question.query(limit=page_size))
    if page.following is None:
        yield from _by_offset(fetch, question, page_size, page)
    else:
        yield from _by_cursor(fetch, page)


def next_query(link: str | None) -> str | None:
    """Return the query of a `Link` header's next page, or None where it has no cursor.

    Only the query is used. It is put behind the address that the client was given, so the key
    goes nowhere else, and a server whose public address is another than ours is walked too.
    """
    for found in _LINK.finditer(link or ""):
        relation = _REL.search(found[2])
        query = found[1].partition("#")[0].partition("?")[2]
        if relation and "next" in relation[1].lower().split() and "cursor" in parse_qs(query):
            return query
    return None


def _by_cursor(fetch: Fetch, page: Page) -> Iterator[Recording]:
    while True:
        yield from page.recordings
        asked = page.following
        if asked is None:
            return
        page = fetch(asked)
        if page.following == asked:
            raise BadAnswerError("The server names a page as the one after itself; tell it.")


def _by_offset(fetch: Fetch, question: Question, page_size: int, page: Page) -> Iterator[Recording]:
    """Yield what pages by offset hold, each recording once.

    While calls arrive or the order wavers, a recording may stand on two pages.
    """
    seen = Window(WINDOW)
    offset = stale = 0
    while True:
        fresh = [each for each in page.recordings if seen.add(each)]
        yield from fresh
        got = len(page.recordings)
        if got < min(page_size, DEFAULT_PAGE):
            return
        stale = 0 if fresh else stale + 1
        if stale == _STALE_PAGES:
            raise BadAnswerError("The server gives the same page again, whatever the offset.")
        offset += got
        page = fetch(question.query(limit=page_size, offset=offset))


class Window:
    """Remembers the latest ids, so that a repeat is told from a new recording.

    Calls that arrive between two pages push those already seen behind the page border, so a
    repeat stands as far back as calls arrived meanwhile. 20,000, twice the largest page, is
    more than arrive while a page is fetched, and costs some 4 MB however long the list is.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._ids: OrderedDict[str | bytes, None] = OrderedDict()

    def add(self, recording: Recording) -> bool:
        """Remember a recording and say whether it is new."""
        identity = _identity(recording)
        if identity is None:
            return True
        is_new = identity not in self._ids
        self._ids[identity] = None
        self._ids.move_to_end(identity)
        if len(self._ids) > self._size:
            self._ids.popitem(last=False)
        return is_new


def _identity(recording: Recording) -> str | bytes | None:
    """Return what tells a recording from others, or None where nothing does.

    Several recordings may share a dialog, so a dialog's id counts only with all that is told.
    """
    if recording.recording_uuid or recording.recording_url:
        return recording.recording_uuid or recording.recording_url
    if not recording.dialog_uuid:
        return None
    return hashlib.sha256(msgspec.json.encode(recording)).digest()
