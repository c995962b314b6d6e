"""A campaign by domain, against a count by hand."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update
from store_helpers import KEYS, NOW

from store import domains, events
from store.domains import Domain
from store.engine import Database
from store.states import Event
from store.tables import recipients
from store.values import Change


async def test_every_recipient_counts_under_its_domain(db: Database, make: Any) -> None:
    campaign = await make(6)
    await make(4)
    async with db.write() as conn:
        for who in (1, 2):
            moved = update(recipients).where(recipients.c.id == who)
            await conn.execute(moved.values(address=f"p{who}@Autre.test"))
        changes = [
            Change(1, Event.ACCEPTED, NOW), Change(1, Event.CLICK, NOW + 9), Change(2, Event.REFUSED, NOW),
            Change(3, Event.MAILBOX_TEMPFAILED, NOW, None, NOW + 60_000), Change(4, Event.ACCEPTED, NOW),
        ]  # fmt: skip
        await events.apply(conn, changes, KEYS)
        assert await domains.largest(conn, campaign.id, 10) == (
            Domain("dest.test", 4, 1, 0, 0, 1, 3), Domain("autre.test", 2, 1, 1, 1, 1, 0),
        )  # fmt: skip
        assert [one.domain for one in await domains.largest(conn, campaign.id, 1)] == ["dest.test"]
        assert await domains.largest(conn, 99, 10) == ()
