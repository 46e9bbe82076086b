"""Reading JSON whose long strings stay where they are, and what is no sound JSON."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.errors import BadRecording
from callreel.importers.items import Fault, Refusal
from callreel.importers.vcon import skeleton
from callreel.importers.vcon.skeleton import Span, read
from importers.vcons import items as items_in
from importers.vcons import put, refusal

LONG = "x" * (skeleton.LONGEST_KEPT + 1)
TEXTS = st.text() | st.builds(
    lambda text, count: text * count, st.text(min_size=1), st.integers(500, 3000)
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**16), 10**16) | TEXTS,
    lambda inner: (
        st.dictionaries(st.text(max_size=9), inner, max_size=4) | st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


class Trickle(io.BytesIO):
    """Gives a few bytes at a time, so that pieces end everywhere."""

    def __init__(self, content: bytes, step: int) -> None:
        super().__init__(content)
        self._step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(self._step, self._step if size is None or size < 0 else size))


def with_texts(value: Any, text: bytes) -> Any:
    """Put each long string back into its place."""
    if isinstance(value, Span):
        return json.loads(b'"' + text[value.begin : value.end] + b'"')
    if isinstance(value, dict):
        return {name: with_texts(each, text) for name, each in value.items()}
    return [with_texts(each, text) for each in value] if isinstance(value, list) else value


def without_long(value: Any, *, in_list: bool = False) -> Any:
    """Leave out what only members of an object keep: long keys and long strings in lists."""
    if isinstance(value, dict):
        return {name: without_long(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_long(each, in_list=True) for each in value]
    is_long = isinstance(value, str) and len(json.dumps(value)) > skeleton.LONGEST_KEPT
    return None if is_long and in_list else value


@settings(deadline=None)
@given(
    st.dictionaries(st.text(max_size=9), VALUES, max_size=4), st.booleans(), st.integers(1, 9000)
)
def test_what_is_read_is_what_json_reads(
    whole: dict[str, Any], is_ascii: bool, step: int
) -> None:  # fmt: skip
    whole = without_long(whole)
    text = json.dumps(whole, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    try:
        found = read(Trickle(text, step))
    except BadRecording:
        with pytest.raises(UnicodeEncodeError):  # half a pair of surrogates
            json.dumps(whole, ensure_ascii=False).encode()
        return
    assert with_texts(found, text) == whole


@settings(deadline=None)
@given(
    st.binary(max_size=300) | st.text(alphabet='{}[]":,\\u0d8aeE+-1. ', max_size=60).map(str.encode)
)
def test_anything_is_read_or_refused(text: bytes) -> None:  # fmt: skip
    with suppress(BadRecording):  # and nothing else is raised
        assert isinstance(read(io.BytesIO(text)), dict)


@settings(deadline=None)
@given(content=st.binary(max_size=200))
def test_any_file_becomes_one_refusal(content: bytes, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    put(folder, content or b" ")
    (item,) = items_in(folder)
    assert isinstance(item, Refusal)


@pytest.mark.parametrize("text", [
    "", " ", "{", '{"vcon": "0.4.0"', '{"vcon": "0.4.0"}}', '{"vcon": "0.4.0"} {}', "{'vcon': 1}",
    '{"vcon": 1, "vcon": 2}', '{"dialog": [{"type": "text", "type": "recording"}]}',
    '{"vcon": NaN}', '{"vcon": Infinity}', '{"vcon": -Infinity}', '{"vcon": 1e999}', '{"vcon": 01}',
    f'{{"vcon": {"9" * 19}}}', f'{{"vcon": {"9" * 6000}}}', f'{{"vcon": -{"9" * 19}}}',
    '{"vcon": "\\ud800"}', '{"\\udfff": 1}', '{"vcon": "\\x"}', '{"vcon": "a\nb"}',
    '{"vcon": "\\u12"}',
    "[" * 200_000, '{"a":' * 200_000, f'{{"vcon": {"[" * 5000}{"]" * 5000}}}',
])  # fmt: skip
def test_what_is_no_sound_json_is_refused(tmp_path: Path, text: str) -> None:
    found = refusal(tmp_path, text or "\n")
    assert (found.fault, found.reason) == (Fault.BROKEN, "This is no sound JSON.")


@pytest.mark.parametrize("text", [b'{"vcon": "\xff"}', b"\xff\xfe{\0}\0", b'{"\xc3": 1}'])
def test_what_is_no_utf_8_is_refused(tmp_path: Path, text: bytes) -> None:
    assert refusal(tmp_path, text).reason == "This is no sound JSON."


@pytest.mark.parametrize("text", ["[]", "1", '"text"', "null"])
def test_what_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text).reason == "This is no JSON object."


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(io.BytesIO(b'\xef\xbb\xbf{"vcon": "0.4.0"}')) == {"vcon": "0.4.0"}


@pytest.mark.parametrize(
    ("length", "is_kept"), [(0, True), (4095, True), (4096, True), (4097, False)]
)
def test_only_a_long_string_stays_where_it_is(length: int, is_kept: bool) -> None:
    text = json.dumps({"body": "A" * length}).encode()
    found = read(io.BytesIO(text))["body"]
    if is_kept:
        assert found == "A" * length
    else:
        assert found == Span(10, 10 + length, b"")
        assert text[found.begin : found.end] == b"A" * length


@pytest.mark.parametrize(
    ("ending", "strays", "size"),
    [("", b"", 3075), ("=", b"=", 3075), ("==", b"==", 3075), ("\\n", b"\\", None)],
)
def test_a_long_string_tells_what_it_decodes_to(
    ending: str, strays: bytes, size: int | None
) -> None:
    found = read(io.BytesIO(b'{"body": "' + b"A" * 4100 + ending.encode() + b'"}'))["body"]
    assert isinstance(found, Span)
    assert (found.strays, found.decoded_size, found.may_be_base64) == (strays, size, True)


@pytest.mark.parametrize("ending", ["!", "===", "zażółć", "=!"])
def test_a_long_string_tells_that_it_is_no_base64(ending: str) -> None:
    found = read(io.BytesIO(f'{{"body": "{LONG}{ending}"}}'.encode()))["body"]
    assert isinstance(found, Span)
    assert not found.may_be_base64


def test_json_that_is_large_without_its_long_strings_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(skeleton, "MOST_KEPT", 1 << 20)
    small = json.dumps({"body": "A" * (3 << 20)}).encode()
    assert list(read(io.BytesIO(small))) == ["body"]
    large = json.dumps({"list": [0] * (1 << 19)}).encode()
    with pytest.raises(BadRecording, match="larger than 1 MiB"):
        read(io.BytesIO(large))
