from __future__ import annotations

from pathlib import Path

import pytest

from support import PATH, Running, a_call, a_sound, serve


def unavailable(server: Running, method: str, path: str) -> bool:
    answer = server.ask(method, path)
    if answer.status_code != 503 or "Retry-After" not in answer.headers:
        return False
    code: str = answer.json()["error"]["code"]
    return code == "unavailable"


@pytest.mark.parametrize("is_mount_point", [False, True])
def test_while_the_audio_is_away_the_list_goes_on_and_nothing_is_promised(
    tmp_path: Path, is_mount_point: bool
) -> None:
    sound = a_sound(tmp_path)
    with serve(tmp_path / "data") as server:
        one = f"{PATH}/{server.add(sound, a_call(recording_uuid='there'))['recording_uuid']}"
        audio = server.data / "audio"
        away = audio.rename(tmp_path / "away")
        if is_mount_point:
            audio.mkdir()

        assert len(server.ask("GET", PATH).json()["data"]) == 1
        for path in (f"{one}/audio", f"{one}/audio?format=mp3", f"{one}/peaks", "/ready"):
            assert unavailable(server, "GET", path), path
        assert server.upload(sound, a_call(recording_uuid="later")).status_code == 503
        assert unavailable(server, "DELETE", one)

        if is_mount_point:
            audio.rmdir()  # and so it is still empty
        away.rename(audio)
        assert server.ask("DELETE", one).status_code == 200
        assert [each for each in audio.glob("*/*/*") if each.is_file()] == []
        assert server.upload(sound, a_call(recording_uuid="later")).status_code == 201
        assert server.ask("GET", f"{PATH}/later/audio").content == sound
