"""Keep calls without recording, for the list of calls."""

from __future__ import annotations

import time

from callreel.archive import BodyFormat
from callreel.archive.facts import facts_of
from callreel.archive.take_in import check_call
from callreel.catalog import NewCall
from callreel.model import Call


def new_call(bodies: BodyFormat, call: Call, source: str, import_run: int | None = None) -> NewCall:
    """Return what the catalog keeps of a call without recording.

    Args:
        bodies: Writes its body.
        call: The call.
        source: What brings it in, such as `freepbx`.
        import_run: The number of the import in the ledger, or None.

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
    )
