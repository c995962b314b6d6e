"""Single messages told and summed up, on both databases."""

from __future__ import annotations

from store_helpers import KEYS, NOW

from store import accounts, campaign_pages, events, singles
from store.engine import Database
from store.singles import DAY
from store.states import Event, Status
from store.values import Change
from tests.conftest import MakeCampaign


async def test_messages_are_told_apart_from_campaigns_and_summed_up(db: Database, make: MakeCampaign) -> None:
    first, second = await make(2), await make(1)
    await make(3)
    async with db.write() as conn:
        await conn.exec_driver_sql(f"UPDATE campaigns SET single = true WHERE id IN ({first.id}, {second.id})")
        await accounts.set_single(conn, first.account_id, True)
        account = await accounts.get_account(conn, first.account_id)
        assert account is not None and account.single
        rows = (
            await conn.exec_driver_sql(f"SELECT id FROM recipients WHERE campaign_id = {first.id} ORDER BY id")
        ).all()
        await events.apply(conn, [Change(rows[0].id, Event.ACCEPTED, NOW)], KEYS)
    async with db.read() as conn:
        assert await singles.waiting(conn, first.account_id) == 2
        found = await singles.page(conn, first.account_id, 10)
        assert [(one.campaign.id, len(one.people)) for one in found] == [(second.id, 1), (first.id, 2)]
        assert [one.campaign.id for one in await singles.page(conn, first.account_id, 10, second.id)] == [first.id]
        assert await singles.page(conn, first.account_id, 10, sender="who@acme.test") == []
        assert await singles.get(conn, first.account_id + 1, first.id) is None
        [day] = await singles.days(conn, first.account_id, NOW - DAY, NOW + DAY)
        assert (day.day, day.sender, day.messages, day.recipients) == (NOW // DAY, "contact@acme.test", 2, 3)
        assert day.statuses[Status.DELIVERED] == 1 and day.waiting == 2 and day.measures == {"sent": 1}
        listed = await campaign_pages.page(conn, first.account_id, campaign_pages.Wanted(), 10)
        assert len(listed) == 1
