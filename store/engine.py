"""The database handle: one reader engine and one writer engine over SQLAlchemy Core.

In: a SQLAlchemy URL (`sqlite+aiosqlite:///…` or `postgresql+asyncpg://…`). Out: connections inside `read()` (a consistent
snapshot) and `write()` (one short transaction, committed on leaving, durable: SQLite WAL with synchronous=FULL).
Several processes write to one SQLite file: they queue on an advisory file lock, because SQLite's own busy handler sleeps
in steps of up to 100 ms and is unfair. Raises what SQLAlchemy raises; callers treat it as a bug or as a database outage.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from config.settings import DatabaseSection
from store.driver import Driver, of
from store.turns import WriteQueue, turn_file
from store.versions import MIGRATIONS, heads

T = TypeVar("T")
STIRRED = 0.02  # seconds between two looks at the log of a SQLite file
_UPGRADE = 0x6D3263  # the advisory lock of whoever upgrades, held to the end of the transaction: poolers bear it


def now_ms() -> int:
    """The wall clock as UTC milliseconds."""
    return time.time_ns() // 1_000_000


def _prepare_sqlite(engine: AsyncEngine, *, writer: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # store.driver says BEGIN
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 30000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -32000")
        cursor.execute("PRAGMA temp_store = MEMORY")
        if writer:
            # copied back by whoever commits: beside the writers, its flushes held theirs up for longer (measured)
            cursor.execute("PRAGMA wal_autocheckpoint = 4000")
        else:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()
        connection.opening = "BEGIN IMMEDIATE" if writer else "BEGIN"


class Database:
    """Readers and the writer of one database; make one a process with `Database.open` and close it at the end."""

    def __init__(
        self, url: str, reader: AsyncEngine, writer: AsyncEngine, queue: WriteQueue | None, glancer: AsyncEngine
    ) -> None:
        self.url = url
        self.sqlite = queue is not None
        self._reader, self._writer, self._queue, self._glancer = reader, writer, queue, glancer
        self._kept: AsyncConnection | None = None  # SQLite's writer between two transactions
        self._log = Path(f"{make_url(url).database}-wal") if self.sqlite else None
        self._closed = False

    @classmethod
    def open(cls, url: str, bounds: DatabaseSection | None = None) -> Database:
        """Open (and for SQLite create) the database; nothing is sent before the first use."""
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            from store import postgresql  # its driver costs start-up time that SQLite need not pay

            bounds = bounds or DatabaseSection()  # type: ignore[call-arg]
            engine = postgresql.engine(url, bounds, pool_size=8, max_overflow=8)
            return cls(url, engine, engine, None, postgresql.glancing(engine, bounds))
        file = Path(parsed.database or "")
        file.parent.mkdir(parents=True, exist_ok=True)
        reader = create_async_engine(url, module=Driver(), pool_size=4, max_overflow=12)
        writer = create_async_engine(url, module=Driver(), pool_size=1, max_overflow=0)
        _prepare_sqlite(reader, writer=False)
        _prepare_sqlite(writer, writer=True)
        return cls(url, reader, writer, WriteQueue(turn_file(file)), reader)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent moment."""
        async with self._reader.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncConnection]:
        """A connection for questions asked again and again, where each may see its own moment: the database is told of no
        transaction around them, so that on PostgreSQL each is one round trip instead of three, on SQLite one errand to the
        connection's thread instead of two."""
        async with self._glancer.connect() as connection, connection.begin():
            if self._queue is None:
                yield connection
                return
            raw = of(connection)
            opening, raw.opening = raw.opening, ""
            try:
                yield connection
            finally:
                raw.opening = opening

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed when the block ends without an exception; keep it short, never wait on a network."""
        if self._queue is None:
            async with self._writer.begin() as connection:
                yield connection
            return
        async with self._queue:
            # fetching it from the pool and handing it back costs as much as the transaction of a few rows
            connection, self._kept = self._kept or await self._writer.connect(), None
            try:
                async with connection.begin():
                    yield connection
            except BaseException:
                await asyncio.shield(connection.close())
                raise
            self._kept = connection
            if self._closed:
                await self._let_go()

    async def at_once(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction of SQLite by one errand to the connection's thread: `work` is done there and must not wait. Others
        wait for it for milliseconds: between the steps of `write` a loop that signs mails goes its rounds."""
        queue = self._queue
        if queue is None:
            raise TypeError("not SQLite")
        async with queue.here:
            if self._closed:
                raise RuntimeError("the database is closed")
            connection, self._kept = self._kept or await self._writer.connect(), None
            errand = asyncio.ensure_future(of(connection).inside(partial(queue.within, work), begin=False))
            try:
                result = await asyncio.shield(errand)
            except BaseException:
                while not errand.done():  # whoever is cancelled meanwhile, and again, keeps the turn until it ends
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.wait([errand])
                await asyncio.shield(connection.close())
                raise
            self._kept = connection
            if self._closed:
                await self._let_go()
            return result

    async def stirred(self, seconds: float) -> None:
        """Wait until somebody may have written, and so many seconds at most. SQLite's log tells for some microseconds, before
        anything is asked; of other engines nothing is told, there it is a plain wait."""
        if self._log is None:
            await asyncio.sleep(seconds)
            return
        before = _written(self._log)
        for _ in range(round(seconds / STIRRED)):
            await asyncio.sleep(STIRRED)
            if _written(self._log) != before:
                return

    async def _let_go(self) -> None:
        connection, self._kept = self._kept, None
        if connection is not None:
            await connection.close()

    async def migrate(self, revision: str = "head") -> None:
        """Bring the tables to the newest version, or to an earlier one on the way; those that have it are left alone."""
        if revision == "head" and await self._newest():
            return
        from alembic.config import Config  # half a second that only those who migrate pay

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        if self.sqlite:  # a reader may not create the file: let the writer do it first
            async with self.write():
                pass
            await self._let_go()
        async with self._writer.connect() as connection:
            if self.sqlite:
                await _unlinked(connection)
            else:  # one host after the other; a table that gets a new shape takes its time
                await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                await connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE})")
            await connection.run_sync(_upgrade, config, revision)
            if self.sqlite:
                loose: Any = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first()
                await connection.invalidate()  # the next one minds foreign keys again
                if loose is not None:
                    raise RuntimeError(
                        f"the upgrade left a row of {loose[0]} without the row of {loose[2]} that it names"
                    )

    async def _newest(self) -> bool:
        try:
            async with self.write() as connection:
                current, newest = await heads(connection)
        except DBAPIError:  # no tables yet
            return False
        return current == newest

    async def close(self) -> None:
        """Let go of every connection."""
        self._closed = True
        async with self._queue.here if self._queue is not None else contextlib.nullcontext():  # who writes ends before
            await self._let_go()
            await self._reader.dispose()
            await self._writer.dispose()
            if self._queue is not None:
                self._queue.close()


def _written(log: Path) -> tuple[int, int]:
    """When a file was last written, and how long it is; zeros where there is none."""
    try:
        found = log.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


async def _unlinked(connection: AsyncConnection) -> None:
    """Let SQLite mind no foreign keys: a table that gets a new shape is copied, dropped and renamed, with others naming it.
    That can only be said outside a transaction."""
    raw = of(connection)
    opening, raw.opening = raw.opening, ""
    await connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    raw.opening = opening


def _upgrade(connection: Any, config: Any, revision: str) -> None:
    from alembic import command

    config.attributes["connection"] = connection
    command.upgrade(config, revision)
