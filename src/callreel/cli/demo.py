"""`callreel demo`: everything at a glance, on invented calls."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from callreel.cli.output import note, print_json
from callreel.cli.serve import Port
from callreel.cli.serving import bound, end_well, serve_alone, url_of
from callreel.demo.build import Demo, build, clear, finished
from callreel.settings import Settings, read_settings
from callreel.wiring import sole_server

FOLDER: Final = Path("data/demo")
OLD_DAYS: Final = 30

GUIDE: Final = """\
The demonstration archive of Callreel is ready: {url}

  key of the first tenant    {key}
  key of the second tenant   {other_key}

The published sample, ready to paste:

curl --request GET \\
  --url '{url}/cdr_dialog_recording?limit=3&offset=0&filter={filter}' \\
  --header 'Authorization: {key}' \\
  --header 'Content-Type: application/json'

What to try next:

  all addresses, in a browser     {url}/docs
  one recording's audio           curl -H 'Authorization: {key}' -o call.opus \\
                                    '{url}/cdr_dialog_recording/{recording_id}/audio'
  how many there are              curl -I -H 'Authorization: {key}' \\
                                    '{url}/cdr_dialog_recording?count=true&limit=1'
  recordings of your own          callreel import --help
                                    (from a checkout: ./run callreel import --help)

Ctrl-C ends it; the next start is quick and has the same keys.
"""


def demo(
    *, port: Port = 8080, json: bool = False, fresh: bool = False, data: Path = FOLDER
) -> None:
    """Build a demonstration archive, once, and serve it until Ctrl-C.

    Args:
        port: Port to listen on; 0 takes any free one.
        json: Print one line `{"url", "key", "other_key", "pid"}` when it is ready, nothing else.
        fresh: Throw the demonstration away and build it anew.
        data: Its folder; never one with recordings of yours.
    """
    end_well()
    settings = replace(read_settings(), data=data, workers=1, public_url=None, access_log=False)
    with sole_server(data), bound("127.0.0.1", port) as listening:
        made = prepared(settings, fresh=fresh)
        url = url_of(listening)

        def say() -> None:
            if json:
                print_json(
                    {"url": url, "key": made.key, "other_key": made.other_key, "pid": os.getpid()}
                )
            else:
                print(guide(url, made), flush=True)

        serve_alone(settings, listening, say)


def guide(url: str, made: Demo) -> str:
    """Return what a person is told when the demonstration is ready."""
    question = '[{"property":"talking_time","operator":"gte","value":60000}]'
    return GUIDE.format(
        url=url,
        key=made.key,
        other_key=made.other_key,
        recording_id=made.recording_id,
        filter=encode_uri(question),
    )


def encode_uri(text: str) -> str:
    """Encode as JavaScript's `encodeURI` does."""
    return quote(text, safe=";,/?:@&=+$-_.!~*'()#")


def prepared(settings: Settings, *, fresh: bool) -> Demo:
    """Return the demonstration of the data folder, built where none was built to its end."""
    now = int(time.time())
    made = None if fresh else finished(settings.data)
    if made is None:
        clear(settings.data)
        note("callreel: building the demonstration archive, a few seconds …")
        return asyncio.run(build(settings, now=now))
    age = (now - made.built_at) // 86_400
    if age > OLD_DAYS:
        note(f"callreel: this demonstration is {age} days old; --fresh builds a new one.")
    return made
