"""The store's tests run on both engines: SQLite in the quick ring too, PostgreSQL (marked `peers`) in `make test`."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from postgres import USER, Postgres, serving

from store.engine import Database

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """One server for all tests of a process, with the migrated database `model`."""
    with serving() as postgres:
        with ThreadPoolExecutor(1) as thread:  # a test's own loop may be running in this one
            thread.submit(lambda: asyncio.run(_migrate(postgres.create("model")))).result()
        yield postgres


class Copies:
    """Copies of the migrated database, made and dropped over one connection that stays: a client for each takes three times
    as long. To be called outside a running loop."""

    def __init__(self, server: Postgres) -> None:
        self._server, self._loop = server, asyncio.new_event_loop()
        where = {"host": str(server.folder), "user": USER, "database": USER}
        self._connection = self._loop.run_until_complete(asyncpg.connect(**where))

    def make(self, name: str) -> str:
        """Make one; returns its URL."""
        self._tell(f"CREATE DATABASE {name} TEMPLATE model STRATEGY FILE_COPY")
        return self._server.url(name)

    def drop(self, name: str) -> None:
        """Remove one, whoever is still connected."""
        self._tell(f"DROP DATABASE {name} WITH (FORCE)")

    def _tell(self, statement: str) -> None:
        self._loop.run_until_complete(self._connection.execute(statement))

    def close(self) -> None:
        """Let go of the connection."""
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()


@pytest.fixture(scope="session")
def copies(server: Postgres) -> Iterator[Copies]:
    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(Copies, server).result()
        yield made
        thread.submit(made.close).result()


async def _migrate(url: str) -> None:
    database = Database.open(url)
    await database.migrate()
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
async def db(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated database of the test's own."""
    if request.param == "sqlite":
        path = tmp_path / "m2c.db"
        shutil.copy(migrated, path)
        database = Database.open(f"sqlite+aiosqlite:///{path}")
        yield database
        await database.close()
        return
    copies: Copies = request.getfixturevalue("copies")
    name = f"t{next(_numbers)}"
    database = Database.open(await asyncio.to_thread(copies.make, name))
    yield database
    await database.close()
    await asyncio.to_thread(copies.drop, name)
