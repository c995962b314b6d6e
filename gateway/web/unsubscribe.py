"""The way out: one page, one button, and the one-click POST of mail programs (RFC 8058); and, with proof, the way back.

In: `GET /u/TOKEN` (shows, never acts: scanners open links) and `POST /u/TOKEN`; `POST /u/TOKEN/back` of whoever changed their
mind, and the link that they are sent then, `/b/TOKEN`, which acts on POST too. Out: a page, or plain 200 for
`List-Unsubscribe=One-Click`, without cookie or redirect. The choice is on disk before the answer; when that cannot be, the
answer is 503 and never a promise. A way out works for ever, also when its person was erased long ago; a way back takes the
mailbox itself, for DAYS. Unknown or altered tokens give 404. Acting twice changes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from config.logging import log
from gateway import i18n
from gateway.web import context
from gateway.web.context import Context
from gateway.web.guard import form
from gateway.web.pages import page, problem
from gateway.web.recorder import change
from parsers.tokens import Purpose, verify
from parsers.useragent import LIMIT
from store import accounts, campaigns, comebacks, remnants, reports, rulings, suppressions
from store.engine import now_ms
from store.states import Event
from store.suppressions import SENDER
from store.values import Tracked

DAYS = 7  # for which the link of a way back acts
PATIENCE = 5.0  # seconds to wait for the database
_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Leaver:
    """Who has the page in hand; `address` is empty where it was erased."""

    recipient: int
    account: int
    address: str
    sender: str
    locale: str
    left: bool
    followed: bool
    sender_id: int = 0
    mailing: str = ""  # the sender address, where this page may leave its campaigns only
    everything: bool = True  # the whole account was left
    organisation: str = ""  # the account, where there is a choice


async def show(request: Request) -> Response:
    """Ask whether the reader wants no more mails."""
    ctx = context.of(request)
    leaver = await _find(ctx, request, Purpose.UNSUBSCRIBE)
    if leaver is None:
        return problem(context.language(request, ctx.locale), 404)
    return _page(request, leaver, "already" if leaver.left else "ask")


def _scope(sent: FormData, leaver: Leaver) -> dict[str, str]:
    """What a reader chose to leave, where there is a choice; who did not choose leaves what the account has set."""
    chosen = str(sent.get("scope", ""))
    return {"scope": chosen} if leaver.mailing and chosen in ("account", SENDER) else {}


async def act(request: Request) -> Response:
    """Unsubscribe."""
    ctx = context.of(request)
    leaver = await _find(ctx, request, Purpose.UNSUBSCRIBE)
    if leaver is None:
        return problem(context.language(request, ctx.locale), 404)
    sent = await form(request)
    one_click = sent.get("List-Unsubscribe") == "One-Click"
    scope = _scope(sent, leaver)
    if not leaver.left or (scope.get("scope") == "account" and not leaver.everything):
        way = "one-click" if one_click else "page"
        # of who is not followed, nothing is kept beyond the wish itself
        agent = request.headers.get("user-agent", "")[:LIMIT] if leaver.followed else ""
        if not await ctx.recorder.record(change(leaver.recipient, Event.UNSUBSCRIBE, way=way, agent=agent, **scope)):
            return problem(context.language(request, leaver.locale), 503)
    if one_click:
        return PlainTextResponse("OK")
    if leaver.mailing and scope.get("scope") == "account":
        leaver = replace(leaver, sender=leaver.organisation, mailing="")
    return _page(request, leaver, "done")


async def ask_back(request: Request) -> Response:
    """Have a link sent to the address itself: whoever has this page in hand may be somebody else."""
    ctx = context.of(request)
    leaver = await _find(ctx, request, Purpose.UNSUBSCRIBE)
    if leaver is None or not leaver.address:
        return problem(context.language(request, ctx.locale), 404)
    await form(request)
    if not leaver.left:
        return _page(request, leaver, "returned")
    try:
        async with asyncio.timeout(PATIENCE), ctx.db.write() as conn:
            await comebacks.ask(conn, leaver.recipient, now_ms())
    except (TimeoutError, SQLAlchemyError) as error:
        log("failed", what="asking for a way back", error=error)
        return problem(context.language(request, leaver.locale), 503)
    return _page(request, leaver, "asked")


async def show_back(request: Request) -> Response:
    """Ask whoever followed the link in their mailbox whether they want the mails again."""
    ctx = context.of(request)
    leaver = await _find(ctx, request, Purpose.RETURN)
    if leaver is None or not leaver.address:
        return problem(context.language(request, ctx.locale), 404)
    return _page(request, leaver, ("back" if leaver.left else "returned") if _fresh(request, ctx) else "late")


async def back(request: Request) -> Response:
    """Take the address off the account's list."""
    ctx = context.of(request)
    leaver = await _find(ctx, request, Purpose.RETURN)
    if leaver is None or not leaver.address:
        return problem(context.language(request, ctx.locale), 404)
    await form(request)
    if not _fresh(request, ctx):
        return _page(request, leaver, "late")
    if leaver.left:
        wording = i18n.text(leaver.locale, "unsubscribe.back_body", address=leaver.address, sender=leaver.sender)
        try:
            async with asyncio.timeout(PATIENCE), ctx.db.write() as conn:
                await comebacks.back(
                    conn, leaver.account, leaver.sender_id, leaver.address, wording, ctx.recorder.keys, now_ms()
                )
        except (TimeoutError, SQLAlchemyError) as error:
            log("failed", what="a way back", error=error)
            return problem(context.language(request, leaver.locale), 503)
        log("consent_changed", account=leaver.account, recipient=leaver.recipient, kind="back", source="page")
    return _page(request, leaver, "returned")


