"""Acting on a campaign from its report: a page that asks, a POST that acts (SPEC 9).

In: `GET BASE/stop|pause|resume|modify|share|revoke|replay|extract|renew` (never acts) and `POST` of its form, where BASE is a
link or a login's own address. Out: a page, or a redirect back to the report. What the reader may not do alone is asked of
the declared sender by mail. The form bears a word of its own, so that a second click does nothing. A form that is not
ours gives 403.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.actions import verbs, wishes
from gateway.actions.powers import Grant, fits, may
from gateway.actions.told import why
from gateway.actions.verbs import Answer, Verdict
from gateway.actions.wishes import Doubt, Wish
from gateway.web import access, acting, context, guard, hands
from gateway.web.pages import page, problem
from gateway.web.report import find
from store.actions import Power
from store.engine import now_ms
from store.values import Campaign, CampaignState

_POWERS = {
    one.value: one
    for one in (
        Power.STOP, Power.PAUSE, Power.RESUME, Power.MODIFY, Power.SHARE, Power.REVOKE, Power.REPLAY, Power.EXTRACT,
        Power.RENEW,
    )
}  # fmt: skip
_ONCE = re.compile(r"[A-Za-z0-9_-]{12,40}")
_STATUS = {
    Verdict.FORBIDDEN: 403, Verdict.OVER: 409, Verdict.REFUSED: 409, Verdict.MANY: 429, Verdict.UNKNOWN: 404,
    Verdict.UNDECLARED: 422, Verdict.SPENT: 409,
}  # fmt: skip
# what the report shows by itself, and the state that follows
_BACK = {
    Power.STOP: CampaignState.STOPPED, Power.PAUSE: CampaignState.PAUSED, Power.RESUME: CampaignState.SENDING,
}  # fmt: skip


def _power(request: Request) -> Power:
    power = _POWERS.get(str(request.path_params["action"]))
    if power is None:
        raise HTTPException(404)
    return power


async def ask(request: Request) -> Response:
    """Show what the action means, with a form that does it."""
    power, ctx = _power(request), context.of(request)
    async with ctx.db.read() as conn:
        campaign = await find(request, conn)
    if (refusal := _refused(request, campaign, power)) is not None:
        return _said(request, campaign, Answer(refusal))
    return await _form(request, campaign, power, request.query_params, None)


def _refused(request: Request, campaign: Campaign, power: Power) -> Verdict | None:
    if may(hands.of(request), power) is Grant.NO:
        return Verdict.FORBIDDEN
    return None if fits(power, campaign, now_ms()) else Verdict.OVER


async def act(request: Request) -> Response:
    """Do it, once."""
    power, ctx = _power(request), context.of(request)
    async with ctx.db.read() as conn:
        campaign = await find(request, conn)
    sent, file = await _sent(request, power)
    if may(hands.of(request), power) is Grant.NO:
        return _said(request, campaign, Answer(Verdict.FORBIDDEN))
    if not guard.ours(request, sent, access.of(request).secret, power.value, ctx.url):
        return problem(context.language(request, campaign.locale), 403, "action.forged")
    said = {name: value for name, value in sent.items() if isinstance(value, str)}
    wish = wishes.read(power, said, campaign, now_ms(), listed=file is not None)
    if isinstance(wish, Doubt):
        return await _form(request, campaign, power, said, wish)
    return await _order(request, campaign, power, said, wish, file)


async def _sent(request: Request, power: Power) -> tuple[FormData, tuple[str, bytes] | None]:
    """The form; whoever is logged in may bring a list."""
    if acting.brings(request, power):
        return await guard.upload(request, "list", guard.LIST)
    return await guard.form(request), None


async def _order(
    request: Request,
    campaign: Campaign,
    power: Power,
    said: dict[str, str],
    wish: Wish,
    file: tuple[str, bytes] | None,
) -> Response:
    ctx = context.of(request)
    if power is Power.REVOKE:
        wish = await acting.named(request, campaign, wish)
    once = said.get("once", "")
    once = once if _ONCE.fullmatch(once) else secrets.token_urlsafe(12)
    order = verbs.Request(campaign.id, power, hands.of(request), hands.who(request), f"web:{once}", wish, file)
    answer = await verbs.order(ctx.db, order, now_ms())
    if answer.verdict is Verdict.UNDECLARED:
        return await _form(request, campaign, power, said, Doubt("sender", "undeclared"))
    already = answer.verdict is Verdict.OVER and campaign.state is _BACK.get(power)
    if power in _BACK and (already or answer.verdict is Verdict.DONE):
        return RedirectResponse(access.base(request) + acting.lang(request), 303)
    return _said(request, campaign, answer, await acting.declared(request, campaign))


async def _form(request: Request, campaign: Campaign, power: Power, said: Any, doubt: Doubt | None) -> Response:
    values = await acting.values(request, campaign, power, said)
    values |= {"power": power.value, "doubt": doubt, "proof": guard.proof(access.of(request).secret, power.value)}
    values |= {"once": said.get("once") or secrets.token_urlsafe(12), "said": dict(said)}
    locale = context.language(request, campaign.locale)
    return page("act_form.html", locale, 200 if doubt is None else 422, **values)


def _said(request: Request, campaign: Campaign, answer: Answer, to: str = "") -> Response:
    locale = context.language(request, campaign.locale)
    note = why(locale, answer.action) if answer.verdict is Verdict.REFUSED and answer.action else ""
    values = {"campaign": campaign, "verdict": answer.verdict.value, "to": to, "note": note}
    values |= {"base": access.base(request)} | access.around(request)
    return page("act_said.html", locale, _STATUS.get(answer.verdict, 200), **values)
