"""The page behind the button of a letter: what is about to be sent, and the forms that decide.

In: `GET /v/TOKEN` (shows, never acts: scanners open links) and the `POST` of one of its forms, one an order, so that the
Enter key in a field means that field's order. Out: a page. The token names a campaign and a serial (store.talks); only the
POST spends it, once, and an old one gets a page that says what was decided. A form that is not ours gives 403, an altered
token 404. Logs campaign_changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.i18n import instant, text
from gateway.intake.alignment import author_of
from gateway.letters.decisions import decide
from gateway.letters.held import reason
from gateway.letters.talks import done, refused
from gateway.web import context, guard
from gateway.web.pages import page, problem
from parsers import orders
from parsers.orders import Act, Order
from parsers.schedule import zone_of
from parsers.tokens import Purpose, verify
from store import campaigns, talks
from store.engine import now_ms
from store.talks import Choice, Talk, Verdict
from store.values import Campaign

_ACTION = "order"
# what the page offers in each case, in this order
_OFFERS = {
    Choice.WORD: ("send", "later", "first", "cancel"),
    Choice.REST: ("send", "first", "cancel"),
    Choice.AGAIN: ("send", "later", "cancel"),
}


async def _find(request: Request) -> tuple[Campaign, Talk, int]:
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.ORDER, request.path_params["token"])
    if found is None:
        raise HTTPException(404)
    async with ctx.db.read() as conn:
        campaign, talk = await campaigns.get(conn, found[0]), await talks.get(conn, found[0])
    if campaign is None or talk is None:
        raise HTTPException(404)
    return replace(campaign, locale=context.language(request, campaign.locale)), talk, found[1]


async def ask(request: Request) -> Response:
    """Show what waits, with forms that decide; or what was decided."""
    campaign, talk, serial = await _find(request)
    if talk.serial != serial:
        return _said(campaign, refused(campaign, talk, Verdict.SPENT))
    if talks.choice(talk, campaign.state, campaign.held) is Choice.NONE:
        return _said(campaign, refused(campaign, talk, Verdict.FAULTS if campaign.held else Verdict.OVER))
    return _form(request, campaign, talk)


async def act(request: Request) -> Response:
    """Decide, once."""
    ctx, token = context.of(request), request.path_params["token"]
    sent = await guard.form(request)
    campaign, talk, serial = await _find(request)
    if not guard.ours(request, sent, token, _ACTION, ctx.url):
        return problem(campaign.locale, 403, "action.forged")
    now, asked = now_ms(), str(sent.get("act", ""))
    order = _order(asked, str(sent.get("date", "")), str(sent.get("count", "")), campaign, now)
    if not isinstance(order, Order):
        doubt = text(campaign.locale, f"order.unclear_{order.doubt}", words=order.words)
        return _form(request, campaign, talk, asked, doubt)
    if talk.serial != serial:  # here also for cancelling: the page of an old mail has had its say
        return _said(campaign, refused(campaign, talk, Verdict.SPENT))
    verdict = await decide(ctx.db, campaign.id, serial, order, now, "page")
    campaign, talk, _ = await _find(request)
    if verdict is Verdict.DONE:
        return _said(campaign, done(campaign, talk), "done")
    return _said(campaign, refused(campaign, talk, verdict))


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


def _form(request: Request, campaign: Campaign, talk: Talk, at: str = "", doubt: str = "") -> Response:
    """The page of all forms; `doubt` says what was not understood in the form `at`."""
    choice, now = talks.choice(talk, campaign.state, campaign.held), now_ms()
    scheduled = campaign.send_at > max(now, campaign.created_at)
    sender = author_of(campaign, context.of(request).domain).shown
    values: dict[str, Any] = {
        "campaign": campaign, "sender": sender, "proof": guard.proof(request.path_params["token"], _ACTION),
        "when": instant(campaign.locale, campaign.timezone, campaign.send_at) if scheduled else "",
        "people": talk.waiting or campaign.recipients, "choice": choice.value, "offers": _OFFERS.get(choice, ()),
        "at": at, "doubt": doubt, "lang": campaign.locale,
        "late": [reason(campaign.locale, one) for one in campaign.held if one["code"] != talks.VALIDATION["code"]],
    }  # fmt: skip
    return page("order.html", campaign.locale, **values)


def _said(campaign: Campaign, said: str, stage: str = "nothing") -> Response:
    reasons = [reason(campaign.locale, one) for one in campaign.held] if stage == "nothing" else []
    return page(
        "order_done.html", campaign.locale, campaign=campaign, stage=stage, said=_bare(campaign, said), reasons=reasons
    )


def _bare(campaign: Campaign, said: str) -> str:
    """The words of a letter without its greeting."""
    rest = said.removeprefix(text(campaign.locale, "talk.greeting"))
    return rest[:1].upper() + rest[1:]
