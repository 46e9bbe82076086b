#!/usr/bin/env python3
"""Write the pages of the reference that are made from the code: `./run docs`.

Whoever changes a setting, a limit, a route, an error, a command or a metric runs it and commits
what it wrote; a test compares the pages with the code.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from picture import answer_picture
from prometheus_client.parser import text_string_to_metric_families

from callreel.api import body, names, params
from callreel.api.errors import ANSWERS, BUG
from callreel.api.exchange import Exchange
from callreel.api.limits import Limits
from callreel.api.metrics import SECONDS, Metrics
from callreel.api.openapi import ERROR_HEADERS, ERRORS
from callreel.api.routes import document
from callreel.archive import hand_in
from callreel.audio import peaks, probe
from callreel.audio.folder import STALE_SECONDS
from callreel.catalog.bounds import ARRIVAL_BITS, MAX_TENANT
from callreel.cli import app
from callreel.cli.protocol import MAX_HEAD_BYTES, MAX_HEAD_SECONDS
from callreel.importers.freepbx.cdr import LONGEST_CALL
from callreel.importers.freeswitch.record import MAX_RECORD
from callreel.importers.manifest.line import MOMENT, schema
from callreel.importers.manifest.lines import MAX_LINE as LONGEST_LINE
from callreel.importers.table import MAX_LINE
from callreel.importers.tree import MAX_DEPTH
from callreel.importers.vcon.container import LARGEST
from callreel.importers.vcon.conversation import MOST
from callreel.importers.vcon.fetch import MOST_BYTES, MOST_SECONDS, STILL_SECONDS
from callreel.importers.vcon.skeleton import MOST_KEPT
from callreel.settings import MIRROR_KEY, PREFIX, Settings, reference
from callreel.web.document import Reply, Shown, groups

DOCS: Final = Path(__file__).parent
MADE: Final = "<!-- Made from the code by `./run docs`; change the code, not this page. -->"
DO: Final = {
    "bad_parameter": "Read the message: it names the parameter and what is wrong with it.",
    "not_authenticated": "Send a key that is whole, not expired and not revoked.",
    "not_allowed": "Use a key with the scope that the message names.",
    "not_found": "Check the id; also whether the key reaches that project or user.",
    "method_not_allowed": "Use one of the methods in the header `Allow`.",
    "too_slow": "Send it again over a faster line; nothing of it was kept.",
    "conflict": "Send the recording under another id, or leave the id out.",
    "too_large": "Send less, or ask the operator to raise the limit.",
    "unsupported_media": "Send the content type that the message names; audio as WAV, MP3, Ogg "
    "(Opus or Vorbis) or FLAC.",
    "range_not_satisfiable": "Ask for bytes within the length in `Content-Range`.",
    "bad_recording": "Correct the field that is named, or record the audio anew.",
    "too_many_requests": "Wait for the seconds in `Retry-After`, then ask again.",
    "unavailable": "Wait for the seconds in `Retry-After`, then ask again; for a slow question, "
    "ask for less.",
    "storage_full": "Tell the operator. Nothing of what was sent was kept; send it again later.",
    "internal_error": "A fault of the server. Tell its operator the `request_id`; the log has it.",
}
"""What a client does about each error."""
FIXED: Final = (
    ("Bytes in the line and the headers of a request", f"{MAX_HEAD_BYTES:,}", "431"),
    ("Seconds for the headers of a request to arrive", f"{MAX_HEAD_SECONDS:g}", "closed"),
    ("Seconds for which a body may stand still", f"{body.IDLE_SECONDS:g}", "408"),
    ("Bytes a second, at least, of a body that takes longer", f"{body.LEAST_RATE:,}", "408"),
    ("Characters in `sort`", f"{params.MAX_SORT_CHARS:,}", "400"),
    ("Bytes in the body that names a tag", f"{names.MOST_BYTES:,}", "413"),
    ("Bytes of a call record that is handed in", f"{hand_in.MOST_BYTES:,}", "413"),
    ("Integers, everywhere", "64 bits", "400 or 422"),
    ("Channels of audio", f"1 to {probe.MOST_CHANNELS}", "422"),
    (
        "Rate of audio",
        f"{probe.RATES.start / 1000:g} to {(probe.RATES.stop - 1) / 1000:g} kHz",
        "422",
    ),
    ("Points of a waveform, for each channel", f"at most {peaks.POINTS}", ""),
    ("Start of a call", "in the years 2000 to 2135", "422"),
    ("Calls of one tenant that start in the same second", f"{1 << ARRIVAL_BITS:,}", "422"),
    ("Tenants in one catalog", f"{MAX_TENANT:,}", "refused"),
    ("Import: folders inside one another", f"{MAX_DEPTH}", "reported"),
    ("Import: characters in a line of call records", f"{MAX_LINE:,}", "reported"),
    ("Import: bytes of a call record of FreeSWITCH", f"{MAX_RECORD:,}", "reported"),
    ("Import: seconds of a call", f"{LONGEST_CALL:,}", "reported"),
    ("Import: bytes in a line of a manifest", f"{LONGEST_LINE:,}", "reported"),
    ("Import: bytes of a vCon file", f"{LARGEST:,}", "reported"),
    ("Import: the same without its texts of more than 4 KiB", f"{MOST_KEPT:,}", "reported"),
    (
        "Import: dialogs, and parties, of a vCon",
        f"{MOST['dialog']:,}, {MOST['parties']:,}",
        "reported",
    ),
    ("Import: bytes of audio that is fetched", f"{MOST_BYTES:,}", "reported"),
    ("Import: seconds for a fetch; without a byte", f"{MOST_SECONDS}; {STILL_SECONDS}", "reported"),
    ("Age of a temporary file that a start removes", f"{STALE_SECONDS:,} s", ""),
)
"""Limits that no setting moves: what, how much, and what comes of more."""


def main() -> None:
    """Write every page below the folder that is named, or below this one."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    for name, text in pages().items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the text of each page by its path below `docs`."""
    return {
        "reference/settings.md": _page("Settings", _settings()),
        "reference/limits.md": _page("Limits", _limits()),
        "reference/errors.md": _page("Errors", _errors()),
        "reference/routes.md": _page("Routes", _routes()),
        "reference/commands.md": _page("Commands", _commands()),
        "reference/metrics.md": _page("Metrics", _metrics()),
        "reference/manifest.md": _page("The manifest", _manifest()),
        "reference/manifest.schema.json": json.dumps(schema(), indent=2) + "\n",
        "images/answer.svg": answer_picture(),
    }


