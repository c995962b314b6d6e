"""Clés API: with what the account's own programs call, made and ended by its admins.

In: `GET /x/cles`, and the POST of its forms (`/creer`, `/revoquer`). Making one asks for the password once more, since a key
opens what its scopes say without it. Out: a page; the key itself is shown once, in the answer to the form; after a revocation
a redirect. Raises what the gate raises. Logs keys_changed, and tells the user by mail.
"""

from __future__ import annotations

from typing import Any

from starlette.background import BackgroundTask
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway.letters import passwords as letters
from gateway.web import context
from gateway.web.extranet import gate, login, shell
from gateway.web.extranet.account import line, told
from gateway.web.extranet.gate import HOME, Session
from store import api_keys
from store.api_keys import SCOPES
from store.engine import now_ms

PAGE = f"{HOME}/cles"
DONE = ("revoked",)
LIVES = {"90": 90, "365": 365, "730": 730, "": None}  # days after which a key ends
MOST = 50  # keys of an account that work
SHOWN = 50  # of those that work no more
_DAY = 86_400_000
_FORM = "keys"


async def show(request: Request) -> Response:
    """The page."""
    return await _page(request, await gate.signed_in(request, "admin"))


async def _page(
    request: Request, session: Session, doubt: str = "", made: str = "", typed: dict[str, Any] | None = None
) -> Response:
    ctx, now = context.of(request), now_ms()
    async with ctx.db.read() as conn:
        found = await api_keys.list_of(conn, session.user.account_id)
    values: dict[str, Any] = {
        "keys": [one for one in reversed(found) if one.works(now)], "scopes": SCOPES, "lives": LIVES, "doubt": doubt,
        "ended": [one for one in reversed(found) if not one.works(now)][:SHOWN], "made": made, "url": ctx.url,
        "proof": gate.proof(session, _FORM), "done": told(request, DONE), "most": MOST,
        "typed": typed or {"label": "", "scopes": ("read",), "life": "365"},
    }  # fmt: skip
    return shell.page(request, session, "x/keys.html", "keys", 422 if doubt else 200, **values)


async def add(request: Request) -> Response:
    """Make a key; its text is in this answer only."""
    ctx = context.of(request)
    session, sent, right = await login.once_more(request, _FORM, "admin")
    typed, now = _typed(sent), now_ms()
    wrong = "" if right else "current"
    async with ctx.db.write() as conn:
        working = [one for one in await api_keys.list_of(conn, session.user.account_id) if one.works(now)]
        wrong = wrong or _doubt(typed, len(working))
        if not wrong:
            days = LIVES[typed["life"]]
            ends = None if days is None else now + days * _DAY
            key, text = await api_keys.add(
                conn, session.user.account_id, typed["label"], typed["scopes"], ends, now, session.user.login
            )
    if wrong:
        return await _page(request, session, wrong, typed=typed)
    _noted(session, "made", key.public)
    answer = await _page(request, session, made=text)
    if ctx.desk is not None:
        answer.background = BackgroundTask(letters.changed, ctx.desk, session.user, "key")
    return answer


def _typed(sent: FormData) -> dict[str, Any]:
    chosen = {str(one) for one in sent.getlist("scope")}
    life = line(sent.get("life"))
    return {
        "label": line(sent.get("label"))[:60],
        "scopes": tuple(one for one in SCOPES if one in chosen),
        "life": life if life in LIVES else "365",
    }


def _doubt(typed: dict[str, Any], working: int) -> str:
    if working >= MOST:
        return "many"
    return "label" if not typed["label"] else "" if typed["scopes"] else "scopes"


async def revoke(request: Request) -> Response:
    """End a key: the next request with it is refused."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, _FORM)
    public, user = line(sent.get("key"))[:40], session.user
    async with ctx.db.write() as conn:
        ended = await api_keys.revoke(conn, public, now_ms(), user.account_id, user.login)
    if ended:
        _noted(session, "revoked", public)
    return RedirectResponse(f"{PAGE}?done=revoked", 303)


def _noted(session: Session, what: str, public: str) -> None:
    log("keys_changed", account=session.user.account_id, what=what, key=public, by=session.user.login)
