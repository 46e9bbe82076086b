"""A table of call records in a database, read as a stream by way of SQLAlchemy.

Imported only where an address of a database is given, as SQLAlchemy is an extra. Nothing is
written: one SELECT is sent for the columns' names and one for the rows. Of the address, which
may hold a password, nothing ever comes into a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Select, column, create_engine, event, false, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.sql.expression import TableClause
from sqlalchemy.sql.expression import table as table_clause
from sqlalchemy.types import NullType

from callreel.errors import Misconfigured
from callreel.importers.items import plain_text
from callreel.importers.table import TableRow

AT_ONCE: Final = 1_000
PATIENCE: Final = 3_600  # seconds for which the server waits while audio is read between two rows
LONGEST_REASON: Final = 200
START_COLUMNS: Final = ("calldate", "start")
_DRIVERS: Final = {
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}


class DatabaseTable:
    """A table of call records in a database.

    Attributes:
        name: The table's name.
        columns: The names of the columns that are read, in small letters.
    """

    def __init__(
        self, address: str, needed: frozenset[str], table: str, known: frozenset[str] | None
    ) -> None:
        """Connect, and ask for the columns.

        Args:
            address: As SQLAlchemy has it; MySQL, MariaDB and PostgreSQL need not name a driver.
            needed: The columns that there must be.
            table: The table's name, perhaps after its schema's and a dot.
            known: Which columns to read besides; all if None.

        Raises:
            Misconfigured: there is no such database or table, or it lacks a needed column.
        """
        self.name = table
        self._engine = _engine(address)
        schema, _, name = table.rpartition(".")
        self._table = table_clause(name, schema=schema or None)
        with self._connected() as connection:
            self._names = _names(connection, self._table)
        missing = needed - set(self._names)
        if missing:
            raise Misconfigured(
                f"The table {table} has no column {', '.join(sorted(missing))}; it is no table of "
                "call records that this format knows."
            )
        wanted = set(self._names) if known is None else needed | known
        self.columns = [name for name in self._names if name in wanted]

    def rows(self, *, since: datetime | None = None) -> Iterator[TableRow]:
        """Yield every row, numbered from 1, in the order that the database gives them in.

        Args:
            since: Where the table has a column of the start, only what started at this time or
                later, by the clock of the system that wrote it.

        Raises:
            Misconfigured: the database can no longer be read.
        """
        columns = [column(self._names[name], NullType()) for name in self.columns]
        question: Select[*tuple[Any, ...]] = select(*columns).select_from(self._table)
        start = next((name for name in START_COLUMNS if name in self._names), None)
        if since is not None and start is not None:
            question = question.where(column(self._names[start]) >= self._moment(since))
        with self._connected() as connection:
            streaming = connection.execution_options(stream_results=True, yield_per=AT_ONCE)
            for number, values in enumerate(streaming.execute(question), start=1):
                yield self._row(number, [_text(value) for value in values])

    def rows_since(self, since: datetime) -> Iterator[TableRow]:
        """Yield the rows since a time; see `rows`."""
        return self.rows(since=since)

    def _row(self, number: int, cells: list[str]) -> TableRow:
        if any("\0" in cell for cell in cells):
            return TableRow(number, {}, "The row holds a NUL character.")
        return TableRow(number, dict(zip(self.columns, cells, strict=True)))

    def _moment(self, clock: datetime) -> datetime | str:
        return _text(clock) if self._engine.dialect.name == "sqlite" else clock

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        connection = self._connect()
        try:
            if connection.dialect.name in {"mysql", "mariadb"}:
                connection.exec_driver_sql(f"SET SESSION net_write_timeout = {PATIENCE}")
            yield connection
        except (SQLAlchemyError, UnicodeError) as error:
            raise _unread(error, self._engine.url) from None
        finally:
            connection.close()

    def _connect(self) -> Connection:
        try:
            return self._engine.connect()
        except SQLAlchemyError as error:
            raise _unread(error, self._engine.url) from None
        except Exception:  # noqa: BLE001 - what drivers make of odd arguments is of any kind
            raise Misconfigured(
                "The database of call records cannot be opened with what follows the question "
                "mark in its address, or without it; where PostgreSQL calls the encoding "
                "SQL_ASCII, give the true one, such as ?client_encoding=latin1."
            ) from None


def _engine(address: str) -> Engine:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise Misconfigured(
            "The address of the database cannot be understood; it is like "
            "mysql://user:password@host/asteriskcdrdb, with %40 for an @ in the password."
        ) from None
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    is_sqlite = url.get_backend_name() == "sqlite"
    try:
        engine = create_engine(_read_only(url) if is_sqlite else url, poolclass=NullPool)
    except (NoSuchModuleError, ImportError):
        raise Misconfigured(
            f"There is no driver for {url.drivername} databases: install it with "
            "pip install 'callreel[sql]', or name another one in the address."
        ) from None
    except (SQLAlchemyError, TypeError, ValueError) as error:
        raise _unread(error, url) from None
    if is_sqlite:
        event.listen(engine, "connect", _any_bytes)
    return engine


def _read_only(url: URL) -> URL:
    """Return the address of a SQLite file that is not made where there is none."""
    path = quote(str(Path(url.database or "").absolute()))
    return url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})


def _any_bytes(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Let SQLite hand out text that is no UTF-8, as `table` reads it."""
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")


def _names(connection: Connection, table: TableClause) -> dict[str, str]:
    """Return the names of a table's columns by what they are in small letters."""
    nothing = select(text("*")).select_from(table).where(false())
    return {name.lower(): name for name in connection.execute(nothing).keys()}  # noqa: SIM118


def _text(value: object) -> str:
    """Return a value as an export would have it."""
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "surrogateescape").strip()
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, timedelta):
        return _hours(value)
    return str(int(value) if isinstance(value, bool) else value).strip()


def _hours(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"


def _unread(error: Exception, url: URL) -> Misconfigured:
    """Return the error in one sentence, with neither the password nor where the server is."""
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    says = str(cause.args[-1] if cause.args else "it failed").strip().partition("\n")[0]
    for secret in (url.password, url.host, url.database, *url.query.values()):
        says = says.replace(secret, "…") if isinstance(secret, str) and secret else says
    says = plain_text(says)[:LONGEST_REASON].rstrip(".")
    return Misconfigured(f"The database of call records cannot be read: {says}.")