def _fresh(request: Request, ctx: Context) -> bool:
    found = verify(ctx.keyring, Purpose.RETURN, request.path_params["token"])
    return found is not None and (now_ms() // _DAY - found[1]) % 4096 <= DAYS


async def _find(ctx: Context, request: Request, purpose: Purpose) -> Leaver | None:
    found = verify(ctx.keyring, purpose, request.path_params["token"])
    if found is None:
        return None
    async with ctx.db.read() as conn:
        person = await reports.person(conn, found[0])
        gone = await remnants.find(conn, found[0]) if person is None or not person.address else None
        campaign_id = person.campaign_id if person is not None else gone.campaign_id if gone else None
        campaign = await campaigns.get(conn, campaign_id) if campaign_id is not None else None
        if gone is not None:
            account = await accounts.get_account(conn, gone.account_id)
            named = (campaign.from_name or campaign.from_address) if campaign else account.name if account else ""
            locale = campaign.locale if campaign else account.locale if account else ctx.locale
            left = await remnants.left_already(conn, gone)
            return Leaver(found[0], gone.account_id, "", named, locale, left, followed=False)
        if person is None or campaign is None:
            return None
        asked = person.address, ctx.recorder.keys, now_ms()
        everything = await comebacks.left(conn, (campaign.account_id,), *asked)
        left = everything or await comebacks.left(conn, (suppressions.mailing(campaign.sender_id),), *asked)
        rules = await rulings.rules_of(conn, campaign.account_id)
        account = await accounts.get_account(conn, campaign.account_id) if rules.leaving_sender else None
    sender, followed = campaign.from_name or campaign.from_address, person.tracked is Tracked.FULL
    return Leaver(
        person.id, campaign.account_id, person.address, sender, campaign.locale, left, followed, campaign.sender_id,
        campaign.from_address if account else "", everything, (account.legal_name or account.name) if account else "",
    )  # fmt: skip


def _page(request: Request, leaver: Leaver, stage: str) -> Response:
    # the mail's own language, unless the reader asks: it is the language in which the person was written to
    locale = context.language(request, leaver.locale) if "lang" in request.query_params else leaver.locale
    address = leaver.address or i18n.text(locale, "unsubscribe.your_address")
    back_to = f"/u/{request.path_params['token']}/back?lang={locale}" if leaver.address else ""
    sender = f"{leaver.sender} <{leaver.mailing}>" if leaver.mailing else leaver.sender
    return page(
        "unsubscribe.html", locale, stage=stage, address=address, sender=sender, back_to=back_to,
        mailing=leaver.mailing, organisation=leaver.organisation, more=not leaver.everything,
    )  # fmt: skip
