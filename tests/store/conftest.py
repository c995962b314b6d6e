"""The store's tests run on both engines: SQLite in the quick ring too, PostgreSQL (marked `peers`) in `make test`."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from postgres import Postgres, serving

from store.engine import Database

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """One server for all tests of a process, with the migrated database `model`."""
    with serving() as postgres:
        with ThreadPoolExecutor(1) as thread:  # a test's own loop may be running in this one
            thread.submit(lambda: asyncio.run(_migrate(postgres.create("model")))).result()
        yield postgres


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
    postgres: Postgres = request.getfixturevalue("server")
    name = f"t{next(_numbers)}"
    database = Database.open(await asyncio.to_thread(postgres.create, name, "model"))
    yield database
    await database.close()
    await asyncio.to_thread(postgres.drop, name)
