"""SQLite for SQLAlchemy's asyncio side, with one errand to the connection's thread for a whole statement.

In: statements of SQLAlchemy. Out: their rows, fetched whole. The stock adapter sends the thread on four errands a statement
(make a cursor, execute, fetch, close) and on two more a transaction, and each wakes two threads: beside the signing of mails
that was half of what the database cost a sender. Here the first statement also begins the transaction (PEP 249), and where
none is open nothing is rolled back. Raises what sqlite3 raises.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import await_only

T = TypeVar("T")


class Cursor:
    """One statement and its rows; the part of PEP 249 that SQLAlchemy uses."""

    server_side = False
    __slots__ = ("_connection", "_rows", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: deque[Any] = deque()
        self.arraysize = 1
        self.description: Any = None
        self.lastrowid: int | None = None
        self.rowcount = -1

    def execute(self, operation: str, parameters: Any = ()) -> None:
        """Run one statement."""
        self._connection.errand(self._run, operation, parameters or (), False)

    def executemany(self, operation: str, parameters: Sequence[Any]) -> None:
        """Run a statement for each row of parameters."""
        self._connection.errand(self._run, operation, parameters, True)

    def _run(self, sqlite: sqlite3.Connection, operation: str, parameters: Any, many: bool) -> None:
        """In the connection's thread: begin, execute, fetch and close."""
        with closing(sqlite.cursor()) as cursor:
            self._connection.begin(sqlite)
            if many:
                cursor.executemany(operation, parameters)
            else:
                cursor.execute(operation, parameters)
            if cursor.description:
                self._rows.extend(cursor.fetchall())
            self.description, self.lastrowid, self.rowcount = cursor.description, cursor.lastrowid, cursor.rowcount

    def __iter__(self) -> Iterator[Any]:
        while self._rows:
            yield self._rows.popleft()

    def fetchone(self) -> Any:
        """The next row, None behind the last."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows."""
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def setinputsizes(self, *_: Any) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Forget the rows."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Asked by SQLAlchemy before it hands a result out: the cursor is closed already."""


class Connection(AsyncAdapt_aiosqlite_connection):
    """A connection; `opening` begins its transactions, and is empty until they are wanted."""

    __slots__ = ("_doubtful", "opening")

    def __init__(self, dbapi: Driver, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.opening = ""
        self._doubtful = False  # an errand was begun, and its end was not seen

    def cursor(self, server_side: bool = False) -> Any:
        """A new cursor; results are never streamed."""
        if server_side:
            raise NotImplementedError("results are fetched whole")
        return Cursor(self)

    def errand(self, function: Any, *arguments: Any) -> None:
        """Let the connection's thread do something, and wait for it."""
        self._doubtful = True
        try:
            await_only(self._connection._execute(function, self._connection._conn, *arguments))
        except Exception as error:
            self._doubtful = False
            self._handle_exception(error)
        self._doubtful = False

    async def together(self, steps: Sequence[tuple[str, Mapping[str, Any]]], *, commit: bool = False) -> Any:
        """Run several statements by one errand, past SQLAlchemy; returns the first row of the last one, or None. With
        `commit` the transaction ends by the same errand."""
        self._doubtful = True
        try:
            row = await self._connection._execute(self._all, self._connection._conn, steps, commit)
        except sqlite3.Error as error:
            self._doubtful = False
            raise DBAPIError.instance(steps[-1][0], None, error, sqlite3.Error) from error
        self._doubtful = False
        return row

    def _all(self, sqlite: sqlite3.Connection, steps: Sequence[tuple[str, Mapping[str, Any]]], commit: bool) -> Any:
        """In the connection's thread."""
        with closing(sqlite.cursor()) as cursor:
            self.begin(sqlite)
            for statement, parameters in steps:
                cursor.execute(statement, parameters)
            row = cursor.fetchone()
        if commit:
            sqlite.commit()
        return row

    async def inside(self, work: Callable[[sqlite3.Connection], T], *, begin: bool = True) -> T:
        """Let the connection's thread do a whole piece of work, in the transaction that is open; `begin` where none is."""

        def errand(sqlite: sqlite3.Connection) -> T:
            if begin:
                self.begin(sqlite)
            return work(sqlite)

        self._doubtful = True
        try:
            result: T = await self._connection._execute(errand, self._connection._conn)
        except Exception as error:
            self._doubtful = False
            if isinstance(error, sqlite3.Error):
                raise DBAPIError.instance(getattr(work, "__name__", "work"), None, error, sqlite3.Error) from error
            raise
        self._doubtful = False
        return result

    async def fill(self, table: str, column: str, row: int, pieces: Iterator[bytes]) -> None:
        """Write a value over one of as many zero bytes, piece by piece; `pieces` is run in the connection's thread."""
        self._doubtful = True
        try:
            await self._connection._execute(self._fill, self._connection._conn, table, column, row, pieces)
        except sqlite3.Error as error:
            self._doubtful = False
            raise DBAPIError.instance(f"blob {table}.{column}", None, error, sqlite3.Error) from error
        self._doubtful = False

    def _fill(self, sqlite: sqlite3.Connection, table: str, column: str, row: int, pieces: Iterator[bytes]) -> None:
        with sqlite.blobopen(table, column, row) as blob:
            for piece in pieces:
                blob.write(piece)

    def interrupt(self) -> None:
        """End the statement that runs, from any thread; it raises then, and where none runs nothing happens."""
        sqlite: sqlite3.Connection | None = self._connection._connection
        if sqlite is not None:
            sqlite.interrupt()

    def begin(self, sqlite: sqlite3.Connection) -> None:
        """In the connection's thread: begin a transaction where none is open."""
        if self.opening and not sqlite.in_transaction:
            sqlite.execute(self.opening)

    def rollback(self) -> None:
        if self._open:
            super().rollback()

    def commit(self) -> None:
        if self._open:
            super().commit()

    @property
    def _open(self) -> bool:
        """Whether a transaction may be open; an errand that nobody waited for may be about to begin one."""
        sqlite: sqlite3.Connection | None = self._connection._connection
        return sqlite is not None and (self._doubtful or sqlite.in_transaction)


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """What SQLAlchemy takes for the database's module."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arg: Any, **kw: Any) -> Connection:
        """Open a connection and start its thread."""
        made = super().connect(*arg, **kw)
        return Connection(self, made._connection)


def of(conn: AsyncConnection) -> Connection:
    """The driver's own connection below one of SQLAlchemy, which must be SQLite's."""
    found = conn.sync_connection.connection.dbapi_connection if conn.sync_connection is not None else None
    if not isinstance(found, Connection):
        raise TypeError("no open connection to SQLite")
    return found
