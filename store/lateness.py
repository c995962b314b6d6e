"""Campaigns that are late through our own fault: held, and their authors asked, rather than sent on the wrong day (SPEC 7).

In: the time (UTC ms), before a sender gives its first sign of life after a silence. Out: the campaigns that are held. The
signs of life of all senders (`workers.seen_at`) tell when the house was last at work; whoever finds them LATE old holds, in
the transaction of its own sign and so before anything is leased, what should have begun in that time: campaigns with
recipients never tried, not those that waited for a quota or for their author. Retries are no lateness: they go on.
Raises only what the database raises.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import actions
from store.actions import Power
from store.states import Status
from store.tables import accounts, campaigns, recipients, workers
from store.tables_talks import talks
from store.values import CampaignState

HOUR = 3_600_000
LATE = 12 * HOUR
CODE = "late"
_GOING = (CampaignState.SCHEDULED, CampaignState.SENDING)


def reason(late: int) -> dict[str, Any]:
    """What holds a campaign that is so many ms late."""
    return {"code": CODE, "count": late // HOUR}


async def check(conn: AsyncConnection, now: int) -> list[int]:
    """Hold what a long silence of all senders made late; call it before a sender's sign of life is written."""
    last = await conn.scalar(select(func.max(workers.c.seen_at)))
    if last is None or now - last <= LATE:
        return []
    untried = exists().where(
        recipients.c.campaign_id == campaigns.c.id,
        recipients.c.status == int(Status.QUEUED),
        recipients.c.next_attempt_at <= now,
    )
    query = (
        select(campaigns.c.id, campaigns.c.send_at, campaigns.c.paced_until)
        .join(accounts, accounts.c.id == campaigns.c.account_id)
        .where(
            campaigns.c.state.in_(_GOING), campaigns.c.send_at < now - LATE, accounts.c.suspended.is_(False), untried
        )
    )
    found = [
        (row.id, now - due)
        for row in (await conn.execute(query)).all()
        if (due := max(row.send_at, row.paced_until or 0, last)) < now - LATE
    ]
    for campaign_id, late in found:
        held = orjson.dumps([reason(late)]).decode()
        this = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.state.in_(_GOING))
        await conn.execute(this.values(state=CampaignState.HELD, held=held))
        await conn.execute(update(talks).where(talks.c.campaign_id == campaign_id).values(asked_at=None))
        cause = {"cause": CODE, "count": late // HOUR}
        await actions.note(conn, [campaign_id], Power.HOLD, "gateway", now, cause)
    return [campaign_id for campaign_id, _ in found]
