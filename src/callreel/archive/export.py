"""Export: the whole of a list, from its beginning to its end, into a draft."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from callreel.archive import Archive
from callreel.archive.exporting import Question, Writer
from callreel.archive.exporting.drafts import TargetDraft
from callreel.archive.exporting.pipe import PipeDraft
from callreel.model import Access, ListRequest, Scope

PAGE: Final = 500
_RECORDS: Final = msgspec.json.Decoder(list[msgspec.Raw])


async def export(
    archive: Archive,
    access: Access,
    question: Question,
    writer: Writer,
    draft: TargetDraft | PipeDraft,
) -> AsyncGenerator[int]:
    """Write what a question asks for, and yield after each page how many records it had.

    The list is walked by position, so what comes in or goes meanwhile makes it neither skip nor
    repeat what was there. When the generator is through, the draft is finished.

    Raises:
        NotAllowed: the key lacks the scope.
        StorageFull, Misconfigured: the export cannot be written.
        Unavailable: the archive cannot go on.
    """
    access.require(Scope.READ)
    count = PAGE
    while count == PAGE:
        request = ListRequest(question.filter, question.sort, limit=PAGE, after=draft.position)
        page = await archive.catalog.page(access.reach, request, question.opening)
        count = page.count
        if page.last is not None:
            await writer.add(records_of(page.bodies))
            draft.count += count
            draft.note(page.last)
            yield count
            await asyncio.sleep(0)  # pages come without waiting: let others work, and end this
    await writer.finish()
    draft.finish()


def records_of(bodies: bytes) -> list[bytes]:
    """Return the records of a page, each with its opening."""
    return [bytes(each) for each in _RECORDS.decode(b"[" + bodies + b"]")]
