"""A copy of a database at work shows one moment, and fills an empty one; on both engines."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from postgres import Postgres
from sqlalchemy import func, select, text

from store import campaigns, copying, restored
from store.engine import Database, now_ms
from store.tables import recipients
from tests.conftest import MakeCampaign

_numbers = itertools.count(1)


@pytest.fixture
async def empty(db: Database, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a database of the same kind, with nothing in it."""
    if db.sqlite:
        return f"sqlite+aiosqlite:///{tmp_path / 'new' / 'back.db'}"
    server: Postgres = request.getfixturevalue("server")
    return await asyncio.to_thread(server.create, f"empty{next(_numbers)}")


async def test_a_copy_comes_back(db: Database, make: MakeCampaign, empty: str, tmp_path: Path) -> None:
    await make(40, faults=3)
    (tmp_path / "copy").mkdir()
    moments: list[int] = []
    said = await copying.take(db.url, tmp_path / "copy", lambda: moments.append(1))
    assert moments == [1]
    await make(2)  # later than the copy
    await copying.bring(empty, tmp_path / "copy", said)
    back = Database.open(empty)
    try:
        async with back.read() as conn:
            (only,) = await campaigns.recent(conn)
            assert (only.recipients, only.invalid, only.duplicate) == (40, 2, 1)
            assert await conn.scalar(select(func.count()).select_from(recipients)) == 40
            assert await campaigns.source(conn, only.blob_id) == b"source"
        async with back.write() as conn:
            assert (await restored.halt(conn, now_ms())).recipients == 40
            # numbers go on where they were: an address of a mail may name them
            new = await conn.execute(text("INSERT INTO blobs (sha256, size, data) VALUES ('', 0, '') RETURNING id"))
            assert new.scalar_one() > only.blob_id
    finally:
        await back.close()


async def test_nothing_is_filled_twice(db: Database, make: MakeCampaign, empty: str, tmp_path: Path) -> None:
    await make(2)
    (tmp_path / "copy").mkdir()
    said = await copying.take(db.url, tmp_path / "copy", lambda: None)
    await copying.bring(empty, tmp_path / "copy", said)
    with pytest.raises(copying.CopyError, match="already"):
        await copying.bring(empty, tmp_path / "copy", said)


async def test_a_copy_shows_one_moment_while_others_write(db: Database, make: MakeCampaign, tmp_path: Path) -> None:
    """Each transaction moves one unit from one account's name to another's: every copy sees the same sum."""
    await make(1)
    async with db.write() as conn:
        await conn.execute(text("INSERT INTO revisions (name, n) VALUES ('left', 1000), ('right', 0)"))
    done = asyncio.Event()

    async def move() -> int:
        moves = 0
        while not done.is_set() and moves < 900:
            async with db.write() as conn:
                await conn.execute(text("UPDATE revisions SET n = n - 1 WHERE name = 'left'"))
                await conn.execute(text("UPDATE revisions SET n = n + 1 WHERE name = 'right'"))
            moves += 1
            await asyncio.sleep(0)
        return moves

    moving = asyncio.create_task(move())
    await asyncio.sleep(0.02)
    folders = [tmp_path / f"copy{n}" for n in range(3)]
    for folder in folders:
        folder.mkdir()
        await asyncio.to_thread(lambda folder=folder: asyncio.run(copying.take(db.url, folder, lambda: None)))
    done.set()
    assert await moving > 0
    for folder in folders:
        assert _sum(folder) == 1000


def _sum(folder: Path) -> int:
    import sqlite3
    import struct
    from contextlib import closing

    if (folder / copying.FILE).exists():
        with closing(sqlite3.connect(folder / copying.FILE)) as copy:
            query = "SELECT sum(n) FROM revisions WHERE name IN ('left', 'right')"
            return int(copy.execute(query).fetchone()[0])
    # the binary form of COPY: each number is eight bytes, after its length
    raw = (folder / "revisions.copy").read_bytes()
    total = 0
    for name in (b"left", b"right"):
        at = raw.index(name) + len(name)
        total += struct.unpack(">q", raw[at + 4 : at + 12])[0]
    return total
