"""Call records are read from real database servers, where such are installed, as from SQLite."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from callreel.errors import Misconfigured
from callreel.importers.database import DatabaseTable
from callreel.importers.records import open_records

NEEDED = frozenset({"calldate", "src"})
TABLE = (
    "CREATE TABLE cdr (CallDate {moment}, src varchar(80) NOT NULL, dst varchar(80), billsec int)",
    "INSERT INTO cdr VALUES ('2026-03-02 08:00:05', '101', NULL, 75)",
    "INSERT INTO cdr VALUES ('2026-03-02 09:00:00', ' 102 ', 'śrubka', 0)",
    "INSERT INTO cdr VALUES ('2026-03-03 00:00:00', '103', 'it''s', 12)",
)
CELLS = [
    {"calldate": "2026-03-02 08:00:05", "src": "101", "dst": "", "billsec": "75"},
    {"calldate": "2026-03-02 09:00:00", "src": "102", "dst": "śrubka", "billsec": "0"},
    {"calldate": "2026-03-03 00:00:00", "src": "103", "dst": "it's", "billsec": "12"},
]
MANY = 5_000
START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A server with a database `calls`, and a user `reader` that may read in it and nothing else.

    Attributes:
        address: Of the database, as the reader.
        run: Runs SQL as who owns the database.
    """

    address: str
    run: Callable[[str], None]


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with {"postgresql": _postgresql, "mysql": _mariadb}[request.param]() as server:
        moment = "timestamp" if request.param == "postgresql" else "datetime"
        for line in TABLE:
            server.run(line.format(moment=moment))
        server.run("GRANT SELECT ON cdr TO reader")
        yield server


def of(server: Server, table: str = "cdr") -> DatabaseTable:
    opened = open_records(server.address, NEEDED, table=table)
    assert isinstance(opened, DatabaseTable)
    return opened


def test_a_server_is_read_as_an_export_would_be(server: Server) -> None:
    opened = of(server)
    assert opened.columns == ["calldate", "src", "dst", "billsec"]
    assert [row.cells for row in opened.rows()] == CELLS


def test_a_server_can_be_asked_for_later_calls_only(server: Server) -> None:
    since = datetime(2026, 3, 2, 9, 0, 0)  # noqa: DTZ001 - a clock without zone
    assert [row.cells for row in of(server).rows(since=since)] == CELLS[1:]


def test_many_rows_come_while_others_work(server: Server) -> None:
    server.run("CREATE TABLE many (calldate varchar(19), src varchar(80))")
    rows = ",".join(f"('x','{number}')" for number in range(MANY))
    server.run(f"INSERT INTO many VALUES {rows}")  # noqa: S608 - ours
    server.run("GRANT SELECT ON many TO reader")
    read = of(server, "many").rows()
    first = next(read)
    server.run("INSERT INTO many VALUES ('x', 'late')")
    assert [row.cells["src"] for row in (first, *read)] == [str(n) for n in range(MANY)]


def test_what_a_server_refuses_is_a_sentence_without_the_password(server: Server) -> None:
    server.run("CREATE TABLE secret (calldate varchar(19), src varchar(80))")
    with pytest.raises(Misconfigured, match=r"cannot be read: .*denied") as told:
        of(server, "secret")
    with pytest.raises(Misconfigured, match=r"cannot be read: .*nowhere"):
        of(server, "nowhere")
    with pytest.raises(Misconfigured, match="cannot be read: ") as refused:
        of(Server(server.address.replace("hunter2", "wrong-word"), server.run))
    assert "hunter2" not in told.value.message
    assert "wrong-word" not in refused.value.message


def test_a_database_of_any_bytes_is_read_by_the_encoding_that_its_address_names() -> None:
    with _postgresql("SQL_ASCII") as server:
        server.run("CREATE TABLE cdr (calldate varchar(19), src varchar(80))")
        server.run(r"INSERT INTO cdr VALUES ('x', E'\xb3\xf3d\xbc')")
        server.run("GRANT SELECT ON cdr TO reader")
        with pytest.raises(Misconfigured, match=r"\?client_encoding=latin1"):
            of(server)
        named = Server(f"{server.address}?client_encoding=latin2", server.run)
        assert [row.cells["src"] for row in of(named).rows()] == ["łódź"]


@contextmanager
def _postgresql(encoding: str = "UTF8") -> Iterator[Server]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    programs = next(iter(found[-1:]), None)
    if programs is None:
        pytest.skip("no PostgreSQL server is installed")
    owner = "postgres" if os.geteuid() == 0 else getpass.getuser()  # it refuses to run as root
    with _folder(owner) as folder:
        data, port = str(folder / "data"), _free_port()
        act = ["runuser", "-u", owner, "--"] if os.geteuid() == 0 else []
        made = ("-A", "trust", "-E", encoding, "--locale=C", "-N", "-U", "owner")
        _done([*act, str(programs / "initdb"), "-D", data, *made], folder)
        begin = [str(programs / "postgres"), "-D", data, "-p", str(port), "-k", str(folder)]
        psql = [str(programs / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", str(folder)]
        psql += ["-p", str(port), "-U", "owner"]

        def run(sql: str) -> None:
            _done([*psql, "-d", "calls", "-c", sql], folder)

        with _running([*act, *begin, "-h", "127.0.0.1"], folder):
            _until(lambda: _done([*psql, "-d", "postgres", "-c", "CREATE DATABASE calls"], folder))
            _require_passwords(folder / "data" / "pg_hba.conf")
            run("CREATE ROLE reader LOGIN PASSWORD 'hunter2'; SELECT pg_reload_conf()")
            yield Server(f"postgresql://reader:hunter2@127.0.0.1:{port}/calls", run)


def _require_passwords(rules: Path) -> None:
    rules.write_text("local all owner trust\nhost all all 127.0.0.1/32 scram-sha-256\n")


@contextmanager
def _mariadb() -> Iterator[Server]:
    program, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if program is None or install is None:
        pytest.skip("no MariaDB server is installed")
    owner = "mysql" if os.geteuid() == 0 else getpass.getuser()
    with _folder(owner) as folder:
        port, door = _free_port(), str(folder / "door")
        where = [f"--datadir={folder / 'data'}", f"--user={owner}"]
        made = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        _done([install, "--no-defaults", *where, *made], folder)
        client = ["mariadb", "--no-defaults", f"--socket={door}", "-u", "root"]

        def run(sql: str) -> None:
            _done([*client, "--default-character-set=utf8mb4", "calls", "-e", sql], folder)

        begin = [program, "--no-defaults", *where, f"--socket={door}", f"--port={port}"]
        with _running([*begin, "--bind-address=127.0.0.1", f"--pid-file={folder}/pid"], folder):
            sql = "CREATE DATABASE calls CHARACTER SET utf8mb4"
            _until(lambda: _done([*client, "-e", sql], folder))
            run("CREATE USER reader IDENTIFIED BY 'hunter2'")
            yield Server(f"mysql://reader:hunter2@127.0.0.1:{port}/calls", run)


@contextmanager
def _folder(owner: str) -> Iterator[Path]:
    """Lend a folder that the server's user can reach, as pytest's are for its own user alone."""
    with tempfile.TemporaryDirectory() as made:
        shutil.chown(made, owner)
        yield Path(made)


def _done(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)


@contextmanager
def _running(command: Sequence[str], folder: Path) -> Iterator[None]:
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def _until(act: Callable[[], None]) -> None:
    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            return act()
        except RuntimeError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
