"""Keep calls without recording, for the list of calls.

A call that comes twice, or of which there is a recording, is kept once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from callreel.archive import Archive, BodyFormat
from callreel.archive.facts import facts_of
from callreel.archive.take_in import check_call
from callreel.archive.verdict import Became, Verdict, plain_verdict
from callreel.catalog import Catalog, NewCall, Outcome
from callreel.errors import BadRecording
from callreel.importers.items import Fault, Refusal, Row
from callreel.model import Call


def new_call(
    bodies: BodyFormat,
    call: Call,
    source: str,
    import_run: int | None = None,
    legs: tuple[tuple[int, str], ...] = (),
) -> NewCall:
    """Return what the catalog keeps of a call without recording.

    Args:
        bodies: Writes its body.
        call: The call.
        source: What brings it in, such as `freepbx`.
        import_run: The number of the import in the ledger, or None.
        legs: Its legs, as of a `Row`.

    Raises:
        BadRecording: its times or lengths cannot be, or a field is too long.
    """
    check_call(call)
    return NewCall(
        dialog=call.dialog_id,
        body=bodies.render_unrecorded(call),
        facts=facts_of(call),
        arrived_at=int(time.time()),
        source=source,
        project=call.project,
        user=call.user,
        import_run=import_run,
        legs=legs,
    )


async def keep_calls(
    archive: Archive, tenant: int, rows: Sequence[Row | Refusal], import_run: int | None
) -> list[Verdict]:
    """Keep the calls that rows of call records tell of; return each row's verdict, in order.

    They are kept in one transaction. A row whose call cannot be is refused; one whose recording
    is missing stays refused, or left for later, and its call is kept, which its reason says.
    """
    made = [_new_call(archive.bodies, row, import_run) for row in rows]
    calls = [each for each in made if isinstance(each, NewCall)]
    outcomes = iter(await _add(archive.catalog, tenant, calls))
    return [
        _verdict(row, next(outcomes)) if isinstance(each, NewCall) else each
        for row, each in zip(rows, made, strict=True)
    ]


async def foresee_call(
    catalog: Catalog | None, bodies: BodyFormat, tenant: int, row: Row | Refusal
) -> Verdict:
    """Return the verdict that a row would get; nothing is written."""
    made = _new_call(bodies, row, None)
    if isinstance(made, Verdict):
        return made
    is_known = catalog is not None and await catalog.knows_call(tenant, made)
    return _verdict(row, Outcome.SAME if is_known else Outcome.ADDED)


def _new_call(bodies: BodyFormat, row: Row | Refusal, import_run: int | None) -> NewCall | Verdict:
    if row.call is None:
        return plain_verdict(row)
    try:
        legs = row.legs if isinstance(row, Row) else ()
        return new_call(bodies, row.call, row.source, import_run, legs)
    except BadRecording as error:
        return _refused(row, error)


async def _add(
    catalog: Catalog, tenant: int, calls: Sequence[NewCall]
) -> list[Outcome | BadRecording]:
    """Add all together; where one of them cannot be added, each alone."""
    if not calls:
        return []
    try:
        return [*await catalog.add_calls(tenant, calls)]
    except BadRecording as error:
        if len(calls) == 1:
            return [error]
    return [each for call in calls for each in await _add(catalog, tenant, [call])]


def _verdict(row: Row | Refusal, added: Outcome | BadRecording) -> Verdict:
    if isinstance(added, BadRecording):
        return _refused(row, added)
    if isinstance(row, Refusal):
        is_added = added is Outcome.ADDED
        says = "The call is kept without it." if is_added else "The call is here already."
        reason = f"{row.reason} {says}"
        return replace(plain_verdict(row), reason=reason, adds_call=is_added)
    became = Became.CALL_ADDED if added is Outcome.ADDED else Became.CALL_SAME
    return Verdict(where=row.where, became=became, is_row=True, notes=row.notes)


def _refused(row: Row | Refusal, error: BadRecording) -> Verdict:
    if isinstance(row, Refusal):
        return plain_verdict(row)
    return plain_verdict(Refusal(row.where, Fault.BAD_CALL, error.message, is_row=True))
