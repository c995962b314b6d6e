"""The list of campaigns: newest first, by state and words, cut by key; never another account's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from store import campaign_list
from store.engine import Database
from store.tables import campaigns


async def test_pages_forth_and_back_hold_every_campaign_once(db: Database, make: Any) -> None:
    made = [(await make(1)).id for _ in range(7)]
    async with db.write() as conn:
        account = await conn.scalar(campaigns.select().with_only_columns(campaigns.c.account_id).limit(1))
        await conn.execute(update(campaigns).values(account_id=account, created_at=5))  # all at once
        first = await campaign_list.page(conn, account, size=3)
        second = await campaign_list.page(conn, account, size=3, after=first.next)
        third = await campaign_list.page(conn, account, size=3, after=second.next)
        seen = [[line.id for line in page.lines] for page in (first, second, third)]
        assert [one for page in seen for one in page] == sorted(made, reverse=True)
        assert (first.previous, third.next) == (None, None)
        again = await campaign_list.page(conn, account, size=3, before=second.previous)
        assert [line.id for line in again.lines] == seen[0] and again.previous is None
        assert (await campaign_list.page(conn, account + 1, size=3)).lines == ()


async def test_by_state_and_by_words(db: Database, make: Any) -> None:
    one, two = await make(2), await make(1)
    async with db.write() as conn:
        await conn.execute(
            update(campaigns).where(campaigns.c.id == one.id).values(name="Rentrée 100%", state="finished")
        )
        await conn.execute(
            update(campaigns).where(campaigns.c.id == two.id).values(account_id=one.account_id, name="x")
        )

        async def found(group: str = "all", words: str = "") -> list[int]:
            return [line.id for line in (await campaign_list.page(conn, one.account_id, group, words)).lines]

        assert await found() == [two.id, one.id]
        assert await found("over") == [one.id] and await found("sending") in ([], [two.id])
        assert await found(words="rentr") == await found(words="Rentrée") == await found(words="100%") == [one.id]
        assert await found(words="1%0") == await found(words="_") == []
        [line] = (await campaign_list.page(conn, one.account_id, "over")).lines
        assert line.ledger.recipients == sum(line.ledger.statuses.values()) == 2
