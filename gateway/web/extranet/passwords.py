"""A password that was forgotten, or is to be chosen for the first time: a link by mail, a page, a form that acts once.

In: `GET|POST /x/oubli` (which login?) and `GET|POST /x/p/TOKEN` (the link; it shows a page and acts on POST only). Out:
pages. What is said about a login is the same whether it exists or not, and after the same time: the letter is asked for
once the answer is on its way. A password is SHORTEST characters or more and is not the login. Logs user_changed.
"""

from __future__ import annotations

import asyncio

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from config.logging import log
from gateway.letters import passwords as letters
from gateway.passwords import SHORTEST, hash_password
from gateway.web import context, guard
from gateway.web.context import Context
from gateway.web.extranet import login
from gateway.web.pages import problem
from gateway.web.peer import peer
from parsers.tokens import Purpose, verify
from store import password_letters, users
from store.engine import now_ms
from store.users import User

LONGEST = 1_000


async def ask(request: Request) -> Response:
    """Which login?"""
    return login.shown(request, "x/forgotten.html", "forgotten", stage="ask", doubt="")


async def act(request: Request) -> Response:
    """Have a letter written, if there is somebody to write to."""
    ctx, sent = context.of(request), await guard.form(request)
    held, who = login.door(request), peer(request, ctx.proxies)
    if not login.ours(request, sent, "forgotten"):
        return login.shown(request, "x/forgotten.html", "forgotten", 403, stage="ask", doubt="cookies")
    if held.letters.spent(who):
        return login.shown(request, "x/forgotten.html", "forgotten", 403, stage="ask", doubt="spent")
    held.letters.count(who)
    answer = login.shown(request, "x/forgotten.html", "forgotten", stage="done", doubt="")
    answer.background = BackgroundTask(_wanted, ctx, str(sent.get("login", "")).strip()[:200])
    return answer


async def _wanted(ctx: Context, name: str) -> None:
    async with ctx.db.read() as conn:
        user = await users.find(conn, name)
    if user is not None and user.email:
        async with ctx.db.write() as conn:
            await password_letters.ask(conn, user.id, not user.password_hash, now_ms())


async def show(request: Request) -> Response:
    """Ask for a new password."""
    found = await _find(request)
    if found is None:
        return _late(request)
    return _form(request, found[0])


async def choose(request: Request) -> Response:
    """Put it in force, once."""
    ctx, sent = context.of(request), await guard.form(request)
    found = await _find(request)
    if found is None:
        return _late(request)
    user, serial = found
    if not login.ours(request, sent, "choose"):
        return _form(request, user, "cookies")
    word, again = str(sent.get("password", "")), str(sent.get("again", ""))
    wrong = doubt(user, word, again)
    if wrong:
        return _form(request, user, wrong)
    hashed = await asyncio.to_thread(hash_password, word)
    async with ctx.db.write() as conn:
        if not await password_letters.use(conn, user.id, serial, hashed, now_ms()):
            return _late(request)
    log("user_changed", user=user.id, account=user.account_id, what="password", by="letter")
    answer = login.shown(request, "x/password.html", "choose", stage="done", user=user, doubt="", shortest=SHORTEST)
    if ctx.desk is not None and user.password_hash:
        answer.background = BackgroundTask(letters.changed, ctx.desk, user, "password")
    return answer


def doubt(user: User, word: str, again: str) -> str:
    """What is wrong with a password that somebody chose; empty when nothing is."""
    if len(word) < SHORTEST:
        return "short"
    if len(word) > LONGEST:
        return "long"
    if word.casefold() in (user.login, user.email.casefold(), user.account.casefold()) or len(set(word)) < 5:
        return "easy"
    return "" if word == again else "differ"


async def _find(request: Request) -> tuple[User, int] | None:
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.PASSWORD, request.path_params["token"])
    if found is None:
        return None
    async with ctx.db.read() as conn:
        user = await password_letters.opens(conn, found[0], found[1], now_ms())
    return None if user is None else (user, found[1])


def _form(request: Request, user: User, wrong: str = "") -> Response:
    status = 403 if wrong else 200
    return login.shown(
        request, "x/password.html", "choose", status, stage="ask", user=user, doubt=wrong, shortest=SHORTEST
    )


def _late(request: Request) -> Response:
    return problem(context.language(request, context.of(request).locale), 410, "password.late")
