"""What waits to be sent, campaign by campaign, for an operator who asks.

In: an open connection, an instant (UTC ms). Out: `Backlog` values. Counts whole campaigns: for people, not for senders.
Raises only what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import campaigns, recipients
from store.values import CampaignState

_OPEN = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)


@dataclass(frozen=True, slots=True)
class Backlog:
    """The recipients of a campaign that are due and those that are due later; `next_at` is the first instant (UTC ms)."""

    campaign_id: int
    state: str
    due: int
    later: int
    next_at: int


_DUE = case((recipients.c.next_attempt_at <= bindparam("now"), 1), else_=0)
_WAITING = (
    select(
        campaigns.c.id,
        campaigns.c.state,
        func.sum(_DUE),
        func.count() - func.sum(_DUE),
        func.min(recipients.c.next_attempt_at),
    )
    .join(recipients, recipients.c.campaign_id == campaigns.c.id)
    .where(campaigns.c.state.in_(_OPEN), recipients.c.next_attempt_at.is_not(None))
    .group_by(campaigns.c.id, campaigns.c.state)
    .order_by(campaigns.c.id)
)


async def waiting(conn: AsyncConnection, now: int) -> list[Backlog]:
    """The campaigns that have recipients in the queue."""
    return [Backlog(*row) for row in await conn.execute(_WAITING, {"now": now})]
