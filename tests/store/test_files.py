"""Files to download: kept in pieces, given back byte for byte, gone some days after the end of their campaign."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select, update
from store_helpers import NOW

from store import campaigns, files
from store.engine import Database
from store.tables import campaigns as campaigns_table
from store.tables_files import file_pieces
from store.tables_files import files as files_table
from store.values import CampaignState

KEEP = 1_000


async def put(db: Database, campaign_id: int, number: int, data: bytes, name: str = "a.pdf") -> int:
    async with db.write() as conn:
        file = await files.add(conn, campaign_id, number, name, len(data), sha256(data).digest(), KEEP)
        half = len(data) // 2 // files.PIECE * files.PIECE
        following = await files.append(conn, file, 0, data[:half])
        await files.append(conn, file, following, data[half:])
    return file


async def got(db: Database, file: files.File) -> bytes:
    found, n = [], 0
    async with db.read() as conn:
        while (data := await files.piece(conn, file.id, n)) is not None:
            found.append(data)
            n += 1
    return b"".join(found)


async def count(db: Database) -> tuple[int, int]:
    async with db.read() as conn:
        both = [await conn.scalar(select(func.count()).select_from(table)) for table in (files_table, file_pieces)]
    return both[0] or 0, both[1] or 0


async def swept(db: Database, now: int) -> None:
    gone = 1
    while gone:
        async with db.write() as conn:
            gone = await files.sweep(conn, now)


async def test_bytes_come_back_in_bounded_pieces(db: Database, make: Any) -> None:
    campaign = await make(1)
    for number, size in enumerate((0, 1, files.PIECE, files.PIECE + 1, 5 * files.PIECE + 7)):
        data = os.urandom(size)
        await put(db, campaign.id, number, data, f"{number}.pdf")
        async with db.read() as conn:
            file = (await files.of_campaign(conn, campaign.id))[number]
        assert (file.number, file.name, file.size, file.sha256) == (
            number,
            f"{number}.pdf",
            size,
            sha256(data).digest(),
        )
        assert await got(db, file) == data
    assert await count(db) == (5, 0 + 1 + 1 + 2 + 6)


async def test_files_go_some_time_after_the_end_and_only_then(db: Database, make: Any) -> None:
    ended, going, replaced = await make(1), await make(1), await make(1)
    for campaign in (ended, going, replaced):
        await put(db, campaign.id, 0, os.urandom(50 * files.PIECE // 10))
    async with db.write() as conn:
        for campaign, values in (
            (ended, {"state": CampaignState.FINISHED, "finished_at": NOW + 50}),
            (replaced, {"state": CampaignState.REPLACED}),
        ):
            await conn.execute(update(campaigns_table).where(campaigns_table.c.id == campaign.id).values(**values))
    await swept(db, NOW + KEEP - 1)
    assert (await count(db))[0] == 3
    await swept(db, NOW + KEEP)  # what was replaced was never sent
    assert (await count(db))[0] == 2
    await swept(db, NOW + KEEP + 49)
    assert (await count(db))[0] == 2
    await swept(db, NOW + KEEP + 50)
    assert (await count(db))[0] == 1
    await swept(db, NOW + 1_000 * KEEP)
    async with db.read() as conn:
        assert len(await files.of_campaign(conn, going.id)) == 1


async def test_what_is_erased_leaves_no_files(db: Database, make: Any) -> None:
    campaign = await make(1)
    await put(db, campaign.id, 0, b"x")
    async with db.write() as conn:
        await conn.execute(update(campaigns_table).values(erased_at=NOW))
    await swept(db, NOW)
    assert await count(db) == (0, 0)


async def test_a_campaign_that_never_was_takes_its_files_along(db: Database, make: Any) -> None:
    campaign = await make(2)
    await put(db, campaign.id, 0, os.urandom(100 * files.PIECE // 2))
    loading = update(campaigns_table).where(campaigns_table.c.id == campaign.id).values(state=CampaignState.LOADING)
    async with db.write() as conn:
        await conn.execute(loading)
    steps, more = 0, True
    while more:
        async with db.write() as conn:
            more = await campaigns.wipe(conn, campaign.id)
        steps += 1
    assert await count(db) == (0, 0)
    assert steps > 3  # never all of it in one transaction
