"""The details of a report for the page's script: the table alone, and a count that goes on.

In: `GET …/details` with a view's words, `GET …/count` with a place and what was counted so far. Out: the table as HTML; the
count as JSON: {"text": words, "next": the address to go on at, or ""}. Each answer is bounded (store.grid), so a script asks
again until all is looked through; without a script the page's own links do the same. Raises HTTPException as report.find.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.web import context, report
from gateway.web.grid import listing, serving
from gateway.web.pages import page
from store import campaigns, grid
from store.grid import COUNTED
from store.within import TooLong


async def details(request: Request) -> Response:
    """The table alone, for the page's script."""
    async with serving.turn(request), context.of(request).db.read() as conn:
        campaign = await report.find(request, conn)
        ledger = await campaigns.ledger(conn, campaign.id)
        if ledger is None:
            raise HTTPException(404)
        wanted, seen = await serving.see(request, conn, campaign, ledger)
    told = serving.values(request, campaign, ledger, wanted, seen) | report.common(request, campaign)
    return page("_details.html", context.language(request, campaign.locale), **told)


async def count(request: Request) -> Response:
    """Go on counting."""
    before = request.query_params.get("n", "0")
    so_far = min(int(before), COUNTED) if before.isascii() and before.isdigit() and len(before) < 7 else 0
    async with serving.turn(request), context.of(request).db.read() as conn:
        campaign = await report.find(request, conn)
        wanted = serving.query(request, campaign)
        if wanted.fault:
            raise HTTPException(404)
        try:
            told = await grid.count(conn, campaign.id, wanted.view, wanted.after, so_far)
        except TooLong:
            return JSONResponse({"text": "", "next": ""})
    locale = context.language(request, campaign.locale)
    return JSONResponse({"text": listing.found(locale, told, True), "next": listing.counting(wanted, told)})
