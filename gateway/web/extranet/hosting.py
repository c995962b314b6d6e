"""Compte > Domaine d'envoi: the own host of an account for links and bounces; what to publish, whether it is there.

In: `GET /x/domaine`, and the POST of its forms, which admins alone may send: choose (`/choisir`), leave (`/quitter`),
look right now (`/verifier`). Out: a page; after a form a redirect. The record is a CNAME, so it stays right when the
gateway moves. Raises what the gate raises. Logs host_changed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway.findings.finding import Record
from gateway.hosts import choosing
from gateway.hosts.choosing import No
from gateway.hosts.looking import Lookout, target
from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.account import line, told
from gateway.web.extranet.gate import HOME, Session
from store import hosts
from store.accounts import Taken
from store.engine import now_ms

PAGE = f"{HOME}/domaine"
DONE = ("chosen", "left", "looked")
MOST = 20  # names of one account, old ones too: each costs a certificate for as long as it leads here
PATIENCE_S = 8.0  # while somebody waits for DNS and the web
_FORM = "host"


def _lookout(request: Request) -> Lookout:
    """Who looks; made when it is asked for first."""
    desk = context.of(request).desk
    if desk is None:
        raise HTTPException(503)
    if not hasattr(request.app.state, "lookout"):
        request.app.state.lookout = Lookout(desk)
    found: Lookout = request.app.state.lookout
    return found


async def show(request: Request) -> Response:
    """The page."""
    return await _page(request, await gate.signed_in(request))


async def _page(request: Request, session: Session, doubt: str = "", typed: str = "") -> Response:
    ctx = context.of(request)
    async with ctx.db.read() as conn:
        mine = await hosts.of_account(conn, session.user.account_id)
        old = [one.host for one in await hosts.every(conn) if one.account_id == session.user.account_id and one.left_at]
    leads_to = target(ctx.desk.settings) if ctx.desk is not None else ctx.domain
    values: dict[str, Any] = {
        "mine": mine, "old": old, "record": None if mine is None else Record(mine.host, "CNAME", f"{leads_to}."),
        "gateway": leads_to, "may": session.user.may("admin"), "proof": gate.proof(session, _FORM), "typed": typed,
        "done": told(request, DONE), "doubt": doubt or ("dns" if request.query_params.get("doubt") == "dns" else ""),
        "tab": "host",
    }  # fmt: skip
    return shell.page(request, session, "x/host.html", "account", 422 if doubt else 200, **values)


async def choose(request: Request) -> Response:
    """Use a host from now on, as soon as it leads here."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, _FORM)
    account, typed = session.user.account_id, line(sent.get("host"))[:300]
    async with ctx.db.read() as conn:
        found = choosing.choose(typed, ctx.domain, await hosts.proved_domains(conn, account))
        mine = {one.host for one in await hosts.every(conn) if one.account_id == account}
    if not isinstance(found, No) and found not in mine and len(mine) >= MOST:
        found = No("many")
    if isinstance(found, No):
        return await _page(request, session, found.key, typed)
    try:
        async with ctx.db.write() as conn:
            await hosts.use(conn, account, found, now_ms())
    except Taken:
        return await _page(request, session, "taken", typed)
    log("host_changed", account=account, host=found, by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=chosen", 303)


async def leave(request: Request) -> Response:
    """Use the gateway's own name again; links that bear the host go on working."""
    session = await gate.signed_in(request, "admin")
    await gate.form(request, session, _FORM)
    async with context.of(request).db.write() as conn:
        left = await hosts.leave(conn, session.user.account_id, now_ms())
    if left:
        log("host_changed", account=session.user.account_id, by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=left", 303)


async def look(request: Request) -> Response:
    """Look right now."""
    session = await gate.signed_in(request, "send")
    await gate.form(request, session, _FORM)
    async with context.of(request).db.read() as conn:
        mine = await hosts.of_account(conn, session.user.account_id)
    if mine is None:
        raise HTTPException(404)
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = await _lookout(request).look(mine)
    except TimeoutError:
        return RedirectResponse(f"{PAGE}?doubt=dns", 303)
    unknown = found.links is None or found.bounces is None
    return RedirectResponse(f"{PAGE}?doubt=dns" if unknown else f"{PAGE}?done=looked", 303)
