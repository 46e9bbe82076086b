"""Addresses: ids, paths, traversal, headers, keys in the wrong place, ranges."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator

from attack.case import SOUND_STATUSES, Case, Target, quoted, request
from attack.payloads import EVERYTHING, FILES, LINES, ODD, SCRIPT

LIST = "/cdr_dialog_recording"
ENDS = ("", "/audio", "/peaks", "/audio?format=mp3")
ABSENT = frozenset({400, 404, 405})
UNKNOWN = frozenset({401})


def ids(target: Target, chance: random.Random) -> Iterator[Case]:
    """Ids that are no ids, in every place that takes one; also the right one, a little changed."""
    while True:
        text = chance.choice((*EVERYTHING, *_nearly(chance, target.foreign)))
        base = chance.choice((LIST, "/export", "/static"))
        ends = ENDS if base == LIST else ("", "/file") if base == "/export" else ("",)
        path = f"{base}/{quoted(text)}{chance.choice(ends)}"
        method = chance.choice(("GET", "GET", "HEAD", "DELETE", "PATCH"))
        body = b'{"custom_tag_id_list":[]}' if method == "PATCH" else None
        raw = request(method, path, target.all, body=body)
        yield Case(f"{method} {base}/{text[:30]!r}", raw, ABSENT | {431})


def _nearly(chance: random.Random, known: str) -> tuple[str, ...]:
    at = chance.randrange(len(known))
    return (
        known,
        known.upper() + ".",
        known + "\x00",
        known[:at],
        known + "/",
        known[:at] + "%" + known[at:],
        known + ".wav",
        "1:" + known,
        known.replace("-", "_") + "_",
    )


def traversal(target: Target, chance: random.Random) -> Iterator[Case]:
    """Paths that climb, as they are and encoded once, twice, in backslashes and in base64."""
    starts = ("/static/", "/", f"{LIST}/", f"{LIST}/{target.own}/", "/export/", "/docs/", "//")
    while True:
        file = chance.choice(FILES)
        spelled = chance.choice(
            (
                file.replace("\x00", "%00"),
                quoted(file),
                quoted(quoted(file)),
                file.replace("/", "\\").replace("\x00", ""),
                file.replace("..", "%2e%2e").replace("\x00", "%00"),
                base64.urlsafe_b64encode(file.encode()).decode(),
                "../" * chance.randrange(1, 12) + "etc/passwd",
                "%2e%2e/" * chance.randrange(1, 12) + "etc/passwd",
                "./././" + file.replace("\x00", ""),
            )
        )
        start = chance.choice(starts)
        raw = request("GET", start + spelled.replace(" ", "%20"), target.all)
        yield Case(f"GET {start}{spelled[:40]}", raw, ABSENT)


def headers(target: Target, chance: random.Random) -> Iterator[Case]:
    """Header injection, hosts that are none, headers that other servers believe."""
    places = (LIST, f"{LIST}/{target.own}", f"{LIST}/{target.own}/audio", "/health", "/docs")
    names = ("X-Request-ID", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Referer")
    more = ("X-Original-URL", "X-Rewrite-URL", "If-None-Match", "If-Range", "Accept", "User-Agent")
    while True:
        text = chance.choice((*LINES, *SCRIPT, *FILES, *ODD))
        plain = text.replace("\r", "").replace("\n", "").replace("\x00", "")
        name = chance.choice((*names, *more, "Origin", "Cookie", "Forwarded", "X-Http-Host"))
        way = chance.randrange(5)
        if way == 0:
            path = f"{chance.choice(places)}?limit={quoted(text)}"
            yield Case(f"a line end in a query: {text[:20]!r}", request("GET", path, target.all))
        elif way == 1:
            raw = request("GET", LIST, target.all).replace(
                b"calls.test", plain.encode("utf-8", "replace")
            )
            yield Case(f"Host: {plain[:30]!r}", raw, is_broken=True)
        elif way == 2:
            raw = request("GET", chance.choice(places), target.all, headers=[(name, text)])
            yield Case(f"{name}: {text[:30]!r} as it is", raw, is_broken=True)
        else:
            raw = request("GET", chance.choice(places), target.all, headers=[(name, plain)])
            yield Case(
                f"{name}: {plain[:30]!r}", raw, is_broken=plain != text or not plain.isascii()
            )


def credentials(target: Target, chance: random.Random) -> Iterator[Case]:
    """A good key in the wrong place, and what is only nearly a key in the right one."""
    good = target.all.text
    word = base64.b64encode(f"callreel:{good}".encode()).decode()
    while True:
        at = chance.randrange(len(good))
        forged = chance.choice(
            (
                good[:at] + chance.choice("AZaz09_-").replace(good[at], "*") + good[at + 1 :],
                good[:at],
                good[at:],
                good.upper(),
                good.swapcase(),
                f'"{good}"',
                f"Bearer: {good}",
                f"Bearer Bearer {good}",
                f"Basic {word}",
                f"Digest username={good}",
                f"Token token={good}",
                chance.choice(EVERYTHING).replace("\r", "").replace("\n", "").replace("\x00", ""),
                f"cr_{'0' * chance.randrange(1, 3_000)}",
            )
        )
        places = (
            [("Authorization", forged)],
            [("Authorization", good), ("Authorization", forged or "x")],
            [("X-Api-Key", good)],
            [("Cookie", f"key={good}; Authorization={good}")],
            [("Proxy-Authorization", good)],
            [("X-Authorization", good)],
            [("Authorisation", good)],
        )
        given = chance.choice(places)
        query = chance.choice(
            ("", f"?key={good}", f"?Authorization={good}", f"?access_token={good}")
        )
        raw = request("GET", LIST + query, headers=given)
        broken = not forged.isprintable()
        says = f"{given[0][0]}: {forged[:24]!r}"
        yield Case(says, raw, frozenset() if broken else UNKNOWN, is_broken=broken)


def ranges(target: Target, chance: random.Random) -> Iterator[Case]:
    """Ranges by the thousand, overlapping, huge, backwards: never more bytes than the file has."""
    size = len(target.sound)
    one = f"{LIST}/{target.own}/audio"
    paths = (one, f"{one}?format=wav", f"/export/{target.exports['own']}/file")
    while True:
        low, high = sorted(chance.randrange(2 * size) for _ in range(2))
        asked = chance.choice(
            (
                "bytes=" + ",".join(f"{n}-{n}" for n in range(1_000)),
                "bytes=" + ",".join(["0-"] * 1_300),
                "bytes=" + "0-," * 9_000,
                "bytes=" + "0-0," + " " * 9_000 + "1-1",
                f"bytes={low}-{high}",
                f"bytes={high}-{low}",
                f"bytes=-{high}",
                f"bytes={low}-",
                "bytes=-0",
                "bytes=-",
                f"bytes={'9' * chance.choice((19, 20, 5_000))}-",
                f"bytes=0-{'9' * chance.choice((19, 20, 5_000))}",
                f"bytes={2**64}-{2**64 + 1}",
                "bytes=0-1,-1",
                "bytes=0x0-0x9",
                "bytes=１-２".encode().decode("latin-1"),
                f"items={low}-{high}",
                f"bytes {low}-{high}",
                f"BYTES={low}-{high}",
                "bytes=" + chance.choice(EVERYTHING).replace("\r", "").replace("\n", ""),
            )
        ).replace("\x00", "")
        path = chance.choice(paths)
        more = chance.choice(([], [("If-Range", '"x"')], [("If-None-Match", '"' * 5_000)]))
        raw = request("GET", path, target.all, headers=[("Range", asked), *more])
        broken = not asked.isprintable() or not asked.isascii()
        allowed = frozenset[int]() if broken else SOUND_STATUSES
        yield Case(f"Range: {asked[:40]}", raw, allowed, most_bytes=size + 1_000, is_broken=broken)
