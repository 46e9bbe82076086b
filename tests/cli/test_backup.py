from __future__ import annotations

import asyncio
import time
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest

from callreel.archive.backups.restore import RESTORING
from callreel.catalog.sqlite import SqliteCatalog
from callreel.cli import backup as command
from callreel.doctor import examine, ok
from callreel.wiring import sole_server
from cli_runs import Command
from contracts.catalog_case import known_of
from contracts.catalog_reference import entry_of
from endpoints.s3 import KEY_ID, SECRET, s3_server
from faults.running import call_of, listed, served
from support import a_sound

SCOPES = "read,listen,ingest,manage"


@pytest.fixture
def key(callreel: Command) -> str:
    callreel("tenant", "create", "Acme")
    return callreel("key", "create", "--tenant", "Acme", "--scope", SCOPES).out.strip()


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def lose_the_audio(folder: Path) -> None:
    for each in folder.rglob("*"):
        if each.is_file() and len(each.name) == 64:
            each.unlink()


def test_a_backup_of_a_running_server_is_served_elsewhere_with_the_same_keys(
    key: str, callreel: Command, data: Path, dest: Path, tmp_path: Path
) -> None:
    sound = a_sound(tmp_path)
    with served(data, key) as server:
        server.asking.add(sound, call_of("one"))
        told = callreel("backup", str(dest), "--json")
        assert (told.code, told.err) == (0, "")
        assert told.json()["recordings"] == told.json()["copied"] == told.json()["files"] == 1
        assert told.json()["copied_bytes"] == len(sound)
        server.asking.add(a_sound(tmp_path, 1), call_of("later"))

        refused = callreel("restore", str(dest), "--to", str(data))
        assert refused.code == 1
        assert refused.err.startswith("callreel: Another server runs on this data folder; ")

    restored = callreel("restore", str(dest), "--to", str(tmp_path / "new"), "--json")
    assert (restored.code, restored.err) == (0, "")
    assert restored.json() == {
        "backup": told.json()["id"],
        "files": 1,
        "missing": [],
        "is_done": True,
        "withdrawn": 0,
        "marked": 0,
    }
    with served(tmp_path / "new", key) as server, server.session() as session:
        assert listed(session, server).keys() == {"one"}
        assert session.get(f"{server.list}/one/audio", timeout=20).content == sound


