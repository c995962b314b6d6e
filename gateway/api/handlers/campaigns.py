"""Campaigns by the API: lists, one, figures.

In: checked calls. Out: documents. A campaign of another account is not there (404), one whose mail is still being read has no
figures yet (409). Raises Problem.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.api import cursor
from gateway.api.handlers.telling import campaign_document, refusal, waiting_document
from gateway.api.models.campaigns import (
    CampaignDocument,
    CampaignQuery,
    Campaigns,
    Stats,
)
from gateway.api.models.common import ms
from gateway.api.operation import Call, Reply
from gateway.api.problems import Fault, Problem
from gateway.figures import stats
from store import campaign_pages, campaigns, submissions
from store.values import Campaign, CampaignState

_EVENTS = 1_000


async def find(conn: AsyncConnection, call: Call) -> Campaign:
    """The campaign that the address names, by its number or by what POST gave; Problem 404, or 409 while it is read."""
    name = call.path["id"]
    number = int(name) if name.isdigit() else None
    if number is None:
        known = await submissions.get(conn, call.account.id, name)
        if known is not None and known.campaign_id is None:
            raise Problem(409, "not_read")
        number = known.campaign_id if known else None
    found = await campaigns.get(conn, number) if number is not None else None
    if found is None or found.account_id != call.account.id or found.state is CampaignState.LOADING:
        raise Problem(404)
    return found


async def listing(call: Call) -> Reply:
    """A page of campaigns."""
    query: CampaignQuery = call.query
    start = place(query.cursor, int)
    wanted = campaign_pages.Wanted([CampaignState(one) for one in query.state], ms(query.since), ms(query.before))
    async with call.ctx.db.read() as conn:
        after = int(start[0]) if start else None
        found = await campaign_pages.page(conn, call.account.id, wanted, query.limit + 1, after)
        ledgers = await campaign_pages.ledgers(conn, found[: query.limit])
    shown = found[: query.limit]
    more = cursor.pack(shown[-1].id) if len(found) > query.limit else None
    return Reply(Campaigns(data=[campaign_document(call, one, ledgers[one.id]) for one in shown], next=more))


async def one(call: Call) -> Reply:
    """One campaign, also while its mail is being read."""
    name = call.path["id"]
    async with call.ctx.db.read() as conn:
        if not name.isdigit():
            known = await submissions.get(conn, call.account.id, name)
            if known is not None and known.campaign_id is None:
                return Reply(refusal(call, known) if known.refused is not None else waiting_document(call, known))
        return Reply(await document(conn, call, await find(conn, call)))


async def figures(call: Call) -> Reply:
    """The report's figures and rates."""
    async with call.ctx.db.read() as conn:
        campaign = await find(conn, call)
        ledger = await campaigns.ledger(conn, campaign.id)
    assert ledger is not None  # the campaign is there
    return Reply(Stats.model_validate(stats.document(campaign.state, ledger)))


async def document(conn: AsyncConnection, call: Call, campaign: Campaign) -> CampaignDocument:
    """A campaign with its figures."""
    ledger = await campaigns.ledger(conn, campaign.id)
    assert ledger is not None  # the campaign is there
    return campaign_document(call, campaign, ledger)


def place(text: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Where a cursor says to go on; Problem 422 for one that is none of ours."""
    if text is None:
        return None
    found = cursor.unpack(text, *kinds)
    if found is None:
        raise Problem(422, "cursor", faults=[Fault("?cursor", "")])
    return found
