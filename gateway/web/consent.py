"""Where a person says whether their opens and clicks may be measured, and takes it back as easily (deliberation 2026-042).

In: `GET /t/TOKEN` (shows, never acts: scanners open links) and `POST /t/TOKEN` with `say=no` or `say=yes`; no login, no
cookie (§1.5). Out: one page with one question. A no acts before the answer, on mails already sent too: their pixels are
answered and nothing is recorded. Each word goes into the register with its time and the very sentence that was read (§1.7).
Unknown or altered tokens give 404; what cannot be kept is answered 503 and never promised. Logs consent_changed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from config.logging import log
from gateway import i18n
from gateway.web import context
from gateway.web.context import Context
from gateway.web.guard import form
from gateway.web.pages import page, problem
from mail.tracking import last_open_id
from parsers.address import key
from parsers.tokens import Purpose, verify
from store import anonymous, campaigns, consents, reports
from store.engine import now_ms
from store.values import Campaign, Tracked

PATIENCE = 5.0  # seconds to wait for the database


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a page is about, and what stands for them now."""

    person: reports.Person
    campaign: Campaign
    followed: bool


async def show(request: Request) -> Response:
    """Say what is measured and ask."""
    ctx = context.of(request)
    found = await _find(ctx, request)
    if found is None:
        return problem(context.language(request, ctx.locale), 404)
    return _page(request, found, "ask" if found.followed else "offer")


async def act(request: Request) -> Response:
    """Record a yes or a no."""
    ctx = context.of(request)
    found = await _find(ctx, request)
    if found is None:
        return problem(context.language(request, ctx.locale), 404)
    said = (await form(request)).get("say")
    if said not in ("yes", "no"):
        return problem(_locale(request, found.campaign), 400)
    try:
        async with asyncio.timeout(PATIENCE):
            await _record(ctx, found, _locale(request, found.campaign), said == "yes")
    except (TimeoutError, SQLAlchemyError) as error:
        log("failed", what="recording a consent", error=error)
        return problem(_locale(request, found.campaign), 503)
    log("consent_changed", account=found.campaign.account_id, recipient=found.person.id, kind=said, source="page")
    return _page(request, found, "agreed" if said == "yes" else "refused")


async def _record(ctx: Context, found: Asked, locale: str, agreed: bool) -> None:
    person, campaign, keys, now = found.person, found.campaign, ctx.recorder.keys, now_ms()
    wording = i18n.text(locale, "consent.wording_yes" if agreed else "consent.wording_no", sender=_sender(campaign))
    word = consents.New(person.address, agreed, now, "page", wording, personal=True, campaign_id=campaign.id)
    number, extra = last_open_id(ctx.keyring, campaign.account_id, person.address)
    async with ctx.db.write() as conn:
        await consents.record(conn, campaign.account_id, [word], keys, now)
        await anonymous.stop(conn, number << 12 | extra, stopped=not agreed)


async def _find(ctx: Context, request: Request) -> Asked | None:
    found = verify(ctx.keyring, Purpose.CONSENT, request.path_params["token"])
    if found is None:
        return None
    async with ctx.db.read() as conn:
        person = await reports.person(conn, found[0])
        campaign = await campaigns.get(conn, person.campaign_id) if person is not None else None
        if person is None or campaign is None or not person.address:
            return None  # erased: nothing is measured, and nobody is left to ask
        stands = await consents.standing(conn, campaign.account_id, [key(person.address)], ctx.recorder.keys)
    said = stands.get(key(person.address))
    return Asked(person, campaign, person.tracked.has_own_pixel if said is None else said)


def _locale(request: Request, campaign: Campaign) -> str:
    # the mail's own language, unless the reader asks: it is the language in which the person was written to
    return context.language(request, campaign.locale) if "lang" in request.query_params else campaign.locale


def _sender(campaign: Campaign) -> str:
    return campaign.from_name or campaign.from_address


def _page(request: Request, found: Asked, stage: str) -> Response:
    return page(
        "consent.html",
        _locale(request, found.campaign),
        stage=stage,
        address=found.person.address,
        sender=_sender(found.campaign),
        day_only=found.person.tracked is Tracked.HYGIENE,
    )
