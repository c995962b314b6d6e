"""The way out: one page, one button, and the one-click POST of mail programs (RFC 8058).

In: `GET /u/TOKEN` (shows, never acts: scanners open links) and `POST /u/TOKEN`. Out: a page with thanks, or plain 200 for
`List-Unsubscribe=One-Click`, without cookie or redirect. The choice is on disk before the answer; when that cannot be,
the answer is 503 and never a promise. Unknown or altered tokens give 404. Acting twice changes nothing.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.web import context
from gateway.web.context import Context
from gateway.web.guard import form
from gateway.web.pages import page, problem
from gateway.web.recorder import hit
from parsers.tokens import Purpose, verify
from parsers.useragent import LIMIT
from store import campaigns, reports
from store.states import Event
from store.values import Campaign


async def show(request: Request) -> Response:
    """Ask whether the reader wants no more mails."""
    ctx = context.of(request)
    person, campaign = await _find(ctx, request)
    if person is None or campaign is None:
        return problem(context.language(request, ctx.locale), 404)
    return _page(request, person, campaign, "already" if person.unsubscribed_at else "ask")


async def act(request: Request) -> Response:
    """Unsubscribe."""
    ctx = context.of(request)
    person, campaign = await _find(ctx, request)
    if person is None or campaign is None:
        return problem(context.language(request, ctx.locale), 404)
    sent = await form(request)
    one_click = sent.get("List-Unsubscribe") == "One-Click"
    if person.unsubscribed_at is None:
        way = "one-click" if one_click else "page"
        agent = request.headers.get("user-agent", "")[:LIMIT]
        if not await ctx.recorder.record(hit(person.id, Event.UNSUBSCRIBE, False, way=way, agent=agent)):
            return problem(context.language(request, campaign.locale), 503)
    if one_click:
        return PlainTextResponse("OK")
    return _page(request, person, campaign, "done")


async def _find(ctx: Context, request: Request) -> tuple[reports.Person | None, Campaign | None]:
    found = verify(ctx.keyring, Purpose.UNSUBSCRIBE, request.path_params["token"])
    if found is None:
        return None, None
    async with ctx.db.read() as conn:
        person = await reports.person(conn, found[0])
        campaign = await campaigns.get(conn, person.campaign_id) if person is not None else None
    return person, campaign


def _page(request: Request, person: reports.Person, campaign: Campaign, stage: str) -> Response:
    # the mail's own language, unless the reader asks: it is the language in which the person was written to
    locale = context.language(request, campaign.locale) if "lang" in request.query_params else campaign.locale
    sender = campaign.from_name or campaign.from_address
    return page("unsubscribe.html", locale, stage=stage, address=person.address, sender=sender)
