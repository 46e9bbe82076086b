"""The limit: bytes that are there already, sent by a bare ASGI function.

`LIMIT_BODIES` names a folder; `GET /NAME` answers with the file NAME, as identical bytes each
time, under the headers in NAME.headers, a JSON list of pairs, where that is there. Under
`/zlib1/NAME` the bytes are compressed anew for each request, by zlib at level 1.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]

FILES = {f"/{file.name}": file.read_bytes() for file in Path(os.environ["LIMIT_BODIES"]).iterdir()}
BODIES = {path: content for path, content in FILES.items() if not path.endswith(".headers")}
TYPE = (b"content-type", b"application/json")
PLAIN = json.dumps([["content-type", "application/json"]]).encode()
HEADERS = {
    path: [
        (name.encode(), value.encode())
        for name, value in json.loads(FILES.get(f"{path}.headers", PLAIN))
    ]
    for path in BODIES
}
GZIPPED = (b"content-encoding", b"gzip")
AS_GZIP = 31  # zlib's wbits for the largest window in a gzip wrapper


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    path = scope["path"]
    headers: Headers
    if path.startswith("/zlib1/"):
        headers = [TYPE, GZIPPED]
        body = zlib.compress(BODIES[path.removeprefix("/zlib1")], 1, AS_GZIP)
    else:
        headers = HEADERS[path].copy()
        body = BODIES[path]
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def live(
    receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
