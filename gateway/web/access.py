"""What a request may do with a campaign, and by what: the author's link, a link that only reads, or a login.

In: a request whose path holds a report's token (`/r/{token}…`) or a campaign's number (`/x/campagnes/{campaign}…`:
every page under /r/ has this twin). Out: `reach` finds the campaign and remembers an `Access`, which `of` gives from
then on:

    campaign = await report.find(request, conn)      # or access.reach: 404 when there is none that this request may see
    access.of(request).power                         # READ, HALT (stop and pause: the author's link), SEND (whatever sends or
                                                     # changes: a login with the role send or admin)
    access.of(request).base                          # the address under which the pages of this campaign are, without a slash
    access.of(request).secret                        # for guard.proof and guard.ours
    access.of(request).who                           # for logs and journals: "login anne", "report link", "shared link"
    access.of(request).session                       # gate.Session of a login, else None
    access.around(request)                           # values that put a page into the extranet's shell when there is a login

Raises HTTPException 404, 410 for a link that was ended, and gate.Away for the numbered pages without a login. Logs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.web.extranet import gate, shell
from gateway.web.extranet.gate import Session
from store import campaigns, links
from store.engine import now_ms
from store.values import Campaign, CampaignState

ENDED = "error.link_ended"  # what the page says of a link that was revoked or has expired
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,64}")


class Power(IntEnum):
    """What may be done with a campaign; each may what the one before may."""

    READ = 1
    HALT = 2
    SEND = 3


@dataclass(frozen=True, slots=True)
class Access:
    """How a request came to its campaign."""

    power: Power
    base: str
    secret: str
    who: str
    session: Session | None = None


def of(request: Request) -> Access:
    """How this request came to its campaign; after `reach` only."""
    return cast(Access, request.state.access)


def base(request: Request) -> str:
    """The address of the campaign's pages, known before the campaign is found."""
    if "campaign" in request.path_params:
        return f"{gate.HOME}/campagnes/{request.path_params['campaign']}"
    return f"/r/{request.path_params['token']}"


async def reach(request: Request, conn: AsyncConnection) -> Campaign:
    """The campaign of a request; 404 when there is none that it may see."""
    if "campaign" in request.path_params:
        return await _by_login(request, conn)
    token, power, who = request.path_params["token"], Power.HALT, "report link"
    campaign = await campaigns.find_by_report_token(conn, token) if _TOKEN.fullmatch(token) else None
    if campaign is None and _TOKEN.fullmatch(token):
        campaign = await links.find(conn, token, now_ms())
        power, who = Power.READ, "shared link"
    if campaign is None:
        over = bool(_TOKEN.fullmatch(token)) and await links.ended(conn, token, now_ms())
        raise HTTPException(410, ENDED) if over else HTTPException(404)
    request.state.access = Access(power, base(request), token, who)
    return campaign


async def _by_login(request: Request, conn: AsyncConnection) -> Campaign:
    session = await gate.signed_in(request)
    user, number = session.user, request.path_params["campaign"]
    campaign = await campaigns.get(conn, number) if number < 1 << 62 else None
    if (
        campaign is None
        or campaign.state is CampaignState.LOADING
        or not (campaign.account_id == user.account_id or user.operator)
    ):
        raise HTTPException(404)
    own = campaign.account_id == user.account_id  # an operator looks after others' campaigns, and writes none for them
    power = Power.SEND if own and user.may("send") else Power.HALT if user.operator else Power.READ
    request.state.access = Access(power, base(request), session.word, f"login {user.login}", session)
    return campaign


def around(request: Request) -> dict[str, Any]:
    """Values for base.html: the extranet's shell around the page of whoever is logged in, nothing for a link."""
    found = of(request)
    return shell.values(request, found.session, "campaigns") if found.session is not None else {}
