from __future__ import annotations

import re
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.api.examples import EXAMPLE
from callreel.api.file_names import audio_name, disposition, plain_name

HARMLESS = re.compile(r"inline; filename=\"[A-Za-z0-9 ._+()@,=-]*\"(; filename\*=UTF-8''\S+)?")


def read_back(header: str) -> str | None:
    """Return the file name as a client reads it, the exact one where there is one."""
    extended = re.search(r"filename\*=UTF-8''(\S+)", header)
    if extended:
        return unquote(extended[1], errors="strict")
    message = Message()
    message["Content-Disposition"] = header
    return message.get_filename()


@pytest.mark.parametrize(
    ("original", "name", "plain"),
    [
        ("Zażółć gęślą jaźń.wav", "Zażółć gęślą jaźń.wav", "Zazolc gesla jazn.wav"),
        ("ŁÓDŹ.WAV", "ŁÓDŹ.wav", "LODZ.wav"),
        ("rozmowa.mp3", "rozmowa.wav", "rozmowa.wav"),
        ("out-22-1741944413.1187.wav", "out-22-1741944413.1187.wav", None),
        ("1741944413.1187", "1741944413.1187.wav", None),
        ("/etc/passwd", "passwd.wav", None),
        ("..\\..\\boot.ini", "boot.ini.wav", None),
        ('a"; filename="b.exe', "a_ filename=_b.exe.wav", "a_ filename=_b.exe.wav"),
        ("a\r\nSet-Cookie: b=1.wav", "aSet-Cookie_ b=1.wav", None),
        ("\u202egnp.wav", "gnp.wav", None),
        ("😀.wav", "😀.wav", "_.wav"),
        ("50%.wav", "50_.wav", None),
    ],
)
def test_a_name_that_was_handed_in_comes_back_harmless(
    original: str, name: str, plain: str | None
) -> None:
    header = disposition(audio_name(EXAMPLE, original, "audio/wav"))
    assert read_back(header) == name
    assert f'filename="{plain or name}"' in header


def test_a_name_of_letters_and_marks_apart_is_kept_as_one_of_letters() -> None:
    assert plain_name("Ko\u0301nie.wav") == "K\u00f3nie.wav"


@pytest.mark.parametrize("original", [None, "", ".", "..", "...", "/", " ", "\r\n", "\0"])
def test_without_a_name_it_is_the_time_and_the_id_and_no_number(original: str | None) -> None:
    name = audio_name(EXAMPLE, original, "audio/mpeg")
    assert name == f"2025-03-14_092653_{EXAMPLE.id}.mp3"


@given(st.text())
def test_no_name_breaks_out_of_the_header(original: str) -> None:
    header = disposition(audio_name(EXAMPLE, plain_name(original), "audio/ogg"))
    assert HARMLESS.fullmatch(header)
    header.encode("ascii")
    name = read_back(header)
    assert name is not None
    assert name.endswith(".ogg")
    assert not set(name) & set('/\\"\r\n')


@given(st.text(min_size=200, max_size=400))
def test_a_long_name_is_cut(original: str) -> None:
    assert len(audio_name(EXAMPLE, original, "audio/ogg")) <= 125
