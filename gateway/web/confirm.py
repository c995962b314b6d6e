"""The page behind the button of "to confirm": what was asked for in somebody's name, and one form that allows it.

In: `GET /k/TOKEN` (shows, never acts: scanners open links) and the `POST` of its form. Out: a page. The token names an
action; only the POST spends it, once, within a day. A form that is not ours gives 403, an altered token 404.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway import i18n
from gateway.actions import told, verbs
from gateway.actions.verbs import Answer, Verdict
from gateway.web import context, guard
from gateway.web.pages import page, problem
from parsers.tokens import Purpose, verify
from store import actions, campaigns
from store.actions import Action
from store.engine import now_ms
from store.values import Campaign

_ACTION = "confirm"


async def _find(request: Request) -> tuple[Campaign, Action]:
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.CONFIRM, request.path_params["token"])
    if found is None:
        raise HTTPException(404)
    async with ctx.db.read() as conn:
        action = await actions.get(conn, found[0])
        campaign = await campaigns.get(conn, action.campaign_id) if action is not None else None
    if action is None or campaign is None:
        raise HTTPException(404)
    return campaign, action


async def ask(request: Request) -> Response:
    """Show what is asked for, or what became of it."""
    campaign, action = await _find(request)
    if not action.waits(now_ms()):
        return _said(request, campaign, Answer(Verdict.SPENT, action))
    locale, zone = context.language(request, campaign.locale), campaign.timezone
    return page(
        "act_confirm.html", locale, campaign=campaign, what=told.what(locale, zone, action),
        by=told.by(locale, action), effect=told.effect(locale, campaign, action),
        at=i18n.instant(locale, zone, action.at), proof=guard.proof(request.path_params["token"], _ACTION),
    )  # fmt: skip


async def act(request: Request) -> Response:
    """Allow it, once."""
    ctx, token = context.of(request), request.path_params["token"]
    sent = await guard.form(request)
    campaign, action = await _find(request)
    if not guard.ours(request, sent, token, _ACTION, ctx.url):
        return problem(context.language(request, campaign.locale), 403, "action.forged")
    return _said(request, campaign, await verbs.confirm(ctx.db, action.id, now_ms()))


def _said(request: Request, campaign: Campaign, answer: Answer) -> Response:
    locale, action = context.language(request, campaign.locale), answer.action
    note = told.result(locale, action) if action is not None and answer.verdict is not Verdict.READY else ""
    status = 200 if answer.verdict in (Verdict.DONE, Verdict.READY) else 409
    return page(
        "act_said.html", locale, status, campaign=campaign, base="", verdict=answer.verdict.value, to="", note=note
    )