def test_a_backup_in_a_bucket_is_restored_from_there(
    key: str, callreel: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server(tmp_path / "s3") as server:
        root = server.new_bucket("calls")
        monkeypatch.setenv("CALLREEL_S3_ENDPOINT", server.endpoint)
        missing = callreel("backup", "s3://calls/some/prefix")
        assert missing.code == 1
        assert missing.err.startswith("callreel: The key to the S3 server is missing; ")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        told = callreel("backup", "s3://calls/some/prefix", "--keep", "1", "--json")
        assert (told.code, told.err) == (0, "")
        assert (root / "backups" / told.json()["id"] / "manifest.json").exists()
        new = tmp_path / "new"
        restored = callreel("restore", "s3://calls/some/prefix", "--to", str(new), "--json")
        assert restored.json()["backup"] == told.json()["id"]
        assert {each.name for each in new.iterdir()} == {"callreel.db", "audio", "serve.lock"}
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong" + SECRET)
        refused = callreel("backup", "s3://calls/some/prefix")
        assert (refused.code, SECRET in refused.err) == (1, False)
        assert "does not let us do this (SignatureDoesNotMatch)" in refused.err
    assert {each.name for each in (data / "uploading").iterdir()} == {"lock"}


@pytest.mark.usefixtures("key")
def test_an_address_that_is_not_of_s3_is_refused(callreel: Command) -> None:
    told = callreel("backup", "gs://calls/some/prefix")
    assert (told.code, told.out) == (1, "")
    assert "or at s3://bucket/prefix" in told.err


def test_audio_that_is_lost_has_a_code_of_its_own_and_is_not_played_after_a_restore(
    key: str, callreel: Command, data: Path, dest: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    with served(data, key) as server:
        server.asking.add(a_sound(tmp_path), call_of("one"))
        callreel("backup", str(dest))
        lose_the_audio(dest / "audio")
        refused = callreel("restore", str(dest), "--to", str(new))
        lose_the_audio(data / "audio")
        told = callreel("backup", str(dest))
    assert refused.code == 1
    assert refused.out.startswith("missing\taudio/1/")
    assert refused.err.startswith("callreel: Nothing was restored: of the backup ")
    assert {each.name for each in new.iterdir()} == {"serve.lock"}
    assert told.code == 3
    assert told.out.startswith("lost\taudio/1/")
    assert told.err == (
        "callreel: Audio that is lost or damaged in the archive, and so not in the backup: 1.\n"
    )

    partly = callreel("restore", str(dest), "--to", str(new))
    assert partly.code == 3
    assert partly.out.endswith("1 recordings, 0 files; 1 recordings without audio.\n")
    with served(new, key) as server, server.session() as session:
        assert listed(session, server) == {}
        assert session.get(f"{server.list}/one/audio", timeout=20).status_code == 503


def test_audio_that_only_the_backups_have_stays_there_and_comes_back_with_a_repair(
    key: str, callreel: Command, data: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = dest.with_name("new")
    with served(data, key) as server:
        server.asking.add(a_sound(dest.parent), call_of("one"))
    callreel("backup", str(dest))
    lose_the_audio(data / "audio")
    assert callreel("repair").code == 1
    assert callreel("backup", str(dest), "--keep", "1").code == 0

    told = callreel("restore", str(dest), "--to", str(new))
    assert told.code == 0
    assert told.out.endswith("1 recordings, 1 files; 0 recordings without audio.\n")
    assert told.err == (
        "callreel: Recordings that had lost their audio and have it again, but are not listed yet: "
        "1; run `callreel repair` on the restored folder.\n"
    )
    monkeypatch.setenv("CALLREEL_DATA", str(new))
    assert callreel("repair", "--json").json()["restored"] == 1
    assert callreel("verify").code == 0


def test_what_the_backups_have_already_is_read_again_where_told(
    key: str, callreel: Command, data: Path, dest: Path
) -> None:
    with served(data, key) as server:
        server.asking.add(a_sound(dest.parent), call_of("one"))
    callreel("backup", str(dest))
    (copied,) = (each for each in (dest / "audio" / "1").rglob("*") if each.is_file())
    content = copied.read_bytes()
    copied.chmod(0o600)
    copied.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused = callreel("backup", str(dest), "--check", "0%")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "callreel: A subset is 3/30, 10% or an amount such as 500M or 2G.\n"
    assert callreel("backup", str(dest)).out.endswith("; these and the database are checked.\n")
    assert copied.read_bytes() != content

    told = callreel("backup", str(dest), "--check", "100%")
    assert told.code == 0
    assert told.out.endswith(
        "1 files, of which 1 were copied; these, the database and 1 files that were there already "
        "are checked.\n"
    )
    assert told.err == (
        "callreel: Files of the backups that were damaged, and were copied anew: 1; look at the "
        "disk that they are on.\n"
    )
    assert copied.read_bytes() == content
    again = callreel("backup", str(dest), "--check", "1/1", "--json")
    assert (again.json()["checked"], again.json()["mended"], again.err) == (1, 0, "")


def test_old_backups_go_when_told(key: str, callreel: Command, dest: Path) -> None:
    made = [callreel("backup", str(dest), "--json").json()["id"] for _ in range(3)]
    told = callreel("backup", str(dest), "--keep", "2", "--json").json()
    assert told["removed_backups"] == 2
    assert {each.name for each in (dest / "backups").iterdir()} == {made[-1], told["id"]}
    refused = callreel("restore", str(dest), "--to", "new", "--backup", made[0])
    assert refused.code == 1
    assert refused.err.startswith("callreel: There is no such backup; there are 2, from ")


def test_a_backup_of_which_the_older_ones_cannot_go_is_made_and_told(
    key: str, callreel: Command, data: Path, dest: Path
) -> None:
    damaged = callreel("backup", str(dest), "--json").json()["id"]
    (dest / "backups" / damaged / "files.sha256").write_text("x")
    callreel("backup", str(dest))
    told = callreel("backup", str(dest), "--keep", "3", "--json")
    assert told.code == 4
    assert told.json()["removed_backups"] == 0
    assert told.err == (
        "callreel: The backup is made, but older ones are not removed: The list of the backup "
        f"{damaged} is damaged; take another.\n"
    )
    assert told.json()["id"] in (data / "last-backup.json").read_text()
    assert len(list((dest / "backups").iterdir())) == 3


@pytest.mark.parametrize("keep", ["0", "-1", "all"])
def test_to_keep_none_is_wrongly_asked_for(
    key: str, callreel: Command, dest: Path, keep: str
) -> None:
    assert callreel("backup", str(dest), "--keep", keep).code == 2
    assert not dest.exists()


def test_what_a_person_reads_is_a_sentence(
    key: str, callreel: Command, dest: Path, tmp_path: Path
) -> None:
    made = callreel("backup", str(dest))
    assert made.out.endswith(
        ": 0 recordings, 0 files, of which 0 were copied; these and the database are checked.\n"
    )
    told = callreel("restore", str(dest), "--to", str(tmp_path / "new"))
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith(": 0 recordings, 0 files; 0 recordings without audio.\n")


def test_without_an_archive_there_is_nothing_to_back_up(callreel: Command, dest: Path) -> None:
    told = callreel("backup", str(dest))
    assert told.code == 1
    assert told.err.startswith("callreel: There is no archive in the data folder; ")
    assert not dest.exists()


def test_an_empty_database_is_refused_with_one_sentence(
    callreel: Command, data: Path, dest: Path
) -> None:
    data.mkdir()
    (data / "callreel.db").touch()
    told = callreel("backup", str(dest))
    assert (told.code, told.out) == (1, "")
    assert told.err == (
        "callreel: The database is empty or not of this program; restore a backup into a new "
        "folder.\n"
    )
    assert not dest.exists()


def test_audio_that_is_away_is_not_taken_for_lost(
    key: str, callreel: Command, data: Path, dest: Path
) -> None:
    (data / "audio.made").touch()
    told = callreel("backup", str(dest))
    assert told.code == 1
    assert "mount it" in told.err
    assert not dest.exists()


@pytest.mark.parametrize("arguments", [["backup", "data/x"], ["restore", "data/x", "--to", "data"]])
def test_backups_within_the_data_folder_are_refused(
    key: str, callreel: Command, data: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(data.parent)
    if arguments[0] == "restore":
        callreel("backup", "elsewhere")
        (data.parent / "elsewhere").rename(data / "x")
    told = callreel(*arguments)
    assert told.code == 1
    assert "must not lie in one another" in told.err


def test_a_restore_of_nothing_makes_no_folder(callreel: Command, tmp_path: Path) -> None:
    told = callreel("restore", str(tmp_path / "none"), "--to", str(tmp_path / "new"))
    assert told.code == 1
    assert told.err == "callreel: There is no backup in this place; check its name.\n"
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(("verb", "name"), [("backup", "back_up"), ("restore", "verb")])
def test_ctrl_c_is_told_with_what_it_means(
    callreel: Command, dest: Path, monkeypatch: pytest.MonkeyPatch, verb: str, name: str
) -> None:
    callreel("backup", str(dest))
    monkeypatch.setattr(command, name, Mock(side_effect=KeyboardInterrupt))
    to = ["--to", str(dest.parent / "new")] if verb == "restore" else []
    told = callreel(verb, str(dest), *to)
    assert told.code == 130
    assert told.err.startswith("callreel: interrupted; ")


def test_a_restore_that_was_cut_short_is_not_served_as_an_empty_archive(
    key: str, callreel: Command, data: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callreel("backup", str(dest))
    new = data.with_name("new")
    (new / RESTORING / "audio").mkdir(parents=True)
    monkeypatch.setenv("CALLREEL_DATA", str(new))
    for arguments in (("serve", "--port", "0"), ("tenant", "create", "Other")):
        told = callreel(*arguments)
        assert told.code == 1
        assert "run `callreel restore` again" in told.err
    assert callreel("restore", str(dest), "--to", str(new)).code == 0
    assert "Acme" in callreel("tenant", "list").out


@pytest.mark.usefixtures("key")
def test_the_doctor_knows_of_the_last_backup(
    callreel: Command, data: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> tuple[str, str]:
        told = {each["what"]: each for each in callreel("doctor", "--json").json()}
        return (told["backup"]["level"], told["backup"]["says"]) if "backup" in told else ("", "")

    monkeypatch.setattr(examine, "look_at_sound", AsyncMock(return_value=ok("audio", "Well.")))
    assert found() == ("", "")  # there is nothing to lose
    asyncio.run(_add_a_record(data / "callreel.db"))
    never = found()
    assert never[0] == "warning"
    assert never[1].startswith("None is known of; ")
    made = callreel("backup", str(dest), "--json").json()
    assert found() == ("ok", f"The last one, {made['id']}, shows {made['taken_at']}.")
    later = time.time() + 9 * 86_400
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: later)
        assert found()[0] == "warning"
    (data / "last-backup.json").write_bytes(b"{")
    assert found() == never


@pytest.mark.parametrize(
    ("endpoint", "level"), [("http://s3.example.org:9000", "warning"), ("https://[::1]", "ok")]
)
def test_the_doctor_says_whether_backups_are_sent_by_tls(
    callreel: Command, monkeypatch: pytest.MonkeyPatch, endpoint: str, level: str
) -> None:
    monkeypatch.setattr(examine, "look_at_sound", AsyncMock(return_value=ok("audio", "Well.")))
    monkeypatch.setenv("CALLREEL_S3_ENDPOINT", endpoint)
    told = {each["what"]: each["level"] for each in callreel("doctor", "--json").json()}
    assert told["S3"] == level
    monkeypatch.setattr(examine, "find_spec", lambda _: None)
    told = {each["what"]: each["level"] for each in callreel("doctor", "--json").json()}
    assert told["S3"] == "bad"


def test_the_doctor_says_where_a_key_without_an_endpoint_would_send_backups(
    callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> tuple[str, str] | None:
        told = callreel("doctor", "--json").json()
        return next(((each["level"], each["says"]) for each in told if each["what"] == "S3"), None)

    would = "With the key that is set, `callreel backup s3://…` sends to Amazon's server by TLS"
    monkeypatch.setattr(examine, "look_at_sound", AsyncMock(return_value=ok("audio", "Well.")))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    assert found() is None
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert found() == ("ok", f"{would}.")
    monkeypatch.setattr(examine, "find_spec", lambda _: None)
    assert found() == ("ok", f"{would} once pip install 'callreel[s3]' was run.")


async def _add_a_record(path: Path) -> None:
    catalog = SqliteCatalog(path)
    await catalog.add(1, [entry_of(each) for each in known_of(1, seed=1, tenants=1)])
    await catalog.close()


def test_nobody_else_may_use_the_folder_while_it_is_restored(
    key: str, callreel: Command, dest: Path, tmp_path: Path
) -> None:
    callreel("backup", str(dest))
    with sole_server(tmp_path / "new"):
        assert callreel("restore", str(dest), "--to", str(tmp_path / "new")).code == 1
