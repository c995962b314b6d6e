"""The campaigns of an account, page by page.

In: an account, states, a span of creation (UTC ms), the place to go on from. Out: campaigns with their figures, newest
first, cut by key. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.campaigns import _campaign
from store.states import Status
from store.tables import campaigns, tallies
from store.tallies import MEASURES, status_name
from store.values import Campaign, CampaignState, Ledger


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which campaigns are wanted; `since` is in the span, `before` is not."""

    states: Sequence[CampaignState] = ()
    since: int | None = None
    before: int | None = None


async def page(
    conn: AsyncConnection, account_id: int, wanted: Wanted, limit: int, after: int | None = None
) -> list[Campaign]:
    """Up to `limit` campaigns that are older than the campaign `after`, newest first; none that is still being loaded."""
    query = select(campaigns).where(campaigns.c.account_id == account_id, campaigns.c.state != CampaignState.LOADING)
    query = query.where(campaigns.c.single.is_(False))
    if wanted.states:
        query = query.where(campaigns.c.state.in_(list(wanted.states)))
    if wanted.since is not None:
        query = query.where(campaigns.c.created_at >= wanted.since)
    if wanted.before is not None:
        query = query.where(campaigns.c.created_at < wanted.before)
    if after is not None:
        query = query.where(campaigns.c.id < after)
    rows = await conn.execute(query.order_by(campaigns.c.id.desc()).limit(limit))
    return [_campaign(row) for row in rows]


async def ledgers(conn: AsyncConnection, some: Sequence[Campaign]) -> Mapping[int, Ledger]:
    """The accounts of these campaigns, by id."""
    found: dict[int, dict[str, int]] = {one.id: {} for one in some}
    query = select(tallies).where(tallies.c.campaign_id.in_(list(found)))
    for row in await conn.execute(query):
        found[row.campaign_id][row.name] = row.n
    return {one.id: _ledger(one, found[one.id]) for one in some}


def _ledger(campaign: Campaign, counts: Mapping[str, int]) -> Ledger:
    statuses = {status: counts.get(status_name(status), 0) for status in Status}
    measures = {name: counts.get(name, 0) for name in MEASURES}
    return Ledger(
        campaign.lines,
        campaign.invalid,
        campaign.duplicate,
        campaign.suppressed,
        campaign.recipients,
        statuses,
        measures,
    )
