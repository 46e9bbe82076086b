"""The measures of reading, each with its bar."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

import questions
from callreel.api import encodings
from calm import calm
from data import Stock
from load import Comparison, Target, background, measure
from questions import FULL_PAGE, ONE_RECORD, PAGE, Question
from stage import Stage, require_same_bytes, require_same_records
from table import Bar, Row, at_least, at_most

CONNECTIONS = (1, 4, 16)
SOME = 4  # connections, where one number serves
APP = "FastAPI + SQLAlchemy"
CONSTANT = "constant body"
RECORDINGS = "the same of recordings"
ZLIB = "zlib level 1 of a constant body"
AS_GZIP = 31  # zlib's wbits for the largest window in a gzip wrapper
HEAVY_OFFSET = 10_000

Case = Callable[[Stage], Iterator[Row]]


def pages(stage: Stage) -> Iterator[Row]:
    """A full page, against the constant body and the peer."""
    yield from _against_both(stage, FULL_PAGE, at_least(0.33), at_least(60))


def single_record(stage: Stage) -> Iterator[Row]:
    """One record, against the constant body and the peer."""
    yield from _against_both(stage, ONE_RECORD, at_least(0.45), at_least(15))


def _against_both(stage: Stage, question: Question, limit: Bar, peer: Bar) -> Iterator[Row]:
    ours, theirs = stage.ask(question), stage.ask_peer(question)
    require_same_records(ours, theirs)
    constant = stage.ask_limit(ours)
    require_same_bytes(ours, constant)
    for connections in CONNECTIONS:
        targets = {"product": ours, CONSTANT: constant, APP: theirs}
        seen = stage.compare(targets, connections)
        name = f"{question.name}, {connections} connection{'s' * (connections > 1)}"
        yield _rates(seen, name, CONSTANT, limit)
        yield _rates(seen, name, APP, peer)


def narrowed_key(stage: Stage) -> Iterator[Row]:
    """The same asked with a narrowed key, against the constant body and the peer.

    What it costs is what a filter costs, so the bars are those of filters.
    """
    for question, bar in ((FULL_PAGE, at_least(10)), (ONE_RECORD, at_least(15))):
        ours = stage.ask_narrowed(question)
        theirs = stage.ask_peer(questions.in_projects(stage.main.picks, question.limit))
        require_same_records(ours, theirs)
        targets = {"product": ours, CONSTANT: stage.ask_limit(ours), APP: theirs}
        seen = stage.compare(targets, SOME)
        name = f"{question.name}, narrowed key"
        yield _rates(seen, name, CONSTANT, None)
        yield _rates(seen, name, APP, bar)


def rare_number(stage: Stage) -> Iterator[Row]:
    """A number of a few calls, against the peer."""
    yield _against_peer(stage, questions.rare_number(stage.main.picks), at_least(15))


def filters(stage: Stage) -> Iterator[Row]:
    """A condition on each property, against the peer."""
    for question in questions.filters(stage.main.picks):
        yield _against_peer(stage, question, at_least(10))


def _against_peer(stage: Stage, question: Question, bar: Bar) -> Row:
    ours, theirs = stage.ask(question), stage.ask_peer(question)
    count = require_same_records(ours, theirs)
    seen = stage.compare({"product": ours, APP: theirs}, SOME)
    return _rates(seen, f"{question.name}: {count} records", APP, bar)


def calls(stage: Stage) -> Iterator[Row]:
    """The list of calls, with or without recording, against the list of recordings."""
    for question in (FULL_PAGE, ONE_RECORD):
        of_calls = stage.ask(replace(question, of="/cdr_dialog"))
        seen = stage.compare({"product": of_calls, RECORDINGS: stage.ask(question)}, SOME)
        yield _rates(seen, f"{question.name} of calls", RECORDINGS, at_least(0.8))


def rare_pairs(stage: Stage) -> Iterator[Row]:
    """Two conditions that few calls meet together: the server's processor time for each request."""
    for question in questions.rare_pairs(stage.main.picks):
        ours = stage.ask(question)
        count = require_same_records(ours, stage.ask_peer(question))
        cost = stage.compare({"product": ours}, 1).cpu_ms("product")
        yield Row(
            measure=f"{question.name}: {count} records",
            product=f"{cost:.2f} ms CPU",
            figure=cost,
            bar=at_most(5, "ms"),
        )


def growth(stage: Stage) -> Iterator[Row]:
    """The same question to much data, against the same to little; the bar is the plain page's."""
    small = stage.small
    if small is None:
        return
    for stock in filter(None, (stage.main, stage.large)):
        for much, little in _twins(stage, stock, small):
            targets = {"much": stage.ask(much, stock), "little": stage.ask(little, small)}
            seen = stage.compare(targets, 1)
            yield Row(
                measure=f"{much.name} at {stock.name}",
                product=f"{seen.cpu_ms('much'):.2f} ms CPU",
                other=f"at {small.name}",
                other_figure=f"{seen.cpu_ms('little'):.2f} ms CPU",
                figure=seen.cpu_ratio("much", "little"),
                bar=at_most(1.5) if much is FULL_PAGE else None,
            )


