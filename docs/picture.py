#!/usr/bin/env python3
"""A picture of an answer, as a terminal shows it."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Final

from callreel.api.examples import example_recording

LINE: Final = 19
MARGIN: Final = 18
TOP: Final = 40
WIDTH: Final = 960
COMMAND: Final = (
    """$ curl -H "Authorization: $KEY" '…/cdr_dialog_recording?limit=1'   # set in lines"""
)
HEAD: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" \
viewBox="0 0 {width} {height}" role="img" aria-labelledby="title">
<title id="title">A terminal that shows one recording with its call</title>
<style>
text {{ font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2933; \
white-space: pre }}
.command {{ fill: #52606d }}
.name {{ fill: #0b5a8a }}
.text {{ fill: #2b6e3f }}
.plain {{ fill: #8a3d0b }}
</style>
<rect x="0.5" y="0.5" width="{inner}" height="{bottom}" rx="8" fill="#fbfaf7" stroke="#d3cec4"/>
<line x1="0.5" x2="{inner}" y1="26.5" y2="26.5" stroke="#d3cec4"/>
<circle cx="16" cy="13.5" r="4" fill="#d3cec4"/><circle cx="30" cy="13.5" r="4" fill="#d3cec4"/>\
<circle cx="44" cy="13.5" r="4" fill="#d3cec4"/>"""
_FIELD: Final = re.compile(r'^( *)("[^"]+")(: )(.+?)(,?)$')


def answer_picture() -> str:
    """Return the picture as SVG."""
    shown = json.dumps({"data": [example_recording()]}, indent=2, ensure_ascii=False)
    # A list of tags on lines of its own would make the picture longer and no clearer.
    shown = re.sub(
        r"\[\s+(\d[\d\s,]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", shown
    )
    lines = [f'<tspan class="command">{escape(COMMAND)}</tspan>', *map(_marked, shown.split("\n"))]
    height = TOP + len(lines) * LINE + 6
    head = HEAD.format(width=WIDTH, height=height, inner=WIDTH - 1, bottom=height - 1)
    text = [
        f'<text x="{MARGIN}" y="{TOP + place * LINE + 8}">{line}</text>'
        for place, line in enumerate(lines)
    ]
    return "\n".join([head, *text, "</svg>"]) + "\n"


def _marked(line: str) -> str:
    found = _FIELD.match(line)
    if found is None:
        return escape(line, quote=False)
    space, name, colon, value, comma = (escape(each, quote=False) for each in found.groups())
    kind = "text" if value.startswith('"') else "plain"
    return (
        f'{space}<tspan class="name">{name}</tspan>{colon}'
        f'<tspan class="{kind}">{value}</tspan>{comma}'
    )
