"""The write-ahead log of SQLite stays short without a commit that copies it, and a turn to write is passed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from store import checkpoints
from store.engine import Database

PAGE = 4096
LONG = 200  # pages


@pytest.fixture
async def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(checkpoints, "EVERY", 0.0)
    monkeypatch.setattr(checkpoints, "LONG", LONG)
    database = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'm2c.db'}")
    async with database.write() as conn:
        await conn.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, body BLOB)"))
    yield database
    await database.close()


def log_pages(folder: Path) -> int:
    return (folder / "m2c.db-wal").stat().st_size // PAGE


async def fill(db: Database, pages: int) -> None:
    for _ in range(pages // 20):
        async with db.write() as conn:
            await conn.execute(text(f"INSERT INTO things (body) VALUES (zeroblob({20 * PAGE}))"))
        await asyncio.sleep(0.002)


async def count(db: Database) -> int:
    async with db.read() as conn:
        return int((await conn.execute(text("SELECT count(*) FROM things"))).scalar_one())


async def test_the_log_starts_anew_while_everybody_writes(db: Database, tmp_path: Path) -> None:
    await asyncio.gather(*(fill(db, 10 * LONG) for _ in range(2)))
    assert log_pages(tmp_path) < 10 * LONG  # of more than 20 times as many that were written
    assert await count(db) == 20 * LONG // 20


async def test_a_reader_of_an_older_moment_holds_it_back_and_nobody_waits(db: Database, tmp_path: Path) -> None:
    async with db.read() as conn:
        await conn.execute(text("SELECT count(*) FROM things"))
        await fill(db, 3 * LONG)
        grown = log_pages(tmp_path)
        assert grown >= 3 * LONG
    await fill(db, 3 * LONG)
    assert log_pages(tmp_path) <= grown + LONG
    assert await count(db) == 6 * LONG // 20


async def test_a_turn_that_is_given_up_while_waiting_is_passed_on(db: Database, tmp_path: Path) -> None:
    other = Database.open(db.url)
    held = asyncio.Event()

    async def hold() -> None:
        async with other.write() as conn:
            await conn.execute(text("SELECT 1"))
            await held.wait()

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0.05)
    impatient = asyncio.create_task(fill(db, 20))
    await asyncio.sleep(0.05)
    impatient.cancel()
    patient = asyncio.create_task(fill(db, 20))
    await asyncio.wait([impatient])
    assert not patient.done()
    held.set()
    await asyncio.gather(holding, patient)
    await fill(other, 20)
    assert await count(db) == 2
    await other.close()
