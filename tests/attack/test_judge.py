from __future__ import annotations

import json

import pytest

from attack.case import Case, Key, Target, request
from attack.judge import faults
from attack.run import Failure
from attack.timing import z_of
from attack.wire import Talk, answers_in

GOOD = Key("all", "cr_aaaaaaaa_key", frozenset({"read"}))
TARGET = Target(
    address=("127.0.0.1", 1),
    keys={"all": GOOD},
    own="own",
    outside="outside",
    foreign="foreign",
    exports={},
    foreign_marks=(b"secret-mark",),
    guard=Key("guard", "cr_bbbbbbbb_key", frozenset()),
    document={},
    sound=b"",
)
ASKED = request("GET", "/cdr_dialog_recording", GOOD)
ERROR = {"code": "bad_parameter", "message": "No.", "request_id": "r-1"}
HEADERS = (
    "Content-Type: application/json",
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "X-Request-ID: r-1",
    "Referrer-Policy: no-referrer",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
)


def talk_of(
    status: int = 400,
    body: bytes | None = None,
    headers: tuple[str, ...] = HEADERS,
    seconds: float = 0.01,
) -> Talk:
    body = json.dumps({"error": ERROR}).encode() if body is None else body
    head = "\r\n".join((f"HTTP/1.1 {status} X", *headers, f"Content-Length: {len(body)}", "", ""))
    received = head.encode() + body
    return Talk(received, answers_in(received), seconds, is_open=False)


def found(talk: Talk, case: Case | None = None, twin: Talk | None = None) -> str:
    return "; ".join(faults(TARGET, case or Case("x", ASKED), talk, twin))


def error(**fields: object) -> bytes:
    return json.dumps({"error": {**ERROR, **fields}}).encode()


def test_an_answer_as_it_should_be_has_no_fault() -> None:
    assert found(talk_of()) == ""
    assert found(talk_of(200, b'{"data":[]}'), Case("x", ASKED, frozenset({200}))) == ""


@pytest.mark.parametrize(
    ("talk", "says"),
    [
        (talk_of(500), "status 500"),
        (talk_of(seconds=2.1), "it took 2.10 s"),
        (talk_of(body=error(message="secret-mark")), "may not see"),
        (talk_of(body=error(message=GOOD.text)), "shows the key 'all'"),
        (talk_of(body=b"<html>"), "another form"),
        (talk_of(body=b"[]"), "another form"),
        (talk_of(body=error(detail="x")), "another form"),
        (talk_of(body=error(message="")), "another form"),
        (talk_of(body=error(message="two\nlines")), "another form"),
        (talk_of(body=error(code="not_found")), "has the code 'not_found'"),
        (talk_of(body=error(request_id="r-2")), "not that of the header"),
        (talk_of(body=error(message="/home/x/callreel.db")), "tells of the inside"),
        (talk_of(401, error(code="not_authenticated")), "lacks www-authenticate"),
        (talk_of(302), "redirects"),
        (talk_of(headers=HEADERS[1:]), "of the type None"),
        (talk_of(headers=(*HEADERS[:1], *HEADERS[2:])), "kept by a cache"),
        (talk_of(headers=(*HEADERS[:2], *HEADERS[3:])), "lacks x-content-type-options"),
        (talk_of(headers=(*HEADERS[:3], *HEADERS[4:])), "lacks X-Request-ID"),
        (talk_of(headers=(*HEADERS[:4], *HEADERS[5:])), "lacks referrer-policy"),
        (talk_of(headers=HEADERS[:5]), "lacks content-security-policy"),
        (talk_of(headers=(*HEADERS, "X-Attack: 1")), "the header x-attack"),
        (talk_of(headers=(*HEADERS, "Set-Cookie: a=b")), "the header set-cookie"),
        (talk_of(headers=(*HEADERS, "X-Request-ID: r-1")), "a header twice"),
        (Talk(b"", (), 0.1, is_open=False), "no answer"),
        (Talk(b"hello", answers_in(b"hello"), 0.1, is_open=False), "no HTTP"),
    ],
)
def test_each_fault_of_an_answer_is_found(talk: Talk, says: str) -> None:
    assert says in found(talk)


def test_a_case_as_it_was_sent_can_be_had_again() -> None:
    failure = Failure("ids", 12, Case("an odd id", ASKED), ["status 500"])
    assert failure.shown(3).splitlines()[-1] == (
        "  again: ./run attack --seed 3 --only ids --from 12 --count 1"
    )


def test_another_status_than_the_case_allows_is_found() -> None:
    assert "status 400, not [404]" in found(talk_of(), Case("x", ASKED, frozenset({404})))


def test_a_body_longer_than_the_case_allows_is_found() -> None:
    assert "its body has 11 bytes" in found(
        talk_of(200, b'{"data":[]}'), Case("x", ASKED, most_bytes=10)
    )


def test_a_mark_that_was_sent_may_come_back_and_a_forbidden_one_may_not() -> None:
    sent = request("GET", "/x?y=secret%2Dmark", GOOD)
    talk = talk_of(body=error(message="secret-mark is unknown"))
    assert found(talk, Case("x", sent)) == ""
    assert "may not see" in found(talk, Case("x", ASKED, forbidden=(b"unknown",)))


def test_twins_may_differ_in_their_ids_only() -> None:
    other = error(request_id="r-2")
    headers = (*HEADERS[:3], "X-Request-ID: r-2", *HEADERS[4:])
    assert found(talk_of(), twin=talk_of(body=other, headers=headers)) == ""
    assert "unlike its twin" in found(talk_of(), twin=talk_of(body=error(message="Yes.")))
    assert "unlike its twin" in found(talk_of(), twin=talk_of(headers=(*HEADERS, "X: y")))


def test_what_is_broken_may_have_no_answer() -> None:
    assert found(Talk(b"", (), 0.1, is_open=True), Case("x", b"x", is_broken=True)) == ""


def test_answers_are_read_one_after_the_other() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    whole = b"HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\nno"
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    answers = answers_in(interim + chunked + whole)
    assert [(each.status, each.body) for each in answers] == [(200, b"abc"), (404, b"no")]


def test_times_of_one_kind_are_told_from_those_of_another() -> None:
    same, more = [float(n) for n in range(100)], [n + 50.0 for n in range(100)]
    assert abs(z_of(same, same)) < 1
    assert z_of(same, more) < -5 < 5 < z_of(more, same)
