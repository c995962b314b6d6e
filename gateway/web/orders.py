"""The page behind the button of an acknowledgement: what is about to be sent, and a form that decides.

In: `GET /v/TOKEN` (shows, never acts: scanners open links) and the `POST` of its form. Out: a page. The token names a
campaign and a serial (store.talks); only the POST spends it, once, and an old one gets a page that says what was decided.
A form that is not ours gives 403, an altered token 404. Logs campaign_changed.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.alignment import author_of
from gateway.decisions import decide
from gateway.i18n import instant, text
from gateway.talks import done, refused
from gateway.web import context, guard
from gateway.web.pages import page, problem
from parsers import orders
from parsers.orders import Act, Order
from parsers.schedule import zone_of
from parsers.tokens import Purpose, verify
from store import campaigns, talks
from store.engine import now_ms
from store.talks import Talk, Verdict
from store.values import Campaign

_ACTION = "order"


async def _find(request: Request) -> tuple[Campaign, Talk, int]:
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.ORDER, request.path_params["token"])
    if found is None:
        raise HTTPException(404)
    async with ctx.db.read() as conn:
        campaign, talk = await campaigns.get(conn, found[0]), await talks.get(conn, found[0])
    if campaign is None or talk is None:
        raise HTTPException(404)
    return campaign, talk, found[1]


async def ask(request: Request) -> Response:
    """Show what waits, with a form that decides; or what was decided."""
    campaign, talk, serial = await _find(request)
    if talk.serial != serial:
        return _said(campaign, refused(campaign, talk, Verdict.SPENT), "nothing")
    if not talks.waits(campaign.state, campaign.held):
        verdict = Verdict.FAULTS if campaign.held else Verdict.OVER
        return _said(campaign, refused(campaign, talk, verdict), "nothing")
    return _form(request, campaign)


async def act(request: Request) -> Response:
    """Decide, once."""
    ctx, token = context.of(request), request.path_params["token"]
    sent = await guard.form(request)
    campaign, talk, serial = await _find(request)
    if not guard.ours(request, sent, token, _ACTION, ctx.url):
        return problem(campaign.locale, 403, "action.forged")
    now = now_ms()
    order = _order(str(sent.get("act", "")), str(sent.get("date", "")), str(sent.get("count", "")), campaign, now)
    if not isinstance(order, Order):
        return _form(request, campaign, text(campaign.locale, f"talk.unclear_{order.doubt}", words=order.words))
    if talk.serial != serial:  # here also for cancelling: the page of an old mail has had its say
        return _said(campaign, refused(campaign, talk, Verdict.SPENT), "nothing")
    verdict = await decide(ctx.db, campaign.id, serial, order, now, "page")
    campaign, talk, _ = await _find(request)
    if verdict is Verdict.DONE:
        return _said(campaign, done(campaign, talk, order), "done")
    return _said(campaign, refused(campaign, talk, verdict), "nothing")


def _order(act: str, date: str, count: str, campaign: Campaign, now: int) -> Order | orders.Unclear:
    zone = zone_of(campaign.timezone) or ZoneInfo("UTC")
    if act in (Act.SEND, Act.CANCEL):
        return Order(Act(act))
    if act == Act.FIRST:
        return orders.read((f"only {count[:20]}",), now=now, zone=zone)
    found = orders.read((date[:100],), now=now, zone=zone)
    if isinstance(found, Order) and found.act is not Act.LATER:
        return orders.Unclear(date[:100], orders.Doubt.UNREADABLE)
    return found


def _form(request: Request, campaign: Campaign, doubt: str = "") -> Response:
    locale, scheduled = campaign.locale, campaign.send_at > campaign.created_at
    when = instant(locale, campaign.timezone, campaign.send_at) if scheduled else ""
    proof = guard.proof(request.path_params["token"], _ACTION)
    author = author_of(campaign, context.of(request).domain)
    values: dict[str, Any] = {
        "campaign": campaign,
        "when": when,
        "proof": proof,
        "sender": author.shown,
        "doubt": doubt,
    }
    return page("order.html", locale, stage="ask", said="", **values)


def _said(campaign: Campaign, said: str, stage: str) -> Response:
    values: dict[str, Any] = {"campaign": campaign, "when": "", "proof": "", "sender": "", "doubt": ""}
    return page("order.html", campaign.locale, stage=stage, said=said, **values)
