"""SQLite by one errand a statement: PEP 249 as SQLAlchemy sees it, and no transaction that outlives its block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from store.engine import Database

COUNT = text("SELECT count(*) FROM pairs")


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(f"sqlite+aiosqlite:///{tmp_path}/small.db")
    async with database.write() as conn:
        await conn.execute(text("CREATE TABLE pairs (id INTEGER PRIMARY KEY, word TEXT UNIQUE)"))
        await conn.execute(text("INSERT INTO pairs (word) VALUES (:word)"), [{"word": "un"}, {"word": "deux"}])
    yield database
    await database.close()


async def count(database: Database) -> int:
    async with database.read() as conn:
        return int((await conn.execute(COUNT)).scalar_one())


async def test_rows_come_whole_in_every_manner(small: Database) -> None:
    async with small.read() as conn:
        query = text("SELECT id, word FROM pairs ORDER BY id")
        assert (await conn.execute(query)).all() == [(1, "un"), (2, "deux")]
        assert (await conn.execute(query)).first() == (1, "un")
        assert (await conn.execute(query)).fetchmany(1) == [(1, "un")]
        assert [row.word for row in await conn.execute(query)] == ["un", "deux"]


async def test_changes_tell_how_many_rows(small: Database) -> None:
    async with small.write() as conn:
        assert (await conn.execute(text("UPDATE pairs SET word = word || '!'"))).rowcount == 2
        made = await conn.execute(text("INSERT INTO pairs (word) VALUES ('trois') RETURNING id"))
        assert made.scalar_one() == 3
        assert (await conn.execute(text("DELETE FROM pairs WHERE id = 9"))).rowcount == 0


async def test_an_exception_takes_back_all_of_its_block(small: Database) -> None:
    with pytest.raises(IntegrityError):
        async with small.write() as conn:
            await conn.execute(text("INSERT INTO pairs (word) VALUES ('trois')"))
            await conn.execute(text("INSERT INTO pairs (word) VALUES ('un')"))
    assert await count(small) == 2


async def test_a_reader_sees_one_moment(small: Database) -> None:
    async with small.read() as conn:
        assert (await conn.execute(COUNT)).scalar_one() == 2
        async with small.write() as writer:
            await writer.execute(text("DELETE FROM pairs"))
        assert (await conn.execute(COUNT)).scalar_one() == 2
    assert await count(small) == 0


async def test_a_reader_writes_nothing(small: Database) -> None:
    with pytest.raises(OperationalError):
        async with small.read() as conn:
            await conn.execute(text("DELETE FROM pairs"))
    assert await count(small) == 2


async def test_a_statement_given_up_leaves_no_transaction_behind(small: Database) -> None:
    slow = text(
        "INSERT INTO pairs (word) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
        " SELECT 'x' || i FROM n"
    )

    async def write() -> None:
        async with small.write() as conn:
            await conn.execute(slow)

    for wait in (0, 0, 0.001, 0.01):
        writing = asyncio.create_task(write())
        await asyncio.sleep(wait)
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
    assert await count(small) == 2
    async with small.write() as conn:
        await conn.execute(text("INSERT INTO pairs (word) VALUES ('trois')"))
    assert await count(small) == 3
