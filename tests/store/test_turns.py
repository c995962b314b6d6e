"""A turn to write to a SQLite database is passed on, whatever becomes of those who wait; who waits for news is woken."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.engine import Database


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'm2c.db'}")
    async with database.write() as conn:
        await conn.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY)"))
    yield database
    await database.close()


async def add(db: Database) -> None:
    async with db.write() as conn:
        await conn.execute(text("INSERT INTO things DEFAULT VALUES"))


async def test_a_turn_that_is_given_up_while_waiting_is_passed_on(db: Database) -> None:
    other = Database.open(db.url)
    held = asyncio.Event()

    async def hold() -> None:
        async with other.write() as conn:
            await conn.execute(text("SELECT 1"))
            await held.wait()

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0.05)
    impatient = asyncio.create_task(add(db))
    await asyncio.sleep(0.05)
    impatient.cancel()
    patient = asyncio.create_task(add(db))
    await asyncio.wait([impatient])
    assert not patient.done()
    held.set()
    await asyncio.gather(holding, patient)
    await add(other)
    async with db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM things"))).scalar_one() == 2
    await other.close()


async def test_whoever_waits_for_news_wakes_when_another_process_writes(db: Database) -> None:
    other = Database.open(db.url)
    waiting = asyncio.create_task(db.stirred(60))
    await asyncio.sleep(0.1)
    assert not waiting.done(), "nobody wrote"
    await add(other)
    async with asyncio.timeout(20):
        await waiting
        await db.stirred(0.06)  # nobody writes any more: so long, and no longer
    await other.close()


async def test_a_transaction_at_once_is_whole_or_nothing_and_ends_before_the_turn_is_passed_on(db: Database) -> None:
    other, begun, go = Database.open(db.url), threading.Event(), threading.Event()

    def slow(sqlite: sqlite3.Connection) -> None:
        sqlite.execute("INSERT INTO things DEFAULT VALUES")
        begun.set()
        go.wait(20)

    def wrong(sqlite: sqlite3.Connection) -> None:
        sqlite.execute("INSERT INTO things DEFAULT VALUES")
        sqlite.execute("INSERT INTO nothing DEFAULT VALUES")

    given_up = asyncio.create_task(db.at_once(slow))
    await asyncio.to_thread(begun.wait, 20)
    given_up.cancel()
    behind, elsewhere = asyncio.create_task(add(db)), asyncio.create_task(add(other))
    await asyncio.sleep(0.1)
    assert not behind.done() and not elsewhere.done(), "its turn lasts until it has ended, whoever waits for it"
    go.set()
    with contextlib.suppress(asyncio.CancelledError):
        await given_up
    await asyncio.gather(behind, elsewhere)
    with pytest.raises(DBAPIError):
        await db.at_once(wrong)
    with pytest.raises(ZeroDivisionError):
        await db.at_once(lambda _: 1 // 0)
    await add(db)
    assert await db.at_once(lambda sqlite: sqlite.execute("SELECT count(*) FROM things").fetchone()[0]) == 4
    await other.close()
