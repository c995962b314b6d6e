"""Stopping and pausing from the report: a page that asks, a POST that acts.

In: `GET /r/TOKEN/stop|pause` (never acts) and `POST` of its form. Out: a page, or a redirect back to the report. The
author's link reads, stops and pauses only (SPEC 9), links of others only read: what goes further is answered by a page
that says so. A form that is not ours gives 403. Logs campaign_changed.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway.figures import stats
from gateway.web import access, context, guard
from gateway.web.pages import page, problem
from gateway.web.report import common, find, reads_only
from store import campaigns, control
from store.engine import now_ms
from store.values import Campaign, CampaignState

_VERBS = {"stop": control.stop, "pause": control.pause}
_BECOMES = {"stop": CampaignState.STOPPED, "pause": CampaignState.PAUSED}


def _action(request: Request) -> str:
    action = str(request.path_params["action"])
    if action not in (*_VERBS, "resume"):
        raise HTTPException(404)
    return action


async def ask(request: Request) -> Response:
    """Show what the action means, with a form that does it."""
    action = _action(request)
    async with context.of(request).db.read() as conn:
        campaign = await find(request, conn)
        ledger = await campaigns.ledger(conn, campaign.id)
    locale = context.language(request, campaign.locale)
    if action not in _VERBS or reads_only(request):
        return _said(request, campaign, 403, "reads_only" if reads_only(request) else "forbidden")
    waiting = ledger.recipients - stats.done(ledger) if ledger is not None else 0
    values = common(request, campaign) | {"campaign": campaign, "action": action, "waiting": waiting}
    return page("action.html", locale, proof=guard.proof(access.of(request).secret, action), **values)


async def act(request: Request) -> Response:
    """Do it, once."""
    ctx, action = context.of(request), _action(request)
    sent = await guard.form(request)
    async with ctx.db.read() as conn:
        campaign = await find(request, conn)
    if action not in _VERBS or reads_only(request):
        return _said(request, campaign, 403, "reads_only" if reads_only(request) else "forbidden")
    if not guard.ours(request, sent, access.of(request).secret, action, ctx.url):
        return problem(context.language(request, campaign.locale), 403, "action.forged")
    async with ctx.db.write() as conn:
        done = await _VERBS[action](conn, campaign.id, now_ms())
    if not done and campaign.state is not _BECOMES[action]:
        return _said(request, campaign, 409, "impossible")
    if done:
        log("campaign_changed", campaign=campaign.id, state=str(_BECOMES[action]), by=access.of(request).who)
    lang = request.query_params.get("lang", "")
    return RedirectResponse(access.base(request) + (f"?lang={lang}" if lang in ("fr", "en") else ""), 303)


def _said(request: Request, campaign: Campaign, status: int, key: str) -> Response:
    locale = context.language(request, campaign.locale)
    return page("refused.html", locale, status, campaign=campaign, key=f"action.{key}", **common(request, campaign))
