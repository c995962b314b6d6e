"""The queue by domain and age: each recipient that waits is counted once, in the column of its age."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update
from store_helpers import NOW

from store import queue_shape
from store.engine import Database
from store.queue_shape import MINUTES
from store.tables import campaigns, recipients

MINUTE = 60_000


async def test_ages_add_up_and_the_fullest_domain_is_first(db: Database, make: Any) -> None:
    made, other = await make(6), await make(1)
    async with db.write() as conn:
        mine = recipients.c.campaign_id == made.id
        ids = [row.id for row in await conn.execute(recipients.select().where(mine).order_by(recipients.c.id))]
        await conn.execute(update(campaigns).values(send_at=NOW - 20 * MINUTE, state="sending"))
        await conn.execute(update(recipients).values(next_attempt_at=NOW, address="A@Big.test"))
        for number, minutes in zip(ids[:3], (4, 29, 9_999), strict=True):
            one = update(recipients).where(recipients.c.id == number)
            await conn.execute(one.values(first_attempt_at=NOW - minutes * MINUTE))
        await conn.execute(update(recipients).where(recipients.c.id == ids[3]).values(next_attempt_at=None))
        await conn.execute(update(recipients).where(recipients.c.id == ids[4]).values(address="x@small.test"))
        later = update(campaigns).where(campaigns.c.id == other.id)
        await conn.execute(later.values(send_at=NOW + 1, state="scheduled"))
        whole, rows = await queue_shape.shape(conn, NOW)
    assert [(row.domain, row.total, row.later) for row in rows] == [("big.test", 5, 1), ("small.test", 1, 0)]
    for row in (whole, *rows):
        assert row.total == row.later + sum(row.ages) and len(row.ages) == len(MINUTES) + 1
    ages = dict(zip((*MINUTES, "beyond"), whole.ages, strict=True))
    assert {bound: n for bound, n in ages.items() if n} == {5: 1, 30: 3, "beyond": 1}


async def test_an_empty_queue_has_no_rows(db: Database) -> None:
    async with db.read() as conn:
        whole, rows = await queue_shape.shape(conn, NOW)
    assert (whole.total, sum(whole.ages), rows) == (0, 0, [])
