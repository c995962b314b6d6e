"""Recipients by the API: searched and filtered as in the report, page by page, and one with its whole story.

In: checked calls. Out: documents. A page looks through a list for a moment only, as the report does, and may be short: `next`
goes on. An order that a long list was never put in is made first. Raises Problem.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.api import cursor
from gateway.api.handlers.campaigns import find, place
from gateway.api.handlers.telling import recipient_document
from gateway.api.models.campaigns import EventDocument, Story
from gateway.api.models.common import when
from gateway.api.models.recipients import RecipientQuery, Recipients, ViewQuery
from gateway.api.operation import Call, Reply
from gateway.api.problems import Fault, Problem, one
from gateway.figures import columns
from gateway.web.grid import asked, listing, serving
from gateway.web.grid.asked import Query
from store import grid, orderings, reports
from store.grid import Page, Unsorted, View
from store.roads import Place
from store.states import Status
from store.values import Campaign
from store.within import TooLong

_EVENTS = 1_000


def query_of(call: Call, campaign: Campaign, wanted: ViewQuery) -> Query:
    """What is asked for, as the report reads it; Problem 422 for a filter or an order that this campaign does not have."""
    if not columns.may_sort(campaign, wanted.sort):
        raise one(422, "column", "?sort", call.locale, name=wanted.sort)
    query = asked.read("", campaign, wanted.words())
    if query.fault:
        where = {"column": "?c", "operator": "?o"}.get(query.fault.key, "?v")
        raise Problem(422, "filter", faults=[Fault(where, listing.fault(call.locale, query.fault))])
    return query


async def listed(call: Call) -> Reply:
    """A page of recipients."""
    wanted: RecipientQuery = call.query
    after = place(wanted.cursor, int, int, int)
    async with call.ctx.db.read() as conn:
        campaign = await find(conn, call)
    view = query_of(call, campaign, wanted).view
    if wanted.status:
        statuses = frozenset(Status[one.upper()] for one in wanted.status)
        view = replace(view, statuses=view.statuses & statuses)
    page = await _page(call, campaign, view, wanted.limit, after)
    more = cursor.pack(*page.next) if page.next is not None else None
    return Reply(Recipients(data=[recipient_document(campaign, one) for one in page.rows], next=more))


async def _page(call: Call, campaign: Campaign, view: View, limit: int, after: Place | None) -> Page:
    while True:
        try:
            async with serving.turn(call.request), call.ctx.db.read() as conn:
                return await grid.page(conn, campaign.id, view, limit, after)
        except Unsorted:
            await orderings.build(call.ctx.db, campaign.id, view.order)
        except TooLong as error:
            raise Problem(503, headers={"Retry-After": "10"}) from error


async def story(call: Call) -> Reply:
    """One recipient and what happened."""
    async with call.ctx.db.read() as conn:
        campaign = await find(conn, call)
        person = await reports.person(conn, int(call.path["recipient"]))
        if person is None or person.campaign_id != campaign.id:
            raise Problem(404)
        told = await reports.history(conn, person.id, _EVENTS)
    events = [
        EventDocument(at=when(one.at), event=one.event.code, machine=one.machine, detail=one.detail) for one in told
    ]
    return Reply(Story(**dict(recipient_document(campaign, person)), events=events))
