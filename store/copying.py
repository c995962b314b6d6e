"""A consistent copy of a running database, and the way back: SQLite by its backup interface, PostgreSQL by COPY.

In: the database's URL, an empty folder, and what else must be looked at in the very moment that the copy shows (the spool).
Out: files in that folder (`database.db`, or one `TABLE.copy` a table) and what a manifest has to say of them. The gateway
goes on meanwhile: readers block nobody, writers wait only while the moment is fixed. The way back fills an empty database.
Raises CopyError with one sentence, or what the database raises.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from config.settings import DatabaseSection
from store.engine import Database
from store.tables import metadata
from store.turns import turn_file

FILE = "database.db"
_VERSION = "alembic_version"
_UNBOUNDED = {"statement_timeout": "0", "idle_timeout": "0"}
_WAIT = 60.0  # seconds for a lock


class CopyError(Exception):
    """The database cannot be copied, or not be filled; the text says why."""


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for another kind."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


async def take(
    url: str, folder: Path, moment: Callable[[], None], bounds: DatabaseSection | None = None
) -> dict[str, Any]:
    """Copy the database into `folder`, calling `moment` while nobody can write (PostgreSQL: right after the snapshot)."""
    file = sqlite_file(url)
    if file is not None:
        return _take_sqlite(file, folder / FILE, moment)
    return await _take_postgresql(url, _whole(bounds), folder, moment)


async def bring(url: str, folder: Path, said: Mapping[str, Any], bounds: DatabaseSection | None = None) -> None:
    """Fill an empty database from what `take` made, then bring its tables to the newest version."""
    file = sqlite_file(url)
    if (file is None) != (said["kind"] == "postgresql"):
        raise CopyError(f"the backup holds a {said['kind']} database, and the settings name another kind")
    if file is not None:
        if file.exists():
            raise CopyError(f"{file} exists already: a restore overwrites nothing")
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / FILE).replace(file)
    database = Database.open(url, _whole(bounds))
    try:
        if file is None:
            await _bring_postgresql(database, folder, said)
        await database.migrate()
    finally:
        await database.close()


@contextmanager
def _turn(file: Path) -> Iterator[None]:
    """It is our turn to write: nobody else does (store.turns.WriteQueue)."""
    handle = os.open(turn_file(file), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _take_sqlite(file: Path, target: Path, moment: Callable[[], None]) -> dict[str, Any]:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(file, timeout=_WAIT, isolation_level=None)) as source:
        source.execute("PRAGMA query_only = ON")
        with _turn(file):
            source.execute("BEGIN")  # takes effect with the first look: from now on this connection sees one moment
            head = source.execute("SELECT version_num FROM alembic_version").fetchone()
            moment()
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            found = copy.execute("PRAGMA quick_check").fetchone()[0]
            if found != "ok":
                raise CopyError(f"the copy of {file} is damaged: {found}")
    return {"kind": "sqlite", "head": head[0] if head else ""}


def _whole(bounds: DatabaseSection | None) -> DatabaseSection:
    """These bounds, without those that a table of any size would break."""
    return (bounds or DatabaseSection()).model_copy(update=_UNBOUNDED)  # type: ignore[call-arg]


async def _take_postgresql(
    url: str, bounds: DatabaseSection, folder: Path, moment: Callable[[], None]
) -> dict[str, Any]:
    from store import postgresql  # with its driver

    engine = postgresql.engine(url, bounds, isolation_level="REPEATABLE READ", pool_size=1, max_overflow=0)
    try:
        async with engine.begin() as conn:
            await conn.execute(text("SET TRANSACTION READ ONLY"))
            head = await conn.scalar(text(f"SELECT version_num FROM {_VERSION}"))  # noqa: S608 our own name
            moment()
            tables = await _tables(conn)
            driver = await _driver(conn)
            rows = {}
            for table in tables:
                with (folder / f"{table}.copy").open("xb") as out:
                    status = await driver.copy_from_table(table, output=out, format="binary")
                rows[table] = int(status.split()[-1])
            query = text("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()")
            sequences = {row.sequencename: row.last_value for row in await conn.execute(query)}
    finally:
        await engine.dispose()
    return {"kind": "postgresql", "head": head, "rows": rows, "sequences": sequences}


async def _bring_postgresql(database: Database, folder: Path, said: Mapping[str, Any]) -> None:
    async with database.read() as conn:
        if await _tables(conn):
            raise CopyError("the PostgreSQL database holds tables already: a restore needs an empty one (createdb)")
    await database.migrate(said["head"])
    order = {table.name: place for place, table in enumerate(metadata.sorted_tables)}
    tables = sorted(said["rows"], key=lambda name: order.get(name, len(order)))
    async with database.write() as conn:
        driver = await _driver(conn)
        for table in reversed(tables):
            await conn.execute(text(f'DELETE FROM "{table}"'))  # noqa: S608 what a migration put there
        for table in tables:
            with (folder / f"{table}.copy").open("rb") as source:
                status = await driver.copy_to_table(table, source=source, format="binary")
            if int(status.split()[-1]) != said["rows"][table]:
                raise CopyError(f"table {table} did not come back whole")
        for name, value in said["sequences"].items():
            if value is not None:
                await conn.execute(text("SELECT setval(:name, :value)"), {"name": f'"{name}"', "value": value})


async def _tables(conn: AsyncConnection) -> list[str]:
    query = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
    return [name for name in (await conn.execute(query)).scalars() if name != _VERSION]


async def _driver(conn: AsyncConnection) -> Any:
    return (await conn.get_raw_connection()).driver_connection
