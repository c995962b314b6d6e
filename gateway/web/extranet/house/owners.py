"""Passerelle > Comptes: all accounts, what each sent and may send, and the switch that stops one within a second.

In: `GET /x/passerelle/comptes`, `/x/passerelle/comptes/ID` (what an account may beside campaigns), and the POST of their
forms (`/suspendre`, `/retablir`, `/quota`, `/droits`). Out: a page; after a form a redirect to it. Operators only. Logs
account_changed.
"""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.account import line, told
from gateway.web.extranet.gate import Session
from store import accounts, control, house, quotas
from store.engine import now_ms

PAGE = f"{gate.HOME}/passerelle/comptes"
DONE = ("suspended", "resumed", "quota", "rights")
_MOST = 1_000_000_000
_HOURLY = 99_999_999


async def show(request: Request) -> Response:
    """The page."""
    return await _page(request, await gate.signed_in(request, operator=True))


async def _page(request: Request, session: Session, doubt: str = "") -> Response:
    ctx = context.of(request)
    async with ctx.db.read() as conn:
        found = await house.owners(conn, now_ms())
    base = ctx.desk.settings.limits.new_account_per_day if ctx.desk is not None else 0
    values: dict[str, Any] = {
        "owners": found, "base": base, "proof": gate.proof(session, "owners"), "done": told(request, DONE), "doubt": doubt,
    }  # fmt: skip
    return shell.page(request, session, "x/owners.html", "owners", 422 if doubt else 200, **values)


async def suspend(request: Request) -> Response:
    """Stop every sending of an account."""
    return await _suspended(request, suspended=True)


async def resume(request: Request) -> Response:
    """Let an account send again."""
    return await _suspended(request, suspended=False)


async def _suspended(request: Request, *, suspended: bool) -> Response:
    ctx, session = context.of(request), await gate.signed_in(request, operator=True)
    sent = await gate.form(request, session, "owners")
    number = _number(sent.get("id"))
    async with ctx.db.write() as conn:
        if await accounts.get_account(conn, number) is None:
            raise HTTPException(404)
        await control.suspend(conn, number, suspended, now_ms(), session.user.login)
    what = "suspended" if suspended else "resumed"
    log("account_changed", account=number, what=what, by=session.user.login)
    return RedirectResponse(f"{PAGE}?done={what}", 303)


async def quota(request: Request) -> Response:
    """Give an account a number of recipients a day: empty for the rule, 0 for no limit."""
    ctx, session = context.of(request), await gate.signed_in(request, operator=True)
    sent = await gate.form(request, session, "owners")
    number, said = _number(sent.get("id")), line(sent.get("per_day")).replace(" ", "")
    if said and not (said.isascii() and said.isdigit() and int(said) <= _MOST):
        return await _page(request, session, "quota")
    async with ctx.db.write() as conn:
        if await accounts.get_account(conn, number) is None:
            raise HTTPException(404)
        await quotas.change(conn, number, int(said) if said else None)
    log("account_changed", account=number, what=f"quota {said or 'auto'}", by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=quota", 303)


async def one(request: Request) -> Response:
    """One account: its transactional mail, so many messages an hour, and single messages to anybody."""
    session, number = await gate.signed_in(request, operator=True), int(request.path_params["id"])
    return await _one(request, session, number)


async def _one(request: Request, session: Session, number: int, doubt: str = "", typed: str = "") -> Response:
    async with context.of(request).db.read() as conn:
        account = await accounts.get_account(conn, number) if number < 1 << 62 else None
    if account is None:
        raise HTTPException(404)
    values: dict[str, Any] = {
        "one": account, "proof": gate.proof(session, "owners"), "done": told(request, DONE), "doubt": doubt,
        "typed": {"per_hour": typed if doubt else account.transactional_per_hour or "", "single": account.single},
    }  # fmt: skip
    return shell.page(request, session, "x/owner_one.html", "owners", 422 if doubt else 200, **values)


async def rights(request: Request) -> Response:
    """Grant transactional mail, or take it back (empty): single messages are within its cap, so they end with it."""
    ctx, session = context.of(request), await gate.signed_in(request, operator=True)
    sent = await gate.form(request, session, "owners")
    number, said = _number(sent.get("id")), line(sent.get("per_hour")).replace(" ", "")
    single = sent.get("single") == "yes"
    good = not said or (said.isascii() and said.isdigit() and 0 < int(said[:9]) <= _HOURLY)
    if not good or (single and not said):
        return await _one(request, session, number, "cap_first" if good else "per_hour", said[:8])
    per_hour = int(said) if said else None
    async with ctx.db.write() as conn:
        if await accounts.get_account(conn, number) is None:
            raise HTTPException(404)
        await accounts.set_transactional(conn, number, per_hour)
        await accounts.set_single(conn, number, single)
    what = f"transactional {per_hour or 'off'}, single {'on' if single else 'off'}"
    log("account_changed", account=number, what=what, by=session.user.login)
    return RedirectResponse(f"{PAGE}/{number}?done=rights", 303)


def _number(value: object) -> int:
    text = str(value or "")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise HTTPException(404)
    return int(text)
