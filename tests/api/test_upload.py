from __future__ import annotations

from support import PATH, Running, a_call


def test_a_recording_comes_out_as_it_went_in(server: Running, sound: bytes) -> None:
    answer = server.upload(sound, a_call())
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert answer.headers["Location"] == f"{server.url}{PATH}/{data['recording_uuid']}"
    assert {name: data[name] for name in a_call()} == a_call()
    assert server.ask("GET", PATH).json()["data"] == [data]