def _page(title: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", MADE, *parts]) + "\n"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(_cell(each) for each in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _settings() -> Iterator[str]:
    yield (
        "All settings are variables of the environment. They are read once, when a command starts. "
        "A variable that begins with `CALLREEL_` and is no setting is an error, so that a "
        "misspelled one is not overlooked. `callreel settings` shows what is in force. A switch "
        f"is `0` or `1`. `{MIRROR_KEY}` is no setting and is shown nowhere: it holds the key for "
        "[`callreel mirror`](../how-to/mirror-an-account.md)."
    )
    shown = {"True": "1", "False": "0"}
    yield _table(
        ("setting", "default", "meaning"),
        [
            (_code(name), _code(shown.get(default, default)), says)
            for name, default, says in reference()
        ],
    )
    yield (
        "`callreel serve` takes `--host`, `--port` and `--workers` too; an option goes before its "
        "setting. See [commands](commands.md) and [limits](limits.md)."
    )


def _limits() -> Iterator[str]:
    yield "What one request may hold. Above a limit the answer is an error that names the limit."
    settable = {each.name for each in fields(Settings)}
    says = dict(re.findall(r"^ +(\w+): (.+)$", Limits.__doc__ or "", re.MULTILINE))
    rows = [
        (
            says[each.name].rstrip("."),
            f"{getattr(Limits(), each.name):,}",
            _code(PREFIX + each.name.upper()) if each.name in settable else "fixed",
        )
        for each in fields(Limits)
    ]
    yield _table(("at most", "default", "setting"), rows)
    yield "These hold everywhere and are not settings."
    yield _table(("what", "limit", "beyond it"), FIXED)
    yield (
        "Time, space and processor time have limits that are [settings](settings.md): "
        f"`{PREFIX}QUERY_SECONDS`, `{PREFIX}CONVERT_SECONDS`, `{PREFIX}FREE_SPACE_RESERVE` and "
        f"`{PREFIX}RATE_LIMIT`."
    )


def _errors() -> Iterator[str]:
    yield (
        "Every error of the API has one form, as `application/json`:\n\n```json\n"
        '{"error": {"code": "bad_parameter", "message": "The limit must be a whole number from 1 '
        'to 10000.", "field": "limit", "request_id": "b6d0c4a19e7f"}}\n```'
    )
    yield (
        "`code` is for programs and stays as it is. `message` is one sentence for people and may "
        "change. `field` names the parameter or field at fault, where there is one. `request_id` "
        "is in the header `X-Request-ID` and in the access log too."
    )
    rows = [(status, code, ERRORS[status][0]) for status, code in ANSWERS.values()]
    rows.append((*BUG, "Something went wrong in the server."))
    yield _table(
        ("status", "code", "meaning", "what to do", "header"),
        [
            (str(status), _code(code), says, DO[code], _code(ERROR_HEADERS.get(status, ("",))[0]))
            for status, code, says in sorted(rows)
        ],
    )
    yield (
        "A request line with headers beyond all measure is answered with status 431, and one that "
        "is no HTTP with 400; both with the code `bad_parameter`, and the connection ends."
    )


def _routes() -> Iterator[str]:
    yield (
        "Every address, as `GET /openapi.json` describes it for programs and `GET /docs` for "
        "people. [The endpoint](endpoint.md) says more about the list, its filter and the object. "
        "Wherever there is a `GET`, a `HEAD` is answered too."
    )
    described = groups(document(Limits()))
    every = [each for shown in described.values() for each in shown]
    yield _table(
        ("method", "address", "scope", ""),
        [
            (each.method, _code(each.path), _code(each.scope) or "no key", each.summary)
            for each in every
        ],
    )
    for group, shown in described.items():
        yield f"## {group}"
        for each in shown:
            yield from _route(each)


def _route(shown: Shown) -> Iterator[str]:
    yield f"### {shown.summary}"
    yield f"`{shown.method} {shown.path}`"
    yield shown.says
    if shown.parameters:
        rows = [
            (_code(each.name), each.note, _kind(each.kind), each.says) for each in shown.parameters
        ]
        yield _table(("parameter", "in", "value", "meaning"), rows)
    if shown.body:
        rows = [(_code(each.name), each.kind, each.note, each.says) for each in shown.body]
        yield f"Body: `{shown.body_type}`."
        yield _table(("field", "value", "", "meaning"), rows)
    yield "\n".join(_answer(each) for each in shown.answers)
    if shown.errors:
        yield "Errors: " + ", ".join(f"[{each.status}](errors.md)" for each in shown.errors) + "."


def _kind(text: str) -> str:
    return "JSON, see [the endpoint](endpoint.md)" if text.startswith("JSON:") else text


def _answer(reply: Reply) -> str:
    headers = "".join(f"\n  - `{name}`: {says}" for name, says in reply.headers)
    return f"- **{reply.status}** {reply.says}{headers}"


def _commands() -> Iterator[str]:
    yield (
        "Every command takes `--help`. Exit codes: 0 done, 1 it could not be done, 2 wrongly asked "
        "for, 3 done, though not without fault: an import that refused something, a doctor who "
        "warns. From a checkout, `./run callreel …` is the same as `callreel …`."
    )
    text = app.generate_docs(output_format="markdown")
    text = text[text.index("## callreel serve") :]
    # Groups of commands inherit that there is no `--no-json`, which the generator does not see.
    yield re.sub(r", --(?:no|empty)-[\w-]+", "", text).strip()


def _manifest() -> Iterator[str]:
    yield (
        "A line of a manifest is a JSON object with these fields, as [its JSON Schema]"
        "(manifest.schema.json) has them for programs. How to use it: "
        "[import a manifest](../how-to/import-a-manifest.md)."
    )
    made = schema()
    yield _table(("field", "value", "", "meaning"), _fields(made, made))
    yield (
        "What is not required may be left out or be `null`. A time is a text of RFC 3339 with its "
        "offset from UTC; an integer in its place is seconds since 1970-01-01 UTC. Either is in "
        "the years 2000 to 2135. "
        "`hung_up_at` and `waiting_ms` need `talking_ms` where there is audio. A field that is "
        "not in the table is passed over, with a note."
    )
    yield "`project` and `user` are objects:"
    yield _table(("field", "value", "", "meaning"), _fields(made["$defs"]["Thing"], made))


def _fields(part: dict[str, Any], whole: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, field in part["properties"].items():
        need = "required" if name in part["required"] else ""
        yield _code(name), _values(field, whole), need, field["description"]


def _values(field: dict[str, Any], whole: dict[str, Any]) -> str:
    """Return in words what values a schema allows, without null."""
    if "anyOf" in field:
        every = (_values(each, whole) for each in field["anyOf"] if each.get("type") != "null")
        return " or ".join(every)
    if "$ref" in field:
        part = whole["$defs"][field["$ref"].rpartition("/")[2]]
        return ", ".join(map(_code, part["enum"])) if "enum" in part else "object"
    if field["type"] == "array":
        return f"list of at most {field['maxItems']} integers"
    if field.get("pattern") == MOMENT:
        return "time"
    longest = f", at most {field['maxLength']} characters" if "maxLength" in field else ""
    return f"{field['type']}{longest}"


def _metrics() -> Iterator[str]:
    yield (
        "`GET /metrics` answers without a key, in the text form that Prometheus reads. It tells of "
        "all server processes together. It holds no numbers, names or keys, but it does tell how "
        "busy you are, so do not let the world read it: see "
        "[run as a service](../how-to/run-as-a-service.md)."
    )
    rows = []
    for family in text_string_to_metric_families(_counted()):
        labels = {name for each in family.samples for name in each.labels} - {"le"}
        name = family.name + ("_total" if family.type == "counter" else "")
        if not name.endswith("_created"):
            rows.append(
                (
                    _code(name),
                    family.type,
                    ", ".join(map(_code, sorted(labels))),
                    family.documentation,
                )
            )
    yield _table(("metric", "type", "labels", "meaning"), rows)
    yield (
        "`route` is the pattern of the address, never the address itself. The buckets of the "
        f"duration are {', '.join(f'{each:g}' for each in SECONDS)} seconds."
    )


def _counted() -> str:
    """Return the metrics of a server that was asked once, so that each has its labels."""
    metrics = Metrics()
    asked = SimpleNamespace(route="/health", method="GET", status=200, seconds=0.001)
    metrics.requests([cast("Exchange", asked)])
    metrics.taken_in("api")
    return metrics.render().decode()


if __name__ == "__main__":
    main()
