"""What is sent as a body: forms, JSON, call records, orders for exports."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

from attack.case import REFUSED, Case, Target, quoted, request
from attack.payloads import EVERYTHING, FILES, ODD
from forms import BOUNDARY, form
from support import a_call

JSON_TYPE = ("Content-Type", "application/json")
LIST = "/cdr_dialog_recording"
RECORD_UUID = "6d59cb01-eeac-432a-b0aa-bfa4f26785ec"
_MASS = ("tenant_id", "tenant", "id", "sha256", "recording_sha256", "legal_hold", "state", "scopes")
_WORDS = ("custom_tag_id_list", "name", "id", "format", "filter", "sort")
_TAKEN = frozenset({200, 201, 202})


def form_type(boundary: bytes = BOUNDARY) -> tuple[str, str]:
    return ("Content-Type", f"multipart/form-data; boundary={boundary.decode()}")


def multipart(target: Target, chance: random.Random) -> Iterator[Case]:
    """Uploads whose form, names, lengths or parts are wrong."""
    call = json.dumps(a_call(recording_uuid="attack")).encode()
    while True:
        name = chance.choice(EVERYTHING).replace("\r", "").replace("\n", "")
        odd = chance.choice((b"-", b"x" * 70, b"x" * 4_000, "ż".encode(), b'"', b""))
        boundary = BOUNDARY if chance.random() < 0.8 else odd
        yield _upload(target, boundary, *_parts(chance, call, target.sound, name))


def _parts(
    chance: random.Random, call: bytes, sound: bytes, name: str
) -> tuple[str, tuple[tuple[str, str, bytes], ...]]:
    audio = ("audio", f'; filename="{name}"', sound)
    broken = bytearray(call)
    broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
    return chance.choice(
        (
            ("a hostile file name", (("call", "", call), audio)),
            ("a broken call", (("call", "", bytes(broken)), audio)),
            ("no audio", (("call", "", call),)),
            ("audio twice", (("call", "", call), audio, audio)),
            ("a call that is no JSON", (("call", "", name.encode("utf-8", "replace")), audio)),
            ("a part too many", (("call", "", call), audio, ("tenant_id", "", b"2"))),
            ("a thousand parts", (("call", "", call),) * 1_000),
            (
                "audio that is text",
                (("call", "", call), ("audio", "", name.encode("utf-8", "replace"))),
            ),
            ("a long part header", (("call", f"; x={'y' * 20_000}", call), audio)),
            ("base64", (("call", "\r\nContent-Transfer-Encoding: base64", call), audio)),
            ("a page that is audio too", (("call", "", call), ("audio", "", b"<html>" + sound))),
            ("cut audio", (("call", "", call), ("audio", "", sound[: chance.randrange(99)]))),
        )
    )


def _upload(
    target: Target, boundary: bytes, says: str, parts: tuple[tuple[str, str, bytes], ...]
) -> Case:
    body = form(*parts, boundary=boundary)
    raw = request("POST", LIST, target.all, headers=[form_type(boundary)], body=body)
    return Case(f"upload: {says}, boundary {boundary[:20]!r}", raw, _TAKEN | REFUSED)


def json_bodies(target: Target, chance: random.Random) -> Iterator[Case]:
    """JSON for tags and orders that is deep, huge, doubled, half or simply wrong."""
    one = f"{LIST}/{target.own}"
    while True:
        method, path = chance.choice((("PATCH", one), ("POST", "/custom_tag"), ("POST", "/export")))
        says, body = _json(chance)
        kind = JSON_TYPE if chance.random() < 0.9 else ("Content-Type", chance.choice(FILES[2:12]))
        raw = request(method, path, target.all, headers=[kind], body=body)
        yield Case(f"{method} {path}: {says}", raw, REFUSED)


def _json(chance: random.Random) -> tuple[str, bytes]:
    word, depth = chance.choice(_WORDS), chance.choice((100, 900, 1_000, 100_000))
    odd = chance.choice(EVERYTHING)
    made: dict[str, bytes] = {
        "deep lists": b"[" * depth,
        "deep lists that end": b'{"%b":%b1%b}' % (word.encode(), b"[" * 1_500, b"]" * 1_500),
        "deep objects": b'{"%b":' % word.encode() * depth,
        "a number without end": b'{"%b":%b}' % (word.encode(), b"9" * chance.choice((20, 4_301))),
        "no number": b'{"%b":%b}'
        % (word.encode(), chance.choice((b"NaN", b"1e999", b"-Infinity"))),
        "half a character": b'{"%b":"\\ud800"}' % word.encode(),
        "a key twice": b'{"%b":[],"%b":[]}' % (word.encode(), word.encode()),
        "wrong bytes": b'{"%b":"\xff\xfe"}' % word.encode(),
        "text where none is": _dumped({word: odd, "x": 1}),
        "more than was asked for": _dumped({word: [], chance.choice(_MASS): 1}),
        "no object": _dumped(chance.choice(([], 1, "x", None, True, [[]], [{}]))),
        "another encoding": '{"name":"x"}'.encode(chance.choice(("utf-16", "utf-32"))),
        "nothing": b"",
        "a hostile filter": _dumped({"format": "csv", "filter": [{"property": odd, "value": odd}]}),
        "a hostile sort": _dumped({"format": "csv", "sort": [{"property": odd}]}),
        "a hostile format": _dumped({"format": odd}),
    }
    return chance.choice(list(made.items()))


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def ingest(target: Target, chance: random.Random) -> Iterator[Case]:
    """Call records for `/ingest/freeswitch`: hostile XML, JSON, forms and channels."""
    while True:
        says, body = _record(chance)
        uuid = RECORD_UUID if chance.random() < 0.7 else quoted(chance.choice(EVERYTHING))
        kind = chance.choice(
            ("text/xml", "application/json", "application/x-www-form-urlencoded", "")
        )
        headers = [("Content-Type", kind)] if kind else []
        path = f"/ingest/freeswitch?uuid={uuid}"
        raw = request("POST", path, target.all, headers=headers, body=body)
        yield Case(f"call record: {says}", raw, REFUSED)


def _record(chance: random.Random) -> tuple[str, bytes]:
    odd = chance.choice(EVERYTHING).encode("utf-8", "surrogatepass")
    file = chance.choice(FILES).encode()
    laughs = b"".join(b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    made = {
        "a billion laughs": b'<!DOCTYPE cdr [<!ENTITY l0 "ha">%b]><cdr>&l9;</cdr>' % laughs,
        "a file as an entity": b'<!DOCTYPE cdr [<!ENTITY a SYSTEM "%b">]><cdr>&a;</cdr>' % file,
        "a DTD elsewhere": b'<!DOCTYPE cdr SYSTEM "%b"><cdr/>' % file,
        "one entity of a megabyte": b'<!DOCTYPE a [<!ENTITY b "%b">]><a>%b</a>'
        % (b"x" * 100_000, b"&b;" * 10_000),
        "deep elements": b"<a>" * 50_000,
        "many attributes": b"<cdr %b/>" % b" ".join(b'a%d="1"' % n for n in range(20_000)),
        "an instruction": b'<?xml version="1.0"?><?php system("id")?><cdr/>',
        "deep JSON": b'{"variables":' + b"[" * 100_000,
        "odd bytes": odd,
        "a form of odd bytes": b"cdr=" + odd,
        "a form of base64": b"cdr=" + base64.b64encode(odd * 9),
        "a form of percents": b"cdr=%" + odd,
        "XML in UTF-16": "<?xml version='1.0' encoding='utf-16'?><cdr/>".encode("utf-16"),
        "XML in UTF-7": b"<?xml version='1.0' encoding='utf-7'?>+ADw-cdr/+AD4-",
        "too much": b"{" * (7 << 20) if chance.random() < 0.05 else b"<",
        "nothing": b"",
    }
    return chance.choice(list(made.items()))


def packed(target: Target, chance: random.Random) -> Iterator[Case]:
    """Packed bodies, which unpacked would be without end, and odd wishes for packed answers."""
    bomb = gzip.compress(bytes(20 << 20))
    places = (
        ("POST", LIST, form_type()),
        ("POST", "/custom_tag", JSON_TYPE),
        ("POST", "/export", JSON_TYPE),
        ("PATCH", f"{LIST}/{target.own}", JSON_TYPE),
        ("POST", f"/ingest/freeswitch?uuid={RECORD_UUID}", ("Content-Type", "text/xml")),
    )
    while True:
        if chance.random() < 0.5:
            accepts = chance.choice(
                ("gzip;q=" + "9" * 99, "*" * 99, "gzip," * 900, "gzip;q=x", ",", *ODD[:4])
            )
            accepts = accepts.replace("\x00", "").replace("\x7f", "")
            raw = request("GET", LIST, target.all, headers=[("Accept-Encoding", accepts)])
            yield Case(f"Accept-Encoding {accepts[:20]!r}", raw, frozenset({200}))
            continue
        method, path, kind = chance.choice(places)
        encoding = chance.choice(("gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP"))
        headers = [kind, ("Content-Encoding", encoding)]
        raw = request(method, path, target.all, headers=headers, body=bomb)
        yield Case(f"a body in {encoding} to {path}", raw, REFUSED)