def _twins(stage: Stage, more: Stock, less: Stock) -> Iterator[tuple[Question, Question]]:
    """Yield each question in its forms for both data, where both have a full page of answers."""
    yield FULL_PAGE, FULL_PAGE
    filters = (questions.filters(each.picks) for each in (more, less))
    for much, little in zip(*filters, strict=True):
        if _is_full(stage.ask(much, more)) and _is_full(stage.ask(little, less)):
            yield much, little


def _is_full(target: Target) -> bool:
    return len(json.loads(target.fetch())["data"]) == PAGE


def deep_offset(stage: Stage) -> Iterator[Row]:
    """A page far behind the first, against the first."""
    stock = stage.large or stage.main
    offset = min(1_000_000, stock.picks.calls * 4 // 5)
    deep = Question("deep page", offset=offset)
    if stock is stage.main:
        require_same_records(stage.ask(deep), stage.ask_peer(deep))
    targets = {"deep": stage.ask(deep, stock), "first": stage.ask(FULL_PAGE, stock)}
    seen = stage.compare(targets, 1)
    yield Row(
        measure=f"offset {offset:,} of {stock.picks.calls:,}",
        product=f"{seen.p50_ms('deep'):.2f} ms",
        other="offset 0",
        other_figure=f"{seen.p50_ms('first'):.2f} ms",
        figure=seen.p50_ratio("deep", "first"),
        bar=at_most(3),
    )


def compression(stage: Stage) -> Iterator[Row]:
    """A compressed page, against the same bytes compressed by zlib at level 1."""
    plain = stage.ask(FULL_PAGE)
    body = plain.fetch()
    ours_ms = _cpu_ms(lambda: encodings.packed(body))
    zlib_ms = _cpu_ms(lambda: zlib.compress(body, 1, AS_GZIP))
    yield Row(
        measure="compressing a page, in process",
        product=f"{ours_ms:.2f} ms CPU",
        other="zlib level 1",
        other_figure=f"{zlib_ms:.2f} ms CPU",
        figure=zlib_ms / ours_ms,
        bar=at_least(3),
    )
    ours, theirs = stage.ask_gzipped(FULL_PAGE), stage.ask_limit(plain, prefix="/zlib1")
    require_same_bytes(ours, theirs)
    seen = stage.compare({"product": ours, ZLIB: theirs}, SOME)
    yield _rates(seen, "gzip page, found and compressed", ZLIB, None)


def waiting(stage: Stage) -> Iterator[Row]:
    """One record asked for beside two clients that ask a heavy question, against alone."""
    long_calls = questions.condition("talking_time", 60_000, "gt")
    offset = min(HEAVY_OFFSET, stage.main.picks.calls // 2)
    heavy = stage.ask(Question("heavy", (long_calls,), offset=offset))
    light = stage.ask(ONE_RECORD)

    def turn() -> tuple[float, float]:
        alone = measure(light, 1, stage.seconds).p50_ms
        with background(heavy, 2, stage.seconds + 5):
            return alone, measure(light, 1, stage.seconds).p50_ms

    turns = calm(turn, stage.rounds)
    alone, beside = (median(each[at] for each in turns) for at in (0, 1))
    yield Row(
        measure="limit=1 beside two heavy clients, p50",
        product=f"{beside:.2f} ms",
        other="alone",
        other_figure=f"{alone:.2f} ms",
        figure=beside / alone,
    )


def memory(stage: Stage) -> Iterator[Row]:
    """Resident memory of the server after all that it was asked."""
    for stock in filter(None, (stage.main, stage.large)):
        server = stage.product(stock)
        stage.ask(FULL_PAGE, stock).fetch()
        used = server.memory()
        yield Row(
            measure=f"resident memory serving {stock.name}",
            product=f"{used.resident:.0f} MB, {used.anonymous:.0f} MB of it anonymous",
            figure=used.resident,
            bar=at_most(300, "MB"),
        )


def _rates(seen: Comparison, measure_name: str, other: str, bar: Bar | None) -> Row:
    return Row(
        measure=measure_name,
        product=_rate(seen, "product"),
        other=other,
        other_figure=_rate(seen, other),
        figure=seen.rate_ratio("product", other),
        bar=bar,
    )


def _rate(seen: Comparison, name: str) -> str:
    return f"{seen.rate(name):,.1f}/s, {seen.cpu_ms(name):.2f} ms CPU"


def _cpu_ms(work: Callable[[], object], times: int = 200) -> float:
    """Return the least processor time that a piece of work takes, of a few tries."""
    tries = []
    for _ in range(3):
        began = time.process_time()
        for _ in range(times // 3):
            work()
        tries.append((time.process_time() - began) / (times // 3))
    return 1000 * min(tries)
