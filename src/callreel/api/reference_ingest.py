"""What the reference says of the routes by which telephone systems hand in call records."""

from __future__ import annotations

from typing import Any, Final

from callreel.api.ask import JSON
from callreel.api.freeswitch import FORM, XML
from callreel.api.limits import Limits
from callreel.api.openapi import Answer, Operation, Parameter, data_of, ref
from callreel.api.reference_list import TEXT
from callreel.archive.hand_in import MOST_BYTES

UUID: Final = "8c9f7c2e-5a0b-4c1d-9e3f-0a1b2c3d4e5f"
_VARIABLES: Final = {"uuid": UUID, "start_epoch": "1772438405", "end_epoch": "1772438480"}
_INSIDE: Final = "".join(f"<{name}>{text}</{name}>" for name, text in _VARIABLES.items())
_AS_XML: Final = f"<cdr><variables>{_INSIDE}</variables></cdr>"


def adding_freeswitch_record(_limits: Limits) -> Operation:
    """Describe handing in a record of FreeSWITCH."""
    record: dict[str, Any] = {
        "type": "object",
        "properties": {
            "variables": {
                "type": "object",
                "description": "The channel's variables, URL-encoded or not.",
                "minProperties": 1,
            }
        },
        "required": ["variables"],
    }
    field = {**TEXT, "description": "The record: plain, percent-encoded or in base64."}
    form = {"type": "object", "properties": {"cdr": field}, "required": ["cdr"]}
    content = {
        JSON: {"schema": record, "example": {"variables": _VARIABLES}},
        XML: {"schema": TEXT, "example": _AS_XML},
        FORM: {"schema": form, "example": {"cdr": _AS_XML}},
    }
    return Operation(
        id="add_freeswitch_record",
        group="Call records",
        summary="Hand in a call record of FreeSWITCH",
        says="Takes what `mod_json_cdr` and `mod_xml_cdr` post: the record itself, or a form with "
        "the field `cdr`. The answer comes once it is on stable storage, and is always 200: the "
        "same again changes nothing, and another record of the same channel is a conflict. "
        "`callreel import freeswitch` takes it in with its recording. "
        f"A record has at most {MOST_BYTES} bytes. The key may also be the password of HTTP "
        "Basic, behind any user name; Digest is not supported. It must not be narrowed.",
        parameters=(
            Parameter(
                name="uuid",
                says="The channel, perhaps after `a_`, as FreeSWITCH appends it.",
                schema={
                    **TEXT,
                    "pattern": "^(a_)?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
                },
                example=UUID,
                is_required=True,
            ),
        ),
        body={"required": True, "content": content},
        answers={
            200: Answer(
                says="The record is kept.",
                schemas=data_of(ref("KeptRecord")),
                example={"data": {"uuid": UUID, "is_new": True}},
            ),
        },
        errors=(400, 409, 413, 415, 422, 507),
    )
