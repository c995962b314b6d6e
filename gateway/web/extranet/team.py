"""Compte > Utilisateurs: who logs in under the account, for its admins.

In: `GET /x/utilisateurs`, and the POST of its forms (`/ajouter`, `/role`, `/retirer`, `/lien`). Out: a page; after a
form a redirect to it that says what was done. A new user chooses their password by a link that is mailed to them:
nobody else knows it. An account keeps an admin; whether somebody is an operator of the gateway is not decided here.
Raises what the gate raises. Logs user_changed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.account import line, told
from gateway.web.extranet.gate import HOME, Session
from parsers.address import parse
from store import password_letters, users
from store.accounts import Taken
from store.engine import now_ms
from store.users import ROLES, LastAdmin, User

PAGE = f"{HOME}/utilisateurs"
DONE = ("added", "role", "removed", "link")
MOST = 200  # users of an account


async def show(request: Request) -> Response:
    """The page."""
    return await _page(request, await gate.signed_in(request, "admin"))


async def _page(request: Request, session: Session, doubt: str = "", **typed: str) -> Response:
    async with context.of(request).db.read() as conn:
        found = await users.list_of(conn, session.user.account_id)
    values: dict[str, Any] = {
        "people": found, "roles": ROLES, "proof": gate.proof(session, "team"), "done": told(request, DONE),
        "doubt": doubt, "typed": typed, "tab": "team", "who": request.query_params.get("who", "")[:200],
    }  # fmt: skip
    return shell.page(request, session, "x/team.html", "account", 422 if doubt else 200, **values)


async def add(request: Request) -> Response:
    """Add a user; a link to choose their password is mailed to them."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, "team")
    email, role = line(sent.get("email")), line(sent.get("role"))
    found = parse(email)
    if len(found) != 1 or found[0].fault is not None or role not in ROLES:
        return await _page(request, session, "address", email=email, role=role)
    address, now = found[0].address, now_ms()
    try:
        async with ctx.db.write() as conn:
            if len(await users.list_of(conn, session.user.account_id)) >= MOST:
                raise HTTPException(403)
            number = await users.add(conn, session.user.account_id, address, address, "", role, False, now)
            await password_letters.ask(conn, number, True, now)
    except Taken:
        return await _page(request, session, "taken", email=email, role=role)
    _noted(session, number, f"added as {role}")
    return RedirectResponse(f"{PAGE}?done=added", 303)


async def role(request: Request) -> Response:
    """Give a user another role."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, "team")
    wanted = line(sent.get("role"))
    if wanted not in ROLES:
        raise HTTPException(400)
    try:
        async with ctx.db.write() as conn:
            user = await _mine(conn, session, sent.get("id"))
            await users.set_role(conn, user, wanted, user.operator)
    except LastAdmin:
        return await _page(request, session, "last")
    _noted(session, user.id, f"role {wanted}")
    return RedirectResponse(f"{PAGE}?done=role", 303)


async def ask(request: Request) -> Response:
    """Is this user really to be removed?"""
    session = await gate.signed_in(request, "admin")
    async with context.of(request).db.read() as conn:
        user = await _mine(conn, session, request.path_params["id"])
    values: dict[str, Any] = {"person": user, "proof": gate.proof(session, "team"), "tab": "team"}
    return shell.page(request, session, "x/team_remove.html", "account", **values)


async def remove(request: Request) -> Response:
    """Forget a user; their sessions end."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, "team")
    try:
        async with ctx.db.write() as conn:
            user = await _mine(conn, session, sent.get("id"))
            await users.remove(conn, user)
    except LastAdmin:
        return await _page(request, session, "last")
    _noted(session, user.id, "removed")
    return RedirectResponse(f"{PAGE}?done=removed", 303)


async def link(request: Request) -> Response:
    """Mail a user a link to choose a password."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, "team")
    async with ctx.db.write() as conn:
        user = await _mine(conn, session, sent.get("id"))
        asked = bool(user.email) and await password_letters.ask(conn, user.id, not user.password_hash, now_ms())
    if not asked:
        return await _page(request, session, "link" if user.email else "no_address")
    return RedirectResponse(f"{PAGE}?done=link", 303)


async def _mine(conn: AsyncConnection, session: Session, number: object) -> User:
    """The user of that id, who must be of the admin's own account."""
    text = str(number or "")
    user = await users.get(conn, int(text)) if text.isascii() and text.isdigit() and len(text) < 18 else None
    if user is None or user.account_id != session.user.account_id:
        raise HTTPException(404)
    return user


def _noted(session: Session, number: int, what: str) -> None:
    log("user_changed", user=number, account=session.user.account_id, what=what, by=session.user.login)
